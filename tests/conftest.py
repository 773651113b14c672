import pytest

from core.activation import SampleContext

# What strangers get from the installed package; here it also works where the package is not installed.
from core.testing_fixtures import check_visualizer, empty_registry, make_activation, small_activations

__all__ = ["check_visualizer", "empty_registry", "make_activation", "make_context", "small_activations"]


@pytest.fixture
def make_context():
    """Return a function that says what is known about the samples: labels, class names, the first one's number."""
    return SampleContext
