"""What axe-core (Deque) finds on each page: nothing serious, whoever looks at it with what."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

SERIOUS = ("serious", "critical")


def violations(explorer):
    explorer.settle()
    found = Axe().run(explorer.page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}" for each in found if each["impact"] in SERIOUS for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding(visitor, scheme):
    explorer = visitor(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    explorer.open(example="digits-cnn", layer="dense", unit=3)
    found = {"explore": violations(explorer)}
    explorer.open(example="reviews-transformer")
    found["text"] = violations(explorer)
    for page, ready in {
        "health": "Units by classes",
        "maximize": "256 of 256 steps",
        "compare": "Largest change",
        "plugins": "Feature maps",
    }.items():
        explorer.visit(page, example="digits-cnn")
        expect(explorer.main.get_by_text(ready).first).to_be_visible(timeout=60_000)
        found[page] = violations(explorer)

    assert not any(found.values()), found


def test_each_chart_is_heard_with_its_numbers(explorer):
    explorer.open(example="digits-cnn", layer="dense", view="strongest-units")
    for place, words in ((".st-key-strip_answer", "91 %"), (".st-key-picture_place", "dense")):
        chart = explorer.page.locator(place).get_by_test_id("stVegaLiteChart").first
        spoken = chart.locator("[aria-label]").evaluate_all("parts => parts.map(part => part.ariaLabel).join(' ')")
        assert words in f"{chart.get_attribute('aria-label')} {spoken}"
