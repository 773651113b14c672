"""Matrices as images with tooltips over them, and what stands beside such a heatmap.

A mark per cell takes a browser seconds, so what lies on a grid is drawn as one PNG image; transparent rectangles over
it answer to the pointer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.rulers import Ruler
from core.charts.colour_ranges import note_matrix
from core.charts.colours import MARK_COLOUR, MUTED_COLOUR, ColourScale
from core.charts.rulers import ruler_axis
from core.charts.selections import clicked
from core.charts.theme import FRAMELESS, MUTED_TEXT
from core.common.text import cut_in_the_middle

__all__ = [
    "CELLS_WITH_TOOLTIPS",
    "heatmap",
    "masked_bands",
    "note_reduced",
    "picture",
    "reduced",
    "row_bars",
    "step_axis",
]

CELLS_WITH_TOOLTIPS: Final = 3_000
_CELLS_PER_SIDE: Final = 1_000
_MOST_CELLS: Final = _CELLS_PER_SIDE**2
_MOST_ROWS: Final = 1_000
_MOST_LABELS: Final = 400
_TRANSLUCENT: Final = 0.35
_LONGEST_LABEL: Final = 14
_LABEL_ROOM: Final = 13
_COLUMN: Final = 700
"""Screen pixels that the marks of a chart have at least, in the column of the page on a common laptop."""


def picture(url: str, width: int, height: int, *, smooth: bool = False) -> alt.Chart:
    """Return a chart of one image, stretched to a size in screen pixels."""
    return _image(url, width, height, smooth=smooth).properties(width=width, height=height)


def _image(url: str, width: Any, height: Any, *, smooth: bool) -> alt.Chart:
    # One row without columns: a picture in the data would be read, typed and copied at every step on its way.
    return alt.Chart(alt.InlineData([{}])).mark_image(
        url=url,
        x=0,
        y=0,
        width=width,
        height=height,
        aspect=False,
        align="left",
        baseline="top",
        smooth=smooth,
        aria=False,
    )


def heatmap(  # noqa: PLR0913 - public: what an author may say of a heatmap, by name
    values: np.ndarray,
    *,
    row: str,
    column: str,
    scale: ColourScale,
    value_title: str = "Activation",
    width: int | None = None,
    height: int | None = None,
    select_row: str = "",
    select_column: str = "",
    title: Any = alt.Undefined,
    legend: bool = True,
    numbers: Sequence[int] | None = None,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    most_tooltips: int = CELLS_WITH_TOOLTIPS,
    most_cells: int = _MOST_CELLS,
    axes: bool = True,
    row_ruler: Ruler | None = None,
    column_ruler: Ruler | None = None,
    upwards: bool = False,
) -> alt.LayerChart:
    """Draw a matrix as one image, with tooltips over it.

    Up to a few thousand cells each one says its value; beyond that each row, or some rows together, say their extremes
    and mean. Of more cells than there are pixels what is furthest from zero is drawn, and the subtitle says so.

    Args:
        values: Shape ``(row, column)``.
        row: Name of what a row is, such as ``"unit"``; row 0 is on top.
        column: Name of what a column is, such as ``"time"``.
        scale: Colours of the values.
        value_title: What the colour is, for the legend.
        width: Screen pixels; None takes what the page has.
        height: Screen pixels; None suits the number of rows.
        select_row: Name of a selection parameter that holds the row that is clicked; empty for none.
        select_column: Likewise the column, where each cell says its value.
        title: Title of the chart.
        legend: Whether to draw the legend.
        numbers: What each row is known by, where that is not its position because the rows were sorted.
        row_labels: What stands beside each row instead of its number, such as a token; need not be unique.
        column_labels: What stands under each column, likewise.
        most_tooltips: Up to how many cells each one says its value.
        most_cells: How many cells the image has at most: less than a million where it is one of several.
        axes: Whether to draw the axes; a picture of places needs none.
        row_ruler: What the rows are in seconds or hertz, where that is known, see ``ruler_of``.
        column_ruler: Likewise the columns.
        upwards: Whether row 0 is at the bottom, as frequencies are drawn.
    """
    rows, columns = values.shape
    note_matrix(
        values,
        **{"row": row, "column": column, "value_title": value_title, "width": width, "height": height},
        **{"numbers": numbers, "row_labels": row_labels, "column_labels": column_labels, "axes": axes},
        **{"row_ruler": row_ruler, "column_ruler": column_ruler, "upwards": upwards},
    )
    height = height or int(np.clip(rows * 14, 140, 520))
    most = _most_drawn(rows, columns, (2 * height, _CELLS_PER_SIDE if width is None else 2 * width), most_cells)
    # Without a width of its own it may be drawn smaller, as on a thumbnail, and the image with it.
    image_size: Any = (
        (width, height) if width is not None else (alt.ExprRef("width"), alt.ExprRef(f"height || {height}"))
    )
    x_title = column.capitalize() if column_ruler is None else column_ruler.title
    y_title = row.capitalize() if row_ruler is None else row_ruler.title
    x = alt.X("left:Q", title=x_title, scale=alt.Scale(domain=[-0.5, columns - 0.5], nice=False))
    y = alt.Y("top:Q", title=y_title, scale=alt.Scale(domain=[-0.5, rows - 0.5], nice=False, reverse=not upwards))
    image = _image(scale.url(reduced(values[::-1] if upwards else values, most)), *image_size, smooth=False)
    frame, tooltip, colour = _hover_cells(values, row, column, value_title, most_tooltips, numbers)
    _say_labels(frame, tooltip, row, row_labels, "top")
    _say_labels(frame, tooltip, column, column_labels, "left")
    _say_measures(frame, tooltip, {"top": (row, row_ruler), "left": (column, column_ruler)})
    cells = (
        alt.Chart(frame)
        .mark_rect(fillOpacity=0, cursor="pointer" if select_row or select_column else "default")
        .encode(
            x=x.axis(_axis(column_labels, angle=-90, room=width or _COLUMN, ruler=column_ruler) if axes else None),
            y=y.axis(_axis(row_labels, angle=0, room=height, numbers=numbers, ruler=row_ruler) if axes else None),
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
        # A name of its own: Altair would draw up the whole chart to make one from its content.
        cells = cells.add_params(clicked(select_row, row)).properties(name=f"{select_row}_cells")
    elif select_column and column in frame:
        cells = cells.add_params(clicked(select_column, column)).properties(name=f"{select_column}_cells")
    return alt.LayerChart(
        layer=[image, cells],
        title=titled(titled(title, note_reduced(values.shape, most)), scale.note()),
        view=FRAMELESS,
        height=height,
        width=alt.Undefined if width is None else width,
    )


def _say_labels(
    frame: pd.DataFrame, tooltip: list[alt.Tooltip], name: str, labels: Sequence[str] | None, edge: str
) -> None:
    """Put what a row or column is called behind its number on hover, where cells have one."""
    position = next((at for at, entry in enumerate(tooltip) if entry.shorthand == f"{name}:Q"), None)
    if labels is not None and position is not None:
        frame[f"{name}_label"] = np.asarray(labels, dtype=object)[np.rint(frame[edge] + 0.5).astype(np.int64)]
        tooltip.insert(position + 1, alt.Tooltip(f"{name}_label:N", title=f"{name} is"))


def _say_measures(
    frame: pd.DataFrame, tooltip: list[alt.Tooltip], edges: Mapping[str, tuple[str, Ruler | None]]
) -> None:
    """Put what rows and columns are in seconds or hertz behind their numbers on hover, where cells have one."""
    is_one = len({ruler.quantity for _, ruler in edges.values() if ruler is not None}) == 1
    for edge, (name, ruler) in edges.items():
        position = next((at for at, entry in enumerate(tooltip) if entry.shorthand == f"{name}:Q"), None)
        if ruler is None or position is None:
            continue
        # Not by the quantity: rows and columns may both be time, as of queries and keys, and may be called so.
        frame[f"{edge}_measure"] = ruler.values[frame[name].to_numpy(np.int64)]
        title = f"{name}: {ruler.measure}" if is_one and all(each for _, each in edges.values()) else ruler.measure
        tooltip.insert(position + 1, alt.Tooltip(f"{edge}_measure:Q", title=title, format=".4~g"))


def _axis(
    labels: Sequence[str] | None,
    *,
    angle: int,
    room: int = _COLUMN,
    numbers: Sequence[int] | None = None,
    ruler: Ruler | None = None,
) -> alt.Axis:
    if ruler is not None:
        return ruler_axis(ruler, grid=False)
    if labels is not None:
        return _labelled_axis(labels, angle, room)
    if numbers is not None:
        return alt.Axis(grid=False, tickMinStep=1, labelExpr=f"{list(map(int, numbers))}[datum.value]")
    return alt.Axis(grid=False, tickMinStep=1, format="d")


def step_axis(words: Sequence[str] | None, **settings: Any) -> alt.Axis:
    """Return the axis of timesteps for a line chart: words where they are known, else numbers.

    Args:
        words: The token at each timestep, see ``step_words``; None where the input is no text.
        settings: What else to say of the axis.
    """
    axis = _axis(words, angle=-90) if words is not None else alt.Axis(format="d", tickMinStep=1)
    for name, value in settings.items():
        axis[name] = value
    return axis


def _labelled_axis(labels: Sequence[str], angle: int, room: int) -> alt.Axis:
    step = max(1, -(-len(labels) // _MOST_LABELS))
    words = json.dumps([cut_in_the_middle(str(label), _LONGEST_LABEL) for label in labels[::step]])
    return alt.Axis(
        grid=False,
        values=list(range(0, len(labels), step)),
        # What is laid over it, such as grey bands, brings a number of ticks of its own, and words would be dropped.
        tickCount=-(-len(labels) // step),
        labelExpr=f"{words}[datum.value / {step}]" if step > 1 else f"{words}[datum.value]",
        labelAngle=angle,
        labelOverlap=False if room >= _LABEL_ROOM * len(labels) else "greedy",
        ticks=False,
    )


def masked_bands(shown: np.ndarray, title: str | None = "Timestep", *, translucent: bool = False) -> alt.Chart:
    """Return grey bands over the timesteps that are masked, to be laid over a :func:`heatmap` or lines along them.

    Args:
        shown: Boolean, shape ``(time,)``: False where a timestep is masked.
        title: Of the axis of the heatmap.
        translucent: Whether what is drawn under them shines through.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[True], shown, [True]]).astype(np.int8)))
    frame = pd.DataFrame({"left": edges[::2] - 0.5, "right": edges[1::2] - 0.5, "is": "masked"})
    return (
        alt.Chart(frame)
        .mark_rect(color=MUTED_COLOUR, opacity=_TRANSLUCENT if translucent else alt.Undefined)
        .encode(x=alt.X("left:Q", title=title), x2=alt.X2("right:Q"), tooltip=[alt.Tooltip("is:N", title="steps")])
    )


