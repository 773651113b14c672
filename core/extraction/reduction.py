"""What is left of a layer's answers to a batch: a few numbers per sample and unit, computed inside the graph.

Constraint that shaped this module: every reduction goes through all values once more, and reducing all layers must not
cost much more than the pass. Measured on MobileNetV2, a reduction over one long axis costs less than over two short
ones, and a norm less than a sum of squares, which makes a copy of everything first. A loop that reads once what four
reductions read, compiled by Numba, took a quarter less of a core and as long by the clock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from core.extraction.channel_order import channels_last

if TYPE_CHECKING:
    from core.extraction.layers import LayerInfo
    from core.extraction.recorded_pass import RecordedTensor

__all__ = [
    "BOUNDS",
    "MARGIN",
    "NO_NUMBERS",
    "PLACES_DRAWN",
    "Reduction",
    "can_be_reduced",
    "joined_reductions",
    "near_bounds",
    "reduced",
    "reduced_input",
]

PLACES_DRAWN: Final = 4
"""How many places, or timesteps, of each sample are kept as they are; correlations are estimated from these."""
BOUNDS: Final = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "hard_sigmoid": (0.0, 1.0), "softsign": (-1.0, 1.0)}
"""Between which values an activation function answers, by its name."""
NO_NUMBERS: Final = frozenset({"string", "complex64", "complex128"})
"""Types of values that have no order."""
MARGIN: Final = 0.01
"""Share of that range within which a value counts as saturated."""


class Reduction(NamedTuple):
    """A layer's answers to some samples, reduced over space or time; padding is left out.

    A tuple, which a graph can have among its outputs.

    Attributes:
        places: How many places or timesteps each sample has, shape ``(sample,)``, or one number for all.
        total: Sum over them, shape ``(sample, unit)``; the last axis is always that of units or channels.
        norm: Root of the sum of squares, likewise.
        maximum: Likewise.
        minimum: Likewise.
        drawn: Values at a few places, evenly spread, shape ``(sample, place, unit)``.
        saturated: Share of values near a bound of the activation function, shape ``(sample, unit)``; None where that
            has no bounds.
        zeros: Share of values that are exactly zero, likewise; None where they were not counted.
    """

    places: Any
    total: Any
    norm: Any
    maximum: Any
    minimum: Any
    drawn: Any
    saturated: Any = None
    zeros: Any = None

    @property
    def mean(self) -> np.ndarray:
        """Mean over places, shape ``(sample, unit)``."""
        return np.asarray(self.total) / np.maximum(np.asarray(self.places), 1).reshape(-1, 1)


def can_be_reduced(described: RecordedTensor) -> bool:
    """Return whether a tensor holds numbers that differ from sample to sample."""
    return described.has_sample_axis and described.layer.dtype not in NO_NUMBERS


def near_bounds(values: Any, layer: LayerInfo) -> Any:
    """Return which values of a layer's answer are near a bound of its activation function; None if that has none.

    Args:
        values: An array, or a tensor of a graph or not.
        layer: The layer.
    """
    # The state of a recurrent layer is a product with a gate: its function says nothing of where it saturates.
    bounds = None if layer.kind == "recurrent" else BOUNDS.get(layer.activation_function)
    if bounds is None:
        return None
    low, high = bounds
    margin = MARGIN * (high - low)
    return (values <= low + margin) | (values >= high - margin)


def reduced(tensor: Any, mask: Any, described: RecordedTensor, *, counts_zeros: bool = False) -> Reduction:
    """Reduce one tensor, inside a graph or not.

    Args:
        tensor: Shape ``(sample, …, unit)``, or ``(sample,)``.
        mask: Which timesteps are no padding, shape ``(sample, time)``, or None.
        described: What it is.
        counts_zeros: Whether to count the values that are zero.
    """
    import tensorflow as tf

    values = tf.cast(tensor, tf.float32)
    values = channels_last(values) if described.channels_first else values
    rank = values.shape.rank
    if rank is None or rank < 3:
        flat = values if rank == 2 else tf.reshape(values, [tf.shape(values)[0], -1])  # (sample,) -> (sample, unit)
        near, zeros = _counted_near_bounds(flat, described), _counted_zeros(flat) if counts_zeros else None
        return Reduction(tf.constant(1.0), flat, tf.abs(flat), flat, flat, flat[:, None], near, zeros)
    # One long axis instead of two short ones.
    rows, places, at = _rows_of(values)
    drawn = tf.gather(rows, at, axis=1)
    largest, smallest, counted = rows, rows, rows
    near, zeros = _counted_near_bounds(rows, described), _counted_zeros(rows) if counts_zeros else None
    if mask is not None and _fits(mask, values):
        shown = _shown(mask, values, rows)
        counted = tf.where(shown, rows, 0.0)
        largest, smallest = tf.where(shown, rows, tf.float32.min), tf.where(shown, rows, tf.float32.max)
        places = tf.reduce_sum(tf.cast(shown[..., 0], tf.float32), axis=1)
        drawn = tf.where(tf.gather(shown, at, axis=1), drawn, float("nan"))
        near, zeros = (None if counts is None else tf.where(shown, counts, 0.0) for counts in (near, zeros))
    near, zeros = (
        None if counts is None else tf.reduce_sum(counts, axis=1) / tf.reshape(tf.maximum(places, 1.0), [-1, 1])
        for counts in (near, zeros)
    )
    return Reduction(
        places,
        tf.reduce_sum(counted, axis=1),
        tf.raw_ops.EuclideanNorm(input=counted, axis=[1]),
        tf.reduce_max(largest, axis=1),
        tf.reduce_min(smallest, axis=1),
        drawn,
        near,
        zeros,
    )


def reduced_input(array: np.ndarray) -> Reduction:
    """Reduce what went into a model, likewise.

    Args:
        array: Numbers of shape ``(sample, …, unit)``, or ``(sample,)``.
    """
    if array.ndim < 3:
        flat = array.reshape(len(array), -1).astype(np.float32)
        return Reduction(1.0, flat, np.abs(flat), flat, flat, flat[:, None])
    # Inputs have few channels: with these in front, each reduction goes along what lies together in memory.
    rows = np.ascontiguousarray(np.moveaxis(array, -1, 1), np.float32).reshape(len(array), array.shape[-1], -1)
    at = np.linspace(0, rows.shape[-1] - 1, PLACES_DRAWN).astype(np.int64)
    return Reduction(
        float(rows.shape[-1]),
        rows.sum(axis=-1),
        np.sqrt(np.einsum("sup,sup->su", rows, rows)),
        rows.max(axis=-1),
        rows.min(axis=-1),
        rows[..., at].swapaxes(1, 2),
    )


def joined_reductions(parts: list[Reduction]) -> Reduction:
    """Return the reductions of several batches as one, as NumPy arrays."""

    def join(name: str) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(part, name)) for part in parts])

    places = np.concatenate([np.broadcast_to(np.asarray(part.places), len(part.total)) for part in parts])
    names = ("total", "norm", "maximum", "minimum", "drawn")
    saturated = None if parts[0].saturated is None else join("saturated")
    return Reduction(places, **{name: join(name) for name in names}, saturated=saturated)


def _rows_of(values: Any) -> tuple[Any, Any, Any]:
    """Return values as ``(sample, place, unit)``, how many places there are, and which of them to draw."""
    import tensorflow as tf

    inner = values.shape[1:].as_list()
    if None not in inner:
        # Known now: hundreds of layers would else ask for their shapes again in every pass.
        count = math.prod(inner[:-1])
        rows = tf.reshape(values, [-1, count, inner[-1]]) if len(inner) > 2 else values
        return rows, tf.constant(float(count)), np.linspace(0, count - 1, PLACES_DRAWN).astype(np.int32)
    shape = tf.shape(values)
    rows = tf.reshape(values, [shape[0], -1, shape[-1]])
    rows.set_shape([None, None, inner[-1]])
    count = tf.shape(rows)[1]
    at = tf.cast(tf.linspace(0.0, tf.cast(count - 1, tf.float32), PLACES_DRAWN), tf.int32)
    return rows, tf.cast(count, tf.float32), at


def _fits(mask: Any, values: Any) -> bool:
    rank = mask.shape.rank
    if rank is None or rank < 2 or rank >= values.shape.rank:
        return False
    known = zip(mask.shape[1:], values.shape[1:rank], strict=True)
    return all(one is None or other is None or one == other for one, other in known)


def _shown(mask: Any, values: Any, rows: Any) -> Any:
    import tensorflow as tf

    # A timestep may have an extent of its own: (sample, time) -> (sample, time, 1, …) -> (sample, place, 1)
    shape, rank = tf.shape(values), mask.shape.rank
    ones = tf.ones([values.shape.rank - 1 - rank], tf.int32)
    wide = tf.reshape(tf.cast(mask, tf.bool), tf.concat([shape[:rank], ones], 0))
    spread = tf.broadcast_to(wide, shape[:-1])
    return tf.reshape(spread, [shape[0], tf.shape(rows)[1], 1])


def _counted_near_bounds(values: Any, described: RecordedTensor) -> Any:
    import tensorflow as tf

    is_near = near_bounds(values, described.layer)
    return None if is_near is None else tf.cast(is_near, tf.float32)


def _counted_zeros(values: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.equal(values, 0.0), tf.float32)
