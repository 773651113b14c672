"""Recipes of models of series, tokens and text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tests.support.model_files.builders import CLASSES, Recipe, random
from tests.support.model_files.samples import COUNT, LABEL_LOSS, LABELS, SENTENCES, SERIES, VALUES, WORDS

layers = keras.layers


def text_classifier(recurrent: Callable[[], Any]) -> Recipe:
    def make() -> Any:
        keras.utils.set_random_seed(3)
        vectorization = layers.TextVectorization(40, output_sequence_length=8, name="words")
        vectorization.adapt(SENTENCES)
        text = keras.Input((1,), dtype="string", name="text")
        embedded = layers.Embedding(40, 6, mask_zero=True)(vectorization(text))
        model = keras.Model(text, layers.Dense(1, "sigmoid")(recurrent()(embedded)))
        return model, SENTENCES[:, None], (VALUES > 0.5).astype("float32"), "binary_crossentropy"

    return make


def transformer_block() -> Any:
    keras.utils.set_random_seed(3)
    ids = keras.Input((12,), dtype="int32", name="ids")
    x = layers.Embedding(50, 8)(ids) + layers.Embedding(12, 8)(np.arange(12))
    attended = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)
    x = layers.LayerNormalization(epsilon=1e-6)(x + attended)
    expanded = layers.Dense(8)(layers.Dense(16, keras.activations.gelu)(x))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, expanded]))
    model = keras.Model(ids, layers.Dense(CLASSES, "softmax")(layers.GlobalAveragePooling1D()(x)))
    return model, WORDS, LABELS, LABEL_LOSS


def attention_over_a_series() -> Any:
    keras.utils.set_random_seed(3)
    series = keras.Input((10, 4))
    states = layers.LSTM(6, return_sequences=True)(series)
    context = layers.Flatten()(layers.Attention()([states, layers.AdditiveAttention()([states, states])]))
    return keras.Model(series, layers.Dense(1)(context)), SERIES, VALUES, "mse"


def recurrent() -> Any:
    keras.utils.set_random_seed(3)
    stack = [
        layers.LSTM(6, return_sequences=True, dropout=0.1),
        layers.GRU(4, return_sequences=True),
        layers.SimpleRNN(3),
    ]
    return keras.Sequential([keras.Input((10, 4)), *stack, layers.Dense(1)]), SERIES, VALUES, "mse"


def series_of_open_length() -> Any:
    keras.utils.set_random_seed(3)
    parts = [
        layers.Masking(0.0),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.GlobalMaxPooling1D(),
    ]
    return keras.Sequential([keras.Input((None, 4)), *parts, layers.Dense(1)]), SERIES, VALUES, "mse"


def encoder_and_decoder_of_a_series() -> Any:
    keras.utils.set_random_seed(3)
    series = keras.Input((10, 4))
    _, *states = layers.LSTM(5, return_state=True)(series)
    repeated = layers.RepeatVector(6)(states[0])
    decoded = layers.LSTM(5, return_sequences=True)(repeated, initial_state=states)
    return keras.Model(series, layers.TimeDistributed(layers.Dense(1))(decoded)), SERIES, random(COUNT, 6, 1), "mse"


def stateful_series() -> Any:
    keras.utils.set_random_seed(3)
    parts = [layers.LSTM(5, stateful=True, name="states"), layers.Dense(1)]
    return keras.Sequential([keras.Input(batch_shape=(COUNT, 10, 4)), *parts]), SERIES, VALUES, "mse"


def convolutions_over_time() -> Any:
    keras.utils.set_random_seed(3)
    parts = [
        layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"),
        layers.MaxPooling1D(),
        layers.SeparableConv1D(4, 3),
    ]
    model = keras.Sequential([keras.Input((10, 4)), *parts, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    return model, SERIES, VALUES, "mse"


def embedding_of_whole_numbers() -> Any:
    keras.utils.set_random_seed(3)
    parts = [layers.Embedding(50, 6), layers.SpatialDropout1D(0.1), layers.Flatten(), layers.Dense(CLASSES, "softmax")]
    return keras.Sequential([keras.Input((12,), dtype="int64", name="ids"), *parts]), WORDS, LABELS, LABEL_LOSS
