import base64
import io
import re

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from PIL import Image

from core import charts
from core.analysis.rulers import Ruler
from core.charts import ColourScale, colour_levels, colour_scale
from tests.support.chart_pictures import pictures_in

RANDOM = np.random.default_rng(0)


def opened(url):
    kind, _, data = url.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


class TestColourScale:
    @pytest.mark.parametrize(
        ("values", "scale"),
        [
            ([0, 1, 4], ColourScale(0, 4, "viridis")),
            ([-3, -1], ColourScale(-3, -1, "viridis")),
            ([-1, 4], ColourScale(-4, 4, "blueorange")),
            ([-4, 1], ColourScale(-4, 4, "blueorange")),
            ([-0.1, 4], ColourScale(-0.1, 4, "viridis")),
            ([2, 2], ColourScale(1.5, 2.5, "viridis")),
            ([0, 0], ColourScale(-0.5, 0.5, "viridis")),
            ([np.nan, 1, np.inf, 3], ColourScale(1, 3, "viridis")),
            ([np.nan], ColourScale(0, 1, "viridis")),
        ],
    )
    def test_automatic(self, values, scale):
        assert colour_scale(np.array(values, float)) == scale

    def test_a_chosen_scheme(self):
        assert colour_scale(np.array([-1.0, 4]), "magma") == ColourScale(-1, 4, "magma")
        assert colour_scale(np.array([1.0, 4]), "blueorange") == ColourScale(-4, 4, "blueorange")

    @pytest.mark.parametrize("scheme", charts.SCHEMES)
    def test_the_palette_begins_and_ends_as_the_legend_does(self, scheme):
        scale = ColourScale(0, 1, scheme)
        first, last = (
            [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
            for colour in (charts.SCHEMES[scheme][0], charts.SCHEMES[scheme][-1])
        )

        assert scale.palette().shape == (256, 3)
        np.testing.assert_array_equal(scale.palette()[0], first)
        np.testing.assert_array_equal(scale.palette()[253], last)
        legend = scale.altair().to_dict()
        assert legend["domain"] == [0, 1]
        assert legend["range"] == list(charts.SCHEMES[scheme])

    def test_levels(self):
        levels = colour_levels(np.array([[0.0, 0.5, 1, 2, -1, np.nan, np.inf, -np.inf]]), 0, 1)

        assert levels.dtype == np.uint8
        assert levels.tolist() == [[0, 126, 253, 253, 0, 255, 255, 255]]

    def test_levels_with_a_range_for_each_map(self):
        values = np.array([[0.0, 10], [5, 6], [3, 3]])
        low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)

        assert colour_levels(values, low, high).tolist() == [[0, 253], [0, 253], [0, 0]]

    def test_fewer_levels(self):
        assert len(np.unique(colour_levels(RANDOM.uniform(size=1000), 0, 1, 40))) == 40


class TestPictures:
    @pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3, 4, 4)])
    def test_pixels_come_back(self, shape):
        pixels = RANDOM.integers(0, 256, shape, np.uint8)

        np.testing.assert_array_equal(np.asarray(opened(charts.picture_url(pixels))), pixels)

    def test_numbers_get_the_colours_of_the_scale(self):
        scale = ColourScale(0, 1, "viridis")
        values = np.array([[0.0, 1.0], [0.5, np.nan]])
        pixels = np.asarray(opened(scale.url(values)).convert("RGB"))

        palette = scale.palette()
        np.testing.assert_array_equal(pixels[0], palette[[0, 253]])
        np.testing.assert_array_equal(pixels[1], [palette[126], charts.NOT_A_NUMBER_COLOUR])

    def test_a_gap_is_transparent(self):
        levels = np.array([[0, charts.GAP_LEVEL]], np.uint8)
        pixels = np.asarray(opened(charts.level_picture_url(levels, ColourScale(0, 1, "greys"))).convert("RGBA"))

        assert pixels[0, :, 3].tolist() == [255, 0]

    @pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255), (-123.7, 151.1)])
    def test_whatever_the_range_a_picture_can_be_looked_at(self, low, high):
        values = np.linspace(low, high, 12).reshape(2, 2, 3)
        pixels = charts.picture_values(values)

        assert pixels.dtype == np.uint8
        assert (pixels.min(), pixels.max()) == (0, 255)
        np.testing.assert_array_equal(pixels.reshape(-1), np.rint(np.arange(12) / 11 * 255))

    @pytest.mark.parametrize("channels", [1, 2, 4, 7])
    def test_other_numbers_of_channels(self, channels):
        values = RANDOM.uniform(size=(3, 4, channels))
        pixels = charts.picture_values(values)

        assert pixels.shape == (3, 4, 3)
        if channels < 3:
            np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])

    def test_nan_and_constants_do_not_stop_it(self):
        assert charts.picture_values(np.full((2, 2, 1), np.nan)).max() == 0
        assert charts.picture_values(np.full((2, 2, 1), 7.0)).max() == 0


