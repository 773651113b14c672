"""A TensorFlow Lite file as a Keras model, whose layers are the operators of the file.

The interpreter runs the whole file at once. So the model runs it when it is called, and each of its layers hands on
what its operator answered. What is asked of layers (their class, weights, shapes, what feeds them) is asked of these
as of any others; what changes a layer's answer has no effect on those behind it, which ``unchangeable`` is there for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any, Final

import numpy as np

from core.errors import ModelRefused
from core.models.class_names import class_like
from core.models.tflite.check import chosen_signature
from core.models.tflite.graph import LiteFile, LiteGraph, LiteSignature, LiteTensor
from core.models.tflite.interpreter import LiteRunner, row_shape
from core.models.tflite.operators import OperatorLayer, layers_of_graph

__all__ = ["answers_wanted", "is_lite_model", "lite_model"]

_MARK: Final = "_layerscope_runs_lite"

# What the interpreter answered in the pass that is being made, by the number of the tensor.
_answers: ContextVar[Mapping[int, Any] | None] = ContextVar("layerscope_lite_answers", default=None)
_wanted: ContextVar[Callable[[str], bool]] = ContextVar("layerscope_lite_wanted", default=lambda key: True)


@contextmanager
def answers_wanted(keeps: Callable[[str], bool]) -> Iterator[None]:
    """Say which layers' answers are looked at in the block; of others the interpreter's are not read.

    Args:
        keeps: Called with the key of a layer, ``"name[1]"`` for one of several outputs.
    """
    token = _wanted.set(keeps)
    try:
        yield
    finally:
        _wanted.reset(token)


def is_lite_model(model: Any) -> bool:
    """Return whether a model is one that :func:`lite_model` made, whose layers cannot be run one by one."""
    return bool(getattr(type(model), _MARK, False))


def lite_model(file: LiteFile, signature: str, name: str) -> Any:
    """Return a Keras model that runs a TensorFlow Lite file.

    Args:
        file: What it holds, checked.
        signature: Name of the signature that is meant; empty for the usual one.
        name: What to call the file in messages.

    Raises:
        SeveralModels: If there are several signatures, none is the usual one, and none was named.
        ModelRefused: If the interpreter does not take it, or its answer depends on nothing that goes in.
    """
    chosen = chosen_signature(file, signature, name)
    graph = file.graphs[chosen.graph]
    inputs = _inputs(graph.tensors, graph.inputs, chosen)
    known = dict(zip(graph.inputs, inputs, strict=True))
    layers = layers_of_graph(graph)
    for layer in layers:
        outputs = _made_layer(layer, graph.tensors)([known[index] for index in layer.inputs])
        known |= zip(layer.outputs, outputs if isinstance(outputs, list) else [outputs], strict=True)
    outputs = [known[index] for index in graph.outputs if index in known and index not in graph.inputs]
    if not outputs:
        raise ModelRefused(
            f"What {name} answers depends on nothing that goes in.", remedy="Convert the model again, with its inputs."
        )
    return _model_class()(
        LiteRunner(file, chosen, name),
        {index: key for layer in layers for index, key in _keys(layer)},
        graph,
        inputs[0] if len(inputs) == 1 else inputs,
        outputs[0] if len(outputs) == 1 else outputs,
    )


def _keys(layer: OperatorLayer) -> list[tuple[int, str]]:
    """Return the number of each of a layer's tensors with its key."""
    several = len(layer.outputs) > 1
    return [(index, f"{layer.name}[{at}]" if several else layer.name) for at, index in enumerate(layer.outputs)]


def _inputs(tensors: Sequence[LiteTensor], indexes: Sequence[int], signature: LiteSignature) -> list[Any]:
    import keras

    names = {index: name for name, index in signature.inputs.items()}
    inputs: list[Any] = []
    for number, index in enumerate(indexes):
        tensor = tensors[index]
        own = tensor.name.removeprefix("serving_default_").partition(":")[0].replace("/", "_")
        name = names.get(index) or own or f"input_{number}"
        shape = (None, *row_shape(tensor))
        inputs.append(keras.Input(batch_shape=shape, dtype=tensor.value_type, name=_unique(name, inputs)))
    return inputs


def _unique(name: str, others: Sequence[Any]) -> str:
    taken = {other.name for other in others}
    return next(
        each for number in range(len(taken) + 1) if (each := f"{name}_{number}" if number else name) not in taken
    )


