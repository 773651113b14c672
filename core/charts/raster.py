"""A great many points as one picture: marks are for what a person can point at.

A browser takes seconds to draw tens of thousands of marks. So the points are drawn into an image here, and marks, which
cannot be seen, lie over it: one for each cell of a grid that holds points, standing for one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core.charts.colours import MUTED_COLOUR, png_url, rgb_of
from core.common.text import NOT_KNOWN

__all__ = [
    "MOST_MARKS",
    "behind",
    "class_colours",
    "class_palette",
    "colours_of",
    "grid_representatives",
    "points_picture",
]

MOST_MARKS: Final = 2_500
"""Up to how many points each one is a mark."""
_TABLEAU: Final = (
    *("#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#eeca3b", "#b279a2", "#ff9da6", "#9d755d", "#bab0ac"),
    *("#9ecae9", "#ffbf79", "#ff9d98", "#83bcb6", "#88d27a", "#f2cf5b", "#d6a5c9", "#fcbfd2", "#d8b5a5", "#d6d3d0"),
)
_COLOURS: Final = 200
_LARGE_DOT: Final = 20_000


def class_colours(count: int) -> list[str]:
    """Return a colour for each of so many classes; they repeat after twenty."""
    return [_TABLEAU[number % len(_TABLEAU)] for number in range(count)]


def class_palette(names: Iterable[str], class_names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each class that is drawn, in the classes' own order: the same one in every picture.

    Args:
        names: Of the classes that are drawn, in any order.
        class_names: Of all classes, by number; a class that has no name is called by its number.
    """
    drawn = set(names)
    numbers = {name: number for number, name in reversed(list(enumerate(class_names)))}
    known = sorted(
        (numbers.get(name, int(name) if name.isdecimal() else len(class_names)), name) for name in drawn - {NOT_KNOWN}
    )
    colours = {name: _TABLEAU[number % len(_TABLEAU)] for number, name in known}
    return {**colours, NOT_KNOWN: MUTED_COLOUR} if NOT_KNOWN in drawn else colours


def colours_of(names: pd.Series, colours: Mapping[str, str]) -> np.ndarray:
    """Return the colour of each name, uint8, shape ``(name, 3)``.

    Args:
        names: As many as there are points.
        colours: By name, such as ``"#4c78a8"``.
    """
    codes, found = pd.factorize(names)
    return rgb_of(colours[name] for name in found)[codes]


def points_picture(points: np.ndarray, colours: np.ndarray, reach: float, side: int = 640) -> str:
    """Return points as a PNG data URL; where many lie, their colours mix and cover what is behind.

    Args:
        points: Shape ``(point, 2)``, across and up.
        colours: Of each point, uint8, shape ``(point, 3)``.
        reach: The picture shows what lies between minus and plus this, in both directions.
        side: Pixels.
    """
    at = np.floor((points + reach) / (2 * reach) * side).astype(np.int64)
    inside = ((at >= 0) & (at < side)).all(axis=1)
    flat = ((side - 1 - at[:, 1]) * side + at[:, 0])[inside]
    counts = np.bincount(flat, minlength=side * side).reshape(side, side).astype(np.float32)
    sums = np.stack(
        [np.bincount(flat, colours[inside, channel], side * side).reshape(side, side) for channel in range(3)], axis=-1
    )
    radius = 2 if len(points) <= _LARGE_DOT else 1
    counts, sums = _spread(counts, radius), _spread(sums.astype(np.float32), radius)
    mixed = sums / np.maximum(counts, 1)[..., None]
    cover = np.where(counts > 0, np.minimum(0.65 + 0.07 * counts, 1.0), 0.0) * 255
    pixels = np.dstack([mixed, cover]).round().astype(np.uint8)
    # Fewer colours than a screen shows, and a third of the bytes.
    small = Image.fromarray(pixels).quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return png_url(small)


def behind(url: str, side: int) -> alt.Chart:
    """Return a picture as the layer of a square chart that marks lie over.

    Args:
        url: Of the picture.
        side: Of the chart, in screen pixels.
    """
    # One row without columns, see core.charts.heatmaps.
    return alt.Chart(alt.InlineData([{}])).mark_image(
        url=url, x=0, y=0, width=side, height=side, aspect=False, align="left", baseline="top", aria=False
    )


def grid_representatives(points: np.ndarray, reach: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one point for each cell of a grid that holds any, and how many lie in the cell.

    Args:
        points: Shape ``(point, 2)``.
        reach: The grid covers minus to plus this, in both directions.
        cells: How many along each side.
    """
    at = np.clip(np.floor((points + reach) / (2 * reach) * cells).astype(np.int64), 0, cells - 1)
    cell = at[:, 1] * cells + at[:, 0]
    counts = np.bincount(cell, minlength=cells * cells)
    first = np.empty(cells * cells, np.int64)
    first[cell[::-1]] = np.arange(len(cell))[::-1]  # what is written last stays: the first of each cell
    return first[counts > 0], counts[counts > 0]


def _spread(values: np.ndarray, radius: int) -> np.ndarray:
    spread = np.zeros_like(values)
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            if down**2 + right**2 <= radius**2:
                spread += np.roll(values, (down, right), axis=(0, 1))
    return spread
