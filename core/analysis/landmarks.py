"""Very many samples, of which some are placed as landmarks, and the others among those that are nearest to them.

What is looked at may be an array, or lie on a disk: it is read block by block, and only landmarks are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import numpy as np

from core.analysis.neighbours import Metric, nearest_landmarks

__all__ = ["Rows", "blocks_of_rows", "drawn_rows", "placed_among", "rows_at"]

_BLOCK_BYTES: Final = 32_000_000
_NEAREST: Final = 10


class Rows(Protocol):
    """Numbers of many samples, shape ``(sample, feature)``: an array, or what reads one from a disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many samples, and how many numbers each."""

    def __getitem__(self, samples: Any, /) -> np.ndarray:
        """Return the numbers of some samples, one after another."""


def blocks_of_rows(rows: Rows) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the numbers of all samples, some at a time, each with the position of the first."""
    count, features = rows.shape
    # Whole multiples of what a chunk on a disk holds, as no chunk is to be read twice.
    at_once = max(256, _BLOCK_BYTES // (4 * max(1, features)) // 256 * 256)
    for start in range(0, count, at_once):
        yield start, rows[start : min(start + at_once, count)]


def drawn_rows(count: int, most: int, seed: int) -> np.ndarray:
    """Return the positions of some of so many samples, sorted: all of them, or as many as ``most``, by chance."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def rows_at(rows: Rows, positions: np.ndarray) -> np.ndarray:
    """Return the numbers of some samples.

    Args:
        rows: Of all.
        positions: Of those that are wanted, sorted.
    """
    if isinstance(rows, np.ndarray):
        return rows if len(positions) == len(rows) else rows[positions]
    bounds = ((start, block) for start, block in blocks_of_rows(rows))
    return np.concatenate(
        [block[positions[(positions >= start) & (positions < start + len(block))] - start] for start, block in bounds]
    )


def placed_among(
    rows: Rows,
    landmarks: np.ndarray,
    places: np.ndarray,
    metric: Metric,
    tell: Callable[[int, int], None],
) -> np.ndarray:
    """Return where samples lie: each at the median of the landmarks that are nearest to it (Kobak and Berens 2019).

    Args:
        rows: Of all samples.
        landmarks: Numbers of the landmarks, shape ``(landmark, feature)``.
        places: Where the landmarks lie, shape ``(landmark, dimension)``.
        metric: How far apart samples are.
        tell: Called with how many are placed, and of how many.

    Returns:
        Shape ``(sample, dimension)``.
    """
    points = np.empty((rows.shape[0], places.shape[1]))
    nearest_of = nearest_landmarks(landmarks, min(_NEAREST, len(landmarks)), metric)
    for start, block in blocks_of_rows(rows):
        tell(start, len(points))
        points[start : start + len(block)] = np.median(places[nearest_of(block)], axis=1)
    return points
