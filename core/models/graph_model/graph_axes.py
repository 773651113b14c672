"""What the axes of a graph's values are, where more tells it than the type of an operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.models.graph_model.data_flow import DataFlow
from core.models.graph_model.operation_groups import (
    BATCH_NORMALIZATIONS,
    CONVOLUTIONS,
    MATRIX_PRODUCTS,
    POOLINGS,
    SCALINGS,
)

__all__ = ["GraphAxes", "graph_axes"]

_ELEMENTWISE: Final = SCALINGS | {"Softmax", "Identity"}
_OVER_PLACES: Final = (
    CONVOLUTIONS
    | POOLINGS
    | BATCH_NORMALIZATIONS
    | {"LRN", "ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"}
    | {"SpaceToBatchND", "BatchToSpaceND", "DepthToSpace"}
)
"""Operations whose answers have axes of places and one of channels."""
_OTHER_AXES: Final = MATRIX_PRODUCTS | {
    "Reshape", "Transpose", "ExpandDims", "Squeeze", "Tile", "Pack", "BroadcastTo", "GatherV2", "GatherNd",
}  # fmt: skip
"""Operations that answer in other axes than what goes in."""
_LEAST_AXES: Final = 4


@dataclass(frozen=True)
class GraphAxes:
    """Operations by what their axes are.

    Attributes:
        scores: Those that work out how much each position attends to each other.
        pictures: Those that answer in places and channels, as far as can be seen.
    """

    scores: frozenset[str]
    pictures: frozenset[str]

    def names_for(self, operations: Sequence[Any], rank: int) -> tuple[str, ...]:
        """Return the names of the axes of what a layer answers; empty where they are those that suit its type.

        Args:
            operations: Of the layer.
            rank: How many axes there are, that of the samples too.
        """
        if operations[-1].name in self.scores:
            return ("sample", "head", "query", "key") if rank == _LEAST_AXES else ("sample", "query", "key")
        if rank < _LEAST_AXES or any(operation.name in self.pictures for operation in operations):
            return ()
        return ("sample", *(f"axis{number}" for number in range(1, rank)))


def graph_axes(flow: DataFlow) -> GraphAxes:
    """Return what the axes of the values of a graph are."""
    return GraphAxes(_attention_scores(flow), _pictures(flow))


def _attention_scores(flow: DataFlow) -> frozenset[str]:
    """Return the names of each softmax over products of two things that depend on the input, and of what is between."""
    names: set[str] = set()
    for operation in flow.values:
        if operation.type != "Softmax" or len(flow.extents(operation.outputs[0]) or ()) not in (3, 4):
            continue
        between = [operation]
        while between[-1].type in _ELEMENTWISE:
            values = [tensor for tensor in between[-1].inputs if not flow.is_constant(tensor)]
            same = [each for each in values if flow.extents(each) == flow.extents(between[-1].outputs[0])]
            if len(same) != 1:
                break
            between.append(flow.origin(same[0]).op)
        product = between[-1]
        if product.type in MATRIX_PRODUCTS and not any(map(flow.is_constant, product.inputs)):
            names.update(each.name for each in between)
    # A Dropout that drops nothing hands them on.
    handed_on = (each for each in flow.values if each.type in ("Identity", "Cast") and each.inputs[0].op.name in names)
    return frozenset(names.union(each.name for each in handed_on))


def _pictures(flow: DataFlow) -> frozenset[str]:
    names: set[str] = {tensor.op.name for tensor in flow.inputs.values()}
    for operation in flow.values:
        is_kept = operation.type not in _OTHER_AXES and any(
            source.op.name in names for source in _of_same_rank(flow, operation)
        )
        if operation.type in _OVER_PLACES or is_kept:
            names.add(operation.name)
    for operation in reversed(flow.values):
        # What is looked at as a picture is one, wherever it comes from.
        if operation.type in _OVER_PLACES or (operation.name in names and operation.type not in _OTHER_AXES):
            names.update(source.op.name for source in _of_same_rank(flow, operation))
    return frozenset(names)


def _of_same_rank(flow: DataFlow, operation: Any) -> list[Any]:
    rank = len(flow.extents(operation.outputs[0]) or ()) if operation.outputs else 0
    sources = [flow.origin(tensor) for tensor in operation.inputs if not flow.is_constant(tensor)]
    return [source for source in sources if len(flow.extents(source) or ()) == rank]
