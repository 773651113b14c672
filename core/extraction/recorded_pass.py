"""One recorded forward pass: which of its tensors are kept, and how they become activations.

Works on real tensors and on the symbolic ones of a graph alike, so that a compiled pass and an eager one are described
by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from core.errors import ExtractionFailed
from core.extraction.activation import Activation
from core.extraction.call_arguments import KeptCall
from core.extraction.channel_order import channels_last
from core.extraction.failures import failure
from core.extraction.graph_rows import operations_by_values
from core.extraction.layer_places import with_places
from core.extraction.layers import LayerInfo, LayerPlace, axes_of, describe_layer, input_key, input_layer
from core.extraction.loop_recorder import why_unreadable
from core.extraction.model_state import pass_scope
from core.extraction.recorder import LayerCall, OutputReplacement, Recorder, recording
from core.extraction.tokens import is_tokenizer
from core.extraction.weights import LayerWeights
from core.inputs.sample_context import SampleContext
from core.inputs.structure import input_names, known_sample_count_of

__all__ = [
    "Batch",
    "RecordedTensor",
    "Recording",
    "Selection",
    "activations_of",
    "collect",
    "has_channels_first",
    "is_readable_here",
    "random_states",
    "recorded_pass",
    "seed_states",
    "static_shape",
]

_RANDOM_STATE: Final = "seed_generator_state"
_SAME_AXES: Final = frozenset({"activation", "normalization", "regularization"})
"""Kinds of layers that answer in the axes of what goes in."""


@dataclass(frozen=True)
class Selection:
    """What to keep of a forward pass.

    Attributes:
        layers: Keys of layers and internals; None keeps the answer of every layer.
        internals: Whether to keep what the kept layers keep to themselves too.
        is_reduced: Whether to keep a :class:`core.extraction.reduction.Reduction` of each instead of all values.
    """

    layers: frozenset[str] | None = None
    internals: bool = False
    is_reduced: bool = False

    def keeps(self, key: str) -> bool:
        """Return whether the answer under a key is kept."""
        return self.layers is None or key in self.layers

    def keeps_answers_of(self, call_key: str) -> bool:
        """Return whether some answer of a call is kept."""
        return self.layers is None or any(_is_output_of(key, call_key) for key in self.layers)

    def keeps_internal(self, key: str, call_key: str) -> bool:
        """Return whether an internal is kept; ``call_key`` is the key of the call that it belongs to."""
        if self.layers is not None and key in self.layers:
            return True
        return self.internals and (self.layers is None or any(_is_output_of(key, call_key) for key in self.layers))

    def looks_inside(self, call_key: str) -> bool:
        """Return whether anything that the layer of a call keeps to itself is kept."""
        if self.keeps_internal("", call_key):
            return True
        beginnings = (f"{call_key}:", f"{call_key}/")
        return any(":" in key and key.startswith(beginnings) for key in self.layers or ())


@dataclass(frozen=True)
class RecordedTensor:
    """What is known of one tensor that is kept.

    Attributes:
        key: Key of the activation.
        layer: The layer that answered.
        has_sample_axis: False for what is the same for every sample, such as a table of positions.
        open_axes: Axes after the first of which the extent was not known before the pass.
        weights: Returns the layer's own weights by name.
        part: ``"output"`` or the name of an internal.
        axes: Names of the axes; empty for those that suit the layer.
        channels_first: Whether the channels are the axis after the samples.
        mask: Position of its mask among the masks, or None.
        rows_by_values: Whether values decide how many rows there are, or in which order.
    """

    key: str
    layer: LayerInfo
    has_sample_axis: bool
    open_axes: tuple[int, ...]
    weights: Callable[[], dict[str, np.ndarray]]
    part: str = "output"
    axes: tuple[str, ...] = ()
    channels_first: bool = False
    mask: int | None = None
    rows_by_values: bool = False


@dataclass(frozen=True)
class Recording:
    """What was kept of one pass.

    Attributes:
        tensors: One per description in ``described``.
        masks: Masks that descriptions refer to.
        tokens: What the first layer that turns text into numbers answered, or None.
        described: What each tensor is.
        layers: Every layer that was called, those without values included.
        tokenizer: The layer that ``tokens`` are from, or None.
        without_samples: Keys of what was left out because it has no row per sample, where answers are reduced.
    """

    tensors: list[Any]
    masks: list[Any]
    tokens: Any
    described: tuple[RecordedTensor, ...]
    layers: tuple[LayerInfo, ...]
    tokenizer: Any
    without_samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What a pass over some samples gave, in real tensors or arrays.

    Attributes:
        tensors: What was kept, one per description in ``recording``.
        masks: Masks that the descriptions refer to.
        tokens: What the tokenizer answered, shape ``(sample, time)``, or None.
        answer: What the model itself returned, in its own structure.
        recording: What the tensors are.
        called_with: What layers were called with, and answered to that, where it was kept: values by place.
        calls: Their calls, which refer to those places.
    """

    tensors: list[Any]
    masks: list[Any]
    tokens: Any
    answer: Any
    recording: Recording
    called_with: Sequence[Any] = ()
    calls: tuple[KeptCall, ...] = ()


