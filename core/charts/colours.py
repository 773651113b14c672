"""Numbers as colours, and colours as pictures that a chart can hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import altair as alt
import numpy as np
from PIL import Image

from core.analysis.large_arrays import finite_range
from core.charts.colour_ranges import range_to_draw

__all__ = [
    "CHOSEN_COLOUR",
    "GAP_LEVEL",
    "MARK_COLOUR",
    "MUTED_COLOUR",
    "NOT_A_NUMBER_COLOUR",
    "NO_CLASS_COLOUR",
    "REFERENCE_COLOUR",
    "SCHEMES",
    "ColourScale",
    "ColourScheme",
    "chosen_stroke",
    "colour_levels",
    "colour_scale",
    "level_picture_url",
    "magnitude_scale",
    "picture_url",
    "picture_values",
    "png_url",
    "rgb_of",
    "within",
]

MARK_COLOUR: Final = "#4c78a8"
"""Colour of marks where colour means nothing; it reads well on light and on dark."""
CHOSEN_COLOUR: Final = "#ff4b4b"
"""Colour of the frame around what is chosen: a unit, a channel, the sample that is open."""
MUTED_COLOUR: Final = "#70757f"
"""Grey of marks that stand back, 4.6:1 on white. For text take ``MUTED_TEXT``, which is lighter on a dark page."""
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
REFERENCE_COLOUR: Final = "#9aa0ab"
"""Grey of what something is compared with: a zero line, a threshold, what went in."""
NO_CLASS_COLOUR: Final = "#ff00ff"
"""Of places that have no class, as their numbers are NaN or infinite."""
NOT_A_NUMBER_COLOUR: Final = (255, 0, 255)
"""The same as numbers, of what is NaN or infinite itself."""
_NEARLY_CONSTANT: Final = 0.05
"""Share of their size that values differ by at least, for their differences to be worth the whole scale."""
_TOP_LEVEL: Final = 253
GAP_LEVEL: Final = 254
_NOT_A_NUMBER_LEVEL: Final = 255


@dataclass(frozen=True)
class ColourScale:
    """Numbers to colours, the same in an image and in the legend beside it.

    Attributes:
        low: Value of the first colour.
        high: Value of the last colour.
        scheme: Name in :data:`SCHEMES`; ``"automatic"`` becomes blueorange where the ends are on both sides of zero,
            else viridis.
    """

    low: float
    high: float
    scheme: str = "automatic"

    def __post_init__(self) -> None:
        if self.scheme == "automatic":
            object.__setattr__(self, "scheme", _scheme_that_suits(self.low, self.high))

    def note(self) -> str:
        """Return a warning where full contrast is given to values that hardly differ; empty where it is not."""
        if self.high - self.low >= _NEARLY_CONSTANT * max(abs(self.low), abs(self.high)):
            return ""
        digits = next((n for n in range(3, 9) if f"{self.low:.{n}g}" != f"{self.high:.{n}g}"), 9)
        return f"nearly constant: {self.low:.{digits}g} to {self.high:.{digits}g}"

    def levels(self, values: np.ndarray, count: int = _TOP_LEVEL + 1) -> np.ndarray:
        """Return indices into :meth:`palette`, uint8, same shape; NaN and infinities get the last index.

        Args:
            values: Numbers of any shape.
            count: Number of different levels; fewer make a smaller PNG.
        """
        return colour_levels(values, self.low, self.high, count)

    def palette(self) -> np.ndarray:
        """Return 256 colours, uint8, shape ``(256, 3)``; the last two stand for a gap and for what is not a number."""
        stops = rgb_of(SCHEMES[self.scheme])
        positions = np.linspace(0, len(stops) - 1, _TOP_LEVEL + 1)
        colours = [np.interp(positions, range(len(stops)), stops[:, part]) for part in range(3)]
        return np.vstack([np.stack(colours, axis=1), (0, 0, 0), NOT_A_NUMBER_COLOUR]).astype(np.uint8)

    def altair(self) -> alt.Scale:
        """Return the same scale for an Altair encoding."""
        return alt.Scale(domain=[self.low, self.high], range=list(SCHEMES[self.scheme]), interpolate="rgb")

    def url(self, values: np.ndarray) -> str:
        """Return numbers of shape ``(row, column)`` as a PNG data URL."""
        return level_picture_url(self.levels(values), self)


def rgb_of(colours: Iterable[str]) -> np.ndarray:
    """Return colours such as ``"#4c78a8"`` as numbers, uint8, shape ``(colour, 3)``."""
    return np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours], np.uint8)


def chosen_stroke(column: str = "chosen") -> alt.Stroke:
    """Return the encoding that frames the marks whose column is True."""
    scale = alt.Scale(domain=[False, True], range=["transparent", CHOSEN_COLOUR])
    return alt.Stroke(f"{column}:N", scale=scale, legend=None)


def colour_scale(values: np.ndarray, scheme: str = "automatic") -> ColourScale:
    """Return the scale that suits numbers: viridis for magnitudes, blueorange centred on zero for signed ones.

    Args:
        values: Numbers of any shape; NaN and infinities are left out.
        scheme: Name in :data:`SCHEMES`, or ``"automatic"``.
    """
    extremes, are_differences = range_to_draw(finite_range(values))
    low, high = extremes or (0.0, 1.0)
    if are_differences:
        scheme = "blueorange"
    elif scheme == "automatic":
        scheme = _scheme_that_suits(low, high)
    if scheme == "blueorange":
        reach = max(abs(low), abs(high)) or 1.0
        low, high = -reach, reach
    if low == high:
        low, high = low - 0.5, high + 0.5
    return ColourScale(low, high, scheme)


def _scheme_that_suits(low: float, high: float) -> str:
    # The slight negatives of a swish or GELU do not make values signed.
    return "blueorange" if high > 0 and low < -0.05 * high else "viridis"


def magnitude_scale(values: np.ndarray, scheme: str = "viridis") -> ColourScale:
    """Return the scale of numbers that begin at zero, such as probabilities: from there to the largest of them.

    Args:
        values: Numbers of any shape; NaN and infinities are left out.
        scheme: Name in :data:`SCHEMES`, or ``"automatic"``.
    """
    extremes, are_differences = range_to_draw(finite_range(values))
    low, high = extremes or (0.0, 0.0)
    if are_differences:
        reach = max(abs(low), abs(high)) or 1.0
        return ColourScale(-reach, reach, "blueorange")
    return ColourScale(0.0, max(high, 0.0) or 1.0, scheme)


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
    return png_url(image, transparency=GAP_LEVEL)


def picture_url(pixels: np.ndarray) -> str:
    """Return pixels as a PNG data URL.

    Args:
        pixels: uint8, shape ``(height, width)`` or ``(height, width, channel)`` with 3 or 4 channels.
    """
    return png_url(Image.fromarray(np.ascontiguousarray(pixels)))


def within(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a picture of which no side is longer, each pixel the mean of those that it stands for.

    Args:
        pixels: uint8, shape ``(height, width, channel)``.
        side: Longest side, in pixels.
    """
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def picture_values(values: np.ndarray, bounds: tuple[float, float] | None = None) -> np.ndarray:
    """Return numbers as pixels that can be looked at, whatever range they were scaled to.

    Args:
        values: Shape ``(height, width, channel)``, any range; their own minimum becomes 0 and maximum 255. Of uint8
            they are pixels already, as ``drawable`` has them, and stay as they are.
        bounds: What becomes 0 and 255 instead, for one of several pictures on one scale; no value lies outside.

    Returns:
        uint8, shape ``(height, width, 3)``; of other than 1 or 3 channels the first, or the first three, are shown.
    """
    channels = values[..., :3] if values.shape[-1] >= 3 else np.repeat(values[..., :1], 3, axis=-1)
    if channels.dtype == np.uint8 and bounds is None:
        return channels
    channels = np.asarray(channels, dtype=np.float32)
    extremes, are_differences = range_to_draw(bounds or finite_range(channels))
    low, high = extremes or (0.0, 1.0)
    if are_differences:
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    scaled = (np.nan_to_num(channels, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    return np.rint(scaled * 255).astype(np.uint8)


def png_url(image: Image.Image, **settings: Any) -> str:
    """Return a picture as a PNG data URL; ``settings`` are those of Pillow's PNG writer."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=2, **settings)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
