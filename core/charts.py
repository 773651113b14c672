"""Altair building blocks that more than one visualizer needs.

What lies on a grid is drawn as one PNG image, since a mark per cell takes the browser seconds; transparent
rectangles over it answer to the pointer. What is large is reduced with NumPy before Altair sees it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core.activation import Activation

__all__ = [
    "GAP_LEVEL",
    "MARK_COLOUR",
    "SCHEMES",
    "ColourScale",
    "ColourScheme",
    "colour_levels",
    "colour_scale",
    "cut_in_the_middle",
    "format_shape",
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

ColourScheme = Literal["automatic", "viridis", "magma", "cividis", "greys", "blueorange"]
SCHEMES: Final[dict[str, tuple[str, ...]]] = {
    # Evenly spaced stops of matplotlib's viridis, magma and cividis (van der Walt, Smith, Firing 2015; Nuñez,
    # Anderton, Renslow 2018) and of Vega's blueorange.
    "viridis": (
        *("#440154", "#481f70", "#443983", "#3b528b", "#31688e", "#287c8e", "#21918c"),
        *("#20a486", "#35b779", "#5ec962", "#90d743", "#c8e020", "#fde725"),
    ),
    "magma": (
        *("#000004", "#100b2d", "#2c115f", "#51127c", "#721f81", "#932b80", "#b73779"),
        *("#d8456c", "#f1605d", "#fc8961", "#feb078", "#fed799", "#fcfdbf"),
    ),
    "cividis": (
        *("#00224e", "#003170", "#2a3f6d", "#434e6c", "#575d6d", "#6a6c71", "#7d7c78"),
        *("#918b78", "#a59c74", "#bcae6c", "#d2c060", "#e9d34e", "#fee838"),
    ),
    "greys": ("#000000", "#ffffff"),
    "blueorange": (
        *("#134b85", "#2f78b3", "#5da2cb", "#9dcae1", "#d2e5ef", "#f2f0eb"),
        *("#fce0ba", "#fbbf74", "#e8932f", "#c5690d", "#994a07"),
    ),
}
MARK_COLOUR: Final = "#4c78a8"
"""Colour of marks where colour means nothing; it reads well on light and on dark."""
NOT_A_NUMBER_COLOUR: Final = (255, 0, 255)
CELLS_WITH_TOOLTIPS: Final = 3_000
_CELLS_PER_SIDE: Final = 1_000
_TOP_LEVEL: Final = 253
GAP_LEVEL: Final = 254
_NOT_A_NUMBER_LEVEL: Final = 255


@dataclass(frozen=True)
class ColourScale:
    """Numbers to colours, the same in an image and in the legend beside it.

    Attributes:
        low: Value of the first colour.
        high: Value of the last colour.
        scheme: Name in :data:`SCHEMES`.
    """

    low: float
    high: float
    scheme: str

    def levels(self, values: np.ndarray, count: int = _TOP_LEVEL + 1) -> np.ndarray:
        """Return indices into :meth:`palette`, uint8, same shape; NaN and infinities get the last index.

        Args:
            values: Numbers of any shape.
            count: Number of different levels; fewer make a smaller PNG.
        """
        return colour_levels(values, self.low, self.high, count)

    def palette(self) -> np.ndarray:
        """Return 256 colours, uint8, shape ``(256, 3)``; the last two stand for a gap and for what is not a number."""
        stops = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in SCHEMES[self.scheme]])
        positions = np.linspace(0, len(stops) - 1, _TOP_LEVEL + 1)
        colours = [np.interp(positions, range(len(stops)), stops[:, part]) for part in range(3)]
        return np.vstack([np.stack(colours, axis=1), (0, 0, 0), NOT_A_NUMBER_COLOUR]).astype(np.uint8)

    def altair(self) -> alt.Scale:
        """Return the same scale for an Altair encoding."""
        return alt.Scale(domain=[self.low, self.high], range=list(SCHEMES[self.scheme]), interpolate="rgb")

    def url(self, values: np.ndarray) -> str:
        """Return numbers of shape ``(row, column)`` as a PNG data URL."""
        return level_picture_url(self.levels(values), self)


def colour_scale(values: np.ndarray, scheme: str = "automatic") -> ColourScale:
    """Return the scale that suits numbers: viridis for magnitudes, blueorange centred on zero for signed ones.

    Args:
        values: Numbers of any shape; NaN and infinities are left out.
        scheme: Name in :data:`SCHEMES`, or ``"automatic"``.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if scheme == "automatic":
        # The slight negatives of a swish or GELU do not make values signed.
        scheme = "blueorange" if high > 0 and low < -0.05 * high else "viridis"
    if scheme == "blueorange":
        reach = max(abs(low), abs(high)) or 1.0
        low, high = -reach, reach
    if low == high:
        low, high = low - 0.5, high + 0.5
    return ColourScale(low, high, scheme)