class TestThin:
    def test_few_values_are_all_drawn(self):
        assert charts.thin(np.zeros(20), 10).tolist() == list(range(20))

    def test_keeps_the_extremes_of_every_bucket(self):
        values = RANDOM.normal(size=10_000)
        values[[17, 5_003]] = 40, -40
        kept = charts.thin(values, 100)

        assert len(kept) <= 202
        assert kept.tolist() == sorted(set(kept.tolist()))
        assert {0, 17, 5_003, 9_999} <= set(kept.tolist())
        for part in np.array_split(np.arange(10_000), 100):
            inside = values[[index for index in kept if part[0] <= index <= part[-1]]]
            assert inside.min() == values[part].min()
            assert inside.max() == values[part].max()

    def test_nan_does_not_stop_it(self):
        assert len(charts.thin(np.full(1000, np.nan), 10)) >= 2


class TestHistogram:
    def test_counts(self):
        frame = charts.histogram(np.array([0, 0, 1, 2, 3, 4.0]), bins=4)

        assert frame["start"].tolist() == [0, 1, 2, 3]
        assert frame["end"].tolist() == [1, 2, 3, 4]
        assert frame["count"].tolist() == [2, 1, 1, 2]

    def test_every_finite_value_is_counted(self):
        values = RANDOM.normal(size=(10, 1000)).astype(np.float32)
        values[0, :3] = np.nan, np.inf, -np.inf

        assert charts.histogram(values, bins=30)["count"].sum() == 9_997

    @pytest.mark.parametrize("values", [np.full(5, 3.0), np.full(5, 1e20), np.array([1e8, np.nextafter(1e8, 2e8)])])
    def test_values_that_cannot_be_divided(self, values):
        assert charts.histogram(values, bins=10)["count"].sum() == len(values)

    def test_nothing_finite(self):
        assert charts.histogram(np.array([np.nan]), bins=3).empty


