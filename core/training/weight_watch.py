"""How large the weights of a model are, how far they moved since they were looked at, and whether all are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from core.extraction.compiled import compile_function

__all__ = ["WeightNumbers", "WeightWatch"]


class WeightNumbers(NamedTuple):
    """What is known of each weight, shape ``(weight,)`` each.

    Attributes:
        squares: Sum of its squares.
        moved: Sum of the squares of how far it moved since the time before; NaN at the first time.
        before: Sum of its squares then; NaN likewise.
        faults: How many of its numbers are not finite.
    """

    squares: np.ndarray
    moved: np.ndarray
    before: np.ndarray
    faults: np.ndarray


class WeightWatch:
    """Looks at weights from time to time, in one compiled function, and keeps a copy of them in between.

    Args:
        weights: Variables of Keras that hold floats.
    """

    def __init__(self, weights: Sequence[Any]) -> None:
        import tensorflow as tf

        self.weights = tuple(weights)
        self._before: list[Any] | None = None
        specs = [tf.TensorSpec(weight.shape, weight.dtype) for weight in weights]
        self._compiled = compile_function(lambda *before: (self._looked_at(before), None), specs) if weights else None

    def look(self) -> WeightNumbers:
        """Return what the weights are now, and how far they moved since the last time."""
        is_first = self._before is None
        if not self.weights:
            empty = np.empty(0, np.float32)
            return WeightNumbers(empty, empty, empty, empty)
        # The first time is compared with itself, so that there is one graph.
        before = self._current() if self._before is None else self._before
        numbers, self._before = self._compiled.function(*before) if self._compiled else self._looked_at(before)
        squares, moved, squares_before, faults = np.asarray(numbers).T
        unknown = np.full_like(moved, np.nan)
        return WeightNumbers(squares, unknown if is_first else moved, unknown if is_first else squares_before, faults)

    def _current(self) -> list[Any]:
        import tensorflow as tf

        return [tf.convert_to_tensor(weight.value) for weight in self.weights]

    def _looked_at(self, before: Sequence[Any]) -> tuple[Any, list[Any]]:
        import tensorflow as tf

        rows, copies = [], []
        for weight, earlier in zip(self.weights, before, strict=True):
            own = tf.convert_to_tensor(weight.value)
            values, values_before = tf.cast(own, tf.float32), tf.cast(earlier, tf.float32)
            faults = tf.reduce_sum(tf.cast(~tf.math.is_finite(values), tf.float32))
            squares = (tf.reduce_sum(tf.square(each)) for each in (values, values - values_before, values_before))
            rows.append(tf.stack([*squares, faults]))
            # Without a copy, it would be what the variable is next time.
            copies.append(tf.identity(own))
        return tf.stack(rows), copies
