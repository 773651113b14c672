"""The kit that plugins are tested with: activations, small real models, outputs, and checks over all of them.

With Layerscope installed, pytest finds the same things as fixtures; see :mod:`core.plugins.pytest_plugin`::

    def test_it_is_sound(check_visualizer):
        check_visualizer(PowerSpectrum())

    def test_what_it_says_of_outputs_is_sound(check_meaning):
        check_meaning(Angle())
"""

from core.plugins.registry import Registry
from core.plugins.testing.activations import make_activation
from core.plugins.testing.cases import CASES
from core.plugins.testing.checks import CHECKS, check_visualizer, run_checks
from core.plugins.testing.loader_checks import LOADER_CHECKS, check_loader, run_loader_checks
from core.plugins.testing.meaning_checks import check_meaning, run_meaning_checks
from core.plugins.testing.memory import check_memory, run_memory_check
from core.plugins.testing.models import LAYER_KINDS, small_activations, small_model
from core.plugins.testing.outputs import OUTPUTS
from core.plugins.testing.over_steps import small_activations_over_steps
from core.plugins.testing.reader_checks import READER_CHECKS, check_reader, run_reader_checks
from core.plugins.testing.results import CheckResult
from core.plugins.testing.screenshots import screenshot

__all__ = [
    "CASES",
    "CHECKS",
    "LAYER_KINDS",
    "LOADER_CHECKS",
    "OUTPUTS",
    "READER_CHECKS",
    "CheckResult",
    "check_loader",
    "check_meaning",
    "check_memory",
    "check_reader",
    "check_visualizer",
    "empty_registry",
    "make_activation",
    "run_checks",
    "run_loader_checks",
    "run_meaning_checks",
    "run_memory_check",
    "run_reader_checks",
    "screenshot",
    "small_activations",
    "small_activations_over_steps",
    "small_model",
]


def empty_registry() -> Registry:
    """Return a registry that discovers nothing: register in it what is to be tested."""
    return Registry(discover=False)
