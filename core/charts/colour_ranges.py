"""One range of colours for several drawings: what each asks for is noted, and given to both when they are drawn again.

Matrices that are drawn as images are noted as well: what a picture has worked out itself can be subtracted only there.

The colours of an image are fixed when it is made, so two pictures can be brought onto one scale only while they are
drawn. A picture asks for the range of each of its scales here, without knowing of it, in the same order every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

__all__ = [
    "ColourRanges",
    "DrawnMatrix",
    "Extremes",
    "are_same",
    "note_matrix",
    "range_to_draw",
    "ranges_of_drawing",
    "united",
]

Extremes: TypeAlias = tuple[Any, Any]
"""Lowest and highest value of what is drawn; arrays of them, one for each map, where each map has its own."""


@dataclass(frozen=True)
class DrawnMatrix:
    """Numbers that were drawn as an image.

    Attributes:
        values: Shape ``(row, column)``.
        settings: How they were drawn, the other arguments of :func:`core.charts.heatmap` by name.
    """

    values: np.ndarray
    settings: Mapping[str, Any]


class ColourRanges:
    """The ranges of values that a drawing makes its colours for, in the order in which it asks for them.

    Args:
        wanted: What it is given instead of its own, in that order; nothing leaves each as it is.
        are_differences: Whether it draws differences: its colours are signed and centred on zero then.

    Attributes:
        asked: What it asked for: the ranges of its own values, None where there are none.
        matrices: What it drew as images, in order.
        are_differences: As given.
    """

    def __init__(self, wanted: Sequence[Extremes | None] = (), *, are_differences: bool = False) -> None:
        self._wanted = wanted
        self.asked: list[Extremes | None] = []
        self.matrices: list[DrawnMatrix] = []
        self.are_differences = are_differences

    def next(self, own: Extremes | None) -> Extremes | None:
        """Note what is asked for, and return what is to be drawn."""
        position = len(self.asked)
        self.asked.append(own)
        return self._wanted[position] if position < len(self._wanted) else own


_of_drawing: Final[ContextVar[ColourRanges | None]] = ContextVar("ranges_of_drawing", default=None)


@contextmanager
def ranges_of_drawing(ranges: ColourRanges) -> Iterator[ColourRanges]:
    """Let what is drawn within the block take its ranges from here."""
    token = _of_drawing.set(ranges)
    try:
        yield ranges
    finally:
        _of_drawing.reset(token)


def range_to_draw(own: Extremes | None) -> tuple[Extremes | None, bool]:
    """Return the range that colours are made for, and whether they are those of differences.

    Args:
        own: Lowest and highest of the values; None where none is finite.
    """
    ranges = _of_drawing.get()
    return (own, False) if ranges is None else (ranges.next(own), ranges.are_differences)


def note_matrix(values: np.ndarray, **settings: Any) -> None:
    """Note that numbers are drawn as an image, where somebody listens."""
    ranges = _of_drawing.get()
    if ranges is not None:
        ranges.matrices.append(DrawnMatrix(values, settings))


def united(first: Sequence[Extremes | None], second: Sequence[Extremes | None]) -> list[Extremes | None] | None:
    """Return ranges that hold those of both drawings; None where the two do not ask for the same ones.

    Args:
        first: What one drawing asked for.
        second: What the other asked for.
    """
    if [_shape(each) for each in first] != [_shape(each) for each in second]:
        return None
    return [_hull(one, other) for one, other in zip(first, second, strict=True)]


def are_same(one: Extremes | None, other: Extremes | None) -> bool:
    """Return whether two ranges reach equally far, each of their maps where there are several."""
    if one is None or other is None:
        return one is other
    return all(np.array_equal(*ends, equal_nan=True) for ends in zip(one, other, strict=True))


def _shape(extremes: Extremes | None) -> tuple[int, ...]:
    return () if extremes is None else np.shape(extremes[0])


def _hull(one: Extremes | None, other: Extremes | None) -> Extremes | None:
    if one is None or other is None:
        return one or other
    # Of a map without a finite value the other one's counts.
    low, high = np.fmin(one[0], other[0]), np.fmax(one[1], other[1])
    return (low, high) if np.ndim(low) else (float(low), float(high))
