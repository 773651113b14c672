"""A visualizer's options, seen from the page: which controls there are, and whether given values fit."""

from __future__ import annotations

import enum
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.activation import Activation
from core.visualizer import IndexOf, Options, Visualizer

__all__ = ["Control", "describe_options", "fit_options"]

ControlKind = Literal["integer", "number", "switch", "choice", "choices", "text", "index", "indices"]


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


def describe_options(visualizer: Visualizer, activation: Activation) -> tuple[Control, ...]:
    """Return one control per option, with bounds that suit the activation."""
    return tuple(_control(name, field, activation) for name, field in visualizer.Options.model_fields.items())


def fit_options(
    visualizer: Visualizer, activation: Activation, values: Mapping[str, Any]
) -> tuple[Options, tuple[str, ...]]:
    """Make options from values that may come from an old link or from another layer.

    Args:
        visualizer: Whose options.
        activation: What they must suit.
        values: Values by option name; those not given take their default.

    Returns:
        The options, and one sentence for each value that had to be changed.
    """
    controls = {control.name: control for control in describe_options(visualizer, activation)}
    notes = [f"There is no option “{name}” here; it was left out." for name in values if name not in controls]
    fitted: dict[str, Any] = {}
    for name, control in controls.items():
        given = values.get(name, control.default)
        suited = _suited(given, control)
        if name in values and suited != (
            tuple(given) if control.kind == "indices" and isinstance(given, list) else given
        ):
            notes.append(f"{control.title}: {given!r} does not suit this layer, {suited!r} was taken.")
        fitted[name] = suited
    while True:
        try:
            return visualizer.Options.model_validate(fitted), tuple(notes)
        except ValidationError as error:
            bad = {str(problem["loc"][0]): problem["msg"] for problem in error.errors() if problem["loc"]}
            bad = {name: message for name, message in bad.items() if name in fitted}
            if not bad:
                raise
            for name, message in bad.items():
                title = controls[name].title
                notes.append(f"{title}: {fitted[name]!r} was refused ({message}), the default was taken.")
                del fitted[name]


def _control(name: str, field: FieldInfo, activation: Activation) -> Control:
    title = field.title or name.replace("_", " ").capitalize()
    description = field.description or ""
    annotation, optional = _without_none(field.annotation)
    metadata = [*field.metadata, *_annotated_metadata(field.annotation)]
    default = field.get_default(call_default_factory=True)
    axis, many = _index_axis(annotation, metadata)
    if axis:
        last = max(activation.extent(axis) - 1, 0)
        suited = default
        if default is not None:
            suited = tuple(dict.fromkeys(min(index, last) for index in default)) if many else min(default, last)
        kind: ControlKind = "indices" if many else "index"
        return Control(name, title, kind, suited, description, 0, last, axis=axis, optional=optional)
    minimum, maximum = _bounds(metadata, whole=annotation is int)
    choices = _choices(annotation)
    if choices:
        return Control(name, title, "choice", default, description, choices=choices, optional=optional)
    inner = _choices(typing.get_args(annotation)[0]) if typing.get_args(annotation) else ()
    if typing.get_origin(annotation) in (list, tuple) and inner:
        return Control(name, title, "choices", default, description, choices=inner)
    kinds: dict[Any, ControlKind] = {bool: "switch", int: "integer", float: "number"}
    return Control(
        name, title, kinds.get(annotation, "text"), default, description, minimum, maximum, optional=optional
    )


def _suited(value: Any, control: Control) -> Any:
    if value is None:
        return None if control.optional else control.default
    if control.kind == "indices":
        last = int(control.maximum or 0)
        if not isinstance(value, (list, tuple)):
            value = (value,)
        kept = tuple(dict.fromkeys(index for index in value if isinstance(index, int) and 0 <= index <= last))
        return kept or control.default
    if control.kind in ("index", "integer", "number"):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return control.default
        if control.kind != "number" and value != int(value):
            return control.default
        if control.minimum is not None:
            value = max(value, type(value)(control.minimum))
        return value if control.maximum is None else min(value, type(value)(control.maximum))
    if control.kind == "choice":
        return value if value in control.choices else control.default
    return value


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [part for part in typing.get_args(annotation) if part is not type(None)]
        if len(kept) == 1:
            return kept[0], True
    return annotation, False


def _annotated_metadata(annotation: Any) -> list[Any]:
    found: list[Any] = list(getattr(annotation, "__metadata__", ()))
    for part in typing.get_args(annotation):
        found.extend(_annotated_metadata(part) if part is not annotation else ())
    return found


def _index_axis(annotation: Any, metadata: list[Any]) -> tuple[str, bool]:
    axis = next((mark.axis for mark in metadata if isinstance(mark, IndexOf)), "")
    return axis, typing.get_origin(annotation) in (list, tuple)


def _bounds(metadata: list[Any], whole: bool) -> tuple[float | None, float | None]:
    minimum: Any = None
    maximum: Any = None
    for mark in metadata:
        if isinstance(mark, annotated_types.Ge):
            minimum = mark.ge
        elif isinstance(mark, annotated_types.Gt):
            minimum = _number(mark.gt) + whole
        elif isinstance(mark, annotated_types.Le):
            maximum = mark.le
        elif isinstance(mark, annotated_types.Lt):
            maximum = _number(mark.lt) - whole
    return minimum, maximum


def _number(bound: Any) -> float:
    return bound if isinstance(bound, int) else float(bound)


def _choices(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return tuple(member.value for member in annotation)
    return ()
