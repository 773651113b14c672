"""A second model, as pictures are given it."""

import keras
import numpy as np
import pytest

import core
from core.analysis.other_model import OtherModel, other_model_of
from core.errors import InputRejected

VECTORS = np.random.default_rng(5).normal(size=(40, 4)).astype(np.float32)


def model(units=3, name="one", layer="dense"):
    return keras.Sequential([keras.Input((4,), name=f"of_{name}"), keras.layers.Dense(units, name=layer)], name=name)


def test_its_layer_answers_to_the_same_samples():
    first, second = model(), model(name="two")
    activations = core.extract(first, VECTORS)
    found = other_model_of(second).layer_like(activations["dense"])

    np.testing.assert_allclose(found.values, second.predict(VECTORS, verbose=0), rtol=1e-5)
    np.testing.assert_array_equal(found.weights["kernel"], second.layers[0].kernel)
    one = other_model_of(second).layer_like(activations["dense"].sample(7))
    np.testing.assert_allclose(one.values, found.values[7:8], rtol=1e-5)


def test_it_may_lack_the_layer_have_another_shape_or_take_something_else():
    activation = core.extract(model(), VECTORS)["dense"]

    assert other_model_of(model(layer="elsewhere")).layer_like(activation) is None
    assert other_model_of(model(units=5)).layer_like(activation).shape == (40, 5)
    with pytest.raises(InputRejected):
        other_model_of(keras.Sequential([keras.Input((9,)), keras.layers.Dense(3, name="dense")])).layer_like(
            activation
        )


def test_it_is_made_of_a_model_a_path_or_itself(tmp_path):
    second = model(name="two")
    second.save(tmp_path / "two.keras")

    assert other_model_of(second).name == other_model_of(tmp_path / "two.keras").name == "two"
    known = OtherModel("mine", core.Extractor(second))
    assert other_model_of(known) is known


def test_of_an_activation_that_no_model_answered_nothing_is_run(make_activation):
    with pytest.raises(InputRejected, match="What went into"):
        other_model_of(model()).layer_like(make_activation("sample=2 unit=3"))
