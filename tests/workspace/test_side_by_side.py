"""Every picture beside the same picture of something else: on one scale by Vega's own account, and the difference."""

import re

import altair as alt
import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry
from core.workspace.pin_results import Pinned
from vizplugins import Handles, Options, SampleIndex, UnitIndex, Visualizer, hookimpl

EXAMPLES = ("digits-cnn", "vowels-lstm", "reviews-transformer", "clips-lstm", "diabetes-regression")
OWN = "own"
"""A model of waves, for what no example has."""
BUILT_IN = [each.name for each in Registry().visualizers if not each.handles.is_over_steps]
"""All but those of a recorded training, which is set beside another run on a page of its own."""
DRAWS_DIFFERENCES = {
    *("activation-line", "attention-heads", "before-and-after", "class-probabilities", "classes-over-time"),
    *("feature-maps", "film-strip", "gate-heatmaps", "gates", "histogram", "rearranged", "rgb-composite"),
    *("statistics", "strongest-units", "time-frequency", "unit-heatmap", "unit-lines", "value-table", "volume-slices"),
}


DIFFERENCES_OF_MAPS = {"input-attribution", "attention-rollout", "receptive-field", "unit-map"}
BY_WORD = {
    "attention-heads": "Not on one scale: 'Key', 'Query'.",
    "embedding-rows": "Not on one scale: 'Token'.",
}


class CloudOptions(Options):
    """Which unit."""

    sample: SampleIndex = 0
    unit: UnitIndex = 0


class Cloud(Visualizer):
    """A stranger's picture, with marks alone."""

    name = "cloud"
    title = "Cloud"
    handles = Handles(dtypes=("number",))
    Options = CloudOptions

    def chart(self, activation, options):
        frame = activation.sample(options.sample).to_frame().assign(place=range(activation.values[0].size))
        return alt.Chart(frame).mark_point().encode(alt.X("place:Q"), alt.Y("value:Q", title="Activation"))


@hookimpl
def visualizers():
    return [Cloud()]


@pytest.fixture(scope="module")
def registry():
    registry = Registry()
    assert registry.register(Cloud())
    return registry


