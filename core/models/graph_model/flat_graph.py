"""A graph without calls: each function that is called stands in the place of its call, with names that say where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["ClosedGraph", "FlatGraph", "called_functions", "flat_graph_of_function", "flat_graph_of_nodes"]

MAX_OPERATIONS: Final = 60_000
"""Beyond that the rows of a model are no help to anybody, and following it takes minutes."""
_CALLS: Final = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_WRITES: Final = (
    "Assign",
    "ResourceApply",
    "ResourceScatter",
    "ResourceSparse",
    "ResourceStridedSliceAssign",
    "LookupTableInsert",
    "LookupTableImport",
    "LookupTableRemove",
    "RngSkip",
)
_OLD_LOOPS: Final = frozenset({"Enter", "Exit", "NextIteration", "LoopCond", "RefEnter", "RefExit"})
_SWITCHES: Final = frozenset({"Switch", "RefSwitch"})
_MERGES: Final = frozenset({"Merge", "RefMerge"})
"""The beginning and the end of a condition as TensorFlow 1 wrote it."""
_PRIVATE: Final = frozenset({"_class", "_gradient_op_type", "_output_shapes"})
"""Attributes that bind an operation to others, to a gradient that was registered elsewhere, or to one batch."""


class ClosedGraph(Exception):
    """Why what happens inside a graph cannot be shown: a sentence of few words."""


@dataclass(frozen=True)
class FlatGraph:
    """Every operation of a program in one graph.

    Attributes:
        graph: The ``tf.Graph``; nothing is run in it.
        library: Functions that loops and conditions call, as TensorFlow keeps them, by name.
        inputs: Names of tensors by what the model calls its inputs.
        outputs: Names of tensors by what the model calls its outputs.
        captures: Tensors from outside, such as the handles of variables, by the name of the tensor they stand for.
        shapes: Extents of tensors by name, as far as whoever saved the graph knew them; None where he knew nothing.
    """

    graph: Any
    library: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    captures: Mapping[str, Any]
    shapes: Mapping[str, tuple[int | None, ...] | None]


def flat_graph_of_function(function: Any, input_names: Sequence[str]) -> FlatGraph:
    """Return the graph of a concrete function with all that it calls.

    Args:
        function: A ``tf.ConcreteFunction`` whose outputs have names.
        input_names: Names of its inputs, as its signature has them.

    Raises:
        ClosedGraph: It is too large, or does more than compute.
    """
    graph = function.graph
    definition = graph.as_graph_def(add_shapes=True)
    arguments = graph.inputs[: len(graph.inputs) - len(function.captured_inputs)]
    by_argument = {tensor.name.partition(":")[0]: tensor.name for tensor in arguments}
    # A placeholder bears the name of its input, unless another operation had it.
    names = dict(zip(sorted(input_names), (tensor.name for tensor in arguments), strict=True))
    inputs = {name: by_argument.get(name, names[name]) for name in input_names}
    captured = graph.inputs[len(arguments) :]
    captures = {tensor.name: value for tensor, value in zip(captured, function.captured_inputs, strict=True)}
    # TensorFlow puts what has names in the order of these.
    outputs = {
        name: tensor.name for name, tensor in zip(sorted(function.structured_outputs), graph.outputs, strict=True)
    }
    return flat_graph_of_nodes(definition, inputs, outputs, captures)


def flat_graph_of_nodes(
    definition: Any, inputs: Mapping[str, str], outputs: Mapping[str, str], captures: Mapping[str, Any]
) -> FlatGraph:
    """Return a graph with all that it calls.

    Args:
        definition: A ``GraphDef``.
        inputs: See :class:`FlatGraph`; here by the names that tensors have in ``definition``.
        outputs: Likewise.
        captures: Likewise.

    Raises:
        ClosedGraph: It is too large, or does more than compute.
    """
    import tensorflow as tf

    library = {function.signature.name: function for function in definition.library.function}
    inlining = _Inlining(library)
    scope = _Scope("", {})
    graph = tf.Graph()
    with graph.as_default():
        # A function is read where those are known that it calls.
        functions = tf.compat.v1.GraphDef(library=definition.library, versions=definition.versions)
        tf.graph_util.import_graph_def(functions, name="")
        inlining.add(definition.node, scope)
        flat = tf.compat.v1.GraphDef(node=inlining.nodes, versions=definition.versions)
        tf.graph_util.import_graph_def(flat, name="")
    return FlatGraph(
        graph,
        library,
        {name: scope.tensor(tensor) for name, tensor in inputs.items()},
        {name: scope.tensor(tensor) for name, tensor in outputs.items()},
        {scope.tensor(tensor): value for tensor, value in captures.items()},
        inlining.shapes,
    )


@dataclass
class _Scope:
    """What names of one function's body mean in the flat graph."""

    prefix: str
    arguments: Mapping[str, str]
    names: dict[str, str] = field(default_factory=dict)
    results: dict[str, Sequence[str]] = field(default_factory=dict)

    def tensor(self, name: str) -> str:
        node, _, position = name.partition(":")
        if node in self.arguments:
            return self.arguments[node]
        if node in self.results:
            return self.results[node][int(position or 0)]
        return f"{self.names[node]}:{position or 0}"


