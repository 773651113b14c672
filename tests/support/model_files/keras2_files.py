"""Files of Keras 2, as ``tf_keras`` writes them and as most of the models on the web are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tests.support.model_files.builders import CLASSES, Case, ModelFiles, case_of, random, saved, trained

__all__ = ["KERAS_2_FILES", "RECIPES", "dense_of_keras_2", "pictures_of_keras_2", "series"]

layers = tf_keras.layers
COUNT = 8
NUMBERS, VALUES = random(COUNT, 8), random(COUNT, 1, seed=1)
PHOTOS, SERIES = random(COUNT, 16, 16, 3), random(COUNT, 10, 4)
LABELS = np.arange(COUNT) % CLASSES
LABEL_LOSS = "sparse_categorical_crossentropy"


def weighted_squared_error(truth: Any, answer: Any) -> Any:
    """A loss of one's own, as it was written for TensorFlow."""
    return tf.reduce_mean(tf.square(truth - answer) * (1.0 + truth))


def share_within_a_tenth(truth: Any, answer: Any) -> Any:
    """A metric of one's own."""
    return tf.reduce_mean(tf.cast(tf.abs(truth - answer) < 0.1, tf.float32))


class MeanAnswer(tf_keras.metrics.Metric):
    """A metric class of one's own."""

    def __init__(self, name: str = "mean_answer", **settings: Any) -> None:
        super().__init__(name=name, **settings)
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, truth: Any, answer: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(tf.reduce_mean(answer))

    def result(self) -> Any:
        return self.total


for _own in (weighted_squared_error, share_within_a_tenth, MeanAnswer):
    _own.__module__ = "training"


@cache
def dense_of_keras_2() -> tuple[Any, Any]:
    """Return a trained model of numbers, and what goes in."""
    tf_keras.utils.set_random_seed(3)
    parts = [
        layers.Dense(6, "relu", input_shape=(8,), name="hidden"),
        layers.Dropout(0.2),
        layers.Dense(1, name="price"),
    ]
    model = tf_keras.Sequential(parts)
    metrics = [share_within_a_tenth, MeanAnswer(), "mae"]
    return trained(
        model, NUMBERS, VALUES, weighted_squared_error, tf_keras.optimizers.Adam(0.01), metrics=metrics
    ), NUMBERS


@cache
def pictures_of_keras_2() -> tuple[Any, Any]:
    """Return a trained classifier of pictures with batch normalization, and what goes in."""
    tf_keras.utils.set_random_seed(3)
    parts = [
        layers.Conv2D(4, 3, padding="same", input_shape=(16, 16, 3), name="stem"),
        layers.BatchNormalization(name="norm"),
        layers.Activation("relu", name="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(CLASSES, activation="softmax", name="head"),
    ]
    schedule = tf_keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)
    optimizer = tf_keras.optimizers.SGD(schedule, momentum=0.9)
    return trained(tf_keras.Sequential(parts), PHOTOS, LABELS, LABEL_LOSS, optimizer, metrics=["accuracy"]), PHOTOS


@cache
def recurrent() -> tuple[Any, Any]:
    tf_keras.utils.set_random_seed(3)
    parts = [
        layers.LSTM(6, return_sequences=True, input_shape=(10, 4)),
        layers.Bidirectional(layers.GRU(4, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(3)),
        layers.LSTM(4),
        layers.Dense(1),
    ]
    return trained(tf_keras.Sequential(parts), SERIES, VALUES, tf_keras.losses.Huber(), "rmsprop"), SERIES


def series() -> tuple[Any, Any]:
    """Return a trained model of a series, and what goes in."""
    tf_keras.utils.set_random_seed(3)
    parts = [layers.LSTM(4, input_shape=(10, 4)), layers.Dense(1)]
    return trained(tf_keras.Sequential(parts), SERIES, VALUES), SERIES


@cache
def words() -> tuple[Any, Any]:
    tf_keras.utils.set_random_seed(3)
    ids = np.random.default_rng(0).integers(0, 50, (COUNT, 12))
    parts = [layers.Embedding(50, 6, mask_zero=True, input_length=12), layers.LSTM(5), layers.Dense(1, "sigmoid")]
    targets = (VALUES > 0.5).astype("float32")
    return trained(tf_keras.Sequential(parts), ids, targets, "binary_crossentropy", metrics=["accuracy"]), ids


@cache
def nested() -> tuple[Any, Any]:
    tf_keras.utils.set_random_seed(3)
    base = tf_keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None)
    base.trainable = False
    photo = layers.Input((32, 32, 3))
    features = layers.GlobalAveragePooling2D()(base(photo, training=False))
    model = tf_keras.Model(photo, layers.Dense(CLASSES, "softmax")(layers.Dropout(0.2)(features)))
    photos = random(COUNT, 32, 32, 3)
    return trained(model, photos, LABELS, LABEL_LOSS, metrics=["accuracy"]), photos


