"""Model files in: what is loaded answers the same as what was saved."""

import io
import os
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from core.errors import ModelRefused
from core.models.copies import content_key
from core.models.loading import load_model
from tests.support.small_models import save

old = tf_keras.layers


def batch(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((2, *shape)).astype("float32")


def randomized(model):
    """Gives every weight a value of its own, so that an exchange of two would be seen."""
    generator = np.random.default_rng(7)
    model.set_weights([
        (generator.random(weight.shape) + 0.1).astype(weight.dtype) if weight.dtype.kind == "f" else weight
        for weight in model.get_weights()
    ])  # fmt: skip
    return model


def assert_same(loaded, expected, inputs):
    actual, wanted = tf.nest.flatten(loaded(inputs, training=False)), tf.nest.flatten(expected(inputs, training=False))
    assert len(actual) == len(wanted)
    for one, other in zip(actual, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((6,))
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation="relu")], name="inner")
    outputs = keras.layers.Dense(2)(inner(inputs) + inner(inputs * 2.0))
    return randomized(keras.Model(inputs, outputs))


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("form", [str, Path, Path.read_bytes, lambda path: io.BytesIO(path.read_bytes())])
def test_every_form_of_source(model, tmp_path, temporary, suffix, form):
    path = save(model, tmp_path / f"model{suffix}")
    loaded = load_model(form(path))
    assert isinstance(loaded, keras.Model)
    assert not loaded.compiled
    assert not list(temporary.glob("layerscope-*"))
    assert_same(loaded, model, batch((6,)))


def test_an_open_file_stays_where_it_was(model, tmp_path):
    with save(model, tmp_path / "model.keras").open("rb") as stream:
        stream.seek(5)
        load_model(stream)
        content_key(stream)
        assert stream.tell() == 5


def test_content_tells_the_kind(model, tmp_path):
    path = save(model, tmp_path / "model.keras").rename(tmp_path / "model.h5")
    assert_same(load_model(path), model, batch((6,)))


def dense():
    return tf_keras.Sequential([old.Dense(3, input_shape=(4,)), old.Dense(2, activation="softmax")])


def convolutions():
    inputs = old.Input((8, 8, 3))
    x = old.Rescaling(1 / 255.0, offset=-0.5)(inputs)
    x = old.DepthwiseConv2D(3, depth_multiplier=2, name="block/depthwise")(x)
    x = old.BatchNormalization(axis=[3])(x)
    x = old.LeakyReLU(alpha=0.17)(old.SeparableConv2D(4, 3)(x))
    x = old.ThresholdedReLU(theta=0.2)(old.Conv2DTranspose(2, 3)(x))
    return tf_keras.Model(inputs, old.Add(name="block/add")([x, x]))


def recurrent():
    inputs = old.Input((5, 3))
    x = old.Bidirectional(old.LSTM(4, return_sequences=True))(inputs)
    x, hidden, cell = old.LSTM(3, return_sequences=True, return_state=True, recurrent_activation="hard_sigmoid")(x)
    y = old.LSTM(3)(x, initial_state=[hidden, cell])
    z = old.GRU(2)(old.TimeDistributed(old.Dense(4, activation="hard_sigmoid"))(x))
    return tf_keras.Model(inputs, [y, z, old.RNN([old.LSTMCell(2), old.LSTMCell(3)])(x)])


def attention():
    inputs = old.Input((5, 8))
    x, scores = old.MultiHeadAttention(2, 4)(inputs, value=inputs, return_attention_scores=True)
    x = old.LayerNormalization(axis=[1, 2])(old.Attention(use_scale=True)([x, inputs]))
    return tf_keras.Model(inputs, [x, scores])


def nested():
    inner_inputs = old.Input((6,))
    inner = tf_keras.Model(inner_inputs, old.Dense(6)(inner_inputs), name="inner")
    stack = tf_keras.Sequential([old.Dense(3, activation=old.LeakyReLU(alpha=0.3))], name="stack")
    inputs = old.Input((6,))
    twice = inner(inner(inputs))
    return tf_keras.Model(inputs, {"stack": stack(twice), "inner": twice, "both": old.Add()([stack(inputs)] * 2)})


def several_inputs():
    first, second, shared = old.Input((4,), name="a"), old.Input((4,), name="b"), old.Dense(3)
    return tf_keras.Model([first, second], old.Concatenate()([shared(first), shared(second)]))


def normalization():
    layer = old.Normalization()
    layer.adapt(batch((4,)))
    return tf_keras.Sequential([old.Input((4,)), layer])


