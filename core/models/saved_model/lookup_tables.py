"""Where a table of words is filled from: follows the name of its file back to where it comes from.

A table is filled by a function that gets the name of its file as an argument. The argument is an asset of the
SavedModel if every caller gives it one: the loader, which binds an object to it; another function, which passes on an
argument of its own; the graph, in which a variable keeps the asset's name.
"""

from collections.abc import Mapping

from core.models.saved_model.graph import Body, SavedGraph, read_nodes
from core.models.saved_model.nodes import Node
from core.models.saved_model.protobuf import ProtobufReader

__all__ = ["AssetNames"]

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_MAX_DEPTH = 50


class AssetNames:
    """Tells whether a tensor is the name of an asset.

    Args:
        reader: Reads the file that the graph is in.
        saved: The graph.
        callers: For each function the names of those that name it, ``""`` for the graph itself.
    """

    def __init__(self, reader: ProtobufReader, saved: SavedGraph, callers: Mapping[str, set[str]]) -> None:
        self._reader = reader
        self._saved = saved
        self._callers = callers
        self._assets = {node for node, _ in saved.assets}
        self._nodes: dict[str, dict[str, Node]] = {}

    def holds(self, body: Body, tensor: str, depth: int = 0) -> bool:
        """Return whether a tensor of a function, or of the graph, can be nothing but the name of an asset.

        Args:
            body: The function, or the graph.
            tensor: The tensor as an input names it: ``"argument"``, ``"node:output:0"`` or ``"node:0"``.
            depth: How many steps were taken already.
        """
        if depth > _MAX_DEPTH or tensor.startswith("^"):
            return False
        name = tensor.partition(":")[0]
        node = self._nodes_of(body).get(name)
        if name in body.arguments:
            return node is None and self._argument_holds(body, body.arguments.index(name), depth + 1)
        if node is None:
            return False
        if node.operation == "Identity":
            return self.holds(body, node.inputs[0] if node.inputs else "", depth + 1)
        if body.name:
            return False
        if node.operation == "ReadVariableOp":
            return self._variable_holds(node.inputs[0] if node.inputs else "", depth + 1)
        return node.operation == "Placeholder" and name in self._assets

    def _argument_holds(self, body: Body, place: int, depth: int) -> bool:
        answers = []
        if self._is_called_from_python(body.name):
            bound = self._saved.bound_inputs.get(body.name, ())
            # The loader binds objects to the last arguments; those before are for whoever calls.
            which = place - len(body.arguments) + len(bound)
            is_bound = which >= 0 and bound[which] < len(self._saved.objects)
            answers.append(is_bound and self._saved.objects[bound[which]].is_asset)
        for caller in self._callers.get(body.name, ()):
            other = self._saved.functions.get(caller, self._saved.graph)
            if body.name in other.functions:
                return False
            for node in self._nodes_of(other).values():
                if body.name not in node.functions:
                    continue
                # A loop or a branch gives its functions arguments in an order of its own.
                passes_on = node.operation in _CALLS and node.functions == (body.name,) and place < len(node.inputs)
                answers.append(passes_on and self.holds(other, node.inputs[place], depth))
        return bool(answers) and all(answers)

    def _is_called_from_python(self, function: str) -> bool:
        return function in self._saved.bound_inputs or any(function in item.functions for item in self._saved.objects)

    def _variable_holds(self, variable: str, depth: int) -> bool:
        """Whether a variable of the graph is only ever given the name of an asset."""
        answers = []
        for node in self._nodes_of(self._saved.graph).values():
            if variable not in {text.partition(":")[0] for text in node.inputs}:
                continue
            if node.operation == "AssignVariableOp" and len(node.inputs) > 1:
                answers.append(self.holds(self._saved.graph, node.inputs[1], depth))
            elif node.operation not in {"ReadVariableOp", "VarIsInitializedOp"}:
                return False
        return bool(answers) and all(answers)

    def _nodes_of(self, body: Body) -> dict[str, Node]:
        if body.name not in self._nodes:
            self._nodes[body.name] = {node.name: node for node in read_nodes(self._reader, body)}
        return self._nodes[body.name]
