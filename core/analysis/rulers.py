"""What the positions along an axis are in seconds or hertz, where strides and a sampling rate say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.extraction.activation import Activation
from core.extraction.axis_places import AxisPlaces, Quantity
from core.inputs.sample_context import SampleContext
from core.inputs.sounds import may_be_sound
from core.inputs.spec import InputSpec

__all__ = ["Ruler", "input_ruler", "ruler_at", "ruler_of"]

_UNITS: Final[dict[Quantity, str]] = {"time": "s", "frequency": "Hz"}


@dataclass(frozen=True, eq=False)
class Ruler:
    """What the positions along an axis are.

    Attributes:
        quantity: ``"time"`` or ``"frequency"``.
        values: Where the middle of each position lies, in seconds or hertz, ascending; shape ``(position,)``.
        first: Where the first position lies in the steps of the input, and how far the next ones do: for what is drawn
            over the input itself. ``(0, 1)`` for the input.
        step: See ``first``.
    """

    quantity: Quantity
    values: np.ndarray
    first: float = 0.0
    step: float = 1.0

    @property
    def unit(self) -> str:
        """``"s"`` or ``"Hz"``."""
        return _UNITS[self.quantity]

    @property
    def title(self) -> str:
        """What the axis is called: ``"Time (s)"`` or ``"Frequency (Hz)"``."""
        return f"{self.quantity.capitalize()} ({self.unit})"

    @property
    def measure(self) -> str:
        """What a position is called on hover: ``"time in s"``."""
        return f"{self.quantity} in {self.unit}"


def ruler_of(activation: Activation, axis: str = "time") -> Ruler | None:
    """Return what the positions along an axis of a layer's answer are; None where that is not known.

    Args:
        activation: What a layer answered to some samples, or to one of them.
        axis: Such as ``"time"``, ``"frequency"``, ``"height"`` or ``"unit"``.
    """
    return ruler_at(activation.places(axis), activation.extent(axis), activation.context.specs)


def ruler_at(places: AxisPlaces | None, extent: int, specs: Sequence[InputSpec]) -> Ruler | None:
    """Return what the positions of an axis are in seconds or hertz; None where that is not known.

    Args:
        places: Where they lie in the steps of an input.
        extent: How many there are.
        specs: What the inputs are, with their sampling rates.
    """
    rate = 0 if places is None else _rate(places, specs)
    if places is None or not rate or extent < 2:
        return None
    values = places.at(np.arange(extent), rate)
    if not (np.diff(values) > 0).all():
        return None
    is_time = places.quantity == "time"
    return Ruler(places.quantity, values, places.first if is_time else 0.0, places.step if is_time else 1.0)


def input_ruler(context: SampleContext, name: str, count: int) -> Ruler | None:
    """Return what the steps of an input are in seconds; None where its sampling rate is not known.

    Args:
        context: What went in.
        name: Of the input.
        count: How many steps a sample has.
    """
    spec = next((spec for spec in context.specs if spec.name == name), None)
    if spec is None or not spec.sampling_rate or not may_be_sound(spec) or count < 2:
        return None
    return Ruler("time", np.arange(count) / spec.sampling_rate)


def _rate(places: AxisPlaces, specs: Sequence[InputSpec]) -> int:
    spec = next((spec for spec in specs if spec.name == places.input and may_be_sound(spec)), None)
    return (spec.sampling_rate if spec else 0) or places.sampling_rate
