import io
import json

import altair as alt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import core
from core.charts.export import CHART_FORMATS, chart_file
from core.workspace.export import NotebookSamples, activation_file, code_for


@pytest.fixture
def chart():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [3.0, 1.0, 2.0]})
    return alt.Chart(frame).mark_line().encode(x="a:Q", y="b:Q").to_dict()


class TestCharts:
    def test_png(self, chart):
        picture = Image.open(io.BytesIO(chart_file(chart, "png")))

        assert picture.format == "PNG"
        # Two pixels per screen pixel of a page's width, and the axis beside it.
        assert 1280 < picture.width < 1500
        assert np.asarray(picture.convert("L")).std() > 0
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)

    def test_svg(self, chart):
        assert chart_file(chart, "svg").startswith(b"<svg")

    def test_html_stands_on_its_own(self, chart):
        page = chart_file(chart, "html").decode()

        assert "<html" in page
        assert 'src="http' not in page

    def test_json(self, chart):
        read = json.loads(chart_file(chart, "json"))

        assert {name: read[name] for name in chart} == chart
        assert alt.Chart.from_dict(read).to_dict()["mark"] == chart["mark"]

    def test_a_width_of_its_own_stays(self, chart):
        assert json.loads(chart_file({**chart, "width": 90}, "json"))["width"] == 90
        single = alt.Chart(pd.DataFrame({"a": [1]})).mark_point().encode(x="a:Q")
        beside = alt.hconcat(single, single).to_dict()
        assert "width" not in json.loads(chart_file(beside, "json"))

    def test_the_specification_is_not_changed(self, chart):
        before = json.dumps(chart)
        for kind in CHART_FORMATS:
            assert chart_file(chart, kind)

        assert json.dumps(chart) == before

    @pytest.mark.parametrize("kind", ["svg", "html", "json"])
    def test_what_a_screen_reader_says_is_in_the_file(self, chart, kind):
        described = {**chart, "description": 'A line from "1" to 3'}
        written = chart_file(described, kind).decode()

        assert "A line from " in written
        if kind == "svg":
            assert 'role="img" aria-label="A line from &quot;1&quot; to 3"' in written[:400]


class TestActivations:
    @pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, "<U3"])
    def test_npy(self, make_activation, dtype):
        activation = make_activation(np.arange(24).reshape(2, 3, 4).astype(dtype))
        read = np.load(io.BytesIO(activation_file(activation, "npy")), allow_pickle=False)

        assert read.dtype == activation.values.dtype
        np.testing.assert_array_equal(read, activation.values)

    def test_csv(self, make_activation):
        activation = make_activation(np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32))
        read = pd.read_csv(io.BytesIO(activation_file(activation, "csv")))

        assert list(read.columns) == ["sample", "time", "unit", "value"]
        np.testing.assert_array_equal(read["value"].to_numpy(np.float32).reshape(2, 3, 4), activation.values)


class TestCode:
    @pytest.mark.parametrize(
        ("example", "layer", "visualizer", "options"),
        [
            ("digits-cnn", "", "feature-maps", {"sample": 1, "order": "strength", "scale_each": False}),
            ("digits-dense", "", "activation-line", {}),
            ("reviews-transformer", "", "activation-line", {"sample": 1}),
        ],
    )
    def test_draws_the_same_chart(self, example, layer, visualizer, options):
        workspace = core.Workspace()
        workspace.open_example(example)
        layer = next(
            row.key
            for row in workspace.layers(0)
            if visualizer in [each.name for each in workspace.visualizers(row.key, 0)]
        )
        code = workspace.code(layer, visualizer, options, 2)
        *lines, last = code.strip().splitlines()
        scope = {}
        exec("\n".join([*lines, f"chart = {last}"]), scope)
        shown = workspace.chart(layer, visualizer, options, 2)

        assert shown.failure is None
        assert isinstance(scope["chart"], alt.TopLevelMixin)
        drawn = scope["chart"].to_dict()
        assert drawn["datasets"] == shown.pictures[0].specification["datasets"]

    def test_names_only_what_differs(self):
        code = code_for(
            NotebookSamples("model = inputs = None", first=3, count=2),
            layer="a/b#2",
            visualizer="v",
            options={"units": (0, 1)},
        )

        compile(code, "code", "exec")
        assert "array[3:5]" in code
        assert "activations['a/b#2'].chart('v', units=(0, 1))" in code