class TestHeatmap:
    def test_few_cells_each_say_their_value(self):
        values = RANDOM.normal(size=(5, 7))
        spec = charts.heatmap(values, row="unit", column="time", scale=colour_scale(values)).to_dict()
        (cells,) = [rows for rows in spec["datasets"].values() if "value" in rows[0]]

        assert len(cells) == 35
        for cell in cells:
            assert cell["value"] == values[cell["unit"], cell["time"]]
            assert (cell["left"], cell["right"]) == (cell["time"] - 0.5, cell["time"] + 0.5)
        assert vl_convert.vegalite_to_svg({**spec, "width": 300}).startswith("<svg")

    def test_of_many_cells_each_row_says_its_extremes(self):
        values = RANDOM.normal(size=(100, 64))
        values[3, 5] = np.nan
        values[4] = np.inf
        spec = charts.heatmap(values, row="unit", column="time", scale=colour_scale(values)).to_dict()
        (rows,) = [rows for rows in spec["datasets"].values() if "maximum" in rows[0]]

        assert len(rows) == 100
        assert rows[0]["maximum"] == values[0].max()
        assert rows[3]["minimum"] == np.nanmin(values[3])
        assert rows[4]["mean"] is None

    def test_the_image_has_a_pixel_per_cell(self):
        values = np.arange(6.0).reshape(2, 3)
        scale = colour_scale(values)
        spec = charts.heatmap(values, row="a", column="b", scale=scale, width=90, height=60).to_dict()
        (picture,) = pictures_in(spec)

        pixels = np.asarray(picture.convert("RGB"))
        np.testing.assert_array_equal(pixels, scale.palette()[scale.levels(values)])
        assert (spec["width"], spec["height"]) == (90, 60)

    def test_a_row_can_be_chosen(self):
        values = RANDOM.normal(size=(5, 7))
        scale = colour_scale(values)
        chosen = charts.heatmap(values, row="unit", column="time", scale=scale, select_row="channel").to_dict()

        (param,) = [param for param in chosen["params"] if "select" in param]
        assert param["name"] == "channel"
        assert param["select"]["fields"] == ["unit"]
        assert "params" not in charts.heatmap(values, row="unit", column="time", scale=scale).to_dict()

    def test_seconds_of_rows_and_of_columns_are_told_apart_and_from_positions(self):
        values = RANDOM.normal(size=(3, 4))
        rulers = {"row_ruler": Ruler("time", np.arange(3) / 2), "column_ruler": Ruler("time", np.arange(4) / 10)}
        chart = charts.heatmap(
            values, row="query", column="time", scale=colour_scale(values), select_column="at", **rulers
        )
        specification = chart.to_dict()
        cells = next(rows for rows in specification["datasets"].values() if "query" in rows[0])
        said = {
            each["title"]: each["field"] for each in specification["layer"][1]["encoding"]["tooltip"] if "title" in each
        }

        (clicked,) = [param["select"]["fields"] for param in specification["params"] if "select" in param]
        assert clicked == ["time"]
        assert {(cell["query"], cell["time"]) for cell in cells} == set(np.ndindex(3, 4))
        for cell in cells:
            assert cell[said["query: time in s"]] == cell["query"] / 2
            assert cell[said["time: time in s"]] == cell["time"] / 10

    def test_a_row_called_as_what_it_is_measured_in_keeps_its_position(self):
        values = RANDOM.normal(size=(3, 4))
        ruler = Ruler("frequency", np.arange(3) * 100.0)
        chart = charts.heatmap(
            values, row="frequency", column="frame", scale=colour_scale(values), select_row="band", row_ruler=ruler
        )
        specification = chart.to_dict()
        cells = next(rows for rows in specification["datasets"].values() if "frequency" in rows[0])
        said = {each.get("title"): each["field"] for each in specification["layer"][1]["encoding"]["tooltip"]}

        assert [cell["frequency"] for cell in cells] == np.repeat(np.arange(3), 4).tolist()
        assert [cell[said["frequency in Hz"]] for cell in cells] == np.repeat([0.0, 100.0, 200.0], 4).tolist()


def test_titles_leave_out_what_is_empty():
    assert charts.title("a", "b", "").to_dict()["subtitle"] == ["b"]


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [("short", 5, "short"), ("block_12_expand_relu", 11, "block…_relu"), ("abcdef", 4, "ab…f")],
)
def test_cut_in_the_middle(text, length, cut):
    assert charts.cut_in_the_middle(text, length) == cut
    assert len(cut) <= length


def test_format_shape():
    assert charts.format_shape((28, None, 1024)) == "28×?×1,024"


def test_note_not_finite():
    assert charts.note_not_finite(np.array([1, np.nan, np.inf])) == "2 of 3 values are NaN or infinite"
    assert charts.note_not_finite(np.array([1.0])) == ""


def test_picture_is_an_altair_chart():
    chart = charts.picture(charts.picture_url(np.zeros((2, 2), np.uint8)), 40, 30)

    assert isinstance(chart, alt.Chart)
    assert vl_convert.vegalite_to_png(chart.to_dict()).startswith(b"\x89PNG")


