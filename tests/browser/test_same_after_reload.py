"""What is on screen after a click is what a reload, the browser's Back and Forward, and a link show."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE

# All charts and pictures of the page, without what a browser numbers anew each time.
DRAWN = """() => [...document.querySelectorAll('[data-testid="stMain"] svg.marks, [data-testid="stImage"] img')]
    .filter(each => !each.closest('[data-stale="true"]'))
    .map(each => each.tagName === 'IMG' ? each.src.replace(/.*\\//, '')
        : each.outerHTML.replace(/ id="[^"]*"/g, '').replace(/url\\([^)]*\\)/g, 'url()'))"""


def drawn(explorer):
    """Return all charts and pictures of the page, once two looks in a row see the same."""
    before = None
    for _ in range(60):
        explorer.settle()
        now = explorer.page.evaluate(DRAWN)
        if now and now == before:
            return now
        before = now
        explorer.page.wait_for_timeout(150)
    raise AssertionError("The page never comes to rest")


def difference(one, other):
    """Return where two lists of drawings begin to differ; empty where they are the same."""
    if len(one) != len(other):
        return f"{len(one)} drawings, then {len(other)}"
    for number, (first, second) in enumerate(zip(one, other, strict=True)):
        if first != second:
            pairs = enumerate(zip(first, second, strict=False))
            at = next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))
            return f"drawing {number}: …{first[max(0, at - 60) : at + 60]}… then …{second[max(0, at - 60) : at + 60]}…"
    return ""


def after_a_reload(explorer):
    explorer.reload()
    expect(explorer.page.locator(".st-key-strip")).to_be_visible()
    return drawn(explorer)


def test_the_pictures_of_the_next_sample_are_those_of_a_reload(explorer):
    """Maps, points and bars; tests/ui/test_same_after_reload.py compares what is sent to the browser for all."""
    explorer.open(example="digits-cnn", layer="conv_2")
    differences = {}
    titles = ("Feature maps", "Projection", "Histogram")
    for sample, title in enumerate(titles, start=1):
        explorer.pick_view(title)
        drawn(explorer)
        explorer.next_sample()
        explorer.has_address(sample=str(sample))
        clicked = drawn(explorer)
        if different := difference(clicked, after_a_reload(explorer)):
            differences[title] = different
        expect(explorer.tab(title)).to_have_attribute("aria-checked", "true")

    assert not differences


@pytest.mark.parametrize("page_name", ["Health", "Maximize", "Compare"])
def test_every_other_page_is_that_of_a_reload(explorer, page, page_name):
    explorer.open(example="digits-cnn", layer="probabilities", unit=3)
    page.get_by_role("link", name=page_name).first.click()
    expect(page).to_have_url(re.compile(f"/{page_name.lower()}"))
    explorer.settle()
    explorer.next_sample()
    explorer.has_address(example="digits-cnn", layer="probabilities", unit="3", sample="1")
    if page_name == "Maximize":
        expect(explorer.main.get_by_text("256 of 256 steps")).to_be_visible()
    clicked = drawn(explorer)
    explorer.reload()
    if page_name == "Maximize":
        expect(explorer.main.get_by_text("256 of 256 steps")).to_be_visible()

    assert not difference(clicked, after_a_reload(explorer) if page_name == "Compare" else drawn(explorer))


def shows(explorer, address, drawings):
    """Wait until the address and all that is drawn are these: what the browser begins takes a moment to be run."""
    deadline = time.monotonic() + PATIENCE / 1000
    while (different := difference(drawings, drawn(explorer))) or explorer.address() != address:
        assert time.monotonic() < deadline, f"{explorer.address()} is not {address}, or {different}"
        explorer.page.wait_for_timeout(200)


def test_back_forward_and_a_link_bring_the_same_screen(explorer, page, visitor):
    explorer.open(example="digits-cnn")
    screens = [(explorer.address(), drawn(explorer))]
    for step in (
        lambda: explorer.pick_layer("dense"),
        lambda: explorer.pick_group("Numbers"),
        explorer.next_sample,
        lambda: explorer.pick_layer("conv_2"),
        lambda: explorer.choose_example("Who is speaking"),
    ):
        before = explorer.address()
        step()
        drawn(explorer)
        assert explorer.address() != before
        screens.append((explorer.address(), drawn(explorer)))

    for screen in screens[-2::-1]:
        page.go_back()
        shows(explorer, *screen)
    for screen in screens[1:-1]:
        page.go_forward()
        shows(explorer, *screen)
    page.go_forward()
    explorer.shows_layer("lstm_1")
    explorer.has_address(**screens[-1][0])
    address, drawings = screens[3]
    someone_else = visitor()
    someone_else.open(**address)
    shows(someone_else, address, drawings)
    # An option makes no entry of its own: Back leaves the picture, and not the option.
    someone_else.pick_layer("conv_1")
    someone_else.pick_view("Feature maps")
    someone_else.select("Colours", "magma")
    someone_else.has_address(**{"o.colours": '"magma"', "layer": "conv_1"})
    someone_else.select("Colours", "cividis")
    someone_else.has_address(**{"o.colours": '"cividis"'})
    someone_else.page.go_back()
    someone_else.has_address(view=screens[2][0]["view"], layer="conv_1")
