"""From opening the page to a link that brings a picture back: what every visitor does."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

EXAMPLES = ["digits-cnn", "digits-dense", "motions-conv1d", "vowels-lstm", "reviews-transformer"]


def query(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_chart_is_there_without_a_click(explorer, page):
    explorer.open()
    explorer.painted(explorer.answer, colours=8)
    expect(page.get_by_role("heading", name="digits-cnn")).to_be_visible()
    assert explorer.selected_layer() == "conv_1"
    assert query(page) == {"example": "digits-cnn", "layer": "conv_1"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_opens_with_a_chart(explorer, page, name):
    explorer.open(example=name)
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(explorer.main.get_by_test_id("stAlert")).to_have_count(0)


def test_an_example_is_chosen_from_the_list(explorer, page):
    explorer.open(layer="conv_2", sample=3)
    before = explorer.shot()
    page.get_by_role("combobox", name="Example", exact=True).click()
    page.get_by_role("option", name="Who is speaking").click()
    expect(page.get_by_role("heading", name="vowels-lstm")).to_be_visible()
    explorer.changed(before)
    explorer.painted()
    assert query(page)["example"] == "vowels-lstm"
    assert "sample" not in query(page)


def test_a_row_of_the_table_selects_the_layer(explorer, page):
    explorer.open()
    for name in ("dense", "conv_2", "probabilities"):
        before = explorer.shot()
        explorer.pick_layer(name)
        explorer.changed(before)
        explorer.painted(colours=8)
        assert explorer.selected_layer() == name
        assert query(page)["layer"] == name


def test_the_search_leaves_the_layers_that_were_meant(explorer, page):
    explorer.open()
    search = page.get_by_placeholder("Search name or type")
    search.fill("dense")
    search.press("Enter")
    expect(page.locator('[data-testid^="glide-cell-2-"]')).to_have_count(2)
    assert explorer.layer_names() == ["dense", "probabilities"]
    explorer.pick_layer("probabilities")
    explorer.painted(colours=8)
    search.fill("nothing of the kind")
    search.press("Enter")
    expect(explorer.main.get_by_test_id("stAlert")).to_contain_text("No layer has “nothing of the kind”")
    explorer.painted(colours=8)


def test_a_tab_shows_another_picture(explorer, page):
    explorer.open()
    tabs = page.get_by_role("radiogroup", name="Picture").get_by_role("radio").all_inner_texts()
    assert len(tabs) >= 4
    for title in [*tabs[1:], tabs[0]]:
        before = explorer.shot()
        explorer.pick_view(title)
        explorer.changed(before)
        explorer.painted(colours=8)
    page.get_by_role("button", name="Why not others?").click()
    expect(page.get_by_test_id("stPopoverBody")).to_contain_text("Units over time")


def test_options_change_the_picture(explorer, page):
    explorer.open()
    first = explorer.shot()
    explorer.select("Colours", "magma")
    magma = explorer.changed(first)
    explorer.switch("Scale each map")
    on_one_scale = explorer.changed(magma)
    explorer.select("Sort by", "strength")
    explorer.changed(on_one_scale)
    found = query(page)
    assert json.loads(found["o.colours"]) == "magma"
    assert json.loads(found["o.scale_each"]) is False
    assert json.loads(found["o.order"]) == "strength"
    page.get_by_role("button", name="Back to the defaults").click()
    explorer.settle()
    expect(page.get_by_role("combobox", name="Colours")).to_have_value("automatic")
    assert explorer.changed(magma) == first
    assert not [name for name in query(page) if name.startswith("o.")]


def test_a_click_in_the_gallery_shows_that_channel(explorer, page):
    explorer.open()
    before = explorer.shot()
    explorer.click_channel(9)
    after = explorer.changed(before)
    assert query(page)["o.channel"] == "9"
    expect(page.get_by_role("spinbutton", name="Channel")).to_have_value("9")
    explorer.click_channel(2)
    explorer.changed(after)
    assert query(page)["o.channel"] == "2"


def test_the_same_channel_can_be_clicked_again(explorer, page):
    explorer.open()
    explorer.click_channel(9)
    page.get_by_role("button", name="Back to the defaults").click()
    expect(explorer.chart.get_by_text("Channel 5", exact=True)).to_be_visible()
    explorer.click_channel(9)
    assert query(page)["o.channel"] == "9"


def test_a_box_of_the_map_selects_the_layer(explorer, page):
    explorer.open()
    page.get_by_role("radio", name="map", exact=True).click()
    explorer.painted(explorer.map, colours=6)
    assert query(page)["show"] == "map"
    for name in ("pool", "dense"):
        explorer.map.locator(f'path[aria-label*="layer: {name};"]').click()
        explorer.shows_layer(name)
        explorer.painted(colours=8)
        assert query(page)["layer"] == name


def test_the_next_sample_gets_another_answer(explorer, page):
    explorer.open()
    before, answered = explorer.shot(), explorer.shot(explorer.answer)
    page.locator(".st-key-sample").get_by_test_id("stNumberInputStepUp").click()
    explorer.changed(before)
    assert explorer.shot(explorer.answer) != answered
    assert query(page)["sample"] == "1"
    number = page.get_by_role("spinbutton", name="Sample")
    number.fill("42")
    number.press("Enter")
    expect(page).to_have_url(re.compile("sample=42"))
    expect(explorer.chart).to_contain_text("sample 42")


def test_a_link_brings_everything_back(explorer, page, visitor):
    link = {
        "example": "digits-cnn",
        "layer": "conv_2",
        "sample": "7",
        "view": "feature-maps",
        "o.channel": "3",
        "o.colours": '"cividis"',
        "o.scale_each": "false",
    }
    explorer.open(**link)
    first = explorer.shot()
    page.reload()
    explorer.painted()
    someone_else = visitor()
    someone_else.open(**link)
    for each in (explorer, someone_else):
        each.shows_layer("conv_2")
        expect(each.tab("Feature maps")).to_have_attribute("aria-checked", "true")
        expect(each.page.get_by_role("combobox", name="Colours")).to_have_value("cividis")
        expect(each.page.get_by_role("spinbutton", name="Channel")).to_have_value("3")
        expect(each.page.get_by_role("spinbutton", name="Sample")).to_have_value("7")
        expect(each.chart.get_by_text("Channel 3", exact=True)).to_be_visible()
        assert query(each.page) == link
        assert each.shot() == first


def test_a_picture_that_was_chosen_stays_with_the_next_layer(explorer, page):
    explorer.open()
    explorer.pick_view("Histogram")
    explorer.pick_layer("conv_2")
    expect(explorer.tab("Histogram")).to_have_attribute("aria-checked", "true")
    assert query(page)["view"] == "histogram"


def test_a_link_to_what_is_not_there_says_so(explorer, page):
    explorer.open(
        example="no-such", layer="nowhere", sample="9999", view="none", **{"o.channel": '"x"', "o.order": "["}
    )
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_contain_text("There is no example “no-such”")
    expect(explorer.main.get_by_test_id("stAlert").first).to_contain_text("There is no layer “nowhere”")
    explorer.pick_layer("conv_2")
    explorer.painted()


def test_two_visitors_do_not_meet(explorer, visitor):
    explorer.open()
    other = visitor()
    other.open(example="vowels-lstm")
    explorer.pick_layer("conv_2")
    other.shows_layer("lstm_1")
    other.pick_layer("lstm_2")
    explorer.shows_layer("conv_2")
    assert explorer.selected_layer() == "conv_2"


def test_own_text_is_read(explorer, page):
    explorer.open(example="reviews-transformer")
    before = explorer.shot(explorer.answer)
    explorer.sidebar.get_by_role("radio", name="Text", exact=True).click()
    box = page.get_by_placeholder("Type a sentence …")
    box.fill("A wonderful film, the best I have seen.")
    box.press("Control+Enter")
    given = explorer.main.get_by_test_id("stText")
    expect(given).to_have_text("A wonderful film, the best I have seen.")
    expect(page.get_by_text("Sample, 0 to 0")).to_be_visible()
    explorer.painted()
    assert explorer.shot(explorer.answer) != before
    box.fill("Dull <b>and</b> *slow*.\nNever $again$ :material/bolt: [x](y).")
    box.press("Control+Enter")
    expect(given).to_have_text("Dull <b>and</b> *slow*.")
    expect(page.get_by_text("Sample, 0 to 1")).to_be_visible()


def test_noise_is_an_input_too(explorer, page):
    explorer.open()
    before = explorer.shot()
    explorer.sidebar.get_by_role("radio", name="Noise", exact=True).click()
    first = explorer.changed(before)
    seed = page.get_by_role("spinbutton", name="Seed")
    seed.fill("5")
    seed.press("Enter")
    explorer.changed(first)


def test_the_plugins_page_lists_what_is_installed(explorer, page):
    explorer.open(sample=3)
    explorer.pick_layer("conv_2")
    page.get_by_role("link", name="Plugins").click()
    expect(page.get_by_role("heading", name="Plugins")).to_be_visible()
    expect(explorer.main.get_by_text("Feature maps", exact=True)).to_be_visible()
    expect(explorer.main.get_by_text("Units over time", exact=True)).to_be_visible()
    expect(explorer.main.get_by_test_id("stAlert")).to_have_count(0)
    page.get_by_role("link", name="Explore").click()
    explorer.shows_layer("conv_2")
    expect(page.get_by_role("spinbutton", name="Sample")).to_have_value("3")
    explorer.painted()
