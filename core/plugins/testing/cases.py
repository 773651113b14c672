"""What a visualizer is tried on: real layers that it claims to handle, and what can be wrong with their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from core.extraction.activation import Activation
from core.extraction.extractor import Extractor
from core.plugins.controls import Control
from core.plugins.options import describe_options
from core.plugins.testing.activations import make_activation
from core.plugins.testing.models import LAYER_KINDS, small_activations
from core.plugins.testing.over_steps import small_activations_over_steps
from core.plugins.visualizer import Visualizer

__all__ = ["CASES", "Case", "cases_of"]

CASES: Final[Mapping[str, str]] = {
    "as recorded": "a batch of six, with options at their defaults",
    "options at their lowest": "every option at its lowest value or first choice",
    "options at their highest": "every option at its highest value or last choice",
    "batch of one": "a single sample",
    "one unit": "a layer with one unit or channel",
    "hundreds of channels": "a layer with 300 units or channels",
    "long sequence": "1,000 timesteps",
    "one step": "a single step of a training",
    "many steps": "500 steps of a training",
    "NaN": "some values are NaN",
    "infinite": "some values are infinite",
    "all NaN": "no value is a number",
    "all zeros": "every value is zero",
    "constant": "every value is the same",
    "float16": "half precision, with values near its largest",
    "masked": "the last third of each sequence is padding",
}
"""What each visualizer is tried on; the names are part of the API."""

_MOST_LAYERS: Final = 4
_SHAPES: Final[dict[str, dict[str, int]]] = {
    "batch of one": {"samples": 1},
    "one unit": {"width": 1},
    "hundreds of channels": {"width": 300},
    "long sequence": {"steps": 1_000},
}


@dataclass(frozen=True)
class Case:
    """One activation that a visualizer claims to handle.

    Attributes:
        name: One of :data:`CASES`.
        activation: The activation.
        kind: Kind of the layer's small model, see :data:`vizplugins.testing.LAYER_KINDS`; empty if there is none.
        is_first: Whether it is of the layer that the visualizer suits first.
        options: Option values by name.
    """

    name: str
    activation: Activation
    kind: str = ""
    is_first: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extractor(self) -> Extractor | None:
        """The model whose layer answered that, of the same shape, for a picture that runs it again; None if made up."""
        return self.activation.extractor


def cases_of(visualizer: Visualizer) -> Iterator[Case]:
    """Yield what a visualizer is tried on; nothing if it handles no layer that there is."""
    is_over_steps = visualizer.handles.is_over_steps
    activations_of, other_shapes = (
        (small_activations_over_steps, _other_shapes_over_steps)
        if is_over_steps
        else (small_activations, _other_shapes)
    )
    for number, (kind, activation) in enumerate(_layers_that_suit(visualizer, activations_of)):
        first = number == 0
        yield Case("as recorded", activation, kind, first)
        controls = describe_options(visualizer, activation)
        for name, end in (("options at their lowest", _lowest), ("options at their highest", _highest)):
            yield Case(name, activation, kind, first, {control.name: end(control) for control in controls})
        for name, changed in (*other_shapes(kind, activation), *_other_values(activation)):
            if visualizer.handles.match(changed).handled:
                yield Case(name, changed, kind, first)


def _layers_that_suit(
    visualizer: Visualizer, activations_of: Callable[[str], Mapping[str, Activation]]
) -> list[tuple[str, Activation]]:
    found: dict[Any, tuple[str, Activation]] = {}
    named = bool(visualizer.handles.layer_types or visualizer.handles.parts)
    for kind in LAYER_KINDS:
        for activation in activations_of(kind).values():
            if not visualizer.handles.match(activation).handled:
                continue
            # One for each way in which they differ for this visualizer.
            alike = (
                activation.axes,
                activation.is_numeric,
                *((activation.layer.type_name, activation.part) if named else ()),
            )
            found.setdefault(alike, (kind, activation))
    if found:
        return list(found.values())[:_MOST_LAYERS]
    made = _made_to_suit(visualizer)
    return [("", made)] if visualizer.handles.match(made).handled else []


def _made_to_suit(visualizer: Visualizer) -> Activation:
    handles = visualizer.handles
    rank = handles.ranks[0] if handles.ranks else 2
    axes = tuple(str(axis) for axis in handles.axes if axis is not ...)
    axes = axes or ("sample", *(f"axis{number}" for number in range(1, rank)))
    bases = (*handles.layer_types[:1], "Layer") if handles.layer_types else ("Dense", "Layer")
    part = handles.parts[0] if handles.parts else "output"
    made = make_activation(" ".join(axes), bases=bases, part=part)
    if set(handles.dtypes) & {"string"}:
        return made.mapped(lambda values: np.full(values.shape, "word"))
    whole = {"integer", "int32", "int64"} & set(handles.dtypes)
    return made.mapped(lambda values: values.astype(np.int64)) if whole else made


def _other_shapes(kind: str, activation: Activation) -> Iterator[tuple[str, Activation]]:
    if not kind:
        yield "batch of one", _first_sample(activation)
        return
    for name, size in _SHAPES.items():
        over_time = {"time", "query"} & set(activation.axes)
        if name == "long sequence" and not over_time:
            continue
        resized = small_activations(kind, **size).get(activation.key)
        if resized is not None and (resized.shape != activation.shape):
            yield name, resized


def _other_shapes_over_steps(kind: str, activation: Activation) -> Iterator[tuple[str, Activation]]:
    sizes: dict[str, dict[str, int]] = {"one step": {"moments": 1}, "many steps": {"moments": 500}}
    if not kind:
        # Of other extents, and otherwise like what was made for a layer of a stranger.
        for name, size in sizes.items():
            yield name, _with_steps(activation, size["moments"])
        return
    for name, size in {**_SHAPES, **sizes}.items():
        if name != "long sequence":
            resized = small_activations_over_steps(kind, **size)[activation.key]
            if resized.shape != activation.shape:
                yield name, resized


def _with_steps(activation: Activation, count: int) -> Activation:
    extents = [f"{axis}={extent}" for axis, extent in zip(activation.axes[1:], activation.shape[1:], strict=True)]
    words = " ".join([f"step={count}", *extents])
    return make_activation(words, bases=activation.layer.type_names, part=activation.part)


def _first_sample(activation: Activation) -> Activation:
    extents = [f"{axis}={extent}" for axis, extent in zip(activation.axes[1:], activation.shape[1:], strict=True)]
    return make_activation(" ".join(["sample=1", *extents]), bases=activation.layer.type_names, part=activation.part)


def _other_values(activation: Activation) -> Iterator[tuple[str, Activation]]:
    if not activation.is_numeric:
        return
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {"all zeros": np.zeros_like, "constant": _constant}
    if activation.dtype.startswith(("float", "bfloat")):
        changes |= {"NaN": _with(np.nan), "infinite": _with(np.inf, -np.inf), "all NaN": _all_nan, "float16": _half}
    for name, change in changes.items():
        yield name, activation.mapped(change)
    if activation.axes[:2] == ("sample", "time"):
        mask = np.ones(activation.shape[:2], dtype=bool)
        mask[:, -max(1, activation.shape[1] // 3) :] = False
        yield "masked", activation.mapped(lambda values: values, mask)


def _constant(values: np.ndarray) -> np.ndarray:
    return np.full_like(values, 1)


def _with(*odd: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        changed = np.array(values)
        if changed.dtype.kind == "f":
            # Every seventh, so that every unit and timestep has some.
            changed.reshape(-1)[:: 7 * len(odd)] = odd[0]
            changed.reshape(-1)[3 :: 7 * len(odd)] = odd[-1]
        return changed

    return change


def _all_nan(values: np.ndarray) -> np.ndarray:
    return np.full_like(values, np.nan) if values.dtype.kind == "f" else values


def _half(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    largest = max(float(np.abs(values).max(initial=0)), 1e-6)
    return (values / largest * 60_000).astype(np.float16)


def _lowest(control: Control) -> Any:
    return _end(control, control.minimum, first=True)


def _highest(control: Control) -> Any:
    return _end(control, control.maximum, first=False)


def _end(control: Control, bound: float | None, *, first: bool) -> Any:
    choices = [choice for choice in control.choices if choice is not None]
    if control.kind == "switch":
        return not first
    if control.kind == "choice":
        return choices[0] if first else choices[-1]
    if control.kind == "choices":
        return choices[:1] if first else choices
    if bound is None or control.kind == "text":
        return control.default
    if control.kind == "number":
        return float(bound)
    if control.kind == "indices":
        return [int(bound)]
    if control.kind in ("range", "integer_range"):
        return [bound, bound]
    return int(bound)
