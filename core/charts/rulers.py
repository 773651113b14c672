"""Axes that say seconds or hertz where the data say positions, so that what is clicked there stays a position."""

from __future__ import annotations

import json
import math
from typing import Any, Final, TypeAlias

import altair as alt
import numpy as np

from core.analysis.rulers import Ruler

__all__ = ["Rulers", "are_time_and_frequency", "ruler_axis", "ticks", "upright"]

_TICKS: Final = 8
Rulers: TypeAlias = tuple[Ruler | None, Ruler | None]
"""What the rows and the columns of a map are in seconds or hertz, None where that is not known."""


def ruler_axis(ruler: Ruler, **settings: Any) -> alt.Axis:
    """Return an axis of positions that says what they are in seconds or hertz, at round numbers.

    Args:
        ruler: What they are.
        settings: Further ones of :class:`altair.Axis`.
    """
    positions, labels = ticks(ruler)
    # What is laid over it, such as grey bands, brings a number of ticks of its own.
    return alt.Axis(
        **{
            "values": positions,
            "tickCount": len(positions),
            "labelExpr": f"{json.dumps(labels)}[indexof({json.dumps(positions)}, datum.value)]",
            **settings,
        }
    )


def are_time_and_frequency(rulers: Rulers) -> bool:
    """Return whether one axis of a map is time and the other frequency."""
    return {ruler.quantity for ruler in rulers if ruler is not None} == {"time", "frequency"}


def upright(maps: np.ndarray, rulers: Rulers) -> np.ndarray:
    """Return maps of time and frequency as spectrograms are drawn: time to the right, high frequencies on top.

    Args:
        maps: Shape ``(…, height, width)``.
        rulers: What their rows and columns are; maps of anything else are returned as they are.
    """
    if not are_time_and_frequency(rulers):
        return maps
    is_turned = rulers[0] is not None and rulers[0].quantity == "time"
    return (maps.swapaxes(-1, -2) if is_turned else maps)[..., ::-1, :]


def ticks(ruler: Ruler, most: int = _TICKS) -> tuple[list[float], list[str]]:
    """Return positions where round numbers of seconds or hertz lie, and these numbers as text.

    Args:
        ruler: What the positions are.
        most: About how many to return.
    """
    values = ruler.values
    positions = np.arange(len(values))
    # Half a position before the first and behind the last, where an axis of cells has its ends.
    low, high = 1.5 * values[0] - 0.5 * values[1], 1.5 * values[-1] - 0.5 * values[-2]
    positions = np.concatenate([[-0.5], positions, [len(values) - 0.5]])
    known = np.concatenate([[low], values, [high]])
    steps = np.diff(values)
    if steps.max() < 1.01 * steps.min():
        numbers = _evenly(low, high, most)
    else:
        wanted = np.interp(np.linspace(0, len(values) - 1, most), positions, known)
        numbers = sorted({_round_number(each) for each in wanted})
    numbers = [number for number in numbers if low <= number <= high]
    places = np.interp(numbers, known, positions)
    return [float(round(place, 6)) for place in places], [_label(number) for number in numbers]


def _evenly(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * times for times in (1, 2, 5, 10) if size * times >= rough)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_number(value: float) -> float:
    """Return the number with one digit that is next to it, or with two, of which the second is a 5."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    return min((size * each for each in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 10)), key=lambda each: abs(each - value))


def _label(number: float) -> str:
    return f"{number:,.6g}" if abs(number) < 1e6 else f"{number:,.0f}"
