"""An answer of a model that has the shape of a picture, drawn as one: a mask of classes, an image, slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import altair as alt
import numpy as np

from core import charts
from core.charts.colours import rgb_of
from core.charts.raster import class_colours
from core.common.text import class_name, number_text, percent
from core.inputs.model_output import is_distribution
from core.inputs.spec import COLOUR_CHANNELS, as_colours
from core.workspace.previews import slices_picture

__all__ = ["OutputPicture", "is_picture", "output_picture"]

_SMALLEST_SIDE: Final = 8
_MOST_UNEQUAL: Final = 4.0
_MOST_UNEQUAL_ALONE: Final = 1.5
_CLASSES_TOLD: Final = 3
_SIDE: Final = 256


@dataclass(frozen=True)
class OutputPicture:
    """An answer as a picture, with what is to be said of it."""

    chart: alt.Chart
    note: str


def is_picture(value: np.ndarray) -> bool:
    """Return whether an answer of shape ``(…)``, without the sample axis, looks like a picture or like slices of one.

    Two axes are one where both are at least 8 long and none is more than one and a half times as long as the other, as
    it may be a series too; three where those of height and width are like sides, the channels last or first; four are
    slices.
    """
    if value.ndim == 2:
        return _like_sides(value.shape[0], value.shape[1], _MOST_UNEQUAL_ALONE)
    if value.ndim == 3:
        return _like_sides(*value.shape[:2]) or _like_sides(*value.shape[1:])
    return value.ndim == 4 and _like_sides(*value.shape[1:3])


def output_picture(value: np.ndarray, height: int) -> OutputPicture:
    """Draw an answer that :func:`is_picture`.

    Probabilities of classes at each place become a mask: the colour is that of the largest. Of other channels than
    colours the mean is drawn.

    Args:
        value: Shape ``(height, width)``, ``(height, width, channel)``, ``(channel, height, width)`` or
            ``(depth, height, width, channel)``.
        height: Of the chart, in screen pixels.
    """
    image = _channels_last(value)
    if image.ndim == 4:
        picture, count = slices_picture(image)
        told = f"{count:,} of {len(image):,} slices" if count < len(image) else f"{len(image):,} slices"
        return _drawn(charts.picture_values(picture), height, told)
    if is_distribution(image):
        return _mask(image, height)
    finite = image[np.isfinite(image)]
    told = f"values {number_text(float(finite.min()))} to {number_text(float(finite.max()))}" if finite.size else ""
    if image.shape[-1] not in COLOUR_CHANNELS:
        told = f"the mean of {image.shape[-1]:,} channels, {told}"
    return _drawn(charts.picture_values(as_colours(image)), height, told)


def _mask(shares: np.ndarray, height: int) -> OutputPicture:
    """Draw probabilities of shape ``(height, width, class)`` as the class that is likeliest at each place."""
    classes = shares.argmax(axis=-1)
    count = shares.shape[-1]
    palette = rgb_of(class_colours(count))
    parts = np.bincount(classes.reshape(-1), minlength=count) / classes.size
    largest = [int(each) for each in np.argsort(-parts, kind="stable")[:_CLASSES_TOLD] if parts[each] > 0]
    told = ", ".join(f"{class_name(each, ())} {percent(float(parts[each]))}" for each in largest)
    return _drawn(palette[classes], height, f"likeliest of {count:,} classes at each place: {told}")


def _drawn(pixels: np.ndarray, height: int, note: str) -> OutputPicture:
    rows, columns = pixels.shape[:2]
    width = max(1, round(height * columns / rows))
    url = charts.picture_url(charts.within(pixels, _SIDE))
    return OutputPicture(charts.picture(url, width, height, smooth=rows > height), note)


def _channels_last(value: np.ndarray) -> np.ndarray:
    if value.ndim == 2:
        return value[..., np.newaxis]
    if value.ndim == 3 and value.shape[0] in COLOUR_CHANNELS and value.shape[-1] not in COLOUR_CHANNELS:
        return np.moveaxis(value, 0, -1)
    if value.ndim == 3 and not _like_sides(*value.shape[:2]):
        return np.moveaxis(value, 0, -1)
    return value


def _like_sides(height: int, width: int, most_unequal: float = _MOST_UNEQUAL) -> bool:
    return min(height, width) >= _SMALLEST_SIDE and max(height, width) <= most_unequal * min(height, width)
