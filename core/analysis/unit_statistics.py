"""What the answers of one unit to many samples say of it: which units are like it, and which class it answers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

__all__ = [
    "FEWEST_SAMPLES",
    "LEAST_ACTIVE",
    "LEAST_RANGE",
    "Selectivity",
    "SimilarUnits",
    "correlations_with",
    "largest_by_chance",
    "selectivity",
    "similar_units",
]

FEWEST_SAMPLES: Final = 5
"""Of fewer samples nothing is said of which units answer alike."""
LEAST_ACTIVE: Final = 3
"""Of how many samples of a class a unit has to be active before it is called selective for it."""
LEAST_RANGE: Final = 0.01
"""Share of the largest answer, or of the layer's range, below which a unit is not said to answer to anything."""
_SLIGHT: Final = 0.05
"""Share of the largest answer down to which a unit may answer below zero, as a swish or GELU does."""


def correlations_with(features: np.ndarray, unit: int) -> np.ndarray:
    """Return Pearson's correlation of each unit with one, shape ``(unit,)``; NaN where a unit is the same throughout.

    Args:
        features: Finite, shape ``(sample, unit)``.
        unit: Which one.
    """
    centred = features - features.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    # What is left of a unit that is the same throughout is rounding.
    norms = np.where(norms > 1e-9 * np.maximum(np.abs(features).max(axis=0), 1e-30) * len(features), norms, np.nan)
    return np.clip(centred.T @ centred[:, unit] / (norms * norms[unit]), -1, 1)


def largest_by_chance(samples: int, units: int) -> float:
    """Return what no correlation of units with another exceeds by chance, in 95 of 100 cases.

    By Fisher's transformation (1915), with a share of the 5 % for each unit (Bonferroni).

    Args:
        samples: Over how many samples, at least 4.
        units: How many are compared with one.
    """
    z = NormalDist().inv_cdf(1 - 0.025 / max(units, 1))
    return float(np.tanh(z / np.sqrt(samples - 3)))


@dataclass(frozen=True, eq=False)
class SimilarUnits:
    """How alike the other units of a layer answer to one.

    Attributes:
        samples: Positions of the samples that count: those to which all units answer finite numbers.
        correlations: Of each unit with it, shape ``(unit,)``, as :func:`correlations_with` returns them.
        ranked: Numbers of the others, the most alike first, without those of the same answer to all samples.
        chance: What no correlation exceeds by chance; None where there is none to be compared.
    """

    samples: np.ndarray
    correlations: np.ndarray
    ranked: np.ndarray
    chance: float | None


def similar_units(features: np.ndarray, unit: int) -> SimilarUnits | None:
    """Return how alike units answer to one; None where fewer than :data:`FEWEST_SAMPLES` samples count.

    Args:
        features: A number for each sample and unit, shape ``(sample, unit)``.
        unit: Which one.
    """
    features = features.astype(np.float64)
    samples = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(samples) < FEWEST_SAMPLES:
        return None
    correlations = correlations_with(features[samples], unit)
    others = np.flatnonzero(np.isfinite(correlations) & (np.arange(len(correlations)) != unit))
    ranked = others[np.argsort(-correlations[others], kind="stable")]
    return SimilarUnits(
        samples, correlations, ranked, largest_by_chance(len(samples), len(ranked)) if len(ranked) else None
    )


@dataclass(frozen=True)
class Selectivity:
    """Which class a unit answers to the most, and how much more than to the others.

    Attributes:
        best: The class with the largest mean answer.
        mean: That mean.
        mean_of_others: Mean answer to all samples of other classes.
        index: Difference of the two by their sum, 0 to 1: 1 is only this class (Morcos et al. 2018). None where too few
            samples of the class are active, or answers are below zero, for which the index is not made.
        active_count: To how many samples of the class it answers at all.
    """

    best: str
    mean: float
    mean_of_others: float
    index: float | None
    active_count: int


def selectivity(answers: np.ndarray, classes: Sequence[str]) -> Selectivity | None:
    """Return which class a unit is selective for; None where fewer than two classes are known.

    Args:
        answers: Of the unit to each sample, shape ``(sample,)``; finite.
        classes: Name of the class of each; empty where it is not known.
    """
    names = np.asarray(classes, object)
    known = sorted({str(name) for name in names if name})
    if len(known) < 2:
        return None
    means = [float(answers[names == name].mean()) for name in known]
    best = known[int(np.argmax(means))]
    is_best = names == best
    largest, others = max(means), float(answers[~is_best].mean())
    active = int((answers[is_best] > LEAST_RANGE * answers.max()).sum())
    is_positive = others >= 0 and answers.min() >= -_SLIGHT * answers.max()
    can_be_told = is_positive and largest > 0 and np.isfinite(largest) and active >= LEAST_ACTIVE
    index = (largest - others) / (largest + others) if can_be_told else None
    return Selectivity(best, largest, others, index, active)
