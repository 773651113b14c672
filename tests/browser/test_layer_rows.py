"""The list of layers as it is used: by pointer, by keys and by ear, in models of many layers, on a telephone."""

import keras
import pytest
from playwright.sync_api import expect

SIDEWAYS = "place => place.scrollWidth - place.clientWidth"
FOCUSED = "() => document.activeElement.shadowRoot?.activeElement?.ariaLabel"

# Whether a row lies within what the list has in sight, under the names of the columns.
IN_SIGHT = """row => {
    const place = row.closest('.layers'), box = row.getBoundingClientRect();
    const head = place.querySelector('.head').getBoundingClientRect();
    return box.top >= head.bottom - 1 && box.bottom <= place.getBoundingClientRect().bottom + 1;
}"""


def is_marked(explorer, name):
    """Wait until the row of a layer is marked, and no other."""
    expect(explorer.layer_row(name)).to_have_attribute("aria-selected", "true")
    assert explorer.layer_rows.evaluate_all("rows => rows.filter(row => row.ariaSelected === 'true').length") == 1


@pytest.fixture(scope="module")
def deep_model(tmp_path_factory):
    """A model of 400 layers that no block is made of."""
    here = inputs = keras.Input((4,))
    for number in range(400):
        here = keras.layers.Activation("relu", name=f"r{number}x")(here)
    path = tmp_path_factory.mktemp("deep") / "deep.keras"
    keras.Model(inputs, here).save(path)
    return path


@pytest.fixture(scope="module")
def model_of_blocks(tmp_path_factory):
    """MobileNetV2, whose layers fold into blocks."""
    path = tmp_path_factory.mktemp("blocks") / "mobilenet.keras"
    keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10).save(path)
    return path


def test_the_arrows_go_through_the_layers_and_the_picture_follows(explorer, page):
    explorer.open(layer="conv_1")
    before = explorer.shot()
    explorer.pick_layer("conv_2")
    before = explorer.changed(before)
    tab_stops = explorer.layer_rows.and_(page.locator('[tabindex="0"]'))
    expect(tab_stops).to_have_count(1)

    page.keyboard.press("ArrowUp")
    names = explorer.layer_names()
    above = names[names.index("conv_2") - 1]
    explorer.shows_layer(above)
    is_marked(explorer, above)
    explorer.changed(before)
    assert page.evaluate(FOCUSED).startswith(above)
    expect(tab_stops).to_have_count(1)

    page.keyboard.press("End")
    explorer.shows_layer("probabilities")
    page.keyboard.press("Home")
    explorer.shows_layer(names[0])
    # Faster than the server answers: what was pressed last counts, and nothing is gone to twice.
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    explorer.shows_layer(names[3])
    is_marked(explorer, names[3])
    # Beside a layer that holds none, an arrow to the right is what it is elsewhere: the next sample.
    page.keyboard.press("ArrowRight")
    expect(explorer.sample).to_have_value("1")
    is_marked(explorer, names[3])


def test_a_click_marks_at_once_and_nothing_else_is_drawn_anew(explorer, page):
    explorer.open(layer="conv_1")
    row = explorer.layer_row("dense")
    row.evaluate("row => { row.isTheSame = true }")
    assert row.evaluate("row => { row.click(); return row.ariaSelected }") == "true"
    explorer.shows_layer("dense")

    assert row.evaluate("row => row.isTheSame")
    is_marked(explorer, "dense")
    explorer.reload()
    explorer.painted(colours=8)
    is_marked(explorer, "dense")
    # Chosen elsewhere, it is marked just as well.
    page.keyboard.press("k")
    explorer.shows_layer("dropout")
    is_marked(explorer, "dropout")


