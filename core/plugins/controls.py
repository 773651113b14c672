"""The options of a picture as a page draws them, and which value is taken for one that does not suit; plain values."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = [
    "GROUPS",
    "RANGES",
    "SEVERAL",
    "Control",
    "ControlKind",
    "Follower",
    "Group",
    "as_tuple",
    "in_order",
    "suited",
]

ControlKind = Literal[
    "integer",
    "number",
    "switch",
    "choice",
    "choices",
    "text",
    "index",
    "indices",
    "range",
    "integer_range",
    "region",
    "colour",
]
Follower = Literal["", "unit", "class", "region", "meaning"]
Group = Literal["look", "explain", "units", "samples", "numbers", "weights"]
GROUPS: Final[Mapping[Group, str]] = {
    "look": "what a layer answered to one sample",
    "explain": "what of the input, or of the model, an answer rests on",
    "units": "single units, and which of them answer the most",
    "samples": "many samples beside one another",
    "numbers": "statistics and values",
    "weights": "the weights of a layer",
}
"""The groups that pictures stand in on the page, in that order, each with what its pictures show."""
SEVERAL: Final = (list, tuple, set, frozenset)
"""What holds several values of an option."""
RANGES: Final = frozenset({"range", "integer_range"})
"""Kinds of control with two ends."""
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_POSITIONS: Final = frozenset({"index", "integer", "number"})


@dataclass(frozen=True)
class Control:
    """One option as the page draws it; plain values only.

    Attributes:
        name: Name of the option.
        title: What stands beside the control.
        kind: Which control suits it.
        default: Value where nothing was chosen, fitted to the activation.
        description: Help text, may be empty.
        minimum: Smallest value, or None.
        maximum: Largest value, or None.
        choices: What can be chosen, for ``choice`` and ``choices``.
        axis: For ``index`` and ``indices``, the axis it is a position on.
        optional: True where None is a value.
        step: What values are a multiple of, or None.
        choice_titles: What each choice is called, where that is not its own text.
        follows: What of the page's one selection it is, which all pictures share: one unit or channel, a class, a
            region, or what the output is taken for; empty for an option of its own.
        none_title: What None is called, where it is a value.
        acts_when: Options that this one depends on, and with which of their values it acts, any where there are none;
            empty if it always acts.
        is_idle: True where it changes nothing of this activation, whatever the other options are.
    """

    name: str
    title: str
    kind: ControlKind
    default: Any
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    axis: str = ""
    optional: bool = False
    step: float | None = None
    choice_titles: tuple[str, ...] = ()
    follows: Follower = ""
    none_title: str = "automatic"
    acts_when: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    is_idle: bool = False

    def acts(self, values: Mapping[str, Any]) -> bool:
        """Return whether this option changes anything, given the values of all options by name."""
        if self.is_idle:
            return False
        return not self.acts_when or any(_acts_with(values.get(option), wanted) for option, wanted in self.acts_when)


def suited(value: Any, control: Control) -> Any:
    """Return the value that is taken for a given one: itself, the nearest that suits, or the default.

    Args:
        value: May come from an old link, or from another layer.
        control: What it must suit.
    """
    value = value.value if isinstance(value, enum.Enum) else as_tuple(value)
    if value is None:
        return None if control.optional else control.default
    if control.kind in RANGES:
        return _suited_range(value, control)
    if control.kind == "region":
        return value if _is_region(value) else control.default
    if control.kind == "indices":
        last = int(control.maximum or 0)
        given = value if isinstance(value, tuple) else (value,)
        kept = tuple(dict.fromkeys(index for index in given if isinstance(index, int) and 0 <= index <= last))
        return kept or control.default
    if control.kind in _POSITIONS:
        return _suited_number(value, control)
    if control.kind == "choice":
        return value if _is_among(value, control.choices) else control.default
    if control.kind == "choices":
        chosen = in_order(value, control.choices) if isinstance(value, tuple) else ()
        return value if chosen and len(chosen) == len(value) else chosen or control.default
    if control.kind == "switch":
        return value if isinstance(value, bool) else control.default
    if control.kind == "colour":
        return value.lower() if isinstance(value, str) and _COLOUR.fullmatch(value) else control.default
    return value if isinstance(value, str) else control.default


def _suited_number(value: Any, control: Control) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return control.default
    if control.kind != "number" and value != int(value):
        return control.default
    if control.minimum is not None:
        value = max(value, type(value)(control.minimum))
    return value if control.maximum is None else min(value, type(value)(control.maximum))


def _suited_range(value: Any, control: Control) -> Any:
    if not isinstance(value, tuple) or len(value) != 2:
        return control.default
    if not all(isinstance(end, (int, float)) and not isinstance(end, bool) and math.isfinite(end) for end in value):
        return control.default
    low, high = (control.minimum or 0.0), (control.maximum or 0.0)
    ends = sorted(min(max(end, low), high) for end in value)
    return tuple(round(end) if control.kind == "integer_range" else float(end) for end in ends)


def _is_region(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) != 4:
        return False
    return all(isinstance(end, (int, float)) and not isinstance(end, bool) and math.isfinite(end) for end in value)


def _is_among(value: Any, choices: Sequence[Any]) -> bool:
    # 1 == True: a whole number is no switch, and the other way round.
    return any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in choices)


def in_order(values: Any, choices: Sequence[Any]) -> Any:
    """Return those of several choices that are among some values, in their order; None where there are no values."""
    if values is None:
        return None
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]
    return tuple(choice for choice in choices if _is_among(choice, plain))


def as_tuple(value: Any) -> Any:
    """Return several values as a tuple, whatever holds them, and one as it is."""
    return tuple(value) if isinstance(value, SEVERAL) else value


def _acts_with(value: Any, wanted: tuple[Any, ...]) -> bool:
    return value in wanted if wanted else not (value is None or value is False or value == "")