LEGACY = [dense, convolutions, recurrent, attention, nested, several_inputs, normalization]


@pytest.mark.parametrize("build", LEGACY)
def test_keras_2_hdf5(tmp_path, build):
    expected = randomized(build())
    shapes = [tuple(tensor.shape[1:]) for tensor in expected.inputs]
    inputs = [batch(shape, seed) for seed, shape in enumerate(shapes)]
    loaded = load_model(save(expected, tmp_path / "model.h5"))
    assert_same(loaded, expected, inputs if len(inputs) > 1 else inputs[0])


@pytest.mark.parametrize("build", [dense, convolutions, attention])
def test_keras_2_archive(tmp_path, build):
    expected = randomized(build())
    loaded = load_model(save(expected, tmp_path / "model.keras"))
    assert_same(loaded, expected, batch(tuple(expected.inputs[0].shape[1:])))


def test_keras_2_embedding(tmp_path):
    expected = tf_keras.Sequential([old.Embedding(20, 4, mask_zero=True, input_length=6), old.LSTM(3)])
    loaded = load_model(save(expected, tmp_path / "model.h5"))
    assert_same(loaded, expected, np.array([[1, 5, 3, 0, 0, 0], [2, 2, 7, 19, 4, 1]]))


def test_keras_2_options_that_are_gone_are_refused(tmp_path):
    path = save(tf_keras.Sequential([old.Input((4,)), old.BatchNormalization(renorm=True)]), tmp_path / "model.h5")
    with pytest.raises(ModelRefused, match=r"BatchNormalization layer 'batch_normalization.*' has renorm=True"):
        load_model(path)


def test_keras_2_layers_that_are_gone_are_refused(tmp_path):
    path = save(tf_keras.Sequential([old.Input((8, 3)), old.LocallyConnected1D(2, 3)]), tmp_path / "model.h5")
    with pytest.raises(ModelRefused, match="of the class LocallyConnected1D, which Keras 3 does not have"):
        load_model(path)


class Halved(tf_keras.layers.Layer):
    def call(self, x):
        return x / 2


class Halved3(keras.layers.Layer):
    def call(self, x):
        return x / 2


def test_keras_2_custom_layers(tmp_path):
    expected = tf_keras.Sequential([old.Input((4,)), Halved(name="half")])
    path = save(expected, tmp_path / "model.h5")
    with pytest.raises(ModelRefused, match=r"'half' is of the class Halved.* custom_objects"):
        load_model(path)
    assert_same(load_model(path, custom_objects={"Halved": Halved3}), expected, batch((4,)))


def test_keras_2_before_sequential_had_an_input_layer(tmp_path):
    import json

    import h5py

    expected = randomized(dense())
    path = save(expected, tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"][1:]
        layers[0]["config"]["batch_input_shape"] = [None, 4]
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers})
        file.attrs["keras_version"] = "2.2.4"
    assert_same(load_model(path), expected, batch((4,)))


def archived(folder):
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)


@pytest.mark.parametrize("form", [Path, archived], ids=["folder", "zip"])
def test_saved_model_of_keras_3(model, tmp_path, temporary, form):
    model.export(tmp_path / "exported", verbose=False)
    loaded = load_model(form(tmp_path / "exported"))
    assert not list(temporary.glob("layerscope-*"))
    assert loaded.inputs[0].shape == (None, 6)
    assert_same(loaded, model, batch((6,)))


def test_saved_model_keeps_the_names_of_inputs_and_outputs(tmp_path):
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    expected = keras.Model({"a": a, "b": b}, {"p": keras.layers.Dense(2)(a), "q": keras.layers.Dense(3)(b)})
    expected.export(tmp_path / "exported", verbose=False)
    loaded = load_model(tmp_path / "exported")
    inputs = {"a": batch((4,)), "b": batch((3,))}
    assert list(loaded.input) == ["a", "b"]
    wanted = expected(inputs)
    for name, values in loaded(inputs).items():
        np.testing.assert_allclose(values, wanted[name], atol=1e-5)


def test_saved_model_with_assets_outlives_its_folder(tmp_path):
    expected = keras.Sequential([
        keras.Input((1,), dtype="string"),
        keras.layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=3),
        keras.layers.Embedding(9, 2),
    ])  # fmt: skip
    expected.export(tmp_path / "exported", verbose=False)
    loaded = load_model(tmp_path / "exported")
    shutil.rmtree(tmp_path / "exported")
    assert_same(loaded, expected, tf.constant([["a b"], ["b"]]))


