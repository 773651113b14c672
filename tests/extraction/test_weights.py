"""What a layer's own initializers draw, against what Keras gave the layer when it was built."""

import keras
import numpy as np
import pytest

import core

layers = keras.layers
RANDOM = np.random.default_rng(4)
VECTORS = RANDOM.normal(size=(2, 6)).astype(np.float32)
SERIES = RANDOM.normal(size=(2, 7, 5)).astype(np.float32)
IMAGES = RANDOM.normal(size=(2, 6, 6, 3)).astype(np.float32)


def trained(layer, inputs):
    """Return what a layer began with by name, and its activation after its weights were moved."""
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    began = dict(core.extract(model, inputs)[layer.name].weights)
    for weight in layer.weights:
        weight.assign_add(RANDOM.normal(size=weight.shape))
    return began, core.extract(model, inputs)[layer.name]


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (lambda: layers.Dense(4, kernel_initializer=keras.initializers.GlorotUniform(seed=3)), VECTORS),
        (lambda: layers.Conv2D(4, 3, kernel_initializer=keras.initializers.HeNormal(seed=3)), IMAGES),
        (
            lambda: layers.DepthwiseConv2D(3, depthwise_initializer=keras.initializers.RandomNormal(seed=3)),
            IMAGES,
        ),
        (
            lambda: layers.SeparableConv1D(
                4,
                3,
                depthwise_initializer=keras.initializers.RandomNormal(seed=3),
                pointwise_initializer=keras.initializers.RandomNormal(seed=4),
            ),
            SERIES,
        ),
        (
            lambda: layers.LSTM(
                3,
                kernel_initializer=keras.initializers.GlorotUniform(seed=3),
                recurrent_initializer=keras.initializers.Orthogonal(seed=3),
                bias_initializer=keras.initializers.RandomNormal(seed=5),
            ),
            SERIES,
        ),
        (
            lambda: layers.GRU(
                3,
                kernel_initializer=keras.initializers.GlorotUniform(seed=3),
                recurrent_initializer=keras.initializers.Orthogonal(seed=3),
            ),
            SERIES,
        ),
        (lambda: layers.BatchNormalization(), VECTORS),
    ],
    ids=["dense", "conv", "depthwise", "separable", "lstm", "gru", "normalization"],
)
def test_with_seeds_they_are_what_the_layer_began_with(layer, inputs):
    began, activation = trained(layer(), inputs)
    fresh = activation.fresh_weights

    assert fresh.keys() == began.keys()
    for name, weights in fresh.items():
        assert weights.is_exact, name
        np.testing.assert_array_equal(weights.values, began[name], err_msg=name)


def test_without_a_seed_they_have_the_spread_and_are_not_said_to_be_the_same():
    _, activation = trained(layers.Dense(300), VECTORS)
    kernel, bias = activation.fresh_weights["kernel"], activation.fresh_weights["bias"]

    limit = np.sqrt(6 / (6 + 300))  # Glorot and Bengio 2010
    assert np.abs(kernel.values).max() <= limit
    assert kernel.values.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)
    assert (kernel.initializer, kernel.is_exact) == ("GlorotUniform", False)
    assert (bias.initializer, bias.is_exact) == ("Zeros", True)
    np.testing.assert_array_equal(activation.fresh_weights["kernel"].values, kernel.values)


def test_one_that_draws_without_a_seed_is_not_said_to_be_exact():
    class Chance(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.random.default_rng().normal(size=shape)

        def get_config(self):
            return {}

    _, activation = trained(layers.Dense(3, kernel_initializer=Chance()), VECTORS)
    assert not activation.fresh_weights["kernel"].is_exact


def test_what_nobody_knows_is_left_out():
    class Own(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")

        def call(self, inputs):
            return inputs * self.scale

    _, activation = trained(Own(), VECTORS)
    assert dict(activation.fresh_weights) == {}
    assert "kernel" not in trained(layers.Dense(800_000), VECTORS)[1].fresh_weights


def test_layers_inside_have_their_own():
    inputs = keras.Input((7, 5))
    model = keras.Model(inputs, layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs))
    activation = core.extract(model, SERIES)["attention"]

    fresh = activation.fresh_weights
    assert fresh.keys() == activation.weights.keys()
    assert fresh["query/kernel"].values.shape == (5, 2, 3)
