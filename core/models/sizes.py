"""How large a model would be, known from its configuration before anything is made of it.

A configuration of a few bytes can ask for terabytes (``units=1e12``), and Keras would try. Here sizes are worked out as
Python integers by ``core.models.shape_rules``, and compared with what the file stores and with the limits. A model
whose inputs may be of any size is counted for a size that it takes, as far as arithmetic can tell
(``core.inputs.open_sizes``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ByteSize

from core.common.limits import Limits, format_limit, raised_by
from core.errors import ModelRefused
from core.inputs.open_sizes import Shapes, is_open, open_extents, shapes_to_try, size_text
from core.inputs.spec import InputSpec
from core.models.configuration import BY_HAND
from core.models.connections import Call, calls_of, in_order, own_name, tensors_in
from core.models.keras2 import MODELS
from core.models.shape_rules import RULES, Shape, cannot_be, extent_of

__all__ = ["Sizes", "check_limits", "check_sizes", "impossible_by_arithmetic", "layer_sizes", "sizes_of"]

_RECURRENT: Final = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1, "LSTMCell": 4, "GRUCell": 3, "SimpleRNNCell": 1}
_BYTES: Final = {"float16": 2, "bfloat16": 2, "mixed_float16": 2, "mixed_bfloat16": 2, "float64": 8, "int64": 8}
# A genuine file is never refused because the arithmetic is a little off.
_TIMES_STORED: Final = 2
_BEYOND_STORED: Final = 1_000_000
_LARGEST_TOLD: Final = 10**18
_SECONDS_FOR_SIZES: Final = 2.0


@dataclass(frozen=True)
class Sizes:
    """How large a model is.

    Attributes:
        parameters: Weights of all layers, trainable or not.
        activation_bytes: What all layers answer to one sample; an extent that is not known counts as one.
        complete: Whether every layer was understood; else both numbers are lower bounds.
        largest: The layer with the largest part in either.
        input_sizes: By input that may be of any size, the size that is counted, such as ``"10,001"`` or ``"64×64"``;
            ``""`` where it is not known which the model takes, and one step or pixel is counted.
    """

    parameters: int
    activation_bytes: int
    complete: bool
    largest: str
    input_sizes: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Tally:
    parameters: int = 0
    activation_bytes: int = 0
    complete: bool = True
    largest: str = ""
    most: int = 0
    seen: set[str] = field(default_factory=set)
    shapes: Shapes = field(default_factory=dict)
    inputs: dict[str, InputSpec] = field(default_factory=dict)
    is_impossible: bool = False


def sizes_of(config: Mapping[str, Any]) -> Sizes:
    """Return how large the model of a configuration would be."""
    tally = _tallied(config, {})
    specs = tuple(tally.inputs.values())
    if tally.complete and any(map(is_open, specs)):
        tried: list[_Tally] = []

        def is_impossible(shapes: Shapes) -> bool:
            tried.append(_tallied(config, shapes))
            return tried[-1].is_impossible

        shapes = next(shapes_to_try(specs, is_impossible, seconds=_SECONDS_FOR_SIZES), None)
        if shapes is not None:
            counted = {spec.name: size_text(open_extents(spec, shapes[spec.name])) for spec in specs if is_open(spec)}
            return _sizes(tried[-1], counted)
    return _sizes(tally, {spec.name: "" for spec in specs if is_open(spec)})


def impossible_by_arithmetic(config: Mapping[str, Any], shapes: Shapes) -> bool:
    """Return whether the model of a configuration certainly cannot take samples of these shapes."""
    return _tallied(config, shapes).is_impossible


def layer_sizes(node: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int] | None:
    """Return what one layer answers and how many parameters it has, by arithmetic.

    Args:
        node: What describes the layer in a configuration.
        shapes: What goes in, without the sample axis; none takes the input shape that the file says it was built for.

    Returns:
        The shapes that come out, and the number of parameters; None where the layer is not understood.
    """
    tally = _Tally()
    try:
        outputs = _layer(node, shapes, tally, "")
    except RecursionError:
        return None
    return (outputs, tally.parameters) if outputs and tally.complete else None


def _tallied(config: Mapping[str, Any], shapes: Shapes) -> _Tally:
    tally = _Tally(shapes=shapes)
    try:
        _layer(config, [], tally, "")
    except RecursionError:
        tally.complete = False
    return tally


def _sizes(tally: _Tally, input_sizes: Mapping[str, str]) -> Sizes:
    return Sizes(tally.parameters, tally.activation_bytes, tally.complete, tally.largest, input_sizes)


def check_sizes(config: Mapping[str, Any], stored: int, name: str, limits: Limits) -> Sizes:
    """Refuse a model that is larger than the limits, or than what its file stores.

    Args:
        config: The model's configuration, checked.
        stored: Parameters that the file stores.
        name: What to call the file in messages.
        limits: What is allowed.

    Raises:
        ModelRefused: If it is too large.
    """
    sizes = sizes_of(config)
    check_limits(sizes, name, limits)
    if sizes.parameters > _TIMES_STORED * stored + _BEYOND_STORED:
        raise ModelRefused(
            f"{name} declares {_count_text(sizes.parameters)} parameters{_mostly_in(sizes)}, and stores {stored:,}.",
            remedy="Save the model again.",
        )
    return sizes


def check_limits(sizes: Sizes, name: str, limits: Limits) -> None:
    """Refuse a model that is larger than the limits.

    Raises:
        ModelRefused: If it is too large.
    """
    if sizes.parameters > limits.parameters:
        raise ModelRefused(
            f"{name} declares {_count_text(sizes.parameters)} parameters{_mostly_in(sizes)}; at most "
            f"{limits.parameters:,} are allowed.",
            remedy=f"{BY_HAND} {raised_by('parameters')}",
        )
    if sizes.activation_bytes > limits.activation_bytes:
        raise ModelRefused(
            f"The layers of {name} would answer {_bytes_text(sizes.activation_bytes)} to a single sample"
            f"{_of_size(sizes)}{_mostly_in(sizes)}; at most {format_limit(limits.activation_bytes)} are allowed.",
            remedy=f"{BY_HAND} {raised_by('activation_bytes')}",
        )


def _count_text(count: int) -> str:
    # Python writes no number of thousands of digits.
    return f"{count:,}" if count < _LARGEST_TOLD else "more than 10^18"


def _bytes_text(size: int) -> str:
    return format_limit(ByteSize(size)) if size < _LARGEST_TOLD else "more than 10^18 bytes"


def _mostly_in(sizes: Sizes) -> str:
    return f", most of it in the layer {sizes.largest[:80]!r}" if sizes.largest else ""


def _of_size(sizes: Sizes) -> str:
    counted = " and ".join(dict.fromkeys(filter(None, sizes.input_sizes.values())))
    return f" of {counted}" if counted else ""


def _layer(node: Mapping[str, Any], shapes: Sequence[Shape], tally: _Tally, name: str) -> list[Shape]:
    """Add one call of a layer to the tally; return the shapes that it answers, none where it is not understood."""
    config = node.get("config")
    name = name or own_name(node)
    if isinstance(config, list):  # a Sequential of early Keras 2
        config = {"layers": config}
    if not isinstance(config, dict):
        config = {}
    kind = str(node.get("class_name"))
    if not shapes:
        shapes = [_chosen(shape, name, config, tally) for shape in _declared(node, config)]
    elif kind == "InputLayer":
        tally.is_impossible |= any(map(_differ, _declared(node, config), shapes))
    try:
        if kind in MODELS and isinstance(config.get("layers"), list):
            return _graph(config, shapes, tally) if "input_layers" in config else _sequence(config, shapes, tally)
        outputs, parameters = _answered(kind, node, config, shapes)
    except (NotImplementedError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        tally.complete = False
        _add(tally, name, _least_parameters(config), 0)
        return []
    tally.is_impossible |= cannot_be(kind, config, shapes, outputs)
    size = max(0, sum(extent_of(shape) for shape in outputs)) * _item_bytes(config)
    _add(tally, name, parameters if name not in tally.seen else 0, size)
    tally.seen.add(name)
    return outputs


def _chosen(shape: Shape, name: str, config: Mapping[str, Any], tally: _Tally) -> Shape:
    """Return the shape of an input of the whole model with the size that is to be counted."""
    if not tally.complete:
        # Behind a layer that is not understood, this is no input.
        return shape
    spec = InputSpec(name, shape, str(config.get("dtype") if isinstance(config.get("dtype"), str) else "float32"))
    tally.inputs.setdefault(name, spec)
    chosen = tally.shapes.get(name) or (next(iter(tally.shapes.values())) if len(tally.shapes) == 1 else None)
    return chosen if chosen and not _differ(shape, chosen) else shape


def _differ(declared: Shape, shape: Shape) -> bool:
    return len(declared) != len(shape) or any(
        want is not None and extent is not None and want != extent for want, extent in zip(declared, shape, strict=True)
    )


def _add(tally: _Tally, name: str, parameters: int, activation_bytes: int) -> None:
    tally.parameters += parameters
    tally.activation_bytes += activation_bytes
    if max(parameters * 4, activation_bytes) > tally.most:
        tally.most, tally.largest = max(parameters * 4, activation_bytes), name


def _answered(
    kind: str, node: Mapping[str, Any], config: Mapping[str, Any], shapes: Sequence[Shape]
) -> tuple[list[Shape], int]:
    if kind == "InputLayer":
        return list(shapes), 0
    if not shapes:
        raise NotImplementedError
    if kind in _RECURRENT:
        units = int(config["units"])
        return _recurrent(config, shapes[0], [units] * _states(kind), _cell(kind, config, shapes[0][-1]))
    if kind == "RNN":
        cells = config["cell"]["config"]["cells"] if config["cell"]["class_name"] == "StackedRNNCells" else None
        return _cells(config, shapes[0], cells or [config["cell"]])
    if kind.startswith("ConvLSTM"):
        return _convolutional_lstm(config, shapes[0])
    if kind == "Bidirectional":
        return _bidirectional(config, shapes)
    if kind == "TimeDistributed":
        inner = _Tally()
        outputs = _layer(config["layer"], [shapes[0][1:]], inner, "")
        if not outputs:
            raise NotImplementedError
        return [(shapes[0][0], *shape) for shape in outputs], inner.parameters
    return RULES[kind](config, shapes)


def _states(kind: str) -> int:
    return 2 if kind.startswith("LSTM") else 1


def _cell(kind: str, config: Mapping[str, Any], features: int | None) -> int:
    units, gates = int(config["units"]), _RECURRENT[kind]
    if features is None:
        raise NotImplementedError
    bias = 2 if gates == 3 and config.get("reset_after", kind.startswith("GRU")) else 1
    return gates * units * (features + units + (bias if config.get("use_bias", True) else 0))


def _cells(config: Mapping[str, Any], shape: Shape, cells: Sequence[Mapping[str, Any]]) -> tuple[list[Shape], int]:
    features, parameters, units = shape[-1], 0, []
    for cell in cells:
        parameters += _cell(cell["class_name"], cell["config"], features)
        features = int(cell["config"]["units"])
        units += [features] * _states(str(cell["class_name"]))
    return _recurrent(config, shape, units, parameters)


def _recurrent(
    config: Mapping[str, Any], shape: Shape, units: Sequence[int], parameters: int
) -> tuple[list[Shape], int]:
    output: Shape = (*shape[:-1], units[-1]) if config.get("return_sequences") else (units[-1],)
    states: list[Shape] = [(unit,) for unit in units] if config.get("return_state") else []
    return [output, *states], parameters


def _convolutional_lstm(config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], int]:
    (output,), _ = RULES[f"Conv{len(shape) - 2}D"]({**config, "groups": 1}, [shape[1:]])
    channels = shape[1] if config.get("data_format") == "channels_first" else shape[-1]
    kernel = config["kernel_size"]
    filters = int(config["filters"])
    if channels is None:
        raise NotImplementedError
    parameters = 4 * (math.prod(kernel) * (channels + filters) * filters + filters * bool(config.get("use_bias", True)))
    return [(shape[0], *output) if config.get("return_sequences") else output], parameters


def _bidirectional(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    inner = _Tally()
    outputs = _layer(config["layer"], shapes, inner, "")
    if not outputs:
        raise NotImplementedError
    first = outputs[0]
    if config.get("merge_mode") == "concat":
        merged = [(*first[:-1], 2 * (first[-1] or 0))]
    else:
        merged = [first] if config.get("merge_mode") else [first, first]
    return [*merged, *outputs[1:], *outputs[1:]], 2 * inner.parameters


def _sequence(config: Mapping[str, Any], shapes: Sequence[Shape], tally: _Tally) -> list[Shape]:
    current = list(shapes)
    for layer in config["layers"]:
        current = _layer(layer, current if layer.get("class_name") != "InputLayer" or current else [], tally, "")
    return current


def _graph(config: Mapping[str, Any], shapes: Sequence[Shape], tally: _Tally) -> list[Shape]:
    """Add every call of every layer, each after what it takes."""
    layers = {str(layer.get("name", "")): layer for layer in config["layers"]}
    given = dict(zip((name for name, _, _ in tensors_in(config["input_layers"])), shapes, strict=False))
    calls = calls_of(config["layers"])
    ordered = in_order(calls)
    if len(ordered) < len(calls):
        # Calls are counted otherwise in files of Keras 2, where a nested model's first call is its construction.
        tally.complete = False
    known: dict[Call, list[Shape]] = {}
    for name, number in ordered:
        sources = calls[name, number]
        answered = [known.get((source, call), [])[tensor : tensor + 1] for source, call, tensor in sources]
        taken = [shape for shapes_of_one in answered for shape in shapes_of_one]
        if not sources and name in given:
            taken = [given[name]]
        known[name, number] = _layer(layers[name], taken if len(taken) >= len(sources) else [], tally, name)
    outputs = [known.get((name, call), []) for name, call, _ in tensors_in(config["output_layers"])]
    return [shape for shapes_of_one in outputs for shape in shapes_of_one[:1]]


def _declared(node: Mapping[str, Any], config: Mapping[str, Any]) -> list[Shape]:
    """Return the input shape that a layer says itself, where what comes before it is not understood."""
    build = node.get("build_config")
    for shape in (
        config.get("batch_shape"),
        config.get("batch_input_shape"),
        config.get("build_input_shape"),
        build.get("input_shape") if isinstance(build, dict) else None,
    ):
        if isinstance(shape, list) and all(extent is None or isinstance(extent, int) for extent in shape):
            return [tuple(shape[1:])]
    return []


def _least_parameters(config: Mapping[str, Any]) -> int:
    """Return what a layer that is not understood has at least: one parameter for each of its units."""
    sizes = [config.get(key) for key in ("units", "filters", "input_dim", "num_heads", "output_dim")]
    return max((size for size in sizes if isinstance(size, int) and not isinstance(size, bool)), default=0)


def _item_bytes(config: Mapping[str, Any]) -> int:
    policy = config.get("dtype")
    inner = policy.get("config") if isinstance(policy, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else policy
    return _BYTES.get(str(name), 4)
