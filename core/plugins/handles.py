"""Which activations a visualizer can draw, declared so that a mistake is found when the plugin is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.common.text import did_you_mean, or_list
from core.extraction.activation import Activation
from core.models.configuration import keras_layer_names

__all__ = ["ANY_LAYER", "Handles", "Match"]

ANY_LAYER: Final = "Layer"
"""The base of all layers: who names it takes every layer."""

_ANY_TYPE: Final = 1_000
_FEW: Final = 4
_AXES: Final = ("sample", "unit", "time", "height", "width", "depth", "channel", "head", "query", "key")
_NUMBERED_AXIS: Final = re.compile(r"axis[1-9]\d*\Z")
_PARTS: Final = (
    *("output", "hidden_state", "cell_state", "candidate", "input_gate", "forget_gate", "output_gate"),
    *("update_gate", "reset_gate", "attention_scores"),
)
_KINDS_OF_NUMBER: Final[dict[str, tuple[str, ...]]] = {
    "floating": ("float16", "bfloat16", "float32", "float64"),
    "integer": ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    "bool": ("bool",),
}
_DTYPES: Final = {
    **_KINDS_OF_NUMBER,
    "number": tuple(name for names in _KINDS_OF_NUMBER.values() for name in names),
    "string": ("string",),
}
_ALL_DTYPES: Final = (*_DTYPES, *_DTYPES["number"])


@dataclass(frozen=True)
class Match:
    """Whether a visualizer handles an activation, and if not, why.

    Attributes:
        handled: The answer.
        reason: Why not; empty where it is handled.
        distance: Steps from the layer's class to the base class that was named; large where any layer will do.
    """

    handled: bool
    reason: str = ""
    distance: int = _ANY_TYPE


@dataclass(frozen=True)
class Handles:
    """Which activations a visualizer can draw. What is left empty does not restrict, but one thing must be named.

    Attributes:
        layer_types: Class names of layers; a base class takes all that derive from it (``"RNN"`` takes LSTM and GRU,
            ``"Layer"`` every layer).
        axes: Names of the axes, all of them and in order; the first is always ``"sample"``.
        ranks: Numbers of axes, the sample axis counted.
        parts: ``"output"`` or internals such as ``"cell_state"``.
        dtypes: ``"floating"``, ``"integer"``, ``"bool"``, ``"number"`` for any of the three, ``"string"``, or a type
            such as ``"float16"``.
        when: Looks at the activation's description (not at its values, so that matching stays fast) and returns an
            empty string, True or None for yes, or the reason why not.

    Raises:
        TypeError: If something is no tuple, or of the wrong type.
        ValueError: If there is no such axis, rank, part, dtype or layer of Keras; the message says what there is.
    """

    layer_types: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    when: Callable[[Activation], str | bool | None] | None = None

    def __post_init__(self) -> None:
        for name in ("layer_types", "axes", "ranks", "parts", "dtypes"):
            self._make_tuple(name, int if name == "ranks" else str)
        if self.when is not None and not callable(self.when):
            raise TypeError(f"Handles(when={self.when!r}): a function of the activation is needed")
        _refuse_misspelt_layers(self.layer_types)
        _refuse_unknown_axes(self.axes)
        _refuse_impossible_ranks(self.ranks, self.axes)
        _refuse_misspelt_parts(self.parts)
        _refuse_unknown_dtypes(self.dtypes)

    def _make_tuple(self, name: str, item_type: type[int | str]) -> None:
        """Replace what an attribute holds by a tuple, if it is a collection of items of one type."""
        argument = getattr(self, name)
        if isinstance(argument, str) or not isinstance(argument, Iterable):
            raise TypeError(f"Handles({name}={argument!r}): a tuple is needed, such as ({argument!r},)")
        items = tuple(argument)
        for item in items:
            if not isinstance(item, item_type) or isinstance(item, bool):
                kind = "whole numbers" if item_type is int else "names in quotes"
                raise TypeError(f"Handles({name}={argument!r}): {kind} are needed, {item!r} is none")
        object.__setattr__(self, name, items)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is named."""
        return not (self.layer_types or self.axes or self.ranks or self.parts or self.dtypes or self.when)

    def match(self, activation: Activation) -> Match:
        """Say yes, or why not."""
        distance = _ANY_TYPE
        if self.layer_types:
            distances = _distances(self.layer_types, activation.layer.type_names)
            if not distances:
                return _no(f"takes {_few(self.layer_types)} layers, this is {activation.layer.type_name}")
            distance = min(distances)
        if self.ranks and activation.rank not in self.ranks:
            return _no(f"takes rank {or_list(map(str, self.ranks))}, this is rank {activation.rank}")
        if self.axes and activation.axes != self.axes:
            return _no(f"takes axes ({', '.join(self.axes)}), these are ({', '.join(activation.axes)})")
        if self.parts and activation.part not in self.parts:
            return _no(f"takes {or_list(self.parts)}, this is {activation.part}")
        if self.dtypes and activation.dtype not in _types_of(self.dtypes):
            return _no(f"takes {_types_in_words(self.dtypes)}, this layer answers {_type_in_words(activation.dtype)}")
        if 0 in activation.shape:
            extents = "×".join(map(str, activation.shape))
            return _no(f"needs at least one value, this layer answers none ({extents})")
        return _verdict(self.when(activation) if self.when else None, distance)

    def in_words(self) -> str:
        """Return what is handled, such as ``"RNN layers, axes (sample, time, unit)"``."""
        restrictive = [name for name in self.layer_types if name != ANY_LAYER]
        words = [f"{_few(restrictive)} layers"] if restrictive else []
        words += [f"rank {or_list(map(str, self.ranks))}"] if self.ranks else []
        words += [f"axes ({', '.join(self.axes)})"] if self.axes else []
        words += [or_list(self.parts)] if self.parts else []
        if self.dtypes and not (set(self.dtypes) == {"number"} and words):
            words.append(_types_in_words(self.dtypes))
        return ", ".join(words) or "any layer"


