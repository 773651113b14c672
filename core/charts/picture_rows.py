"""Pictures beside one another with a line over each and a legend: an input, what is answered, the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.charts.colours import picture_url, within
from core.charts.theme import FRAMELESS, MUTED_TEXT

__all__ = ["difference_pixels", "over_picture", "picture_place", "picture_row"]

_GAP: Final = 8
_TITLE: Final = 15
_LEGEND_LINE: Final = 16
_LETTER: Final = 6.2
_WIDTH_BY_HEIGHT: Final = 3
"""How much wider than high a row may be: the place beside an input has 340 × 112 pixels, the page 1,260 × 420."""
_WIDEST: Final = 840
_PIXELS_OF_SCREEN: Final = 2


def picture_row(
    pictures: Sequence[tuple[str, np.ndarray]], height: int, legend: Sequence[tuple[str, str]] = ()
) -> alt.LayerChart:
    """Draw pictures beside one another.

    Args:
        pictures: What stands over each, or nothing, and its pixels, uint8, shape ``(height, width, 3)``.
        height: Of the chart, in screen pixels.
        legend: A colour and what it stands for, a line each, at the right; as many as there is room for.
    """
    title = _TITLE if any(name for name, _ in pictures) else 0
    lines = list(legend)[: max(1, height // _LEGEND_LINE)]
    legend_width = round(20 + _LETTER * max((len(text) for _, text in lines), default=0)) if lines else 0
    room = min(_WIDEST, _WIDTH_BY_HEIGHT * height) - legend_width - _GAP * (len(pictures) - 1)
    shapes = [pixels.shape[1] / pixels.shape[0] for _, pixels in pictures]
    side = max(8, min(height - title, round(room / sum(shapes))))
    layers: list[Any] = []
    left = 0
    for (name, pixels), shape in zip(pictures, shapes, strict=True):
        width = max(1, round(side * shape))
        layers.append(_image(pixels, left, title, width, side))
        if name:
            mark = alt.Chart(alt.InlineData([{}])).mark_text(
                x=left, y=title - 4, text=name, align="left", baseline="bottom", fontSize=11, color=MUTED_TEXT,
                limit=max(width, 60),
            )  # fmt: skip
            layers.append(mark)
        left += width + _GAP
    if lines:
        layers += _legend(lines, left + 4, title)
    total = left - _GAP + legend_width
    return alt.LayerChart(layer=layers, width=max(total, 1), height=title + side, view=FRAMELESS)


def over_picture(pixels: np.ndarray, height: int, marks: Sequence[Any]) -> alt.LayerChart:
    """Draw marks over a picture.

    Args:
        pixels: uint8, shape ``(height, width, 3)``.
        height: Of the chart, in screen pixels.
        marks: Charts whose positions are shares of the picture, see :func:`picture_place`.
    """
    width = max(1, round(height * pixels.shape[1] / pixels.shape[0]))
    picture = _image(pixels, 0, 0, width, height)
    return alt.LayerChart(layer=[picture, *marks], width=width, height=height, view=FRAMELESS)


def picture_place(across: str = "x", down: str = "y") -> dict[str, Any]:
    """Return encodings of columns that hold places in a picture, from 0 at its left and top to 1."""
    return {
        "x": alt.X(f"{across}:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False)),
        "y": alt.Y(f"{down}:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False, reverse=True)),
    }


def difference_pixels(difference: np.ndarray) -> np.ndarray:
    """Return a difference ``(height, width, channel)`` as pixels: blue below zero, white, orange above.

    The mean of the channels is shown; the strongest colour is the largest difference.
    """
    values = np.nan_to_num(difference.astype(np.float64).mean(axis=-1))
    share = values / (np.abs(values).max() or 1.0)
    ends = np.where(share[..., None] < 0, np.array([31.0, 97.0, 165.0]), np.array([201.0, 90.0, 6.0]))
    return np.rint(255 + (ends - 255) * np.abs(share)[..., None]).astype(np.uint8)


def _image(pixels: np.ndarray, left: int, top: int, width: int, height: int) -> alt.Chart:
    shown = within(pixels, _PIXELS_OF_SCREEN * max(width, height))
    # One row without columns, see core.charts.heatmaps.
    return alt.Chart(alt.InlineData([{}])).mark_image(
        url=picture_url(shown), x=left, y=top, width=width, height=height, aspect=False, align="left", baseline="top",
        smooth=pixels.shape[0] > height, aria=False,
    )  # fmt: skip


def _legend(lines: Sequence[tuple[str, str]], left: int, top: int) -> list[Any]:
    frame = pd.DataFrame(lines, columns=["colour", "meaning"])
    frame["down"] = top + _LEGEND_LINE * (np.arange(len(frame)) + 0.5)
    # A scale that maps pixels to themselves.
    down = alt.Y("down:Q", axis=None, scale=alt.Scale(domain=[0, 1], range=[0, 1], nice=False, zero=False))
    base = alt.Chart(frame).encode(y=down)
    squares = base.mark_square(x=left + 5, size=90, opacity=1).encode(color=alt.Color("colour:N", scale=None))
    texts = base.mark_text(x=left + 14, align="left", fontSize=11, color=MUTED_TEXT).encode(text="meaning:N")
    return [squares, texts]
