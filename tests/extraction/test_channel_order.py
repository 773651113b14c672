import numpy as np
import pytest
import tensorflow as tf

from core.extraction.channel_order import channels_first, channels_last, shape_with_channels_last


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_the_channels_go_last_and_back(shape):
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    last = channels_last(values)

    np.testing.assert_array_equal(last, np.moveaxis(values, 1, -1))
    np.testing.assert_array_equal(channels_first(last, len(shape)), values)
    assert shape_with_channels_last(shape) == tuple(last.shape)


@pytest.mark.parametrize("shape", [(2,), (2, 3)])
def test_what_has_no_space_stays_as_it_is(shape):
    np.testing.assert_array_equal(channels_last(np.ones(shape)), np.ones(shape))
    assert shape_with_channels_last(shape) == shape


def test_what_may_have_any_number_of_axes_stays_as_it_is():
    run = tf.function(channels_last, input_signature=[tf.TensorSpec(None)])

    np.testing.assert_array_equal(run(tf.ones((1, 2, 3))), np.ones((1, 2, 3)))
