"""What a visitor takes away."""

import io
import json

import altair as alt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect


@pytest.fixture
def save(explorer, page):
    """Return a function that clicks a button under "Save as" and returns the file's name and content."""
    explorer.open(sample=2)

    def click(label):
        if not page.get_by_test_id("stPopoverBody").is_visible():
            page.get_by_role("button", name="Save as").click()
        with page.expect_download() as download:
            page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).click()
        return download.value.suggested_filename, download.value.path().read_bytes()

    return click


def test_the_chart_as_a_file(save):
    name, png = save("PNG")
    assert name == "conv_1-feature-maps.png"
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert image.width > 800
        assert len(image.convert("RGB").getcolors(maxcolors=1 << 24)) > 25
    name, svg = save("SVG")
    assert name.endswith(".svg")
    assert svg.startswith(b"<svg")
    assert b"16 feature maps of conv_1" in svg
    name, html = save("HTML")
    assert name.endswith(".html")
    assert b"vegaEmbed" in html
    name, specification = save("Vega-Lite JSON")
    assert name.endswith(".json")
    chart = json.loads(specification)
    assert "vega-lite/v" in chart["$schema"]
    alt.Chart.from_dict(chart)


def test_the_values_as_a_file(save):
    name, npy = save("All samples as .npy")
    assert name.endswith(".npy")
    values = np.load(io.BytesIO(npy))
    assert values.shape == (90, 8, 8, 16)
    name, csv = save("This sample as CSV")
    assert name.endswith(".csv")
    frame = pd.read_csv(io.BytesIO(csv))
    assert len(frame) == 8 * 8 * 16
    np.testing.assert_allclose(frame["value"].to_numpy(), values[2].reshape(-1), rtol=1e-5)
    name, npz = save("The inputs as .npz")
    assert name == "inputs.npz"
    assert np.load(io.BytesIO(npz))["image"].shape == (90, 8, 8, 1)


def test_the_code_draws_the_same_chart(explorer, page):
    explorer.open(sample=2, layer="conv_2", unit=4)
    page.get_by_role("button", name="Copy as code").click()
    code = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode").inner_text()
    assert "activations['conv_2']" in code
    assert "channel=4" in code
    *lines, last = code.strip().splitlines()
    names = {}
    exec("\n".join(lines), names)
    chart = eval(last, names).to_dict()
    assert "32 feature maps of conv_2" in json.dumps(chart)
    assert "Channel 4" in json.dumps(chart)


def test_a_file_is_of_what_is_on_the_page(explorer, page):
    explorer.open()
    explorer.pick_layer("dense")
    explorer.pick_view("Histogram")
    page.get_by_role("button", name="Save as").click()
    with page.expect_download() as download:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="SVG", exact=True).click()
    assert download.value.suggested_filename == "dense-histogram.svg"
    assert b"dense" in download.value.path().read_bytes()
    expect(explorer.chart).to_be_visible()
