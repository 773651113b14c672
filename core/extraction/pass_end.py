"""How what a compiled pass keeps leaves its graph: together, at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["handed_out_together"]


def handed_out_together(tensors: Sequence[Any]) -> list[Any]:
    """Return tensors of the graph that is being made as they are, which leave it together, when the last is computed.

    An output that is there while the pass goes on makes TensorFlow's executor send the next operation to another
    thread, whose cache does not hold what that works on; measured, this takes as long as the memory of all outputs.
    They wait for a copy of the last of them, since TensorFlow fuses no operation that others wait for, and a fused one
    may answer otherwise to NaN.
    """
    import tensorflow as tf

    if len(tensors) < 2:
        return list(tensors)
    with tf.control_dependencies([tf.identity(tensors[-1])]):
        return [tf.identity(tensor) for tensor in tensors]
