"""The cookbook of plugins: each file passes the checks of the kit, draws what it says, and is on the page as it is."""

import re
import sys

import keras
import numpy as np
import pytest

import layerscope
from benchmarks.serving import ROOT
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from tests.support.documents import document_script, python_blocks
from vizplugins.testing import check_visualizer

FILES = sorted((ROOT / "examples" / "plugins").glob("*.py"))
PAGE = (ROOT / "docs" / "plugin-cookbook.md").read_text()


@pytest.fixture(scope="module", autouse=True)
def registered_classes():
    """Keras has nothing of a file's afterwards."""
    before = dict(keras.saving.get_custom_objects())
    yield
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(before)


@pytest.fixture(scope="module")
def script():
    return document_script("plugin_cookbook")


@pytest.fixture(scope="module")
def specifications(script):
    """Return what the picture of a file draws of its subject."""
    return lambda file: [picture.specification for picture in script.drawing_of(file).pictures]


def visualizer_of(path):
    registry = Registry(discover=False)
    assert registry.load_file(path), registry.problems
    (visualizer,) = registry.visualizers
    return visualizer


def rows(specification, column):
    """Return the rows of the data that has a column."""
    return next(data for data in specification["datasets"].values() if column in data[0])


def test_there_are_ten_each_short_and_on_the_page_as_it_is(script):
    assert len(FILES) == 10
    assert script.SUBJECTS.keys() == {path.stem for path in FILES}
    assert script.cookbook_page() == PAGE, "run: python docs/plugin_cookbook.py, for the text alone with --text"
    for path in FILES:
        assert path.read_text() in PAGE
        assert f"images/plugins/{path.stem}.webp" in PAGE
        assert len(re.findall(r"^.*\S.*$", path.read_text(), re.MULTILINE)) <= 50, path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_passes_every_check_of_the_kit(path):
    check_visualizer(visualizer_of(path))


class TestPictures:
    def test_a_layer_is_as_alike_to_itself_as_can_be(self, specifications):
        (drawn,) = specifications("alike_layers")
        alike = {row["layer"]: row["CKA"] for row in rows(drawn, "CKA")}
        assert list(alike)[:2] == ["conv_1", "conv_2"]
        assert alike["conv_2"] == pytest.approx(1)
        assert alike["probabilities"] < alike["pool"] < 1

    def test_all_samples_are_judged(self, specifications):
        right, sure = specifications("calibration")
        assert sum(row["samples"] for row in rows(sure, "samples")) == 90
        assert all(row["right"] > 0.9 for row in rows(right, "samples"))

    def test_each_class_has_a_row(self, specifications):
        (drawn,) = specifications("class_profile")
        assert {row["class"] for row in rows(drawn, "class")} == set(range(10))

    def test_a_probe_reads_more_than_guessing_would(self, specifications):
        (drawn,) = specifications("linear_probe")
        shares = [row["right"] for row in rows(drawn, "class")]
        assert len(shares) == 10
        assert np.mean(shares) > 0.5

    def test_a_probe_says_what_to_install(self, script, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
        assert "pip install scikit-learn" in script.drawing_of("linear_probe").refusal

    def test_more_noise_moves_the_answer_further(self, specifications):
        (drawn,) = specifications("noise_response")
        change = [row["change"] for row in rows(drawn, "change")]
        assert change[0] == 0
        assert change == sorted(change)

    def test_the_nearest_prototype_is_that_of_the_digit(self, specifications):
        (drawn,) = specifications("prototypes")
        assert rows(drawn, "prototype")[0]["prototype"] == "8"

    def test_its_colours_are_the_same_for_each_sample(self, script):
        def colours(**options):
            (picture,) = script.drawing_of("same_scale", **options).pictures
            return picture.specification["layer"][1]["encoding"]["color"]["scale"]["domain"]

        assert colours(sample=7) == colours(sample=0)
        assert colours(sample=7, most=3) == [-3, 3]

    def test_a_click_chooses_the_unit(self, specifications):
        (drawn,) = specifications("unit_landscape")
        assert [parameter["name"] for parameter in drawn["params"]] == ["unit"]
        assert [row["unit"] for row in rows(drawn, "chosen") if row["chosen"]] == [5]

    def test_pairs_are_of_two_units_and_the_closest_come_first(self, specifications):
        (drawn,) = specifications("twin_units")
        pairs = rows(drawn, "cosine")
        closeness = [abs(row["cosine"]) for row in pairs]
        assert len(pairs) == 15
        assert closeness == sorted(closeness, reverse=True)
        assert all(row["first"] != row["second"] for row in pairs)


def test_a_model_with_the_own_layer_opens_where_the_file_is_loaded(tmp_path, script):
    visualizer_of(ROOT / "examples" / "plugins" / "prototypes.py")
    layer = keras.saving.get_registered_object("cookbook>Prototypes")
    model = keras.Sequential([keras.Input((4,), name="numbers"), layer(3, name="nearest")])
    model.save(tmp_path / "own.keras")

    opened = layerscope.load_model(tmp_path / "own.keras")

    answer = layerscope.extract(opened, np.zeros((2, 4), "float32"))["nearest"]
    assert answer.layer.type_name == "Prototypes"
    assert visualizer_of(ROOT / "examples" / "plugins" / "prototypes.py").handles.match(answer).handled


def test_what_it_says_to_debug_with_runs(monkeypatch):
    monkeypatch.chdir(ROOT / "examples" / "plugins")
    monkeypatch.setattr("core.plugins.registry._registry", Registry(settings=PluginSettings(enabled=False)))
    *files, debugging = python_blocks(PAGE)
    names = {}

    exec(debugging, names)

    assert len(files) == 10
    assert not names["registry"].problems
    assert '"type": "image"' in names["activations"]["conv_1"].chart("spotlight").to_json(indent=None)
