"""One recorded forward pass: which of its tensors are kept, and how they become activations.

Works on real tensors and on the symbolic ones of a graph alike, so that a compiled pass and an eager one are described
by the same code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from core.extraction.activation import Activation
from core.extraction.failures import failure
from core.extraction.graph_rows import operations_by_values
from core.extraction.layers import LayerInfo, axes_of, describe_layer, input_key, input_layer
from core.extraction.model_state import restored_afterwards
from core.extraction.recorder import INSIDE_LOOP, HandOn, Internal, LayerCall, Recorder, recording
from core.extraction.tokens import is_tokenizer
from core.inputs.sample_context import SampleContext
from core.inputs.structure import input_names

__all__ = [
    "Batch",
    "RecordedTensor",
    "Recording",
    "Selection",
    "activations_of",
    "channels_last",
    "collect",
    "has_channels_first",
    "random_states",
    "recorded_pass",
    "seed_states",
    "static_shape",
]

_RANDOM_STATE: Final = "seed_generator_state"


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

    def keeps_internal(self, key: str, call_key: str) -> bool:
        """Return whether an internal is kept; ``call_key`` is the key of the call that it belongs to."""
        if self.layers is not None and key in self.layers:
            return True
        return self.internals and (self.layers is None or any(_is_output_of(each, call_key) for each in self.layers))

    def looks_inside(self, call_key: str) -> bool:
        """Return whether anything that the layer of a call keeps to itself is kept."""
        if self.keeps_internal("", call_key):
            return True
        asked = self.layers or ()
        return any(":" in each and each.startswith((f"{call_key}:", f"{call_key}/")) for each in asked)


@dataclass(frozen=True)
class RecordedTensor:
    """What is known of one tensor that is kept.

    Attributes:
        key: Key of the activation.
        layer: The layer that answered.
        part: ``"output"`` or the name of an internal.
        axes: Names of the axes; empty for those that suit the layer.
        has_sample_axis: False for what is the same for every sample, such as a table of positions.
        channels_first: Whether the channels are the axis after the samples.
        mask: Position of its mask among the masks, or None.
        open_axes: Axes after the first of which the extent was not known before the pass.
        rows_by_values: Whether values decide how many rows there are, or in which order.
        weights: Returns the layer's own weights by name.
    """

    key: str
    layer: LayerInfo
    part: str
    axes: tuple[str, ...]
    has_sample_axis: bool
    channels_first: bool
    mask: int | None
    open_axes: tuple[int, ...]
    rows_by_values: bool
    weights: Callable[[], dict[str, np.ndarray]]


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
    """

    tensors: list[Any]
    masks: list[Any]
    tokens: Any
    answer: Any
    recording: Recording


