"""Numbers of every precision, and those that are none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.extraction.extractor import extract

layers, ops = keras.layers, keras.ops
VECTORS = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)

# Keras quantizes every layer that it can, and warns of each other one.
NO_WEIGHTS_IN_AN_INPUT = pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`:UserWarning")


def same(one, other, tolerance=1e-5):
    np.testing.assert_allclose(one, other, atol=tolerance, rtol=tolerance)


def two(input_dtype=None, **settings):
    a, b = layers.Dense(5, "relu", name="a", **settings), layers.Dense(2, name="b", **settings)
    return keras.Sequential([keras.Input((4,), dtype=input_dtype), a, b])


@pytest.mark.parametrize(("policy", "rounding"), [("mixed_float16", tf.float16), ("mixed_bfloat16", tf.bfloat16)])
def test_half_precision_is_what_the_layers_computed_in(policy, rounding):
    model = two(dtype=policy)
    activations = extract(model, VECTORS)

    x = tf.cast(VECTORS, rounding)
    for layer, activation in ((model.layers[0], tf.nn.relu), (model.layers[1], tf.identity)):
        x = activation(tf.matmul(x, tf.cast(layer.kernel.value, rounding)) + tf.cast(layer.bias.value, rounding))
        assert activations[layer.name].layer.dtype == rounding.name
        same(activations[layer.name].values.astype(np.float32), tf.cast(x, tf.float32), 1e-2)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_keeps_every_value_exactly(name):
    model = keras.Sequential([keras.Input((4,)), layers.Activation("linear", dtype=name, name="cast")])

    exact = tf.cast(tf.cast(VECTORS, name), tf.float32).numpy()
    np.testing.assert_array_equal(extract(model, VECTORS)["cast"].values.astype(np.float32), exact)


def test_layers_of_different_precisions_in_one_model():
    parts = {"half": "float16", "single": "float32", "double": "float64"}
    model = keras.Sequential(
        [keras.Input((4,)), *(layers.Dense(4, dtype=dtype, name=name) for name, dtype in parts.items())]
    )
    activations = extract(model, VECTORS)

    x = VECTORS
    for layer, dtype in zip(model.layers, parts.values(), strict=True):
        assert activations[layer.name].values.dtype == dtype
        x = x.astype(dtype) @ layer.kernel.numpy() + layer.bias.numpy()
        same(activations[layer.name].values, x, 1e-2)


def test_a_double_precision_model_gets_its_inputs_in_double_precision():
    model = two("float64", dtype="float64")
    inputs = np.random.default_rng(0).normal(size=(3, 4))
    activations = extract(model, inputs)

    a, b = model.layers
    hidden = np.maximum(inputs @ a.kernel.numpy() + a.bias.numpy(), 0)
    same(activations["a"].values, hidden, 1e-13)
    same(activations["b"].values, hidden @ b.kernel.numpy() + b.bias.numpy(), 1e-13)


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "bfloat16"])
def test_a_model_built_while_another_precision_was_the_default(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = two()
    finally:
        keras.config.set_dtype_policy(before)
    activations = extract(model, VECTORS)

    wanted = np.asarray(tf.cast(model(VECTORS), tf.float32))
    same(activations["b"].values.astype(np.float32), wanted, 1e-2)
    assert activations["a"].layer.dtype == model.layers[0].compute_dtype


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_whole_numbers_stay_whole(dtype):
    numbers = np.array([[0, 1, 2], [3, 200, 1]])
    inputs = keras.Input((3,), dtype=dtype)
    activations = extract(keras.Model(inputs, inputs[:, ::-1]), numbers.astype(dtype))

    (activation,) = activations.values()
    assert activation.values.dtype == dtype
    np.testing.assert_array_equal(activation.values, numbers.astype(dtype)[:, ::-1])


@NO_WEIGHTS_IN_AN_INPUT
def test_an_int8_quantized_dense_layer():
    keras.utils.set_random_seed(0)
    model = two()
    model.quantize("int8")
    activations = extract(model, VECTORS)

    x = VECTORS
    for layer, activation in ((model.layers[0], lambda y: np.maximum(y, 0)), (model.layers[1], lambda y: y)):
        assert layer.kernel.dtype == "int8"
        scale = 127 / (np.abs(x).max(axis=-1, keepdims=True) + 1e-7)
        product = np.round(x * scale).astype(np.int64) @ layer.kernel.numpy().astype(np.int64)
        x = activation(product / scale / layer.kernel_scale.numpy() + layer.bias.numpy())
        same(activations[layer.name].values, x, 1e-3)


@NO_WEIGHTS_IN_AN_INPUT
def test_other_int8_quantized_layers():
    keras.utils.set_random_seed(0)
    ids, inputs = np.array([[1, 2, 0], [4, 4, 1]]), keras.Input((3,))
    embedding, project = layers.Embedding(5, 4, name="e"), layers.EinsumDense("abc,cde->abde", (None, 2, 2), name="p")
    model = keras.Model(inputs, project(embedding(inputs)))
    model.quantize("int8")
    activations = extract(model, ids)

    table = embedding.embeddings.numpy() / embedding.embeddings_scale.numpy()[:, None]
    same(activations["e"].values, table[ids], 1e-5)
    same(activations["p"].values, project(table[ids].astype(np.float32)), 1e-3)


@pytest.mark.parametrize("subclassed", [False, True])
def test_values_that_are_no_numbers(subclassed):
    class Breaking(layers.Layer):
        def call(self, x):
            return ops.log(x)

    class Outer(keras.Model):
        def __init__(self, parts):
            super().__init__()
            self.parts = parts

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

    inputs = np.array([[1, 0, -1, np.inf], [np.nan, 1, 1, 1]], np.float32)
    parts = [Breaking(name="log"), layers.Dense(2, name="dense")]
    activations = extract(Outer(parts) if subclassed else keras.Sequential(parts), inputs)

    with np.errstate(all="ignore"):
        logarithm = np.log(inputs)
    np.testing.assert_allclose(activations["log"].values, logarithm)
    assert np.isnan(activations["dense"].values).all()
    assert np.isneginf(activations["log"].values[0, 1])


def test_an_overflow_of_half_precision():
    model = keras.Sequential([keras.Input((1,)), layers.Rescaling(1000.0, dtype="float16", name="large")])
    values = extract(model, np.array([[1.0], [100.0], [-100.0]]))["large"].values

    np.testing.assert_array_equal(values, np.array([[1000], [np.inf], [-np.inf]], np.float16))


def test_complex_numbers():
    class Spectrum(layers.Layer):
        def call(self, x):
            return tf.signal.fft(tf.cast(x, tf.complex64))

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, "complex64")

    class Power(layers.Layer):
        def call(self, x):
            return tf.abs(x)

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, "float32")

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Power(name="power", autocast=False)(Spectrum(name="spectrum")(inputs)))
    activations = extract(model, VECTORS)

    same(activations["spectrum"].values, np.fft.fft(VECTORS), 1e-4)
    same(activations["power"].values, np.abs(np.fft.fft(VECTORS)), 1e-4)
