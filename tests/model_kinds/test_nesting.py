"""Models in models, three deep and of every mix, and layers and models that are called more than once."""

from itertools import product

import keras
import numpy as np
import pytest

from core.extraction.extractor import Extractor, extract

layers = keras.layers
VECTORS = np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


def dense(layer, x):
    """What a Dense layer computes, by NumPy."""
    return np.asarray(x) @ layer.kernel.numpy() + layer.bias.numpy()


class Subclassed(keras.Model):
    def __init__(self, parts, **settings):
        super().__init__(**settings)
        self.parts = list(parts)

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


def functional(parts, **settings):
    inputs = x = keras.Input((4,))
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x, **settings)


def sequential(parts, **settings):
    return keras.Sequential(parts, **settings)


def built(parts, **settings):
    return keras.Sequential([keras.Input((4,)), *parts], **settings)


@pytest.mark.parametrize("kinds", list(product((functional, sequential, Subclassed), repeat=3)))
def test_three_models_in_one_another(kinds):
    outermost, middle, innermost = kinds
    a, b, c, d = (layers.Dense(4, name=name) for name in "abcd")
    model = outermost([a, middle([b, innermost([c], name="innermost")], name="middle"), d], name="outermost")
    activations = extract(model, VECTORS)

    assert list(activations) == ["a", "middle", "middle/b", "middle/innermost", "middle/innermost/c", "d"]
    first, second = dense(a, VECTORS), dense(b, dense(a, VECTORS))
    same(activations["a"].values, first)
    same(activations["middle/b"].values, second)
    for key in ("middle", "middle/innermost", "middle/innermost/c"):
        same(activations[key].values, dense(c, second))
    same(activations["d"].values, dense(d, dense(c, second)))
    same(activations.output, model(VECTORS))


def test_five_models_in_one_another():
    inmost = layers.Dense(4, name="d")
    model = inmost
    for depth, kind in enumerate((Subclassed, built, functional, Subclassed, functional)):
        model = kind([model], name=f"m{depth}")
    activations = extract(model, VECTORS)

    assert list(activations)[-1] == "m3/m2/m1/m0/d"
    assert [activation.layer.depth for activation in activations.values()] == [0, 1, 2, 3, 4]
    for activation in activations.values():
        same(activation.values, dense(inmost, VECTORS))


@pytest.mark.parametrize("kind", [functional, built, sequential, Subclassed])
def test_a_shared_model_called_three_times(kind):
    a, b = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    shared = kind([a, b], name="shared")
    activations = extract(Subclassed([shared, shared, shared]), VECTORS)

    assert list(activations) == [f"shared{call}{inner}" for call in ("", "#2", "#3") for inner in ("", "/a", "/b")]
    x = VECTORS
    for call in ("shared", "shared#2", "shared#3"):
        same(activations[f"{call}/a"].values, dense(a, x))
        x = dense(b, dense(a, x))
        same(activations[f"{call}/b"].values, x)
        same(activations[call].values, x)


def test_one_layer_shared_by_two_models_and_the_model_around_them():
    shared = layers.Dense(4, name="shared")
    left, right = functional([shared], name="left"), Subclassed([shared, shared], name="right")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Add(name="sum")([left(inputs), right(inputs), shared(inputs)]))
    activations = extract(model, VECTORS)

    once, twice = dense(shared, VECTORS), dense(shared, dense(shared, VECTORS))
    assert set(activations) == {"left", "left/shared", "right", "right/shared", "right/shared#2", "shared", "sum"}
    for key in ("left", "left/shared", "right/shared", "shared"):
        same(activations[key].values, once)
    for key in ("right", "right/shared#2"):
        same(activations[key].values, twice)
    same(activations["sum"].values, 2 * once + twice)


def test_a_shared_model_with_two_inputs_says_where_each_call_got_its_inputs():
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    compare = keras.Model([x, y], layers.Subtract(name="difference")([x, y]), name="compare")
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    model = keras.Model([one, two], compare([compare([one, two]), one]))
    activations = extract(model, [VECTORS, 3 * VECTORS])

    same(activations["compare/difference"].values, -2 * VECTORS)
    same(activations["compare#2/difference"].values, -3 * VECTORS)
    assert activations["compare"].layer.inputs_from == ("input:one", "input:two")
    assert set(activations["compare#2"].layer.inputs_from) == {"compare", "input:one"}


def test_a_sub_model_made_from_the_layers_of_another():
    whole = built([layers.Dense(4, name="a"), layers.Dense(4, name="b"), layers.Dense(2, name="c")])
    part = keras.Model(whole.inputs[0], whole.get_layer("b").output)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, name="head")(part(inputs)))
    activations = extract(model, VECTORS)

    a, b, _ = whole.layers
    same(activations[f"{part.name}/a"].values, dense(a, VECTORS))
    same(activations[f"{part.name}/b"].values, dense(b, dense(a, VECTORS)))
    assert not any(key.endswith("/c") for key in activations)


def test_a_model_with_a_trained_model_of_another_kind_at_its_bottom():
    base = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), include_top=False)
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    head = layers.Dense(2, name="head")
    model = keras.Model(inputs, head(layers.GlobalAveragePooling2D(name="mean")(base(inputs))))
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    extractor = Extractor(model)
    activations = extractor.extract(images)

    deep = keras.Model(base.input, base.layers[40].output)
    same(activations[f"{base.name}/{base.layers[40].name}"].values, deep(images))
    features = np.asarray(base(images)).mean(axis=(1, 2))
    same(activations["mean"].values, features)
    same(activations["head"].values, dense(head, features))
    assert [layer.key for layer in extractor.layers] == list(activations)
