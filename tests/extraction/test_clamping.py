"""Clamped units, against the same model in which a layer of ours sets them."""

import keras
import numpy as np
import pytest

import core
from core.errors import InputRejected
from core.extraction.changes import relative_change
from core.extraction.extractor import Extractor
from tests.support.small_models import Chain

layers = keras.layers
RANDOM = np.random.default_rng(5)
VECTORS = RANDOM.normal(size=(3, 4)).astype(np.float32)
IMAGES = RANDOM.normal(size=(2, 8, 8, 3)).astype(np.float32)
SERIES = RANDOM.normal(size=(3, 6, 4)).astype(np.float32)


class SetTo(layers.Layer):
    """What a clamp does, written by hand: a unit along an axis answers a number."""

    def __init__(self, units, axis=-1, **settings):
        super().__init__(**settings)
        self.units, self.axis = units, axis

    def call(self, x):
        parts = keras.ops.split(x, x.shape[self.axis], axis=self.axis)
        parts = [keras.ops.full_like(part, self.units.get(at, 0)) if at in self.units else part
                 for at, part in enumerate(parts)]  # fmt: skip
        return keras.ops.concatenate(parts, axis=self.axis)


def by_hand(chain, after, units, inputs, axis=-1):
    """Return what each layer of a chain answers when units behind one of them are set, by name."""
    answers, x = {}, inputs
    for layer in chain:
        x = layer(x)
        if layer.name == after:
            x = SetTo(units, axis)(x)
        answers[layer.name] = np.asarray(x)
    return answers


def convolutional():
    return [
        layers.Conv2D(4, 3, name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.ReLU(name="relu"),
        layers.Flatten(name="flat"),
        layers.Dense(2, activation="softmax", name="out"),
    ]


CHAINS = {
    "dense": (lambda: [layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b")], VECTORS, "a", {3: 0.0, 0: 2.5}),
    "images": (convolutional, IMAGES, "conv", {1: -1.0}),
    "series": (
        lambda: [layers.LSTM(5, return_sequences=True, name="lstm"), layers.GRU(3, name="gru")],
        SERIES,
        "lstm",
        {4: 0.7},
    ),
    "last layer": (lambda: [layers.Dense(5, name="a"), layers.Dense(2, name="b")], VECTORS, "b", {1: 9.0}),
}


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "functional") for name in CHAINS), ("images", "subclassed"), ("dense", "eager")],
)
def test_what_follows_works_on_the_value_that_a_unit_is_set_to(name, form):
    make, inputs, layer, units = CHAINS[name]
    chain = make()
    if form == "functional":
        model = keras.Sequential([keras.Input(inputs.shape[1:]), *chain])
    else:
        model = Chain(*chain, decides=form == "eager")
        model(inputs)
    extractor = Extractor(model)
    before = extractor.extract(inputs)
    found = extractor.extract(inputs, clamp={layer: units})

    for key, values in by_hand(chain, layer, units, inputs).items():
        np.testing.assert_allclose(found[key].values, values, atol=1e-5)
    np.testing.assert_array_equal(found.output, found[chain[-1].name].values)
    # Nothing of it stays in the model.
    np.testing.assert_array_equal(extractor.extract(inputs).output, before.output)


def test_of_a_shared_layer_in_a_nested_model_one_call_alone_is_set():
    shared = layers.Dense(4, activation="tanh", name="shared")
    inner = keras.Sequential([keras.Input((4,)), shared], name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.add([inner(x), inner(layers.Rescaling(2.0)(x))]))
    found = core.extract(model, VECTORS, clamp={"inner#2/shared": {2: 0.25}})

    first, second = np.asarray(shared(VECTORS)), np.asarray(shared(2 * VECTORS)).copy()
    second[:, 2] = 0.25
    np.testing.assert_allclose(found["inner/shared"].values, first, atol=1e-6)
    np.testing.assert_allclose(found["inner#2/shared"].values, second, atol=1e-6)
    np.testing.assert_allclose(found.output, first + second, atol=1e-6)


def test_channels_are_set_where_they_come_first():
    keras.utils.set_random_seed(3)
    x = keras.Input((3, 6, 6), name="x")
    first = layers.Permute((1, 2, 3), name="same")(x)
    pool = layers.AveragePooling2D(2, data_format="channels_first", name="pool")
    model = keras.Model(x, layers.Flatten(name="flat")(pool(first)))
    images = RANDOM.normal(size=(2, 3, 6, 6)).astype(np.float32)
    found = core.extract(model, images, clamp={"pool": {1: 5.0}})

    expected = images.reshape(2, 3, 3, 2, 3, 2).mean(axis=(3, 5))
    expected[:, 1] = 5
    np.testing.assert_allclose(found["pool"].values, np.moveaxis(expected, 1, -1), atol=1e-5)
    np.testing.assert_allclose(found["flat"].values, expected.reshape(2, -1), atol=1e-5)


