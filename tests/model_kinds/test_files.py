"""Models that come from a file: what their layers answer is what they answered before they were saved."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import core
from tests.support.small_models import save

layers, old = keras.layers, tf_keras.layers
RANDOM = np.random.default_rng(7)
SERIES = RANDOM.normal(size=(3, 6, 4)).astype(np.float32)
IMAGES = RANDOM.normal(size=(2, 8, 8, 3)).astype(np.float32)
IDS = np.array([[3, 1, 2, 0, 0], [1, 2, 0, 0, 0]])


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def branching():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, "relu", name="a")], name="inner")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2, name="out")(inner(inner(inputs)) + inputs))


def convolutional():
    parts = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm"), layers.ReLU(name="relu")]
    return keras.Sequential([keras.Input((8, 8, 3)), *parts, layers.MaxPooling2D(name="pool")])


def reading():
    embedding = layers.Embedding(6, 3, mask_zero=True, name="embedding")
    both = layers.Bidirectional(layers.LSTM(2, return_sequences=True), name="both")
    return keras.Sequential([keras.Input((5,)), embedding, both, layers.GRU(2, name="last")])


@keras.saving.register_keras_serializable("kinds")
class Chosen(keras.Model):
    """Subclassed, saved with its own configuration."""

    def __init__(self, units=3, **settings):
        super().__init__(**settings)
        self.units = units
        self.hidden, self.out = layers.Dense(units, "tanh", name="hidden"), layers.Dense(2, name="out")

    def call(self, x):
        return self.out(self.hidden(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("build", "inputs"), [(branching, SERIES[:, 0]), (convolutional, IMAGES), (reading, IDS)], ids=lambda each: ""
)
def test_every_layer_answers_as_before(build, inputs, suffix, tmp_path):
    model = build()
    before = core.extract(model, inputs)
    after = core.extract(core.load_model(save(model, tmp_path / f"model{suffix}")), inputs)

    assert list(after) == list(before)
    for key, activation in after.items():
        same(activation.values, before[key].values)
        np.testing.assert_array_equal(activation.mask, before[key].mask)
    same(after.output, model(inputs))


def test_a_subclassed_model_that_is_registered(tmp_path):
    model = Chosen(5)
    expected = model(SERIES[:, 0])
    path = save(model, tmp_path / "model.keras")
    activations = core.extract(core.load_model(path, custom_objects={"kinds>Chosen": Chosen}), SERIES[:, 0])

    same(activations["hidden"].values, model.hidden(SERIES[:, 0]))
    same(activations["out"].values, expected)


def test_a_quantized_model(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.quantize("int8")
    activations = core.extract(core.load_model(save(model, tmp_path / "model.keras")), SERIES[:, 0])

    same(activations["a"].values, model.layers[0](SERIES[:, 0]))
    same(activations["b"].values, model(SERIES[:, 0]))


def keras_2_dense():
    return tf_keras.Sequential([old.Dense(3, "relu", input_shape=(4,), name="a"), old.Dense(2, "softmax", name="b")])


def keras_2_convolutional():
    inputs = old.Input((8, 8, 3))
    x = old.ReLU(name="relu")(old.BatchNormalization(name="norm")(old.Conv2D(4, 3, name="conv")(inputs)))
    x = old.Add(name="sum")([old.DepthwiseConv2D(1, name="deep")(x), x])
    return tf_keras.Model(inputs, old.GlobalAveragePooling2D(name="mean")(x))


def keras_2_recurrent():
    inputs = old.Input((6, 4))
    x = old.Bidirectional(old.LSTM(3, return_sequences=True), name="both")(inputs)
    x = old.TimeDistributed(old.Dense(2), name="each")(x)
    return tf_keras.Model(inputs, old.GRU(2, name="last")(x))


def keras_2_text():
    inputs = old.Input((5,))
    x = old.Embedding(6, 3, mask_zero=True, name="embedding")(inputs)
    return tf_keras.Model(inputs, old.LSTM(2, name="lstm")(x))


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (keras_2_dense, SERIES[:, 0]),
        (keras_2_convolutional, IMAGES),
        (keras_2_recurrent, SERIES),
        (keras_2_text, IDS),
    ],
    ids=["dense", "convolutional", "recurrent", "text"],
)
def test_every_layer_answers_as_keras_2_did(build, inputs, suffix, tmp_path):
    model = build()
    activations = core.extract(core.load_model(save(model, tmp_path / f"model{suffix}")), inputs)

    for layer in model.layers:
        if not isinstance(layer, old.InputLayer):
            expected = tf_keras.Model(model.input, layer.output)(tf.constant(inputs))
            same(activations[layer.name].values, expected)
    same(activations.output, model(tf.constant(inputs)))


class TestSavedModel:
    @pytest.mark.parametrize(("build", "inputs"), [(branching, SERIES[:, 0]), (convolutional, IMAGES)])
    def test_its_answer_is_that_of_the_model(self, build, inputs, tmp_path):
        model = build()
        model.export(tmp_path / "exported", verbose=False)
        activations = core.extract(core.load_model(tmp_path / "exported"), inputs)

        (answer,) = keras.tree.flatten(activations.output)
        same(answer, model(inputs))
        same(activations.at(-1).values, answer)
        # Inside of it are the layers of the model.
        inside = {key.removesuffix("_1") for key in activations}
        assert inside >= {layer.name for layer in model.layers if layer.weights and layer.name != "inner"}

    def test_with_several_inputs_and_outputs(self, tmp_path):
        inputs = {"z": keras.Input((4,), name="z"), "a": keras.Input((4,), name="a")}
        difference = layers.Subtract(name="difference")([inputs["z"], inputs["a"]])
        model = keras.Model(inputs, {"twice": difference * 2, "half": difference / 2})
        model.export(tmp_path / "exported", verbose=False)
        given = {"z": SERIES[:, 0], "a": SERIES[:, 1]}
        activations = core.extract(core.load_model(tmp_path / "exported"), given)

        same(activations.output["twice"], 2 * (SERIES[:, 0] - SERIES[:, 1]))
        same(activations.output["half"], (SERIES[:, 0] - SERIES[:, 1]) / 2)

    def test_of_a_plain_tensorflow_module(self, tmp_path):
        class Squares(tf.Module):
            def __init__(self):
                super().__init__()
                self.scale = tf.Variable(3.0)

            @tf.function(input_signature=[tf.TensorSpec((None, 4))])
            def __call__(self, x):
                return self.scale * x**2

        tf.saved_model.save(Squares(), str(tmp_path / "module"))
        activations = core.extract(core.load_model(tmp_path / "module"), SERIES[:, 0])

        (answer,) = keras.tree.flatten(activations.output)
        same(answer, 3 * SERIES[:, 0] ** 2)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ""])
def test_bytes_of_a_file_that_is_gone_are_enough(suffix, tmp_path):
    model = convolutional()
    if suffix:
        source = save(model, tmp_path / f"model{suffix}").read_bytes()
    else:
        model.export(source := tmp_path / "exported", verbose=False)
    loaded = core.load_model(source)
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    (answer,) = keras.tree.flatten(core.extract(loaded, IMAGES).output)
    same(answer, model(IMAGES))
