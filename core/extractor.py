"""Extractor: a model and inputs in, what every layer answered out, in one forward pass.

The pass is compiled once per kind of input (``tf.function``) with the recorded tensors as outputs of the graph, so it
runs at the speed of the plain model. A model that cannot be traced, because Python decides on its values, runs eagerly
under the same recorder.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from core.activation import Activation, Activations, SampleContext
from core.capture import LayerCall, Recorder, recording
from core.errors import ExtractionFailed, InputRejected
from core.layers import LayerInfo, axes_of, describe_layer

__all__ = ["Extractor", "extract"]

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class _Recorded:
    """One tensor that a layer returned, with what describes it."""

    layer: LayerInfo
    has_sample_axis: bool
    channels_first: bool


@dataclass(frozen=True)
class _Trace:
    """A compiled pass and what its outputs are."""

    function: Any
    recorded: tuple[_Recorded, ...]
    layers: tuple[LayerInfo, ...]


class Extractor:
    """Runs inputs through a model and keeps what every layer answered.

    Compiled passes are kept, so a second extraction with inputs of the same kind only computes. Safe to share between
    threads. The model is left as it was: states and statistics that a pass would update are not updated.

    Args:
        model: Any callable ``keras.Model``.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._positions = {id(layer): index for index, layer in enumerate(getattr(model, "layers", ()))}
        self._traces: dict[Any, _Trace | None] = {}
        self._lock = threading.RLock()

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer in call order, known without running anything; empty for a model whose inputs are not known yet.

        Raises:
            ExtractionFailed: If the model raises on symbolic inputs.
        """
        inputs = getattr(self.model, "inputs", None)
        if not inputs:
            with self._lock:
                traces = [trace for trace in self._traces.values() if trace]
            return traces[-1].layers if traces else ()
        import keras
        import tensorflow as tf

        # A Sequential keeps its structure in the functional model inside it, and has exactly one input.
        structure = getattr(self.model, "_inputs_struct", None)
        if structure is None:
            structure = inputs[0] if len(inputs) == 1 else list(inputs)
        signature = keras.tree.map_structure(
            lambda spec: tf.TensorSpec((None, *spec.shape[1:]), "string" if spec.dtype == "string" else spec.dtype),
            structure,
        )
        trace = self._trace(signature, None, False)
        if trace is None:
            raise ExtractionFailed(
                f"{self.model.name!r} cannot be followed without values.",
                remedy="Give it an input: its layers are listed from a real pass.",
            )
        return trace.layers

    def extract(
        self,
        inputs: Any,
        *,
        layers: Collection[str] | None = None,
        training: bool = False,
        labels: np.ndarray | None = None,
        class_names: tuple[str, ...] = (),
        first: int = 0,
    ) -> Activations:
        """Run inputs through the model once and return what the layers answered.

        Args:
            inputs: What the model takes: an array, or a list or dict of arrays, the sample axis first.
            layers: Keys of the layers to keep; None keeps all. Fewer layers take less memory.
            training: Whether layers such as Dropout behave as in training.
            labels: True class per sample, shape ``(sample,)``; goes with the activations.
            class_names: Name of each class; goes with the activations.
            first: Number of the first sample, where these are some of many.

        Returns:
            Activations by key, in call order.

        Raises:
            InputRejected: If the inputs are not arrays, or hold no sample.
            ExtractionFailed: If the model raises; the message names the layer.
            KeyError: If a key in ``layers`` is not there; the message lists those that are.
        """
        import keras

        tensors = keras.tree.map_structure(_to_tensor, inputs)
        sample_count = _sample_count(tensors)
        self._build(tensors)
        wanted = None if layers is None else frozenset(layers)
        outputs, recorded, every_layer, answer = self._run(tensors, wanted, training)
        if wanted is not None:
            _refuse_unknown(wanted, every_layer)
        context = SampleContext(_named_inputs(self.model, inputs), labels, tuple(class_names), first)
        activations = [
            _activation(output, item, sample_count, context) for output, item in zip(outputs, recorded, strict=True)
        ]
        return Activations(activations, keras.tree.map_structure(_to_numpy, answer), every_layer)

    def _build(self, tensors: Any) -> None:
        if getattr(self.model, "built", True) and all(layer.built for layer in _all_layers(self.model)):
            return
        with self._lock, recording(self.model) as recorder:
            try:
                # All samples, since a stateful layer keeps a state for each.
                self.model(tensors, training=False)
            except Exception as error:
                raise _failure(self.model, recorder, error) from error
            for layer in _all_layers(self.model):
                if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                    layer.reset_states()

    def _run(
        self, tensors: Any, wanted: frozenset[str] | None, training: bool
    ) -> tuple[list[Any], tuple[_Recorded, ...], tuple[LayerInfo, ...], Any]:
        import keras
        import tensorflow as tf

        flexible = keras.tree.map_structure(lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), tensors)
        exact = keras.tree.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), tensors)
        for signature in (flexible, exact):
            trace = self._trace(signature, wanted, training)
            if trace is None:
                continue
            try:
                outputs, answer = trace.function(*keras.tree.flatten(tensors))
            except Exception:
                # The eager pass at the end knows which layer it was.
                continue
            return outputs, trace.recorded, trace.layers, answer
        return self._run_eagerly(tensors, wanted, training)

    def _trace(self, signature: Any, wanted: frozenset[str] | None, training: bool) -> _Trace | None:
        import keras

        key = (repr(signature), wanted, training)
        with self._lock:
            if key not in self._traces:
                try:
                    self._traces[key] = self._compile(signature, keras.tree.flatten(signature), wanted, training)
                except Exception:
                    # Python that looks at values cannot be traced; the eager pass will say if it is anything else.
                    self._traces[key] = None
            return self._traces[key]

    def _compile(self, signature: Any, flat: list[Any], wanted: frozenset[str] | None, training: bool) -> _Trace:
        import keras
        import tensorflow as tf

        found: dict[str, Any] = {}

        def forward(*tensors: Any) -> Any:
            answer, recorder = _recorded_pass(
                self.model, keras.tree.pack_sequence_as(signature, list(tensors)), training
            )
            graph = tf.compat.v1.get_default_graph()
            fixed = _fixed_sample_count(self.model, flat)
            outputs, recorded, layers = self._collect(
                recorder, wanted, lambda t: getattr(t, "graph", graph) is graph, (None, fixed)
            )
            found.update(recorded=recorded, layers=layers)
            return outputs, answer

        function = tf.function(forward, autograph=False).get_concrete_function(*flat)
        return _Trace(function, tuple(found["recorded"]), tuple(found["layers"]))

    def _run_eagerly(
        self, tensors: Any, wanted: frozenset[str] | None, training: bool
    ) -> tuple[list[Any], tuple[_Recorded, ...], tuple[LayerInfo, ...], Any]:
        answer, recorder = _recorded_pass(self.model, tensors, training)
        outputs, recorded, layers = self._collect(
            recorder, wanted, lambda tensor: hasattr(tensor, "numpy"), (_sample_count(tensors),)
        )
        return outputs, tuple(recorded), tuple(layers), answer

    def _collect(
        self, recorder: Recorder, wanted: frozenset[str] | None, is_readable: Any, sample_counts: tuple[int | None, ...]
    ) -> tuple[list[Any], list[_Recorded], list[LayerInfo]]:
        outputs: list[Any] = []
        recorded: list[_Recorded] = []
        layers: list[LayerInfo] = []
        for call in recorder.calls:
            for key, tensor in call.outputs() or [(call.key, None)]:
                missing = call.missing
                if tensor is None or not is_readable(tensor):
                    missing = missing or "it runs inside a loop of the graph, and values cannot leave that loop"
                layer = self._describe(call, key, tensor, missing)
                layers.append(layer)
                if missing or (wanted is not None and key not in wanted):
                    continue
                static = tensor.shape.as_list() if tensor.shape.rank is not None else [None]
                has_sample_axis = bool(static) and static[0] in sample_counts
                outputs.append(tensor)
                recorded.append(
                    _Recorded(
                        layer,
                        has_sample_axis=has_sample_axis,
                        channels_first=layer.data_format == "channels_first" and len(static) >= 3,
                    )
                )
        return outputs, recorded, layers

    def _describe(self, call: LayerCall, key: str, tensor: Any, missing: str) -> LayerInfo:
        at_top = not call.parent and not call.repeated
        return describe_layer(
            call.operation,
            key=key,
            index=self._positions.get(id(call.operation)) if at_top else None,
            output=tensor,
            inputs_from=call.inputs_from,
            parent=call.parent,
            holds_layers=call.holds_layers,
            missing=missing,
        )


def extract(
    model: Any,
    inputs: Any,
    *,
    layers: Collection[str] | None = None,
    training: bool = False,
    labels: np.ndarray | None = None,
    class_names: tuple[str, ...] = (),
) -> Activations:
    """Run inputs through a model and return what every layer answered, in one forward pass.

    For several extractions from one model keep an :class:`Extractor`: it keeps what it compiled. The arguments and
    errors are those of :meth:`Extractor.extract`.
    """
    return Extractor(model).extract(inputs, layers=layers, training=training, labels=labels, class_names=class_names)


def _recorded_pass(model: Any, tensors: Any, training: bool) -> tuple[Any, Recorder]:
    import keras

    # What a pass would write into the model's variables (moving statistics, states, seeds) stays in this scope.
    with recording(model) as recorder, keras.StatelessScope():
        recorder.name_inputs(tensors, _input_names(model, len(keras.tree.flatten(tensors))))
        try:
            return model(tensors, training=training), recorder
        except Exception as error:
            raise _failure(model, recorder, error) from error


def _failure(model: Any, recorder: Recorder | None, error: Exception) -> ExtractionFailed:
    if isinstance(error, ExtractionFailed):
        return error
    where = f"layer {recorder.failed.key!r} of " if recorder and recorder.failed else ""
    # Keras puts a line about its own call in front of what really happened, and colours that.
    lines = [_ESCAPES.sub("", line).strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    # A functional model prints the whole input first, and then what it expected.
    reason = told[0] if told else "no message"
    if "Expected shape" in " ".join(told):
        reason = "Expected shape" + " ".join(told).partition("Expected shape")[2]
    return ExtractionFailed(
        f"{where}{model.name!r} raised {type(error).__name__}: {reason}",
        remedy="Compare the shape and type of the input with what that layer expects.",
    )


def _activation(output: Any, item: _Recorded, sample_count: int, context: SampleContext) -> Activation:
    import tensorflow as tf

    layer = item.layer
    if item.channels_first:
        # (sample, channel, *space) -> (sample, *space, channel)
        rank = len(output.shape)
        output = tf.transpose(output, [0, *range(2, rank), 1])
    if not item.has_sample_axis or not output.shape.rank or output.shape[0] != sample_count:
        # The same for every sample, such as a table of positions.
        output = np.broadcast_to(output.numpy(), (sample_count, *output.shape))
    shape = (None, *(int(extent) for extent in output.shape[1:]))
    axes = axes_of(layer.type_names, len(shape))
    return Activation(layer.key, output, axes, replace(layer, output_shape=shape), context=context)


def _all_layers(model: Any) -> list[Any]:
    flatten = getattr(model, "_flatten_layers", None)
    return list(flatten(include_self=False)) if flatten else []


def _to_tensor(value: Any) -> Any:
    import tensorflow as tf

    if isinstance(value, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)):
        return value
    array = np.asarray(value)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.dtype.kind == "O" and not all(isinstance(item, (str, bytes)) for item in array.reshape(-1)):
        raise InputRejected(
            f"The input is an array of Python objects, shape {array.shape}.",
            remedy="Give arrays of numbers or of strings; sequences of different lengths need padding.",
        )
    return tf.convert_to_tensor(array)


def _to_numpy(tensor: Any) -> Any:
    return tensor.numpy() if hasattr(tensor, "numpy") else tensor


def _sample_count(tensors: Any) -> int:
    import keras

    counts = {int(tensor.shape[0]) if tensor.shape.rank else 0 for tensor in keras.tree.flatten(tensors)}
    if len(counts) != 1 or counts == {0}:
        raise InputRejected(
            f"The inputs hold {', '.join(map(str, sorted(counts)))} samples.",
            remedy="Every input needs the same number of samples, at least one, along its first axis.",
        )
    return counts.pop()


def _fixed_sample_count(model: Any, signature: list[Any]) -> int | None:
    # How many samples a graph takes where it does not take any number: states are kept per sample.
    import keras

    sources = [*signature, *(getattr(model, "inputs", None) or ())]
    for layer in _all_layers(model):
        if getattr(layer, "stateful", False):
            sources += keras.tree.flatten(getattr(layer, "states", None) or ())
    return next((int(source.shape[0]) for source in sources if len(source.shape) and source.shape[0]), None)


def _input_names(model: Any, count: int) -> list[str]:
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    return names if len(names) == count else [f"input_{number}" for number in range(count)]


def _named_inputs(model: Any, inputs: Any) -> Mapping[str, np.ndarray]:
    import keras

    # A plugin gets to see them, and they are the caller's own.
    leaves = [np.asarray(leaf).view() for leaf in keras.tree.flatten(inputs)]
    for leaf in leaves:
        leaf.flags.writeable = False
    return dict(zip(_input_names(model, len(leaves)), leaves, strict=True))


def _refuse_unknown(wanted: frozenset[str], layers: tuple[LayerInfo, ...]) -> None:
    keys = [layer.key for layer in layers]
    unknown = sorted(wanted - set(keys))
    if unknown:
        raise KeyError(f"no layer {', '.join(map(repr, unknown))}; there are: {', '.join(keys)}")