def recorded_pass(
    model: Any,
    tensors: Any,
    training: bool,
    selection: Selection,
    *,
    replace_output: OutputReplacement | None = None,
    replaces_steps: bool = False,
    weights: Sequence[tuple[Any, Any]] = (),
    keeps_arguments: bool = False,
) -> tuple[Any, Recorder]:
    """Make one forward pass under a recorder and return the model's answer with what was recorded.

    Args:
        model: The model.
        tensors: What it is given, in its own structure.
        training: Whether layers such as Dropout behave as in training.
        selection: What is to be kept of it.
        replace_output: What changes the outputs of layers on their way, see :class:`core.extraction.recorder.Recorder`.
        replaces_steps: Whether that can change what comes at each step of a loop, one after the other.
        weights: Variables of the model with what they are to be in this pass.
        keeps_arguments: Whether what each layer was called with is kept, see the recorder.

    Raises:
        ExtractionFailed: If the model raises; the message names the layer.
    """
    recorded = recording(
        model,
        selection.looks_inside,
        replace_output,
        replaces_steps=replaces_steps,
        keeps=selection.keeps_answers_of,
        keeps_arguments=keeps_arguments,
    )
    with pass_scope(model, selection.keeps, weights), recorded as recorder:
        recorder.name_inputs(tensors, input_names(model, tensors))
        try:
            return model(tensors, training=training), recorder
        except ExtractionFailed:
            raise
        except Exception as error:
            raise failure(model, recorder, error, known_sample_count_of(tensors)) from error


def random_states(model: Any) -> list[Any]:
    """Return the states of a model's generators of random numbers, and of Keras' own, outside of any graph."""
    from keras.src.random.seed_generator import global_seed_generator

    states = [global_seed_generator().state, *getattr(model, "variables", ())]
    return list({id(state): state for state in states if state.path.endswith(_RANDOM_STATE)}.values())


def seed_states(states: Sequence[Any], seed: Any) -> list[tuple[Any, Any]]:
    """Return states of generators with what they are to be in a pass.

    Keras counts them on with every call, which a pass that writes no variables cannot.

    Args:
        states: See :func:`random_states`.
        seed: A whole number, a tensor of a graph or not.
    """
    import tensorflow as tf

    return [(state, tf.stack([seed, number])) for number, state in enumerate(states)]


def collect(
    recorder: Recorder,
    selection: Selection,
    *,
    positions: Mapping[int, int],
    sample_counts: tuple[int | None, ...],
) -> Recording:
    """Choose what is kept of a pass, and describe every layer of it; in the graph that it was made in, if any.

    Args:
        recorder: Holds the layer calls.
        selection: What to keep.
        positions: Position in ``model.layers`` by the id of the layer.
        sample_counts: Extents of a first axis that make it the sample axis.
    """
    collector = _Collector(selection, positions, sample_counts)
    for call in recorder.calls:
        collector.add_outputs(call)
        collector.add_internals(call)
    return collector.recording(recorder)


class _KeptTensor(NamedTuple):
    described: RecordedTensor
    tensor: Any


