"""The page Edit as it is used: a digit that is drawn on until its class flips, by pointer and by keys, and kept."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from core.examples.catalogue import get_example
from core.models.loading import load_model

STROKE = [(3, column) for column in range(8)]
"""Row and column of the pixels that are drawn over the eight of the first sample, which is a four then."""


def canvas(page):
    return page.get_by_role("application", name="Input image")


def verdict(page):
    return page.locator(".st-key-edit_verdict p")


def open_edit(explorer, **query):
    explorer.visit("edit", **query)
    expect(verdict(explorer.page)).to_be_visible()
    explorer.settle()


def drag(page, start, end):
    box = canvas(page).bounding_box()
    places = [(box["x"] + (column + 0.5) * box["width"] / 8, box["y"] + (row + 0.5) * box["height"] / 8)
              for row, column in (start, end)]  # fmt: skip
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=8)
    page.mouse.up()


@pytest.fixture(scope="module")
def flipped():
    """What the model itself answers to the digit with the stroke over it."""
    example = get_example("digits-cnn")
    image = example.samples()[0]["image"][:1].copy()
    for row, column in STROKE:
        image[0, row, column] = 1
    answer = np.asarray(load_model(example.model_path)(image))[0]
    assert answer.argmax() != np.asarray(load_model(example.model_path)(example.samples()[0]["image"][:1])).argmax()
    return example.class_names[int(answer.argmax())]


def test_a_digit_is_drawn_on_until_its_class_flips_and_that_is_taken_back(explorer, page, flipped):
    open_edit(explorer, layer="conv_2")
    moves = page.get_by_role("treeitem", name=re.compile("conv_2.*moves by"))
    expect(moves).to_have_count(0)
    drag(page, STROKE[0], STROKE[-1])

    expect(verdict(page)).to_have_text(re.compile(rf"^8 91.% → {flipped} .*another class$"))
    # Every layer says how far it moves, in the list and in the bars.
    expect(moves).to_be_visible()
    expect(page.get_by_role("treeitem", name=re.compile("moves by"))).to_have_count(7)
    explorer.settle()
    kept = explorer.address()["edits"]

    explorer.reload()
    expect(verdict(page)).to_have_text(re.compile(f"→ {flipped} "))
    page.get_by_role("button", name="Undo").click()
    expect(verdict(page)).to_have_text(re.compile("^8 91.% → 8 91.%$"))
    explorer.has_address(edits=None)
    expect(moves).to_have_count(0)
    page.get_by_role("button", name="Redo").click()
    expect(verdict(page)).to_have_text(re.compile(f"→ {flipped} "))
    explorer.has_address(edits=kept)


def test_the_same_by_keys(explorer, page, flipped):
    open_edit(explorer)
    canvas(page).focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    for _ in range(STROKE[0][0]):
        page.keyboard.press("ArrowDown")
    page.keyboard.down(" ")
    for _ in STROKE[1:]:
        page.keyboard.press("ArrowRight")
    page.keyboard.up(" ")

    expect(verdict(page)).to_have_text(re.compile(f"→ {flipped} .*another class"))
    # The arrows moved over the picture, and not through the samples.
    assert "sample" not in explorer.address()
    explorer.settle()
    page.keyboard.press("Control+z")
    expect(verdict(page)).to_have_text(re.compile("→ 8 91.%$"))


def test_strokes_that_follow_each_other_quickly_all_count(explorer, page):
    open_edit(explorer)
    for column in range(5):
        drag(page, (0, column), (1, column))
    expect(page.get_by_text("5 changes")).to_be_visible()


def test_another_sample_has_edits_of_its_own_and_a_variant_is_a_sample_of_every_page(explorer, page, flipped):
    open_edit(explorer)
    drag(page, STROKE[0], STROKE[-1])
    expect(verdict(page)).to_have_text(re.compile(f"→ {flipped} "))
    explorer.next_sample()
    expect(page.get_by_text("another class")).to_have_count(0)
    page.locator(".st-key-sample_before button").first.click()
    expect(verdict(page)).to_have_text(re.compile(f"→ {flipped} "))
    explorer.settle()

    page.get_by_role("button", name="Keep as variant").click()
    page.get_by_role("textbox", name="Name").fill("crossed out")
    page.get_by_role("textbox", name="Name").press("Enter")
    page.get_by_role("button", name="Keep", exact=True).click()
    explorer.has_samples(91)
    explorer.close_panels()
    explorer.go_to_sample(90)
    page.get_by_role("link", name="Explore").first.click()
    expect(explorer.strip_part("answer")).to_contain_text(re.compile(f"Answer: {flipped}.*true: 8.*wrong", re.DOTALL))

    # The strip is the same on every page: what tells Explore is the picture of the layer.
    explorer.painted()
    # It stands in the address, so it is there after a reload.
    explorer.has_address(sample="90")
    explorer.settle()
    explorer.reload()
    expect(explorer.strip_part("answer")).to_contain_text(re.compile(f"Answer: {flipped}", re.DOTALL))
    explorer.has_samples(91)


def test_a_word_is_replaced_and_removed(explorer, page):
    open_edit(explorer, example="reviews-transformer", sample=3)
    before = verdict(page).text_content()
    first = page.get_by_role("radiogroup", name=re.compile("^Words")).get_by_role("radio").first
    first.click()
    page.get_by_role("textbox", name=re.compile("^Instead of")).fill("wonderful")
    page.get_by_role("textbox", name=re.compile("^Instead of")).press("Enter")
    expect(first).to_contain_text("wonderful")
    expect(verdict(page)).not_to_have_text(before)

    explorer.settle()
    page.get_by_role("button", name="Remove").click()
    expect(first).not_to_contain_text("wonderful")
    expect(page.get_by_text("1 change", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start over").click()
    expect(verdict(page)).to_have_text(before)


def test_a_slider_and_a_clamped_unit_move_the_answer(explorer, page):
    open_edit(explorer, example="diabetes-regression", layer="dense_2")
    before = verdict(page).text_content()
    page.get_by_role("slider", name="body mass index").focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    expect(verdict(page)).not_to_have_text(before)
    explorer.settle()
    moved = verdict(page).text_content()

    explorer.switch("Clamp")
    explorer.settle()
    page.get_by_role("slider", name=re.compile("^Value")).focus()
    page.keyboard.press("End")
    expect(verdict(page)).not_to_have_text(moved)
    expect(page.get_by_role("treeitem", name=re.compile("dense_2.*moves by"))).to_be_visible()


def test_a_stretch_of_a_series_is_set_to_zero(explorer, page):
    open_edit(explorer, example="motions-conv1d")
    page.get_by_role("button", name="Set to zero").click()
    expect(page.get_by_role("treeitem", name=re.compile("conv_1.*moves by"))).to_be_visible()
    expect(page.get_by_text("1 change", exact=True)).to_be_visible()


def test_edits_that_are_too_long_for_the_address_are_said_to_be_gone_after_a_reload(explorer, page):
    open_edit(explorer, example="shapes-segmentation")
    box = canvas(page).bounding_box()
    random = np.random.default_rng(0)
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    for _ in range(6):
        page.mouse.down()
        for x, y in random.uniform(0.05, 0.95, size=(90, 2)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.up()
    expect(page.get_by_text("6 changes")).to_be_visible()
    explorer.has_address(edits="~6")
    explorer.reload()
    expect(page.get_by_text("6 edits of this sample had been too long for the address")).to_be_visible()
