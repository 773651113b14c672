"""Which activations a visualizer can draw, declared so that a mistake is found when the plugin is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final, TypeAlias

from core.common.text import did_you_mean, or_list
from core.extraction.activation import STEP_AXIS, Activation
from core.models.configuration import keras_layer_names

__all__ = ["ANY_LAYER", "Handles", "Match", "Missing", "without_units"]

AxisNames: TypeAlias = "tuple[str | EllipsisType, ...]"
ANY_LAYER: Final = "Layer"
"""The base of all layers: who names it takes every layer."""

_ANY_TYPE: Final = 1_000
_FEW: Final = 4
_MOST_KINDS: Final = 6
# Base classes that no user of Keras meets by name.
_KIND_OF_BASE: Final = {
    "BaseConv": "convolution",
    "BaseConvTranspose": "transposed convolution",
    "BaseDepthwiseConv": "depthwise convolution",
    "BaseSeparableConv": "separable convolution",
    "BasePooling": "pooling",
    "BaseGlobalPooling": "pooling",
    "BaseAdaptivePooling": "pooling",
    "RNN": "recurrent",
    "Bidirectional": "bidirectional",
    "Operation": "operation",
}
# Where many classes are named, those of one kind are said by that kind.
_KIND_OF_CLASS: Final = {
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D"), "dropout"),
    "GaussianNoise": "noise",
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"), "activation"),
}
_DIMENSIONS: Final = re.compile(r"[123]D\Z")
_ANSWERS: Final = {1: "one number", 2: "vectors", 3: "sequences", 4: "feature maps", 5: "volumes"}
_ANSWERS_OF_AXES: Final[dict[AxisNames, str]] = {
    ("sample", "unit"): "vectors",
    ("sample", "time", "unit"): "sequences",
    ("sample", "frequency", "time"): "spectrograms",
    ("sample", "height", "width", "channel"): "feature maps",
    ("sample", "depth", "height", "width", "channel"): "volumes",
}
_AXES: Final = (
    *("sample", "unit", "time", "frequency", "height", "width", "depth", "channel", "head", "query", "key"),
    STEP_AXIS,
)
_OVER_STEPS: Final = "over the steps of a training"
_AT_ONE_MOMENT: Final = "at one moment"
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
class Missing:
    """What ``Handles(when=…)`` returns where the layer suits, and something is missing that the person can give.

    The page shows such a picture as one that cannot be chosen yet, with the reason: *needs at least 5 samples*. One
    that does not suit the layer at all, it does not show.

    Attributes:
        what: What to give, in a few words, such as ``"at least 5 samples"`` or ``"labels"``.

    Raises:
        ValueError: If it does not say what.
    """

    what: str

    def __post_init__(self) -> None:
        if not isinstance(self.what, str) or not self.what.strip():
            raise ValueError('Missing() needs to say what, in a few words, such as Missing("at least 5 samples")')


def without_units(activation: Activation) -> str:
    """Return why a picture of single units does not suit a layer; empty where its last axis is units or channels.

    For ``Handles(when=without_units)``, or as the first thing that a ``when`` of your own asks.
    """
    return "" if activation.axes[-1] in ("unit", "channel") else "takes layers whose last axis is units or channels"


@dataclass(frozen=True)
class Match:
    """Whether a visualizer handles an activation, and if not, why.

    Attributes:
        handled: The answer.
        reason: Why not; empty where it is handled.
        distance: Steps from the layer's class to the base class that was named; large where any layer will do.
        missing: Whether it would be handled if the person gave what the reason says.
    """

    handled: bool
    reason: str = ""
    distance: int = _ANY_TYPE
    missing: bool = False


@dataclass(frozen=True)
class Handles:
    """Which activations a visualizer can draw. What is left empty does not restrict, but one thing must be named.

    Attributes:
        layer_types: Class names of layers; a base class takes all that derive from it (``"RNN"`` takes LSTM and GRU,
            ``"Layer"`` every layer).
        axes: Names of the axes, all of them and in order; the first is always ``"sample"``, or ``"step"`` for a picture
            of what a layer answered over the steps of a training. ``...`` at the end stands for whatever follows, none
            included: ``("step", "sample", ...)``.
        ranks: Numbers of axes, the sample axis counted.
        parts: ``"output"`` or internals such as ``"cell_state"``.
        dtypes: ``"floating"``, ``"integer"``, ``"bool"``, ``"number"`` for any of the three, ``"string"``, or a type
            such as ``"float16"``.
        when: Looks at the activation's description (not at its values, so that matching stays fast) and returns an
            empty string, True or None for yes, the reason why not, or a :class:`Missing`.

    Raises:
        TypeError: If something is no tuple, or of the wrong type.
        ValueError: If there is no such axis, rank, part, dtype or layer of Keras; the message says what there is.
    """

    layer_types: tuple[str, ...] = ()
    axes: AxisNames = ()
    ranks: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    when: Callable[[Activation], str | bool | Missing | None] | None = None

    def __post_init__(self) -> None:
        for name in ("layer_types", "axes", "ranks", "parts", "dtypes"):
            item_type = {"ranks": int, "axes": str | EllipsisType}.get(name, str)
            object.__setattr__(self, name, _tuple_of(name, getattr(self, name), item_type))
        if self.when is not None and not callable(self.when):
            raise TypeError(_message("a function of the activation is needed", when=self.when))
        _check_layer_types(self.layer_types)
        _check_axes(self.axes)
        _check_ranks(self.ranks, self.axes)
        _check_parts(self.parts)
        _check_dtypes(self.dtypes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is named."""
        return not (self.layer_types or self.axes or self.ranks or self.parts or self.dtypes or self.when)

    @property
    def is_over_steps(self) -> bool:
        """Whether it takes what a layer answers over the steps of a training; nobody does who does not say so."""
        return self.axes[:1] == (STEP_AXIS,)

    def match(self, activation: Activation) -> Match:
        """Say yes, or why not."""
        distance = _ANY_TYPE
        if self.is_over_steps != activation.is_over_steps:
            taken, shown = (_OVER_STEPS, _AT_ONE_MOMENT) if self.is_over_steps else (_AT_ONE_MOMENT, _OVER_STEPS)
            return _no(f"takes what a layer answers {taken}, this is {shown}")
        if self.layer_types:
            bases = activation.layer.type_names
            distances = [
                _ANY_TYPE if layer_type == ANY_LAYER else bases.index(layer_type)
                for layer_type in self.layer_types
                if layer_type in bases or layer_type == ANY_LAYER
            ]
            if not distances:
                return _no(f"takes {_few(self.layer_types)} layers, this is {activation.layer.type_name}")
            distance = min(distances)
        if self.ranks and activation.rank not in self.ranks:
            return _no(f"takes rank {or_list(map(str, self.ranks))}, this is rank {activation.rank}")
        if self.axes and not _are_axes(activation.axes, self.axes):
            return _no(f"takes axes ({', '.join(_words(self.axes))}), these are ({', '.join(activation.axes)})")
        if self.parts and activation.part not in self.parts:
            return _no(f"takes {or_list(self.parts)}, this is {activation.part}")
        if self.dtypes and activation.dtype not in _named_types(self.dtypes):
            return _no(f"takes {_types_in_words(self.dtypes)}, this layer answers {_type_in_words(activation.dtype)}")
        if 0 in activation.shape:
            extents = "×".join(map(str, activation.shape))
            return _no(f"needs at least one value, this layer answers none ({extents})")
        return _match_of_condition(self.when(activation) if self.when else None, distance)

    def in_words(self) -> str:
        """Return what is handled in the words of the field, such as ``"recurrent layers that answer sequences"``."""
        layer_types = [layer_type for layer_type in self.layer_types if layer_type != ANY_LAYER]
        # With a condition it is not every one.
        is_every = not layer_types and self.when is None
        words = "every layer" if is_every else f"{_kinds(layer_types)} layers".lstrip()
        verb = "answers" if is_every else "answer"
        if self.axes[1:] in ((...,), ("sample", ...)):
            pass
        elif self.axes or self.ranks:
            words += f" that {verb} {self._answers_in_words()}"
        elif self.dtypes and not (set(self.dtypes) == {"number"} and layer_types):
            words += f" that {verb} {_types_in_words(self.dtypes)}"
        inside = [part.replace("_", " ") for part in self.parts if part != "output"]
        if inside:
            words += f", {'its' if is_every else 'their'} {or_list(inside)}"
        return f"{words}, {_OVER_STEPS}" if self.is_over_steps else words

    def _answers_in_words(self) -> str:
        if not self.axes:
            return or_list([_ANSWERS.get(rank, f"{rank} axes") for rank in self.ranks])
        axes = self.axes[1:] if self.is_over_steps and self.axes[1:2] == ("sample",) else self.axes
        return _ANSWERS_OF_AXES.get(axes, " × ".join(_words(axes[1:])) or "one number")


