"""What is subtracted from what, against NumPy."""

import keras
import numpy as np
import pytest

import core
from core.analysis.differences import DifferenceOfAnswers, unit_that_differs_most
from core.errors import InputRejected

RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def images():
    return RANDOM.normal(size=(2, 6, 6, 1)).astype(np.float32)


def model(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.Flatten(name="flat")]
    )


def difference(first, second, units=None, *, is_same_input=False, is_same_model=True):
    return DifferenceOfAnswers(first, second, units, is_same_input=is_same_input, is_same_model=is_same_model)


def test_the_second_minus_the_first_and_what_went_in_likewise(images):
    activations = core.extract(model(0), images, labels=np.array([1, 0]))
    found = difference(activations["flat"].sample(0), activations["flat"].sample(1)).activation
    conv = activations["conv"].values

    assert found.axes == ("sample", "unit")
    np.testing.assert_array_equal(found.values[0], (conv[1] - conv[0]).reshape(-1))
    np.testing.assert_array_equal(found.inputs[0].values[0], conv[1] - conv[0])
    # It is of no sample: neither an image nor a class is to be seen beside it.
    assert dict(found.context.inputs) == {}
    assert found.context.labels is None


def test_of_one_sample_what_went_in_is_shown_beside_the_difference(images):
    first, second = (core.extract(model(seed), images)["conv"].sample(1) for seed in (0, 1))
    found = difference(first, second, is_same_input=True, is_same_model=False)

    (given,) = found.activation.context.inputs.values()
    np.testing.assert_array_equal(given, images[1:2])
    assert not found.has_read_weights
    np.testing.assert_array_equal(
        found.activation.weights["kernel"], second.weights["kernel"] - first.weights["kernel"]
    )
    assert found.has_read_weights


def test_two_units_are_subtracted_alone(images):
    conv = core.extract(model(0), images)["conv"]
    found = difference(conv.sample(0), conv.sample(0), (1, 3)).activation

    assert found.shape == (1, 4, 4, 1)
    np.testing.assert_array_equal(found.values[0, ..., 0], conv.values[0, ..., 3] - conv.values[0, ..., 1])


def test_whole_numbers_do_not_turn_over():
    layer = keras.Sequential([keras.Input((3,), dtype="uint8"), keras.layers.Identity(name="same")])
    same = core.extract(layer, np.array([[200, 0, 9], [10, 250, 9]], np.uint8))["same"]

    assert difference(same.sample(0), same.sample(1)).activation.values.tolist() == [[-190, 250, 0]]


def test_what_is_masked_in_one_is_masked_in_the_difference():
    layers = [keras.Input((4, 1)), keras.layers.Masking(name="masking")]
    series = np.array([[1, 2, 3, 0], [1, 0, 0, 0]], np.float32)[..., None]
    masking = core.extract(keras.Sequential(layers), series)["masking"]

    assert difference(masking.sample(0), masking.sample(1)).activation.mask.tolist() == [[True, False, False, False]]


def test_other_shapes_and_texts_are_refused(images):
    activations = core.extract(model(0), images)
    with pytest.raises(InputRejected, match="4×4×4 and 64"):
        difference(activations["conv"].sample(0), activations["flat"].sample(0))


def test_the_unit_that_differs_most(images):
    conv = core.extract(model(0), images)["conv"]
    away = ((conv.values[1] - conv.values[0]) ** 2).sum(axis=(0, 1))

    assert unit_that_differs_most(conv.sample(0), conv.sample(1)) == away.argmax()
    assert unit_that_differs_most(conv.sample(0), conv.sample(0)) is None
