"""The values themselves, as a table."""

from typing import Annotated

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, ActsFromRank, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

_ROWS = 16
_COLUMNS = 10
_TEXT_LENGTH = 12


class ValueTableOptions(Options):
    """Which part of the values."""

    sample: SampleIndex = 0
    first_row: int | None = Field(
        None, ge=0, title="First row", description="None: the top, or where the open sample is."
    )
    first_column: int | None = Field(
        None, ge=0, title="First column", description="None: the first, or where the chosen unit is."
    )
    unit: UnitIndex | None = Field(None, title="Unit", description="Its column is framed.")
    slice: Annotated[int, ActsFromRank(4)] = Field(
        0, ge=0, title="Slice", description="Where a sample has more than two axes: which position on the others."
    )


class ValueTable(Visualizer):
    """What the layer really returned, number by number."""

    name = "value-table"
    title = "Values"
    group = "numbers"
    handles = Handles(layer_types=("Layer",))
    Options = ValueTableOptions
    how_to_read = (
        "Columns are the last axis (units or channels), rows the one before it. Where a sample has units only, the "
        "rows are samples, and ▸ stands before the open one. A frame is around the chosen unit. Colour follows the "
        "value, on one scale for the slice."
    )
    limitations = (
        f"A window of {_ROWS} rows and {_COLUMNS} columns; save the layer as .npy or CSV for all of it. Numbers are "
        "cut to four significant digits, integers are whole; long texts are cut in the middle, whole on hover."
    )

    def chart(self, activation: Activation, options: ValueTableOptions) -> alt.LayerChart:
        """Draw a window of the values as text on coloured cells."""
        matrix, row_axis, column_axis, where = _matrix(activation, options)
        per_sample = row_axis == "sample"
        wanted = options.first_row
        if wanted is None:
            wanted = options.sample // _ROWS * _ROWS if per_sample else 0
        top = min(wanted, max(0, len(matrix) - _ROWS))
        unit = options.unit if column_axis in ("unit", "channel") else None
        unit = None if unit is None else min(unit, matrix.shape[1] - 1)
        wanted = options.first_column
        if wanted is None:
            wanted = (unit or 0) // _COLUMNS * _COLUMNS
        left = min(wanted, max(0, matrix.shape[1] - _COLUMNS))
        window = matrix[top : top + _ROWS, left : left + _COLUMNS]
        row, column = np.indices(window.shape).reshape(2, -1)  # (row or column, cell)
        first = activation.context.first if per_sample else 0
        frame = pd.DataFrame({"row": row + top + first, "column": column + left})
        frame["place"] = [
            f"▸ {number}" if per_sample and number == options.sample + first else str(number) for number in frame["row"]
        ]
        numeric = window.dtype.kind in "biuf"
        if numeric:
            scale = charts.colour_scale(matrix)
            palette = scale.palette()[scale.levels(window.astype(np.float64).reshape(-1))]
            frame["text"] = frame["whole"] = [_number(value) for value in window.reshape(-1)]
            frame["fill"] = [f"rgb({red},{green},{blue})" for red, green, blue in palette]
            bright = palette @ np.array([0.299, 0.587, 0.114])
            frame["ink"] = np.where(bright > 140, "#111111", "#ffffff")
        else:
            frame["whole"] = [str(value) for value in window.reshape(-1)]
            length = _TEXT_LENGTH * _COLUMNS // window.shape[1]
            frame["text"] = [charts.cut_in_the_middle(text, length) for text in frame["whole"]]
            frame["fill"], frame["ink"] = "transparent", charts.MUTED_COLOUR
        axis = alt.Axis(labelAngle=0, ticks=False, domain=False)
        base = alt.Chart(frame).encode(
            x=alt.X("column:O", title=column_axis.capitalize(), axis=axis),
            y=alt.Y("place:O", sort=charts.row_order("row"), title=row_axis.capitalize(), axis=axis),
            tooltip=[
                alt.Tooltip("row:O", title=row_axis),
                alt.Tooltip("column:O", title=column_axis),
                alt.Tooltip("whole:N", title="value"),
            ],
        )
        cells = base.mark_rect().encode(fill=alt.Fill("fill:N", scale=None))
        texts = base.mark_text(fontSize=11).encode(text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None))
        is_seen = unit is not None and left <= unit < left + window.shape[1]
        frames = [_frame(unit)] if unit is not None and is_seen else []
        return alt.LayerChart(
            layer=[cells, texts, *frames],
            height=alt.Step(22),
            title=charts.title(
                f"Values of {activation.key}: {_span(row_axis, top + first, len(window), len(matrix))}, "
                f"{_span(column_axis, left, window.shape[1], matrix.shape[1])}",
                f"{charts.sample_name(activation, options.sample)}{where}",
                f"{column_axis} {unit} is framed" if is_seen else "",
                charts.note_not_finite(window) if numeric else "",
            ),
        )


def _matrix(activation: Activation, options: ValueTableOptions) -> tuple[np.ndarray, str, str, str]:
    if activation.rank == 1:
        return activation.values.reshape(-1, 1), "sample", "value", ""
    if activation.rank == 2:
        return activation.values, "sample", activation.axes[1], ""
    values = activation.values[options.sample]
    *others, row_axis, column_axis = activation.axes[1:]
    slices = values.reshape(-1, *values.shape[-2:])  # (*others, row, column) -> (slice, row, column)
    position = min(options.slice, len(slices) - 1)
    places = np.unravel_index(position, values.shape[:-2]) if others else ()
    where = "".join(f", {axis} {place}" for axis, place in zip(others, places, strict=True))
    return slices[position], row_axis, column_axis, where


def _frame(column: int) -> alt.Chart:
    outline = alt.Chart(pd.DataFrame({"column": [column]})).mark_rect(
        filled=False, stroke=charts.CHOSEN_COLOUR, strokeWidth=2
    )
    return outline.encode(x="column:O")


def _span(axis: str, first: int, count: int, total: int) -> str:
    return f"{axis} {first} to {first + count - 1} of {total:,}"


def _number(value: np.generic) -> str:
    if value.dtype.kind == "f":
        return f"{value:.4g}".replace("-", "−")
    return str(value).replace("-", "−")


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ValueTable()]