@pytest.fixture(scope="module")
def opened(registry, tmp_path_factory):
    """Return a function that gives the workspace of an example, opened once."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = core.Workspace(registry)
            if name == OWN:
                kept[name].open_model(model_of_waves(tmp_path_factory.mktemp("waves") / "waves.keras"))
                kept[name].take_noise(8, 0)
            else:
                kept[name].open_example(name)
        return kept[name]

    return get


def model_of_waves(path):
    layers = [
        keras.Input((800, 1), name="wave"),
        keras.layers.STFTSpectrogram(frame_length=64, frame_step=32, name="spectrum"),
        keras.layers.Dense(3, activation="softmax", name="classes"),
    ]
    keras.Sequential(layers).save(path)
    return path


@pytest.fixture(scope="module")
def numbers():
    """What every layer of the digits example answers to its samples, by a pass of its own."""
    example = next(each for each in core.list_examples() if each.name == "digits-cnn")
    return core.extract(core.load_model(example.model_path), example.samples()[0]["image"][:8])


def reaches(result):
    """Return what Vega itself says of each axis and legend of numbers: from where to where it reaches."""
    charts = [vl_convert.vegalite_to_svg({"width": 300, **picture.specification}) for picture in result.pictures]
    return [re.findall(r"for an? (?:linear|log)[\w ]* with values from (.*?)[\"&]", chart) for chart in charts]


def first_that_suits(opened, name):
    for example in (*EXAMPLES, OWN):
        workspace = opened(example)
        for row in workspace.layers(0):
            if any(each.name == name for each in workspace.visualizers(row.key, 0)):
                return workspace, row.key
    raise AssertionError(f"No layer suits {name}")


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_picture_is_drawn_twice_on_one_scale_with_the_difference_or_why_not(opened, name):
    workspace, layer = first_that_suits(opened, name)
    pair = workspace.side_by_side(layer, name, {}, 0, Pinned(sample=5))

    assert pair.titles == ("sample 0", "sample 5")
    assert not pair.first.failure
    assert len(pair.first.pictures) == len(pair.second.pictures) > 0
    if name in BY_WORD:
        # Reviews are not equally long.
        assert pair.notes[-1] == BY_WORD[name]
    else:
        assert "Both are on one scale." in pair.notes
        assert reaches(pair.first) == reaches(pair.second)
    assert (pair.difference is None) == bool(pair.reason)
    assert (pair.difference is not None) == (name in DRAWS_DIFFERENCES | DIFFERENCES_OF_MAPS)
    if pair.difference:
        assert not pair.difference.failure
        assert all("sample 5 minus sample 0" in picture.alt for picture in pair.difference.pictures)
        assert len(reaches(pair.difference)) == len(pair.difference.pictures)


def test_colours_hold_the_answers_to_both(opened, numbers):
    options = {"scale_each": False, "channel": 3}
    pair = opened("digits-cnn").side_by_side("conv_1", "feature-maps", options, 0, Pinned(sample=7))
    both = numbers["conv_1"].values[[0, 7]]

    legends = [
        part["layer"][1]["encoding"]["color"]["scale"]["domain"]
        for result in (pair.first, pair.second)
        for part in result.pictures[0].specification["vconcat"][1:]
    ]
    assert legends[0] == legends[1] == pytest.approx([both.min(), both.max()], rel=1e-5)


def test_the_difference_is_what_numpy_says(opened, numbers):
    pair = opened("digits-cnn").side_by_side("dense", "activation-line", {"@unit": 3}, 0, Pinned(sample=7))
    dense = numbers["dense"].values
    (picture,) = pair.difference.pictures
    (rows,) = [rows for rows in picture.specification["datasets"].values() if len(rows) == dense.shape[1]]
    found = [next(value for key, value in row.items() if key in ("value", "activation")) for row in rows]

    np.testing.assert_allclose(found, dense[7] - dense[0], rtol=1e-4, atol=1e-5)
    assert picture.specification["title"]["text"] == "Difference: sample 7 minus sample 0"
    assert picture.selections == ()


def test_what_a_panel_says_of_an_answer_is_not_said_of_a_difference(opened):
    pair = opened("reviews-transformer").side_by_side("attention", "attention-heads", {}, 0, Pinned(sample=5))

    titles = [
        result.pictures[0].specification["hconcat"][0]["title"]["text"] for result in (pair.first, pair.difference)
    ]
    assert titles[0].startswith("Average over heads · a query looks at ")
    assert titles[1] == "Average over heads"


def test_where_no_unit_is_chosen_both_show_the_one_that_differs_the_most(opened, numbers):
    pair = opened("digits-cnn").side_by_side("dense", "strongest-units", {}, 0, Pinned(sample=7))
    unit = np.abs(numbers["dense"].values[7] - numbers["dense"].values[0]).argmax()

    assert f"Unit {unit} is shown: the one that differs the most." in pair.notes
    for result in (pair.first, pair.second, pair.difference):
        assert f"unit {unit}" in str(result.pictures[0].specification["datasets"])


def test_a_unit_is_set_beside_another_one(opened, numbers):
    workspace = opened("digits-cnn")
    pair = workspace.side_by_side("conv_1", "feature-maps", {"@unit": 2}, 0, Pinned(unit=5))
    maps = numbers["conv_1"].values[0]

    assert pair.titles == ("unit 2", "unit 5")
    cells = max(pair.difference.pictures[0].specification["datasets"].values(), key=len)
    np.testing.assert_allclose(
        [cell["value"] for cell in cells], (maps[..., 5] - maps[..., 2]).reshape(-1), rtol=1e-4, atol=1e-6
    )


def test_layers_of_other_shapes_have_no_difference(opened):
    pair = opened("digits-cnn").side_by_side("conv_1", "histogram", {}, 0, Pinned(layer="pool"))

    assert pair.titles == ("conv_1", "pool")
    assert reaches(pair.first) == reaches(pair.second)
    assert pair.difference is None
    assert pair.reason == "The answers have different shapes, 8×8×16 and 4×4×32, so nothing can be subtracted."


def test_what_does_not_suit_the_pin_is_said(opened):
    workspace = opened("digits-cnn")
    flat = workspace.side_by_side("conv_1", "feature-maps", {}, 0, Pinned(layer="dense"))
    gone = workspace.side_by_side("conv_1", "feature-maps", {}, 0, Pinned(sample=9_000))

    assert (flat.first, flat.second, flat.difference) == (None, None, None)
    assert flat.reason == "“Feature maps” does not suit dense: choose a picture that suits both."
    assert gone.first is None
    assert "9,000" in gone.reason or "9000" in gone.reason


def test_maps_that_the_model_is_run_for_are_subtracted_place_by_place(opened):
    workspace = opened("digits-cnn")
    pair = workspace.side_by_side(
        "conv_1", "input-attribution", {"@unit": 2, "method": "saliency"}, 0, Pinned(sample=7)
    )
    values = []
    for result in (pair.first, pair.second, pair.difference):
        maps = [rows for rows in result.pictures[0].specification["datasets"].values() if len(rows) == 64]
        values.append(np.array([row["value"] for row in maps[0]]))

    np.testing.assert_allclose(values[2], values[1] - values[0], rtol=1e-4, atol=1e-6)
    assert pair.difference.pictures[0].specification["title"]["text"] == "Difference: sample 7 minus sample 0"


def test_maps_for_two_classes_are_not_subtracted(opened):
    workspace = opened("digits-cnn")
    each = workspace.side_by_side("conv_1", "class-activation-map", {}, 0, Pinned(sample=7))
    one = workspace.side_by_side("conv_1", "class-activation-map", {"@class": 3}, 0, Pinned(sample=7))

    assert each.reason == "Each is about the class that is answered there: choose one class, and both are about that."
    assert each.difference is None
    assert one.difference.pictures


def test_a_second_model_is_set_beside_the_first(registry, tmp_path):
    paths = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        # Inputs are matched by their order: another model's may bear other names.
        layers = [keras.Input((6,), name=f"in_{seed}"), keras.layers.Dense(4, name="dense")]
        paths.append(tmp_path / f"model_{seed}.keras")
        keras.Sequential(layers).save(paths[-1])
    workspace = core.Workspace(registry)
    workspace.open_model(paths[0])
    workspace.take_noise(3, 0)
    workspace.compare_with_model(paths[1])
    values = workspace.side_by_side("dense", "activation-line", {}, 1, Pinned(is_other_model=True))
    weights = workspace.side_by_side("dense", "weight-matrix", {}, 1, Pinned(is_other_model=True))

    assert values.titles == ("model_1.keras", "model_2.keras")
    kernels = [keras.saving.load_model(path).layers[0].get_weights()[0] for path in paths]
    cells = [rows for rows in weights.difference.pictures[0].specification["datasets"].values() if len(rows) == 24]
    found = sorted(cell["value"] for cell in cells[0])
    np.testing.assert_allclose(found, np.sort((kernels[1] - kernels[0]).reshape(-1)), rtol=1e-4, atol=1e-6)
    samples = workspace.side_by_side("dense", "weight-matrix", {}, 1, Pinned(sample=2))
    assert samples.reason == "It draws weights of the layer, which are the same for both."


def test_a_strangers_picture_needs_nothing_for_it(opened, numbers):
    pair = opened("digits-cnn").side_by_side("dense", "cloud", {}, 0, Pinned(sample=7))
    dense = numbers["dense"].values

    assert reaches(pair.first) == reaches(pair.second)
    (rows,) = pair.difference.pictures[0].specification["datasets"].values()
    np.testing.assert_allclose([row["value"] for row in rows], dense[7] - dense[0], rtol=1e-4, atol=1e-5)
    assert pair.difference.pictures[0].specification["encoding"]["y"]["title"] == "Difference"
