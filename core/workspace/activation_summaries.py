"""What a layer answers to one sample, in a few numbers: no array goes further, however large it is."""

from __future__ import annotations

import math
from dataclasses import replace

from core.analysis.large_arrays import value_statistics
from core.analysis.units import finite_answers, strongest_units
from core.extraction.activation import Activation
from core.extraction.layers import unit_name
from core.plugins.handles import without_units
from core.workspace.activation_results import ActivationSummary, UnitAnswer

__all__ = ["summarize_activation"]


def summarize_activation(activation: Activation, position: int, unit_count: int) -> ActivationSummary:
    """Return the numbers of what a layer answers to one sample.

    Args:
        activation: What it answers to several.
        position: Which of these.
        unit_count: How many of its strongest units are told.
    """
    answer = activation.sample(position)
    values = answer.values
    described = ActivationSummary(
        activation.key,
        activation.layer.type_name,
        tuple(activation.axes[1:]),
        tuple(activation.shape[1:]),
        str(activation.dtype),
        int(values.size),
        parts=tuple(activation.layer.internals),
    )
    if not activation.is_numeric:
        return replace(described, note="It answers text, which has no statistics.")
    if not values.size:
        return replace(described, note="It answers no value to this sample.")
    known = value_statistics(values)
    has_units = not without_units(activation)
    return replace(
        described,
        minimum=_finite(known.minimum),
        maximum=_finite(known.maximum),
        mean=_finite(known.mean),
        deviation=_finite(known.deviation),
        zeros=known.zeros,
        negatives=known.negatives,
        nans=known.nans,
        infinities=known.infinities,
        unit_count=activation.shape[-1] if has_units else 0,
        strongest_units=_strongest(activation, position, unit_count) if has_units else (),
    )


def _strongest(activation: Activation, position: int, count: int) -> tuple[UnitAnswer, ...]:
    if count < 1:
        return ()
    context = activation.context
    return tuple(
        UnitAnswer(
            unit,
            unit_name(activation.layer, unit, context.class_names, context.class_layer)
            if activation.part == "output"
            else f"unit {unit} of {activation.key}",
            *_of_unit(activation, position, unit),
        )
        for unit in strongest_units(activation, position, count)
    )


def _of_unit(activation: Activation, position: int, unit: int) -> tuple[float | None, float | None, float | None]:
    """Return mean, smallest and largest of a unit's finite answers."""
    finite = finite_answers(activation, position, unit)
    if not finite.size:
        return None, None, None
    return float(finite.mean()), float(finite.min()), float(finite.max())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
