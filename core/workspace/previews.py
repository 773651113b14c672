"""What went into a model, as it stands above every picture of a layer."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core import charts
from core.common.text import number_text
from core.inputs.files import Samples
from core.inputs.scaling_check import ExpectedRange, range_text, scaling_warning
from core.inputs.spec import COLOUR_CHANNELS, InputSpec, as_colours
from core.workspace.results import InputView

__all__ = [
    "INPUT_HEIGHT",
    "InputPreviews",
    "ValueRange",
    "input_view",
    "png_of",
    "positions_axis",
    "positions_scale",
    "slices_picture",
    "value_range",
    "values_chart",
]

_PICTURE_SIDE: Final = 240  # twice what the strip shows, for screens with two pixels to one
INPUT_HEIGHT: Final = 74
"""Screen pixels that a chart of an input takes."""
_LINES: Final = 6
_MOST_SLICES: Final = 16
_SLICE_GAP: Final = 1
_NAMED_ROWS: Final = 40
_FEATURES_TOLD: Final = 12


class InputPreviews:
    """What goes into a model, sample by sample; what is said of all samples is worked out once.

    Args:
        specs: What each input is.
        samples: All samples, as the model sees them.
        expected: Between which numbers inputs are expected, by their name, as far as that is known.
    """

    def __init__(
        self, specs: Sequence[InputSpec], samples: Samples, expected: Mapping[str, ExpectedRange] | None = None
    ) -> None:
        self._specs = specs
        self._samples = samples
        self._expected = expected or {}

    @cached_property
    def _ranges(self) -> dict[str, ValueRange]:
        return {spec.name: value_range(self._samples.arrays[spec.name]) for spec in self._specs}

    @cached_property
    def _warnings(self) -> dict[str, str]:
        return {
            name: scaling_warning(seen.minimum, seen.maximum, self._samples.arrays[name].size, self._expected[name])
            for name, seen in self._ranges.items()
            if name in self._expected
        }

    def views(self, sample: int) -> tuple[InputView, ...]:
        """Show one sample of all inputs, see :func:`input_view`."""
        return tuple(self._view(spec, sample) for spec in self._specs)

    def _view(self, spec: InputSpec, sample: int) -> InputView:
        name = spec.name
        names = self._samples.feature_names.get(name, ())
        view = input_view(spec, self._samples.arrays[name], sample, names, self._ranges[name])
        warning = self._warnings.get(name, "")
        scaling = self._expected[name].scaling if warning else ""
        # What was scaled in this way already is not mended by it.
        scaling = "" if scaling == self._samples.scalings.get(name) else scaling
        return replace(view, warning=warning, suggested_scaling=scaling, alt=f"{view.alt}{warning and f' {warning}'}")


def input_view(
    spec: InputSpec,
    array: np.ndarray,
    sample: int,
    feature_names: tuple[str, ...] = (),
    seen: ValueRange | None = None,
) -> InputView:
    """Show one sample of one input.

    Args:
        spec: What the input is.
        array: All samples, the sample axis first, as the model sees them.
        sample: Which one to show.
        feature_names: Names of the last axis, if known.
        seen: Range of all samples, if known.
    """
    value = array[sample]
    shape = charts.format_shape(value.shape) or "one value"
    if value.dtype.kind in "US":
        text = " ".join(map(str, value.reshape(-1)))
        return InputView(spec.name, shape, text=text, alt=f"Input {spec.shown_name}: {text}")
    seen = seen or value_range(array)
    picture, note = _picture_of(spec, array[sample : sample + 1])
    specification = None
    if picture is None:
        laid_out = spec.laid_out(array[sample : sample + 1])[0]
        is_row = spec.kind == "sequence" and laid_out.ndim == 1
        specification = values_chart(laid_out[:, np.newaxis] if is_row else laid_out, feature_names).to_dict()
    return InputView(
        spec.name,
        shape,
        picture=picture,
        specification=specification,
        note=note,
        minimum=seen.minimum,
        maximum=seen.maximum,
        not_finite=seen.non_finite,
        alt=_in_words(spec, shape, value, feature_names, note),
    )


def _in_words(spec: InputSpec, shape: str, value: np.ndarray, names: tuple[str, ...], note: str) -> str:
    seen = value_range(value)
    told = f"Input {spec.shown_name}, {spec.kind} {shape}"
    if value.dtype.kind not in "biuf" or not np.isfinite(seen.minimum):
        return f"{told}."
    if value.ndim == 1 and len(names) == len(value) <= _FEATURES_TOLD:
        told += ": " + ", ".join(f"{name} {number_text(float(each))}" for name, each in zip(names, value, strict=True))
    elif value.size == 1:
        told += f": {number_text(seen.mean)}"
    else:
        told += f": {range_text(seen.minimum, seen.maximum)}, mean {number_text(seen.mean)}"
    wrong = f"; {seen.non_finite:,} are NaN or infinite" if seen.non_finite else ""
    return f"{told}{wrong}{note and f'; {note}'}."


def _picture_of(spec: InputSpec, one: np.ndarray) -> tuple[bytes | None, str]:
    """Return one sample, the sample axis first, as a PNG, and what is to be said of it; None if it is no picture."""
    if spec.kind == "image" and spec.frame and one.dtype.kind in "biuf":
        images = spec.as_images(one)
        return png_of(as_colours(images)[0]), _note_on_channels(images.shape[-1])
    slices = spec.laid_out(one)[0]
    if spec.kind != "volume" or slices.ndim not in (3, 4):
        return None, ""
    slices = slices if slices.ndim == 4 else slices[..., np.newaxis]  # (depth, height, width, channel)
    picture, count = slices_picture(slices)
    of_slices = f"{count:,} of {len(slices):,} slices" if count < len(slices) else ""
    notes = (of_slices, _note_on_channels(slices.shape[-1]))
    return png_of(picture), ", ".join(filter(None, notes))


def _note_on_channels(channels: int) -> str:
    return "" if channels in COLOUR_CHANNELS else f"the mean of {channels:,} channels is drawn"


def slices_picture(slices: np.ndarray) -> tuple[np.ndarray, int]:
    """Return slices as one picture, of many some at even distances, and how many of them are in it.

    Args:
        slices: Shape ``(slice, height, width, channel)``.
    """
    chosen = np.unique(np.linspace(0, len(slices) - 1, min(len(slices), _MOST_SLICES)).astype(int))
    return _side_by_side(as_colours(slices[chosen])), len(chosen)


def _side_by_side(slices: np.ndarray) -> np.ndarray:
    """Return slices of shape ``(slice, height, width, channel)`` as one picture, in rows, with gaps between them."""
    columns = int(np.ceil(np.sqrt(len(slices))))
    rows = -(-len(slices) // columns)
    finite = slices[np.isfinite(slices)]
    gap = float(finite.max()) if finite.size else 0.0
    height, width, channels = slices.shape[1] + _SLICE_GAP, slices.shape[2] + _SLICE_GAP, slices.shape[3]
    picture = np.full((rows * height - _SLICE_GAP, columns * width - _SLICE_GAP, channels), gap, np.float32)
    for number, each in enumerate(slices):
        top, left = number // columns * height, number % columns * width
        picture[top : top + each.shape[0], left : left + each.shape[1]] = each
    return picture


def values_chart(
    value: np.ndarray, feature_names: tuple[str, ...] = (), *, height: int = INPUT_HEIGHT, legend: bool = True
) -> alt.Chart | alt.LayerChart:
    """Draw one sample that is no image: lines over time, a heatmap where there are many features, or bars.

    Args:
        value: Shape ``(feature,)`` or ``(time, …, feature)``.
        feature_names: Names of the last axis, if known.
        height: Of the chart in screen pixels; a few features with names may take more.
        legend: Whether colours are explained.
    """
    is_named = value.ndim > 0 and len(feature_names) == value.shape[-1]
    if value.ndim == 2 and value.shape[-1] <= _LINES:
        names = list(feature_names) if is_named else [str(number) for number in range(value.shape[-1])]
        return _lines(value, names, height, legend)
    if value.ndim >= 2:
        matrix = value.reshape(-1, value.shape[-1]).T  # (time, feature) -> (feature, time)
        return charts.heatmap(
            matrix,
            row="feature",
            column="time",
            scale=charts.colour_scale(matrix),
            value_title="Value",
            height=height,
            row_labels=feature_names if is_named and len(matrix) <= _NAMED_ROWS else None,
            legend=legend,
        )
    if is_named and value.shape[-1] <= _NAMED_ROWS:
        return _named_bars(value, feature_names)
    flat = value.reshape(-1)
    kept = charts.thin(flat, buckets=400)
    return (
        alt.Chart(pd.DataFrame({"position": kept, "value": flat[kept]}))
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            x=alt.X("position:Q", title="Position", scale=positions_scale(len(flat)), axis=positions_axis()),
            y=alt.Y("value:Q", title=None),
            tooltip=[alt.Tooltip("position:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=height)
    )


def _lines(value: np.ndarray, names: list[str], height: int, legend: bool) -> alt.Chart:
    kept = charts.thin(np.nan_to_num(value).sum(axis=1), buckets=400)
    frame = pd.DataFrame(value[kept], columns=names).assign(time=kept).melt("time", var_name="feature")
    # A domain that is said: a chart that stays on the page keeps no order of the data before.
    colours = alt.Scale(domain=names, scheme="tableau10")
    explained = alt.Legend(title="Feature") if legend and len(names) > 1 else None
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("time:Q", title="Time", scale=positions_scale(len(value)), axis=positions_axis()),
            y=alt.Y("value:Q", title=None),
            color=alt.Color("feature:N", scale=colours, legend=explained),
            tooltip=[alt.Tooltip("feature:N"), alt.Tooltip("time:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=height)
    )


def positions_scale(count: int) -> alt.Scale:
    """Return the scale of an axis along which so many numbers stand side by side."""
    return alt.Scale(domain=[-0.5, count - 0.5], nice=False)


def positions_axis(**settings: Any) -> alt.Axis:
    """Return such an axis, with whole numbers only; ``settings`` are further ones of :class:`altair.Axis`."""
    return alt.Axis(tickMinStep=1, format=",d", **settings)


def _named_bars(value: np.ndarray, names: tuple[str, ...]) -> alt.Chart:
    frame = pd.DataFrame({"feature": list(names), "value": value})
    return (
        alt.Chart(frame)
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            x=alt.X("value:Q", title=None),
            y=alt.Y(
                "feature:N",
                scale=alt.Scale(domain=list(names)),
                title=None,
                axis=alt.Axis(ticks=False, domain=False, labelLimit=140, labelOverlap=False),
            ),
            tooltip=[alt.Tooltip("feature:N"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=max(60, 16 * len(frame)))
    )


def png_of(value: np.ndarray) -> bytes:
    """Return an image of shape ``(height, width, channel)``, any range, as a PNG that is large enough to look at."""
    image = Image.fromarray(charts.picture_values(value))
    factor = _PICTURE_SIDE / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    image = image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class ValueRange:
    """The numbers that the model really sees, in short.

    Attributes:
        minimum: Smallest finite value; NaN where there is none, as for text.
        maximum: Largest finite value, likewise.
        mean: Mean of the finite values, likewise.
        non_finite: How many values are NaN or infinite.
    """

    minimum: float
    maximum: float
    mean: float
    non_finite: int


def value_range(array: np.ndarray) -> ValueRange:
    """Return minimum, maximum and mean of the finite values of an array of any shape, and how many are not finite."""
    if array.dtype.kind not in "biuf":
        return ValueRange(math.nan, math.nan, math.nan, 0)
    finite = array[np.isfinite(array)]
    non_finite = array.size - finite.size
    if finite.size == 0:
        return ValueRange(math.nan, math.nan, math.nan, non_finite)
    mean = float(finite.mean(dtype=np.float64))
    return ValueRange(float(finite.min()), float(finite.max()), mean, non_finite)
