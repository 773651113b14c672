"""One sample that is no image as a chart: lines over time, bars, a heatmap; and slices of a volume as one picture."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.rulers import Ruler
from core.charts.building_blocks import thin
from core.charts.colours import MARK_COLOUR, colour_scale
from core.charts.heatmaps import heatmap
from core.charts.steps import StepAxis
from core.charts.theme import FRAMELESS, MUTED_TEXT
from core.common.text import number_text
from core.inputs.spec import as_colours

__all__ = ["positions_axis", "positions_scale", "slices_picture", "values_chart"]

_HEIGHT: Final = 74
_LINES: Final = 6
_MOST_SLICES: Final = 16
_SLICE_GAP: Final = 1
_NAMED_ROWS: Final = 40
_NAMED_HEIGHT: Final = 130


def slices_picture(slices: np.ndarray) -> tuple[np.ndarray, int]:
    """Return slices as one picture, of many some at even distances, and how many of them are in it.

    Args:
        slices: Shape ``(slice, height, width, channel)``.
    """
    chosen = np.unique(np.linspace(0, len(slices) - 1, min(len(slices), _MOST_SLICES)).astype(int))
    return _side_by_side(as_colours(slices[chosen])), len(chosen)


def _side_by_side(slices: np.ndarray) -> np.ndarray:
    """Return slices of shape ``(slice, height, width, channel)`` as one picture, in rows, with gaps between them."""
    columns = int(np.ceil(np.sqrt(len(slices))))
    rows = -(-len(slices) // columns)
    finite = slices[np.isfinite(slices)]
    gap = float(finite.max()) if finite.size else 0.0
    height, width, channels = slices.shape[1] + _SLICE_GAP, slices.shape[2] + _SLICE_GAP, slices.shape[3]
    picture = np.full((rows * height - _SLICE_GAP, columns * width - _SLICE_GAP, channels), gap, np.float32)
    for number, each in enumerate(slices):
        top, left = number // columns * height, number % columns * width
        picture[top : top + each.shape[0], left : left + each.shape[1]] = each
    return picture


def values_chart(
    value: np.ndarray,
    feature_names: tuple[str, ...] = (),
    *,
    height: int = _HEIGHT,
    legend: bool = True,
    sampling_rate: int = 0,
) -> alt.Chart | alt.LayerChart:
    """Draw one sample that is no image: lines over time, a heatmap where there are many features, or bars.

    Args:
        value: Shape ``(feature,)`` or ``(time, …, feature)``.
        feature_names: Names of the last axis, if known.
        height: Of the chart in screen pixels; a few features with names may take more.
        legend: Whether colours are explained.
        sampling_rate: How many steps of time are a second; 0 where that is not known, and steps are counted.
    """
    is_named = value.ndim > 0 and len(feature_names) == value.shape[-1]
    if value.ndim == 2 and value.shape[-1] <= _LINES:
        names = list(feature_names) if is_named else [str(number) for number in range(value.shape[-1])]
        ruler = Ruler("time", np.arange(len(value)) / sampling_rate) if sampling_rate and len(value) > 1 else None
        return _lines(value, names, height, legend, StepAxis(None, ruler, "Time"))
    if value.ndim >= 2:
        matrix = value.reshape(-1, value.shape[-1]).T  # (time, feature) -> (feature, time)
        return heatmap(
            matrix,
            row="feature",
            column="time",
            scale=colour_scale(matrix),
            value_title="Value",
            height=height,
            row_labels=feature_names if is_named and len(matrix) <= _NAMED_ROWS else None,
            legend=legend,
        )
    if is_named and value.shape[-1] <= _NAMED_ROWS:
        return _named_bars(value, feature_names)
    flat = value.reshape(-1)
    kept = thin(flat, buckets=400)
    return (
        alt.Chart(pd.DataFrame({"position": kept, "value": flat[kept]}))
        .mark_bar(color=MARK_COLOUR)
        .encode(
            x=alt.X("position:Q", title="Position", scale=positions_scale(len(flat)), axis=positions_axis()),
            y=alt.Y("value:Q", title=None),
            tooltip=[alt.Tooltip("position:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=height)
    )


def _lines(value: np.ndarray, names: list[str], height: int, legend: bool, steps: StepAxis) -> alt.Chart:
    kept = thin(np.nan_to_num(value, posinf=0, neginf=0).sum(axis=1), buckets=400)
    frame = pd.DataFrame(value[kept], columns=names).assign(time=kept)
    frame = steps.with_seconds(frame.melt("time", var_name="feature"))
    # A domain that is said: a chart that stays on the page keeps no order of the data before.
    colours = alt.Scale(domain=names, scheme="tableau10")
    explained = alt.Legend(title="Feature") if legend and len(names) > 1 else None
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("time:Q", title=steps.title, scale=positions_scale(len(value)), axis=steps.axis()),
            y=alt.Y("value:Q", title=None),
            color=alt.Color("feature:N", scale=colours, legend=explained),
            tooltip=[
                alt.Tooltip("feature:N"),
                alt.Tooltip("time:Q"),
                *steps.tooltip,
                alt.Tooltip("value:Q", format=".4~g"),
            ],
        )
        .properties(height=height)
    )


def positions_scale(count: int) -> alt.Scale:
    """Return the scale of an axis along which so many numbers stand side by side."""
    return alt.Scale(domain=[-0.5, count - 0.5], nice=False)


def positions_axis(**settings: Any) -> alt.Axis:
    """Return such an axis, with whole numbers only; ``settings`` are further ones of :class:`altair.Axis`."""
    return alt.Axis(tickMinStep=1, format=",d", **settings)


def _named_bars(value: np.ndarray, names: tuple[str, ...]) -> alt.LayerChart:
    """Draw a bar for each feature of shape ``(feature,)``, its number beyond its end: each has a unit of its own."""
    frame = pd.DataFrame({"feature": list(names), "value": value, "label": [number_text(each) for each in value]})
    finite = np.nan_to_num(value.astype(np.float64), posinf=0, neginf=0)
    low, high = min(0.0, float(finite.min())), max(0.0, float(finite.max()))
    room = 0.25 * ((high - low) or 1)
    base = alt.Chart().encode(
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domain=[low - room if low < 0 else 0, high + room], nice=False)),
        y=alt.Y(
            "feature:N",
            scale=alt.Scale(domain=list(names)),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=140, labelOverlap=False, labelFontSize=10),
        ),
        tooltip=[alt.Tooltip("feature:N"), alt.Tooltip("value:Q", format=".4~g")],
    )
    numbers = base.encode(text="label:N")
    layers = [
        base.mark_bar(color=MARK_COLOUR),
        numbers.transform_filter("!(datum.value < 0)").mark_text(align="left", dx=4, fontSize=10, color=MUTED_TEXT),
        numbers.transform_filter("datum.value < 0").mark_text(align="right", dx=-4, fontSize=10, color=MUTED_TEXT),
    ]
    step = min(16, max(11, _NAMED_HEIGHT // len(frame)))
    return alt.LayerChart(layer=layers, data=frame, height=step * len(frame), view=FRAMELESS)
