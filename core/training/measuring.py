"""From what a pass left of units and weights to the numbers of each layer that a run keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from core.analysis.health import FEWEST_SAMPLES, is_rectified
from core.training.drift import drift_of, source_parts
from core.training.measures import LAYER_MEASURES, UNIT_MEASURES
from core.training.watched_pass import AnswerNumbers, WatchedLayer
from core.training.weight_watch import WeightNumbers

__all__ = ["LayerNumbers"]

_COLUMN: Final = {name: number for number, name in enumerate(UNIT_MEASURES)}


class LayerNumbers:
    """Works out the numbers of each layer, step by step, since some say what changed.

    Args:
        layers: The layers, in call order.
        weights: All weights that :class:`core.training.weight_watch.WeightWatch` looks at.
        trainable: Those by which gradients are taken.
        sample_count: How many samples go through the model.
    """

    def __init__(
        self, layers: Sequence[WatchedLayer], weights: Sequence[object], trainable: Sequence[object], sample_count: int
    ) -> None:
        self._layers = layers
        unit_counts = [layer.unit_count for layer in layers]
        self._starts = np.cumsum([0, *unit_counts])
        self._sources = source_parts([layer.info for layer in layers], unit_counts)
        place = {id(weight): number for number, weight in enumerate(weights)}
        self._all_places = [_places(layer.weights, place) for layer in layers]
        self._places = [_places(layer.trained_weights, place) for layer in layers]
        self._gradient_places: list[list[int]] = []
        self.take_gradients_by(trainable)
        is_judged = sample_count >= FEWEST_SAMPLES
        self._can_die = np.repeat([is_judged and is_rectified(layer.info) for layer in layers], unit_counts)
        self._first_units: np.ndarray | None = None
        self._dead_before: np.ndarray | None = None

    def take_gradients_by(self, trainable: Sequence[object]) -> None:
        """Take other weights for those by which gradients are taken."""
        place = {id(weight): number for number, weight in enumerate(trainable)}
        self._gradient_places = [_places(layer.weights, place) for layer in self._layers]

    def begin_at(self, units: np.ndarray) -> None:
        """Take what units answered at the first step of a run that is gone on with, for drift to be told from it."""
        self._first_units = units

    def rows(self, answers: AnswerNumbers | None, weights: WeightNumbers) -> np.ndarray:
        """Return the numbers of each layer, shape ``(layer, measure)``.

        Args:
            answers: What the pass left; None where it failed.
            weights: What the weights are.
        """
        columns = dict.fromkeys(LAYER_MEASURES, np.full(len(self._layers), np.nan, np.float32))
        if answers is not None:
            columns |= self._of_units(answers.units)
            if len(answers.gradients):
                columns |= self._of_gradients(answers.gradients)
        columns |= self._of_weights(weights)
        return np.stack([np.asarray(columns[name], np.float32) for name in LAYER_MEASURES], axis=1)

    def _of_units(self, units: np.ndarray) -> dict[str, np.ndarray]:
        columns = {name: units[:, number].astype(np.float64) for name, number in _COLUMN.items()}
        mean, spread = columns["mean"], columns["std"]
        is_finite = np.isfinite(mean)
        level = self._means(mean)
        with np.errstate(invalid="ignore"):
            variance = self._means(spread**2 + mean**2) - level**2
        dead = np.where(self._can_die, is_finite & (columns["max"] <= 0), np.nan)
        born, died = self._changes(dead)
        if self._first_units is None:
            self._first_units = units
        return {
            "mean": level,
            "std": np.sqrt(np.maximum(variance, 0)),
            "min": self._over(np.fmin, columns["min"]),
            "max": self._over(np.fmax, columns["max"]),
            "zeros": self._means(columns["zeros"]),
            "saturated": self._means(columns["saturated"]),
            "dead": self._means(dead),
            "born": born,
            "died": died,
            "not_finite": self._means((~is_finite).astype(np.float64)),
            "input_drift": self._drift(units),
        }

    def _changes(self, dead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        before = self._dead_before
        self._dead_before = dead
        if before is None:
            unknown = np.full(len(self._layers), np.nan)
            return unknown, unknown
        return self._over(np.add, before - dead > 0, dead), self._over(np.add, dead - before > 0, dead)

    def _drift(self, units: np.ndarray) -> np.ndarray:
        assert self._first_units is not None
        return np.array([drift_of(self._first_units, units, sources) for sources in self._sources])

    def _of_weights(self, weights: WeightNumbers) -> dict[str, np.ndarray]:
        squares, moved, before = (self._sums(each, self._places) for each in weights[:3])
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.sqrt(moved / np.where(before > 0, before, np.nan))
        return {
            "weight_norm": np.sqrt(squares),
            "update_ratio": ratio,
            "weights_not_finite": self._sums(weights.faults, self._all_places),
        }

    def _of_gradients(self, gradients: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "gradient_norm": np.sqrt(self._sums(gradients[:, 0], self._gradient_places)),
            "gradients_not_finite": self._sums(gradients[:, 1], self._gradient_places),
        }

    def _means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each layer's units, of those that have a number; NaN where none has."""
        is_known = np.isfinite(values)
        count = self._over(np.add, is_known.astype(np.float64))
        total = self._over(np.add, np.where(is_known, values, 0))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _over(self, function: np.ufunc, values: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Return a function of all units of each layer; NaN where one that must be known is not."""
        if not len(self._layers):
            return np.empty(0)
        reduced: np.ndarray = function.reduceat(values.astype(np.float64), self._starts[:-1])
        return reduced if known is None else np.where(np.isnan(known[self._starts[:-1]]), np.nan, reduced)

    def _sums(self, values: np.ndarray, places: Sequence[Sequence[int]]) -> np.ndarray:
        return np.array([float(values[list(own)].astype(np.float64).sum()) if own else np.nan for own in places])


def _places(weights: Sequence[object], place: Mapping[int, int]) -> list[int]:
    return [place[id(weight)] for weight in weights if id(weight) in place]
