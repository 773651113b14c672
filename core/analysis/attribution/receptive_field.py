"""How much of the input one place of a layer can see, measured by where the gradient reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.analysis.attribution.methods import Attribution, attribute
from core.analysis.attribution.targets import Target
from core.extraction.extractor import Extractor
from core.inputs.spec import InputSpec

__all__ = ["FIELD_COPIES", "ReceptiveField", "receptive_field"]

FIELD_COPIES: Final = 24
"""Over how many noisy copies of the sample the gradient is taken."""
_NOISE: Final = 0.5


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """What one place of a layer can see of an input.

    Attributes:
        reach: How much the answer there moves with each part of the input; ``by_part`` has an entry per place.
        ends: The first place and the last plus one that it moves with, on each axis of the places.
    """

    reach: Attribution
    ends: tuple[tuple[int, int], ...]

    @property
    def size(self) -> tuple[int, ...]:
        """How many places it sees on each axis."""
        return tuple(stop - start for start, stop in self.ends)


def receptive_field(
    extractor: Extractor,
    inputs: Mapping[str, np.ndarray],
    layer: str,
    unit: int,
    place: tuple[int, ...],
    specs: Sequence[InputSpec] | None = None,
) -> tuple[ReceptiveField, ...]:
    """Measure what one place of a unit can see of each input; inputs that it sees nothing of are left out.

    By the gradient (Luo et al. 2016) over noisy copies of a sample, so that it is right across skips, strides,
    dilation and attention. What only other inputs open, as behind a ReLU that is always silent, is not in it.

    Args:
        extractor: Holds the model.
        inputs: One sample by input name, the sample axis first.
        layer: Key of the layer.
        unit: Which unit; where it is silent throughout, all units of the place are taken together.
        place: Position on each axis between the samples and the units.
        specs: What each input is taken for.

    Raises:
        NoGradient: If there is no gradient.
        ExtractionFailed: If the model raises.
    """

    def reach(number: int | None) -> tuple[Attribution, ...]:
        more: dict[str, Any] = {"samples": FIELD_COPIES, "noise": _NOISE, "specs": specs}
        return attribute(extractor, inputs, Target(layer, number, place), "SmoothGrad", **more)

    found = reach(unit)
    if not any(np.any(one.by_part) for one in found):
        found = reach(None)
    fields = ((one, _ends(one.by_part)) for one in found)
    return tuple(ReceptiveField(one, ends) for one, ends in fields if ends)


def _ends(values: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Return the first and the last position plus one on each axis where numbers are not zero; none where all are."""
    ends = []
    reached = np.nan_to_num(values) != 0
    for axis in range(values.ndim):
        others = tuple(other for other in range(values.ndim) if other != axis)
        at = np.flatnonzero(reached.any(axis=others))
        if not len(at):
            return ()
        ends.append((int(at[0]), int(at[-1]) + 1))
    return tuple(ends)
