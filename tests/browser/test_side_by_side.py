"""Pins in the browser: a picture beside that of another sample, its difference, and what is pinned in a list."""

import re

from playwright.sync_api import expect

START = {"example": "digits-cnn", "layer": "conv_2", "sample": 1}


def side(page, which):
    return page.locator(f".st-key-side_{which}").get_by_test_id("stVegaLiteChart")


def open_pins(page):
    page.locator(".st-key-pins button").first.click()


def legend(place):
    """Return what the browser says of the colours of a chart: from where to where they reach."""
    said = place.locator("[aria-roledescription=legend]").first.get_attribute("aria-label")
    return re.search(r"values from .*", said)[0]


def test_a_sample_is_pinned_and_set_beside_another_one(explorer, page):
    page.set_viewport_size({"width": 1440, "height": 900})
    explorer.open(**START, **{"o.scale_each": "false"})
    open_pins(page)
    page.get_by_role("textbox", name="Name", exact=True).fill("the four")
    page.get_by_role("textbox", name="Name", exact=True).press("Tab")
    explorer.settle()
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("textbox", name="Name of the four")).to_have_value("the four")
    page.get_by_role("button", name="Beside", exact=True).click()
    explorer.settle()
    page.keyboard.press("Escape")
    explorer.sample.fill("7")
    explorer.sample.press("Enter")
    explorer.settle()

    for which in ("first", "second", "difference"):
        explorer.painted(side(page, which).first, colours=8)
    expect(page.locator(".st-key-side_first")).to_contain_text("sample 7")
    expect(page.locator(".st-key-side_second")).to_contain_text("sample 1")
    expect(page.locator(".st-key-side_difference")).to_contain_text("sample 1 minus sample 7")
    assert legend(side(page, "first")) == legend(side(page, "second"))
    assert legend(side(page, "first")) != legend(side(page, "difference"))
    boxes = [side(page, which).bounding_box() for which in ("first", "second", "difference")]
    # All three are seen at once.
    assert len({round(box["y"]) for box in boxes}) == 1
    assert all(box["y"] + box["height"] <= 900 for box in boxes)

    explorer.reload()
    explorer.painted(side(page, "difference").first, colours=8)
    expect(page.locator(".st-key-side_first")).to_contain_text("sample 7")
    page.go_back()
    expect(explorer.sample).to_have_value("1")


def test_pins_are_listed_gone_to_named_and_removed(explorer, page):
    pins = "strong unit~l:dense~u:5;sample 3~s:3;gone~s:900;elsewhere~of:another-model~s:1"
    explorer.open(**START, pins=pins)
    open_pins(page)
    expect(page.get_by_text("There is no sample 900 now.")).to_be_visible()
    expect(page.get_by_text("It is of another-model, which is not open.")).to_be_visible()
    expect(page.get_by_role("button", name="Go", exact=True).nth(2)).to_be_disabled()
    page.get_by_role("button", name="Go", exact=True).first.click()
    expect(page).to_have_url(re.compile("layer=dense"))
    expect(page).to_have_url(re.compile("unit=5"))
    explorer.settle()
    name = page.get_by_role("textbox", name="Name of sample 3")
    name.fill("the zero")
    name.press("Enter")
    expect(page).to_have_url(re.compile(r"the\+zero"))
    explorer.settle()
    page.get_by_role("button", name="Remove", exact=True).nth(2).click()
    expect(page.get_by_text("There is no sample 900 now.")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("gone"))
    assert explorer.app.tracebacks() == []


def test_a_pin_that_does_not_suit_leaves_the_picture(explorer, page):
    explorer.open(**START, pins="flat~l:dense", beside="flat")
    expect(explorer.main.get_by_text("does not suit dense")).to_be_visible()
    explorer.painted()
    page.get_by_role("button", name="beside flat").click()
    expect(explorer.main.get_by_text("does not suit dense")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("beside="))
