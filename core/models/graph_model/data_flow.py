"""What each operation of a flat graph works on: values that come from the inputs, their extents, or constants."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from core.models.graph_model.flat_graph import ClosedGraph, FlatGraph

__all__ = ["DataFlow"]

MAX_HELPERS: Final = 300_000
"""How many operations are looked at for what layers work out for themselves; the largest models take a tenth of it."""
_ONLY_EXTENTS: Final = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
_ASSERTIONS: Final = frozenset({"Assert", "NoOp"})
_READS: Final = frozenset({"ReadVariableOp", "VarHandleOp", "Placeholder", "HashTableV2"})
"""Operations that TensorFlow marks as having a state, and that answer the same each time."""


class _Role(Enum):
    """What the results of an operation depend on."""

    CONSTANT = "constant"
    EXTENT = "extent"
    VALUE = "value"


class DataFlow:
    """The operations that lead to the outputs of a graph, each with its role.

    What computes values becomes a layer, or a part of one. Constants and extents are worked out where they are used.

    Args:
        flat: The graph.

    Attributes:
        flat: The same.
        values: Operations that compute values, each behind those whose results it takes.
        outputs: Tensors of the model's outputs by name.
        inputs: Tensors of the model's inputs by name.
    """

    def __init__(self, flat: FlatGraph) -> None:
        graph = flat.graph
        self.flat = flat
        self.inputs = {name: graph.get_tensor_by_name(tensor) for name, tensor in flat.inputs.items()}
        self._input_names = {tensor.op.name for tensor in self.inputs.values()}
        self._roles: dict[str, _Role] = {}
        self._aliases: dict[str, Any] = {}
        self._sources: dict[str, list[Any]] = {}
        self._helper_count = 0
        outputs = {name: graph.get_tensor_by_name(tensor) for name, tensor in flat.outputs.items()}
        roots = [tensor.op for tensor in outputs.values()]
        reached = _reached(roots)
        for operation in graph.get_operations():
            if operation.name in reached:
                self._roles[operation.name] = self._role_by_inputs(operation)
        self.outputs = {name: self.origin(tensor) for name, tensor in outputs.items()}
        for tensor in self.outputs.values():
            # An output is one, whatever it depends on.
            if tensor.op.name not in self._input_names:
                self._roles[tensor.op.name] = _Role.VALUE
        # What is only asked for its extents is worked out where these are needed, as the first step of a loop.
        live = _reached(roots, _ONLY_EXTENTS)
        self.values = [
            operation
            for operation in graph.get_operations()
            if self._roles.get(operation.name) is _Role.VALUE
            and operation.name in live
            and operation.name not in self._input_names
            and operation.name not in self._aliases
        ]
        self._computed = {operation.name for operation in self.values} | self._input_names

    def is_constant(self, tensor: Any) -> bool:
        """Return whether a tensor is the same whatever goes into the model."""
        return self._roles[tensor.op.name] is _Role.CONSTANT

    def is_value(self, tensor: Any) -> bool:
        """Return whether a tensor comes from an input of the model, or is worked out as a value from what does."""
        return tensor.op.name in self._computed

    def extents(self, tensor: Any) -> tuple[int | None, ...] | None:
        """Return the extents of a tensor as far as they are known; None where not even their number is."""
        if tensor.shape.rank is None:
            return self.flat.shapes.get(tensor.name)
        inferred = tuple(tensor.shape.as_list())
        noted = self.flat.shapes.get(tensor.name) or inferred
        if len(noted) != len(inferred):
            return inferred
        return tuple(b if a is None else a for a, b in zip(inferred, noted, strict=True))

    def origin(self, tensor: Any) -> Any:
        """Return the tensor that the operations before handed on unchanged."""
        while tensor.op.name in self._aliases:
            tensor = tensor.op.inputs[0]
        return tensor

    def sources(self, operation: Any) -> list[Any]:
        """Return the tensors of values that an operation works on, also where it only asks for their extents.

        Those that it gets through constants and extents are among them, since these are worked out in its place.
        """
        if operation.name in self._sources:
            return self._sources[operation.name]
        tensors: dict[str, Any] = {}
        waiting, visited = list(reversed(operation.inputs)), set[str]()
        while waiting:
            tensor = self.origin(waiting.pop())
            if tensor.name in visited:
                continue
            visited.add(tensor.name)
            if tensor.op.name in self._computed:
                tensors[tensor.name] = tensor
            else:
                waiting.extend(reversed(tensor.op.inputs))
        self._note_helpers(len(visited))
        self._sources[operation.name] = list(tensors.values())
        return self._sources[operation.name]

    def _note_helpers(self, count: int) -> None:
        self._helper_count += count
        if self._helper_count > MAX_HELPERS:
            raise ClosedGraph("its layers share too much that would be worked out anew for each")

    def helpers(self, operations: Iterable[Any]) -> list[Any]:
        """Return the operations that work out the constants and extents that some operations take, in order."""
        helpers: dict[str, Any] = {}
        waiting = [tensor.op for operation in operations for tensor in operation.inputs]
        while waiting:
            operation = waiting.pop()
            if operation.name in helpers or operation.name in self._computed:
                continue
            helpers[operation.name] = operation
            waiting.extend(tensor.op for tensor in operation.inputs)
        self._note_helpers(len(helpers))
        return list(helpers.values())

    def _role_by_inputs(self, operation: Any) -> _Role:
        if operation.name in self._input_names:
            return _Role.VALUE
        roles = {self._roles[tensor.op.name] for tensor in operation.inputs}
        is_drawn = operation.op_def.is_stateful and operation.type not in _READS
        if _Role.VALUE in roles and operation.type == "Identity" and "/" not in operation.name:
            self._aliases[operation.name] = operation
        if is_drawn and not _is_table(operation):
            return _Role.VALUE
        if _Role.VALUE in roles:
            return _Role.EXTENT if operation.type in _ONLY_EXTENTS else _Role.VALUE
        return _Role.EXTENT if _Role.EXTENT in roles else _Role.CONSTANT


def _is_table(operation: Any) -> bool:
    # The list that a loop of TensorFlow 1 writes into is one thing, and may not be made twice.
    is_list = operation.type.startswith("TensorArray")
    return bool(operation.outputs) and not is_list and all(each.dtype.name == "resource" for each in operation.outputs)


def _reached(roots: Iterable[Any], ends: frozenset[str] = frozenset()) -> set[str]:
    """Return the names of operations whose results some others need, but for what only the ends need."""
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        operation = waiting.pop()
        if operation.name not in reached and operation.type not in _ASSERTIONS:
            reached.add(operation.name)
            waiting.extend(tensor.op for tensor in operation.inputs if operation.type not in ends)
    return reached
