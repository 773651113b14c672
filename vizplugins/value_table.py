"""The values themselves, as a table."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl

_ROWS = 16
_COLUMNS = 10
_TEXT_LENGTH = 12


class ValueTableOptions(Options):
    """Which part of the values."""

    sample: SampleIndex = 0
    first_row: int = Field(0, ge=0, title="First row")
    first_column: int = Field(0, ge=0, title="First column")
    slice: int = Field(
        0, ge=0, title="Slice", description="Where there are more than two axes: which position on the others."
    )


class ValueTable(Visualizer):
    """What the layer really returned, number by number."""

    name = "value-table"
    title = "Values"
    handles = Handles()
    Options = ValueTableOptions
    how_to_read = "Columns are the last axis (units or channels), rows the one before it. Colour follows the value."
    limitations = f"A window of {_ROWS} rows and {_COLUMNS} columns; save the layer as .npy or CSV for all of it."

    def chart(self, activation: Activation, options: ValueTableOptions) -> alt.LayerChart:
        """Draw a window of the values as text on coloured cells."""
        answer = activation.sample(options.sample)
        matrix, row_axis, column_axis, where = _matrix(answer, options.slice)
        top = min(options.first_row, max(0, len(matrix) - _ROWS))
        left = min(options.first_column, max(0, matrix.shape[1] - _COLUMNS))
        window = matrix[top : top + _ROWS, left : left + _COLUMNS]
        row, column = np.indices(window.shape).reshape(2, -1)  # (row or column, cell)
        frame = pd.DataFrame({"row": row + top, "column": column + left})
        numeric = window.dtype.kind in "biuf"
        if numeric:
            scale = charts.colour_scale(matrix.astype(np.float64))
            palette = scale.palette()[scale.levels(window.astype(np.float64).reshape(-1))]
            frame["text"] = [f"{value:.4g}" for value in window.reshape(-1)]
            frame["fill"] = [f"rgb({red},{green},{blue})" for red, green, blue in palette]
            bright = palette @ np.array([0.299, 0.587, 0.114])
            frame["ink"] = np.where(bright > 140, "#111111", "#ffffff")
        else:
            frame["text"] = [charts.cut_in_the_middle(str(value), _TEXT_LENGTH) for value in window.reshape(-1)]
            frame["fill"], frame["ink"] = "transparent", "#8a8f98"
        axis = alt.Axis(labelAngle=0, ticks=False, domain=False)
        base = alt.Chart(frame).encode(
            x=alt.X("column:O", title=column_axis.capitalize(), axis=axis),
            y=alt.Y("row:O", title=row_axis.capitalize(), axis=axis),
            tooltip=[
                alt.Tooltip("row:O", title=row_axis),
                alt.Tooltip("column:O", title=column_axis),
                alt.Tooltip("text:N"),
            ],
        )
        cells = base.mark_rect().encode(fill=alt.Fill("fill:N", scale=None))
        texts = base.mark_text(fontSize=11).encode(text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None))
        return alt.LayerChart(
            layer=[cells, texts],
            height=alt.Step(22),
            title=charts.title(
                f"Values of {activation.key}: rows {top} to {top + len(window) - 1} of {len(matrix):,}, "
                f"columns {left} to {left + window.shape[1] - 1} of {matrix.shape[1]:,}",
                f"{charts.sample_name(activation, options.sample)}{where}",
                charts.note_not_finite(window) if numeric else "",
            ),
        )


def _matrix(answer: Activation, position: int) -> tuple[np.ndarray, str, str, str]:
    values = answer.values
    if values.ndim == 0:
        return values.reshape(1, 1), "value", "value", ""
    if values.ndim == 1:
        return values.reshape(1, -1), "sample", answer.axes[0], ""
    # Units are few enough to stand in columns; (*others, row, column) -> (slice, row, column)
    slices = values.reshape(-1, *values.shape[-2:])
    position = min(position, len(slices) - 1)
    others = ", ".join(answer.axes[:-2])
    where = f", {others} at position {position} of {len(slices):,}" if others else ""
    return slices[position], answer.axes[-2], answer.axes[-1], where


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ValueTable()]