def _made_layer(layer: OperatorLayer, tensors: Sequence[LiteTensor]) -> Any:
    """Return an operator as a Keras layer, of a class that bears the names of the one in Keras that it is like."""
    made = class_like(layer.class_name, _layer_class())(layer, [tensors[index] for index in layer.outputs])
    for name, value in layer.settings.items():
        setattr(made, name, value)
    for name, values in layer.weights().items():
        made.add_weight(
            shape=values.shape, dtype="float32", initializer=partial(_constant, values), name=name, trainable=False
        )
    return made


def _constant(values: np.ndarray, shape: Sequence[int], dtype: Any = None) -> Any:
    import tensorflow as tf

    return tf.constant(values)


@cache
def _layer_class() -> type:
    """The class of the layers; made when first needed, since its base is Keras'."""
    import keras

    class LiteLayer(keras.layers.Layer):
        """An operator: hands on what the interpreter answered in its place."""

        def __init__(self, layer: OperatorLayer, outputs: Sequence[LiteTensor]) -> None:
            super().__init__(name=layer.name, trainable=False, dtype="float32", autocast=False)
            self.operator = layer.operator.name
            self.activation = _named_function(layer.activation)
            self._numbers = layer.outputs
            self._specs = [keras.KerasTensor((None, *row_shape(tensor)), dtype=_type_of(tensor)) for tensor in outputs]
            self.built = True

        def call(self, inputs: Any) -> Any:
            answers = _answers.get()
            if answers is None:
                raise NotImplementedError(
                    f"{self.operator} is run by TensorFlow Lite, which runs the whole file and no operator alone"
                )
            outputs = [answers[number] for number in self._numbers]
            return outputs if len(outputs) > 1 else outputs[0]

        def compute_output_spec(self, inputs: Any) -> Any:
            return list(self._specs) if len(self._specs) > 1 else self._specs[0]

    return LiteLayer


@cache
def _model_class() -> Any:
    """The class of the model, likewise."""
    import keras
    import tensorflow as tf

    class LiteModel(keras.Model):
        """Runs the whole file, then goes through its layers."""

        def __init__(
            self,
            runner: LiteRunner,
            keys: Mapping[int, str],
            graph: LiteGraph,
            inputs: Any,
            outputs: Any,
        ) -> None:
            super().__init__(inputs=inputs, outputs=outputs, name="tflite")
            self._runner, self._keys, self._graph = runner, dict(keys), graph

        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            token = _answers.set(self._run(tf.nest.flatten(inputs)))
            try:
                return super().call(inputs, training=training, mask=mask)
            finally:
                _answers.reset(token)

        def _run(self, inputs: Sequence[Any]) -> dict[int, Any]:
            wanted, answering = _wanted.get(), set(self._graph.outputs)
            numbers = [number for number, key in self._keys.items() if number in answering or wanted(key)]
            if tf.executing_eagerly():
                arrays = [np.asarray(tensor) for tensor in inputs]
                answers = [tf.constant(values) for values in self._runner.run(arrays, numbers)]
            else:
                answers = tf.numpy_function(
                    lambda *arrays: self._runner.run(arrays, numbers),
                    inputs,
                    [tf.as_dtype(_type_of(self._graph.tensors[number])) for number in numbers],
                    stateful=False,
                )
                for answer, number in zip(answers, numbers, strict=True):
                    answer.set_shape((inputs[0].shape[0], *row_shape(self._graph.tensors[number])))
            found = dict(zip(numbers, answers, strict=True))
            return {
                number: found[number] if number in found else self._nothing(inputs[0], number) for number in self._keys
            }

        def _nothing(self, inputs: Any, number: int) -> Any:
            """Stands for an answer that nobody looks at."""
            tensor = self._graph.tensors[number]
            shape = row_shape(tensor)
            nothing = tf.zeros([tf.shape(inputs)[0], *(extent or 0 for extent in shape)], _type_of(tensor))
            if not tf.executing_eagerly():
                nothing = tf.raw_ops.PlaceholderWithDefault(input=nothing, shape=(inputs.shape[0], *shape))
            return nothing

    setattr(LiteModel, _MARK, True)
    return LiteModel


def _type_of(tensor: LiteTensor) -> str:
    return tensor.value_type or "float32"


def _named_function(name: str) -> Any:
    if not name:
        return None

    def function(values: Any) -> Any:
        raise NotImplementedError("TensorFlow Lite runs it")

    function.__name__ = name
    return function
