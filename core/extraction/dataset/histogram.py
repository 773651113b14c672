"""Histograms of numbers whose range is not known beforehand, one per unit, exact and mergeable.

The bins of a unit are a power of two wide and lie at multiples of it. When a value falls outside, bins become twice as
wide and are merged in pairs, so nothing has to be counted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

__all__ = ["BINS", "StreamedHistogram"]

BINS: Final = 64
_NARROWEST: Final = -60.0


@dataclass
class StreamedHistogram:
    """How often values fell where.

    Attributes:
        exponents: The bins of a unit are ``2 ** exponent`` wide, shape ``(unit,)``.
        starts: The first bin begins at ``start * width``, shape ``(unit,)``.
        counts: Shape ``(unit, bin)``.
    """

    exponents: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> StreamedHistogram:
        """Count values.

        Args:
            values: Shape ``(sample, unit)``; what is not finite is left out.
        """
        some = np.isfinite(values)
        values = values.astype(np.float64)
        low = np.where(some, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(some, values, -np.inf).max(axis=0, initial=-np.inf)
        none = ~some.any(axis=0)
        low, high = np.where(none, 0.0, low), np.where(none, 0.0, high)
        # Half of the bins are in use at least, and none is narrower than single precision can tell apart.
        width = np.maximum((high - low) / (BINS - 2), np.maximum(np.abs(low), np.abs(high)) * 2.0**-22)
        exponents = np.ceil(np.log2(np.maximum(width, 2.0**_NARROWEST))).astype(np.int64)
        widths = np.exp2(exponents)
        starts = np.floor(low / widths).astype(np.int64)
        at = np.clip(np.floor(np.where(some, values, 0.0) / widths).astype(np.int64) - starts, 0, BINS - 1)
        units = values.shape[1]
        places = at + np.arange(units) * BINS
        counts = np.bincount(places[some], minlength=units * BINS).reshape(units, BINS)
        return cls(exponents, starts, counts)

    def merged(self, other: StreamedHistogram) -> StreamedHistogram:
        """Return the counts of both."""
        exponents = np.maximum(self.exponents, other.exponents)
        while True:
            starts, ends = zip(*(each._reach(exponents) for each in (self, other)), strict=True)
            start, end = np.minimum(*starts), np.maximum(*ends)
            too_far = end - start >= BINS
            if not too_far.any():
                break
            exponents = exponents + too_far
        counts = self._moved(exponents, start) + other._moved(exponents, start)
        return StreamedHistogram(exponents, start, counts)

    def of_unit(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """Return counts and edges of one unit, without empty bins at the ends."""
        used = np.flatnonzero(self.counts[unit])
        if not used.size:
            return np.array([], np.int64), np.array([])
        first, last = int(used[0]), int(used[-1]) + 1
        edges = (self.starts[unit] + np.arange(first, last + 1)) * 2.0 ** self.exponents[unit]
        return self.counts[unit, first:last], edges

    def _reach(self, exponents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the last bin in use, in bins of other widths; the reverse where none is in use."""
        used = self.counts > 0
        shift = exponents - self.exponents
        first = (self.starts + used.argmax(axis=1)) >> shift
        last = (self.starts + BINS - 1 - used[:, ::-1].argmax(axis=1)) >> shift
        none = ~used.any(axis=1)
        far = np.iinfo(np.int64).max // 4
        return np.where(none, far, first), np.where(none, -far, last)

    def _moved(self, exponents: np.ndarray, starts: np.ndarray) -> np.ndarray:
        at = (self.starts[:, None] + np.arange(BINS)) >> (exponents - self.exponents)[:, None]
        places = at - starts[:, None] + np.arange(len(starts))[:, None] * BINS
        some = self.counts > 0
        weights = self.counts[some]
        return (
            np.bincount(places[some], weights=weights, minlength=self.counts.size)
            .astype(np.int64)
            .reshape(self.counts.shape)
        )