class TestLabels:
    def drawn(self, **settings):
        values = np.arange(6).reshape(2, 3)
        chart = charts.heatmap(values, row="query", column="key", scale=colour_scale(values), width=90, **settings)
        return chart.to_dict()

    def test_words_stand_instead_of_numbers(self):
        specification = self.drawn(row_labels=["a", "a"], column_labels=["x", 'quote " and \\', "z"])
        encoding = specification["layer"][1]["encoding"]
        (rows,) = (each for each in specification["datasets"].values() if "query_label" in each[0])

        assert encoding["y"]["axis"]["labelExpr"] == '["a", "a"][datum.value]'
        assert encoding["x"]["axis"]["labelExpr"] == '["x", "quote \\" and \\\\", "z"][datum.value]'
        assert [(row["query_label"], row["key_label"], row["value"]) for row in rows][3:5] == [
            ("a", "x", 3),
            ("a", 'quote " and \\', 4),
        ]
        assert [each["field"] for each in encoding["tooltip"]] == ["query", "query_label", "key", "key_label", "value"]
        assert len(vl_convert.vegalite_to_png(specification)) > 500

    def test_long_words_are_cut_on_the_axis_only(self):
        specification = self.drawn(row_labels=["unbelievably-long-compound", "b"])

        assert "unbelievably-long" not in specification["layer"][1]["encoding"]["y"]["axis"]["labelExpr"]
        assert any(
            row.get("query_label") == "unbelievably-long-compound" for row in specification["datasets"].popitem()[1]
        )

    def test_a_tooltip_per_row_where_there_are_too_many_cells(self):
        specification = self.drawn(row_labels=["a", "b"], column_labels=["x", "y", "z"], most_tooltips=5)
        encoding = specification["layer"][1]["encoding"]

        assert [each["field"] for each in encoding["tooltip"]][:3] == ["query", "query_label", "minimum"]
        assert "labelExpr" in encoding["x"]["axis"]


def test_masked_bands():
    specification = charts.masked_bands(np.array([True, False, False, True, False])).to_dict()
    (rows,) = specification["datasets"].values()

    assert [(row["left"], row["right"]) for row in rows] == [(0.5, 2.5), (3.5, 4.5)]


def test_reduced_keeps_what_is_furthest_from_zero():
    values = np.zeros((10, 3))
    values[4, 1], values[5, 1] = -7, 5

    assert charts.reduced(values, 5).shape == (5, 3)
    assert charts.reduced(values, 5)[2, 1] == -7
    assert charts.reduced(values, 10) is values


def test_row_bars_start_at_zero_and_follow_the_rows():
    frame = pd.DataFrame({"norm": [3.0, -1.0]})
    specification = charts.row_bars(frame, "norm", height=80, width=50, tooltip=[], domain=(-1, 3)).to_dict()

    assert specification["encoding"]["y"]["scale"]["domain"] == [-0.5, 1.5]
    assert specification["encoding"]["x"]["scale"]["domain"] == [-1, 3]
    assert specification["encoding"]["x2"] == {"datum": 0}
    assert specification["height"] == 80


def test_percent():
    assert charts.percent(0.4) == "40 %"


class TestTokenLabels:
    TOKENS = np.array([["a", "film", ""], ["one", "", ""]])

    def labels(self, make_activation, make_context, sample=0, length=3, **about):
        context = make_context(tokens=about.pop("tokens", self.TOKENS))
        activation = make_activation(np.zeros((2, 3, 4)), context=context, **about)
        return charts.token_labels(activation.sample(sample), length)

    def test_of_the_sample(self, make_activation, make_context):
        words, shown = self.labels(make_activation, make_context, sample=1)

        assert words == ("one", "", "")
        assert shown.tolist() == [True, False, False]

    def test_a_mask_says_what_is_padding_too(self, make_activation, make_context):
        mask = np.array([[False, True, True], [True, True, True]])

        assert self.labels(make_activation, make_context, mask=mask)[1].tolist() == [False, True, False]

    def test_none_where_they_do_not_fit(self, make_activation, make_context):
        assert self.labels(make_activation, make_context, length=4) is None
        assert self.labels(make_activation, make_context, tokens=None) is None


@pytest.mark.parametrize("height", [None, 90], ids=["lower", "alone"])
def test_the_image_of_a_heatmap_is_as_high_as_its_chart(height):
    """Alone, made lower as for a thumbnail, and among others of a column."""
    values = RANDOM.normal(size=(40, 5))
    chart = charts.heatmap(values, row="unit", column="time", scale=colour_scale(values), height=200)
    alone = chart.to_dict() if height is None else chart.properties(height=height).to_dict()
    column = alt.vconcat(chart, chart).to_dict()

    heights = [
        [float(image) for image in re.findall(r'<image[^>]*? height="([\d.]+)"', vl_convert.vegalite_to_svg(each))]
        for each in (alone, column)
    ]
    assert heights == [[height or 200], [200, 200]]
