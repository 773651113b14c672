"""An output that is an image, or slices of a volume, and nothing else that is known."""

import altair as alt
import numpy as np

from vizplugins import LIKELY, MeaningAnswer, OutputContext, OutputMeaning, as_colours, charts, hookimpl

_SMALLEST_SIDE = 8
_MOST_UNEQUAL = 4.0
_MOST_UNEQUAL_ALONE = 1.5
_COLOURS = (1, 3, 4)
_SIDE = 256


class ImageOutput(OutputMeaning):
    """An image, or slices of a volume."""

    name = "image"
    title = "Image"
    takes = "an output of the shape of a picture, or of slices of a volume"

    def match(self, output: OutputContext) -> float | str:
        """Take what has the shape of a picture, or of slices."""
        if not output.is_numeric:
            return "needs numbers"
        return LIKELY - 0.2 if _is_picture(output.values) else "needs the shape of an image or of slices of one"

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw it; of other channels than colours their mean, of a volume some slices."""
        values = output.values.astype(np.float32)
        image = _channels_last(values)
        if image.ndim == 4:
            picture, count = charts.slices_picture(image)
            note = f"{count:,} of {len(image):,} slices" if count < len(image) else f"{len(image):,} slices"
            chart = _drawn(picture, height)
        else:
            finite = image[np.isfinite(image)]
            ends = [charts.number_text(float(end)) for end in (finite.min(), finite.max())] if finite.size else []
            note = f"values {' to '.join(ends)}" if ends else ""
            if image.shape[-1] not in _COLOURS:
                note = f"the mean of {image.shape[-1]:,} channels, {note}"
            chart = _drawn(as_colours(image), height)
        shape = charts.format_shape(values.shape)
        return MeaningAnswer("", chart, note, f"The model answers {shape} numbers: {charts.extremes_text(values)}.")


def _is_picture(value: np.ndarray) -> bool:
    """Return whether an answer looks like a picture or like slices of one.

    Two axes are one where both are at least 8 long and none is more than one and a half times as long as the other, as
    it may be a series too; three where those of height and width are like sides, the channels last or first; four are
    slices.
    """
    if value.ndim == 2:
        return _like_sides(value.shape[0], value.shape[1], _MOST_UNEQUAL_ALONE)
    if value.ndim == 3:
        return _like_sides(*value.shape[:2]) or _like_sides(*value.shape[1:])
    return value.ndim == 4 and _like_sides(*value.shape[1:3])


def _drawn(image: np.ndarray, height: int) -> alt.Chart:
    pixels = charts.picture_values(image, charts.finite_range(image))
    rows, columns = pixels.shape[:2]
    shown = height - 10
    width = max(1, round(shown * columns / rows))
    url = charts.picture_url(charts.within(pixels, max(_SIDE, 2 * shown)))
    return charts.picture(url, width, shown, smooth=rows > shown)


def _channels_last(value: np.ndarray) -> np.ndarray:
    if value.ndim == 2:
        return value[..., np.newaxis]
    if value.ndim == 3 and value.shape[0] in _COLOURS and value.shape[-1] not in _COLOURS:
        return np.moveaxis(value, 0, -1)
    if value.ndim == 3 and not _like_sides(*value.shape[:2]):
        return np.moveaxis(value, 0, -1)
    return value


def _like_sides(height: int, width: int, most_unequal: float = _MOST_UNEQUAL) -> bool:
    return min(height, width) >= _SMALLEST_SIDE and max(height, width) <= most_unequal * min(height, width)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [ImageOutput()]
