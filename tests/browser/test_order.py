"""What is on screen after a click is what a reload shows: no chart keeps the order of what it drew before."""

import re

import pytest
from playwright.sync_api import expect


def words(place):
    """Return the words of a chart from top to bottom."""
    return place.locator("svg text").evaluate_all(
        "all => all.map(each => [each.getBoundingClientRect().top, each.textContent])"
        ".sort((one, other) => one[0] - other[0]).map(each => each[1])"
    )


def shot_at_the_top(explorer, place):
    # What has been scrolled lies under the bar at the top.
    explorer.main.evaluate("main => main.scrollTo(0, 0)")
    return explorer.shot(place)


def after_plus_and_reload(explorer, place):
    explorer.shot(place)
    first = words(place)
    for _ in range(3):
        explorer.next_sample()
        explorer.shot(place)
    expect(explorer.page).to_have_url(re.compile("sample=3"))
    clicked, picture = words(place), shot_at_the_top(explorer, place)
    explorer.reload()
    explorer.painted(place, colours=5)
    return first, clicked, picture, words(place), shot_at_the_top(explorer, place)


def test_the_answer_has_the_strongest_on_top(explorer):
    explorer.open(example="digits-cnn")
    first, clicked, picture, reloaded, picture_again = after_plus_and_reload(explorer, explorer.answer)

    assert first != clicked == reloaded
    assert picture == picture_again
    shares = [float(re.sub(r"[^\d.]", "", word)) for word in clicked if word.endswith("%")]
    assert len(shares) >= 3
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("layer", "view"),
    [
        ("probabilities", "class-probabilities"),
        ("dense", "strongest-units"),
    ],
)
def test_pictures_of_layers_have_the_order_of_a_reload(explorer, layer, view):
    explorer.open(example="digits-cnn", layer=layer, view=view)
    first, clicked, _, reloaded, _ = after_plus_and_reload(explorer, explorer.chart.first)

    assert first != clicked == reloaded