class _Inlining:
    """Collects the operations of a graph and of what it calls, each under a name of its own."""

    def __init__(self, library: Mapping[str, Any]) -> None:
        self.library = library
        self.nodes: list[Any] = []
        self.shapes: dict[str, tuple[int | None, ...] | None] = {}
        self._visited = 0
        self._names: set[str] = set()
        self._switched: set[str] = set()
        self._unchanging: set[str] = set()

    def add(self, nodes: Iterable[Any], scope: _Scope) -> None:
        # A call stands for its results before what comes later names them, and so does every operation.
        ordered = _in_order(list(nodes))
        for node in ordered:
            self._check(node)
            function = self._called(node)
            if function is not None:
                self._add_call(node, function, scope)
            elif node.op != "NoOp" and node.name not in scope.arguments:
                self._add_operation(node, scope)

    def _check(self, node: Any) -> None:
        # What only calls others takes its time, too.
        self._visited += 1
        if self._visited > MAX_OPERATIONS:
            raise ClosedGraph(f"it has more than {MAX_OPERATIONS:,} operations")
        if node.op in _OLD_LOOPS:
            raise ClosedGraph("it has a loop in the form that TensorFlow 1 wrote")
        self._check_writes(node)

    def _check_writes(self, node: Any) -> None:
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if node.op.startswith(_WRITES):
                raise ClosedGraph("it changes its variables while it answers")
            # Loops and conditions keep their functions, and what these write no other layer would wait for.
            called = {name for name in called_functions(node) if name in self.library} - self._unchanging
            self._unchanging |= called
            waiting += [part for name in called for part in self.library[name].node_def]

    def _check_merge(self, copy: Any) -> None:
        """Refuse a condition of TensorFlow 1 with a branch that takes nothing: only its order says which one counts."""
        is_switched = [source.partition(":")[0] in self._switched for source in copy.input]
        if copy.op in _MERGES and not all(is_switched):
            raise ClosedGraph("it has a condition in the form that TensorFlow 1 wrote, with a constant for an answer")
        if copy.op in _SWITCHES or any(is_switched):
            self._switched.add(copy.name)

    def _called(self, node: Any) -> Any | None:
        name = node.attr["f"].func.name if node.op in _CALLS else node.op
        return self.library.get(name)

    def _add_operation(self, node: Any, scope: _Scope) -> None:
        import tensorflow as tf

        name = self._free_name(scope.prefix + node.name, node.name)
        scope.names[node.name] = name
        copy = tf.compat.v1.NodeDef(name=name, op=node.op)
        copy.input.extend(scope.tensor(source) for source in node.input if not source.startswith("^"))
        for key, value in node.attr.items():
            if key not in _PRIVATE:
                copy.attr[key].CopyFrom(value)
        for position, shape in enumerate(node.attr["_output_shapes"].list.shape):
            extents = tuple(None if each.size < 0 else each.size for each in shape.dim)
            self.shapes[f"{name}:{position}"] = None if shape.unknown_rank else extents
        self._check_merge(copy)
        self._names.add(name)
        self.nodes.append(copy)

    def _add_call(self, node: Any, function: Any, scope: _Scope) -> None:
        from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

        body, flat_names = function_def_to_graph_def(function)
        arguments = [argument.name for argument in function.signature.input_arg]
        sources = [scope.tensor(source) for source in node.input if not source.startswith("^")]
        inner = _Scope(self._prefix(node.name, scope), dict(zip(arguments, sources, strict=True)))
        self.add((part for part in body.node if part.name not in inner.arguments), inner)
        results = [function.ret[result.name] for result in function.signature.output_arg]
        scope.results[node.name] = [inner.tensor(flat_names.get(result, result)) for result in results]

    def _prefix(self, name: str, scope: _Scope) -> str:
        # Whoever wrote the function named its scopes from the outermost on, or left that to the call.
        around, _, own = name.rpartition("/")
        is_named = not own.rstrip("0123456789_").endswith("PartitionedCall")
        parts = [part for part in (around, own if is_named else "") if part]
        return scope.prefix + "".join(f"{part}/" for part in parts)

    def _free_name(self, name: str, own: str) -> str:
        # The body may name its scopes itself, from the outermost on.
        prefix = name[: len(name) - len(own)]
        if prefix and own.startswith(prefix):
            name = own
        number, candidate = 1, name
        while candidate in self._names:
            candidate, number = f"{name}_{number}", number + 1
        return candidate


def called_functions(node: Any) -> list[str]:
    """Return the names that stand in an operation where those of functions do, its own type among them.

    Args:
        node: A ``NodeDef``.
    """
    names = [node.op]
    for value in node.attr.values():
        names += [value.func.name] if value.HasField("func") else [each.name for each in value.list.func]
    return names


def _in_order(nodes: list[Any]) -> list[Any]:
    """Return operations such that each stands behind those whose results it takes, and else as they stood."""
    by_name = {node.name: node for node in nodes}
    done: set[str] = set()
    ordered: list[Any] = []
    for root in nodes:
        waiting = [] if root.name in done else [(root, iter(root.input))]
        if waiting:
            done.add(root.name)
        while waiting:
            node, sources = waiting[-1]
            source = next(sources, None)
            if source is None:
                ordered.append(node)
                waiting.pop()
                continue
            name = source.lstrip("^").partition(":")[0]
            if name in by_name and name not in done:
                done.add(name)
                waiting.append((by_name[name], iter(by_name[name].input)))
    return ordered
