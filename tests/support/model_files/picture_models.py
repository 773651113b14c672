"""Recipes of models of pictures and volumes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tests.support.model_files.builders import CLASSES, random
from tests.support.model_files.samples import COUNT, LABEL_LOSS, LABELS, PHOTOS, VALUES

layers, ops = keras.layers, keras.ops


def pictures_model() -> Any:
    """Return a classifier of small pictures, with batch normalization."""
    keras.utils.set_random_seed(3)
    parts = [
        layers.Conv2D(4, 3, padding="same", activation="relu", name="stem"),
        layers.BatchNormalization(name="norm"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(6, 3, activation="relu", name="body"),
        layers.GlobalAveragePooling2D(name="mean"),
        layers.Dropout(0.3, name="dropout"),
        layers.Dense(CLASSES, activation="softmax", name="head"),
    ]
    return keras.Sequential([keras.Input((16, 16, 3), name="photo"), *parts])


def pictures() -> Any:
    return pictures_model(), PHOTOS, LABELS, LABEL_LOSS


def first_model_of_the_course() -> Any:
    parts = [layers.Flatten(), layers.Dense(16, "relu"), layers.Dropout(0.2), layers.Dense(10)]
    model = keras.Sequential([keras.Input((28, 28)), layers.Rescaling(1 / 255), *parts])
    return model, random(COUNT, 28, 28) * 255, np.arange(COUNT), LABEL_LOSS


def transfer_learning() -> Any:
    keras.utils.set_random_seed(3)
    base = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    base.trainable = False
    photo = keras.Input((32, 32, 3), name="photo")
    augmented = layers.RandomFlip("horizontal")(photo)
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(augmented)
    features = layers.GlobalAveragePooling2D()(base(scaled, training=False))
    model = keras.Model(photo, layers.Dense(CLASSES, "softmax")(layers.Dropout(0.2)(features)))
    return model, random(COUNT, 32, 32, 3) * 255, LABELS, LABEL_LOSS


def augmented_pictures() -> Any:
    keras.utils.set_random_seed(3)
    augmentation = keras.Sequential(
        [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1), layers.RandomContrast(0.1)],
        name="augmentation",
    )
    parts = [layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(CLASSES, "softmax")]
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), augmentation, layers.Resizing(12, 12), layers.Rescaling(1 / 255), *parts]
    )
    return model, PHOTOS * 255, LABELS, LABEL_LOSS


def names_of_classes_as_output() -> Any:
    model = pictures_model()
    model.compile("adam", LABEL_LOSS)
    model.fit(PHOTOS, LABELS, verbose=0)
    names = layers.StringLookup(vocabulary=["cat", "dog", "zebra"], num_oov_indices=0, invert=True, name="class_names")
    photo = keras.Input((16, 16, 3), name="photo")
    probabilities = model(photo)
    named = names(ops.argmax(probabilities, axis=-1))
    return keras.Model(photo, {"class": named, "probabilities": probabilities}), PHOTOS, None, ""


def autoencoder() -> Any:
    keras.utils.set_random_seed(3)
    encoder = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(4, 3, 2, padding="same", activation="relu")], name="encoder"
    )
    grown = [
        layers.Conv2DTranspose(4, 3, 2, padding="same", activation="relu"),
        layers.Conv2D(3, 3, padding="same", activation="sigmoid"),
    ]
    decoder = keras.Sequential([keras.Input((8, 8, 4)), *grown], name="decoder")
    photo = keras.Input((16, 16, 3))
    return keras.Model(photo, decoder(encoder(photo)), name="autoencoder"), PHOTOS, PHOTOS, "mse"


def u_net() -> Any:
    keras.utils.set_random_seed(3)
    photo = x = keras.Input((16, 16, 3))
    skips = []
    for width in (4, 8):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(8, 3, padding="same")(x)
    for width, skip in zip((8, 4), reversed(skips), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), skip])
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same", use_bias=False)(x)))
    masks = np.random.default_rng(0).integers(0, 4, (COUNT, 16, 16))
    return keras.Model(photo, layers.Conv2D(4, 1, activation="softmax")(x)), PHOTOS, masks, LABEL_LOSS


def residual_depthwise_pictures() -> Any:
    keras.utils.set_random_seed(3)
    photo = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same")(photo)
    y = layers.SeparableConv2D(8, 3, padding="same")(layers.Activation("swish")(x))
    x = layers.LeakyReLU(negative_slope=0.1)(
        layers.GroupNormalization(4)(layers.add([x, layers.DepthwiseConv2D(3, padding="same")(y)]))
    )
    return keras.Model(photo, layers.Dense(CLASSES, "softmax")(layers.Flatten()(x))), PHOTOS, LABELS, LABEL_LOSS


def volumes() -> Any:
    keras.utils.set_random_seed(3)
    parts = [layers.Conv3D(3, 3, activation="relu"), layers.GlobalAveragePooling3D(), layers.Dense(1)]
    return keras.Sequential([keras.Input((6, 6, 6, 1)), *parts]), random(COUNT, 6, 6, 6, 1), VALUES, "mse"
