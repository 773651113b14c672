"""What a layer is, as far as it is known without looking at its values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from core.common.text import class_name
from core.extraction.axis_places import AxisPlaces
from core.extraction.channel_order import shape_with_channels_last
from core.extraction.squashing import logits_behind, squashing_function

__all__ = [
    "BACKWARDS",
    "PIECE_AXIS",
    "SEQUENCE",
    "STEPS",
    "TIME_AXIS",
    "LayerInfo",
    "LayerPlace",
    "answers_classes",
    "answers_classes_somewhere",
    "axes_of",
    "describe_layer",
    "explained_as",
    "input_key",
    "input_layer",
    "input_name",
    "is_input",
    "layer_kind",
    "owner_of",
    "type_names_of",
    "unit_kind",
    "unit_name",
    "with_loop_axis",
]

BACKWARDS: Final = "backwards"
SEQUENCE: Final = "sequence"
STEPS: Final = "steps"
TIME_AXIS: Final = "time"
PIECE_AXIS: Final = "axis1"
_INPUT: Final = "input:"

# Colours and grouping follow these kinds. The first class name in a layer's bases that is listed decides.
_KIND_OF_TYPE: Final[dict[str, str]] = {
    "BaseConv": "convolution",
    "BaseConvTranspose": "convolution",
    "BaseDepthwiseConv": "convolution",
    "BaseSeparableConv": "convolution",
    "RNN": "recurrent",
    "Bidirectional": "recurrent",
    "MultiHeadAttention": "attention",
    "GroupedQueryAttention": "attention",
    "Attention": "attention",
    "Dense": "dense",
    "EinsumDense": "dense",
    "Embedding": "embedding",
    "TextVectorization": "preprocessing",
    "IndexLookup": "preprocessing",
    "DataLayer": "preprocessing",
    "Normalization": "preprocessing",
    "BatchNormalization": "normalization",
    "LayerNormalization": "normalization",
    "GroupNormalization": "normalization",
    "UnitNormalization": "normalization",
    "RMSNormalization": "normalization",
    "SpectralNormalization": "normalization",
    "BasePooling": "pooling",
    "BaseGlobalPooling": "pooling",
    "BaseAdaptivePooling": "pooling",
    "Dropout": "regularization",
    "GaussianNoise": "regularization",
    "GaussianDropout": "regularization",
    "Activation": "activation",
    "ReLU": "activation",
    "LeakyReLU": "activation",
    "PReLU": "activation",
    "ELU": "activation",
    "Softmax": "activation",
    "Flatten": "reshaping",
    "Reshape": "reshaping",
    "Permute": "reshaping",
    "RepeatVector": "reshaping",
    "Model": "model",
}


def layer_kind(type_names: tuple[str, ...]) -> str:
    """Return the kind that a layer is coloured by.

    Args:
        type_names: The layer's class and its bases, nearest first.

    Returns:
        ``"convolution"``, ``"recurrent"``, ``"dense"``, … ; ``"operation"`` for what is no layer (``x + y``);
        ``"other"`` for a layer of no known kind.
    """
    for type_name in type_names:
        if type_name in _KIND_OF_TYPE:
            return _KIND_OF_TYPE[type_name]
    return "other" if "Layer" in type_names else "operation"


@dataclass(frozen=True)
class LayerInfo:
    """What a layer is, known before anything is run.

    Attributes:
        key: ``"name"``, ``"outer/inner"``, ``"name#2"`` for the second call of a shared layer, ``"name~2"`` for a
            second layer of the same path, ``"name[0]"`` for one of several outputs.
        name: The layer's own name.
        index: Position in ``model.layers``; None for nested or repeated ones.
        type_name: Class of the layer.
        type_names: Class and bases, nearest first, ending in ``"Layer"`` or ``"Operation"``.
        output_shape: The sample axis first; None where a size depends on the input.
        parameter_count: Number of weights, trainable or not, of the layer and all that it holds.
        trainable_count: Those of them that training changes.
        dtype: Type of the values that come out.
        activation_function: Name of the activation function, such as ``"softmax"``; empty if there is none.
        data_format: ``"channels_last"``, ``"channels_first"``, or empty where the layer has no such notion.
        inputs_from: Keys of the layers whose answers go in; ``"input:name"`` for an input of the model.
        parent: Key of the model or composite layer around it; empty at the top.
        holds_layers: True where other recorded layers ran inside this one.
        missing: Why there are no values, for a layer that ran where none can be had; empty otherwise.
        settings: What sets this layer apart, such as ``{"kernel_size": "3×3"}``, in the words of its own config.
        internals: Keys of what the layer keeps to itself and can be recorded: ``("lstm:cell_state", …)``.
        axis_names: Names of the axes of its answer, where they are other than those that suit a layer of its class.
        has_logits: Whether what went into the softmax or sigmoid that it ends in can be looked at.
        wrapped_type_names: Class and bases of the layer that it applies to each timestep; empty for no wrapper.
        places: Where the positions of each axis of its answer but that of the samples lie in time or on the frequencies
            of an input, None for an axis of which that is not known; empty where it is known of none.
        loop: What it was called at each step of alone, so that no later layer works on all that it answered:
            ``"sequence"``, the timesteps of what goes into a layer around it, ``"backwards"``, those from the last to
            the first, or ``"steps"``, of which nothing else is known; empty where it was called at once.
        time_inside: Where the timesteps lie that a recurrent or attention layer goes through, for what it keeps to
            itself; None where that is not known.
    """

    key: str
    name: str
    index: int | None
    type_name: str
    type_names: tuple[str, ...]
    output_shape: tuple[int | None, ...]
    parameter_count: int = 0
    trainable_count: int = 0
    dtype: str = "float32"
    activation_function: str = ""
    data_format: str = ""
    inputs_from: tuple[str, ...] = ()
    parent: str = ""
    holds_layers: bool = False
    missing: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    internals: tuple[str, ...] = ()
    axis_names: tuple[str, ...] = ()
    has_logits: bool = False
    wrapped_type_names: tuple[str, ...] = ()
    places: tuple[AxisPlaces | None, ...] = ()
    time_inside: AxisPlaces | None = None
    loop: str = ""

    @property
    def kind(self) -> str:
        """What the layer is coloured by: ``"convolution"``, ``"recurrent"``, ``"dense"`` and so on."""
        return layer_kind(self.wrapped_type_names or self.type_names)

    @property
    def is_stepwise(self) -> bool:
        """Whether it was called at each step of a loop alone."""
        return bool(self.loop)

    @property
    def depth(self) -> int:
        """How many models or composite layers are around it; 0 at the top."""
        return self.key.count("/")

    @property
    def call_key(self) -> str:
        """Key of the call: without the number of the output, where the layer has several."""
        return self.key.rpartition("[")[0] if self.key.endswith("]") else self.key

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes of what the layer answers, the sample axis first."""
        return self.axis_names or axes_of(self.type_names, len(self.output_shape))


