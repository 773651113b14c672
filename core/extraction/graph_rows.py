"""Which operations of a graph move rows from one sample to another, or answer as many rows as values say."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["may_fold", "operations_by_values"]

_COUNTED: Final = frozenset({"Where", "Unique", "UniqueV2", "DynamicPartition", "StringSplitV2", "RaggedRange"})
"""Answer as many rows as values say: a boolean mask, the tokens of a text."""
_CHOSEN: Final = frozenset({"GatherV2", "GatherNd"})
"""Answer the rows that numbers name, such as those of a batch that is sorted."""
_RESTORED: Final = frozenset(
    {"RaggedTensorToTensor", "ScatterNd", "TensorScatterUpdate", "TensorScatterAdd", "DynamicStitch", "DenseBincount"}
    | {"RaggedBincount", "UnsortedSegmentSum", "Shape", "Size"}
)
"""Put rows where numbers say: as many come out as were asked for."""


def operations_by_values(*, in_loop: bool = False) -> frozenset[Any]:
    """Return the operations of the graph that is being made of whose rows values decide; none outside of a graph.

    Args:
        in_loop: Whether taking the row of one number is the way in which a loop goes from step to step.
    """
    import tensorflow as tf

    if tf.executing_eagerly():
        return frozenset()
    found: set[Any] = set()
    # In the order in which they were made, what goes in is always known before.
    for operation in tf.compat.v1.get_default_graph().get_operations():
        if operation.type in _RESTORED:
            continue
        goes_on = any(tensor.op in found for tensor in operation.inputs)
        if goes_on or operation.type in _COUNTED or _takes_rows_of_samples(operation, in_loop):
            found.add(operation)
    return frozenset(found)


def may_fold(graph: Any) -> bool:
    """Return whether a graph may put parts of a sample beside the samples, as far as its shapes are known."""
    import tensorflow as tf

    for operation in graph.get_operations():
        if operation.type == "ConcatV2" and operation.inputs[0].shape.rank:
            axis = tf.get_static_value(operation.inputs[-1])
            if axis is not None and int(axis) == 0 and operation.inputs[0].shape[0] is None:
                return True
        if operation.type not in ("Reshape", "SpaceToBatchND"):
            continue
        before, after = operation.inputs[0].shape, operation.outputs[0].shape
        if before.rank and after.rank and before[0] is None and after[0] is None:
            inner = [each.num_elements() for each in (before[1:], after[1:])]
            if None not in inner and inner[0] != inner[1]:
                return True
    return False


def _takes_rows_of_samples(operation: Any, in_loop: bool) -> bool:
    if operation.type not in _CHOSEN or (in_loop and operation.inputs[1].shape.rank == 0):
        return False
    import tensorflow as tf

    rows, numbers = operation.inputs[0], operation.inputs[1]
    if not rows.shape.rank or rows.shape[0] is not None or tf.get_static_value(numbers) is not None:
        return False
    if _goes_through_all(operation):
        return False
    if operation.type == "GatherNd":
        return True
    axis = tf.get_static_value(operation.inputs[2])
    is_by_row = operation.get_attr("batch_dims") == 0 and axis is not None and int(axis) == 0
    # A shape is a list of numbers, and taking one of them takes no row.
    return is_by_row and rows.shape.rank > 1


def _goes_through_all(operation: Any) -> bool:
    """Return whether rows are taken one after the other, as ``vectorized_map`` does with what it goes through."""
    numbers = operation.inputs[1].op
    return "/pfor/" in operation.name and numbers.type == "SelectV2" and numbers.inputs[1].op.type == "Range"
