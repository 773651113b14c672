"""The order of axes: channels last, as the axes of an activation are named, or first, as some layers answer."""

from __future__ import annotations

from typing import Any

__all__ = ["channels_first", "channels_last", "shape_with_channels_last"]


def channels_last(values: Any) -> Any:
    """Return a tensor ``(sample, channel, *space)`` as ``(sample, *space, channel)``, inside a graph or not.

    What has no axis of space stays as it is, and so does what may have any number of axes.
    """
    import tensorflow as tf

    tensor = tf.convert_to_tensor(values)
    rank = tensor.shape.rank
    return tensor if rank is None or rank < 3 else tf.transpose(tensor, [0, *range(2, rank), 1])


def channels_first(values: Any, rank: int) -> Any:
    """Return a tensor ``(sample, *space, channel)`` of so many axes as ``(sample, channel, *space)``, likewise."""
    import tensorflow as tf

    return tf.transpose(values, [0, rank - 1, *range(1, rank - 1)])


def shape_with_channels_last(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the extents ``(sample, channel, *space)`` as ``(sample, *space, channel)``."""
    return shape if len(shape) < 3 else (shape[0], *shape[2:], shape[1])
