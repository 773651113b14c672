import numpy as np
import pytest
import vl_convert

from core.plugins.registry import get_registry

CONV = ("Conv3D", "BaseConv", "Layer")
RANDOM = np.random.default_rng(0)


@pytest.fixture
def activation(make_activation):
    return make_activation(RANDOM.uniform(size=(2, 3, 6, 5, 4)).astype(np.float32), key="conv", bases=CONV)


def drawn(activation, **options):
    specification = get_registry().draw("volume-slices", activation, options).specification
    assert vl_convert.vegalite_to_svg(specification).startswith("<svg")
    return specification


def tiles(specification):
    (found,) = [rows for rows in specification["datasets"].values() if rows and "zeros" in rows[0]]
    return found


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_every_channel_of_the_slice(activation, depth):
    for channel, row in enumerate(tiles(drawn(activation, sample=1, depth=depth))):
        values = activation.values[1, depth, ..., channel]
        assert row["channel"] == channel
        assert row["minimum"] == pytest.approx(values.min(), rel=1e-3)
        assert row["maximum"] == pytest.approx(values.max(), rel=1e-3)


def test_beyond_the_last_slice_is_the_last(activation):
    assert tiles(drawn(activation, depth=99)) == tiles(drawn(activation, depth=2))


def test_the_chosen_channel_is_large(activation):
    specification = drawn(activation, channel=3, depth=1)
    (cells,) = [rows for rows in specification["datasets"].values() if rows and "value" in rows[0]]

    for cell in cells:
        assert cell["value"] == pytest.approx(activation.values[0, 1, cell["height"], cell["width"], 3])
    assert "Channel 3, depth 1" in str(specification)


def test_pictures_over_time(make_activation):
    lstm = make_activation(RANDOM.uniform(size=(1, 3, 6, 5, 4)), bases=("ConvLSTM2D", "ConvLSTM", "RNN", "Layer"))

    assert lstm.axes[1] == "time"
    assert "at time 1 of 3" in str(drawn(lstm, depth=1))
