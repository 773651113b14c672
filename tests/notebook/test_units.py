"""A unit with a known twin, field, weights and effect is described rightly, in Python and on its card."""

import keras
import numpy as np
import pytest

import core
import layerscope
from core.errors import InputRejected
from core.extraction.extractor import Extractor

layers = keras.layers
RANDOM = np.random.default_rng(5)
BRIGHT = slice(4, 7)


@pytest.fixture(scope="module")
def planted():
    """Channel 1 looks at 3×3 pixels, channel 2 is its twin, channel 3 its opposite; class 1 rests on channel 1."""
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1), name="image"),
            layers.Conv2D(5, 3, name="conv"),
            layers.GlobalMaxPooling2D(name="strongest"),
            layers.Dense(2, activation="softmax", name="classes"),
        ]
    )
    kernel = np.zeros((3, 3, 1, 5), np.float32)
    kernel[..., 0] = RANDOM.normal(size=(3, 3, 1))
    kernel[..., 1] = 1 / 9
    kernel[..., 2] = 2 / 9
    kernel[..., 3] = -1 / 9
    model.get_layer("conv").set_weights([kernel, np.zeros(5, np.float32)])
    dense = np.array([[0.1, 0], [-2, 6], [0, 0], [0, 0], [0, 0]], np.float32)
    model.get_layer("classes").set_weights([dense, np.zeros(2, np.float32)])
    images = RANDOM.uniform(0, 0.1, (24, 12, 12, 1)).astype(np.float32)
    labels = np.arange(24) % 2
    for number in np.flatnonzero(labels):
        images[number, BRIGHT, BRIGHT] = 0.5 + number / 50
    return model, images, labels


@pytest.fixture(scope="module")
def unit(planted):
    model, images, labels = planted
    return layerscope.unit(model, images, "conv", 1, labels=labels, class_names=("dark", "bright"), sample=23)


def convolved(images):
    patches = np.lib.stride_tricks.sliding_window_view(images[..., 0], (3, 3), axis=(1, 2))
    return patches.mean(axis=(-1, -2))


def test_what_it_answers_to_and_which_class_it_is_selective_for(unit, planted):
    _, images, labels = planted
    expected = convolved(images).max(axis=(1, 2))

    assert unit.kind == "channel"
    np.testing.assert_allclose(unit.answers, expected, rtol=1e-5)
    assert unit.strongest.tolist() == np.argsort(-expected, kind="stable").tolist()
    bright, dark = expected[labels == 1].mean(), expected[labels == 0].mean()
    assert unit.selectivity.best == "bright"
    assert unit.selectivity.index == pytest.approx((bright - dark) / (bright + dark), rel=1e-5)


def test_its_twin_and_its_opposite(unit):
    assert unit.similar.index[0] == 2
    assert unit.similar.iloc[0] == pytest.approx(1)
    assert unit.similar.index[-1] == 3
    assert unit.similar.iloc[-1] == pytest.approx(-1)
    assert 4 not in unit.similar.index  # it is dead
    assert 0.4 < unit.chance < 0.7


def test_what_it_sees_is_where_it_answers_the_most(unit):
    (field,) = unit.receptive_field

    assert field.size == (3, 3)
    assert field.ends == ((4, 7), (4, 7))


def test_what_changes_without_it(unit, planted):
    model, images, _ = planted
    pooled = model.layers[1](model.layers[0](images[23:24])).numpy()
    pooled[:, 1] = 0
    expected = model.layers[2](pooled).numpy()

    np.testing.assert_allclose(unit.ablation.before, model(images[23:24]).numpy(), rtol=1e-5)
    np.testing.assert_allclose(unit.ablation.after, expected, rtol=1e-5)
    assert unit.ablation.before[0].argmax() == 1
    assert unit.ablation.after[0].argmax() == 0


def test_what_it_weighs_and_what_weighs_it(unit):
    assert unit.weights_in.units == (("input:image", 0, pytest.approx(1 / 3)),)
    assert unit.weights_out.units == (("classes", 1, 6.0), ("classes", 0, -2.0))


def test_what_it_rests_on_adds_up(unit, planted):
    _, images, _ = planted
    (found,) = unit.attribution

    assert found.objective == pytest.approx(convolved(images[23:24]).mean(), rel=1e-4)
    assert found.total == pytest.approx(found.objective, rel=1e-2)


