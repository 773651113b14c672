"""What the compare page is told of two samples, two models, and which examples fit."""

import keras
import numpy as np
import pytest
import vl_convert

import core
from core.analysis.comparison import largest_change
from core.inputs.sample_context import SampleContext
from core.inputs.spec import InputSpec
from core.workspace.comparable import examples_that_take, may_take_the_same
from core.workspace.comparison_views import difference_chart
from core.workspace.results import InputSummary
from tests.support.chart_pictures import pictures_in


@pytest.fixture(scope="module")
def workspace():
    workspace = core.Workspace()
    workspace.open_example("digits-cnn")
    return workspace


def rows_of(specification):
    return max(specification["datasets"].values(), key=len)


def test_the_largest_change_is_named_and_marked(workspace):
    report = workspace.compare_samples(0, 1)
    example = next(each for each in core.list_examples() if each.name == "digits-cnn")
    images = example.samples()[0]["image"][:2]
    activations = core.Extractor(core.load_model(example.model_path)).extract(images)
    expected = {
        key: np.linalg.norm(each.values[1] - each.values[0]) / np.linalg.norm(each.values[0])
        for key, each in activations.items()
    }
    largest = max(expected, key=expected.get)

    assert (report.largest, report.first) == (largest, "conv_1")
    assert report.distances["title"]["text"] == f"Largest change: {largest} ({expected[largest]:.3g}×)"
    assert [row["layer"] for row in rows_of(report.distances) if row["is"]] == [largest]
    assert {row["layer"]: row["distance"] for row in rows_of(report.distances)} == pytest.approx(expected, rel=1e-4)


def test_nothing_is_the_largest_change_where_nothing_differs(workspace):
    report = workspace.compare_samples(3, 3)

    assert (report.largest, report.first) == ("", "")
    assert report.distances["title"]["text"] == "No layer differs beyond rounding"
    assert largest_change({"a": 0.5, "b": float("inf"), "c": 0.7}) == "c"
    assert largest_change({"b": float("inf")}) == "b"


def test_the_channel_of_the_page_is_compared(workspace):
    chosen, strongest = workspace.compared_layer("conv_2", 0, 1, 5), workspace.compared_layer("conv_2", 0, 1, None)

    assert chosen["title"]["subtitle"] == ["channel 5 of 32"]
    assert strongest["title"]["subtitle"] == ["channel 3 of 32, the one that differs the most"]
    assert "Height" in str(chosen)
    assert "Width" in str(chosen)
    assert "channel 3 of 32" in str(workspace.compared_layer("conv_2", 0, 1, 99)["title"])


def test_the_unit_of_the_page_is_marked_where_all_are_drawn(workspace):
    chosen, all_alike = workspace.compared_layer("dense", 0, 1, 5), workspace.compared_layer("dense", 0, 1, None)
    beyond = workspace.compared_layer("dense", 0, 1, 9999)

    assert [{"unit": 5}] in chosen["datasets"].values()
    assert "the line marks unit 5: " in chosen["title"]["subtitle"][1]
    assert all(len(panel["layer"]) == 2 for panel in chosen["vconcat"])
    assert beyond["title"] == all_alike["title"]
    assert len(vl_convert.vegalite_to_png(chosen)) > 500


def test_the_unit_of_the_page_is_framed_in_a_sequence():
    workspace = core.Workspace()
    workspace.open_example("vowels-lstm")
    chosen, all_alike = workspace.compared_layer("lstm_1", 0, 1, 5), workspace.compared_layer("lstm_1", 0, 1, None)

    assert chosen["title"]["subtitle"][0].startswith("unit 5 of ")
    assert [len(panel["layer"]) for panel in chosen["concat"]] == [
        len(panel["layer"]) + 2 for panel in all_alike["concat"]
    ]
    assert [{"top": 4.5, "bottom": 5.5, "chosen row": "unit 5"}] in chosen["datasets"].values()
    assert len(vl_convert.vegalite_to_png(chosen)) > 500


def test_only_examples_that_take_the_same_inputs_are_offered_each_early_too(workspace):
    offered = [(each.name, each.early) for each in examples_that_take(workspace.model)]
    assert offered == [
        ("digits-cnn", False),
        ("digits-cnn", True),
        ("digits-autoencoder", False),
        ("digits-autoencoder", True),
    ]
    (early,) = examples_that_take(core.Workspace().open_example("reviews-transformer"), "reviews-transformer")
    assert (early.name, early.early, early.title) == ("reviews-transformer", True, "This model, after 1 epoch")
    assert early.quality == core.get_example("reviews-transformer").early_quality


def test_models_in_memory_are_offered_where_they_may_take_the_same():
    def inputs(*shapes, dtype="float32", open_axes=()):
        return tuple(InputSummary("x", "vector", shape, dtype, open_axes=open_axes) for shape in shapes)

    assert may_take_the_same(inputs("8×8×1"), inputs("8×8×1"))
    assert may_take_the_same(inputs("8×8×1"), inputs("any×any×1", open_axes=("height", "width")))
    assert may_take_the_same(inputs("8"), ())
    assert not may_take_the_same(inputs("8×8×1"), inputs("64"))
    assert not may_take_the_same(inputs("8"), inputs("8", "8"))
    assert not may_take_the_same(inputs("1"), inputs("1", dtype="string"))


