"""Files that only look like harm are opened, and answer what the model answered before it was saved."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import core
from core.models.inspection import inspect_model
from core.models.sizes import sizes_of
from tests.models.hostile import zoo
from tests.models.hostile.parts import (
    call,
    dense,
    dense_weights,
    functional,
    hdf5,
    keras_file,
    sequential,
    within_bounds,
)


def given_to(model, seed=0):
    """Return random inputs for a functional model."""
    random = np.random.default_rng(seed)
    made = []
    for tensor in model.inputs:
        shape = (2, *tensor.shape[1:])
        if tensor.dtype == "string":
            import tensorflow as tf

            made.append(tf.constant([["a b"], ["b"]]))
        elif "int" in tensor.dtype:
            made.append(random.integers(0, 5, shape).astype(tensor.dtype))
        else:
            made.append(random.random(shape, dtype="float32"))
    return made[0] if len(made) == 1 else made


def same_answers(one, other, inputs):
    for first, second in zip(
        keras.tree.flatten(one(inputs, training=False)), keras.tree.flatten(other(inputs, training=False)), strict=True
    ):
        np.testing.assert_allclose(np.asarray(first), np.asarray(second), rtol=1e-4, atol=1e-5)


def test_every_public_layer_is_in_the_zoo():
    public = {value.__name__ for value in vars(keras.layers).values() if isinstance(value, type)}
    known = {getattr(keras.layers, name).__name__ for name in (*zoo.ALL, *zoo.NOT_SAVED) if hasattr(keras.layers, name)}
    assert public == known


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", zoo.ALL)
def test_a_layer_of_keras_is_accepted_in_both_formats(name, tmp_path):
    model = zoo.model_of(name)
    inputs = given_to(model)
    for kind in ("keras", "h5"):
        if kind == "h5" and name in zoo.NOT_IN_HDF5:
            continue
        path = tmp_path / f"model.{kind}"
        model.save(path)
        file = inspect_model(path)
        assert file.stored.parameters >= model.count_params()
        if file.sizes.complete:
            assert file.sizes.parameters == model.count_params()
        else:
            assert file.sizes.parameters <= model.count_params()
        same_answers(model, core.load_model(path), inputs)


@pytest.mark.parametrize(("kind", "model"), [pytest.param(*each, id=each[0]) for each in zoo.grouped_models()])
def test_layers_of_keras_are_accepted_as_a_saved_model(kind, model, tmp_path):
    model.export(tmp_path / "model", verbose=False)
    zipped = zip_of_folder(tmp_path / "model")
    assert inspect_model(zipped, name="model.zip").graph.signatures
    loaded = core.load_model(zipped)
    inputs = given_to(model)
    inputs = inputs if isinstance(inputs, list) else [inputs]
    names = [tensor.name for tensor in loaded.inputs]
    by_name = dict(zip((tensor.name for tensor in model.inputs), inputs, strict=True))
    ordered = [by_name[name] for name in names]
    answered = loaded(ordered[0] if len(ordered) == 1 else dict(zip(names, ordered, strict=True)))
    assert len(keras.tree.flatten(answered)) == len(model.outputs)


def zip_of_folder(folder):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return stream.getvalue()


def small(*inside, shape=(4,), **names):
    return keras.Sequential([keras.Input(shape), *inside], **names)


ODD_NAMES = [
    "Lambda",
    "function",
    "module",
    "class_name",
    "__class__",
    "__lambda__",
    "os.system",
    "eval(1)",
    "<b>bold<b>",
    "ünïcödé 层",
    "a name with spaces",
    "x" * 200,
    "..",
    "$(true)",
    "'; --",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_legal(name, tmp_path):
    model = small(layers.Dense(3, name=name), layers.Dense(2), name=name)
    model.save(tmp_path / "model.keras")
    same_answers(model, core.load_model(tmp_path / "model.keras"), np.ones((2, 4), "float32"))


@pytest.mark.parametrize("name", ["class_name", "config", "module", "function", "Lambda"])
def test_inputs_with_odd_names(name, tmp_path):
    inputs = {name: keras.Input((4,), name=name), "other": keras.Input((4,), name="other")}
    model = keras.Model(inputs, layers.Add()(list(inputs.values())))
    model.save(tmp_path / "model.keras")
    given = {name: np.ones((2, 4), "float32"), "other": np.ones((2, 4), "float32")}
    same_answers(model, core.load_model(tmp_path / "model.keras"), given)


def operations():
    x = keras.Input((4, 4), name="x")
    y = x + x[:, 0:1] * 2 - keras.ops.exp(x)
    y = keras.ops.matmul(y, keras.ops.transpose(y, (0, 2, 1)))
    y = keras.ops.einsum("bij,bjk->bik", y, keras.ops.reshape(y, (-1, 4, 4)))
    return keras.Model(x, keras.ops.concatenate([y, keras.ops.softmax(y)], axis=-1)[..., ::2])


def shared():
    x = keras.Input((4,))
    layer, inner = layers.Dense(4), small(layers.Dense(4))
    return keras.Model(x, [layer(layer(x)), inner(inner(x))])


def nested(depth=5):
    model = small(layers.Dense(4))
    for _ in range(depth):
        model = small(model, layers.Dense(4))
    return model


def deep(depth=300):
    return small(*(layers.Dense(4) for _ in range(depth)))


def masked():
    return keras.Sequential([keras.Input((6,)), layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3)])


def branches():
    x = keras.Input((8, 8, 3), name="image")
    left, right = layers.Conv2D(4, 3, padding="same")(x), layers.Conv2D(4, 1)(x)
    return keras.Model({"image": x}, {"sum": layers.Add()([left, right]), "left": left})


def seeded():
    return small(layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(seed=140_000_000_000_000)))


def mixed():
    return small(layers.Dense(3, dtype="mixed_float16"), layers.Dense(2, dtype="float64"))


MODELS = [operations, shared, nested, deep, masked, branches, seeded, mixed]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_unusual_models(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    inputs = given_to(model)
    if make is branches:
        inputs = {"image": inputs}
    same_answers(model, core.load_model(tmp_path / "model.keras"), inputs)


def test_thousands_of_layers_that_are_listed_backwards(tmp_path):
    chain = [(dense(4, "d0"), [call("input")])]
    chain += [(dense(4, f"d{place}"), [call(f"d{place - 1}")]) for place in range(1, 4_900)]
    found = []
    for listed in (chain, chain[::-1]):
        content = keras_file(functional(listed, outputs=["d4899"]))
        with within_bounds():
            found.append(inspect_model(content).sizes)
    assert found[0] == found[1]
    assert (found[0].parameters, found[0].complete) == (4_900 * 20, True)


def test_large_but_legal_shapes(tmp_path):
    words = keras.Sequential([keras.Input((3,)), layers.Embedding(1_000_000, 8, embeddings_initializer="zeros")])
    words.save(tmp_path / "words.keras")
    assert inspect_model(tmp_path / "words.keras").sizes.parameters == 8_000_000
    picture = keras.Sequential([keras.Input((4000, 4000, 1)), layers.Conv2D(4, 8, strides=8), layers.Flatten()])
    picture.save(tmp_path / "picture.keras")
    assert inspect_model(tmp_path / "picture.keras").sizes.activation_bytes > 60_000_000


def test_a_large_vocabulary(tmp_path):
    words = [f"word {number}" for number in range(100_000)]
    model = keras.Sequential([keras.Input((1,), dtype="string"), layers.StringLookup(vocabulary=words)])
    model.save(tmp_path / "model.keras")
    assert inspect_model(tmp_path / "model.keras").kind == "keras"
    assert core.load_model(tmp_path / "model.keras").layers[-1].vocabulary_size() == 100_001


def test_packed_weights_and_archives(tmp_path):
    model = small(layers.Dense(300))
    model.save(tmp_path / "model.keras")
    stream = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "model.keras") as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, packed(old.read(entry)) if entry.endswith(".h5") else old.read(entry))
    same_answers(model, core.load_model(stream.getvalue()), np.ones((2, 4), "float32"))


def packed(content):
    """Return an HDF5 file with its datasets compressed."""
    stream = io.BytesIO()

    def copy(given, made):
        made.attrs.update(given.attrs)
        for name, each in given.items():
            if isinstance(each, h5py.Group):
                copy(each, made.create_group(name))
            else:
                filters = {"compression": "gzip", "shuffle": True} if each.shape else {}
                made.create_dataset(name, data=each[()], **filters).attrs.update(each.attrs)

    with h5py.File(io.BytesIO(content)) as given, h5py.File(stream, "w") as made:
        copy(given, made)
    return stream.getvalue()


def test_a_large_shared_object_id_is_genuine(tmp_path):
    layer = layers.Dense(4)
    config = json.loads(keras.Sequential([keras.Input((4,)), layer]).to_json())
    config["config"]["layers"][1]["shared_object_id"] = 140_000_000_000_000
    assert sizes_of(config).parameters == 20


def test_a_registered_class_is_allowed(tmp_path):
    @keras.saving.register_keras_serializable("corpus")
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    model = small(Doubled())
    model.save(tmp_path / "model.keras")
    same_answers(model, core.load_model(tmp_path / "model.keras"), np.ones((2, 4), "float32"))
    assert inspect_model(tmp_path / "model.keras", allowed={"corpus>Doubled"}).kind == "keras"
    keras.saving.get_custom_objects().pop("corpus>Doubled")
    with pytest.raises(core.ModelRefused, match="did not come with Keras"):
        inspect_model(tmp_path / "model.keras")


BARE_LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}
OF_TRAINING = [
    {"optimizer": {"module": "nobody", "class_name": "Mine", "config": {}, "registered_name": "mine>Mine"}},
    {"optimizer": "adam", "loss": BARE_LAMBDA},
    {"optimizer": "adam", "loss": {"class_name": "function", "config": "nobody_knows", "module": "builtins"}},
    {"optimizer": "adam", "metrics": [{"module": "os", "class_name": "abs", "config": {}}]},
]


@pytest.mark.parametrize("compiled", OF_TRAINING)
@pytest.mark.parametrize("nested", [False, True])
def test_what_only_training_needs_is_neither_judged_nor_made(compiled, nested, tmp_path):
    inner = {**sequential(dense()), "compile_config": compiled}
    outer = sequential(inner) if nested else inner
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file(outer, stored_below("layers/sequential" if nested else "")))
    file = inspect_model(path)
    assert "compile_config" not in json.dumps(file.config)
    model = core.load_model(path)
    assert not model.compiled
    assert not any(getattr(layer, "compiled", False) for layer in model.layers)


def stored_below(root):
    def fill(file):
        dense_weights(file.create_group(root) if root else file)

    return hdf5(fill)
