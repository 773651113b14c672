"""Statistics of arrays of any size, block by block, so that nothing as large as the array is made beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = [
    "MapStatistics",
    "ValueStatistics",
    "averaged",
    "blocks",
    "count_not_finite",
    "finite_range",
    "histogram_counts",
    "map_statistics",
    "thinned",
    "value_statistics",
]

_BLOCK: Final = 1 << 20
"""Values that are looked at together: a few megabytes stay in the cache of a processor."""
_MANY_MAPS: Final = 32
_MOST_PIXELS: Final = 2_000_000


@dataclass(frozen=True)
class ValueStatistics:
    """What there is to say of many numbers.

    Attributes:
        size: How many there are.
        finite: How many are neither NaN nor infinite; extremes, mean and deviation are of these.
        minimum: NaN where none is finite, as are the three below.
        maximum: Likewise.
        mean: Likewise.
        deviation: Standard deviation.
        zeros: How many are exactly zero.
        negatives: How many are below zero.
        nans: How many are NaN.
        infinities: How many are infinite.
    """

    size: int
    finite: int
    minimum: float
    maximum: float
    mean: float
    deviation: float
    zeros: int
    negatives: int
    nans: int
    infinities: int


@dataclass(frozen=True)
class MapStatistics:
    """What there is to say of each of several maps; NaN and infinities count as zero, except for ``not_finite``.

    Attributes:
        minimum: Shape ``(map,)``, as are all.
        maximum: Likewise.
        mean: Likewise.
        strength: Mean of the absolute values.
        zeros: Share of values that are zero.
        not_finite: How many values are NaN or infinite.
    """

    minimum: np.ndarray
    maximum: np.ndarray
    mean: np.ndarray
    strength: np.ndarray
    zeros: np.ndarray
    not_finite: np.ndarray


def blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield all values of an array in parts of about a million, as views wherever the memory's order allows it."""
    if values.size <= _BLOCK or values.ndim == 0:
        yield values
        return
    if values.flags.c_contiguous:
        flat = values.reshape(-1)
        for start in range(0, flat.size, _BLOCK):
            yield flat[start : start + _BLOCK]
        return
    # Along the axis whose neighbours lie furthest apart, so that a block is in one place of the memory.
    axis = max((at for at in range(values.ndim) if values.shape[at] > 1), key=lambda at: abs(values.strides[at]))
    count = max(1, _BLOCK * values.shape[axis] // values.size)
    for start in range(0, values.shape[axis], count):
        part = values[(slice(None),) * axis + (slice(start, start + count),)]
        yield from blocks(part) if part.size > 2 * _BLOCK and part.shape[axis] == 1 else (part,)


def count_not_finite(values: np.ndarray) -> int:
    """Return how many of the values are NaN or infinite."""
    if values.dtype.kind != "f" or not values.size or _is_finite(values):
        return 0
    return sum(int(block.size - np.isfinite(block).sum()) for block in blocks(values))


def finite_range(values: np.ndarray) -> tuple[float, float] | None:
    """Return the lowest and the highest value that is neither NaN nor infinite; None if there is none."""
    if not values.size:
        return None
    with np.errstate(invalid="ignore"):
        low, high = values.min(), values.max()
    if np.isfinite(low) and np.isfinite(high):
        return float(low), float(high)
    found = [(block.min(), block.max()) for block in map(_finite, blocks(values)) if block.size]
    return (float(min(low for low, _ in found)), float(max(high for _, high in found))) if found else None


def value_statistics(values: np.ndarray) -> ValueStatistics:
    """Return the statistics of numbers of any shape and type.

    Mean and deviation are merged from those of blocks by the parallel algorithm of Chan et al. 1983.
    """
    extremes = finite_range(values) or (math.nan, math.nan)
    finite = zeros = negatives = nans = 0
    mean = spread = 0.0
    for block in blocks(values):
        zeros += int(block.size - np.count_nonzero(block))
        negatives += int((block < 0).sum())
        nans += int(np.isnan(block).sum()) if block.dtype.kind == "f" else 0
        part = _finite(block).astype(np.float64)
        if not part.size:
            continue
        # Of numbers near the largest that there are the square is infinite, and so is the deviation that is told.
        with np.errstate(over="ignore", invalid="ignore"):
            of_part, total = float(part.mean()), finite + part.size
            away = of_part - mean
            spread += float(((part - of_part) ** 2).sum()) + away * away * finite * part.size / total
            mean += away * part.size / total
        finite = total
    return ValueStatistics(
        values.size,
        finite,
        *extremes,
        mean if finite else math.nan,
        math.sqrt(spread / finite) if finite else math.nan,
        zeros,
        negatives,
        nans,
        values.size - finite - nans,
    )


def histogram_counts(values: np.ndarray, bins: int, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Count the finite values in equal bins, see :func:`numpy.histogram`.

    Args:
        values: Numbers of any shape.
        bins: How many bins.
        low: Where the first begins.
        high: Where the last ends.
    """
    counts = np.zeros(bins, np.int64)
    edges = np.linspace(low, high, bins + 1)
    for block in blocks(values):
        found, edges = np.histogram(_finite(block).astype(np.float64), bins=bins, range=(low, high))
        counts += found
    return counts, edges


def map_statistics(maps: np.ndarray) -> MapStatistics:
    """Return the statistics of each of several maps.

    Args:
        maps: Shape ``(map, *places)``, real numbers.
    """
    count, size = len(maps), max(1, math.prod(maps.shape[1:]))
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    total, strength = np.zeros(count), np.zeros(count)
    zeros, not_finite = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for at, part in _blocks_of_maps(maps):
        over = tuple(range(1, part.ndim))
        values = part if part.dtype.kind == "f" else part.astype(np.float32)
        # Values of one map that lie far apart are slow to walk over; of many maps whole rows are taken at once.
        values = np.ascontiguousarray(values) if len(values) < _MANY_MAPS else values
        finite = np.isfinite(values)
        if not finite.all():
            values = np.where(finite, values, 0)
            not_finite[at] += values[0].size - finite.sum(axis=over)
        low[at], high[at] = np.minimum(low[at], values.min(axis=over)), np.maximum(high[at], values.max(axis=over))
        total[at] += values.sum(axis=over, dtype=np.float64)
        strength[at] += np.abs(values).sum(axis=over, dtype=np.float64)
        zeros[at] += values[0].size - np.count_nonzero(values, axis=over)
    if not maps.size:
        low, high = np.zeros(count), np.zeros(count)
    return MapStatistics(low, high, total / size, strength / size, zeros / size, not_finite)


def averaged(maps: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return maps of which each value is the mean of some rows and columns; NaN and infinities stay in sight.

    Args:
        maps: Shape ``(map, height, width)``, real numbers.
        rows: How many rows become one; those that are left over at the end become one too.
        columns: Likewise.

    Returns:
        float32, shape ``(map, ⌈height / rows⌉, ⌈width / columns⌉)``.
    """
    if rows == columns == 1:
        return maps.astype(np.float32, copy=False)
    count, height, width = maps.shape
    down, across = np.arange(0, height, rows), np.arange(0, width, columns)
    small = np.empty((count, len(down), len(across)), np.float32)
    at_once = max(1, _BLOCK // max(1, count * width * rows))
    per_column = np.diff([*across, width])
    for first in range(0, len(down), at_once):
        part = maps[:, down[first] : down[first] + at_once * rows]
        starts = np.arange(0, part.shape[1], rows)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = np.add.reduceat(part, starts, axis=1, dtype=np.float64)
            sums = np.add.reduceat(sums, across, axis=2)
            per_row = np.diff([*starts, part.shape[1]])
            small[:, first : first + at_once] = sums / (per_row[:, None] * per_column)
    return small


def thinned(maps: np.ndarray, tile_height: int, tile_width: int) -> tuple[np.ndarray, str]:
    """Return maps with no more pixels than can be sent and seen, and what was done, such as ``"averaged over 3×3"``.

    Args:
        maps: Shape ``(map, height, width)``, real numbers.
        tile_height: Screen pixels that a map gets; it keeps as many rows at least.
        tile_width: Likewise, columns.
    """
    count, height, width = maps.shape
    most_rows, most_columns = max(1, height // tile_height), max(1, width // tile_width)
    rows = columns = 1
    while (rows < most_rows or columns < most_columns) and _pixels(count, height, width, rows, columns) > _MOST_PIXELS:
        rows, columns = min(rows + 1, most_rows), min(columns + 1, most_columns)
    drawn = averaged(maps, rows, columns)
    return drawn, f"averaged over {rows}×{columns}" if rows > 1 or columns > 1 else ""


def _pixels(count: int, height: int, width: int, rows: int, columns: int) -> int:
    return count * math.ceil(height / rows) * math.ceil(width / columns)


def _blocks_of_maps(maps: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    everything = slice(0, len(maps))
    if maps.size <= _BLOCK:
        if maps.size:
            yield everything, maps
        return
    # Along the axis whose neighbours lie furthest apart, as in blocks().
    axis = max((at for at in range(maps.ndim) if maps.shape[at] > 1), key=lambda at: abs(maps.strides[at]))
    count = max(1, _BLOCK * maps.shape[axis] // maps.size)
    for start in range(0, maps.shape[axis], count):
        part = slice(start, min(start + count, maps.shape[axis]))
        yield (part if axis == 0 else everything), maps[(slice(None),) * axis + (part,)]


def _is_finite(values: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _finite(values: Any) -> np.ndarray:
    return values[np.isfinite(values)]