def _are_axes(axes: tuple[str, ...], declared: AxisNames) -> bool:
    if declared[-1] is ...:
        return axes[: len(declared) - 1] == declared[:-1]
    return axes == declared


def _words(axes: AxisNames) -> list[str]:
    return ["…" if axis is ... else str(axis) for axis in axes]


def _few(names: Sequence[str]) -> str:
    if len(names) <= _FEW:
        return or_list(names)
    return f"{', '.join(names[:_FEW])} and {len(names) - _FEW} more kinds of"


def _kinds(layer_types: Sequence[str]) -> str:
    if not layer_types:
        return ""
    kinds = [_KIND_OF_BASE.get(name, name) for name in layer_types]
    if len(layer_types) > _FEW:
        kinds = [_KIND_OF_CLASS.get(kind, _DIMENSIONS.sub("", kind)) for kind in kinds]
    kinds = list(dict.fromkeys(kinds))
    if len(kinds) <= _MOST_KINDS:
        return or_list(kinds)
    return f"{', '.join(kinds[:_FEW])} and {len(kinds) - _FEW} more kinds of"


def _no(reason: str) -> Match:
    return Match(False, reason)


def _match_of_condition(answer: Any, distance: int) -> Match:
    if answer is False:
        return _no("says no, and gives no reason")
    if answer is None or answer is True or answer == "":
        return Match(True, distance=distance)
    if isinstance(answer, Missing):
        return Match(False, f"needs {answer.what}", distance, missing=True)
    if not isinstance(answer, str):
        raise TypeError(f"when() returned {answer!r}; '' is needed for yes, the reason why not, or a Missing")
    return _no(answer)