def test_layers_inside_of_a_time_distributed_one_are_set_at_all_timesteps():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense"), layers.ReLU(name="relu")], name="each")
    model = keras.Sequential([keras.Input((6, 4)), layers.TimeDistributed(inner, name="over")])
    key = next(key for key in core.extract(model, SERIES) if key.endswith("dense"))
    found = core.extract(model, SERIES, clamp={key: {1: 4.0}})

    expected = np.maximum(SERIES @ np.asarray(inner.get_layer("dense").kernel), 0)
    expected[..., 1] = 4
    np.testing.assert_allclose(found.output, expected, atol=1e-5)


def test_another_value_unit_or_layer_traces_nothing_anew():
    runs = []

    class Counting(layers.Layer):
        def call(self, x):
            runs.append(1)
            return x * 1

    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="a"), Counting(name="c"), layers.Dense(2)])
    extractor = Extractor(model)
    extractor.extract(VECTORS, clamp={"a": {0: 1.0}})
    before = len(runs)
    for clamp in ({"a": {3: 0.5}}, {"c": {1: 2.0, 2: 3.0}}, {"a": {0: 1.0}, "c": {1: 0.0}}, {}):
        extractor.extract(VECTORS[:2], clamp=clamp)

    assert len(runs) == before


def test_batches_are_clamped_like_all_samples_at_once():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="a"), layers.Dense(2, name="b")])
    whole, parts = (core.extract(model, VECTORS, clamp={"a": {1: 3.0}}, batch_size=size) for size in (None, 2))

    np.testing.assert_allclose(parts["b"].values, whole["b"].values, atol=1e-6)


@pytest.mark.parametrize(
    ("clamp", "said"),
    [
        ({"nothing": {0: 0.0}}, "no layer 'nothing'.*a, b"),
        ({"a": {5: 0.0}}, "no unit 5.*0 to 4"),
        ({"a": {-1: 0.0}}, "Unit -1"),
        ({"a": {1.5: 0.0}}, "Unit 1.5"),
        ({"a": {0: float("nan")}}, "cannot be set to nan"),
        ({"a": {0: "much"}}, "cannot be set to much"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(clamp, said):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="a"), layers.Dense(2, name="b")])
    with pytest.raises(InputRejected, match=f"(?s){said}"):
        core.extract(model, VECTORS, clamp=clamp)


def test_a_value_beyond_the_type_of_a_layer_is_refused_with_its_ends():
    half = keras.Sequential([keras.Input((4,)), layers.Dense(5, dtype="mixed_float16", name="a")])

    with pytest.raises(InputRejected, match=r"(?s)'a' cannot answer 1,000,000: it answers float16.*to 65,504"):
        core.extract(half, VECTORS, clamp={"a": {0: 1e6}})


def test_text_and_what_a_layer_keeps_to_itself_are_refused_in_words():
    recurrent = keras.Sequential([keras.Input((6, 4)), layers.LSTM(3, name="lstm")])
    with pytest.raises(InputRejected, match=r"keeps to itself.*Clamp 'lstm'"):
        core.extract(recurrent, SERIES, clamp={"lstm:cell_state": {0: 0.0}})


def test_an_edited_input_and_a_clamp_run_the_same_layers_again():
    model = keras.Sequential(
        [keras.Input((4,), name="x"), layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b")]
    )
    activations = core.extract(model, VECTORS, layers=["a", "b"])
    edited = VECTORS.copy()
    edited[1, 2] += 1
    found = activations.edited(edited)
    both = activations.edited({"x": edited}, clamp={"a": {0: 1.0}})

    assert list(found) == ["a", "b"]
    np.testing.assert_allclose(found.output, np.asarray(model(edited)), atol=1e-6)
    np.testing.assert_array_equal(found["a"].context.inputs["x"], edited)
    assert (both["a"].values[:, 0] == 1).all()
    changes = activations.changes(found)
    expected = np.linalg.norm(found["b"].values - activations["b"].values, axis=1)
    np.testing.assert_allclose(
        changes["b"], expected / np.linalg.norm(activations["b"].values, axis=1), rtol=1e-5, atol=1e-7
    )
    assert changes["a"].shape == (3,)
    assert changes["a"][[0, 2]] == pytest.approx(0, abs=1e-6)
    assert activations.edited()["b"].values == pytest.approx(activations["b"].values)


def test_what_an_edit_does_not_fit_is_refused():
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    model = keras.Model([one, two], layers.add([one, two]))
    activations = core.extract(model, [VECTORS, VECTORS])
    with pytest.raises(InputRejected, match=r"no input 'three'.*one, two"):
        activations.edited({"three": VECTORS})
    with pytest.raises(InputRejected, match=r"2 inputs.*'one', 'two'"):
        activations.edited(VECTORS)
    edited = activations.edited({"two": VECTORS * 2})
    np.testing.assert_allclose(edited.output, VECTORS * 3, rtol=1e-6)


def test_the_change_of_what_was_nothing_is_all_of_it():
    before = np.array([[0, 0], [3, 4], [0, 0]], np.float32)
    after = np.array([[0, 0], [3, 9], [1, 0]], np.float32)

    np.testing.assert_allclose(relative_change(before, after), [0, 1, 1])
    assert np.isnan(relative_change(np.array([[np.nan]]), np.array([[1.0]])))
