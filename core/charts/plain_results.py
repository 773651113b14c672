"""Charts of what an author may return in the place of one: an image, numbers on a grid, or a table."""

from __future__ import annotations

import json
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core.charts.colours import colour_scale, picture_url, picture_values, within
from core.charts.heatmaps import heatmap, picture
from core.charts.theme import MUTED_TEXT
from core.common.text import number_text

__all__ = ["chart_of"]

_SIDE: Final = 840
_SMALL_SIDE: Final = 320
_ROWS: Final = 50
_COLUMNS: Final = 12
_LINE_LENGTH: Final = 110
"""Characters that have room beside one another."""
_COLUMN: Final = 70
_FEW_COLUMNS: Final = 5


def chart_of(returned: Any) -> Any:
    """Return a chart of an image, of numbers on a grid, or of a table; what is none of these comes back as it is.

    Args:
        returned: An image of PIL; an array of pixels, shape ``(height, width, channel)`` with 1, 3 or 4 channels, or
            ``(height, width)`` of uint8: whole numbers from 0 to 255, numbers from 0 to 1, or others, of which the
            smallest becomes black and the largest white; an array of other numbers, shape ``(row, column)``, drawn as a
            heatmap; or a DataFrame, of which the first rows and columns are drawn, and how many there are is said.
    """
    if isinstance(returned, Image.Image):
        return _picture(np.asarray(returned.convert("RGBA" if "A" in returned.getbands() else "RGB")))
    if isinstance(returned, pd.Series):
        returned = returned.to_frame()
    if isinstance(returned, pd.DataFrame):
        return _table(returned)
    if isinstance(returned, np.ndarray) and returned.size and returned.dtype.kind in "biuf":
        if returned.ndim == 3 and returned.shape[-1] in (1, 3, 4):
            return _picture(_pixels(returned))
        if returned.ndim == 2 and returned.dtype == np.uint8:
            return _picture(_pixels(returned[..., None]))
        if returned.ndim == 2:
            values = returned.astype(np.float32)
            return heatmap(values, row="row", column="column", scale=colour_scale(values), value_title="Value")
    return returned


def _pixels(values: np.ndarray) -> np.ndarray:
    least, most = values.min(), values.max()
    if values.dtype.kind in "bf" and least >= 0 and most <= 1:
        pixels = np.rint(values * 255.0).astype(np.uint8)
    elif values.dtype.kind in "iu" and least >= 0 and most <= 255:
        pixels = values.astype(np.uint8)
    else:
        pixels = picture_values(values)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def _picture(pixels: np.ndarray) -> alt.Chart:
    height, width = pixels.shape[:2]
    # Small images are looked at pixel by pixel; large ones get the room that there is.
    times = max(1, _SMALL_SIDE // max(height, width))
    shrunk = min(1.0, _SIDE / max(height, width))
    chart = picture(picture_url(within(pixels, _SIDE)), round(width * times * shrunk), round(height * times * shrunk))
    return chart.properties(description=f"An image of {width}×{height} pixels.")


def _table(frame: pd.DataFrame) -> alt.Chart:
    named = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
    shown = named.iloc[:_ROWS, :_COLUMNS]
    names = [str(name) for name in shown.columns]
    places = np.indices(shown.shape).reshape(2, -1)  # (row or column, cell)
    cells = pd.DataFrame({"row": places[0], "column": places[1]})
    cells["whole"] = [_text(value) for value in shown.to_numpy(object).reshape(-1)]
    length = _LINE_LENGTH // len(names)
    cells["text"] = [text if len(text) <= length else f"{text[: length - 1]}…" for text in cells["whole"]]
    cells["name"] = [names[column] for column in cells["column"]]
    labels = alt.Axis(
        orient="top",
        labelAngle=0,
        labelExpr=f"{json.dumps(names)}[datum.value]",
        labelLimit=_COLUMN if len(names) > _FEW_COLUMNS else 160,
        ticks=False,
        title=None,
    )
    cut = [
        f"the first {len(part)} of {len(whole):,} {what}"
        for part, whole, what in (
            (shown.index, named.index, "rows"),
            (shown.columns, named.columns, "columns"),
        )
        if len(part) < len(whole)
    ]
    table = (
        alt.Chart(cells)
        .mark_text(color=MUTED_TEXT)
        .encode(
            x=alt.X("column:O", axis=labels),
            y=alt.Y("row:O", axis=None),
            text="text:N",
            tooltip=["row:O", alt.Tooltip("name:N", title="column"), alt.Tooltip("whole:N", title="value")],
        )
        .properties(
            height=alt.Step(20),
            # Of many columns none covers its neighbour on a narrow screen; of few each gets its share of the room.
            width=alt.Step(_COLUMN) if len(names) > _FEW_COLUMNS else "container",
            description=f"A table of {len(named):,} rows and {len(named.columns):,} columns: {', '.join(names)}.",
        )
    )
    return table.properties(title=alt.TitleParams(", ".join(cut), anchor="start")) if cut else table


def _text(value: Any) -> str:
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and np.isfinite(value)
    return number_text(float(value), 4) if is_number else str(value)
