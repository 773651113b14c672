"""Bars of a model's answer, a line each: classes, labels, a few numbers; and what is said of many numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.charts.colours import MARK_COLOUR, REFERENCE_COLOUR
from core.charts.theme import FIT, FRAMELESS, MUTED_TEXT
from core.common.text import number_text

__all__ = ["PROBABILITIES", "TRUE_COLOUR", "answer_bars", "bar_rows", "extremes_text", "zero_line"]

TRUE_COLOUR: Final = "#54a24b"
"""Of what is true: the true class, the true value."""
_ROW_HEIGHT: Final = 24
_EDGE: Final = 12
_BAR: Final = 15
_STRIP: Final = 112


PROBABILITIES: Final = (0.0, 1.3)
"""Ends of an axis of probabilities, with room for the longest number beyond a bar."""


def bar_rows(height: int) -> int:
    """Return for how many bars there is room: four in the strip."""
    return max(1, (height - _EDGE) // _ROW_HEIGHT)


def answer_bars(
    frame: pd.DataFrame,
    what: str,
    height: int,
    *,
    reach: Sequence[float] | None = None,
    threshold: float | None = None,
    rows_are: str = "output",
) -> alt.LayerChart:
    """Draw a bar per row from the zero line, its number beyond its end, on whichever side that is.

    Args:
        frame: Columns ``name`` (each another), ``value``, ``label`` (the number as it is written) and ``true`` (whether
            the bar is of the true one); perhaps ``true value``, which is drawn as a tick.
        what: What the numbers are, such as ``"Probability"``.
        height: Of the chart at most, in screen pixels.
        reach: Ends of the axis; by default as the numbers need it.
        threshold: Where a line is drawn, such as 0.5.
        rows_are: What a row is, such as ``"class"``.
    """
    reach = list(reach or _with_room(frame))
    tooltip = [alt.Tooltip("name:N", title=rows_are), alt.Tooltip("value:Q", title=what, format=".4~g")]
    tooltip += [alt.Tooltip("true value:Q", format=".4~g")] if "true value" in frame else []
    base = alt.Chart().encode(
        y=alt.Y(
            "name:N",
            # A domain that is said: a chart that stays on the page keeps no order of the sample before.
            scale=alt.Scale(domain=list(frame["name"])),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=140, labelFontSize=12, labelOverlap=False),
        ),
        x=alt.X("value:Q", title=what, axis=None, scale=alt.Scale(domain=reach)),
        tooltip=tooltip,
    )
    # Of many rows the chart may be drawn lower than it is, as on a thumbnail.
    thickness: Any = _BAR if len(frame) <= bar_rows(_STRIP) else alt.RelativeBandSize(0.65)
    bars = base.mark_bar(height=thickness, cornerRadiusEnd=2).encode(
        color=alt.ColorValue(MARK_COLOUR, condition={"test": "datum.true", "value": TRUE_COLOUR})
    )
    texts = base.encode(text=alt.Text("label:N"))
    right = texts.transform_filter("!(datum.value < 0)").mark_text(align="left", dx=5, fontSize=12, color=MUTED_TEXT)
    left = texts.transform_filter(alt.datum.value < 0).mark_text(align="right", dx=-5, fontSize=12, color=MUTED_TEXT)
    layer: list[Any] = [bars, right, left]
    if min(reach) < 0:
        layer.append(zero_line(alt.X("zero:Q", scale=alt.Scale(domain=reach), axis=None)))
    if threshold is not None:
        line = alt.Chart(pd.DataFrame({"zero": [threshold]})).mark_rule(color=REFERENCE_COLOUR, strokeDash=[4, 3])
        layer.append(line.encode(x=alt.X("zero:Q", scale=alt.Scale(domain=reach), axis=None)))
    if "true value" in frame:
        layer.append(base.mark_tick(color=TRUE_COLOUR, thickness=3, size=20).encode(x=alt.X("true value:Q")))
    taken = min(height, _ROW_HEIGHT * len(frame) + _EDGE)
    return alt.LayerChart(layer=layer, data=frame, height=taken, view=FRAMELESS, autosize=FIT)


def zero_line(x: Any = alt.Undefined, y: Any = alt.Undefined) -> alt.Chart:
    """Return a line at zero; ``x`` or ``y`` encode the column ``zero``."""
    return alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=REFERENCE_COLOUR).encode(x=x, y=y)


def extremes_text(values: np.ndarray) -> str:
    """Return the range of numbers in words, and of a row of them which is the furthest from zero."""
    flat = values.reshape(-1)
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return "none of them is finite"
    told = f"from {number_text(float(finite.min()))} to {number_text(float(finite.max()))}"
    if values.ndim > 1:
        return f"{told}, mean {number_text(float(finite.mean(dtype=np.float64)))}"
    strongest = int(np.nanargmax(np.abs(np.where(np.isfinite(flat), flat, np.nan))))
    return f"{told}, the furthest from zero is unit {strongest}"


def _with_room(frame: pd.DataFrame) -> list[float]:
    """Return a range in which zero, all bars and the numbers behind their ends have room."""
    shown = [column for column in ("value", "true value") if column in frame]
    known = np.nan_to_num(frame[shown].to_numpy(np.float64).reshape(-1), posinf=0, neginf=0)
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    room = 0.3 * ((high - low) or 1)
    return [low - room if low < 0 else 0, high + room if high > 0 or low == 0 else 0]