def test_an_example_is_compared_with_what_it_was_early():
    workspace = core.Workspace()
    workspace.open_example("digits-dense")
    assert workspace.compare_with_example("digits-dense", early=True).name == "digits-dense after 1 epoch"
    report = workspace.comparison()

    example = core.get_example("digits-dense")
    (pixels,) = example.samples()[0].values()
    answers = [
        keras.models.load_model(path, compile=False).predict(pixels, verbose=0)
        for path in (example.model_path, example.early_model_path)
    ]
    expected = np.linalg.norm(answers[1] - answers[0]) / np.linalg.norm(answers[0])
    assert report.names == ("digits-dense", "digits-dense after 1 epoch")
    assert rows_of(report.distances)[-1]["distance"] == pytest.approx(expected, rel=1e-4)


class TestWeightsOfTheSecondModel:
    """Which second model a picture of weights is given, and the code that draws it in a notebook."""

    @pytest.fixture
    def workspace(self):
        workspace = core.Workspace()
        workspace.open_example("digits-dense")
        return workspace

    @staticmethod
    def moved(workspace):
        result = workspace.chart("dense_2", "weight-change", {}, 0)
        assert not result.failure
        assert not result.refusal
        rows = rows_of(result.pictures[0].specification)
        return result.pictures[0].specification["title"]["subtitle"][0], [row["change"] for row in rows]

    @staticmethod
    def expected(path):
        now = keras.models.load_model(core.get_example("digits-dense").model_path, compile=False)
        other = keras.models.load_model(path, compile=False)
        kernels = [np.array(each.get_layer("dense_2").kernel) for each in (now, other)]
        return np.linalg.norm(kernels[0] - kernels[1], axis=0)

    def test_an_example_has_one_without_anybody_choosing(self, workspace):
        told, moved = self.moved(workspace)
        assert told == "against digits-dense after 1 epoch"
        assert moved == pytest.approx(self.expected(core.get_example("digits-dense").early_model_path), rel=1e-4)
        assert "other = layerscope.get_example('digits-dense').early_model_path\n" in workspace.code(
            "dense_2", "weight-change", {}, 0
        )

    def test_what_is_chosen_takes_its_place_at_once(self, workspace, tmp_path):
        self.moved(workspace)
        other = keras.models.load_model(core.get_example("digits-dense").model_path, compile=False)
        other.get_layer("dense_2").kernel.assign(other.get_layer("dense_2").kernel * 2)
        other.save(tmp_path / "mine.keras")
        workspace.compare_with_model(tmp_path / "mine.keras")

        told, moved = self.moved(workspace)
        assert told == "against mine.keras"
        assert moved == pytest.approx(self.expected(tmp_path / "mine.keras"), rel=1e-4)
        assert "other = 'mine.keras'\n" in workspace.code("dense_2", "weight-change", {}, 0)
        assert "other" not in workspace.code("dense_2", "weight-distribution", {}, 0)

    def test_the_code_draws_the_same_in_a_notebook(self, workspace):
        code = workspace.code("dense_2", "weight-change", {}, 0)
        names = {}
        exec(code.replace("\nactivations['dense_2']", "\nchart = activations['dense_2']"), names)
        rows = [row for rows in names["chart"].to_dict()["datasets"].values() for row in rows if "change" in row]
        assert [row["change"] for row in rows] == pytest.approx(self.moved(workspace)[1], rel=1e-4)

    def test_a_model_of_ones_own_is_set_against_fresh_weights_and_told_what_to_do(self, tmp_path):
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="only")]).save(tmp_path / "own.keras")
        workspace = core.Workspace()
        workspace.open_model(tmp_path / "own.keras")
        workspace.take_noise(4, 0)
        result = workspace.chart("only", "weight-change", {}, 0)

        assert "Choose a second model on Compare" in str(result.pictures[0].specification["title"])


@pytest.mark.parametrize("rate", [0, 8_000])
@pytest.mark.parametrize("kind", ["mel", "image", "sequence"])
def test_spectrograms_are_compared_upright_along_seconds_and_hertz(kind, rate):
    # What a layer of mel bands was made for, it says itself.
    mel = keras.layers.MelSpectrogram(256, 64, num_mel_bins=20, sampling_rate=8_000, name="spectrum")
    linear = keras.layers.STFTSpectrogram(frame_length=128, frame_step=64, expand_dims=kind == "image", name="spectrum")
    shape = (2_000,) if kind == "mel" else (2_000, 1)
    model = keras.Sequential([keras.Input(shape, name="wave"), mel if kind == "mel" else linear])
    known = SampleContext(specs=(InputSpec("wave", shape, "float32", sampling_rate=rate),))
    tones = [np.sin(np.arange(2_000) * 2 * np.pi * hertz / 8_000) for hertz in (500, 3_500)]
    low, high = (
        core.Extractor(model).extract(each.reshape(1, *shape).astype(np.float32), known=known)["spectrum"]
        for each in tones
    )
    specification = difference_chart(low, high, ("low", "high"), 3 if kind == "sequence" else None).to_dict()

    titles = ("Time (s)", "Frequency (Hz)") if rate or kind == "mel" else ("Frame", "Band")
    for panel in specification["concat"]:
        assert len(panel["layer"]) == 2  # no band is framed as a unit is
        encoding = panel["layer"][1]["encoding"]
        assert (encoding["x"]["title"], encoding["y"]["title"]) == titles
    brightest = [np.asarray(picture.convert("L")).mean(axis=1).argmax() for picture in pictures_in(specification)]
    rows = low.shape[1 if kind == "mel" else 2]
    assert brightest[0] > rows * 0.6  # far down
    assert brightest[1] < rows * 0.3
