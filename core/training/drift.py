"""How far what goes into a layer moved while a model was trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.extraction.layers import LayerInfo
from core.training.measures import UNIT_MEASURES

__all__ = ["drift_of", "source_parts"]

_MEAN: Final = UNIT_MEASURES.index("mean")
_SPREAD: Final = UNIT_MEASURES.index("std")


def source_parts(layers: Sequence[LayerInfo], unit_counts: Sequence[int]) -> list[list[slice]]:
    """Return which of all units go into each layer: those of the layers whose answers it takes.

    Args:
        layers: In the order in which their units stand behind one another.
        unit_counts: How many units each has.
    """
    ends = np.cumsum([0, *unit_counts])
    parts = {layer.key: slice(ends[at], ends[at + 1]) for at, layer in enumerate(layers)}
    return [[parts[key] for key in layer.inputs_from if key in parts] for layer in layers]


def drift_of(before: np.ndarray, after: np.ndarray, sources: Sequence[slice]) -> float:
    """Return how far the means of units moved, in their standard deviations: the root of the sums of the squares.

    Args:
        before: Numbers of all units at one step, shape ``(unit, measure)``.
        after: The same at another.
        sources: Which units: those of the layers whose answers go in.

    Returns:
        NaN where there is no source, or its units answered the same to all samples before.
    """
    moved, spread = 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for units in sources:
            moved += float(np.square(after[units, _MEAN].astype(np.float64) - before[units, _MEAN]).sum())
            spread += float(np.square(before[units, _SPREAD].astype(np.float64)).sum())
    return float(np.sqrt(moved / spread)) if spread > 0 else float("nan")