def colour_levels(values: np.ndarray, low: Any, high: Any, count: int = _TOP_LEVEL + 1) -> np.ndarray:
    """Return indices into a palette of 256 colours, uint8, same shape; NaN and infinities get the last index.

    Args:
        values: Numbers of any shape.
        low: Value of the first colour; a number, or an array that broadcasts against the values.
        high: Value of the last colour, likewise. Where it equals ``low`` everything gets the first colour.
        count: Number of different levels; fewer make a smaller PNG.
    """
    finite = np.isfinite(values)
    span = np.subtract(high, low, dtype=np.float32)
    scaled = (np.where(finite, values, low) - low) / np.where(span == 0, 1, span)
    steps = np.rint(np.clip(scaled, 0, 1) * (count - 1))
    return np.where(finite, np.rint(steps * (_TOP_LEVEL / (count - 1))), _NOT_A_NUMBER_LEVEL).astype(np.uint8)


def level_picture_url(levels: np.ndarray, scale: ColourScale) -> str:
    """Return levels of shape ``(row, column)``, uint8, as a PNG data URL with the scale's palette."""
    image = Image.fromarray(np.ascontiguousarray(levels))  # (row, column) grey levels
    image.putpalette(scale.palette().tobytes())
    return _png_url(image, transparency=GAP_LEVEL)


def picture_url(pixels: np.ndarray) -> str:
    """Return pixels as a PNG data URL.

    Args:
        pixels: uint8, shape ``(height, width)`` or ``(height, width, channel)`` with 3 or 4 channels.
    """
    return _png_url(Image.fromarray(np.ascontiguousarray(pixels)))


def picture_values(values: np.ndarray) -> np.ndarray:
    """Return numbers as pixels that can be looked at, whatever range they were scaled to.

    Args:
        values: Shape ``(height, width, channel)``, any range; their own minimum becomes 0 and maximum 255.

    Returns:
        uint8, shape ``(height, width, 3)``; of other than 1 or 3 channels the first, or the first three, are shown.
    """
    values = np.asarray(values, dtype=np.float32)
    channels = values[..., :3] if values.shape[-1] >= 3 else np.repeat(values[..., :1], 3, axis=-1)
    finite = channels[np.isfinite(channels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scaled = (np.nan_to_num(channels, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    return np.rint(scaled * 255).astype(np.uint8)


def picture(url: str, width: int, height: int, *, smooth: bool = False) -> alt.Chart:
    """Return a chart of one image, stretched to a size in screen pixels."""
    return (
        alt.Chart(pd.DataFrame({"url": [url]}))
        .mark_image(width=width, height=height, aspect=False, align="left", baseline="top", smooth=smooth)
        .encode(alt.XValue(0), alt.YValue(0), alt.Url("url:N"))
        .properties(width=width, height=height)
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
    image = (
        alt.Chart(pd.DataFrame({"url": [scale.url(_reduced(values))]}))
        .mark_image(width=image_width, height=height, aspect=False, align="left", baseline="top", smooth=False)
        .encode(alt.XValue(0), alt.YValue(0), alt.Url("url:N"))
    )
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
        cells = cells.add_params(chosen)
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
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return pd.DataFrame({"start": [], "end": [], "count": []})
    low, high = float(finite.min()), float(finite.max())
    # Values that lie closer together than floating point can divide get one bin around them.
    if high - low <= abs(high) * 1e-6:
        half = max(0.5, abs(high) * 1e-6)
        low, high = low - half, high + half
    counts, edges = np.histogram(finite, bins=bins, range=(low, high))
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "count": counts})


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


def title(text: str, *subtitle: str) -> alt.TitleParams:
    """Return a chart title, flush left, with smaller lines under it."""
    return alt.TitleParams(text=text, subtitle=[line for line in subtitle if line], anchor="start", offset=12)


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


def _png_url(image: Image.Image, **settings: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4, **settings)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
