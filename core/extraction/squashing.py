"""What stands behind the numbers that a softmax or sigmoid answers, where that is not the last thing that is done."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["logits_behind", "operation_behind", "squashing_function"]

_FUNCTIONS: Final = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_SAME_NUMBERS: Final = frozenset({"Identity", "Cast", "CheckNumerics", "Reshape"})
"""Operations of a graph that hand on the numbers that went in: a Dropout that drops nothing, a cast to float32."""


def squashing_function(tensor: Any) -> str:
    """Return ``"softmax"`` or ``"sigmoid"`` where a tensor of a graph holds what one answered; else an empty text."""
    return _FUNCTIONS.get(getattr(operation_behind(tensor), "type", ""), "")


def logits_behind(tensor: Any) -> Any | None:
    """Return what went into the softmax or sigmoid that a tensor comes from, in its shape and type; None if nothing.

    Args:
        tensor: Of a graph; of a pass that is not compiled Keras' own note is all there is.
    """
    import tensorflow as tf

    # Keras keeps what went into a softmax or sigmoid with what came out, for its losses.
    logits = getattr(tensor, "_keras_logits", None)
    operation: Any = operation_behind(tensor)
    if logits is None and getattr(operation, "type", "") in (*_FUNCTIONS, "LogSoftmax"):
        logits = operation.inputs[0]
    if logits is None or logits.shape.rank != tensor.shape.rank:
        return None
    return logits if logits.dtype == tensor.dtype else tf.cast(logits, tensor.dtype)


def operation_behind(tensor: Any, *, through_shapes: bool = False) -> Any | None:
    """Return the operation that computed the numbers of a tensor of a graph; None where there is no graph.

    Args:
        tensor: Of a graph.
        through_shapes: Whether numbers that were brought into another shape, in their order, count as the same.
    """
    operation: Any = None if hasattr(tensor, "numpy") else getattr(tensor, "op", None)
    while operation is not None and operation.type in _SAME_NUMBERS:
        before, after = operation.inputs[0], operation.outputs[0]
        same_shape = before.shape.rank is not None and before.shape.as_list() == after.shape.as_list()
        if not same_shape and not through_shapes:
            break
        operation = before.op
    return operation
