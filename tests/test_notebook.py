"""What a notebook shows of an activation: its best picture, and never an exception."""

import json

import keras
import numpy as np
import pytest

from core.extraction.extractor import extract
from core.plugins.registry import get_registry

LAYERS = keras.layers


def lstm(x):
    return LAYERS.LSTM(4, name="layer")(x)


def gru(x):
    return LAYERS.GRU(4, return_sequences=True, name="layer")(x)


def attention(x):
    return LAYERS.MultiHeadAttention(2, 3, name="layer")(x, x)


def convolution(x):
    return LAYERS.Conv2D(5, 2, name="layer")(LAYERS.Reshape((6, 3, 1))(x))


class Nothing(LAYERS.Layer):
    def call(self, x):
        return x[..., :0]


class OneNumber(LAYERS.Layer):
    def call(self, x):
        return keras.ops.sum(x, axis=(1, 2))


class NotANumber(LAYERS.Layer):
    def call(self, x):
        return x / 0.0 * 0.0


KINDS = {
    "LSTM": lstm,
    "GRU": gru,
    "attention": attention,
    "convolution": convolution,
    "empty": lambda x: Nothing(name="layer")(x),
    "scalar": lambda x: OneNumber(name="layer")(x),
    "NaN": lambda x: NotANumber(name="layer")(x),
}


def recorded(kind, **settings):
    given = keras.Input((6, 3))
    inputs = np.random.default_rng(0).random((2, 6, 3)).astype(np.float32)
    return extract(keras.Model(given, KINDS[kind](given)), inputs, **settings)["layer"]


def text():
    words = keras.Input((1,), dtype="string")
    numbers = LAYERS.StringLookup(vocabulary=["a", "b"])(words)
    back = LAYERS.StringLookup(vocabulary=["a", "b"], invert=True, name="layer")(numbers)
    return extract(keras.Model(words, back), np.array([["a"], ["c"]]))["layer"]


def shown(activation):
    bundle = activation._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


def is_chart(bundle):
    return any("vega" in kind or kind == "text/html" for kind in bundle)


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "empty"])
@pytest.mark.parametrize("is_sample", [False, True])
@pytest.mark.parametrize("internals", [False, True])
def test_what_was_recorded_is_drawn(kind, is_sample, internals):
    activation = recorded(kind, internals=internals)

    assert is_chart(shown(activation.sample(1) if is_sample else activation))


def test_what_was_recorded_inside_comes_first(monkeypatch):
    registry, drawn, draw = get_registry(), [], get_registry().draw
    monkeypatch.setattr(registry, "draw", lambda name, *given: drawn.append(name) or draw(name, *given))
    shown(recorded("LSTM", internals=True))
    shown(recorded("LSTM"))

    assert drawn[0] == "gates"
    assert not {"gates", "gate-heatmaps"} & set(drawn[1:])


def test_the_page_which_can_record_again_offers_all_of_them():
    assert get_registry().publish(recorded("LSTM"))[0].name == "gates"


def test_text_is_shown():
    assert is_chart(shown(text()))


def test_where_nothing_can_be_drawn_there_is_a_line():
    activation = recorded("empty")

    assert shown(activation) == {"text/plain": repr(activation)}


def test_a_picture_that_fails_gives_way_to_the_next(monkeypatch):
    activation = recorded("convolution")
    best = get_registry().publish(activation)[0]
    monkeypatch.setattr(type(best), "chart", lambda self, activation, options: 1 / 0)

    assert is_chart(shown(activation))


def test_more_rows_than_altair_takes_by_itself(make_activation):
    activation = make_activation(np.random.default_rng(0).random((1, 6_000, 1)).astype(np.float32))

    assert len(json.dumps(shown(activation))) > 1_000
