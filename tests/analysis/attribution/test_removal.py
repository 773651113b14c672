"""Deletion and insertion curves, against a loop in NumPy that changes one sample at a time."""

import itertools

import keras
import numpy as np
import pytest

import core
from core.analysis.attribution import Target, attribute, removal_curves

random = np.random.default_rng(11)
layers = keras.layers


def test_curves_of_features_are_those_of_a_loop():
    keras.utils.set_random_seed(6)
    model = keras.Sequential(
        [
            keras.Input((7,), name="x"),
            layers.Dense(5, activation="relu"),
            layers.Dense(3, activation="softmax", name="y"),
        ]
    )
    x, counts = random.normal(size=(1, 7)).astype(np.float32), random.normal(size=7)
    found = removal_curves(core.Extractor(model), x, Target("y", 1), {"input:x": counts}, steps=7)
    deletion, insertion = [], []
    for number in range(8):
        first = np.isin(np.arange(7), np.argsort(-counts)[:number])
        deletion.append(float(model(np.where(first, 0, x).astype(np.float32))[0, 1]))
        insertion.append(float(model(np.where(first, x, 0).astype(np.float32))[0, 1]))

    np.testing.assert_allclose(found.deletion, deletion, atol=1e-5)
    np.testing.assert_allclose(found.insertion, insertion, atol=1e-5)
    np.testing.assert_allclose(found.shares, np.arange(8) / 7)
    area = sum((a + b) / 2 / 7 for a, b in itertools.pairwise(deletion))
    assert found.area(found.deletion) == pytest.approx(area, abs=1e-5)
    assert found.random_deletion[[0, -1]] == pytest.approx(found.deletion[[0, -1]], abs=1e-6)


def test_pixels_go_with_their_channels_and_an_image_comes_back_from_a_blur():
    model = keras.Sequential(
        [keras.Input((3, 6, 6), name="x"), layers.Flatten(), layers.Dense(2, activation="sigmoid", name="y")]
    )
    # Channels first: pixels are (row, column), and each holds three numbers.
    x, counts = random.normal(size=(1, 3, 6, 6)).astype(np.float32), random.normal(size=(6, 6))
    found = removal_curves(core.Extractor(model), x, Target("y", 0), {"input:x": counts}, steps=4)
    ranked = np.argsort(-counts.reshape(-1))
    for share, value in zip(found.shares, found.deletion, strict=True):
        gone = np.isin(np.arange(36), ranked[: round(share * 36)]).reshape(6, 6)
        assert value == pytest.approx(float(model(np.where(gone, 0, x).astype(np.float32))[0, 0]), abs=1e-5)
    assert found.insertion[-1] == pytest.approx(float(model(x)[0, 0]), abs=1e-5)
    assert found.insertion[0] != pytest.approx(found.deletion[-1], abs=1e-4)


@pytest.mark.parametrize("extents", [(8, 8, 1), (3, 6, 6, 1), (9, 2)], ids=["image", "volume", "series"])
def test_a_good_attribution_has_better_areas_than_chance_and_than_its_opposite(extents):
    model = keras.Sequential([keras.Input(extents, name="x"), layers.Flatten(), layers.Dense(1, "sigmoid", name="y")])
    weights = np.zeros(int(np.prod(extents)))
    weights[::9] = 3
    model.get_layer("y").set_weights([weights[:, None], np.array([-4.0])])
    # Something is only where it counts: an image of one colour would be its own blur.
    x = (weights > 0).astype(np.float32).reshape(1, *extents)
    extractor, target = core.Extractor(model), Target("y", 0)
    found = attribute(extractor, x, target, "gradient × input")
    good = removal_curves(extractor, x, target, found)
    bad = removal_curves(extractor, x, target, {each.entry: -each.values.sum(axis=-1) for each in found})

    assert good.area(good.deletion) < good.area(good.random_deletion) < bad.area(bad.deletion)
    assert good.area(good.insertion) > good.area(good.random_insertion) > bad.area(bad.insertion)
    assert good.in_words().startswith("Area under the curves: deletion 0.")


def test_several_inputs_are_ranked_together():
    left, right = keras.Input((2,), name="left"), keras.Input((3,), name="right")
    model = keras.Model([left, right], layers.Dense(1, name="y")(layers.Concatenate()([left, right])))
    model.get_layer("y").set_weights([np.array([[1.0], [8.0], [2.0], [4.0], [16.0]]), np.zeros(1)])
    x = {"left": np.ones((1, 2), np.float32), "right": np.ones((1, 3), np.float32)}
    target = Target("y", 0)
    found = removal_curves(
        core.Extractor(model), x, target, attribute(core.Extractor(model), x, target, "gradient × input")
    )

    np.testing.assert_allclose(found.deletion, [31, 15, 7, 3, 1, 0], atol=1e-5)
    np.testing.assert_allclose(found.insertion, [0, 16, 24, 28, 30, 31], atol=1e-5)
