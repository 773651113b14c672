"""What the layers behind an input say of it: whether they look at it as an image, over time, or as a volume.

The graph of a functional or sequential model is followed from the input: through nested models, through what leaves
every value at its place (Rescaling, Normalization, Dropout, activations), and through what only brings values into
other axes (Reshape, Permute, expand_dims), until a layer looks at places or at time. A Dense layer works on the last
axis alone, so time may still be looked at behind it, but no image. Flatten says nothing: the shape decides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from core.common.nested_layers import all_layers
from core.inputs.spec import InputKind, InputSpec, value_count

__all__ = ["as_taken", "is_embedding", "vocabulary_size"]

_ATTENTION: Final = frozenset({"MultiHeadAttention", "GroupedQueryAttention", "Attention", "AdditiveAttention"})
_OVER_TIME: Final = _ATTENTION | {"RNN", "Bidirectional", "TimeDistributed", "Masking", "Embedding"}
_OVER_FRAMES: Final = frozenset({"TimeDistributed", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})
_IN_ORDER: Final = frozenset({"Reshape", "ExpandDims", "Squeeze"})
_REARRANGING: Final = _IN_ORDER | {"Permute", "Transpose", "Moveaxis", "Swapaxes"}
_MOST_STEPS: Final = 300

_Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class _Place:
    """Somewhere on the way from an input.

    Attributes:
        tensor: What is taken there.
        around: The nested models that it is in, each with the node at which it was called.
        layout: Shape of a sample there, while it holds the same values as the input; else None.
        has_time: Whether the first axis is still that of the input.
        in_order: Whether the values lie in memory as in the input, no axes having changed places.
    """

    tensor: Any
    around: tuple[tuple[Any, Any], ...]
    layout: _Shape | None
    has_time: bool = True
    in_order: bool = True


@dataclass(frozen=True)
class _Taker:
    """A layer that looks at places or at time."""

    kind: InputKind
    layout: _Shape | None = None
    data_format: str = ""


def as_taken(tensor: Any, spec: InputSpec) -> InputSpec:
    """Return what an input expects with what the layers behind it say of it.

    Args:
        tensor: The input's symbolic tensor.
        spec: What is known of it by itself.
    """
    if spec.dtype == "string" or spec.vocabulary_size is not None or not spec.shape:
        return spec
    takers, reshaped = _followed(tensor, spec.shape)
    order: tuple[InputKind, ...] = ("sequence", "image", "frames", "volume", "array")
    taker = next((each for kind in order for each in takers if each.kind == kind), None)
    layout = taker.layout if taker else reshaped if len(spec.shape) == 1 else None
    if layout and None not in layout and _are_other_axes(layout, spec.shape):
        spec = replace(spec, reshaped=tuple(extent for extent in layout if extent is not None))
    if taker is None:
        return spec
    if taker.kind == "image" and taker.data_format and len(spec.layout) == 3:
        said = replace(spec, data_format=taker.data_format)
        spec = spec if said.channels_first == spec.channels_first else said
    if taker.kind not in spec.kinds:
        return spec
    return spec if taker.kind == spec.kind_by_shape else replace(spec, taken_for=taker.kind)


def vocabulary_size(tensor: Any, shape: _Shape) -> int | None:
    """Return how many tokens there are where an Embedding takes an input; None where none does."""
    direct: list[int] = []
    inside: list[int] = []
    for operation in _consumers(tensor):
        if is_embedding(operation):
            direct.append(int(operation.input_dim))
        elif len(shape) <= 1:
            layers = all_layers(operation)
            inside.extend(int(layer.input_dim) for layer in layers if is_embedding(layer))
    if direct:
        return min(direct)
    # A layer that adds token and position embeddings holds two; the one for positions is as long as the sequence.
    return max((size for size in inside if size not in shape), default=max(inside, default=None))


def is_embedding(layer: Any) -> bool:
    """Return whether a layer looks up a vector for each whole number, as Embedding and what is derived from it do."""
    # A scope of a graph may bear the name, and hold the layer that has the table.
    return hasattr(layer, "input_dim") and any(base.__name__ == "Embedding" for base in type(layer).__mro__)


def _followed(tensor: Any, shape: _Shape) -> tuple[list[_Taker], _Shape | None]:
    """Return the layers that look at places or time, the nearest first, and what the input is brought to on the way."""
    takers: list[_Taker] = []
    reshaped: _Shape | None = None
    waiting = deque([_Place(tensor, (), shape)])
    seen: set[tuple[int, int]] = set()
    while waiting and len(seen) < _MOST_STEPS:
        place = waiting.popleft()
        if (id(place.tensor), len(place.around)) in seen:
            continue
        seen.add((id(place.tensor), len(place.around)))
        waiting.extend(_outside(place))
        for node in _nodes(place.tensor):
            nested = _inputs_of(node.operation)
            if nested:
                waiting.extend(
                    replace(place, tensor=nested[position], around=(*place.around, (node.operation, node)))
                    for position, given in enumerate(node.input_tensors)
                    if given is place.tensor and position < len(nested) and nested[position] is not given
                )
                continue
            taker = _judged(node.operation, place, shape)
            if taker:
                takers.append(taker)
                continue
            for output in node.outputs:
                after = _after(node.operation, place, tuple(output.shape[1:]))
                if after is None:
                    continue
                waiting.append(replace(after, tensor=output))
                if type(node.operation).__name__ == "Reshape" and after.in_order:
                    reshaped = reshaped or after.layout
    return takers, reshaped


def _judged(operation: Any, place: _Place, shape: _Shape) -> _Taker | None:
    rank = len(place.tensor.shape) - 1
    names = _names_of(operation)
    over_time = names & _OVER_TIME or any(name.endswith("1D") for name in names)
    layout = place.layout if place.in_order else None
    if rank == 2 and over_time:
        # Pixels that are read one after another are still an image.
        is_of_input = len(shape) == 1 or (len(shape) == 2 and place.tensor.shape[1] == shape[0])
        return _Taker("sequence", layout) if is_of_input and (place.layout or place.has_time) else None
    if place.layout is None:
        return None
    if rank == 3 and names & _OVER_FRAMES:
        frames: InputKind = "volume" if InputSpec("", place.layout, "float32").kind_by_shape == "volume" else "array"
        return _Taker("sequence" if len(shape) == 2 else frames)
    if rank == 3 and (any(name.endswith("2D") for name in names) or "BaseImagePreprocessingLayer" in names):
        data_format = getattr(operation, "data_format", None)
        is_said = place.in_order and isinstance(data_format, str)
        return _Taker("image", layout, str(data_format) if is_said else "")
    if rank == 4 and names & _OVER_FRAMES and len(shape) == 4:
        return _Taker("frames", layout)
    if rank == 4 and (names & _OVER_FRAMES or any(name.endswith("3D") for name in names)):
        return _Taker("volume", layout)
    return None


def _after(operation: Any, place: _Place, output: _Shape) -> _Place | None:
    """Return where one is behind an operation that says nothing; None where the input cannot be followed further."""
    before = tuple(place.tensor.shape[1:])
    if output == before:
        return place
    name = type(operation).__name__
    if place.layout is not None and name in _REARRANGING and value_count(before) == value_count(output):
        has_time = place.has_time and output[:1] == before[:1]
        return replace(place, layout=output, has_time=has_time, in_order=place.in_order and name in _IN_ORDER)
    if len(before) > 1 and len(output) == len(before) and output[:-1] == before[:-1] and place.has_time:
        return replace(place, layout=None)
    return None


def _outside(place: _Place) -> Iterator[_Place]:
    """Yield where an output of a nested model comes out of it."""
    if not place.around:
        return
    model, node = place.around[-1]
    for inner, outer in zip(getattr(model, "outputs", None) or (), node.outputs, strict=False):
        if inner is place.tensor:
            yield replace(place, tensor=outer, around=place.around[:-1])


def _names_of(operation: Any) -> set[str]:
    """Return the classes of a layer with its bases, and of the layers inside one that is made of several."""
    layers = [operation]
    layers += all_layers(operation)
    return {base.__name__ for layer in layers for base in type(layer).__mro__}


def _nodes(tensor: Any) -> list[Any]:
    nodes = tensor._keras_history.operation._outbound_nodes
    return [node for node in nodes if any(given is tensor for given in node.input_tensors)]


def _consumers(tensor: Any) -> Iterator[Any]:
    """Yield the layers and operations that take a tensor first, looking into nested models."""
    for node in _nodes(tensor):
        nested = _inputs_of(node.operation)
        if not nested:
            yield node.operation
        for position, given in enumerate(node.input_tensors):
            # A model that is called on its own input, as KerasHub's tasks call their backbone, is looked into here.
            if given is tensor and position < len(nested) and nested[position] is not tensor:
                yield from _consumers(nested[position])


def _inputs_of(model: Any) -> list[Any]:
    # An unbuilt Sequential raises AttributeError here, a subclassed model has no such attribute; an operation's own
    # `input` is another thing.
    return list(getattr(model, "inputs", None) or ()) if hasattr(model, "layers") else []


def _are_other_axes(layout: _Shape, shape: _Shape) -> bool:
    """Return whether a layout is to be kept; an axis of extent 1 at the end of an image or sequence tells nothing."""
    without_ones = [tuple(extent for extent in each if extent != 1) for each in (layout, shape)]
    return without_ones[0] != without_ones[1] or (len(shape) != 2 and len(layout) > len(shape))
