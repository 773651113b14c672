"""From opening the page to a link that brings a picture back: what every visitor does."""

import json

from playwright.sync_api import expect

EXAMPLES = [
    ("Who is speaking", "vowels-lstm", "lstm_1"),
    ("Handwritten digits as plain numbers", "digits-dense", None),
    ("What is the wearer doing", "motions-conv1d", None),
    ("Good or bad", "reviews-transformer", None),
]
"""Titles of examples, their names, and the layer that one opens with, if it matters here."""


def test_a_chart_and_the_answer_are_there_without_a_click(explorer, page):
    explorer.open()
    explorer.painted(explorer.answer, colours=6)
    explorer.painted(explorer.thumbnails, colours=8)
    expect(explorer.strip_part("answer")).to_contain_text("Answer: 8 91 % · true: 8 · check correct")
    expect(page.get_by_role("heading", name="digits-cnn")).to_be_visible()
    assert explorer.selected_layer() == "conv_1"
    explorer.has_address(example="digits-cnn", layer="conv_1")
    assert set(explorer.address()) == {"example", "layer"}


def test_each_example_is_chosen_from_the_list_and_opens_with_a_chart(explorer, page):
    explorer.open(layer="conv_2", sample=3)
    for title, name, layer in EXAMPLES:
        before = explorer.shot()
        explorer.choose_example(title)
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        explorer.changed(before)
        explorer.painted()
        explorer.has_address(example=name, sample=None)
        if layer:
            explorer.has_address(layer=layer)
        expect(explorer.main.get_by_test_id("stAlert")).to_have_count(0)


def test_an_entry_of_the_list_the_arrows_and_the_keys_select_the_layer(explorer, page):
    explorer.open()
    for name in ("dense", "conv_2", "probabilities"):
        before = explorer.shot()
        explorer.pick_layer(name)
        explorer.changed(before)
        explorer.painted(colours=8)
        assert explorer.selected_layer() == name
        explorer.has_address(layer=name)
    # A picture that was chosen stays with the next layer.
    explorer.pick_view("Histogram")
    explorer.sidebar.get_by_role("button", name="↑").click()
    explorer.shows_layer("dense")
    page.keyboard.press("k")
    explorer.shows_layer("dropout")
    page.keyboard.press("j")
    explorer.shows_layer("dense")
    assert explorer.selected_layer() == "dense"
    expect(explorer.tab("Histogram")).to_have_attribute("aria-checked", "true")
    explorer.has_address(view="histogram")


def test_the_search_leaves_the_layers_that_were_meant(explorer, page):
    explorer.open()
    search = page.get_by_placeholder("Search layers")
    search.fill("dense")
    search.press("Enter")
    expect(explorer.layer_rows).to_have_count(2)
    assert explorer.layer_names() == ["dense", "probabilities"]
    explorer.pick_layer("probabilities")
    explorer.painted(colours=8)
    search.fill("nothing of the kind")
    search.press("Enter")
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_contain_text("No layer has “nothing of the kind”")
    explorer.painted(colours=8)
    search.fill("")
    search.press("Enter")
    explorer.sidebar.get_by_text("Only what is worth a look").click()
    expect(explorer.layer_rows).to_have_count(2)
    assert explorer.layer_names() == ["conv_2", "dense"]


def test_a_tab_shows_another_picture(explorer):
    explorer.open()
    groups = explorer.groups.all_inner_texts()
    assert groups == ["Look", "Explain", "Units", "Samples", "Numbers", "Weights"]
    before = explorer.shot()
    count = 0
    for group in [*groups[1:], groups[0]]:
        explorer.pick_group(group)
        for title in explorer.tabs.all_inner_texts():
            if explorer.tab(title).get_attribute("aria-checked") != "true":
                explorer.pick_view(title)
            before = explorer.changed(before)
            explorer.painted(colours=8)
            count += 1
    assert count >= 8


def test_options_change_the_picture(explorer, page):
    explorer.open()
    first = explorer.shot()
    explorer.select("Colours", "magma")
    magma = explorer.changed(first)
    explorer.switch("Scale each map")
    on_one_scale = explorer.changed(magma)
    explorer.select("Sort by", "strength")
    explorer.changed(on_one_scale)
    explorer.has_address(
        **{"o.colours": json.dumps("magma"), "o.scale_each": json.dumps(False), "o.order": json.dumps("strength")}
    )
    page.get_by_role("button", name="Back to the defaults").click()
    explorer.settle()
    expect(page.get_by_role("combobox", name="Colours")).to_have_value("automatic")
    explorer.has_address(**{"o.colours": None, "o.scale_each": None, "o.order": None})
    assert explorer.changed(magma) == first


