"""The page of one unit: its pictures fill in, every unit named is a way to that one, and Back leads back."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE


def part(explorer, title):
    """Return the place of a picture on the page of the unit."""
    return explorer.main.locator('[class*="st-key-unit_part_"]').filter(
        has=explorer.page.get_by_text(title, exact=True)
    )


def head(explorer):
    return explorer.page.locator(".st-key-unit_head").get_by_role("heading")


def filled_in(explorer):
    """Wait for six pictures, one after another, which takes longer than one step."""
    expect(explorer.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=4 * PATIENCE)
    for title in ("Where it answers", "Top samples", "Attribution", "Similar units", "Ablation", "Weights in and out"):
        expect(part(explorer, title).locator("svg.marks").first).to_be_visible(timeout=4 * PATIENCE)
    # What stands above moves while the last ones come, and a click beside a mark chooses nothing.
    explorer.settle()


def test_from_a_unit_to_a_sample_to_a_neighbour_and_back(explorer):
    explorer.open(example="digits-cnn", layer="conv_2", unit="5", sample="3")
    explorer.page.get_by_role("link", name="Unit card").click()
    expect(explorer.page).to_have_url(re.compile("/unit?"))
    expect(head(explorer)).to_contain_text("Channel 5 of conv_2")
    filled_in(explorer)
    expect(part(explorer, "Attribution")).to_contain_text("sample 3")

    part(explorer, "Top samples").locator("svg.marks image").first.click()
    explorer.has_address(sample="16", unit="5", layer="conv_2")
    filled_in(explorer)
    expect(part(explorer, "Attribution")).to_contain_text("sample 16")

    part(explorer, "Similar units").locator("svg.marks .mark-rect.role-mark path").first.click()
    explorer.has_address(unit="11", sample="16")
    expect(head(explorer)).to_contain_text("Channel 11 of conv_2")
    filled_in(explorer)

    explorer.page.go_back()
    expect(head(explorer)).to_contain_text("Channel 5 of conv_2")
    explorer.has_address(unit="5", sample="16")
    explorer.reload()
    expect(head(explorer)).to_contain_text("Channel 5 of conv_2")
    filled_in(explorer)
    expect(part(explorer, "Attribution")).to_contain_text("sample 16")


def test_a_weight_leads_to_the_unit_on_its_other_end(explorer):
    explorer.visit("unit", example="digits-cnn", layer="conv_2", unit="5")
    filled_in(explorer)

    bars = part(explorer, "Weights in and out").locator("svg.marks .mark-rect.role-mark path")
    expect(bars.first).to_be_visible()
    bars.first.click()

    explorer.has_address(layer="conv_1", unit="14")
    expect(head(explorer)).to_contain_text("Channel 14 of conv_1")


def test_units_are_found_by_what_they_do(explorer):
    explorer.visit("unit", example="digits-cnn", layer="conv_2", unit="5")
    field = explorer.page.get_by_role("textbox", name="Find units")

    field.fill("answers to 8 and not to 3")
    field.press("Enter")
    explorer.page.get_by_role("button", name="unit 23 of dense").click()
    explorer.has_address(layer="dense", unit="23")
    expect(head(explorer)).to_contain_text("Unit 23 of dense")

    field.fill("zebra")
    field.press("Enter")
    expect(explorer.main.get_by_text("There is no class “zebra”.")).to_be_visible()
    filled = explorer.main.locator('[class*="st-key-unit_part_"] svg.marks')
    expect(filled.first).to_be_visible()


def test_keys_step_through_the_units_and_a_layer_without_units_says_so(explorer):
    explorer.visit("unit", example="digits-cnn", layer="dense", unit="31")
    expect(head(explorer)).to_contain_text("Unit 31 of dense")
    explorer.settle()
    explorer.page.keyboard.press("p")
    expect(head(explorer)).to_contain_text("Unit 30 of dense")
    explorer.has_address(unit="30")
    explorer.settle()
    explorer.page.keyboard.press("n")
    expect(head(explorer)).to_contain_text("Unit 31 of dense")

    explorer.visit("unit", example="reviews-transformer", layer="words")
    expect(explorer.main.get_by_role("heading", name=re.compile("Unit")).first).to_be_visible()
    assert not explorer.app.tracebacks()