def test_the_card_of_the_page_says_the_same(unit, planted, tmp_path):
    model, images, labels = planted
    model.save(tmp_path / "planted.keras")
    np.savez(tmp_path / "samples.npz", image=images, labels=labels)
    workspace = core.Workspace()
    workspace.open_model(tmp_path / "planted.keras")
    workspace.set_class_names(("dark", "bright"))
    workspace.take_files(
        {"image": [("samples.npz", (tmp_path / "samples.npz").read_bytes())]},
        scaling="unit",
        fit="stretch",
        invert=False,
    )
    card = workspace.unit_card("conv", 1, 23)
    pictures = {
        picture.name: workspace.chart("conv", picture.name, picture.values_of({"@unit": 1}), 23).pictures
        for picture in card.pictures
    }
    captions = {name: [each.caption for each in parts] for name, parts in pictures.items()}

    assert (card.name, card.unit_count, card.kind) == ("channel 1 of conv", 5, "channel")
    assert f"selectivity {unit.selectivity.index:.2f}" in captions["exciting-samples"][2]
    assert captions["similar-units"][1].startswith("channel 2 of conv beside it: correlation 1")
    assert "sees 3×3 of the 12×12 of image" in captions["receptive-field"][0]
    assert captions["unit-weights"][1].startswith("It is weighed by 2 units behind it")
    assert workspace.unit_card("conv", None, 23).unit == 2  # the strongest
    found = workspace.find_units("answers to bright and not to dark", "conv", 1, 23)
    assert {(row.layer, row.unit) for row in found.rows} >= {("conv", 1), ("conv", 2), ("classes", 1)}
    assert ("conv", 3) not in {(row.layer, row.unit) for row in found.rows}
    twins = workspace.find_units("like this one", "conv", 1, 23)
    assert twins.rows[0].unit == 2
    assert twins.rows[0].why == "correlation 1"
    assert [row.unit for row in workspace.find_units("constant", "conv", 1, 23).rows] == [4]


@pytest.mark.parametrize(("layer", "number"), [("conv", 5), ("nothing", 0), ("conv", -1)])
def test_what_there_is_not_is_refused_in_words(planted, layer, number):
    model, images, _ = planted

    with pytest.raises(InputRejected, match=layer):
        layerscope.unit(model, images, layer, number)


def test_of_a_model_too_large_to_be_kept_the_weights_are_read_all_the_same(planted, tmp_path):
    planted[0].save(tmp_path / "planted.keras")
    workspace = core.Workspace(memory_budget=1)
    workspace.open_model(tmp_path / "planted.keras")
    workspace.take_noise(2, 0)
    picture = next(each for each in workspace.unit_card("conv", 1, 1).pictures if each.name == "unit-weights")
    result = workspace.chart("conv", picture.name, picture.values_of({"@unit": 1}), 1)

    assert result.failure is None
    assert result.pictures[1].caption.startswith("It is weighed by 2 units behind it")


def test_units_are_named_without_running_their_layers_again(planted, tmp_path, monkeypatch):
    planted[0].save(tmp_path / "planted.keras")
    workspace = core.Workspace(memory_budget=1)
    workspace.open_model(tmp_path / "planted.keras")
    workspace.take_noise(8, 0)
    workspace.health()
    monkeypatch.setattr(Extractor, "extract", lambda *_, **__: pytest.fail("the model was run"))

    assert [row.name for row in workspace.find_units("constant", "conv", 1, 0).rows] == ["channel 4 of conv"]


def test_units_that_answer_no_numbers_are_found_where_the_input_has_none_either(planted, tmp_path):
    model, images, _ = planted
    model.save(tmp_path / "planted.keras")
    np.save(tmp_path / "image.npy", np.where(np.arange(24) == 3, np.nan, 1)[:, None, None, None] * images)
    workspace = core.Workspace()
    workspace.open_model(tmp_path / "planted.keras")
    files = {"image": [("image.npy", (tmp_path / "image.npy").read_bytes())]}
    workspace.take_files(files, scaling="none", fit="stretch", invert=False)

    assert ("classes", 0) in {(row.layer, row.unit) for row in workspace.find_units("not finite", "conv", 1, 0).rows}
