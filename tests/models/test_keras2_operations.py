"""TensorFlow operations between the layers of a Keras 2 model: those that open answer what Keras 2 answered."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from core.errors import ModelRefused
from core.models.loading import load_model
from tests.support.small_models import save

old = tf_keras.layers


def sample(tensor, seed=0):
    shape = [2 if extent is None else extent for extent in tensor.shape]
    numbers = np.random.default_rng(seed).standard_normal(shape) * 3
    return tf.cast(np.abs(numbers) if tensor.dtype.is_integer else numbers, tensor.dtype)


def assert_same(loaded, expected, *, rtol=1e-5):
    inputs = [sample(tensor, seed) for seed, tensor in enumerate(expected.inputs)]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    actual, wanted = tf.nest.flatten(loaded(inputs, training=False)), tf.nest.flatten(expected(inputs, training=False))
    assert [tensor.shape for tensor in actual] == [tensor.shape for tensor in wanted]
    for one, other in zip(actual, wanted, strict=True):
        np.testing.assert_allclose(
            tf.cast(one, tf.float64), tf.cast(other, tf.float64), rtol=rtol, atol=rtol, equal_nan=True
        )


def model_of(function, shape=(6, 4), dtype="float32"):
    inputs = old.Input(shape, dtype=dtype)
    return tf_keras.Model(inputs, function(inputs))


# Each function returns all that it computes, so that every operation is compared by itself.
OPERATIONS = {
    "arithmetic": lambda x: [x * 2.0 + 1, 1 - x, x / 255.0, 1 / x, -x, abs(x), x**2, 2.0**x, x // 2, x % 2, x - x * x],
    "constants": lambda x: [x * [1.0, 2.0, 3.0, 4.0], x + tf.ones((6, 4)), [1.0, 2.0, 3.0, 4.0] - x, x @ tf.eye(4)],
    "comparisons": lambda x: [x > 0, x >= 1, x < 0, x <= 1, tf.equal(x, x), tf.not_equal(x, 0.0)],
    "logic": lambda x: [(x > 0) & (x < 1), (x > 0) | (x < -1), ~(x > 0), tf.where(x > 0, x, 0.0)],
    "bounds": lambda x: [tf.maximum(x, 0.0), tf.minimum(x, x * 2), tf.clip_by_value(x, -1.0, 1.0)],
    "functions": lambda x: [
        tf.exp(x), tf.math.log(tf.square(x) + 1), tf.sqrt(abs(x)), tf.sigmoid(x), tf.tanh(x), tf.sin(x), tf.sign(x),
        tf.round(x), tf.floor(x), tf.math.rsqrt(abs(x)), tf.math.erf(x), tf.math.softplus(x), tf.stop_gradient(x),
    ],
    "activations": lambda x: [
        tf.nn.relu(x), tf.nn.relu6(x), tf.nn.elu(x), tf.nn.selu(x), tf.nn.gelu(x), tf.nn.gelu(x, approximate=True),
        tf.nn.silu(x), tf.nn.leaky_relu(x), tf.nn.leaky_relu(x, alpha=0.3), tf.nn.softmax(x, axis=1), tf.nn.softmax(x),
        tf.nn.log_softmax(x), tf.nn.softsign(x),
    ],
    "joined": lambda x: [
        tf.concat([x, x * 2], axis=-1), tf.concat(values=[x, x], axis=1), tf.stack([x, x - 1], 1), tf.add_n([x, x, x])
    ],
    "parted": lambda x: [*tf.split(x, 2, axis=-1), tf.split(x, [1, 3], axis=-1)[1], *tf.unstack(x, axis=1)],
    "shapes": lambda x: [
        tf.reshape(x, (-1, 24)), tf.transpose(x, [0, 2, 1]), tf.expand_dims(x, -1), tf.squeeze(tf.expand_dims(x, 1), 1),
        tf.squeeze(tf.expand_dims(x, -1), [-1]), tf.tile(x, [1, 2, 1]), tf.reverse(x, [1]),
        tf.pad(x, [[0, 0], [1, 2], [0, 0]]), tf.pad(x, [[0, 0], [1, 1], [0, 0]], constant_values=3.0),
        tf.pad(x, [[0, 0], [2, 1], [0, 0]], mode="REFLECT"),
    ],
    "the size of the batch": lambda x: [
        tf.reshape(x, (tf.shape(x)[0], -1)), tf.reshape(x * 2, (tf.shape(x)[0], 4, 6)),
    ],
    "slices": lambda x: [x[:, 0], x[:, -1], x[:, ::-1, 1:3], x[:, tf.newaxis], x[:, 1:, 2]],
    "reductions": lambda x: [
        tf.reduce_mean(x, axis=1, keepdims=True), tf.reduce_sum(x, [1, 2]), tf.reduce_max(x, -1), tf.reduce_min(x, 1),
        tf.math.reduce_std(x, axis=1), tf.math.reduce_variance(x, 1), tf.reduce_logsumexp(x, 1), tf.cumsum(x, axis=1),
        tf.reduce_any(x > 5, axis=1), tf.argmax(x, axis=-1), tf.argmax(x, axis=1, output_type=tf.int32),
    ],
    "products": lambda x: [
        tf.matmul(x, tf.ones((4, 3))), tf.matmul(x, x, transpose_b=True), tf.matmul(x, x, transpose_a=True),
    ],
    "norms": lambda x: [
        tf.nn.l2_normalize(x, axis=-1), tf.math.l2_normalize(x * 1e-7, 1), tf.math.l2_normalize(x * 0.0, 1),
        tf.norm(x, axis=1), tf.norm(x, axis=-1, keepdims=True),
    ],
    "types": lambda x: [tf.cast(x, tf.int32), tf.cast(x > 0, "float32"), tf.one_hot(tf.cast(abs(x), tf.int32), 5)],
    "gathered": lambda x: [tf.gather(x, [0, 2], axis=1), tf.gather(x, [1], axis=-1)],
    "nothing": lambda x: [tf.identity(x), tf.convert_to_tensor(x)],
    "Keras' backend": lambda x: [
        tf_keras.backend.mean(x, axis=1), tf_keras.backend.clip(x, 0, 1), tf_keras.backend.concatenate([x, x]),
        tf_keras.backend.l2_normalize(x, axis=1), tf_keras.activations.relu(x, max_value=6.0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(tmp_path, name, suffix):
    expected = model_of(OPERATIONS[name])
    assert_same(load_model(save(expected, tmp_path / f"model{suffix}")), expected)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_pictures(tmp_path, suffix):
    expected = model_of(
        lambda x: [
            tf.image.resize(x, (12, 5)), tf.image.resize(x, (4, 4), method="nearest"), tf.nn.depth_to_space(x, 2),
            tf.nn.space_to_depth(x, 2), tf_keras.applications.mobilenet_v2.preprocess_input(x),
            # tf_keras writes no ... into a .keras file.
            old.Dense(2)(tf_keras.applications.resnet50.preprocess_input(x[..., :3])) if suffix == ".h5" else x,
        ],
        (8, 8, 4),
    )  # fmt: skip
    assert_same(load_model(save(expected, tmp_path / f"model{suffix}")), expected)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_between_layers_with_weights_and_in_nested_models(tmp_path, suffix):
    features = old.Input((6,))
    inner = tf_keras.Model(features, old.Dense(6, "tanh")(features * 2.0) - features, name="inner")
    first, second = old.Input((6,)), old.Input((6,))
    distance = tf.norm(inner(first) - inner(second), axis=1, keepdims=True)
    x = 1.0 - old.Dense(3)(tf.concat([inner(inner(first)), tf.nn.relu(inner(second)), distance], -1))
    expected = tf_keras.Model([first, second], {"scores": tf.nn.softmax(x), "distance": distance})
    assert_same(load_model(save(expected, tmp_path / f"model{suffix}")), expected)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("application", ["MobileNetV3Small", "EfficientNetB0"])
def test_applications(tmp_path, application, suffix):
    expected = getattr(tf_keras.applications, application)(weights=None, input_shape=(64, 64, 3), classes=10)
    assert_same(load_model(save(expected, tmp_path / f"model{suffix}")), expected)


def test_operations_keep_their_names_and_are_called_what_they_are(tmp_path):
    loaded = load_model(save(model_of(lambda x: tf.nn.relu(x, name="rectified") + 1), tmp_path / "model.keras"))
    names = [(type(operation).__name__, operation.name.split("_")[0]) for operation in loaded.operations[1:]]
    assert names == [("Relu", "tf.nn.relu"), ("Add", "tf.")]


def test_half_precision_and_whole_numbers(tmp_path):
    for dtype, function in (
        ("float16", lambda x: tf.nn.relu(x * 2.0 - 1) / 3.0),
        ("int32", lambda x: [x * 2 + 1, tf.reduce_sum(x, 1), x[:, 0], 1 - x]),
        ("uint8", lambda x: tf.cast(x, "float32") / 255.0),
    ):
        expected = model_of(function, dtype=dtype)
        loaded = load_model(save(expected, tmp_path / f"{dtype}.keras"))
        assert [tensor.dtype for tensor in loaded.outputs] == [tensor.dtype.name for tensor in expected.outputs]
        assert_same(loaded, expected, rtol=1e-3)


REFUSED = {
    "the mean of whole numbers": (
        model_of(lambda x: tf.reduce_mean(x, 1), dtype="int32"), "numbers of the type int32",
    ),
    "a quotient of whole numbers": (model_of(lambda x: x / 2, dtype="int32"), "numbers of the type int32"),
    "a picture of bytes": (
        model_of(lambda x: tf.image.resize(x, (4, 4)), (8, 8, 3), "uint8"), "numbers of the type uint8",
    ),
    "a scale": (model_of(lambda x: tf.nn.silu(x, beta=2.0)), "with beta=2.0"),
    "another norm": (model_of(lambda x: tf.norm(x, ord=1, axis=1)), "with ord=1"),
    "sums without the last": (model_of(lambda x: tf.cumsum(x, axis=1, exclusive=True)), "with exclusive=True"),
    "the shape": (model_of(tf.shape), r"\(compat\.v1\.shape\)"),
    "an extent that is computed": (model_of(lambda x: tf.tile(x, [1, tf.shape(x)[0], 1])), "with multiples="),
    "a function that is not known": (model_of(lambda x: tf.nn.avg_pool1d(x, 2, 2, "VALID")), "cannot rebuild it"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_refused(tmp_path, name, suffix):
    model, reason = REFUSED[name]
    with pytest.raises(ModelRefused, match=rf"is a TensorFlow operation .*{reason}") as raised:
        load_model(save(model, tmp_path / f"model{suffix}"))
    assert "SavedModel" in raised.value.remedy
    assert len(raised.value.code.splitlines()) == 2


def rewritten(path, change):
    """The content of a .keras file with another configuration."""
    content = io.BytesIO()
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(content, "w") as after:
        for entry in before.namelist():
            data = before.read(entry)
            if entry == "config.json":
                config = json.loads(data)
                change(config["config"]["layers"])
                data = json.dumps(config).encode()
            after.writestr(entry, data)
    return content.getvalue()


HARMLESS = {"class_name": "Lambda", "config": {"name": "code"}}
HOSTILE = {
    "another function": lambda layers: layers[1]["config"].update(function="io.read_file"),
    "a function of Python": lambda layers: layers[1]["config"].update(function="os.system"),
    "a function that is no name": lambda layers: layers[1]["config"].update(function=["math.multiply"]),
    "another module": lambda layers: layers[1].update(module="os"),
    "another class": lambda layers: layers[1].update(class_name="ClassMethod", registered_name="ClassMethod"),
    "an object as a number": lambda layers: layers[1]["inbound_nodes"][0][3].update(y=HARMLESS),
    "a text as a number": lambda layers: layers[1]["inbound_nodes"][0][3].update(y="text"),
    "a ragged constant": lambda layers: layers[1]["inbound_nodes"][0][3].update(y=[[1.0], [2.0, 3.0]]),
    "another keyword": lambda layers: layers[1]["inbound_nodes"][0][3].update(code=1),
    "no call": lambda layers: layers[1].update(inbound_nodes=[]),
    "a call that is none": lambda layers: layers[1].update(inbound_nodes=[7]),
    "an operation in a layer": lambda layers: layers[0]["config"].update(extra=layers[1]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_changed_file_is_refused(tmp_path, name):
    path = save(model_of(lambda x: x * 2.0), tmp_path / "model.keras")
    load_model(rewritten(path, lambda layers: None))
    with pytest.raises(ModelRefused):
        load_model(rewritten(path, HOSTILE[name]))


def test_what_keras_3_writes_stays_as_it_is(tmp_path):
    inputs = keras.Input((4,))
    expected = keras.Model(inputs, keras.ops.relu(inputs * 2.0)[:, 0])
    path = tmp_path / "model.keras"
    expected.save(path)
    data = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(load_model(path)(data), expected(data))


def test_operations_in_an_architecture_beside_its_weights(tmp_path):
    # Its sizes are learned by building it once before, which must leave the configuration as it is.
    inputs = keras.Input((4,))
    expected = keras.Model(inputs, keras.layers.Dense(3)(inputs[:, :2]))
    (tmp_path / "model.json").write_text(expected.to_json())
    expected.save_weights(tmp_path / "model.weights.h5")
    data = np.ones((2, 4), "float32")
    loaded = load_model(tmp_path / "model.json", weights=tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(loaded(data), expected(data))
