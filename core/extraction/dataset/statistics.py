"""What is kept of a layer over a dataset: statistics per unit that can be merged, of any number of samples.

Two parts of a dataset that were reduced apart give the same statistics as both together, as long as they are merged in
the same order: so a pass can stop and go on, or be spread over machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.extraction.dataset.histogram import StreamedHistogram
from core.extraction.reduction import Reduction

__all__ = ["MOST_CLASSES", "TOP_SAMPLES", "LayerStatistics"]

TOP_SAMPLES: Final = 8
"""How many samples are kept per unit, of those that it answers to the most and the least."""
MOST_CLASSES: Final = 100
"""Mean answers by class are kept for so many classes at most, those with the smallest numbers."""


@dataclass
class LayerStatistics:
    """Statistics of one layer over samples. NaN and infinite answers are counted, and left out of everything else.

    Attributes:
        sample_count: How many samples went in.
        value_count: How many values of each unit, places and timesteps counted, shape ``(unit,)``.
        mean: Of all values, shape ``(unit,)``, as the following.
        squares: Sum of the squared distances from the mean (Chan et al. 1983).
        minimum: Smallest value; infinite where there is none.
        maximum: Largest; minus infinite where there is none.
        saturated: Sum over samples of the share of values near a bound of the activation function; zeros where that
            has no bounds.
        nan_count: Samples to which the unit answers NaN somewhere.
        inf_count: Samples to which it answers an infinite value somewhere.
        first_not_finite: The first such sample, -1 if there is none.
        top: The samples with the largest answers, the largest first, shape ``(rank, unit)``; -1 where there are fewer.
        top_answers: The largest answer of a place or timestep of each, likewise; -inf where there are fewer.
        bottom: The samples whose largest answer is the smallest, likewise.
        bottom_answers: Likewise; inf where there are fewer.
        class_totals: Sum over the samples of a class of the mean answer, shape ``(class, unit)``.
        class_counts: Samples behind each, shape ``(class, unit)``.
        histogram: Of the largest answer to each sample.
        drawn: Values as they are, a few of every so many samples, shape ``(draw, unit)``.
        drawn_samples: The sample that each draw is from, shape ``(draw,)``.
    """

    sample_count: int
    value_count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    saturated: np.ndarray
    nan_count: np.ndarray
    inf_count: np.ndarray
    first_not_finite: np.ndarray
    top: np.ndarray
    top_answers: np.ndarray
    bottom: np.ndarray
    bottom_answers: np.ndarray
    class_totals: np.ndarray
    class_counts: np.ndarray
    histogram: StreamedHistogram
    drawn: np.ndarray
    drawn_samples: np.ndarray

    @classmethod
    def of(
        cls, reduction: Reduction, first: int, groups: np.ndarray | None, group_count: int, draw_every: int
    ) -> LayerStatistics:
        """Return the statistics of some samples.

        Args:
            reduction: Of these samples, as arrays.
            first: Number of the first of them.
            groups: Group of each, such as its class, shape ``(sample,)``, or None.
            group_count: How many groups there are.
            draw_every: Values are drawn of every so many samples.
        """
        total, norm = reduction.total, reduction.norm  # (sample, unit)
        places = reduction.places.astype(np.float64)[:, None]
        largest, smallest = reduction.maximum, reduction.minimum
        numbers = np.arange(first, first + len(total))
        is_nan = np.isnan(total)
        is_inf = ~is_nan & ~(np.isfinite(total) & (np.abs(largest) < np.inf) & (np.abs(smallest) < np.inf))
        some = ~is_nan & ~is_inf & (places > 0)
        # Nearly always all is finite, and then nothing has to be left out.
        is_whole = bool(some.all())

        def known(values: np.ndarray, otherwise: float) -> np.ndarray:
            return values if is_whole else np.where(some, values, np.float32(otherwise))

        count = (np.broadcast_to(places, total.shape) * some).sum(axis=0)
        mean = known(total, 0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("su,su->u", *[known(norm, 0).astype(np.float64)] * 2) - count * mean**2
        high, low = known(largest, -np.inf), known(smallest, np.inf)
        saturated = reduction.saturated
        totals, counts = _by_class(known(total, 0) / np.maximum(places, 1), some, groups, group_count)
        chosen = np.flatnonzero(numbers % draw_every == 0)
        drawn = reduction.drawn[chosen]  # (chosen, place, unit)
        top, top_answers = _best(high, numbers, True)
        bottom, bottom_answers = _best(known(largest, np.inf), numbers, False)
        broken = is_nan | is_inf
        return cls(
            len(total),
            count,
            mean,
            np.maximum(squares, 0),
            low.min(axis=0).astype(np.float64),
            high.max(axis=0).astype(np.float64),
            np.zeros(total.shape[1]) if saturated is None else known(saturated, 0).sum(axis=0, dtype=np.float64),
            is_nan.sum(axis=0),
            is_inf.sum(axis=0),
            np.where(broken.any(axis=0), numbers[broken.argmax(axis=0)], -1),
            top,
            top_answers,
            bottom,
            bottom_answers,
            totals,
            counts,
            StreamedHistogram.of(high),
            drawn.reshape(-1, drawn.shape[-1]),
            np.repeat(numbers[chosen], drawn.shape[1]),
        )

    @property
    def unit_count(self) -> int:
        """How many units or channels the layer has."""
        return len(self.mean)

    @property
    def variance(self) -> np.ndarray:
        """Of all values, shape ``(unit,)``; a sum of squares in single precision is behind it."""
        return self.squares / np.maximum(self.value_count, 1)

    @property
    def class_means(self) -> np.ndarray:
        """Mean answer by class, shape ``(class, unit)``; NaN where a class has no sample."""
        return np.where(self.class_counts > 0, self.class_totals / np.maximum(self.class_counts, 1), np.nan)

    @property
    def finite_samples(self) -> np.ndarray:
        """To how many samples the unit answers finite numbers only, shape ``(unit,)``."""
        return self.sample_count - self.nan_count - self.inf_count

    def merged(self, later: LayerStatistics) -> LayerStatistics:
        """Return the statistics of these samples and of those that come after them."""
        count = self.value_count + later.value_count
        share = later.value_count / np.maximum(count, 1)
        away = later.mean - self.mean
        top, top_answers = _better(self.top, self.top_answers, later.top, later.top_answers, True)
        bottom, bottom_answers = _better(self.bottom, self.bottom_answers, later.bottom, later.bottom_answers, False)
        return LayerStatistics(
            self.sample_count + later.sample_count,
            count,
            self.mean + away * share,
            self.squares + later.squares + away**2 * self.value_count * share,
            np.minimum(self.minimum, later.minimum),
            np.maximum(self.maximum, later.maximum),
            self.saturated + later.saturated,
            self.nan_count + later.nan_count,
            self.inf_count + later.inf_count,
            np.where(self.first_not_finite >= 0, self.first_not_finite, later.first_not_finite),
            top,
            top_answers,
            bottom,
            bottom_answers,
            self.class_totals + later.class_totals,
            self.class_counts + later.class_counts,
            self.histogram.merged(later.histogram),
            np.concatenate([self.drawn, later.drawn]),
            np.concatenate([self.drawn_samples, later.drawn_samples]),
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays by name, the inverse of :meth:`from_arrays`."""
        own = {name: np.asarray(value) for name, value in vars(self).items() if name != "histogram"}
        return own | {f"histogram_{name}": value for name, value in vars(self.histogram).items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> LayerStatistics:
        """Return statistics from :meth:`to_arrays`."""
        prefix = "histogram_"
        histogram = StreamedHistogram(
            **{name[len(prefix) :]: value for name, value in arrays.items() if name.startswith(prefix)}
        )
        own: dict[str, Any] = {name: value for name, value in arrays.items() if not name.startswith(prefix)}
        return cls(**{**own, "sample_count": int(own["sample_count"]), "histogram": histogram})


def _by_class(
    means: np.ndarray, some: np.ndarray, groups: np.ndarray | None, group_count: int
) -> tuple[np.ndarray, np.ndarray]:
    kept = min(group_count, MOST_CLASSES)
    if groups is None or not kept:
        return np.zeros((kept, means.shape[1])), np.zeros((kept, means.shape[1]), np.int64)
    of_class = (groups[None, :] == np.arange(kept)[:, None]).astype(np.float32)  # (class, sample)
    return (of_class @ means).astype(np.float64), (of_class @ some.astype(np.float32)).astype(np.int64)


def _best(answers: np.ndarray, numbers: np.ndarray, is_largest: bool) -> tuple[np.ndarray, np.ndarray]:
    nothing = -np.inf if is_largest else np.inf
    keys = -answers if is_largest else answers
    if len(keys) > TOP_SAMPLES:
        chosen = np.sort(np.argpartition(keys, TOP_SAMPLES - 1, axis=0)[:TOP_SAMPLES], axis=0)
        ranks = np.argsort(np.take_along_axis(keys, chosen, axis=0), axis=0, kind="stable")
        order = np.take_along_axis(chosen, ranks, axis=0)
    else:
        order = np.argsort(keys, axis=0, kind="stable")
    best = np.take_along_axis(answers, order, axis=0).astype(np.float32)
    found = np.where(best == nothing, -1, numbers[order])
    missing = ((0, TOP_SAMPLES - len(found)), (0, 0))
    return np.pad(found, missing, constant_values=-1), np.pad(best, missing, constant_values=nothing)


def _better(
    samples: np.ndarray, answers: np.ndarray, later: np.ndarray, later_answers: np.ndarray, is_largest: bool
) -> tuple[np.ndarray, np.ndarray]:
    both, answered = np.concatenate([samples, later]), np.concatenate([answers, later_answers])
    order = np.argsort(-answered if is_largest else answered, axis=0, kind="stable")[:TOP_SAMPLES]
    return np.take_along_axis(both, order, axis=0), np.take_along_axis(answered, order, axis=0)
