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
            given, kind = getattr(self, name), int if name == "ranks" else str
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise TypeError(f"Handles({name}={given!r}): a tuple is needed, such as ({given!r},)")
            object.__setattr__(self, name, tuple(given))
            for each in getattr(self, name):
                if not isinstance(each, kind) or isinstance(each, bool):
                    words = "whole numbers are needed" if kind is int else "names in quotes are needed"
                    raise TypeError(f"Handles({name}={given!r}): {words}, {each!r} is none")
        if self.when is not None and not callable(self.when):
            raise TypeError(f"Handles(when={self.when!r}): a function of the activation is needed")
        fault = _layer_fault(self.layer_types) or _axis_fault(self.axes) or _rank_fault(self.ranks, self.axes)
        fault = fault or _part_fault(self.parts) or _dtype_fault(self.dtypes)
        if fault:
            raise ValueError(f"Handles({fault}")

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is named."""
        return not (self.layer_types or self.axes or self.ranks or self.parts or self.dtypes or self.when)

    def match(self, activation: Activation) -> Match:
        """Say yes, or why not."""
        distance = _ANY_TYPE
        if self.layer_types:
            names = activation.layer.type_names
            steps = [
                _ANY_TYPE if wanted == ANY_LAYER else names.index(wanted)
                for wanted in self.layer_types
                if wanted in names or wanted == ANY_LAYER
            ]
            if not steps:
                return _no(f"takes {_few(self.layer_types)} layers, this is {activation.layer.type_name}")
            distance = min(steps)
        if self.ranks and activation.rank not in self.ranks:
            return _no(f"takes rank {or_list(map(str, self.ranks))}, this is rank {activation.rank}")
        if self.axes and activation.axes != self.axes:
            return _no(f"takes axes ({', '.join(self.axes)}), these are ({', '.join(activation.axes)})")
        if self.parts and activation.part not in self.parts:
            return _no(f"takes {or_list(self.parts)}, this is {activation.part}")
        if self.dtypes and activation.dtype not in _named_types(self.dtypes):
            return _no(f"takes {_types_in_words(self.dtypes)}, this layer answers {_type_in_words(activation.dtype)}")
        if 0 in activation.shape:
            extents = "×".join(map(str, activation.shape))
            return _no(f"needs at least one value, this layer answers none ({extents})")
        return _answer(self.when(activation) if self.when else None, distance)

    def in_words(self) -> str:
        """Return what is handled, such as ``"RNN layers, axes (sample, time, unit)"``."""
        named = [each for each in self.layer_types if each != ANY_LAYER]
        words = [f"{_few(named)} layers"] if named else []
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


def _answer(said: Any, distance: int) -> Match:
    if said is False:
        return _no("says no, and gives no reason")
    if said is None or said is True or said == "":
        return Match(True, distance=distance)
    if not isinstance(said, str):
        raise TypeError(f"when() returned {said!r}; '' is needed for yes, or the reason why not")
    return _no(said)


def _named_types(dtypes: Iterable[str]) -> frozenset[str]:
    return frozenset(name for each in dtypes for name in _DTYPES.get(each, (each,)))


def _types_in_words(dtypes: Iterable[str]) -> str:
    words = {"number": "numbers", "floating": "floating-point numbers", "integer": "whole numbers", "string": "text"}
    return or_list([words.get(each, each) for each in dtypes])


def _type_in_words(dtype: str) -> str:
    return "text" if dtype == "string" else dtype


def _layer_fault(layer_types: tuple[str, ...]) -> str:
    # A name that Keras does not have may be a stranger's own class; one that differs by its capitals is a slip.
    for given in layer_types:
        slips = [name for name in keras_layer_names() if name.lower() == given.lower() and name != given]
        if slips and given not in keras_layer_names():
            return f"layer_types={layer_types!r}): Keras has no layer {given!r}; did you mean {sorted(slips)[0]!r}?"
    return ""


def _axis_fault(axes: tuple[str, ...]) -> str:
    for given in axes:
        if given not in _AXES and not _NUMBERED_AXIS.match(given):
            meant = did_you_mean(given, _AXES)
            return (
                f"axes={axes!r}): there is no axis {given!r}{meant} The axes are: {', '.join(_AXES)}, axis1, axis2, …"
            )
    if axes and axes[0] != "sample":
        return f"axes={axes!r}): the first axis is always 'sample'"
    return ""


def _rank_fault(ranks: tuple[int, ...], axes: tuple[str, ...]) -> str:
    if any(rank < 1 for rank in ranks):
        return f"ranks={ranks!r}): a rank is at least 1, as the sample axis counts"
    if ranks and axes and len(axes) not in ranks:
        return f"ranks={ranks!r}, axes={axes!r}): {len(axes)} axes are named, so this would match nothing"
    return ""


def _part_fault(parts: tuple[str, ...]) -> str:
    # A stranger's layer may have parts of its own; a name close to one that there is, is a slip.
    for given in parts:
        meant = did_you_mean(given, _PARTS, closeness=0.75)
        if given not in _PARTS and meant != ".":
            return f"parts={parts!r}): there is no part {given!r}{meant} Known parts are: {', '.join(_PARTS)}"
    return ""


def _dtype_fault(dtypes: tuple[str, ...]) -> str:
    known = (*_DTYPES, *_DTYPES["number"])
    for given in dtypes:
        if given not in known:
            meant = did_you_mean(given, known)
            return (
                f"dtypes={dtypes!r}): there is no dtype {given!r}{meant} There are: {', '.join(dict.fromkeys(known))}"
            )
    return ""
