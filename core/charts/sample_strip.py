"""A row of samples, each as a small picture of what goes in, with a frame and a mark: to step through samples."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from core.analysis.large_arrays import finite_range
from core.charts.colours import MARK_COLOUR, picture_url, png_url
from core.charts.gallery import images_of, thumbnails
from core.charts.sample_pictures import lines_url
from core.charts.selections import clicked
from core.charts.theme import FRAMELESS, MUTED_TEXT
from core.common.text import answer_text

__all__ = ["TILE", "sample_strip", "tile_pictures"]

TILE: Final = 44
"""Screen pixels of a side of a tile."""
_TEXT_WIDTH: Final = 84
_LETTERS: Final = 12
_TEXT_LINES: Final = 3
_GAP: Final = 8
_EDGE: Final = 3
_MARK_TOP: Final = TILE + 2 * _EDGE + 1
_HEIGHT: Final = _MARK_TOP + 6
_BARS: Final = 24
_SHARPNESS: Final = 2
_SELECTED: Final = "#1c83e1"
_MARKS: Final[dict[bool | None, tuple[str, int]]] = {
    # Thick and thin too, for who does not tell red from green.
    True: ("#2e9e5b", 2),
    False: ("#d6333f", 5),
    None: ("#9aa0ab", 1),
}


def tile_pictures(inputs: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Return what each sample looks like on a tile: ``image``, PNG data URLs, or ``text``, short lines.

    Of several inputs the first image is drawn, or else the first text, slices, series or row of numbers; of inputs that
    take one value each, the values are told in their order.

    Args:
        inputs: What went in, by input name, the sample axis first, as ``dataset.drawable`` has it.
    """
    images = images_of(inputs)
    if images is not None:
        return {"image": [picture_url(each) for each in thumbnails(images)]}
    arrays = list(inputs.values())
    if len(arrays) > 1 and all(array[:1].size == 1 for array in arrays):
        return {"text": [_short_lines(" ".join(map(_short_value, row))) for row in zip(*arrays, strict=True)]}
    words = next((array for array in arrays if array.dtype.kind in "US"), None)
    if words is not None:
        return {"text": [_short_lines(" ".join(map(str, np.reshape(each, -1)))) for each in words]}
    numbers = next((array for array in arrays if array.dtype.kind in "biuf"), None)
    if numbers is None:
        return {"text": [""] * len(arrays[0])}
    if numbers.ndim == 2 and numbers.dtype.kind in "iu":
        return {"text": [_short_lines(" ".join(map(str, each[:_LETTERS]))) for each in numbers]}
    if numbers.ndim >= 4:
        # Of slices that in the middle.
        middle = numbers[:, numbers.shape[1] // 2]
        slices = middle if middle.ndim == 4 else middle[..., np.newaxis]
        slices = slices if slices.ndim == 4 else slices.reshape(*slices.shape[:3], -1)
        return {"image": [picture_url(each) for each in thumbnails(slices, finite_range(slices))]}
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if numbers.ndim == 3:
        return {"image": [lines_url(each, low, high, (2 * TILE, 2 * TILE)) for each in numbers]}
    return {"image": [_bars_url(each, low, high) for each in numbers.reshape(len(numbers), -1)]}


def sample_strip(
    frame: pd.DataFrame, pictures: Mapping[str, Sequence[str]], *, selected: int, right: Sequence[bool | None]
) -> alt.LayerChart:
    """Draw samples in one row, in the order in which they are given; a click on one is the selection ``sample``.

    Args:
        frame: A row per sample: ``sample``, its number, and columns that the tooltip shows under their names.
        pictures: From :func:`tile_pictures`, of the same samples.
        selected: Number of the sample that has a frame.
        right: Whether the model is right on each; None where that is not known.
    """
    is_text = "text" in pictures
    width = _TEXT_WIDTH if is_text else TILE
    left = np.arange(len(frame)) * (width + _GAP) + _EDGE
    full = max(len(frame) * (width + _GAP) - _GAP, width) + 2 * _EDGE
    placed = frame.assign(
        left=left,
        right=left + width,
        middle=left + width / 2,
        top=_EDGE,
        bottom=_EDGE + TILE,
        centre=_EDGE + TILE / 2,
        mark=[_MARKS[each][0] for each in right],
        mark_top=_MARK_TOP,
        mark_bottom=[_MARK_TOP + _MARKS[each][1] for each in right],
        **{name: list(values) for name, values in pictures.items()},
    )
    data = alt.Chart()
    across = alt.Scale(domain=[0, full], nice=False)
    down = alt.Scale(domain=[0, _HEIGHT], nice=False, reverse=True)
    left_edge = alt.X("left:Q", axis=None, scale=across)
    marks = data.mark_rect().encode(
        left_edge,
        alt.Y("mark_top:Q", axis=None, scale=down),
        alt.X2("right:Q"),
        alt.Y2("mark_bottom:Q"),
        color=alt.Color("mark:N", scale=None, legend=None),
    )
    # What can be pointed at lies over everything.
    targets = (
        data.mark_rect(fillOpacity=0, cursor="pointer", strokeWidth=2.5, cornerRadius=2)
        .encode(
            left_edge,
            alt.Y("top:Q", axis=None, scale=down),
            alt.X2("right:Q"),
            alt.Y2("bottom:Q"),
            # A channel that is made here: one that Altair makes of a condition takes it a third of the strip's time.
            stroke=alt.StrokeValue(
                "transparent", condition={"test": f"datum.sample === {selected}", "value": _SELECTED}
            ),
            tooltip=[alt.Tooltip(f"{name}:N") for name in frame.columns],
        )
        .add_params(clicked("sample"))
    )
    layers = [_words(data) if is_text else _images(data), marks, targets]
    return alt.LayerChart(layer=layers, data=placed, width=full, height=_HEIGHT, view=FRAMELESS)


def _images(data: alt.Chart) -> alt.Chart:
    return data.mark_image(width=TILE, height=TILE, aria=False).encode(
        alt.X("middle:Q", axis=None), alt.Y("centre:Q", axis=None), url="image:N"
    )


def _words(data: alt.Chart) -> alt.Chart:
    words = data.mark_text(
        align="left", baseline="top", fontSize=11, color=MUTED_TEXT, lineBreak="\n", lineHeight=14, dx=3, dy=2
    )
    return words.encode(alt.X("left:Q", axis=None), alt.Y("top:Q", axis=None), text="text:N")


def _short_value(value: np.ndarray) -> str:
    one = np.reshape(value, -1)[0]
    return str(one) if value.dtype.kind in "US" else answer_text(float(one))


def _short_lines(text: str) -> str:
    lines = textwrap.wrap(text[: 4 * _LETTERS * _TEXT_LINES], _LETTERS)
    if len(lines) > _TEXT_LINES:
        lines = [*lines[: _TEXT_LINES - 1], f"{lines[_TEXT_LINES - 1][: _LETTERS - 1]}…"]
    return "\n".join(lines)


def _bars_url(values: np.ndarray, low: float, high: float) -> str:
    """Draw numbers of shape ``(feature,)`` as bars from zero, all samples on one scale."""
    side = TILE * _SHARPNESS
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    low, high = min(low, 0.0), max(high, 0.0)
    parts = np.array_split(np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0), min(len(values), _BARS) or 1)
    heights = [float(part[np.abs(part).argmax()]) if part.size else 0.0 for part in parts]
    span = (high - low) or 1.0
    zero = side - 2 - (0 - low) / span * (side - 4)
    step = side / len(heights)
    for number, height in enumerate(heights):
        end = side - 2 - (height - low) / span * (side - 4)
        across = (number * step + 1, max(number * step + 1, (number + 1) * step - 2))
        draw.rectangle([(across[0], min(zero, end)), (across[1], max(zero, end))], fill=MARK_COLOUR)
    return png_url(picture.quantize(8))
