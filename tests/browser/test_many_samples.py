"""What many samples show together: faults, another model's answers, regions of a projection, and very many points."""

import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

FAULTS = {"dead", "alike", "nan", "saturated"}


def as_npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture
def planted(planted_model, tmp_path):
    """The file of a model with faults."""
    planted_model(FAULTS).save(tmp_path / "planted.keras")
    return (tmp_path / "planted.keras").read_bytes()


@pytest.fixture
def opened(explorer, page):
    """Return a function that opens a model of one's own and gives it samples."""

    def give(name, content, **arrays):
        explorer.open()
        explorer.give_model(name, content)
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        explorer.give_data("samples.npz", as_npz(**arrays))
        return explorer

    return give


def test_faults_are_listed_and_a_row_opens_the_layer(explorer, page, opened, planted, numbers):
    opened("planted.keras", planted, numbers=numbers.arrays["numbers"], labels=numbers.labels)
    page.get_by_role("link", name="Health").click()
    expect(explorer.main.get_by_text("3 layers over 300 samples")).to_be_visible()
    expect(explorer.main.get_by_text("dead: 1 layer", exact=True)).to_be_visible()
    expect(explorer.main.get_by_text("saturated: 1 layer", exact=True)).to_be_visible()
    expect(explorer.main.get_by_text("alike: 1 layer", exact=True)).to_be_visible()
    # NaN arises in the second layer, and makes all that the last one answers NaN.
    expect(explorer.main.get_by_text("not finite: 2 layers", exact=True)).to_be_visible()
    explorer.settle()
    # The row of the dead unit comes after the two of NaN.
    explorer.main.locator(".dvn-scroller").first.click(position={"x": 16, "y": 36 + 54 * 2 + 27})
    page.get_by_role("link", name="Open first, unit 3, sample ").click()
    explorer.shows_layer("first")
    expect(page.get_by_role("heading", name="planted.keras")).to_be_visible()
    expect(explorer.main.get_by_text("Strongest samples for unit 3").first).to_be_visible()


def test_a_wrong_sample_and_a_unit_are_one_click_away(explorer, page):
    explorer.visit("health", example="digits-cnn", layer="probabilities")
    expect(explorer.main.get_by_text("1 of 90 wrong").last).to_be_visible(timeout=60_000)
    explorer.settle()
    charts = explorer.main.get_by_test_id("stVegaLiteChart")
    heatmap, matrix = charts.filter(has_text="Mean of each unit"), charts.filter(has_text="True class and answered")
    heatmap.locator("path[aria-label*='class: 5; unit: 3;']").click()
    expect(page.get_by_role("link", name="unit 3")).to_be_visible()
    explorer.settle()
    matrix.locator("text[aria-label*='true class: 7;']").click()
    expect(explorer.main.get_by_text("None of those in this cell.")).to_be_visible()
    explorer.settle()
    matrix.locator("text[aria-label*='true class: 8;'][aria-label*='answered class: 1;']").click()
    expect(explorer.main.get_by_text("None of those in this cell.")).to_have_count(0)
    explorer.settle()
    page.locator(".st-key-fitted_chart svg.marks").click(position={"x": 24, "y": 24})
    page.get_by_role("link", name="Open sample 34").click()
    expect(explorer.sample).to_have_value("34")


def test_a_checkpoint_is_compared_layer_by_layer(explorer, page, opened, planted_model, planted, numbers, tmp_path):
    planted_model(set()).save(tmp_path / "sound.keras")
    opened("planted.keras", planted, numbers=numbers.arrays["numbers"])
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("radio", name="Another model").click()
    page.locator(".st-key-compared_file input[type=file]").set_input_files(
        {
            "name": "sound.keras",
            "mimeType": "application/octet-stream",
            "buffer": (tmp_path / "sound.keras").read_bytes(),
        }
    )
    expect(explorer.main.get_by_text("Largest change: ").first).to_be_visible(timeout=60_000)
    explorer.settle()
    page.get_by_role("link", name="Explore").click()
    explorer.pick_group("Weights")
    explorer.pick_view("Weight change")
    expect(explorer.main.get_by_text("against sound.keras").first).to_be_visible(timeout=60_000)


def test_an_example_is_compared_with_its_first_epoch_at_first_sight(explorer, page):
    explorer.visit("compare", example="digits-cnn", layer="conv_2")
    main = explorer.main
    distances = main.get_by_test_id("stVegaLiteChart").filter(has_text="digits-cnn against digits-cnn after 1 epoch")
    expect(distances.first).to_be_visible(timeout=60_000)
    expect(main.get_by_text("conv_2, side by side").first).to_be_visible(timeout=60_000)
    explorer.settle()
    page.get_by_role("radio", name="Another sample").click()
    expect(main.get_by_text("Sample 0 · Answer: 8 91 % · true: 8")).to_be_visible(timeout=60_000)
    expect(page).to_have_url(re.compile("against=sample"))
    explorer.settle()
    page.go_back()
    expect(distances.first).to_be_visible(timeout=60_000)


def test_two_samples_are_compared_by_a_click(explorer, page):
    explorer.visit("compare", example="digits-cnn", layer="conv_2", against="sample")
    main = explorer.main
    distances = main.get_by_test_id("stVegaLiteChart").filter(has_text="Largest change: probabilities (1.48×)")
    expect(distances).to_be_visible(timeout=60_000)
    expect(main.get_by_text("Sample 0 · Answer: 8 91 % · true: 8")).to_be_visible()
    expect(main.get_by_text("Answer: 4 > 99.9 % · true: 4", exact=True)).to_be_visible()
    explorer.settle()
    distances.locator('path[aria-label*="dense"]').first.click()
    expect(page.get_by_role("combobox", name="Layer", exact=True)).to_have_value("dense")
    expect(page).to_have_url(re.compile("layer=dense"))


def test_a_region_lists_its_samples(explorer, page):
    explorer.visit(example="digits-cnn", layer="dense", view="projection")
    points = explorer.chart.first
    expect(points).to_contain_text("by PCA")
    explorer.painted(points)
    points.scroll_into_view_if_needed()
    box = points.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 70)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 330, steps=8)
    page.mouse.up()
    expect(explorer.main.get_by_text("In the region: ")).to_be_visible()
    expect(explorer.main.get_by_text("What sets them apart from all others")).to_be_visible()


def test_thousands_of_samples_are_a_picture_in_which_each_place_opens_one(
    explorer, page, opened, planted_model, tmp_path
):
    planted_model(set()).save(tmp_path / "sound.keras")
    many = np.random.default_rng(1).normal(size=(6000, 10)).astype(np.float32)
    content = (tmp_path / "sound.keras").read_bytes()
    opened("sound.keras", content, numbers=many, labels=np.arange(6000) % 3)
    explorer.pick_layer("second")
    explorer.pick_view("Projection")
    points = explorer.chart.first
    expect(points).to_contain_text("6,000 samples as second, by PCA")
    explorer.painted(points)
    place = points.locator('path[aria-label*="samples here"]').nth(100)
    number = place.get_attribute("aria-label").split("sample: ")[1].split(";")[0]
    place.click()
    expect(explorer.sample).to_have_value(number.replace(",", ""))
