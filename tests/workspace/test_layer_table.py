import dataclasses

import numpy as np
import pytest

from core.extraction.layers import LayerInfo
from core.workspace.layer_table import VALUES_LOOKED_AT, layer_row

RANDOM = np.random.default_rng(0)


@pytest.fixture
def row_of(make_activation):
    def row(values, sample=0, **about):
        activation = make_activation(values, **about)
        return layer_row(activation.layer, 1, activation, sample)

    return row


def test_describes_the_layer(make_activation):
    activation = make_activation(
        RANDOM.normal(size=(2, 5, 6, 3)),
        key="inner/conv#2",
        bases=("Conv2D", "BaseConv", "Layer"),
        parent="inner",
        inputs_from=("a", "b"),
        parameter_count=12,
        holds_layers=True,
    )
    row = layer_row(activation.layer, 4, activation, 0)

    assert (row.key, row.name, row.number, row.depth) == ("inner/conv#2", "conv#2", 4, 1)
    assert (row.type_name, row.kind, row.shape, row.parameter_count) == ("Conv2D", "convolution", "5×6×3", 12)
    assert (row.parent, row.inputs_from, row.holds_layers, row.missing) == ("inner", ("a", "b"), True, "")


def test_the_distribution_is_that_of_the_sample(row_of):
    values = np.stack([np.zeros(64), np.linspace(0, 1, 64)])

    assert sum(row_of(values, 0).distribution) == 64
    assert max(row_of(values, 0).distribution) == 64
    assert row_of(values, 1).distribution == (4,) * 16


def test_a_large_layer_is_looked_at_in_part_and_every_channel_is_met(row_of):
    channel = np.arange(64)
    values = np.broadcast_to(channel, (1, 112, 112, 64)).astype(np.float32)
    row = row_of(values)

    assert VALUES_LOOKED_AT / 2 < sum(row.distribution) < VALUES_LOOKED_AT * 2
    assert min(row.distribution) > 0.8 * max(row.distribution)


@pytest.mark.parametrize(
    ("values", "about", "notes"),
    [
        (RANDOM.normal(size=(4, 50)), {}, ()),
        (np.array([[1, np.nan, 3]]), {}, ("NaN",)),
        (np.array([[1, -np.inf, 3]]), {}, ("Inf",)),
        (np.array([[np.nan, np.inf, 3]]), {}, ("NaN", "Inf")),
        (np.array([[0, 0, 0, 1.0]]), {}, ("75 % zeros",)),
        (np.array([[0, 0, 2, 1.0, 3]]), {}, ()),
        (np.full((2, 3), 0.25), {}, ("constant 0.25",)),
        (np.zeros((2, 3)), {}, ("constant 0",)),
        (np.array([[7.0]]), {}, ()),
        (np.array([[0, 1.0, 2], [0, 0.5, 1]]), {"activation_function": "relu"}, ("1 of 3 never active",)),
        (np.array([[0, 1.0, 2], [3, 0.5, 1]]), {"activation_function": "relu"}, ()),
        (np.array([[0, 1.0, 2]]), {"activation_function": "relu"}, ()),
        (np.array([[0, 1.0, 2], [0, 0.5, 1]]), {"bases": ("ReLU", "Layer")}, ("1 of 3 never active",)),
        (np.array([[0, 1.0, 2], [0, 0.5, 1]]), {}, ()),
        (np.array([[0.001, 1.0, 0.999]]), {"activation_function": "sigmoid"}, ("100 % saturated",)),
        (np.array([[0.001, 0.5, 0.999]]), {"activation_function": "sigmoid"}, ()),
        (np.array([[-1.0, 1.0, 0.999]]), {"activation_function": "tanh"}, ("100 % saturated",)),
        (np.array([[1, 2], [3, 4]]), {}, ()),
        (np.array([[True, False, True]]), {}, ()),
        (np.array([["a", "b"]]), {}, ()),
        (np.array([1.0, 2.0]), {}, ()),
    ],
)
def test_notes(row_of, values, about, notes):
    assert row_of(values, **about).notes == notes


def test_recurrent_layers_use_their_tanh_otherwise(row_of):
    values = np.array([[[-1.0, 1.0, 0.999]]])

    assert row_of(values, bases=("LSTM", "RNN", "Layer"), activation_function="tanh").notes == ()


def test_half_precision_does_not_overflow(row_of):
    values = (60_000 - np.arange(70_000) % 8 * 32).astype(np.float16).reshape(1, -1)

    assert row_of(values).notes == ()


def test_without_values():
    layer = LayerInfo("k", "k", None, "Dense", ("Dense", "Layer"), (None, 3))

    assert layer_row(layer, 1, None, 0).notes == ()
    gone = dataclasses.replace(layer, missing="it runs in a loop")
    row = layer_row(gone, 1, None, 0)
    assert (row.notes, row.distribution, row.missing) == (("no values",), (), "it runs in a loop")


def test_only_nan_has_no_distribution(row_of):
    assert row_of(np.full((1, 4), np.nan)).distribution == ()


def test_a_huge_constant_has_a_distribution(row_of):
    assert sum(row_of(np.full((2, 4), 1e20, np.float32)).distribution) == 4


def test_padding_is_not_looked_at(row_of):
    """Eight timesteps of ten are padding, where a layer answers zeros."""
    values = RANDOM.normal(size=(2, 10, 3))
    values[:, 2:] = 0
    mask = np.arange(10)[None].repeat(2, axis=0) < 2
    row = row_of(values, mask=mask)

    assert row.notes == ()
    assert sum(row.distribution) == 2 * 3
    assert row_of(values).notes == ("80 % zeros",)