def test_what_is_chosen_elsewhere_before_a_click_was_answered_counts(explorer):
    explorer.open(layer="conv_1")
    explorer.layer_row("probabilities").evaluate(
        """row => {
            row.click();
            document.querySelector('.st-key-layer_after button').click();
        }"""
    )
    expect(explorer.layer_line.locator("p > strong").get_by_text("conv_1", exact=True)).to_have_count(0)
    explorer.settle()

    is_marked(explorer, explorer.layer_line.locator("p > strong").first.inner_text())


def test_what_is_worth_a_look_is_said_on_hover_and_to_a_screen_reader(explorer):
    explorer.open()
    row = explorer.layer_row("conv_2")
    notes = row.get_by_text("⚠").get_attribute("title")

    assert "%" in notes or "channels" in notes
    assert row.get_attribute("aria-label").endswith(notes)
    assert row.get_attribute("title").startswith("conv_2 · ")
    expect(explorer.layer_row("conv_1").get_by_text("⚠")).to_have_count(0)


def test_a_block_opens_and_closes_by_pointer_and_by_keys(explorer, page, model_of_blocks):
    explorer.visit(path=str(model_of_blocks))
    expect(page.get_by_role("heading", name="mobilenet.keras")).to_be_visible(timeout=60_000)
    explorer.painted()
    explorer.settle()
    shown = explorer.selected_layer()
    block, inside = explorer.layer_row("block_12"), explorer.layer_row("block_12_expand")
    expect(block).to_have_attribute("aria-expanded", "false")
    expect(inside).to_have_count(0)

    block.click()
    expect(block).to_have_attribute("aria-expanded", "true")
    expect(inside).to_have_attribute("aria-level", "2")
    for key, state in (("ArrowLeft", "false"), ("ArrowRight", "true"), ("Enter", "false"), (" ", "true")):
        page.keyboard.press(key)
        expect(block).to_have_attribute("aria-expanded", state)
    # A block is nothing to look at: what was selected still is.
    is_marked(explorer, shown)
    expect(explorer.sample).to_have_value("0")
    page.keyboard.press("ArrowRight")
    explorer.shows_layer("block_12_expand")
    # What holds the selected layer is open, closed by hand or not, and folds when another one is clicked: that stays
    # under the pointer.
    block.click()
    explorer.settle()
    expect(block).to_have_attribute("aria-expanded", "true")
    explorer.layer_row("block_14").click()
    below = explorer.layer_row("block_14_project")
    below.hover()
    before = below.bounding_box()["y"]
    below.click()
    expect(block).to_have_attribute("aria-expanded", "false")
    assert below.bounding_box()["y"] == pytest.approx(before, abs=1)
    assert page.locator(".layers").evaluate(SIDEWAYS) <= 0


@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, {"width": 390, "height": 700}])
def test_the_selected_layer_is_in_sight_in_a_deep_model(visitor, deep_model, size):
    explorer = visitor(viewport=size)
    page = explorer.page
    explorer.visit(path=str(deep_model), layer="r200x")
    expect(explorer.layer_line.get_by_text("r200x", exact=True)).to_be_visible(timeout=60_000)
    explorer.settle()
    if size["width"] < 500:
        page.get_by_test_id("stExpandSidebarButton").click()
    row = explorer.layer_row("r200x")
    expect(row).to_be_attached()
    assert row.evaluate(IN_SIGHT)
    assert page.locator(".layers").evaluate(SIDEWAYS) <= 0
    assert page.get_by_test_id("stSidebarContent").evaluate("place => place.scrollTop") == 0
    assert page.evaluate("scrollY") == 0

    # What is not about the list leaves it where it is scrolled to.
    page.locator(".layers").evaluate("place => { place.scrollTop = 100 }")
    page.keyboard.press("ArrowRight")
    expect(explorer.sample).to_have_value("1")
    explorer.settle()
    assert page.locator(".layers").evaluate("place => place.scrollTop") == 100
    page.keyboard.press("j")
    explorer.shows_layer("r201x")
    is_marked(explorer, "r201x")
    assert explorer.layer_row("r201x").evaluate(IN_SIGHT)
