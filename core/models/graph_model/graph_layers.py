"""Keras layers that run a part of a graph: the layers of a model that was saved without its Python code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from core.models.graph_model.layer_kinds import LayerKind

__all__ = ["GraphPart", "extents_of", "graph_classes", "run_steps"]


@dataclass(frozen=True)
class GraphPart:
    """A part of a graph, and how it hangs together with the rest.

    Attributes:
        definition: A ``GraphDef`` of the operations that it runs, with the functions that these call.
        inputs: Names of the tensors that it takes from other parts.
        outputs: Names of the tensors that others take from it, or that are the model's outputs.
        weights: By the name of the tensor that it stands for, each weight as a ``keras.Variable``.
        captures: By the name of the tensor that it stands for, what is taken from outside as it is, such as the handle
            of a table.
        shapes: Extents of what is taken from it, as far as they are known, by name.
        logits: Name of the tensor that goes into the softmax or sigmoid that it ends in; empty for none.
    """

    definition: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, Any]
    captures: Mapping[str, Any]
    shapes: Mapping[str, tuple[int | None, ...] | None]
    logits: str = ""

    @property
    def results(self) -> tuple[str, ...]:
        """Names of what :meth:`run` returns: the outputs, and the logits if they are worked out in it."""
        return self.outputs if not self.logits or self.logits in self.inputs else (*self.outputs, self.logits)

    def run(self, tensors: Sequence[Any]) -> list[Any]:
        """Return the results of this part, whose operations are put into the graph that is being made.

        Args:
            tensors: Of a graph, one for each of ``inputs``.
        """
        import tensorflow as tf
        from tensorflow.python.eager import record

        graph = tf.compat.v1.get_default_graph()
        used = {source if ":" in source else f"{source}:0" for node in self.definition.node for source in node.input}
        taken = {name: tensor for name, tensor in zip(self.inputs, tensors, strict=True) if name in used}
        taken |= {name: tf.convert_to_tensor(weight.value) for name, weight in self.weights.items()}
        # Whatever is outside of a graph comes into it as an input of its own.
        captured = {name: graph.capture(getattr(value, "handle", value)) for name, value in self.captures.items()}

        outputs = tf.graph_util.import_graph_def(
            self.definition, input_map={**taken, **captured}, return_elements=list(self.results), name="part"
        )
        self._note_shapes(outputs)
        sources = list(taken.values())
        # A tape does not see what is put into a graph at once. A custom gradient would be kept for ever.
        record.record_operation("GraphPart", outputs, sources, lambda *upstream: _gradients(outputs, sources, upstream))
        return list(outputs)

    def _note_shapes(self, tensors: Sequence[Any]) -> None:
        for name, tensor in zip(self.results, tensors, strict=True):
            if self.shapes.get(name) is not None and tensor.shape.is_compatible_with(self.shapes[name]):
                tensor.set_shape(self.shapes[name])


def _gradients(outputs: Sequence[Any], sources: Sequence[Any], upstream: Sequence[Any]) -> list[Any]:
    """Return the gradient for each source; None for all where an operation has none."""
    import tensorflow as tf

    derived = [
        (each, gradient)
        for each, gradient in zip(outputs, upstream, strict=True)
        if each.dtype.is_floating and gradient is not None
    ]
    floating = [source for source in sources if source.dtype.is_floating]
    if not derived or not floating:
        return [None] * len(sources)
    try:
        gradients = tf.gradients(
            [output for output, _ in derived], floating, grad_ys=[gradient for _, gradient in derived]
        )
    except LookupError:
        return [None] * len(sources)
    by_source = {id(source): gradient for source, gradient in zip(floating, gradients, strict=True)}
    return [by_source.get(id(source)) for source in sources]


def extents_of(tensor: Any) -> tuple[int | None, ...]:
    """Return the extents of a tensor as far as they are known; one open axis where not even their number is."""
    return (None,) if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def _alone_or_listed(tensors: Sequence[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else list(tensors)


class GraphClasses(NamedTuple):
    """The classes of the layers of a graph.

    Attributes:
        operations: Operations that are one layer.
        scope: A name scope with layers in it.
    """

    operations: Any
    scope: Any


@cache
def graph_classes() -> GraphClasses:  # noqa: C901 - one family of classes, whose base is made here
    """Return the classes of the layers of a graph; made when first needed, since their base is Keras'."""
    import keras
    import tensorflow as tf

    class GraphLayer(keras.layers.Layer):
        """A layer that takes tensors by their names in a graph, and answers some.

        Args:
            name: Of the layer.
            inputs: Names of the tensors that it takes.
            outputs: Names of the tensors that others take from it, or that are the model's outputs.
        """

        def __init__(self, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
            # Numbers are left in the type that they have: a signature names it.
            super().__init__(name=name, autocast=False)
            self.input_tensors, self.output_tensors = inputs, outputs
            self.output_specs: list[Any] = []
            self.built = True

        def compute_output_spec(self, *inputs: Any, **settings: Any) -> Any:
            """Return what comes out, as it was noted when the layer was first called in a graph."""
            return _alone_or_listed([keras.KerasTensor(shape, dtype=dtype) for shape, dtype in self.output_specs])

        def noted(self, tensors: Sequence[Any]) -> Any:
            """Return what comes out, and note its extents and types if they are not known yet."""
            self.output_specs = self.output_specs or [(extents_of(tensor), tensor.dtype.name) for tensor in tensors]
            return _alone_or_listed(tensors)

    class GraphOperations(GraphLayer):
        """Operations of a graph that are one layer.

        Args:
            name: Of the layer.
            part: The operations.
            kind: What it is; its settings become attributes, as a layer of Keras has them.
            variables: Its weights.
        """

        def __init__(self, name: str, part: GraphPart, kind: LayerKind, variables: Sequence[Any]) -> None:
            super().__init__(name, part.inputs, part.outputs)
            self.part = part
            self.activation = keras.activations.get(kind.activation or None)
            self.axis_names = kind.axis_names
            for setting, value in kind.settings.items():
                setattr(self, setting, value)
            for variable in variables:
                self._track_variable(variable)
            self._in_graph = tf.function(self.part.run, autograph=False)

        def call(self, inputs: Sequence[Any]) -> Any:
            """Return what the operations answer."""
            outputs = self._run_eagerly(list(inputs)) if tf.executing_eagerly() else self.part.run(inputs)
            if self.part.logits:
                # Where Keras, too, keeps what went into a softmax.
                known = dict(zip(self.input_tensors, inputs, strict=True))
                outputs[0]._keras_logits = known.get(self.part.logits, outputs[-1])
            return self.noted(outputs[: len(self.output_tensors)])

        def _run_eagerly(self, tensors: list[Any]) -> list[Any]:
            # A recorder calls the Python behind a function, and operations can be put into nothing but a graph.
            outputs: list[Any] = self._in_graph.get_concrete_function(tensors)(tensors)
            return outputs

    class GraphScope(GraphLayer):
        """A name scope with layers in it, one behind the other.

        Args:
            name: Of the scope.
            steps: What is in it, in the order in which it runs.
            inputs: Names of the tensors that it takes.
            outputs: Names of the tensors that others take from it.
        """

        def __init__(self, name: str, steps: Sequence[Any], inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
            super().__init__(name, inputs, outputs)
            self.steps = list(steps)
            # What it answers is what the layer inside does, whose axes are known.
            last = next((step for step in steps if set(outputs[:1]) & {*step.output_tensors}), None)
            self.axis_names = last.axis_names if last else ()

        def call(self, inputs: Sequence[Any]) -> Any:
            """Return what the layers inside answer to others."""
            tensors = run_steps(self.steps, dict(zip(self.input_tensors, inputs, strict=True)))
            return self.noted([tensors[name] for name in self.output_tensors])

    return GraphClasses(GraphOperations, GraphScope)


def run_steps(steps: Sequence[Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Run layers one behind the other, and return all tensors that passed between them, by their names.

    Args:
        steps: Layers of a graph.
        tensors: What goes in, by name.
    """
    by_name = dict(tensors)
    for step in steps:
        outputs = step([by_name[name] for name in step.input_tensors])
        by_name |= zip(step.output_tensors, outputs if isinstance(outputs, list) else [outputs], strict=True)
    return by_name