@cache
def branches() -> tuple[Any, Any]:
    tf_keras.utils.set_random_seed(3)
    left, right = layers.Input((8,), name="left"), layers.Input((8,), name="right")
    shared = layers.Dense(4, "tanh", name="shared")
    joined = layers.concatenate([shared(left), shared(right) * 2.0])
    label, price = layers.Dense(CLASSES, "softmax", name="label")(joined), layers.Dense(1, name="price")(joined)
    inputs = [NUMBERS, random(COUNT, 8, seed=4)]
    losses = {"label": LABEL_LOSS, "price": "mse"}
    model = tf_keras.Model([left, right], [label, price])
    return trained(model, inputs, [LABELS, VALUES], losses, loss_weights={"label": 1.0, "price": 0.5}), inputs


@cache
def teachable_machine() -> tuple[Any, Any]:
    """As Google's Teachable Machine exports them: a Sequential of Sequentials."""
    tf_keras.utils.set_random_seed(3)
    photo = layers.Input((16, 16, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(photo)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(4, 3, 2, use_bias=False)(x)))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    features = tf_keras.Sequential([tf_keras.Model(photo, x), layers.GlobalAveragePooling2D()])
    head = tf_keras.Sequential(
        [layers.Dense(8, "relu", input_shape=(4,)), layers.Dense(CLASSES, "softmax", use_bias=False)]
    )
    model = tf_keras.Sequential([features, head])
    return trained(model, PHOTOS, tf_keras.utils.to_categorical(LABELS), "categorical_crossentropy"), PHOTOS


@cache
def transformer() -> tuple[Any, Any]:
    tf_keras.utils.set_random_seed(3)
    series = layers.Input((10, 4))
    attended = layers.MultiHeadAttention(2, 4)(series, series)
    x = layers.LayerNormalization()(layers.Add()([series, attended]))
    x = layers.Conv1D(6, 3, activation="relu")(x)
    model = tf_keras.Model(series, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))
    return trained(model, SERIES, VALUES, "mae", tf_keras.optimizers.legacy.Adam()), SERIES


def file(recipe: Callable[[], tuple[Any, Any]], name: str) -> Callable[[Path], ModelFiles]:
    """Return the builder of a model file."""

    def make(folder: Path) -> ModelFiles:
        model, inputs = recipe()
        return saved(model, inputs, folder / name)

    return make


def checkpoint_of_keras_2(folder: Path) -> ModelFiles:
    model, inputs = pictures_of_keras_2()
    path = folder / "weights.01-best.hdf5"
    callbacks = [tf_keras.callbacks.ModelCheckpoint(str(path), monitor="loss", save_best_only=True, mode="min")]
    model.fit(inputs, LABELS, verbose=0, callbacks=callbacks)
    return saved(model, inputs, path)


RECIPES = {
    "own loss and metrics": dense_of_keras_2,
    "pictures": pictures_of_keras_2,
    "recurrent": recurrent,
    "words": words,
    "nested": nested,
    "branches": branches,
    "Teachable Machine": teachable_machine,
    "attention": transformer,
}

KERAS_2_FILES = [
    *(Case(f"Keras 2, {name}, .h5", file(recipe, "model.h5")) for name, recipe in RECIPES.items()),
    *(Case(f"Keras 2, {name}, .keras", file(recipe, "model.keras")) for name, recipe in RECIPES.items()),
    Case("Keras 2, .hdf5", file(dense_of_keras_2, "model.hdf5")),
    case_of(checkpoint_of_keras_2),
]