def row_bars(
    frame: pd.DataFrame, value: str, *, height: int, width: int, tooltip: Sequence[alt.Tooltip], domain: Sequence[float]
) -> alt.Chart:
    """Draw a bar per row, to stand beside a :func:`heatmap` of the same rows and height.

    Of more rows than there are pixels the longest bar of some rows is drawn over all of them.

    Args:
        frame: A row per row of the heatmap, in its order.
        value: Column that holds the bar's length.
        height: Screen pixels, those of the heatmap.
        width: Screen pixels.
        tooltip: What a bar says.
        domain: Lowest and highest value of the axis; zero lies within.
    """
    axis = alt.Axis(tickCount=4, format=".3~g", grid=False)
    down = alt.Scale(domain=[-0.5, len(frame) - 0.5], nice=False, reverse=True)
    step = max(1, -(-len(frame) // _MOST_ROWS))
    at = np.arange(len(frame))
    frame = frame.assign(top=at // step * step - 0.42, bottom=np.minimum(at // step * step + step, len(frame)) - 0.58)
    if step > 1:
        longest = frame[value].abs().fillna(0).groupby(at // step).idxmax()
        frame = frame.loc[longest]
    return (
        alt.Chart(frame, width=width, height=height, view=FRAMELESS)
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


def reduced(values: np.ndarray, most: int | Sequence[int] = _CELLS_PER_SIDE) -> np.ndarray:
    """Return numbers with at most so many positions along each axis.

    More cells than a screen has pixels only cost bytes; what is furthest from zero, or not a number, stays in sight.
    :func:`note_reduced` says so.

    Args:
        values: Numbers of any shape.
        most: Largest extent of an axis, one number for all or one each.
    """
    for axis, step in enumerate(_steps(values.shape, most)):
        if step > 1:
            starts = np.arange(0, values.shape[axis], step)
            low, high = np.minimum.reduceat(values, starts, axis), np.maximum.reduceat(values, starts, axis)
            values = np.where(np.abs(high) >= np.abs(low), high, low)
    return values


def note_reduced(shape: Sequence[int], most: int | Sequence[int] = _CELLS_PER_SIDE) -> str:
    """Return what :func:`reduced` does to numbers of a shape, ``"strongest of every 3×2"``; empty for nothing."""
    steps = _steps(shape, most)
    return f"strongest of every {'×'.join(map(str, steps))}" if any(step > 1 for step in steps) else ""


def titled(title: Any, note: str) -> Any:
    """Return the title of a chart with a note under it; the title itself where the note is empty."""
    if not note:
        return title
    if not isinstance(title, alt.TitleParams):
        text = "" if title is alt.Undefined else title
        return alt.TitleParams(text=text, subtitle=[note], subtitleColor=MUTED_TEXT)
    before = title.subtitle
    lines = [] if before is alt.Undefined else [before] if isinstance(before, str) else list(before)
    noted = title.copy(deep=False)
    noted.subtitle = [*lines, note]
    noted.subtitleColor = MUTED_TEXT
    return noted


def _steps(shape: Sequence[int], most: int | Sequence[int]) -> list[int]:
    limits = [most] * len(shape) if isinstance(most, int) else most
    return [max(1, -(-extent // limit)) for extent, limit in zip(shape, limits, strict=True)]


def _most_drawn(rows: int, columns: int, pixels: tuple[int, int], most_cells: int) -> tuple[int, int]:
    most = min(_CELLS_PER_SIDE, pixels[0]), min(_CELLS_PER_SIDE, pixels[1])
    over = min(rows, most[0]) * min(columns, most[1]) / most_cells
    if over <= 1:
        return most
    return max(1, int(most[0] / math.sqrt(over))), max(1, int(most[1] / math.sqrt(over)))


def _hover_cells(
    values: np.ndarray, row: str, column: str, value_title: str, most: int, numbers: Sequence[int] | None
) -> tuple[pd.DataFrame, list[Any], str]:
    rows, columns = values.shape
    known_by = np.arange(rows) if numbers is None else np.asarray(numbers)
    if values.size <= most:
        top, left = np.indices(values.shape).reshape(2, -1)  # (row or column, cell)
        frame = pd.DataFrame({row: known_by[top], column: left, "value": values.reshape(-1)})
        frame = frame.assign(left=left - 0.5, right=left + 0.5, top=top - 0.5, bottom=top + 0.5)
        tooltip = [
            alt.Tooltip(f"{row}:Q"),
            alt.Tooltip(f"{column}:Q"),
            alt.Tooltip("value:Q", title=value_title, format=".4~g"),
        ]
        return frame, tooltip, "value:Q"
    tall = max(1, -(-rows // _MOST_ROWS))
    top = np.arange(0, rows, tall)
    bottom = np.minimum(top + tall, rows)
    frame = pd.DataFrame({row: known_by[top], **_of_rows(values, tall)})
    frame = frame.assign(left=-0.5, right=columns - 0.5, top=top - 0.5, bottom=bottom - 0.5)
    measures = [alt.Tooltip(f"{name}:Q", format=".4~g") for name in ("minimum", "mean", "maximum")]
    if tall == 1:
        return frame, [alt.Tooltip(f"{row}:Q"), *measures], "mean:Q"
    pairs = zip(known_by[top], known_by[bottom - 1], bottom - top, strict=True)
    frame["rows"] = [f"{a} to {b}" if numbers is None else f"{a} and {count - 1} more" for a, b, count in pairs]
    return frame, [alt.Tooltip("rows:N", title=row), *measures], "mean:Q"


def _of_rows(values: np.ndarray, tall: int) -> dict[str, np.ndarray]:
    """Return extremes and mean of every so many rows, each shape ``(group,)``; NaN where nothing is finite."""
    finite = np.isfinite(values)
    starts = np.arange(0, len(values), tall)
    counts = np.add.reduceat(finite.sum(axis=1), starts)
    low = np.minimum.reduceat(np.where(finite, values, np.inf).min(axis=1), starts)
    high = np.maximum.reduceat(np.where(finite, values, -np.inf).max(axis=1), starts)
    total = np.add.reduceat(np.where(finite, values, 0).sum(axis=1, dtype=np.float64), starts)
    of_none = {"minimum": low, "maximum": high, "mean": total / np.maximum(counts, 1)}
    return {name: np.where(counts, statistic.astype(np.float64), np.nan) for name, statistic in of_none.items()}
