"""What is explained, or driven to its most: a unit of a layer, at one place or everywhere, or a whole layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.extraction.squashing import logits_behind, operation_behind

__all__ = ["EVERYWHERE", "Target", "objective_of", "values_before_softmax", "with_a_way_up"]

EVERYWHERE = -1
"""Stands for the mean over all places, where the number of a place is asked for."""


@dataclass(frozen=True)
class Target:
    """What is explained.

    Attributes:
        layer: Key of the layer.
        unit: Unit or channel; None takes the whole layer, as the mean of its squares (the objective of DeepDream).
        place: Position on each axis between the samples and the units, such as row and column; empty takes the mean
            over all places, or over the timesteps that are no padding.
        before_softmax: Whether a layer that ends in a softmax or sigmoid is taken before it: the logit of a class,
            which does not rise because the others fall.
    """

    layer: str
    unit: int | None = None
    place: tuple[int, ...] = ()
    before_softmax: bool = True


def values_before_softmax(tensor: Any) -> Any:
    """Return what went into the softmax or sigmoid that a layer ends in; what it answered where there is none."""
    logits = logits_behind(tensor)
    return tensor if logits is None else logits


def objective_of(
    values: Any,
    units: Any,
    place: Any,
    *,
    whole: bool,
    mask: Any = None,
) -> Any:
    """Return what a target amounts to for each sample, shape ``(sample,)``, inside a graph or not.

    Args:
        values: What the layer answered, shape ``(sample, *places, unit)``, or ``(sample,)``.
        units: Unit for each sample, shape ``(sample,)``; without effect where all of the layer is taken.
        place: Number on each axis of places, shape ``(axis,)``; :data:`EVERYWHERE` on all of them takes the mean.
        whole: Whether all of the layer is taken.
        mask: Which timesteps are no padding, shape ``(sample, time)``, or None.
    """
    import tensorflow as tf

    values = tf.cast(values, tf.float32)
    rank = values.shape.rank
    if rank == 1:
        values = values[:, None]  # (sample,) -> (sample, unit)
    shape = tf.shape(values)
    rows = tf.reshape(values, [shape[0], -1, shape[-1]])  # (sample, *places, unit) -> (sample, place, unit)
    if whole:
        return tf.reduce_mean(tf.square(rows), axis=[1, 2])
    answers = tf.gather(rows, units, axis=2, batch_dims=1)  # (sample, place)
    mean = tf.reduce_mean(answers, axis=1)
    if mask is not None and rank == 3 and mask.shape.rank == 2:
        shown = tf.cast(mask, tf.float32)
        mean = tf.reduce_sum(answers * shown, axis=1) / tf.maximum(tf.reduce_sum(shown, axis=1), 1.0)
    if rank is None or rank < 3:
        return mean
    extents = shape[1:-1]
    steps = tf.math.cumprod(extents, exclusive=True, reverse=True)
    number = tf.reduce_sum(tf.maximum(place, 0) * steps)
    return tf.where(tf.reduce_all(place >= 0), answers[:, number], mean)


def with_a_way_up(tensor: Any) -> Any:
    """Return the same numbers, with a gradient where a ReLU answers nothing: that of what went in.

    For who looks for a way up.
    """
    import tensorflow as tf

    operation = operation_behind(tensor)
    if operation is None or operation.type not in ("Relu", "Relu6"):
        return tensor
    before = tf.cast(operation.inputs[0], tensor.dtype)
    return tensor + tf.where(tensor > 0, tf.zeros_like(before), before - tf.stop_gradient(before))