def input_key(name: str) -> str:
    """Return the key that stands for an input of the model, where layers are told by theirs."""
    return f"{_INPUT}{name}"


def input_name(key: str) -> str:
    """Return the name of the input that a key stands for, the inverse of :func:`input_key`."""
    return key.removeprefix(_INPUT)


def is_input(key: str) -> bool:
    """Return whether a key is that of an input, not of a layer."""
    return key.startswith(_INPUT)


def input_layer(name: str, shape: tuple[int, ...]) -> LayerInfo:
    """Return what stands for an input of the model.

    Args:
        name: Of the input.
        shape: Of the samples, the sample axis first.
    """
    return LayerInfo(name, name, None, "InputLayer", ("InputLayer", "Layer"), (None, *shape[1:]))


_PRODUCTS: Final = frozenset({"EinsumDense", "Einsum", "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"})


@cache
def axes_of(type_names: tuple[str, ...], rank: int) -> tuple[str, ...]:
    """Name the axes of a layer's answer.

    Args:
        type_names: The layer's class and its bases.
        rank: Number of axes, the sample axis counted.

    Returns:
        Names such as ``("sample", "height", "width", "channel")``; channels-first answers are put in this order
        before they are named. Unknown layouts get ``("sample", "axis1", "axis2", …)``.
    """
    over_time = "TimeDistributed" in type_names or "ConvLSTM" in type_names
    if over_time and rank == 5:
        return ("sample", "time", "height", "width", "channel")
    # Inside attention a product answers per head; its axes are not those of an image.
    unnamed = ("sample", *(f"axis{number}" for number in range(1, rank)))
    if _PRODUCTS & {*type_names} and rank > 3:
        return unnamed
    named = {
        1: ("sample",),
        2: ("sample", "unit"),
        3: ("sample", "time", "unit"),
        4: ("sample", "height", "width", "channel"),
        5: ("sample", "depth", "height", "width", "channel"),
    }
    return named.get(rank, unnamed)