class _Collector:
    """Goes through the calls of a pass, describes each layer, and keeps what is to be kept."""

    def __init__(
        self, selection: Selection, positions: Mapping[int, int], sample_counts: tuple[int | None, ...]
    ) -> None:
        self._selection = selection
        self._positions = positions
        self._sample_counts = sample_counts
        self._is_readable = is_readable_here()
        self._operations_by_values = operations_by_values()
        self._kept: list[_KeptTensor] = []
        self._masks: list[Any] = []
        self._place_of_mask: dict[int, int] = {}
        self._layers: list[LayerInfo] = []
        self._channels_first: dict[str, list[int | None]] = {}
        self._layer_of_key: dict[str, LayerInfo] = {}
        self._tokens: Any = None
        self._tokenizer: Any = None

    def add_outputs(self, call: LayerCall) -> None:
        outputs = call.outputs() or [(call.key, None, None)]
        for (key, tensor, mask), loop_axes in zip(outputs, call.loop_axes or [()] * len(outputs), strict=True):
            missing = call.missing
            if tensor is None or not self._is_readable(tensor):
                missing = missing or why_unreadable(tensor)
            channels_first = tensor is not None and has_channels_first(call, static_shape(tensor), self._channels_first)
            layer = self._describe(call, key, tensor, missing, channels_first, loop_axes)
            self._layers.append(layer)
            if missing:
                continue
            if channels_first:
                self._channels_first[key] = static_shape(tensor)
            if self._tokenizer is None and is_tokenizer(call.operation):
                self._tokens, _ = _padded(tensor, None)
                self._tokenizer = call.operation
            if self._selection.keeps(key):
                described = self._recorded(call, key, layer, tensor)
                self._keep(tensor, mask, replace(described, channels_first=channels_first))

    def add_internals(self, call: LayerCall) -> None:
        for key, internal in call.internals.items():
            if self._selection.keeps_internal(key, call.key) and self._is_readable(internal.values):
                _, output, _ = call.outputs()[0]
                layer = self._describe(call, call.key, output, "", False, next(iter(call.loop_axes), ()))
                described = self._recorded(call, key, layer, internal.values)
                self._keep(
                    internal.values,
                    internal.mask,
                    replace(described, part=key.rpartition(":")[2], axes=internal.axes),
                )

    def recording(self, recorder: Recorder) -> Recording:
        inputs = {key: tuple(static_shape(tensor)[1:]) for key, tensor in recorder.inputs.items()}
        layers = with_places(recorder.calls, self._layers, inputs)
        by_key = {layer.key: layer for layer in layers}
        return Recording(
            tensors=[tensor for _, tensor in self._kept],
            masks=self._masks,
            tokens=self._tokens,
            described=tuple(_placed(described, by_key) for described, _ in self._kept),
            layers=layers,
            tokenizer=self._tokenizer,
        )

    def _describe(
        self, call: LayerCall, key: str, tensor: Any, missing: str, channels_first: bool, axes: tuple[str, ...]
    ) -> LayerInfo:
        at_top = not call.parent and not call.repeated
        place = LayerPlace(
            key,
            index=self._positions.get(id(call.operation)) if at_top else None,
            inputs_from=call.inputs_from,
            parent=call.parent,
            holds_layers=call.holds_layers,
            missing=missing,
            internals=() if missing else call.internal_keys,
            loop=call.loop,
        )
        layer = describe_layer(call.operation, tensor, place, channels_first=channels_first, loop_axes=axes)
        return self._with_axes_of_source(layer)

    def _with_axes_of_source(self, layer: LayerInfo) -> LayerInfo:
        """Return a layer that changes no axis, such as a normalization, with the axes of time of what went in."""
        source = self._layer_of_key.get(layer.inputs_from[0]) if len(layer.inputs_from) == 1 else None
        if source is not None and source.output_shape == layer.output_shape and "time" in source.axes:
            is_unnamed = layer.kind in _SAME_AXES and not layer.axis_names
            layer = replace(layer, axis_names=source.axes) if is_unnamed else layer
        self._layer_of_key[layer.key] = layer
        return layer

    def _recorded(self, call: LayerCall, key: str, layer: LayerInfo, tensor: Any) -> RecordedTensor:
        extents = static_shape(tensor)
        # Outside of a graph every extent is known, and says as little of which axis is that of the samples.
        is_open = None not in self._sample_counts
        return RecordedTensor(
            key=key,
            layer=layer,
            has_sample_axis=bool(extents) and extents[0] in self._sample_counts,
            open_axes=tuple(axis for axis in range(1, len(extents)) if is_open or extents[axis] is None),
            axes=layer.axis_names,
            weights=LayerWeights(call.operation),
        )

    def _keep(self, tensor: Any, mask: Any, described: RecordedTensor) -> None:
        rows_by_values = getattr(tensor, "op", None) in self._operations_by_values
        tensor, mask = _padded(tensor, mask)
        place = None if mask is None or not self._is_readable(mask) else self._place_of(mask)
        self._kept.append(_KeptTensor(replace(described, rows_by_values=rows_by_values, mask=place), tensor))

    def _place_of(self, mask: Any) -> int:
        if id(mask) not in self._place_of_mask:
            self._place_of_mask[id(mask)] = len(self._masks)
            self._masks.append(mask)
        return self._place_of_mask[id(mask)]


def _placed(described: RecordedTensor, layers: Mapping[str, LayerInfo]) -> RecordedTensor:
    layer = layers.get(described.layer.key, described.layer)
    axes = layer.axis_names if described.part == "output" else described.axes
    return replace(described, layer=layer, axes=axes)


def is_readable_here() -> Callable[[Any], bool]:
    """Return what says whether a tensor can leave the graph that is being made; outside of any, whether it is real."""
    import tensorflow as tf

    if tf.executing_eagerly():
        return lambda tensor: hasattr(tensor, "numpy")
    graph = tf.compat.v1.get_default_graph()
    return lambda tensor: getattr(tensor, "graph", graph) is graph


