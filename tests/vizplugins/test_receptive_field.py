"""The measured field against what is worked out by hand from windows, strides and dilation."""

import keras
import numpy as np
import pytest

import core
from core.plugins.registry import Registry

layers = keras.layers
registry = Registry()
RANDOM = np.random.default_rng(6)
IMAGES = RANDOM.uniform(size=(2, 20, 24, 3)).astype(np.float32)


def drawn(model, layer, inputs=IMAGES, **options):
    return registry.draw("receptive-field", core.extract(model, inputs)[layer], {"place": "the center", **options})


def stack(*more):
    return keras.Sequential([keras.Input((20, 24, 3), name="image"), *more])


def with_a_skip():
    given = keras.Input((20, 24, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(given)
    y = layers.Conv2D(4, 5, padding="same")(x)
    return keras.Model(given, layers.Add(name="last")([x, y]))


@pytest.mark.parametrize(
    ("model", "size"),
    [
        (lambda: stack(layers.Conv2D(4, 3, name="last")), "3×3"),
        (lambda: stack(layers.Conv2D(4, (3, 5), activation="relu"), layers.Conv2D(4, 3, name="last")), "5×7"),
        # 1 + 2 + 2 · 2: a step of the second is two of the first.
        (lambda: stack(layers.Conv2D(4, 3, strides=2), layers.Conv2D(4, 3, name="last")), "7×7"),
        (lambda: stack(layers.Conv2D(4, 3, dilation_rate=3, name="last")), "7×7"),
        (lambda: stack(layers.Conv2D(4, 3), layers.AveragePooling2D(2), layers.Conv2D(4, 3, name="last")), "8×8"),
        (with_a_skip, "7×7"),
    ],
    ids=["one", "two", "strides", "dilation", "pooling", "skip"],
)
def test_the_field_in_the_middle_is_that_of_its_windows(model, size):
    drawing = drawn(model(), "last", unit=1)

    assert not drawing.refusal
    assert f"sees {size} of the 20×24 of image" in drawing.pictures[0].caption


def test_at_the_border_a_part_is_padding():
    model = stack(layers.Conv2D(2, 5, padding="same", name="last"))
    kernel = np.zeros((5, 5, 3, 2), np.float32)
    kernel[..., 0] = 1
    model.layers[-1].set_weights([kernel, np.zeros(2, np.float32)])
    images = np.zeros((1, 20, 24, 3), np.float32)
    images[0, 0, 0] = 1  # the corner answers the most, and first of all
    drawing = drawn(model, "last", images, place="where it answers the most", unit=0)

    assert drawing.pictures[0].caption == (
        "Channel 0 of last at row 0, column 0 sees 3×3 of the 20×24 of image; "
        "in the middle 5×5: the rest is padding here"
    )


def test_of_a_series_it_is_steps():
    model = keras.Sequential(
        [keras.Input((40, 2), name="series"), layers.Conv1D(3, 4, strides=2), layers.Conv1D(3, 3, name="last")]
    )
    drawing = drawn(model, "last", RANDOM.normal(size=(2, 40, 2)).astype(np.float32), unit=0)

    assert "sees 8 of the 40 of series" in drawing.pictures[0].caption


def test_through_attention_it_is_everything():
    given = keras.Input((12, 4), name="tokens")
    model = keras.Model(given, layers.MultiHeadAttention(2, 3, name="attention")(given, given))
    drawing = drawn(model, "attention", RANDOM.normal(size=(2, 12, 4)).astype(np.float32), unit=0)

    assert "sees 12 of the 12 of tokens" in drawing.pictures[0].caption


def test_a_silent_channel_has_the_field_of_its_neighbours():
    model = stack(layers.Conv2D(3, 3, activation="relu", name="last"))
    kernel, bias = model.layers[-1].get_weights()
    bias[1] = -100
    model.layers[-1].set_weights([kernel, bias])

    assert "sees 3×3 of the 20×24" in drawn(model, "last", unit=1).pictures[0].caption
