"""The kit that a visualizer is tested with: activations, small real models, and checks over all that it handles.

With Layerscope installed, pytest finds the same things as fixtures; see :mod:`core.plugins.pytest_plugin`::

    def test_it_is_sound(check_visualizer):
        check_visualizer(PowerSpectrum())
"""

from core.plugins.registry import Registry
from core.plugins.testing.activations import make_activation
from core.plugins.testing.cases import CASES
from core.plugins.testing.checks import CHECKS, CheckResult, check_visualizer, run_checks
from core.plugins.testing.models import LAYER_KINDS, small_activations, small_model

__all__ = [
    "CASES",
    "CHECKS",
    "LAYER_KINDS",
    "CheckResult",
    "check_visualizer",
    "empty_registry",
    "make_activation",
    "run_checks",
    "small_activations",
    "small_model",
]


def empty_registry() -> Registry:
    """Return a registry that discovers nothing: register in it what is to be tested."""
    return Registry(discover=False)
