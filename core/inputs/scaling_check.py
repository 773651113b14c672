"""Whether the numbers that a model is given lie where it expects them, as far as that is known.

A model gives an answer to numbers of any scale, sure of itself and wrong; only their range says that they were scaled
in another way than those it was trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.common.text import number_text
from core.inputs.images import SCALINGS

__all__ = ["ExpectedRange", "pixel_range", "range_text", "scaling_that_gives", "scaling_warning"]

_TOO_LARGE: Final = 5.0
_TOO_SMALL: Final = 0.05
_SIGNED: Final = 0.2
_CLOSE: Final = 0.15
_PIXELS: Final = 255
_DARKEST_SUN: Final = 30
_ENOUGH_VALUES: Final = 100


@dataclass(frozen=True)
class ExpectedRange:
    """Between which numbers a model expects an input.

    Attributes:
        minimum: Smallest number.
        maximum: Largest number.
        told_by: What says so, as the beginning of a sentence that ends in a range: ``"Example samples lie in"``.
        scaling: Key of :data:`core.inputs.images.SCALINGS` that brings pixels there; empty if none does.
        is_convention: Whether that is only what is usual, and nothing about this model says it.
    """

    minimum: float
    maximum: float
    told_by: str
    scaling: str = ""
    is_convention: bool = False

    @property
    def size(self) -> float:
        """How far from zero numbers may lie."""
        return max(abs(self.minimum), abs(self.maximum))


def pixel_range(scaling: str) -> tuple[float, float]:
    """Return between which numbers a scaling brings the pixels 0 to 255.

    Args:
        scaling: Key of :data:`core.inputs.images.SCALINGS`.
    """
    known = SCALINGS[scaling]
    pixels = np.array([[0.0], [255.0]]).repeat(len(known.mean), axis=1)  # (pixel, channel)
    scaled = known.apply(pixels)
    return float(scaled.min()), float(scaled.max())


def scaling_that_gives(minimum: float, maximum: float) -> str:
    """Return the key of the scaling that brings pixels to a range; empty if none does.

    Args:
        minimum: Smallest number of samples that are scaled as they should be.
        maximum: Largest.
    """
    span = maximum - minimum
    for key in SCALINGS:
        low, high = pixel_range(key)
        if span and max(abs(low - minimum), abs(high - maximum)) <= _CLOSE * span:
            return key
    return ""


def scaling_warning(minimum: float, maximum: float, count: int, expected: ExpectedRange) -> str:
    """Return what to say where numbers obviously lie elsewhere than expected; empty where they do not.

    Numbers that are five times too large or twenty times too small, negative ones where none are expected, and none
    below zero where half of them should be.

    Args:
        minimum: Smallest number of all samples.
        maximum: Largest.
        count: How many numbers there are.
        expected: Where they should lie.
    """
    if not np.isfinite([minimum, maximum]).all() or not expected.size or not _is_off(minimum, maximum, count, expected):
        return ""
    told = (
        f"{expected.told_by} {range_text(expected.minimum, expected.maximum)}, yours in {range_text(minimum, maximum)}."
    )
    if not expected.scaling:
        return told
    are_pixels = minimum >= 0 and _DARKEST_SUN < maximum <= _PIXELS
    if are_pixels and pixel_range(expected.scaling) == (0.0, 1.0):
        return f"{told} Divide by 255?"
    return f"{told} Scale to “{SCALINGS[expected.scaling].title}”?"


def range_text(minimum: float, maximum: float) -> str:
    """Write a range as ``0.46 to 254``."""
    return f"{number_text(minimum)} to {number_text(maximum)}"


def _is_off(minimum: float, maximum: float, count: int, expected: ExpectedRange) -> bool:
    size = max(abs(minimum), abs(maximum))
    if size > _TOO_LARGE * expected.size:
        return not expected.is_convention or size > _DARKEST_SUN
    if expected.is_convention or count < _ENOUGH_VALUES:
        return False
    if size < _TOO_SMALL * expected.size:
        return True
    if not expected.scaling:
        return False
    is_signed = expected.minimum < -_SIGNED * expected.size
    return minimum < -_SIGNED * expected.size if not is_signed else minimum >= 0