def activations_of(batch: Batch, sample_count: int, context: SampleContext) -> list[Activation]:
    """Make the activations of what a pass kept, in call order, each with what went into its layer.

    Args:
        batch: What the pass gave.
        sample_count: How many samples went in.
        context: What is known about them.
    """
    masks = [np.asarray(mask).astype(bool) for mask in batch.masks]
    activations: dict[str, Activation] = {
        input_key(name): _input_activation(name, array, context) for name, array in context.inputs.items()
    }
    described_tensors = list(zip(batch.recording.described, batch.tensors, strict=True))
    # What layers keep to themselves comes first: the activation of the layer holds it.
    for described, tensor in sorted(described_tensors, key=lambda pair: pair[0].part == "output"):
        mask = None if described.mask is None else masks[described.mask]
        activations[described.key] = _activation(tensor, described, mask, sample_count, context, activations)
    return [activations[described.key] for described in batch.recording.described]


def _activation(
    values: Any,
    described: RecordedTensor,
    mask: np.ndarray | None,
    sample_count: int,
    context: SampleContext,
    activations: Mapping[str, Activation],
) -> Activation:
    layer = described.layer
    if described.channels_first:
        values = channels_last(values)
    extents = list(values.shape) if isinstance(values, np.ndarray) else values.shape.as_list()
    if not described.has_sample_axis:
        # The same for every sample, such as a table of positions.
        values = np.broadcast_to(np.asarray(values), (sample_count, *extents))
        extents = [sample_count, *extents]
    if mask is not None and (mask.ndim < 2 or mask.shape[0] != sample_count):
        mask = None
    shape = (None, *extents[1:])
    axes = described.axes if len(described.axes) == len(extents) else axes_of(layer.type_names, len(extents))
    # Where nothing was open, what was known before is what there is: a large model has hundreds of these.
    if described.part == "output" and layer.output_shape != shape:
        layer = replace(layer, output_shape=shape)
    return Activation(
        described.key,
        values,
        axes,
        layer,
        part=described.part,
        mask=mask,
        context=context,
        inputs=tuple(activations[key] for key in layer.inputs_from if key in activations),
        internals=_internals(layer, activations) if described.part == "output" and layer.internals else {},
        weights=described.weights,
    )


def _internals(layer: LayerInfo, activations: Mapping[str, Activation]) -> dict[str, Activation]:
    return {key[len(layer.call_key) + 1 :]: activations[key] for key in layer.internals if key in activations}


def _input_activation(name: str, array: np.ndarray, context: SampleContext) -> Activation:
    info = input_layer(name, array.shape)
    spec = next((spec for spec in context.specs if spec.name == name and len(spec.shape) + 1 == array.ndim), None)
    is_image = spec is not None and spec.kind == "image" and array.ndim in (3, 4)
    places = spec.axis_names if spec and is_image else ()
    axes = ("sample", *(place.replace("channels", "channel") for place in places))
    return Activation(
        input_key(name), array, axes if is_image else axes_of(info.type_names, array.ndim), info, context=context
    )


def _is_output_of(key: str, call_key: str) -> bool:
    return key == call_key or key.startswith(f"{call_key}[")


def has_channels_first(call: LayerCall, shape: list[int | None], shapes_before: Mapping[str, list[int | None]]) -> bool:
    """Return whether the channels of a call's output are the axis after the samples.

    Args:
        call: The call of the layer.
        shape: Of its output, see :func:`static_shape`.
        shapes_before: Shapes of those outputs before it that have their channels first, by key.
    """
    if any(call.loop_axes):
        return False  # the channels are not the axis after the samples
    own = getattr(call.operation, "data_format", None)
    if isinstance(own, str):
        return own == "channels_first" and len(shape) >= 3
    # A layer without a format of its own, such as ReLU, keeps that of what went in.
    return bool(call.inputs_from) and all(shapes_before.get(source) == shape for source in call.inputs_from)


def _padded(tensor: Any, mask: Any) -> tuple[Any, Any]:
    # Rows of different lengths become one array, with a mask that says how long each is.
    import tensorflow as tf

    if not isinstance(tensor, tf.RaggedTensor):
        return tensor, mask
    whole = tensor.to_tensor()
    return whole, tf.sequence_mask(tensor.row_lengths(), tf.shape(whole)[1])


def static_shape(tensor: Any) -> list[int | None]:
    """Return the extents of a tensor as far as they are known before it is computed."""
    return tensor.shape.as_list() if tensor.shape.rank is not None else [None]
