"""The kit that plugins are tested with; see :mod:`core.plugins.testing`, where it lives."""

from core.plugins.testing import (
    CASES,
    CHECKS,
    LAYER_KINDS,
    OUTPUTS,
    CheckResult,
    check_meaning,
    check_visualizer,
    empty_registry,
    make_activation,
    run_checks,
    run_meaning_checks,
    screenshot,
    small_activations,
    small_activations_over_steps,
    small_model,
)

__all__ = [
    "CASES",
    "CHECKS",
    "LAYER_KINDS",
    "OUTPUTS",
    "CheckResult",
    "check_meaning",
    "check_visualizer",
    "empty_registry",
    "make_activation",
    "run_checks",
    "run_meaning_checks",
    "screenshot",
    "small_activations",
    "small_activations_over_steps",
    "small_model",
]
