"""Matrices as images with tooltips over them, and what stands beside such a heatmap.

A mark per cell takes a browser seconds, so what lies on a grid is drawn as one PNG image; transparent rectangles over
it answer to the pointer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.colours import MARK_COLOUR, MUTED_COLOUR, ColourScale
from core.selections import clicked
from core.wording import cut_in_the_middle

__all__ = ["CELLS_WITH_TOOLTIPS", "heatmap", "masked_bands", "picture", "reduced", "row_bars"]

CELLS_WITH_TOOLTIPS: Final = 3_000
_CELLS_PER_SIDE: Final = 1_000
_LONGEST_LABEL: Final = 14


def picture(url: str, width: int, height: int, *, smooth: bool = False) -> alt.Chart:
    """Return a chart of one image, stretched to a size in screen pixels."""
    return _image(url, width, height, smooth=smooth).properties(width=width, height=height)


def _image(url: str, width: Any, height: int, *, smooth: bool) -> alt.Chart:
    # One row without columns: a picture in the data would be read, typed and copied at every step on its way.
    return alt.Chart(alt.InlineData([{}])).mark_image(
        url=url, x=0, y=0, width=width, height=height, aspect=False, align="left", baseline="top", smooth=smooth
    )


def heatmap(
    values: np.ndarray,
    *,
    row: str,
    column: str,
    scale: ColourScale,
    value_title: str = "Activation",
    width: int | None = None,
    height: int | None = None,
    select_row: str = "",
    title: Any = alt.Undefined,
    legend: bool = True,
    numbers: Sequence[int] | None = None,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    most_tooltips: int = CELLS_WITH_TOOLTIPS,
) -> alt.LayerChart:
    """Draw a matrix as one image, with tooltips over it.

    Up to a few thousand cells each one says its value; beyond that each row says its extremes and mean.

    Args:
        values: Shape ``(row, column)``.
        row: Name of what a row is, such as ``"unit"``; row 0 is on top.
        column: Name of what a column is, such as ``"time"``.
        scale: Colours of the values.
        value_title: What the colour is, for the legend.
        width: Screen pixels; None takes what the page has.
        height: Screen pixels; None suits the number of rows.
        select_row: Name of a selection parameter that holds the row that is clicked; empty for none.
        title: Title of the chart.
        legend: Whether to draw the legend.
        numbers: What each row is known by, where that is not its position because the rows were sorted.
        row_labels: What stands beside each row instead of its number, such as a token; need not be unique.
        column_labels: What stands under each column, likewise.
        most_tooltips: Up to how many cells each one says its value.
    """
    rows, columns = values.shape
    height = height or int(np.clip(rows * 14, 140, 520))
    image_width: Any = width if width is not None else alt.ExprRef("width")
    x = alt.X("left:Q", title=column.capitalize(), scale=alt.Scale(domain=[-0.5, columns - 0.5], nice=False))
    y = alt.Y("top:Q", title=row.capitalize(), scale=alt.Scale(domain=[-0.5, rows - 0.5], nice=False, reverse=True))
    axis = alt.Axis(grid=False, tickMinStep=1, format="d")
    numbered = (
        axis
        if numbers is None
        else alt.Axis(grid=False, tickMinStep=1, labelExpr=f"{list(map(int, numbers))}[datum.value]")
    )
    image = _image(scale.url(reduced(values)), image_width, height, smooth=False)
    frame, tooltip, colour = _hover_cells(values, row, column, value_title, most_tooltips)
    for name, labels in ((row, row_labels), (column, column_labels)):
        if labels is not None and name in frame:
            frame[f"{name}_label"] = np.asarray(labels, dtype=object)[frame[name]]
            at = next(at for at, each in enumerate(tooltip) if each.shorthand == f"{name}:Q")
            tooltip.insert(at + 1, alt.Tooltip(f"{name}_label:N", title=f"{name} is"))
    if numbers is not None:
        frame[row] = np.asarray(numbers)[frame[row]]
    cells = (
        alt.Chart(frame)
        .mark_rect(fillOpacity=0, cursor="pointer" if select_row else "default")
        .encode(
            x=x.axis(axis if column_labels is None else _labelled_axis(column_labels, angle=-90)),
            y=y.axis(numbered if row_labels is None else _labelled_axis(row_labels, angle=0)),
            x2=alt.X2("right:Q"),
            y2=alt.Y2("bottom:Q"),
            tooltip=tooltip,
            color=alt.Color(
                colour,
                title=value_title,
                scale=scale.altair(),
                legend=alt.Legend(gradientOpacity=1, format=".3~g") if legend else None,
            ),
        )
    )
    if select_row:
        chosen = clicked(select_row, row)
        # A name of its own: Altair would draw up the whole chart to make one from its content.
        cells = cells.add_params(chosen).properties(name=f"{select_row}_cells")
    return alt.LayerChart(
        layer=[image, cells],
        title=title,
        view=alt.ViewBackground(stroke=None),
        height=height,
        width=alt.Undefined if width is None else width,
    )


def _labelled_axis(labels: Sequence[str], angle: int) -> alt.Axis:
    words = json.dumps([cut_in_the_middle(str(label), _LONGEST_LABEL) for label in labels])
    return alt.Axis(
        grid=False,
        values=list(range(len(labels))),
        labelExpr=f"{words}[datum.value]",
        labelAngle=angle,
        labelOverlap="greedy",
        ticks=False,
    )


def masked_bands(shown: np.ndarray) -> alt.Chart:
    """Return grey bands over the timesteps that are masked, to be laid over a :func:`heatmap` of timesteps.

    Args:
        shown: Boolean, shape ``(time,)``: False where a timestep is masked.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[True], shown, [True]]).astype(np.int8)))
    frame = pd.DataFrame({"left": edges[::2] - 0.5, "right": edges[1::2] - 0.5, "is": "masked"})
    return (
        alt.Chart(frame)
        .mark_rect(color=MUTED_COLOUR)
        .encode(x=alt.X("left:Q", title="Timestep"), x2=alt.X2("right:Q"), tooltip=[alt.Tooltip("is:N", title="steps")])
    )