@pytest.mark.parametrize(
    "write", [lambda model, path: model.save(path), lambda model, path: tf.saved_model.save(model, str(path))]
)
def test_saved_model_of_keras_2(tmp_path, write):
    expected = convolutions()
    write(expected, tmp_path / "saved")
    loaded = load_model(tmp_path / "saved")
    assert loaded.count_params() == expected.count_params()
    assert_same(loaded, expected, batch((8, 8, 3)))


def test_saved_model_without_a_signature(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "saved"))
    with pytest.raises(ModelRefused, match="no serving signature"):
        load_model(tmp_path / "saved")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("library", [keras, tf_keras])
def test_lambda_is_refused(tmp_path, temporary, library, suffix):
    layer = library.layers.Lambda(lambda x: x * 2, name="twice")
    path = save(library.Sequential([library.layers.Input((4,)), layer]), tmp_path / f"model{suffix}")
    with pytest.raises(ModelRefused, match=rf"The Lambda layer 'twice' in model\{suffix}"):
        load_model(path)
    assert not list(temporary.glob("layerscope-*"))


class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_custom_layers(tmp_path, suffix):
    expected = keras.Sequential([keras.Input((4,)), Doubled()])
    path = save(expected, tmp_path / f"model{suffix}")
    with pytest.raises(ModelRefused, match=r"did not come with Keras|does not know"):
        load_model(path)
    assert_same(load_model(path, custom_objects={"Doubled": Doubled}), expected, batch((4,)))
    if suffix == ".keras":
        with pytest.raises(ModelRefused, match=r"'doubled.*did not come with Keras"):
            load_model(path)


def test_registered_layers(tmp_path, monkeypatch):
    monkeypatch.setitem(keras.saving.get_custom_objects(), "tests>Tripled", None)

    @keras.saving.register_keras_serializable("tests")
    class Tripled(keras.layers.Layer):
        def call(self, x):
            return 3 * x

    expected = keras.Sequential([keras.Input((4,)), Tripled()])
    assert_same(load_model(save(expected, tmp_path / "model.keras")), expected, batch((4,)))


def test_weights_that_do_not_fit(tmp_path):
    import h5py

    path = save(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")]), tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        group = file["model_weights/dense"]
        name = next(key for key in group.attrs["weight_names"] if key.endswith("kernel"))
        del group[name]
        group[name] = np.zeros((5, 3), "float32")
    with pytest.raises(ModelRefused, match="weights that do not fit") as refused:
        load_model(path)
    assert isinstance(refused.value.__cause__, ValueError)
    assert len(str(refused.value)) < 200


def test_what_a_look_at_the_sizes_made_is_not_made_for_good_later(tmp_path, monkeypatch):
    inputs = keras.Input((6, 3), name="x")
    masked = keras.layers.Masking(name="masking")(inputs)
    model = keras.Model(inputs, keras.layers.LSTM(4, name="lstm")(masked))
    model.save(tmp_path / "masked.keras")
    initializers = []
    initialize = keras.initializers.GlorotUniform.__call__

    def watched(initializer, *arguments, **options):
        initializers.append(initializer)
        return initialize(initializer, *arguments, **options)

    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", watched)
    loaded = load_model(tmp_path / "masked.keras")
    count = len(initializers)
    with keras.StatelessScope():
        loaded(np.zeros((1, 6, 3), "float32"))

    assert len(initializers) == count


def test_content_key(model, tmp_path):
    path = save(model, tmp_path / "model.keras")
    content = path.read_bytes()
    assert content_key(path) == content_key(str(path)) == content_key(content) == content_key(io.BytesIO(content))
    assert content_key(content + b"x") != content_key(content)
    assert len(content_key(b"")) == 64


def test_content_key_of_a_folder(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "variables").mkdir(parents=True)
        (tmp_path / name / "saved_model.pb").write_bytes(b"graph")
        (tmp_path / name / "variables" / "data").write_bytes(b"values")
    os.utime(tmp_path / "one" / "saved_model.pb", (0, 0))
    key = content_key(tmp_path / "one")
    assert key == content_key(tmp_path / "two")
    (tmp_path / "two" / "saved_model.pb").rename(tmp_path / "two" / "renamed.pb")
    assert key != content_key(tmp_path / "two")


def test_a_path_that_does_not_exist(tmp_path):
    for function in (load_model, content_key):
        with pytest.raises(ModelRefused, match=r"nothing\.keras cannot be read"):
            function(tmp_path / "nothing.keras")
