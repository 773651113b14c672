"""Recipes of models of tables, of several inputs, and of ones with arithmetic between their layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tests.support.model_files.builders import CLASSES, random
from tests.support.model_files.samples import COUNT, LABEL_LOSS, LABELS, NUMBERS, PHOTOS, VALUES, WORDS

layers, ops = keras.layers, keras.ops


def built_by_fit() -> Any:
    return keras.Sequential([layers.Dense(6, "relu"), layers.Dropout(0.5), layers.Dense(1)]), NUMBERS, VALUES, "mse"


def several_inputs_and_outputs() -> Any:
    keras.utils.set_random_seed(3)
    photo, table = keras.Input((16, 16, 3), name="photo"), keras.Input((8,), name="table")
    seen = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(photo))
    joined = layers.Concatenate()([seen, layers.Dense(4, "relu")(table)])
    label, price = layers.Dense(CLASSES, "softmax", name="label")(joined), layers.Dense(1, name="price")(joined)
    model = keras.Model([photo, table], [label, price])
    return model, [PHOTOS, NUMBERS], [LABELS, VALUES], [LABEL_LOSS, "mse"]


def inputs_by_name() -> Any:
    keras.utils.set_random_seed(3)
    inputs = {name: keras.Input((1,), name=name) for name in ("rooms", "area", "year")}
    joined = layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, layers.Dense(1)(layers.Dense(6, "tanh")(joined)))
    return model, {name: random(COUNT, 1, seed=place) for place, name in enumerate(inputs)}, VALUES, "mse"


def table_of_numbers_and_words() -> Any:
    keras.utils.set_random_seed(3)
    towns, ages = np.array([["Köln"], ["Paris"], ["Rome"], ["Paris"]] * 2), random(COUNT, 1) * 80
    town, age = keras.Input((1,), name="town", dtype="string"), keras.Input((1,), name="age")
    lookup, normalization = layers.StringLookup(output_mode="one_hot"), layers.Normalization()
    lookup.adapt(towns)
    normalization.adapt(ages)
    joined = layers.Concatenate()([lookup(town), normalization(age)])
    model = keras.Model({"town": town, "age": age}, layers.Dense(1, "sigmoid")(layers.Dense(6, "relu")(joined)))
    return model, {"town": towns, "age": ages}, (VALUES > 0.5).astype("float32"), "binary_crossentropy"


def normalized_table() -> Any:
    keras.utils.set_random_seed(3)
    normalization = layers.Normalization(name="normalization")
    normalization.adapt(NUMBERS * 50)
    model = keras.Sequential([keras.Input((8,)), normalization, layers.Dense(6, "relu"), layers.Dense(1)])
    return model, NUMBERS * 50, VALUES, "mse"


def discretized_table() -> Any:
    keras.utils.set_random_seed(3)
    bins = layers.Discretization(bin_boundaries=[18.0, 40.0, 65.0], output_mode="one_hot")
    model = keras.Sequential([keras.Input((1,)), bins, layers.Dense(1)])
    return model, random(COUNT, 1) * 80, VALUES, "mse"


def operations_between_layers() -> Any:
    keras.utils.set_random_seed(3)
    numbers = keras.Input((8,))
    left, right = layers.Dense(6, "relu")(numbers) * 2 + 1, ops.tanh(layers.Dense(6)(numbers))
    joined = ops.concatenate([left, right, left - right], axis=-1)
    scaled = joined / (1 + ops.max(ops.abs(joined), axis=-1, keepdims=True))
    return keras.Model(numbers, layers.Dense(1)(ops.reshape(scaled, (-1, 3, 6))[:, 1])), NUMBERS, VALUES, "mse"


def siamese() -> Any:
    keras.utils.set_random_seed(3)
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    embedding = keras.Sequential(
        [keras.Input((8,)), layers.Dense(6, "relu"), layers.UnitNormalization()], name="embedding"
    )
    distance = ops.sum(ops.square(embedding(left) - embedding(right)), axis=-1, keepdims=True)
    model = keras.Model([left, right], layers.Dense(1, "sigmoid")(distance))
    return model, [NUMBERS, random(COUNT, 8, seed=5)], (VALUES > 0.5).astype("float32"), "binary_crossentropy"


def regularizers_constraints_and_initializers() -> Any:
    keras.utils.set_random_seed(3)
    hidden = layers.Dense(
        6,
        activation=keras.activations.gelu,
        kernel_initializer=keras.initializers.HeNormal(seed=1),
        bias_initializer=keras.initializers.Constant(0.1),
        kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-3),
        activity_regularizer=keras.regularizers.L2(1e-5),
        kernel_constraint=keras.constraints.MaxNorm(2),
        bias_constraint="non_neg",
    )
    answer = layers.Dense(1, kernel_initializer=keras.initializers.Orthogonal(), kernel_regularizer="l2")
    return (
        keras.Sequential([keras.Input((8,)), hidden, layers.PReLU(), layers.GaussianNoise(0.1), answer]),
        NUMBERS,
        VALUES,
        "mse",
    )


def recommender() -> Any:
    keras.utils.set_random_seed(3)
    user, film = keras.Input((1,), dtype="int32", name="user"), keras.Input((1,), dtype="int32", name="film")
    vectors = [layers.Flatten()(layers.Embedding(20, 4)(each)) for each in (user, film)]
    ids = [WORDS[:, :1] % 20, WORDS[:, 1:2] % 20]
    return keras.Model([user, film], layers.Dot(axes=1)(vectors)), ids, VALUES, "mse"


def ensemble() -> Any:
    keras.utils.set_random_seed(3)
    numbers = keras.Input((8,))
    members = [
        keras.Sequential([keras.Input((8,)), layers.Dense(5, "relu"), layers.Dense(1)], name=f"member_{number}")
        for number in range(3)
    ]
    return keras.Model(numbers, layers.Average()([member(numbers) for member in members])), NUMBERS, VALUES, "mse"


def long_names_with_dots() -> Any:
    keras.utils.set_random_seed(3)
    hidden = layers.Dense(6, "relu", name="block1.unit_2-conv>3x3_" + "x" * 120)
    model = keras.Sequential([keras.Input((8,)), hidden, layers.Dense(1, name="42")], name="my-model.v2.1_final")
    return model, NUMBERS, VALUES, "mse"


def names_of_another_script() -> Any:
    # Keras trains no model that is called so, but saves one whose weights came from elsewhere.
    keras.utils.set_random_seed(3)
    hidden = layers.Dense(6, "relu", name="Größe der Äpfel (v2.1) – 模型")
    model = keras.Sequential(
        [keras.Input((8,)), hidden, layers.Dense(1, name="price in €")], name="Bäume & Blätter (2)"
    )
    return model, NUMBERS, None, ""