def _named_types(dtypes: Iterable[str]) -> frozenset[str]:
    return frozenset(name for dtype in dtypes for name in _DTYPES.get(dtype, (dtype,)))


def _types_in_words(dtypes: Iterable[str]) -> str:
    words = {"number": "numbers", "floating": "floating-point numbers", "integer": "whole numbers", "string": "text"}
    return or_list([words.get(dtype, dtype) for dtype in dtypes])


def _type_in_words(dtype: str) -> str:
    return "text" if dtype == "string" else dtype


def _message(reason: str, **arguments: Any) -> str:
    """Return the text of an error: the arguments as their author wrote them, and what is wrong with them."""
    return f"Handles({', '.join(f'{name}={value!r}' for name, value in arguments.items())}): {reason}"


def _tuple_of(name: str, value: Any, item_type: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(_message(f"a tuple is needed, such as ({value!r},)", **{name: value}))
    items = tuple(value)
    for item in items:
        if not isinstance(item, item_type) or isinstance(item, bool):
            needed = "whole numbers are needed" if item_type is int else "names in quotes are needed"
            raise TypeError(_message(f"{needed}, {item!r} is none", **{name: value}))
    return items


def _check_layer_types(layer_types: tuple[str, ...]) -> None:
    # A name that Keras does not have may be a stranger's own class; one that differs by its capitals is a slip.
    for layer_type in layer_types:
        known = keras_layer_names()
        slips = [name for name in known if name.lower() == layer_type.lower() and name != layer_type]
        if slips and layer_type not in known:
            reason = f"Keras has no layer {layer_type!r}; did you mean {sorted(slips)[0]!r}?"
            raise ValueError(_message(reason, layer_types=layer_types))


def _check_axes(axes: AxisNames) -> None:
    for axis in axes[:-1] if axes[-1:] == (...,) else axes:
        if axis is ...:
            raise ValueError(_message("'...' stands at the end, for whatever follows", axes=axes))
        if axis not in _AXES and not _NUMBERED_AXIS.match(axis):
            reason = f"there is no axis {axis!r}{did_you_mean(axis, _AXES)} The axes are: {', '.join(_AXES)}"
            raise ValueError(_message(f"{reason}, axis1, axis2, …", axes=axes))
    if axes and axes[0] not in ("sample", STEP_AXIS):
        reason = f"the first axis is always 'sample', or '{STEP_AXIS}' for a picture over the steps of a training"
        raise ValueError(_message(reason, axes=axes))


def _check_ranks(ranks: tuple[int, ...], axes: AxisNames) -> None:
    if any(rank < 1 for rank in ranks):
        raise ValueError(_message("a rank is at least 1, as the sample axis counts", ranks=ranks))
    if ranks and axes and axes[-1] is not ... and len(axes) not in ranks:
        reason = f"{len(axes)} axes are named, so this would match nothing"
        raise ValueError(_message(reason, ranks=ranks, axes=axes))


def _check_parts(parts: tuple[str, ...]) -> None:
    # A stranger's layer may have parts of its own; a name close to one that there is, is a slip.
    for part in parts:
        suggestion = did_you_mean(part, _PARTS, closeness=0.75)
        if part not in _PARTS and suggestion != ".":
            reason = f"there is no part {part!r}{suggestion} Known parts are: {', '.join(_PARTS)}"
            raise ValueError(_message(reason, parts=parts))


def _check_dtypes(dtypes: tuple[str, ...]) -> None:
    known = (*_DTYPES, *_DTYPES["number"])
    for dtype in dtypes:
        if dtype not in known:
            names = ", ".join(dict.fromkeys(known))
            reason = f"there is no dtype {dtype!r}{did_you_mean(dtype, known)} There are: {names}"
            raise ValueError(_message(reason, dtypes=dtypes))
