"""Attention rollout, against a loop over scores that Keras returns itself."""

import keras
import numpy as np
import pytest

import core
from core.analysis.attribution import are_in_a_row, attention_rollout, attentions_before
from core.extraction.known_layers import layers_of

layers = keras.layers


def test_attention_flows_through_all_layers_before():
    keras.utils.set_random_seed(8)
    series = keras.Input((5, 4), name="x")
    first, second = (layers.MultiHeadAttention(2, 3, name=name) for name in ("first", "second"))
    memory = layers.Dense(4, name="memory")(series)
    other = layers.MultiHeadAttention(2, 3, name="other")(series, memory)
    hidden = layers.Add()([series, first(series, series)])
    model = keras.Model(series, layers.Concatenate()([layers.Add()([hidden, second(hidden, hidden)]), other]))
    x = np.random.default_rng(1).normal(size=(1, 5, 4)).astype(np.float32)
    extractor = core.Extractor(model)
    known = layers_of(extractor, x)

    assert attentions_before(known, "second") == ("first", "second")
    assert attentions_before(known, "other") == ()
    recorded = extractor.extract(x, internals=True)
    found = attention_rollout([recorded[f"{key}:attention_scores"].values[0] for key in ("first", "second")])

    answer, scores = first(x, x, return_attention_scores=True)
    between = x + np.asarray(answer)
    _, later = second(between, between, return_attention_scores=True)
    expected = np.eye(5)
    for each in (scores, later):
        mixed = 0.5 * np.asarray(each)[0].mean(axis=0) + 0.5 * np.eye(5)
        expected = (mixed / mixed.sum(axis=1, keepdims=True)) @ expected
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


class Block(layers.Layer):
    """Attention inside a layer of somebody's own."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.attention = layers.MultiHeadAttention(1, 2, name="attention")

    def call(self, x):
        return x + self.attention(x, x)


def test_attention_inside_of_blocks_and_models_is_reached():
    inside = keras.Input((5, 4))
    nested = keras.Model(inside, layers.MultiHeadAttention(1, 2, name="attention")(inside, inside), name="nested")
    series = keras.Input((5, 4))
    hidden = layers.LayerNormalization()(nested(Block(name="block")(series)))
    model = keras.Model(series, layers.MultiHeadAttention(1, 2, name="last")(hidden, hidden))
    known = layers_of(core.Extractor(model), np.zeros((1, 5, 4), np.float32))

    found = attentions_before(known, "last")
    assert found == ("block/attention", "nested/attention", "last")
    assert are_in_a_row(known, found)
    assert attentions_before(known, "nested/attention") == ("block/attention", "nested/attention")


def test_layers_that_look_at_other_positions_are_refused():
    with pytest.raises(ValueError, match="same positions"):
        attention_rollout([np.ones((2, 4, 4)), np.ones((2, 3, 3))])
