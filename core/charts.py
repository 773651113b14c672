"""Altair building blocks that more than one visualizer needs.

What lies on a grid is drawn as one PNG image, since a mark per cell takes the browser seconds; transparent
rectangles over it answer to the pointer. What is large is reduced with NumPy before Altair sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.activation import Activation
from core.colours import (
    GAP_LEVEL,
    NOT_A_NUMBER_COLOUR,
    SCHEMES,
    ColourScale,
    ColourScheme,
    colour_levels,
    colour_scale,
    level_picture_url,
    picture_url,
    picture_values,
)

__all__ = [
    "GAP_LEVEL",
    "MARK_COLOUR",
    "MUTED_COLOUR",
    "NOT_A_NUMBER_COLOUR",
    "SCHEMES",
    "ColourScale",
    "ColourScheme",
    "colour_levels",
    "colour_scale",
    "count_in_bins",
    "cut_in_the_middle",
    "format_shape",
    "has_own_width",
    "heatmap",
    "histogram",
    "level_picture_url",
    "note_not_finite",
    "picture",
    "picture_url",
    "picture_values",
    "refuse_text",
    "sample_name",
    "thin",
    "title",
]

MARK_COLOUR: Final = "#4c78a8"
"""Colour of marks where colour means nothing; it reads well on light and on dark."""
MUTED_COLOUR: Final = "#808495"
"""Colour of small text; it reads on light and on dark."""
CELLS_WITH_TOOLTIPS: Final = 3_000
_CELLS_PER_SIDE: Final = 1_000


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
    image = _image(scale.url(_reduced(values)), image_width, height, smooth=False)
    frame, tooltip, colour = _hover_cells(values, row, column, value_title)
    if numbers is not None:
        frame[row] = np.asarray(numbers)[frame[row]]
    cells = (
        alt.Chart(frame)
        .mark_rect(fillOpacity=0, cursor="pointer" if select_row else "default")
        .encode(
            x=x.axis(axis),
            y=y.axis(numbered),
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
        chosen = alt.selection_point(name=select_row, fields=[row], on="click", clear=False)
        # A name of its own: Altair would draw up the whole chart to make one from its content.
        cells = cells.add_params(chosen).properties(name=f"{select_row}_cells")
    return alt.LayerChart(
        layer=[image, cells],
        title=title,
        view=alt.ViewBackground(stroke=None),
        height=height,
        width=alt.Undefined if width is None else width,
    )


def _reduced(values: np.ndarray) -> np.ndarray:
    # More cells than a screen has pixels only cost bytes; what is furthest from zero, or not a number, stays in sight.
    for axis, extent in enumerate(values.shape):
        if extent > _CELLS_PER_SIDE:
            starts = np.arange(_CELLS_PER_SIDE) * extent // _CELLS_PER_SIDE
            low, high = np.minimum.reduceat(values, starts, axis), np.maximum.reduceat(values, starts, axis)
            values = np.where(np.abs(high) >= np.abs(low), high, low)
    return values


def _hover_cells(values: np.ndarray, row: str, column: str, value_title: str) -> tuple[pd.DataFrame, list[Any], str]:
    rows, columns = values.shape
    if values.size <= CELLS_WITH_TOOLTIPS:
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
    wide = 1 if values.size <= CELLS_WITH_TOOLTIPS else columns
    frame = frame.assign(left=left - 0.5, right=left - 0.5 + wide, top=top - 0.5, bottom=top + 0.5)
    return frame, tooltip, colour


def _nan_reduced(reduce: Any, values: np.ndarray) -> np.ndarray:
    empty = np.isnan(values).all(axis=1)
    return np.where(empty, np.nan, reduce(np.where(empty[:, None], 0.0, values), axis=1))


def histogram(values: np.ndarray, bins: int) -> pd.DataFrame:
    """Count finite values in equal bins, with NumPy.

    Returns:
        Columns ``start``, ``end`` and ``count``, a row per bin; empty if there is no finite value.
    """
    counts, edges = count_in_bins(values, bins)
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "count": counts})


def count_in_bins(values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Count finite values in equal bins.

    Returns:
        Counts of shape ``(bin,)`` and edges of shape ``(bin + 1,)``; both empty if there is no finite value.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return np.array([], dtype=np.int64), np.array([])
    low, high = float(finite.min()), float(finite.max())
    # Values that lie closer together than floating point can divide get bins around them.
    if high - low <= abs(high) * 1e-6:
        half = max(0.5, abs(high) * 1e-6)
        low, high = low - half, high + half
    return np.histogram(finite, bins=bins, range=(low, high))


def thin(values: np.ndarray, buckets: int) -> np.ndarray:
    """Return which positions of a series to draw so that it looks the same: each bucket's minimum and maximum.

    Args:
        values: Shape ``(position,)``.
        buckets: About how many a screen can show, such as its width in pixels.

    Returns:
        Positions in ascending order; all of them where there are no more than two per bucket.
    """
    if len(values) <= 2 * buckets:
        return np.arange(len(values))
    finite = np.nan_to_num(values.astype(np.float64))
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), buckets):
        kept.update((int(part[finite[part].argmin()]), int(part[finite[part].argmax()])))
    return np.array(sorted(kept))


def has_own_width(specification: Mapping[str, Any]) -> bool:
    """Return whether a Vega-Lite chart says how wide it is; others take the width of their place."""
    composed = {"hconcat", "vconcat", "concat", "facet", "repeat"} & specification.keys()
    return bool(composed) or "width" in specification


def title(text: str, *subtitle: str) -> alt.TitleParams:
    """Return a chart title, flush left, with smaller lines under it."""
    return alt.TitleParams(
        text=text, subtitle=[line for line in subtitle if line], subtitleColor=MUTED_COLOUR, anchor="start", offset=12
    )


def cut_in_the_middle(text: str, length: int) -> str:
    """Return a text of at most so many characters: its beginning, an ellipsis, its end."""
    if len(text) <= length:
        return text
    ending = (length - 1) // 2
    return f"{text[: length - 1 - ending]}…{text[-ending:]}"


def format_shape(extents: Sequence[int | None]) -> str:
    """Write a shape as ``28×28×16``; ``?`` where a size is not fixed."""
    return "×".join("?" if extent is None else f"{extent:,}" for extent in extents)


def sample_name(activation: Activation, position: int) -> str:
    """Return what a person knows a sample by: ``"sample 12"``, and its class if that is known."""
    context = activation.context
    name = f"sample {context.first + position}"
    if context.labels is None:
        return name
    label = int(context.labels[position])
    return f"{name} ({context.class_names[label] if 0 <= label < len(context.class_names) else f'class {label}'})"


def refuse_text(activation: Activation) -> str:
    """Return why an activation of strings, or of nothing, cannot be drawn, for ``Handles(when=…)``; else empty."""
    if 0 in activation.shape:
        return f"takes numbers, this layer answers none ({format_shape(activation.shape)})"
    return "" if activation.is_numeric else "takes numbers, this layer answers text"


def note_not_finite(values: np.ndarray) -> str:
    """Return a sentence on NaN and infinities among the values, empty if there are none."""
    count = int(values.size - np.isfinite(values).sum())
    return f"{count:,} of {values.size:,} values are NaN or infinite" if count else ""
