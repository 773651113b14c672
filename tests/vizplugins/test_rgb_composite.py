import numpy as np
import pytest
import vl_convert

from core import charts
from core.errors import PluginFailed
from core.plugins.registry import get_registry
from tests.support.chart_pictures import pictures_in

CONV = ("Conv2D", "BaseConv", "Layer")
RANDOM = np.random.default_rng(0)


def drawn(activation, **options):
    drawing = get_registry().draw("rgb-composite", activation, options)
    assert vl_convert.vegalite_to_svg(drawing.specification).startswith("<svg")
    return drawing


def pictures(specification):
    """Return the pixels of every image in the chart by what they hold, the composite among them."""
    return [np.asarray(picture) for picture in pictures_in(specification)]


@pytest.fixture
def activation(make_activation):
    return make_activation(RANDOM.normal(size=(2, 5, 7, 6)).astype(np.float32), key="conv", bases=CONV)


def test_three_channels_are_the_three_colours(activation):
    specification = drawn(activation, sample=1, red=4, green=0, blue=2).specification
    expected = np.stack(
        [charts.picture_values(activation.values[1][..., [channel]])[..., 0] for channel in (4, 0, 2)], axis=-1
    )
    found = pictures(specification)

    assert any(np.array_equal(pixels, expected) for pixels in found)
    for part in range(3):
        alone = np.zeros_like(expected)
        alone[..., part] = expected[..., part]
        assert any(np.array_equal(pixels, alone) for pixels in found)


def test_each_channel_uses_the_whole_range(activation):
    for pixels in pictures(drawn(activation).specification):
        assert pixels.max() == 255


def test_a_channel_that_is_not_there_is_fitted_and_told(activation):
    drawing = drawn(activation, blue=99)

    assert len(drawing.notes) == 1
    assert "Channels 0, 1 and 5" in str(drawing.specification["title"])


def test_fewer_than_three_channels(make_activation):
    with pytest.raises(PluginFailed, match="needs 3 channels, this layer has 2"):
        drawn(make_activation(np.zeros((1, 4, 4, 2)), bases=CONV))


def test_constants_and_nan_do_not_stop_it(make_activation):
    values = np.zeros((1, 4, 4, 3), np.float32)
    values[0, 0, 0, 0] = np.nan

    assert "1 of 48 values are NaN" in str(drawn(make_activation(values, bases=CONV)).specification)