def with_loop_axis(axes: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the names of axes with one behind the samples, along which a layer was called.

    What was time before is a step inside of it: ``("sample", "time", "unit")`` becomes
    ``("sample", "time", "step", "unit")``; axes without a name are counted anew.

    Args:
        axes: Names of the axes of one step.
        name: ``TIME_AXIS`` for steps in their order, as ``TimeDistributed`` puts them there, or ``PIECE_AXIS`` for
            pieces of a sample of which nothing else is known.
    """
    renamed = []
    for at, axis in enumerate(axes[1:], 1):
        if axis == f"axis{at}":
            axis = f"axis{at + 1}"
        elif name == TIME_AXIS and (axis == "time" or axis.startswith("step")):
            axis = "step" if axis == "time" else f"step{int(axis[4:] or 1) + 1}"
        renamed.append(axis)
    return ("sample", name, *renamed)


def type_names_of(operation: Any) -> tuple[str, ...]:
    """Return the class of a layer and its bases, nearest first, ending in ``"Layer"`` or ``"Operation"``."""
    names = tuple(cls.__name__ for cls in type(operation).__mro__ if cls is not object)
    last = names.index("Layer") if "Layer" in names else names.index("Operation")
    return names[: last + 1]


@dataclass(frozen=True)
class LayerPlace:
    """Where in a model a layer was called, and what came of the call; see :class:`LayerInfo`."""

    key: str
    index: int | None = None
    inputs_from: tuple[str, ...] = ()
    parent: str = ""
    holds_layers: bool = False
    missing: str = ""
    internals: tuple[str, ...] = ()
    loop: str = ""


def describe_layer(
    operation: Any, output: Any, place: LayerPlace, *, channels_first: bool = False, loop_axes: tuple[str, ...] = ()
) -> LayerInfo:
    """Describe one recorded call of a Keras layer or operation.

    Args:
        operation: The ``keras.Layer`` or ``keras.Operation`` that was called.
        output: The tensor that came out, symbolic or not; None where none could be recorded.
        place: Where it was called.
        channels_first: Whether the channels of ``output`` are the axis after the samples, though the layer has no
            format of its own.
        loop_axes: The axes that the output has behind its samples, of ``TimeDistributed`` layers and loops around, the
            outermost first.
    """
    type_names = type_names_of(operation)
    wrapped = _wrapped(operation)
    shape = () if output is None or output.shape.rank is None else tuple(output.shape)
    data_format = getattr(operation, "data_format", None)
    data_format = data_format if isinstance(data_format, str) else "channels_first" if channels_first else ""
    shape = shape_with_channels_last(shape) if data_format == "channels_first" and not loop_axes else shape
    function = getattr(operation if wrapped is None else wrapped, "activation", None)
    return LayerInfo(
        **vars(place),
        name=operation.name,
        type_name=type_names[0],
        type_names=type_names,
        output_shape=shape,
        parameter_count=_parameter_count(getattr(operation, "weights", ())),
        trainable_count=_parameter_count(getattr(operation, "trainable_weights", ())),
        dtype="" if output is None else output.dtype.name,
        activation_function=_function_name(operation if wrapped is None else wrapped, function)
        or (squashing_function(output) if shape else ""),
        data_format=data_format,
        settings=_settings(operation) if wrapped is None else (("layer", type(wrapped).__name__), *_settings(wrapped)),
        axis_names=_axes_over_steps(operation, len(shape), loop_axes)
        or _axes_of_spectrogram(type_names, len(shape))
        or _axes_of_its_own(operation, len(shape)),
        has_logits=bool(shape) and logits_behind(output) is not None,
        wrapped_type_names=() if wrapped is None else type_names_of(wrapped),
    )


def _wrapped(operation: Any) -> Any:
    """Return the layer that ``TimeDistributed`` applies to each timestep, the innermost one; None for another layer."""
    wrapped = None
    while "TimeDistributed" in type_names_of(operation):
        wrapped = operation = operation.layer
    return wrapped


def _axes_over_steps(operation: Any, rank: int, loop_axes: tuple[str, ...]) -> tuple[str, ...]:
    """Name the axes of what a layer answers with axes of steps behind the samples; empty where it has none of those."""
    type_names = type_names_of(operation)
    while "TimeDistributed" in type_names:
        operation = operation.layer
        type_names = type_names_of(operation)
        loop_axes = (*loop_axes, TIME_AXIS)
    if not loop_axes or rank <= len(loop_axes):
        return ()
    axes = axes_of(type_names, rank - len(loop_axes))
    if getattr(operation, "data_format", None) == "channels_first" and axes[-1] == "channel":
        axes = ("sample", "channel", *axes[1:-1])
    for name in reversed(loop_axes):
        axes = with_loop_axis(axes, name)
    return axes


def _axes_of_spectrogram(type_names: tuple[str, ...], rank: int) -> tuple[str, ...]:
    """Name the axes of what ``MelSpectrogram`` answers, ``(sample, band, frame)``: the only layer with time behind."""
    return ("sample", "frequency", "time") if "MelSpectrogram" in type_names and rank == 3 else ()


def _axes_of_its_own(operation: Any, rank: int) -> tuple[str, ...]:
    """Return the names of axes that a layer of a graph bears, where what it works out tells more than its type."""
    names = getattr(operation, "axis_names", ())
    is_fitting = isinstance(names, tuple) and len(names) == rank and names[:1] == ("sample",)
    return names if is_fitting else ()


def _parameter_count(weights: Any) -> int:
    count = 0
    for weight in weights:
        size = 1
        for extent in weight.shape:
            size *= extent or 0
        count += size
    return count


def _function_name(operation: Any, function: Any) -> str:
    if type(operation).__name__ == "Softmax":
        return "softmax"
    name = getattr(function, "__name__", "")
    return "" if name == "linear" else name


_SETTINGS: Final = (
    "kernel_size", "strides", "pool_size", "padding", "dilation_rate", "groups", "equation", "num_heads", "rate",
    "axis", "stored_as", "quantization_scale", "zero_point",
)  # fmt: skip


def _settings(operation: Any) -> tuple[tuple[str, str], ...]:
    settings = []
    for name in _SETTINGS:
        value = getattr(operation, name, None) if name != "num_heads" else getattr(operation, "_num_heads", None)
        if isinstance(value, (tuple, list)) and value and all(isinstance(part, int) for part in value):
            if name == "dilation_rate" and set(value) == {1}:
                continue
            settings.append((name, "×".join(map(str, value))))
        elif isinstance(value, (int, float, str)) and not isinstance(value, bool) and (name, value) != ("groups", 1):
            settings.append((name, str(value)))
    if getattr(operation, "go_backwards", False):
        settings.append(("direction", "backwards"))
    closed = getattr(operation, "closed", "")
    if isinstance(closed, str) and closed:
        settings.append(("inside", f"not shown: {closed}"))
    return tuple(settings)


def answers_classes(layer: LayerInfo, class_names: Sequence[str], class_layer: str = "") -> bool:
    """Return whether the units of a layer are the classes.

    It is the layer that is known to answer them, or ends in a softmax or sigmoid and has as many units as there are
    classes; where no classes are known, a softmax over several units is taken for them.

    Args:
        layer: The layer.
        class_names: Name of each class; empty if unknown.
        class_layer: Key of the layer that answers the classes, where that is known.
    """
    if layer.axes != ("sample", "unit"):
        return False
    if class_layer and layer.key == class_layer:
        return layer.output_shape[-1] != 1
    if not class_names:
        return layer.activation_function == "softmax" and layer.output_shape[-1] != 1
    return layer.activation_function in ("softmax", "sigmoid") and len(class_names) == layer.output_shape[-1]


def answers_classes_somewhere(layer: LayerInfo, class_names: Sequence[str], class_layer: str = "") -> bool:
    """Return whether the units of a layer are the classes: of the sample, or of each of its pixels or timesteps.

    In many places they are where the names are known, as many as there are units, and it ends in a softmax or sigmoid.

    Args:
        layer: The layer.
        class_names: Name of each class; empty if unknown.
        class_layer: Key of the layer that answers the classes, where that is known.
    """
    if len(layer.axes) < 3:
        return answers_classes(layer, class_names, class_layer)
    if class_layer and layer.key != class_layer:
        return False
    is_named = bool(class_names) and len(class_names) == layer.output_shape[-1]
    return is_named and layer.activation_function in ("softmax", "sigmoid")


def explained_as(layer: LayerInfo) -> str:
    """Return what of a layer's answer is explained: ``"the logit, before the softmax"``; empty for the answer itself.

    Where the softmax cannot be looked behind, it says so.
    """
    function = layer.activation_function
    if layer.has_logits:
        return f"the logit, before the {function or 'softmax'}"
    if function in ("softmax", "sigmoid"):
        return f"the probability itself: what goes into its {function} could not be found"
    return ""


def unit_kind(layer: LayerInfo) -> str:
    """Return what the last axis of a layer's answer counts: ``"channel"`` or ``"unit"``."""
    return "channel" if layer.axes[-1] == "channel" else "unit"


def unit_name(layer: LayerInfo, unit: int, class_names: Sequence[str], class_layer: str = "") -> str:
    """Return what a person knows a unit of a layer by: its class where it is known to answer the classes."""
    if not answers_classes_somewhere(layer, class_names, class_layer):
        return f"{unit_kind(layer)} {unit} of {layer.key}"
    name = class_name(unit, class_names)
    if not class_names:
        return name
    # A bare name says nothing of what it names.
    return f"class {name}"


def owner_of(key: str, layers: Collection[LayerInfo]) -> LayerInfo | None:
    """Return the layer that bears a key, or keeps what bears it to itself; None if there is none."""
    return next((layer for layer in layers if layer.key == key or key in layer.internals), None)
