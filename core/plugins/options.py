"""A visualizer's options, seen from the page: which controls there are, and whether given values fit."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.extraction.activation import Activation
from core.plugins.controls import RANGES, SEVERAL, Control, ControlKind, Follower, as_tuple, in_order, suited
from core.plugins.visualizer import (
    ActsFromRank,
    ActsWhen,
    BoundsOf,
    ClassOf,
    ColourOf,
    IndexOf,
    LayerOf,
    MeaningOf,
    NoneTitle,
    Options,
    RegionOf,
    Visualizer,
)

__all__ = ["FittedOptions", "control_fault", "describe_options", "fit_options"]

_KINDS: Final[dict[Any, ControlKind]] = {bool: "switch", int: "integer", float: "number", str: "text"}
_UNIT_AXES: Final = ("unit", "channel")
_MARKS: Final = (IndexOf, ClassOf, LayerOf, RegionOf, MeaningOf, ColourOf)
_TYPES_IN_WORDS: Final = (
    "bool, int, float, str, Literal, Enum, any of these or None, a tuple of choices or positions, tuple[int, int] or "
    "tuple[float, float] with bounds, SampleIndex, UnitIndex, ChannelIndex, HeadIndex, TimestepIndex, StepIndex, "
    "ClassIndex, LayerKey, MeaningName, Region, Colour"
)


class FittedOptions(NamedTuple):
    """Options that suit an activation.

    Attributes:
        options: The options.
        notes: A sentence for each value that had to be changed.
        faults: By option, why its value was refused and the default taken; under ``""`` why values do not go together.
    """

    options: Options
    notes: tuple[str, ...]
    faults: Mapping[str, str]


@dataclass(frozen=True)
class _Declared:
    """What the annotation of an option says, before an activation is known."""

    kind: ControlKind | None
    optional: bool
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] = ()
    mark: IndexOf | ClassOf | LayerOf | RegionOf | MeaningOf | ColourOf | None = None


def describe_options(visualizer: Visualizer, activation: Activation) -> tuple[Control, ...]:
    """Return one control per option, with bounds that suit the activation."""
    controls = [_control(name, declared, activation) for name, declared in visualizer.Options.model_fields.items()]
    # Who asks for several units, as for three to be mixed, asks for others than the one that all pictures share.
    has_one_unit = sum(control.follows == "unit" for control in controls) == 1
    return tuple(
        control if has_one_unit or control.follows != "unit" else replace(control, follows="") for control in controls
    )


def control_fault(name: str, declared: FieldInfo) -> str:
    """Return why there is no control for an option, as the end of a sentence; empty if there is one."""
    read = _read(declared)
    if read.kind is None:
        kind = getattr(declared.annotation, "__name__", None) or str(declared.annotation)
        return f"has an option {name!r} of type {kind}, for which there is no control; there are: {_TYPES_IN_WORDS}"
    has_bounds = any(isinstance(each, BoundsOf) for each in declared.metadata)
    if read.kind in RANGES and not has_bounds and (read.minimum is None or read.maximum is None):
        return (
            f"has an option {name!r} that is a range without bounds; give both parts some, such as "
            "tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]]"
        )
    return ""


def fit_options(visualizer: Visualizer, activation: Activation, values: Mapping[str, Any]) -> FittedOptions:
    """Make options from values that may come from an old link or from another layer.

    Args:
        visualizer: Whose options.
        activation: What they must suit.
        values: Values by option name; those not given take their default.

    Raises:
        pydantic.ValidationError: If the defaults themselves are refused.
    """
    controls = {control.name: control for control in describe_options(visualizer, activation)}
    notes = [f"There is no option “{name}” here; it was left out." for name in values if name not in controls]
    fitted = {name: control.default for name, control in controls.items()}
    for name, control in controls.items():
        if name in values:
            fitted[name] = suited(values[name], control)
            if fitted[name] != as_tuple(values[name]) and not _is_rounded(values[name], fitted[name], control):
                notes.append(f"{control.title}: {values[name]!r} does not suit this layer, {fitted[name]!r} was taken.")
    options, faults = _validated(visualizer.Options, fitted, controls)
    return FittedOptions(options, tuple(notes), faults)


def _validated(
    model: type[Options], fitted: dict[str, Any], controls: Mapping[str, Control]
) -> tuple[Options, dict[str, str]]:
    faults: dict[str, str] = {}
    while True:
        try:
            return model.model_validate(fitted), faults
        except ValidationError as error:
            bad = {str(problem["loc"][0]): problem["msg"] for problem in error.errors() if problem["loc"]}
            bad = {name: message for name, message in bad.items() if name not in faults}
            if bad:
                faults |= bad
                fitted = {**fitted, **{name: controls[name].default for name in bad}}
            elif "" not in faults and any(not problem["loc"] for problem in error.errors()):
                faults[""] = error.errors()[0]["msg"]
                fitted = {name: control.default for name, control in controls.items()}
            else:
                raise


def _control(name: str, declared: FieldInfo, activation: Activation) -> Control:
    read = _read(declared)
    default = declared.get_default(call_default_factory=True)
    if isinstance(default, enum.Enum):
        default = default.value
    control = Control(
        name,
        declared.title or name.replace("_", " ").capitalize(),
        read.kind or "text",
        default,
        declared.description or "",
        read.minimum,
        read.maximum,
        read.choices,
        optional=read.optional,
        step=read.step,
        follows=_followed(read),
    )
    control = _with_marks(control, declared, activation)
    if bounds := next((mark for mark in declared.metadata if isinstance(mark, BoundsOf)), None):
        return _within_bounds(control, *bounds.of(activation))
    if isinstance(read.mark, IndexOf):
        axis = _axis_of(read.mark, activation)
        last = max(activation.extent(axis) - 1, 0)
        # One name for one thing: "Unit" of a convolution is its channel.
        title = axis.capitalize() if control.title.lower() == read.mark.axis else control.title
        control = replace(control, title=title, minimum=0, maximum=last, axis=axis)
        return replace(control, default=_within(default, last))
    if isinstance(read.mark, ClassOf):
        return _class_control(control, activation)
    if isinstance(read.mark, LayerOf):
        keys = activation.keys_of_pass
        if control.optional:
            return replace(control, choices=(None, *keys), choice_titles=(control.none_title, *keys), default=None)
        chosen = default if default in keys else activation.key
        return replace(control, choices=keys, choice_titles=keys, default=chosen)
    if control.kind == "choices":
        return replace(control, default=in_order(default, control.choices))
    return control


def _followed(read: _Declared) -> Follower:
    if read.kind == "index" and isinstance(read.mark, IndexOf) and read.mark.axis in _UNIT_AXES:
        return "unit"
    if isinstance(read.mark, ClassOf):
        return "class"
    if isinstance(read.mark, MeaningOf):
        return "meaning"
    return "region" if read.kind == "region" else ""


def _with_marks(control: Control, declared: FieldInfo, activation: Activation) -> Control:
    for mark in declared.metadata:
        if isinstance(mark, ActsWhen):
            control = replace(control, acts_when=(*control.acts_when, (mark.option, mark.values)))
        elif isinstance(mark, ActsFromRank):
            rank = activation.rank_of_answer if mark.of_answer else activation.rank
            control = replace(control, is_idle=not mark.rank <= rank <= (mark.to or rank))
        elif isinstance(mark, NoneTitle):
            control = replace(control, none_title=mark.title)
    return control


def _axis_of(mark: IndexOf, activation: Activation) -> str:
    if mark.axis not in _UNIT_AXES or mark.axis in activation.axes:
        return mark.axis
    return next((axis for axis in _UNIT_AXES if axis == activation.axes[-1]), mark.axis)


def _class_control(control: Control, activation: Activation) -> Control:
    names, labels = activation.context.class_names, activation.context.labels
    if names:
        default = control.default if control.default is None else min(max(control.default, 0), len(names) - 1)
        absent: tuple[Any, ...] = (None,) if control.optional else ()
        titles = (*([control.none_title] if control.optional else []), *names)
        choices: tuple[Any, ...] = (*absent, *range(len(names)))
        return replace(control, kind="choice", choices=choices, choice_titles=titles, default=default)
    return replace(control, minimum=0, maximum=int(labels.max()) if labels is not None and labels.size else None)


def _within_bounds(control: Control, low: float, high: float) -> Control:
    """Return a control with the bounds that an activation has, within those that are declared."""
    least = low if control.minimum is None else max(low, control.minimum)
    most = max(least, high if control.maximum is None else min(high, control.maximum))
    bounded = replace(control, minimum=least, maximum=most)
    return replace(bounded, default=suited(control.default, bounded))


def _within(default: Any, last: int) -> Any:
    if default is None:
        return None
    if isinstance(default, SEVERAL):
        return tuple(dict.fromkeys(min(index, last) for index in default))
    return min(default, last)


def _is_rounded(given: Any, fitted: Any, control: Control) -> bool:
    # What is dragged over a chart has no whole ends.
    if control.kind != "integer_range" or not isinstance(given, SEVERAL) or len(given) != len(fitted):
        return False
    numbers = all(isinstance(end, int | float) for end in given)
    return numbers and all(abs(end - whole) < 1 for end, whole in zip(sorted(given), fitted, strict=True))


def _read(declared: FieldInfo) -> _Declared:
    annotation, optional = _without_none(declared.annotation)
    metadata = [*declared.metadata, *_annotated_metadata(annotation)]
    parts, origin = typing.get_args(annotation), typing.get_origin(annotation)
    if origin is typing.Annotated:
        annotation, parts, origin = parts[0], typing.get_args(parts[0]), typing.get_origin(parts[0])
    several = origin in SEVERAL
    bare = [_bare(part) for part in parts if part is not Ellipsis] if several else [annotation]
    mark = next((each for each in metadata if isinstance(each, _MARKS)), None)
    minimum, maximum, step = _bounds(metadata, whole=bare[:1] == [int])
    read = _Declared(None, optional, minimum, maximum, step, mark=mark)
    choices = _choices(bare[0]) if bare else ()
    if origin is tuple and len(bare) == 2 and bare[0] is bare[1] and bare[0] in (int, float):
        return replace(read, kind="integer_range" if bare[0] is int else "range")
    if isinstance(mark, (RegionOf, ColourOf)):
        is_region = isinstance(mark, RegionOf)
        # Streamlit's control for a colour has no way to have none.
        return replace(read, kind="region" if is_region else None if optional else "colour", optional=is_region)
    if several:
        if isinstance(mark, IndexOf):
            return replace(read, kind="indices")
        return replace(read, kind="choices", choices=choices) if choices and not optional else read
    if isinstance(mark, IndexOf):
        return replace(read, kind="index")
    if isinstance(mark, LayerOf):
        return replace(read, kind="choice")
    if annotation is bool and optional:
        return replace(read, kind="choice", choices=(None, True, False))
    if choices:
        return replace(read, kind="choice", choices=(None, *choices) if optional else choices)
    return replace(read, kind=_KINDS.get(annotation))


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [part for part in typing.get_args(annotation) if part is not type(None)]
        if len(kept) == 1:
            return kept[0], True
    return annotation, False


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _annotated_metadata(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for each in getattr(annotation, "__metadata__", ()):
        found.extend(each.metadata if isinstance(each, FieldInfo) else [each])
    if typing.get_origin(annotation) is Literal:
        return found
    for part in typing.get_args(annotation):
        found.extend(_annotated_metadata(part) if part is not annotation else ())
    return found


def _bounds(metadata: list[Any], whole: bool) -> tuple[float | None, float | None, float | None]:
    minimum: Any = None
    maximum: Any = None
    step: Any = None
    for mark in metadata:
        if isinstance(mark, annotated_types.Ge):
            minimum = mark.ge
        elif isinstance(mark, annotated_types.Gt):
            minimum = _number(mark.gt) + whole
        elif isinstance(mark, annotated_types.Le):
            maximum = mark.le
        elif isinstance(mark, annotated_types.Lt):
            maximum = _number(mark.lt) - whole
        elif isinstance(mark, annotated_types.MultipleOf):
            step = mark.multiple_of
    return minimum, maximum, step


def _number(bound: Any) -> float:
    return bound if isinstance(bound, int) else float(bound)


def _choices(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return tuple(member.value for member in annotation)
    return ()
