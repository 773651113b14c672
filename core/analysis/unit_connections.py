"""What a unit weighs of the units before it, and which units behind it weigh it: read off the weights alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from core.analysis.layer_weights import GATES, gates_of, not_what_multiplies, types_of
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.extraction.layers import LayerInfo
from core.inputs.structure import in_structure

__all__ = [
    "Connection",
    "Connections",
    "has_connections",
    "incoming",
    "makes_units",
    "outgoing",
    "weighing_layers",
    "weighing_matrix",
    "weights_to_read",
]

_KEEP_UNITS: Final = frozenset(
    {
        "Activation", "ActivityRegularization", "AlphaDropout", "BaseGlobalPooling", "BasePooling",
        "BatchNormalization", "Cropping1D", "Cropping2D", "Cropping3D", "Dropout", "ELU",
        "GaussianDropout", "GaussianNoise", "Gelu",
        "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "LeakyRelu", "Masking", "Normalization",
        "PReLU", "ReLU", "RMSNormalization", "Relu", "Relu6", "RepeatVector", "Rescaling", "Sigmoid", "Silu",
        "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Tanh", "UnitNormalization", "UpSampling1D",
        "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
    }
)  # fmt: skip
_JOIN_UNITS: Final = frozenset({"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"})
_WEIGHING: Final = frozenset(
    {*GATES, "BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv", "Dense", "EinsumDense"}
)
_MOST_INDICES: Final = 1_000_000

LayerWeights = Callable[[str], Mapping[str, np.ndarray]]


class Connection(NamedTuple):
    """A unit on the other end of a weight.

    Attributes:
        layer: Key of its layer; ``"input:name"`` for an input of the model.
        unit: Its number: the unit, channel or feature.
        weight: The weight itself, or the norm where one unit weighs another by several numbers.
    """

    layer: str
    unit: int
    weight: float


@dataclass(frozen=True)
class Connections:
    """Units on the other end of weights, the heaviest first.

    Attributes:
        units: Who they are.
        is_signed: Whether each is a single weight with its sign; else norms, of which none is below zero.
        note: Why some, or all, are not there, in sentences; empty for nothing.
    """

    units: tuple[Connection, ...]
    is_signed: bool = False
    note: str = ""


def makes_units(info: LayerInfo) -> bool:
    """Return whether the units of a layer are its own, not those of a layer before that it hands on."""
    return not (types_of(info) & (_KEEP_UNITS | {"Concatenate", "Flatten", "Reshape"}))


def has_connections(layers: Mapping[str, LayerInfo], key: str) -> bool:
    """Return whether a layer weighs units, or one behind weighs its own, by their classes: nothing is read.

    Args:
        layers: All layers of the model by key.
        key: Key of the layer.
    """
    return any(types_of(layers[each]) & _WEIGHING for each in weighing_layers(layers, key))


def weighing_layers(layers: Mapping[str, LayerInfo], key: str) -> tuple[str, ...]:
    """Return the layers whose weights :func:`incoming` and :func:`outgoing` read: the layer, and those behind it.

    Args:
        layers: All layers of the model by key.
        key: Key of the layer.
    """
    return (key, *_behind(layers, key)[0])


def incoming(layers: Mapping[str, LayerInfo], weights_of: LayerWeights, key: str, unit: int) -> Connections:
    """Return what a unit weighs of each unit that goes into its layer.

    A unit is told through pooling, dropout, normalization and flattening: what a dense layer weighs of a flattened map
    is the norm over all places of a channel. Of a convolution it is the norm over its window, of a recurrent layer over
    its gates.

    Args:
        layers: All layers of the model by key.
        weights_of: Returns the weights of a layer by name.
        key: Key of the layer.
        unit: Which unit or channel.
    """
    matrix = weighing_matrix(layers[key], weights_of(key))
    if isinstance(matrix, str):
        return Connections((), note=matrix)
    source, column = _source(layers, key), matrix.values[:, unit]
    if not source or len(column) > _MOST_INDICES:
        return Connections((), note="Which units go in is not known.")
    labels = _Labels(layers).of(source, len(column))
    return _ranked([(label[0], weight) for label, weight in zip(labels, column, strict=True)], matrix.is_signed)


def outgoing(layers: Mapping[str, LayerInfo], weights_of: LayerWeights, key: str, unit: int) -> Connections:
    """Return the units that weigh a unit, in the next layers with weights; see :func:`incoming`.

    Args:
        layers: All layers of the model by key.
        weights_of: Returns the weights of a layer by name.
        key: Key of the layer.
        unit: Which unit or channel.
    """
    found: list[tuple[tuple[str, int], float]] = []
    is_signed, notes = True, []
    behind, unknown = _behind(layers, key)
    labels = _Labels(layers)
    for later in behind:
        matrix = weighing_matrix(layers[later], weights_of(later))
        if isinstance(matrix, str):
            notes.append(f"{later}: {matrix}")
            continue
        count = len(matrix.values)
        whose = labels.of(_source(layers, later), count) if count <= _MOST_INDICES else []
        rows = [at for at, label in enumerate(whose) if (key, unit) in label]
        if not rows:
            continue
        is_single = matrix.is_signed and len(rows) == 1
        is_signed = is_signed and is_single
        weights = matrix.values[rows[0]] if is_single else np.linalg.norm(matrix.values[rows], axis=0)
        found += [((later, number), float(weight)) for number, weight in enumerate(weights)]
    if unknown:
        notes.append(f"What {', '.join(unknown[:3])} makes of it is not followed.")
    if not is_signed:
        found = [(one, abs(weight)) for one, weight in found]
    return _ranked(found, is_signed, note=" ".join(notes))


def weights_to_read(
    activation: Activation, activations: Activations, extractor: Extractor | None, sample: int
) -> LayerWeights:
    """Return what reads the weights that :func:`incoming` and :func:`outgoing` ask for.

    Of a model too large for all its layers to be kept, those that are not there are run once more, with one sample.

    Args:
        activation: Of the layer.
        activations: What all layers of the same pass answered, as far as they were kept.
        extractor: Holds the model; None where there is none, and the weights are not there either.
        sample: Position of the sample that is run.
    """
    known = {**activations, activation.key: activation}
    layers = {layer.key: layer for layer in activations.layers}
    others = [key for key in weighing_layers(layers, activation.key) if key not in known]
    if others and extractor is not None:
        one = in_structure(extractor.model, activation.context.inputs_of(sample))
        known |= extractor.extract(one, layers=others)
    return lambda key: known[key].weights if key in known else {}


class WeighingMatrix(NamedTuple):
    """What each unit of a layer weighs, shape ``(incoming, unit)``; signed where each entry is a single weight."""

    values: np.ndarray
    is_signed: bool


def weighing_matrix(info: LayerInfo, weights: Mapping[str, np.ndarray]) -> WeighingMatrix | str:
    """Return what each unit of a layer weighs of each number on the last axis that goes in; or why that is not known.

    Args:
        info: The layer.
        weights: Its weights by name.
    """
    kernel = _kernel(weights)
    names = types_of(info)
    if kernel is None:
        return f"{info.type_name} layers keep no kernel of their own."
    if reason := not_what_multiplies(weights, kernel):
        return reason
    gates = len(gates_of(info))
    if gates and "Bidirectional" not in names and kernel.ndim == 2:
        # (incoming, gate × unit)
        by_gate = kernel.reshape(len(kernel), gates, -1)
        return WeighingMatrix(np.linalg.norm(by_gate, axis=1), False)
    if kernel.ndim == 2 and ("Dense" in names or _weighs_as_dense(info)):
        return WeighingMatrix(kernel, True)
    if names & {"BaseDepthwiseConv", "BaseSeparableConv"}:
        return _depthwise(kernel, _array(weights, "pointwise_kernel"))
    if "BaseConvTranspose" in names:
        return _over_window(np.swapaxes(kernel, -1, -2))
    if "BaseConv" in names:
        groups = int(dict(info.settings).get("groups", 1))
        return _over_window(kernel) if groups == 1 else _grouped(kernel, groups)
    return f"How {info.type_name} layers weigh what goes in is not read off here."


def _weighs_as_dense(info: LayerInfo) -> bool:
    """Return whether an EinsumDense layer multiplies the last axis by ``(incoming, unit)``, as ``"...x,xy->...y"``."""
    terms, _, outcome = dict(info.settings).get("equation", "").partition("->")
    given, _, kernel = terms.partition(",")
    return len(kernel) == 2 and given[-1:] == kernel[0] and outcome[-1:] == kernel[1]


def _array(weights: Mapping[str, np.ndarray], name: str) -> np.ndarray | None:
    array = weights.get(name)
    return None if array is None else array.astype(np.float64)


def _kernel(weights: Mapping[str, np.ndarray]) -> np.ndarray | None:
    return next(
        (array for name in ("kernel", "depthwise_kernel") if (array := _array(weights, name)) is not None), None
    )


def _over_window(kernel: np.ndarray) -> WeighingMatrix:
    """Return the norms over the window of a kernel ``(*window, incoming, channel)``; a window of one is a weight."""
    flat = kernel.reshape(-1, *kernel.shape[-2:])
    return WeighingMatrix(flat[0], True) if len(flat) == 1 else WeighingMatrix(np.linalg.norm(flat, axis=0), False)


def _grouped(kernel: np.ndarray, groups: int) -> WeighingMatrix:
    matrix, is_signed = _over_window(kernel)
    share, units = len(matrix), matrix.shape[1]
    whole = np.zeros((share * groups, units))
    for group in range(groups):
        columns = slice(group * units // groups, (group + 1) * units // groups)
        whole[group * share : (group + 1) * share, columns] = matrix[:, columns]
    return WeighingMatrix(whole, is_signed)


def _depthwise(depthwise: np.ndarray, pointwise: np.ndarray | None) -> WeighingMatrix:
    """Return the norms of a kernel ``(*window, incoming, multiplier)``, and of what its second step makes of it."""
    *_, count, multiplier = depthwise.shape
    flat = depthwise.reshape(-1, count, multiplier)
    if pointwise is not None:
        mixed = pointwise.reshape(count, multiplier, -1)
        return WeighingMatrix(np.linalg.norm(np.einsum("wim,imc->wic", flat, mixed), axis=0), False)
    whole = np.zeros((count, count * multiplier))
    rows = np.repeat(np.arange(count), multiplier)
    whole[rows, np.arange(count * multiplier)] = np.linalg.norm(flat, axis=0).reshape(-1)
    return WeighingMatrix(whole, False)


_Label = tuple[tuple[str, int], ...]
"""All units that a number on the last axis of an answer is, the one that made it first."""


def _source(layers: Mapping[str, LayerInfo], key: str) -> str:
    """Return the key of what a layer weighs: the first that goes in; the others are masks or states."""
    return next(iter(layers[key].inputs_from), "")


class _Labels:
    """Whose units the last axes of answers hold; each is worked out once, however many layers read it."""

    def __init__(self, layers: Mapping[str, LayerInfo]) -> None:
        self._layers = layers
        self._known: dict[tuple[str, int], list[_Label]] = {}

    def of(self, key: str, count: int) -> list[_Label]:
        """Return the units by position on the last axis.

        Args:
            key: Key of the layer that answers, or of an input of the model.
            count: How long the axis is.
        """
        if (key, count) not in self._known:
            own: list[_Label] = [((key, number),) for number in range(count)]
            self._known[key, count] = own if key not in self._layers else self._of_layer(key, count, own)
        return self._known[key, count]

    def _of_layer(self, key: str, count: int, own: list[_Label]) -> list[_Label]:
        names = types_of(self._layers[key])
        sources = [source for source in self._layers[key].inputs_from if source]
        if names & _KEEP_UNITS and sources:
            return _with(self.of(sources[0], count), own)
        if names & _JOIN_UNITS and len(sources) > 1:
            joined = [self.of(each, count) for each in sources if self._extent(each) in (None, count)]
            return [
                tuple(dict.fromkeys((*one, *(unit for labels in joined for unit in labels[at]))))
                for at, one in enumerate(own)
            ]
        extents = [self._extent(each) or 0 for each in sources]
        if "Concatenate" in names and all(extents) and sum(extents) == count:
            parts = [label for each, extent in zip(sources, extents, strict=True) for label in self.of(each, extent)]
            return _with(parts, own)
        if "Flatten" in names and sources and extents[0] and count % extents[0] == 0:
            labels, places = self.of(sources[0], extents[0]), count // extents[0]
            if sources[0] in self._layers and self._layers[sources[0]].data_format == "channels_first":
                return _with([label for label in labels for _ in range(places)], own)
            return _with(labels * places, own)
        return own

    def _extent(self, key: str) -> int | None:
        shape = self._layers[key].output_shape if key in self._layers else ()
        return shape[-1] if len(shape) > 1 else None


def _with(before: list[_Label], own: list[_Label]) -> list[_Label]:
    return [(*first, *one) for first, one in zip(before, own, strict=True)]


def _behind(layers: Mapping[str, LayerInfo], key: str) -> tuple[list[str], list[str]]:
    """Return the next layers that weigh a layer's units, and those behind which nothing is known of single units."""
    weighing, unknown = [], []
    carriers = {key}
    for each in _readers(layers, carriers):
        names = types_of(layers[each])
        if names & _KEEP_UNITS or names & _JOIN_UNITS or names & {"Concatenate", "Flatten"}:
            carriers.add(each)
        elif layers[each].parameter_count and not layers[each].holds_layers and not layers[each].missing:
            weighing.append(each)
        elif "Operation" not in names or "float" in layers[each].dtype:
            unknown.append(each)
    return weighing, unknown


def _readers(layers: Mapping[str, LayerInfo], carriers: set[str]) -> Iterator[str]:
    """Go through the layers that read of a growing set of them, in call order."""
    for each, info in layers.items():
        if not carriers.isdisjoint(info.inputs_from):
            yield each


def _ranked(found: list[tuple[tuple[str, int], float]], is_signed: bool, note: str = "") -> Connections:
    """Return the units by weight; several weights of one unit, as of a flattened channel, are one norm."""
    summed: dict[tuple[str, int], list[float]] = {}
    for unit, weight in found:
        summed.setdefault(unit, []).append(float(weight))
    several = any(len(weights) > 1 for weights in summed.values())
    one = [
        Connection(*unit, float(np.linalg.norm(weights)) if several else weights[0]) for unit, weights in summed.items()
    ]
    one.sort(key=lambda each: -abs(each.weight) if np.isfinite(each.weight) else 0.0)
    return Connections(tuple(one), is_signed and not several, note)
