"""Which layer of one model answers what a layer of another does, told by the shape and the values of their answers.

A converted model bears other names than the one that it was made from, and has other layers: an activation may be part
of the layer before it or a layer of its own, a Flatten four operators. What stays is what they compute, and the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.extraction.activation import Activation, Activations

__all__ = ["LEAST_ALIKE", "layer_most_alike", "layers_alike"]

LEAST_ALIKE: Final = 0.5
"""Correlation below which two layers are not taken for one and the same, however badly it was converted."""
_FOR_THE_NAME: Final = 1e-3
_MOST_VALUES: Final = 200_000


def layers_alike(first: Activations, second: Activations) -> dict[str, str]:
    """Return for layers of one model those of another that answer the same, by key, in call order of the first.

    Of all ways to set layers of the same shape against each other, each at most once and none before one that it comes
    after, that with the largest sum of correlations is taken. Where correlations are as good as the same, names decide.

    Args:
        first: What one model answers to some samples.
        second: What the other answers to the same.
    """
    ones, others = _numeric(first), _numeric(second)
    rows = [_standardized(each) for each in ones], [_standardized(each) for each in others]
    scores = np.zeros((len(ones), len(others)))
    for row, one in enumerate(ones):
        for column, other in enumerate(others):
            if one.shape == other.shape:
                scores[row, column] = _score(rows[0][row], rows[1][column], is_namesake=one.key == other.key)
    return {ones[row].key: others[column].key for row, column in _best_in_order(scores)}


def layer_most_alike(activation: Activation, answers: Activations) -> Activation | None:
    """Return what a layer of another model answers that answers the most like one; None if none is like it.

    Args:
        activation: Of the one model.
        answers: What the other answers to the same samples.
    """
    own = _standardized(activation)
    scored = [
        (_score(own, _standardized(each), is_namesake=each.key == activation.key), each)
        for each in _numeric(answers)
        if each.shape == activation.shape
    ]
    score, found = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return found if score else None


def _numeric(answers: Activations) -> Sequence[Activation]:
    # Whole numbers beside the values, such as shapes, are the same for every sample.
    return [each for each in answers.values() if each.is_numeric and each.values.dtype.kind == "f"]


def _standardized(activation: Activation) -> np.ndarray:
    """Return values of mean 0 and length 1; zeros for what does not vary."""
    values = activation.values.reshape(-1)
    # The same places of every layer of a shape.
    values = np.nan_to_num(values[:: max(values.size // _MOST_VALUES, 1)].astype(np.float64), posinf=0, neginf=0)
    values -= values.mean()
    length = np.linalg.norm(values)
    return values / length if length else values


def _score(one: np.ndarray, other: np.ndarray, *, is_namesake: bool) -> float:
    if not one.any() and not other.any():
        # Both answer one number everywhere: only the name can tell.
        return LEAST_ALIKE + _FOR_THE_NAME if is_namesake else 0.0
    correlation = float(one @ other)
    return correlation + (_FOR_THE_NAME if is_namesake else 0.0) if correlation >= LEAST_ALIKE else 0.0


def _best_in_order(scores: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of rows and columns that ascend in both and have the largest sum."""
    count, others = scores.shape
    best = np.zeros((count + 1, others + 1))
    for row in range(count - 1, -1, -1):
        for column in range(others - 1, -1, -1):
            taken = scores[row, column] + best[row + 1, column + 1] if scores[row, column] else 0.0
            best[row, column] = max(taken, best[row + 1, column], best[row, column + 1])
    pairs = []
    row = column = 0
    while row < count and column < others:
        score = scores[row, column]
        if score and best[row, column] == score + best[row + 1, column + 1]:
            pairs.append((row, column))
            row, column = row + 1, column + 1
        elif best[row, column] == best[row + 1, column]:
            row += 1
        else:
            column += 1
    return pairs
