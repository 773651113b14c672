"""A Keras model whose layers are the name scopes of a graph."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, Final

from core.common.limits import get_limits
from core.models.class_names import class_like
from core.models.graph_model.data_flow import DataFlow
from core.models.graph_model.flat_graph import ClosedGraph, FlatGraph, called_functions
from core.models.graph_model.graph_axes import graph_axes
from core.models.graph_model.graph_layers import GraphPart, extents_of, graph_classes, run_steps
from core.models.graph_model.layer_kinds import is_layer, kind_of, kind_of_scope
from core.models.graph_model.operation_groups import SQUASHING
from core.models.graph_model.scopes import Leaf, Scope, scope_tree
from core.models.graph_model.weights import WeightSources

__all__ = ["model_between", "model_of_graph"]

_AROUND_LAYERS: Final = frozenset({"Bidirectional", "MultiHeadAttention", "GroupedQueryAttention", "Attention"})
"""Layers of Keras with others in them."""
_RANKS_TAKEN: Final = {
    "Conv2D": 4, "DepthwiseConv2dNative": 4, "MaxPool": 4, "AvgPool": 4, "FusedBatchNorm": 4, "FusedBatchNormV3": 4,
    "Conv3D": 5, "MaxPool3D": 5, "AvgPool3D": 5, "MatMul": 2, "BatchMatMulV2": 2,
}  # fmt: skip
_recursion_lock: Final = threading.Lock()


def model_of_graph(flat: FlatGraph, variables: Sequence[Any], class_names: Mapping[str, str], *, name: str) -> Any:
    """Return a Keras model that computes what a graph does, a layer for each scope that is one.

    Args:
        flat: The graph.
        variables: The ``tf.Variable`` objects whose handles it captures.
        class_names: Classes of layers by their names, where whoever saved the graph noted them.
        name: Of the model.

    Raises:
        ClosedGraph: It has more layers than may be, or these share too much.
    """
    import keras

    flow = DataFlow(flat)
    tree = scope_tree(flow, partial(is_layer, flow))
    most, layer_count = get_limits().layers, sum(1 for _ in _leaves(tree))
    if layer_count > most:
        raise ClosedGraph(f"it would be {layer_count:,} layers, more than {most:,}")
    steps = _Builder(flow, WeightSources(flow, variables), tree, class_names).steps()
    inputs = {
        input_name: keras.Input(batch_shape=_extents_of_input(flow, tensor), dtype=tensor.dtype.name, name=input_name)
        for input_name, tensor in sorted(flow.inputs.items())
    }
    _note_extents(steps, flow)
    tensors = run_steps(steps, {flow.inputs[input_name].name: tensor for input_name, tensor in inputs.items()})
    outputs = {output_name: tensors[tensor.name] for output_name, tensor in sorted(flow.outputs.items())}
    with _deep_enough(len(steps)):
        return model_between(inputs, outputs, name)


def model_between(inputs: Mapping[str, Any], outputs: Mapping[str, Any], name: str) -> Any:
    """Return the Keras model that leads from some tensors to others, by their names where there are several.

    Args:
        inputs: Symbolic tensors by name.
        outputs: Likewise.
        name: Of the model.
    """
    import keras

    taken, answered = (
        next(iter(tensors.values())) if len(tensors) == 1 else dict(tensors) for tensors in (inputs, outputs)
    )
    return keras.Model(taken, answered, name=name)


def _extents_of_input(flow: DataFlow, tensor: Any) -> tuple[int | None, ...]:
    """Return the extents of an input; of one that says nothing of them as many as an operation needs that takes it."""
    if tensor.shape.rank is not None:
        return extents_of(tensor)
    readers = (operation for operation in flow.values if tensor.name in {each.name for each in operation.inputs})
    ranks = (_RANKS_TAKEN.get(operation.type, 0) for operation in readers)
    return (None,) * next((rank for rank in ranks if rank), 1)


@contextmanager
def _deep_enough(step_count: int) -> Iterator[None]:
    """Let Keras follow a chain of so many layers from its end, each inside of the one behind it."""
    with _recursion_lock:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + 2 * step_count)
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)


def _note_extents(steps: Sequence[Any], flow: DataFlow) -> None:
    """Let each layer note the extents of what it answers, as far as they are known before anything is run."""
    import tensorflow as tf

    names = [tensor.name for tensor in flow.inputs.values()]

    def traced(*tensors: Any) -> None:
        run_steps(steps, dict(zip(names, tensors, strict=True)))

    tf.function(traced, autograph=False).get_concrete_function(
        *(tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in flow.inputs.values())
    )


class _Builder:
    """Makes the layers of a tree of scopes."""

    def __init__(self, flow: DataFlow, weights: WeightSources, tree: Scope, class_names: Mapping[str, str]) -> None:
        self._flow = flow
        self._class_names = class_names
        self._weights = weights
        self._tree = tree
        self._readers: dict[str, list[Leaf]] = {}
        self._sources: dict[int, list[str]] = {}
        for leaf in _leaves(tree):
            self._sources[id(leaf)] = self._taken(leaf)
            for tensor in self._sources[id(leaf)]:
                self._readers.setdefault(tensor, []).append(leaf)
        self._answers = {tensor.name for tensor in flow.outputs.values()}
        self._axes = graph_axes(flow)
        self._is_numbered = _is_numbered(tree)

    def steps(self) -> list[Any]:
        # Keras knows what stands outermost by its name, and the inputs stand beside the layers.
        return self._steps(self._tree, set(self._flow.inputs))

    def _steps(self, scope: Scope, names: set[str]) -> list[Any]:
        steps = []
        for part in scope.parts:
            # A scope that is entered again, or that bears the name of another one without its number.
            name = next(candidate for candidate in self._names_for(part) if candidate not in names)
            names.add(name)
            steps.append(self._step(part, name))
        return steps

    def _names_for(self, part: Leaf | Scope) -> Iterable[str]:
        name = re.sub(r"[^A-Za-z0-9_.\\>-]", "_", part.name)
        if part.is_scope and self._is_numbered:
            yield name.removesuffix("_1")
        yield name
        yield from (f"{name}_{number}" for number in count(2))

    def _class_name(self, part: Leaf | Scope) -> str:
        """Return the class that was noted for what bears the name of a scope; empty where none was."""
        # The name that the layer had when it was traced a second time bears a number.
        candidates = (part.name, re.sub(r"_\d+$", "", part.name)) if part.is_scope else ()
        return next((self._class_names[each] for each in candidates if each in self._class_names), "")

    def _step(self, part: Leaf | Scope, name: str) -> Any:
        leaves = [part] if isinstance(part, Leaf) else list(_leaves(part))
        made = {tensor.name for leaf in leaves for operation in leaf.operations for tensor in operation.outputs}
        inside = {id(leaf) for leaf in leaves}
        outputs = tuple(
            tensor.name
            for leaf in leaves
            for operation in leaf.operations
            for tensor in operation.outputs
            if tensor.name in self._answers
            or any(id(reader) not in inside for reader in self._readers.get(tensor.name, ()))
        )
        inputs = tuple(dict.fromkeys(name for leaf in leaves for name in self._sources[id(leaf)] if name not in made))
        if isinstance(part, Scope):
            import keras

            steps = self._steps(part, set())
            type_name = self._class_name(part)
            # A layer of Keras that was not found whole is told by what is in it.
            if not type_name or (hasattr(keras.layers, type_name) and type_name not in _AROUND_LAYERS):
                type_name = kind_of_scope(steps)
            return class_like(type_name, graph_classes().scope)(name, steps, inputs, outputs)
        return self._layer(part, name, inputs, outputs)

    def _layer(self, leaf: Leaf, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Any:
        helpers = self._flow.helpers(leaf.operations)
        sources = self._weights.of_layer(leaf.operations, helpers)
        kind = kind_of(self._flow, leaf.operations, sources.extents, self._axes)
        operations = [*(helper for helper in helpers if helper.name not in sources.replaced), *leaf.operations]
        taken = {tensor.name for operation in operations for tensor in operation.inputs}
        logits = _logits(leaf, outputs)
        part = GraphPart(
            _definition(operations, self._flow),
            inputs,
            outputs,
            {name: weight for name, weight in sources.weights.items() if name in taken},
            {name: value for name, value in sources.captures.items() if name in taken},
            {name: self._flow.flat.shapes.get(name) for name in (*outputs, logits)},
            logits=logits,
        )
        variables = [sources.variables[name] for name in sorted(sources.variables, key=_rank_of_weight)]
        type_name = self._class_name(leaf) or kind.type_name
        return class_like(type_name, graph_classes().operations)(name, part, kind, variables)

    def _taken(self, leaf: Leaf) -> list[str]:
        own = {operation.name for operation in leaf.operations}
        tensors = (tensor for operation in leaf.operations for tensor in self._flow.sources(operation))
        names = list(dict.fromkeys(tensor.name for tensor in tensors if tensor.op.name not in own))
        # What takes nothing runs with the rest all the same.
        return names or [tensor.name for tensor in self._flow.inputs.values()][:1]


def _logits(leaf: Leaf, outputs: Sequence[str]) -> str:
    """Return the name of the tensor that goes into the softmax or sigmoid at the end of a layer; empty for none.

    Args:
        leaf: The layer.
        outputs: Names of the tensors that others take from it.
    """
    last = leaf.operations[-1]
    is_squashed = last.type in SQUASHING and list(outputs) == [last.outputs[0].name]
    is_known = is_squashed and (len(leaf.operations) == 1 or any(last.inputs[0].op is each for each in leaf.operations))
    return last.inputs[0].name if is_known else ""


def _rank_of_weight(name: str) -> tuple[int, str]:
    # As Keras lists them: what multiplies stands before what is added.
    return (name.endswith(("bias", "beta", "moving_mean", "moving_variance")), "" if name == "kernel" else name)


def _leaves(scope: Scope) -> Iterable[Leaf]:
    for part in scope.parts:
        if isinstance(part, Leaf):
            yield part
        else:
            yield from _leaves(part)


def _definition(operations: Sequence[Any], flow: DataFlow) -> Any:
    """Return a ``GraphDef`` of some operations, with the functions that they call."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef(node=[operation.node_def for operation in operations])
    definition.versions.CopyFrom(flow.flat.graph.graph_def_versions)
    library = flow.flat.library
    names = [name for node in definition.node for name in called_functions(node)]
    reached: dict[str, Any] = {}
    while names:
        name = names.pop()
        if name in library and name not in reached:
            reached[name] = library[name]
            names += [called for node in library[name].node_def for called in called_functions(node)]
    definition.library.function.extend(reached.values())
    return definition


def _is_numbered(tree: Scope) -> bool:
    """Return whether each scope bears the number that it gets where a model is traced again, as an export does."""
    names = [part.name for part in tree.parts if part.is_scope]
    first = {name for name in names if name.endswith("_1")}
    # A layer that is called again gets a higher one.
    again = [re.sub(r"_\d+$", "_1", name) for name in names if name not in first]
    return len(first) > len(again) and first.issuperset(again)
