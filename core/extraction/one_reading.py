"""Sum, length and extremes of a layer's answers over places, all in one reading of memory.

TensorFlow reads all values once for each of them, which for all layers of a convolutional network takes twice as long
as the pass itself; XLA does no better. So a loop of our own is compiled, by Numba, and called from inside the graph. To
compile it takes a second of a process that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

__all__ = ["reduce_rows"]

_BLOCK: Final = 64
"""Places that are summed in single precision; sums of these are added up in double."""
_SIGNATURE: Final = (
    "void(float32[:,:,::1], float32[::1], float32[::1], float64[:,::1], float64[:,::1], float32[:,::1], float32[:,::1])"
)


def reduce_rows(rows: Any) -> tuple[Any, Any, Any, Any]:
    """Return sum, root of the sum of squares, maximum and minimum over places, each of shape ``(sample, unit)``.

    Args:
        rows: A tensor of a graph or not, float32, of shape ``(sample, place, unit)``.
    """
    import tensorflow as tf

    _compiled_loop()  # now, or else the first pass would wait for it with a thread of TensorFlow's
    numbers = tf.numpy_function(_reduce, [rows], [tf.float32] * 4, stateful=False)
    for tensor in numbers:
        tensor.set_shape([rows.shape[0], rows.shape[2]])
    return tuple(numbers)


def _reduce(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    samples, _, units = rows.shape
    total, squares = np.zeros((2, samples, units))
    largest, smallest = np.empty((2, samples, units), np.float32)
    largest[:], smallest[:] = -np.inf, np.inf
    part, part_of_squares = np.zeros((2, units), np.float32)
    _compiled_loop()(np.ascontiguousarray(rows), part, part_of_squares, total, squares, largest, smallest)
    with np.errstate(over="ignore", invalid="ignore"):
        return total.astype(np.float32), np.sqrt(squares).astype(np.float32), largest, smallest


@cache
def _compiled_loop() -> Callable[..., None]:
    import numba

    compiled: Callable[..., None] = numba.njit(_SIGNATURE, nogil=True, error_model="numpy")(_read_once)
    return compiled


def _read_once(
    rows: Any, part: Any, part_of_squares: Any, total: Any, squares: Any, largest: Any, smallest: Any
) -> None:
    samples, places, units = rows.shape
    for i in range(samples):
        for place in range(0, places - 3, 4):
            # Four places at once: what is kept of them is read and written a quarter as often.
            for unit in range(units):
                a, b = rows[i, place, unit], rows[i, place + 1, unit]
                c, d = rows[i, place + 2, unit], rows[i, place + 3, unit]
                part[unit] += (a + b) + (c + d)
                part_of_squares[unit] += (a * a + b * b) + (c * c + d * d)
                largest[i, unit] = max(max(max(a, b), max(c, d)), largest[i, unit])
                smallest[i, unit] = min(min(min(a, b), min(c, d)), smallest[i, unit])
            if place % _BLOCK == _BLOCK - 4:
                for unit in range(units):
                    total[i, unit] += part[unit]
                    squares[i, unit] += part_of_squares[unit]
                    part[unit] = part_of_squares[unit] = 0
        for place in range(places - places % 4, places):
            for unit in range(units):
                value = rows[i, place, unit]
                part[unit] += value
                part_of_squares[unit] += value * value
                largest[i, unit] = max(value, largest[i, unit])
                smallest[i, unit] = min(value, smallest[i, unit])
        for unit in range(units):
            total[i, unit] += part[unit]
            squares[i, unit] += part_of_squares[unit]
            part[unit] = part_of_squares[unit] = 0
