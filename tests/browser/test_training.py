"""The page Training: a recorded training is looked at, gone through step by step, and watched while it is written."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_same_after_reload import difference, drawn
from tests.support.recorded_runs import RecordedRun

HIDDEN = "hidden_layer_with_a_long_name"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    other = RecordedRun(folder / "other.layerscope", sign=-1.0, nan_from=20).add(0, 10, 20, 30, is_complete=True)
    return RecordedRun(folder / "shapes.layerscope").add(0, 10, 20, 30, 40, is_complete=True), other


def charts(explorer):
    return explorer.page.locator(".st-key-training_charts").get_by_test_id("stVegaLiteChart")


def film(explorer):
    return explorer.page.locator(".st-key-fitted_chart_film").get_by_test_id("stVegaLiteChart")


def click_cell(explorer, layer, share):
    """Click the row of a layer, so far to the right of the marks."""
    heatmap = charts(explorer).last
    name = heatmap.get_by_text(layer, exact=True).bounding_box()
    marks = heatmap.locator("svg.marks").bounding_box()
    left = name["x"] + name["width"] + 8
    across = left + share * (marks["x"] + marks["width"] - left)
    explorer.page.mouse.click(across, name["y"] + name["height"] / 2)


def test_a_training_is_gone_through_on_every_page_and_a_reload_shows_the_same(explorer, page, recorded):
    run, other = recorded
    explorer.visit("training", path=str(run.folder), measure="update_ratio")
    expect(page.get_by_role("heading", name="shapes.layerscope · step 40")).to_be_visible(timeout=60_000)
    expect(charts(explorer)).to_have_count(3)
    explorer.painted(film(explorer))

    click_cell(explorer, HIDDEN, 0.45)
    explorer.has_address(layer=HIDDEN, step="20")
    expect(page.get_by_role("heading", name="shapes.layerscope · step 20")).to_be_visible()
    expect(explorer.main.get_by_text("Look at the model at step 20")).to_be_visible()
    clicked = drawn(explorer)
    explorer.reload()
    expect(page.get_by_role("heading", name="shapes.layerscope · step 20")).to_be_visible()
    assert not difference(clicked, drawn(explorer))

    # The model of that step is what every other page is about; its step is changed there too.
    explorer.main.get_by_text("Look at the model at step 20").click()
    explorer.shows_layer(HIDDEN)
    at_step_20, before = drawn(explorer), explorer.painted()
    slider = explorer.sidebar.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    explorer.has_address(step="0", layer=HIDDEN)
    expect(page.get_by_role("heading", name="shapes.layerscope · step 0")).to_be_visible()
    explorer.changed(before)
    at_step_0 = drawn(explorer)
    explorer.reload()
    assert not difference(at_step_0, drawn(explorer))
    slider.focus()
    slider.press("ArrowRight")
    explorer.has_address(step="20")
    assert not difference(at_step_20, drawn(explorer))

    # Beside another training, whose alarm leads to its layer and step once that one is open.
    explorer.visit("training", path=str(run.folder), beside_run=str(other.folder))
    expect(explorer.main.get_by_text("Difference, other.layerscope − shapes.layerscope")).to_be_visible(timeout=30_000)
    expect(charts(explorer)).to_have_count(5)
    explorer.visit("training", path=str(other.folder))
    page.get_by_role("button", name="NaN or infinite first in conv at step 20").click()
    explorer.has_address(layer="conv", step="20")


def test_a_training_is_watched_while_it_is_written_and_without_one_the_page_says_how(explorer, page, tmp_path):
    explorer.visit("training", example="digits-cnn")
    expect(explorer.main.get_by_text("layerscope.Record")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Open a recorded training")).to_be_visible()

    run = RecordedRun(tmp_path / "now.layerscope").add(0, 10)
    explorer.visit("training", path=str(run.folder))
    expect(explorer.main.get_by_text("2 steps recorded, 0 to 10")).to_be_visible(timeout=60_000)
    run.add(20, 30)
    expect(explorer.main.get_by_text("4 steps recorded, 0 to 30")).to_be_visible()
    # Who looks at a step stays there while others come.
    explorer.has_address(step="0")
    run.add(40, is_complete=True)
    expect(explorer.main.get_by_text("5 steps recorded, 0 to 40 · 2 epochs · complete")).to_be_visible()
