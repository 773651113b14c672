"""The kit that a visualizer is tested with; see :mod:`core.plugins.testing`, where it lives."""

from core.plugins.testing import (
    CASES,
    CHECKS,
    LAYER_KINDS,
    CheckResult,
    check_visualizer,
    empty_registry,
    make_activation,
    run_checks,
    small_activations,
    small_model,
)

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
