"""Text in charts that can be read, on a light and on a dark page."""

import re

import altair as alt
import pandas as pd
import pytest
import vl_convert

from core.charts import MUTED_COLOUR, MUTED_TEXT, title
from core.charts.export import chart_file
from core.charts.specifications import with_readable_text

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def bars(**about):
    base = alt.Chart(FRAME, **about).encode(x="a:Q", y="b:N")
    return base.mark_bar() + base.mark_text(color=MUTED_TEXT, fontSize=11).encode(text="a:Q")


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("background", ["#ffffff", "#f0f2f6", "#0e1117", "#191816"])
def test_every_text_stands_out_from_its_background(background):
    chart = with_readable_text(bars(title=title("Bars", "and more")).to_dict())
    svg = vl_convert.vegalite_to_svg({**chart, "background": background})
    written = "".join(re.findall(r"<text [^>]*>", svg))
    # That of the title, #000 in a file, is the page's own.
    colours = set(re.findall(r'fill="(#[0-9a-f]{6})"', written))

    assert len(colours) == 1
    assert contrast(colours.pop(), background) >= 4.5


def test_grey_marks_stand_out_from_white():
    assert contrast(MUTED_COLOUR, "#ffffff") >= 4.5


def test_no_text_of_a_file_is_smaller_than_eleven_pixels():
    svg = chart_file(bars(title=title("Bars", "and more")).to_dict(), "svg").decode()

    assert min(float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)) >= 11


def test_what_a_chart_says_itself_stays():
    chart = bars().configure_axis(labelFontSize=15).to_dict()

    assert with_readable_text(chart)["config"]["axis"]["labelFontSize"] == 15


def test_a_long_layer_name_breaks_and_runs_over_nothing():
    name = "backbone/" + "block_12_expanded_convolution_" * 6
    about = title(f"16 feature maps of {name}, 8×8 each", "x" * 300).to_dict()
    svg = vl_convert.vegalite_to_svg(bars(title=title(f"16 feature maps of {name}"), width=400).to_dict())

    assert len(about["text"]) > 1
    assert max(map(len, about["text"])) <= 96
    assert max(map(len, about["subtitle"])) <= 130
    assert float(re.search(r'width="([\d.]+)"', svg).group(1)) <= 560
