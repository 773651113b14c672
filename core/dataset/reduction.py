"""What is left of a layer's answers to a batch: a few numbers per sample and unit, computed inside the graph.

Constraint that shaped this module: every reduction goes through all values once more, and reducing all layers must not
cost much more than the pass. Measured on MobileNetV2, a reduction over one long axis costs less than over two short
ones, and a norm less than a sum of squares, which makes a copy of everything first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from core.forward import RecordedTensor

__all__ = [
    "BOUNDS",
    "MARGIN",
    "PLACES_DRAWN",
    "Reduction",
    "bounds_of",
    "can_be_reduced",
    "joined_reductions",
    "reduced",
]

PLACES_DRAWN: Final = 4
"""How many places, or timesteps, of each sample are kept as they are; correlations are estimated from these."""
BOUNDS: Final = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "hard_sigmoid": (0.0, 1.0), "softsign": (-1.0, 1.0)}
"""Between which values an activation function answers, by its name."""
MARGIN: Final = 0.01
"""Share of that range within which a value counts as saturated."""


@dataclass(frozen=True)
class Reduction:
    """A layer's answers to some samples, reduced over space or time; padding is left out.

    Attributes:
        places: How many places or timesteps each sample has, shape ``(sample,)``.
        total: Sum over them, shape ``(sample, unit)``; the last axis is always that of units or channels.
        norm: Root of the sum of squares, likewise.
        maximum: Likewise.
        minimum: Likewise.
        drawn: Values at a few places, evenly spread, shape ``(sample, place, unit)``.
        saturated: Share of values near a bound of the activation function, shape ``(sample, unit)``; None where that
            has no bounds.
    """

    places: Any
    total: Any
    norm: Any
    maximum: Any
    minimum: Any
    drawn: Any
    saturated: Any = None

    @property
    def mean(self) -> np.ndarray:
        """Mean over places, shape ``(sample, unit)``."""
        return np.asarray(self.total) / np.maximum(np.asarray(self.places), 1)[:, None]


def can_be_reduced(described: RecordedTensor) -> bool:
    """Return whether a tensor holds numbers that differ from sample to sample."""
    return described.has_sample_axis and described.layer.dtype not in ("string", "complex64", "complex128")


def bounds_of(described: RecordedTensor) -> tuple[float, float] | None:
    """Return between which values a layer answers, where its activation function says so."""
    # The state of a recurrent layer is a product with a gate: its function says nothing of where it saturates.
    layer = described.layer
    return None if layer.kind == "recurrent" else BOUNDS.get(layer.activation_function)


def reduced(tensor: Any, mask: Any, described: RecordedTensor | None = None) -> Reduction:
    """Reduce one tensor, inside a graph or not.

    Args:
        tensor: Shape ``(sample, …, unit)``, or ``(sample,)``.
        mask: Which timesteps are no padding, shape ``(sample, time)``, or None.
        described: What it is; None for what went into the model.
    """
    import tensorflow as tf

    values = tf.cast(tensor, tf.float32)
    rank = values.shape.rank
    if rank is not None and rank > 2 and described is not None and described.channels_first:
        values = tf.transpose(values, [0, *range(2, rank), 1])  # (sample, channel, *space) -> (sample, *space, channel)
    samples = tf.shape(values)[0]
    if rank is None or rank < 3:
        flat = tf.reshape(values, [samples, -1])  # (sample,) -> (sample, unit)
        places = tf.ones([samples], tf.float32)
        near = _near_bounds(flat, described)
        return Reduction(places, flat, tf.abs(flat), flat, flat, flat[:, None], near)
    units = values.shape[-1] if values.shape[-1] is not None else tf.shape(values)[-1]
    # One long axis instead of two short ones.
    rows = tf.reshape(values, [samples, -1, units])  # (sample, *places, unit) -> (sample, place, unit)
    count = tf.shape(rows)[1]
    at = tf.cast(tf.linspace(0.0, tf.cast(count - 1, tf.float32), PLACES_DRAWN), tf.int32)
    drawn = tf.gather(rows, at, axis=1)
    largest, smallest, counted = rows, rows, rows
    places = tf.fill([samples], tf.cast(count, tf.float32))
    near = _near_bounds(rows, described)
    if mask is not None and _fits(mask, values):
        shown = _shown(mask, values, rows)
        counted = tf.where(shown, rows, 0.0)
        largest, smallest = tf.where(shown, rows, tf.float32.min), tf.where(shown, rows, tf.float32.max)
        places = tf.reduce_sum(tf.cast(shown[..., 0], tf.float32), axis=1)
        drawn = tf.where(tf.gather(shown, at, axis=1), drawn, float("nan"))
        near = None if near is None else tf.where(shown, near, 0.0)
    if near is not None:
        near = tf.reduce_sum(near, axis=1) / tf.maximum(places, 1.0)[:, None]
    return Reduction(
        places,
        tf.reduce_sum(counted, axis=1),
        tf.raw_ops.EuclideanNorm(input=counted, axis=[1]),
        tf.reduce_max(largest, axis=1),
        tf.reduce_min(smallest, axis=1),
        drawn,
        near,
    )


def joined_reductions(parts: list[Reduction]) -> Reduction:
    """Return the reductions of several batches as one, as NumPy arrays."""

    def join(name: str) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(part, name)) for part in parts])

    names = ("places", "total", "norm", "maximum", "minimum", "drawn")
    saturated = None if parts[0].saturated is None else join("saturated")
    return Reduction(**{name: join(name) for name in names}, saturated=saturated)


def _fits(mask: Any, values: Any) -> bool:
    return mask.shape.rank == 2 and values.shape[1] in (None, mask.shape[1])


def _shown(mask: Any, values: Any, rows: Any) -> Any:
    import tensorflow as tf

    # A timestep may have an extent of its own: (sample, time) -> (sample, time, 1, …) -> (sample, place, 1)
    shape = tf.shape(values)
    wide = tf.reshape(tf.cast(mask, tf.bool), [shape[0], shape[1], *([1] * (values.shape.rank - 3))])
    spread = tf.broadcast_to(wide, shape[:-1])
    return tf.reshape(spread, [shape[0], tf.shape(rows)[1], 1])


def _near_bounds(values: Any, described: RecordedTensor | None) -> Any:
    import tensorflow as tf

    bounds = None if described is None else bounds_of(described)
    if bounds is None:
        return None
    low, high = bounds
    margin = MARGIN * (high - low)
    return tf.cast((values <= low + margin) | (values >= high - margin), tf.float32)