def test_a_click_in_the_gallery_shows_that_channel_in_every_picture(explorer, page):
    explorer.open()
    before = explorer.shot()
    explorer.click_channel(9)
    after = explorer.changed(before)
    explorer.has_address(unit="9")
    expect(page.get_by_role("spinbutton", name="Channel")).to_have_value("9")
    explorer.click_channel(2)
    explorer.changed(after)
    explorer.has_address(unit="2")
    explorer.pick_view("Top samples")
    expect(page.locator(".st-key-picture_place").get_by_text("Strongest samples for channel 2")).to_be_visible()
    explorer.has_address(unit="2")
    # The same one counts again after the page has gone back to the defaults.
    explorer.pick_view("Feature maps")
    page.get_by_role("button", name="Back to the defaults").click()
    expect(explorer.chart.get_by_text("Channel 5, the strongest", exact=True)).to_be_visible()
    explorer.has_address(unit=None)
    explorer.click_channel(2)
    explorer.has_address(unit="2")


def test_a_box_of_the_map_selects_the_layer(explorer, page):
    explorer.open()
    page.get_by_role("radio", name="map", exact=True).click()
    explorer.painted(explorer.map, colours=6)
    explorer.has_address(show="map")
    for name in ("pool", "dense"):
        explorer.map.locator(f'path[aria-label*="layer: {name};"]').click()
        explorer.shows_layer(name)
        explorer.painted(colours=8)
        explorer.has_address(layer=name)


def test_the_next_sample_gets_another_answer(explorer, page):
    explorer.open()
    before, answered = explorer.shot(), explorer.shot(explorer.answer)
    explorer.next_sample()
    after = explorer.changed(before)
    assert explorer.shot(explorer.answer) != answered
    explorer.has_address(sample="1")
    explorer.go_to_sample(42)
    expect(explorer.chart).to_contain_text("sample 42")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    explorer.has_address(sample="41")
    explorer.thumbnails.locator('[aria-label*="sample: 44"]').first.click()
    explorer.has_address(sample="44")
    expect(explorer.chart).to_contain_text("sample 44")
    assert explorer.shot() not in (before, after)


def test_a_link_brings_everything_back(explorer, page, visitor):
    link = {
        "example": "digits-cnn",
        "layer": "conv_2",
        "sample": "7",
        "view": "feature-maps",
        "unit": "3",
        "o.colours": '"cividis"',
        "o.scale_each": "false",
    }
    explorer.open(**link)
    first = explorer.shot()
    explorer.reload()
    explorer.painted()
    someone_else = visitor()
    someone_else.open(**link)
    for each in (explorer, someone_else):
        each.shows_layer("conv_2")
        expect(each.tab("Feature maps")).to_have_attribute("aria-checked", "true")
        expect(each.page.get_by_role("combobox", name="Colours")).to_have_value("cividis")
        expect(each.page.get_by_role("spinbutton", name="Channel")).to_have_value("3")
        expect(each.sample).to_have_value("7")
        expect(each.chart.get_by_text("Channel 3", exact=True)).to_be_visible()
        each.has_address(**link)
        assert each.address() == link
        assert each.shot() == first


def test_a_link_of_before_has_the_unit_as_an_option(explorer, page):
    explorer.open(**{"example": "digits-cnn", "layer": "conv_2", "o.channel": "3"})
    expect(page.get_by_role("spinbutton", name="Channel")).to_have_value("3")
    explorer.has_address(**{"unit": "3", "o.channel": None})


def test_a_link_to_what_is_not_there_says_so(explorer, page):
    explorer.open(
        example="no-such", layer="nowhere", sample="9999", view="none", **{"o.channel": '"x"', "o.order": "["}
    )
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_contain_text("There is no example “no-such”")
    told = explorer.main.get_by_test_id("stAlert")
    for missing in ("There is no sample 9,999", "There is no layer “nowhere”", "This layer has no picture “none”"):
        expect(told.filter(has_text=missing)).to_be_visible()
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
    explorer.take_samples_from("Text")
    box = page.get_by_placeholder("Type a sentence …")
    box.fill("A wonderful film, the best I have seen.")
    box.press("Control+Enter")
    text = explorer.strip_part("input").get_by_test_id("stText")
    expect(text).to_have_text("A wonderful film, the best I have seen.")
    expect(explorer.sample).to_be_disabled()
    explorer.painted()
    assert explorer.shot(explorer.answer) != before
    box.fill("Dull <b>and</b> *slow*.\nNever $again$ :material/bolt: [x](y).")
    box.press("Control+Enter")
    expect(text).to_have_text("Dull <b>and</b> *slow*.")
    explorer.has_samples(2)


def test_noise_is_an_input_too(explorer, page):
    explorer.open()
    before = explorer.shot()
    explorer.take_samples_from("Noise")
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
    expect(explorer.sample).to_have_value("3")
    explorer.painted()
