"""Layers of more numbers than a browser can be sent are drawn all the same, and what is said of them stays true."""

import json
import time

import numpy as np
import pytest

from core.extraction.activation import Activation
from core.plugins.registry import get_registry

CONVOLUTION = ("Conv2D", "BaseConv", "Layer")
LARGE = {
    "U-Net": ((1, 512, 512, 64), {"bases": CONVOLUTION}),
    "photo": ((1, 1500, 2000, 3), {"bases": CONVOLUTION}),
    "one row": ((1, 1, 20_000, 8), {"bases": CONVOLUTION}),
    "one column": ((1, 20_000, 2, 8), {"bases": CONVOLUTION}),
    "many channels": ((1, 4, 4, 60_000), {"bases": CONVOLUTION}),
    "volume": ((1, 4, 512, 512, 16), {"bases": ("Conv3D", "BaseConv", "Layer")}),
    "states": ((1, 2048, 512), {"bases": ("LSTM", "RNN", "Layer")}),
    "many units over time": ((1, 64, 60_000), {"bases": ("Conv1D", "BaseConv", "Layer")}),
    "long": ((1, 100_000, 16), {"bases": ("Conv1D", "BaseConv", "Layer")}),
    "many samples": ((64, 500, 16), {"bases": ("Conv1D", "BaseConv", "Layer")}),
    "units": ((1, 100_000), {}),
    "vocabulary": ((1, 200_000), {"activation_function": "softmax"}),
    "flattened image": ((1, 5_000_000), {"bases": ("Flatten", "Layer")}),
    "vectors": ((1, 60_000, 8), {"bases": ("Embedding", "Layer")}),
    "attention": (
        (1, 16, 1024, 1024),
        {"bases": ("MultiHeadAttention", "Layer"), "axes": ("sample", "head", "query", "key")}
        | {"part": "attention_scores"},
    ),
}


def noise(shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def with_input(activation, given):
    return Activation(activation.key, activation.values, activation.axes, activation.layer, inputs=(given,))


@pytest.mark.parametrize("name", LARGE)
def test_every_picture_fits_the_budget(make_activation, name):
    shape, described = LARGE[name]
    activation = make_activation(noise(shape), **described)
    registry = get_registry()
    everything = {"compare": list(range(shape[0])), "units": list(range(min(shape[-1], 200)))}

    for each in registry.publish(activation):
        options = {option: value for option, value in everything.items() if option in each.Options.model_fields}
        started = time.monotonic()
        assert registry.draw(each.name, activation, options)
        assert time.monotonic() - started < 20, each.name


@pytest.mark.parametrize("shape", [(1, 64), (1, 512, 512, 64)])
def test_what_comes_before_may_be_large_too(make_activation, shape):
    bases = ("ReLU", "Layer") if len(shape) == 4 else ("GlobalAveragePooling2D", "BaseGlobalPooling", "Layer")
    activation = make_activation(noise(shape), bases=bases, inputs_from=("before",))
    given = make_activation(noise((1, 512, 512, 64)), bases=CONVOLUTION, key="before")

    assert get_registry().draw("before-and-after", with_input(activation, given)).pictures


def test_what_is_said_of_a_thinned_map_is_of_the_whole(make_activation):
    values = noise((1, 512, 512, 40))
    values[0, 300, 200, 7] = 1_000
    specification = get_registry().draw("feature-maps", make_activation(values, bases=CONVOLUTION)).specification

    assert "averaged over" in json.dumps(specification, ensure_ascii=False)
    (tile,) = (
        row
        for rows in specification["datasets"].values()
        for row in rows
        if row.get("channel") == 7 and "maximum" in row
    )
    assert tile["maximum"] == 1_000
    assert tile["mean"] == pytest.approx(values[0, ..., 7].mean(dtype=np.float64), rel=1e-3)


def test_a_heatmap_says_what_a_pixel_stands_for(make_activation):
    specification = get_registry().draw("unit-heatmap", make_activation(noise((1, 5_000, 32)))).specification

    assert "strongest of every 1×5" in specification["title"]["subtitle"]


def test_maps_that_fit_are_drawn_as_they_are(make_activation):
    specification = get_registry().draw("feature-maps", make_activation(noise((1, 112, 112, 64)))).specification

    assert "averaged" not in json.dumps(specification)