def row_bars(
    frame: pd.DataFrame, value: str, *, height: int, width: int, tooltip: Sequence[alt.Tooltip], domain: Sequence[float]
) -> alt.Chart:
    """Draw a bar per row, to stand beside a :func:`heatmap` of the same rows and height.

    Args:
        frame: A row per row of the heatmap, in its order.
        value: Column that holds the bar's length.
        height: Screen pixels, those of the heatmap.
        width: Screen pixels.
        tooltip: What a bar says.
        domain: Lowest and highest value of the axis; zero lies within.
    """
    at = np.arange(len(frame))
    frame = frame.assign(top=at - 0.42, bottom=at + 0.42)
    axis = alt.Axis(tickCount=4, format=".3~g", grid=False)
    down = alt.Scale(domain=[-0.5, len(frame) - 0.5], nice=False, reverse=True)
    return (
        alt.Chart(frame, width=width, height=height, view=alt.ViewBackground(stroke=None))
        .mark_rect(color=MARK_COLOUR)
        .encode(
            x=alt.X(
                f"{value}:Q", title=value.capitalize(), axis=axis, scale=alt.Scale(domain=list(domain), nice=False)
            ),
            x2=alt.X2(datum=0),
            y=alt.Y("top:Q", scale=down, axis=None),
            y2=alt.Y2("bottom:Q"),
            tooltip=list(tooltip),
        )
    )


def reduced(values: np.ndarray, most: int = _CELLS_PER_SIDE) -> np.ndarray:
    """Return numbers with at most so many positions along each axis.

    More cells than a screen has pixels only cost bytes; what is furthest from zero, or not a number, stays in sight.

    Args:
        values: Numbers of any shape.
        most: Largest extent of an axis.
    """
    for axis, extent in enumerate(values.shape):
        if extent > most:
            starts = np.arange(most) * extent // most
            low, high = np.minimum.reduceat(values, starts, axis), np.maximum.reduceat(values, starts, axis)
            values = np.where(np.abs(high) >= np.abs(low), high, low)
    return values


def _hover_cells(
    values: np.ndarray, row: str, column: str, value_title: str, most: int
) -> tuple[pd.DataFrame, list[Any], str]:
    rows, columns = values.shape
    if values.size <= most:
        top, left = np.indices(values.shape).reshape(2, -1)  # (row or column, cell)
        frame = pd.DataFrame({row: top, column: left, "value": values.reshape(-1)})
        tooltip = [
            alt.Tooltip(f"{row}:Q"),
            alt.Tooltip(f"{column}:Q"),
            alt.Tooltip("value:Q", title=value_title, format=".4~g"),
        ]
        colour = "value:Q"
    else:
        top, left = np.arange(rows), np.zeros(rows, dtype=np.int64)
        finite = np.where(np.isfinite(values), values, np.nan)
        frame = pd.DataFrame({row: top, "minimum": _nan_reduced(np.nanmin, finite)})
        frame["maximum"], frame["mean"] = _nan_reduced(np.nanmax, finite), _nan_reduced(np.nanmean, finite)
        tooltip = [
            alt.Tooltip(f"{row}:Q"),
            *(alt.Tooltip(f"{name}:Q", format=".4~g") for name in ("minimum", "mean", "maximum")),
        ]
        colour = "mean:Q"
    wide = 1 if values.size <= most else columns
    frame = frame.assign(left=left - 0.5, right=left - 0.5 + wide, top=top - 0.5, bottom=top + 0.5)
    return frame, tooltip, colour


def _nan_reduced(reduce: Any, values: np.ndarray) -> np.ndarray:
    empty = np.isnan(values).all(axis=1)
    return np.where(empty, np.nan, reduce(np.where(empty[:, None], 0.0, values), axis=1))