def recorded_pass(
    model: Any,
    tensors: Any,
    training: bool,
    wanted: Selection,
    *,
    replace_output: HandOn | None = None,
    weights: Sequence[tuple[Any, Any]] = (),
) -> tuple[Any, Recorder]:
    """Make one forward pass under a recorder and return the model's answer with what was recorded.

    Args:
        model: The model.
        tensors: What it is given, in its own structure.
        training: Whether layers such as Dropout behave as in training.
        wanted: What is to be kept of it.
        replace_output: What changes the outputs of layers on their way, see :class:`core.extraction.recorder.Recorder`.
        weights: Variables of the model with what they are to be in this pass.

    Raises:
        ExtractionFailed: If the model raises; the message names the layer.
    """
    import keras

    # What a pass would write into the model's variables (moving statistics, states, seeds) stays in this scope.
    scope = keras.StatelessScope(state_mapping=list(weights))
    with restored_afterwards(model), recording(model, wanted.looks_inside, replace_output) as recorder, scope:
        recorder.name_inputs(tensors, input_names(model, tensors))
        try:
            return model(tensors, training=training), recorder
        except Exception as error:
            raise failure(model, recorder, error) from error


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
    wanted: Selection,
    *,
    positions: Mapping[int, int],
    is_readable: Callable[[Any], bool],
    sample_counts: tuple[int | None, ...],
) -> Recording:
    """Choose what is kept of a pass, and describe every layer of it.

    Args:
        recorder: Holds the layer calls.
        wanted: What to keep.
        positions: Position in ``model.layers`` by the id of the layer.
        is_readable: Whether a tensor can leave the graph that it is in.
        sample_counts: Extents of a first axis that make it the sample axis.
    """
    kept: list[tuple[RecordedTensor, Any]] = []
    masks: list[Any] = []
    place_of_mask: dict[int, int] = {}
    layers: list[LayerInfo] = []
    tokens = tokenizer = None

    by_values = operations_by_values()

    def keep(tensor: Any, mask: Any, described: RecordedTensor) -> None:
        described = replace(described, rows_by_values=getattr(tensor, "op", None) in by_values if by_values else False)
        tensor, mask = _padded(tensor, mask)
        if mask is not None and is_readable(mask):
            if id(mask) not in place_of_mask:
                place_of_mask[id(mask)] = len(masks)
                masks.append(mask)
            described = replace(described, mask=place_of_mask[id(mask)])
        kept.append((described, tensor))

    channels_first: dict[str, list[int | None]] = {}
    for call in recorder.calls:
        for key, tensor, mask in call.outputs() or [(call.key, None, None)]:
            missing = call.missing
            if tensor is None or not is_readable(tensor):
                missing = missing or INSIDE_LOOP
            first = tensor is not None and has_channels_first(call, static_shape(tensor), channels_first)
            layer = _describe(call, key, tensor, missing, positions, first)
            layers.append(layer)
            if missing:
                continue
            if first:
                channels_first[key] = static_shape(tensor)
            if tokenizer is None and is_tokenizer(call.operation):
                (tokens, _), tokenizer = _padded(tensor, None), call.operation
            if wanted.keeps(key):
                keep(tensor, mask, _recorded(call, key, layer, "output", (), tensor, sample_counts, first))
        for key, internal in call.internals.items():
            if wanted.keeps_internal(key, call.key) and is_readable(internal.values):
                keep(internal.values, internal.mask, _recorded_internal(call, key, internal, positions, sample_counts))
    described, tensors = tuple(each for each, _ in kept), [tensor for _, tensor in kept]
    return Recording(tensors, masks, tokens, described, tuple(layers), tokenizer)


def activations_of(batch: Batch, sample_count: int, context: SampleContext) -> list[Activation]:
    """Make the activations of what a pass kept, in call order, each with what went into its layer.

    Args:
        batch: What the pass gave.
        sample_count: How many samples went in.
        context: What is known about them.
    """
    masks = [np.asarray(mask).astype(bool) for mask in batch.masks]
    made: dict[str, Activation] = {
        input_key(name): _input_activation(name, array, context) for name, array in context.inputs.items()
    }
    described = batch.recording.described
    # What layers keep to themselves comes first: the activation of the layer holds it.
    for inside in (True, False):
        for each, tensor in zip(described, batch.tensors, strict=True):
            if (each.part != "output") is inside:
                mask = None if each.mask is None else masks[each.mask]
                made[each.key] = _activation(tensor, each, mask, sample_count, context, made)
    return [made[each.key] for each in described]


def _activation(
    values: Any,
    described: RecordedTensor,
    mask: np.ndarray | None,
    sample_count: int,
    context: SampleContext,
    made: Mapping[str, Activation],
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
        inputs=tuple(made[key] for key in layer.inputs_from if key in made),
        internals=_internals(layer, made) if described.part == "output" else {},
        weights=described.weights,
    )


def channels_last(values: Any) -> Any:
    """Return a tensor ``(sample, channel, *space)`` as ``(sample, *space, channel)``."""
    import tensorflow as tf

    return tf.transpose(values, [0, *range(2, len(values.shape)), 1])