def _few(names: Sequence[str]) -> str:
    if len(names) <= _FEW:
        return or_list(names)
    return f"{', '.join(names[:_FEW])} and {len(names) - _FEW} more kinds of"


def _no(reason: str) -> Match:
    return Match(False, reason)


def _distances(layer_types: Iterable[str], class_names: Sequence[str]) -> list[int]:
    """Steps from a layer's own class, which is named first, to each of the types that it is one of."""
    return [
        _ANY_TYPE if name == ANY_LAYER else class_names.index(name)
        for name in layer_types
        if name in class_names or name == ANY_LAYER
    ]


def _verdict(result: Any, distance: int) -> Match:
    if result is False:
        return _no("says no, and gives no reason")
    if result is None or result is True or result == "":
        return Match(True, distance=distance)
    if not isinstance(result, str):
        raise TypeError(f"when() returned {result!r}; '' is needed for yes, or the reason why not")
    return _no(result)


def _types_of(dtypes: Iterable[str]) -> frozenset[str]:
    return frozenset(name for dtype in dtypes for name in _DTYPES.get(dtype, (dtype,)))


def _types_in_words(dtypes: Iterable[str]) -> str:
    words = {"number": "numbers", "floating": "floating-point numbers", "integer": "whole numbers", "string": "text"}
    return or_list([words.get(dtype, dtype) for dtype in dtypes])


def _type_in_words(dtype: str) -> str:
    return "text" if dtype == "string" else dtype


def _refuse_misspelt_layers(layer_types: tuple[str, ...]) -> None:
    # A name that Keras does not have may be a stranger's own class; one that differs by its capitals is a slip.
    for layer_type in layer_types:
        others = [name for name in keras_layer_names() if name.lower() == layer_type.lower() and name != layer_type]
        if others and layer_type not in keras_layer_names():
            raise ValueError(
                f"Handles(layer_types={layer_types!r}): Keras has no layer {layer_type!r}; "
                f"did you mean {min(others)!r}?"
            )


def _refuse_unknown_axes(axes: tuple[str, ...]) -> None:
    for axis in axes:
        if axis not in _AXES and not _NUMBERED_AXIS.match(axis):
            raise ValueError(
                f"Handles(axes={axes!r}): there is no axis {axis!r}{did_you_mean(axis, _AXES)} "
                f"The axes are: {', '.join(_AXES)}, axis1, axis2, …"
            )
    if axes and axes[0] != "sample":
        raise ValueError(f"Handles(axes={axes!r}): the first axis is always 'sample'")


def _refuse_impossible_ranks(ranks: tuple[int, ...], axes: tuple[str, ...]) -> None:
    if any(rank < 1 for rank in ranks):
        raise ValueError(f"Handles(ranks={ranks!r}): a rank is at least 1, as the sample axis counts")
    if ranks and axes and len(axes) not in ranks:
        raise ValueError(
            f"Handles(ranks={ranks!r}, axes={axes!r}): {len(axes)} axes are named, so this would match nothing"
        )


def _refuse_misspelt_parts(parts: tuple[str, ...]) -> None:
    # A stranger's layer may have parts of its own; a name close to one that there is, is a slip.
    for part in parts:
        suggestion = did_you_mean(part, _PARTS, closeness=0.75)
        if part not in _PARTS and suggestion != ".":
            raise ValueError(
                f"Handles(parts={parts!r}): there is no part {part!r}{suggestion} Known parts are: {', '.join(_PARTS)}"
            )


def _refuse_unknown_dtypes(dtypes: tuple[str, ...]) -> None:
    for dtype in dtypes:
        if dtype not in _ALL_DTYPES:
            raise ValueError(
                f"Handles(dtypes={dtypes!r}): there is no dtype {dtype!r}{did_you_mean(dtype, _ALL_DTYPES)} "
                f"There are: {', '.join(dict.fromkeys(_ALL_DTYPES))}"
            )
