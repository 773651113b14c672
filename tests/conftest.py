import numpy as np
import pytest

from core.activation import Activation, SampleContext
from core.layers import LayerInfo, axes_of


@pytest.fixture
def make_activation():
    """Return a function that makes an activation without a model: values, and whatever should not be the default."""

    def make(
        values, *, key="layer", bases=("Dense", "Layer"), axes=None, part="output", mask=None, context=None, **layer
    ):
        values = np.asarray(values)
        info = LayerInfo(
            key=key,
            name=key.rpartition("/")[2],
            index=layer.pop("index", None),
            type_name=bases[0],
            type_names=tuple(bases),
            output_shape=(None, *values.shape[1:]),
            **layer,
        )
        axes = axes or axes_of(info.type_names, values.ndim)
        return Activation(key, values, axes, info, part=part, mask=mask, context=context or SampleContext())

    return make


@pytest.fixture
def make_context():
    """Return a function that says what is known about the samples: labels, class names, the first one's number."""
    return SampleContext