def _internals(layer: LayerInfo, made: Mapping[str, Activation]) -> dict[str, Activation]:
    return {key[len(layer.call_key) + 1 :]: made[key] for key in layer.internals if key in made}


def _input_activation(name: str, array: np.ndarray, context: SampleContext) -> Activation:
    info = input_layer(name, array.shape)
    spec = next((each for each in context.specs if each.name == name and len(each.shape) + 1 == array.ndim), None)
    is_image = spec is not None and spec.kind == "image" and array.ndim in (3, 4)
    places = spec.axis_names if spec and is_image else ()
    axes = ("sample", *(place.replace("channels", "channel") for place in places))
    return Activation(
        input_key(name), array, axes if is_image else axes_of(info.type_names, array.ndim), info, context=context
    )


def weights_of(operation: Any) -> dict[str, np.ndarray]:
    """Return copies of a layer's own weights by name, such as ``"kernel"``; empty for an operation.

    Weights of layers inside it that bear the same name are told apart by those layers: ``"query/kernel"``.
    """
    weights = list(getattr(operation, "weights", ()))
    paths = [weight.path.split("/") for weight in weights]
    found: dict[str, np.ndarray] = {}
    for weight, path in zip(weights, paths, strict=True):
        endings = ("/".join(path[-depth:]) for depth in range(1, len(path) + 1))
        alone = (each for each in endings if sum("/".join(other).endswith(f"/{each}") for other in paths) <= 1)
        found[next(alone, weight.path)] = np.array(weight)
    return found


def _is_output_of(key: str, call_key: str) -> bool:
    return key == call_key or key.startswith(f"{call_key}[")


def has_channels_first(call: LayerCall, shape: list[int | None], known: Mapping[str, list[int | None]]) -> bool:
    """Return whether the channels of a call's output are the axis after the samples.

    Args:
        call: The call of the layer.
        shape: Of its output, see :func:`static_shape`.
        known: Shapes of those outputs before it that have their channels first, by key.
    """
    own = getattr(call.operation, "data_format", None)
    if isinstance(own, str):
        return own == "channels_first" and len(shape) >= 3
    # A layer without a format of its own, such as ReLU, keeps that of what went in.
    return bool(call.inputs_from) and all(known.get(source) == shape for source in call.inputs_from)


def _describe(
    call: LayerCall,
    key: str,
    tensor: Any,
    missing: str,
    positions: Mapping[int, int],
    channels_first: bool,
) -> LayerInfo:
    at_top = not call.parent and not call.repeated
    return describe_layer(
        call.operation,
        key=key,
        index=positions.get(id(call.operation)) if at_top else None,
        output=tensor,
        inputs_from=call.inputs_from,
        parent=call.parent,
        holds_layers=call.holds_layers,
        missing=missing,
        internals=() if missing else call.internal_keys,
        channels_first=channels_first,
    )


def _recorded(
    call: LayerCall,
    key: str,
    layer: LayerInfo,
    part: str,
    axes: tuple[str, ...],
    tensor: Any,
    sample_counts: tuple[int | None, ...],
    channels_first: bool = False,
) -> RecordedTensor:
    static = static_shape(tensor)
    has_sample_axis = bool(static) and static[0] in sample_counts
    weights = functools.partial(weights_of, call.operation)
    # Outside of a graph every extent is known, and says as little of which axis is that of the samples.
    open_axes = tuple(at for at in range(1, len(static)) if static[at] is None or None not in sample_counts)
    return RecordedTensor(key, layer, part, axes, has_sample_axis, channels_first, None, open_axes, False, weights)


def _recorded_internal(
    call: LayerCall, key: str, internal: Internal, positions: Mapping[int, int], sample_counts: tuple[int | None, ...]
) -> RecordedTensor:
    _, tensor, _ = call.outputs()[0]
    layer = _describe(call, call.key, tensor, "", positions, False)
    return _recorded(call, key, layer, key.rpartition(":")[2], internal.axes, internal.values, sample_counts)


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
