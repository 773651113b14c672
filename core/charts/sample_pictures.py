"""What a sample looks like where there is room for a thumbnail: in a tooltip, in a row of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from core.charts.building_blocks import row_order
from core.charts.colours import picture_url, png_url
from core.charts.gallery import images_of, strip, thumbnails
from core.charts.sample_values import slices_picture
from core.charts.selections import clicked
from core.charts.theme import FRAMELESS, MUTED_TEXT
from core.common.text import number_text

__all__ = ["lines_url", "listed", "with_pictures"]

_WIDTH: Final = 96
_HEIGHT: Final = 48
_COLUMNS: Final = 8
_LINE_WIDTH: Final = 660
_LONGEST_TEXT: Final = 120
_MOST_BYTES: Final = 450_000
_LINES: Final = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2")


def with_pictures(frame: pd.DataFrame, inputs: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return a table with what each row's sample looks like: ``image``, a PNG data URL, or ``text``.

    An image is drawn small, a film or a volume as slices side by side, a sequence as lines over time; text is cut, and
    of inputs that take one value each all are told. The browser shows ``image`` in a tooltip as a
    picture. Where all of them together would be too much to send, the last rows go without.

    Args:
        frame: A row per sample.
        inputs: What went in for these samples, by input name, the sample axis first, as ``dataset.drawable`` has it.
    """
    if len(inputs) > 1 and all(array[:1].size == 1 for array in inputs.values()):
        return frame.assign(text=[_cut(_named_values(inputs, row)) for row in range(len(frame))])
    words = next((array for array in inputs.values() if array.dtype.kind in "US"), None)
    if words is not None:
        return frame.assign(text=[_cut(" ".join(map(str, np.reshape(each, -1)))) for each in words])
    images = images_of(inputs)
    if images is not None:
        return frame.assign(image=_within_budget([picture_url(each) for each in thumbnails(images)]))
    slices = next((array for array in inputs.values() if array.ndim in (4, 5) and array.dtype.kind in "fiu"), None)
    if slices is not None:
        slices = slices if slices.ndim == 5 else slices[..., np.newaxis]
        sheets = np.stack([slices_picture(each)[0] for each in slices])
        return frame.assign(image=_within_budget([picture_url(each) for each in thumbnails(sheets)]))
    series = next((array for array in inputs.values() if array.ndim == 3 and array.dtype.kind in "fiu"), None)
    if series is not None:
        low, high = float(np.nanmin(series)), float(np.nanmax(series))
        return frame.assign(image=_within_budget([lines_url(each, low, high) for each in series]))
    return frame


def listed(
    frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], columns: int = _COLUMNS, width: int = _LINE_WIDTH
) -> alt.Chart | alt.LayerChart:
    """Draw samples as rows of pictures, or a line of text each; a click selects one.

    Args:
        frame: From :func:`with_pictures`, with the columns ``sample``, ``name`` and ``class``.
        tooltip: What is said of the one that is pointed at.
        columns: How many pictures stand in a row.
        width: Screen pixels that a line of text may take; what is longer is cut.
    """
    if "image" in frame:
        return strip(frame, tooltip=tooltip, columns=columns)
    said = frame["text"] if "text" in frame else frame["class"]
    lines = frame.assign(
        line=[f"{name}  {text}" for name, text in zip(frame["name"], said, strict=True)], row=range(len(frame))
    )
    return (
        alt.Chart(lines)
        .mark_text(align="left", x=0, cursor="pointer", color=MUTED_TEXT, limit=width)
        .encode(y=alt.Y("name:N", sort=row_order("row"), axis=None), text="line:N", tooltip=tooltip)
        .add_params(clicked("sample"))
        .properties(height=alt.Step(17), width=width, view=FRAMELESS)
    )


def _named_values(inputs: Mapping[str, np.ndarray], row: int) -> str:
    values = {name: np.reshape(array[row], -1)[0] for name, array in inputs.items()}
    told = (
        f"{name} {value if isinstance(value, str) else number_text(float(value))}" for name, value in values.items()
    )
    return ", ".join(told)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _within_budget(urls: list[str]) -> list[str]:
    sizes = np.cumsum([len(url) for url in urls])
    return [url if size <= _MOST_BYTES else "" for url, size in zip(urls, sizes, strict=True)]


def lines_url(values: np.ndarray, low: float, high: float, size: tuple[int, int] = (_WIDTH, _HEIGHT)) -> str:
    """Return a series as lines over time, a PNG data URL.

    Args:
        values: Shape ``(time, feature)``; the first six features are drawn.
        low: Value at the bottom.
        high: Value at the top.
        size: Width and height in pixels.
    """
    width, height = size
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    finite = np.nan_to_num(values.astype(np.float64))  # (time, feature)
    across = np.linspace(1, width - 2, len(finite))
    up = (height - 2) - (finite - low) / ((high - low) or 1.0) * (height - 4)
    for feature in range(min(finite.shape[1], len(_LINES))):
        draw.line([*zip(across.tolist(), up[:, feature].tolist(), strict=True)], fill=_LINES[feature], width=1)
    return png_url(picture.quantize(16))
