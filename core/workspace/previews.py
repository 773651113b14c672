"""What went into a model, as it stands above every picture of a layer."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from PIL import Image

from core import charts
from core.charts.sample_values import values_chart
from core.charts.validation import specification_of
from core.common.cache import OnceCache
from core.common.text import answer_text, number_text
from core.inputs.files import Samples
from core.inputs.letters import letters_of
from core.inputs.scaling_check import ExpectedRange, range_text, scaling_warning
from core.inputs.sounds import playable, takes_sound
from core.inputs.spec import COLOUR_CHANNELS, InputSpec, as_colours, as_pixels
from core.workspace.moving_pictures import film_of, film_strip, letters_chart, middle_slices, slices_chart
from core.workspace.results import InputView

__all__ = [
    "INPUT_HEIGHT",
    "InputPreviews",
    "ValueRange",
    "input_view",
    "png_of",
    "value_range",
]

_PICTURE_SIDE: Final = 240  # twice what the strip shows, for screens with two pixels to one
INPUT_HEIGHT: Final = 74
"""Screen pixels that a chart of an input takes."""
_PLAYED_HEIGHT: Final = 40
_LETTERS_TOLD: Final = 200
_FEATURES_TOLD: Final = 12
_VIEWS_KEPT: Final = 4


class InputPreviews:
    """What goes into a model, sample by sample; what is said of all samples is worked out once.

    Args:
        specs: What each input is.
        samples: All samples, as the model sees them.
        expected: Between which numbers inputs are expected, by their name, as far as that is known.
        ranges: What the samples hold, by the name of the input, as far as that was looked for already.
    """

    def __init__(
        self,
        specs: Sequence[InputSpec],
        samples: Samples,
        expected: Mapping[str, ExpectedRange] | None = None,
        ranges: Mapping[str, ValueRange] | None = None,
    ) -> None:
        self._specs = specs
        self._samples = samples
        self._expected = expected or {}
        self._known_ranges = ranges or {}
        # A comparison asks for the same two samples with every run of the page, and films take a while.
        self._views: OnceCache[tuple[InputView, ...]] = OnceCache(_VIEWS_KEPT)

    @cached_property
    def _ranges(self) -> dict[str, ValueRange]:
        known = self._known_ranges
        return {
            spec.name: known[spec.name] if spec.name in known else value_range(self._samples.arrays[spec.name])
            for spec in self._specs
        }

    @cached_property
    def _warnings(self) -> dict[str, str]:
        return {
            name: scaling_warning(seen.minimum, seen.maximum, self._samples.arrays[name].size, self._expected[name])
            for name, seen in self._ranges.items()
            if name in self._expected
        }

    def views(self, sample: int) -> tuple[InputView, ...]:
        """Show one sample of all inputs, see :func:`input_view`."""
        return self._views.get(sample, lambda: tuple(self._view(spec, sample) for spec in self._specs))

    def edited_view(self, spec: InputSpec, one: np.ndarray) -> InputView:
        """Show what one input becomes where a sample is edited, on the scale of all samples.

        Args:
            spec: The input.
            one: What goes in, shape ``(1, …)``.
        """
        return input_view(spec, one, 0, self.feature_names(spec.name), self._ranges[spec.name])

    def range_of(self, name: str) -> ValueRange:
        """Return which numbers all samples of an input hold."""
        return self._ranges[name]

    def feature_names(self, name: str) -> tuple[str, ...]:
        """Return the names of the last axis of an input; empty where they are not known."""
        return tuple(self._samples.feature_names.get(name, ()))

    def _view(self, spec: InputSpec, sample: int) -> InputView:
        name = spec.name
        names = self._samples.feature_names.get(name, ())
        view = input_view(spec, self._samples.arrays[name], sample, names, self._ranges[name])
        warning = self._warnings.get(name, "")
        scaling = self._expected[name].scaling if warning else ""
        # What was scaled in this way already is not mended by it.
        scaling = "" if scaling == self._samples.scalings.get(name) else scaling
        done = self._samples.notes.get(name, ())
        return replace(
            view,
            note=", ".join(filter(None, (done[sample] if done else "", view.note))),
            warning=warning,
            suggested_scaling=scaling,
            alt=f"{view.alt}{warning and f' {warning}'}",
        )


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
        one = text if value.size == 1 else ""
        return InputView(spec.name, shape, text=text, value=one, alt=f"Input {spec.shown_name}: {text}")
    seen = seen or value_range(array)
    drawn = _drawn(spec, array[sample : sample + 1], feature_names, seen.bounds)
    told = _in_words(spec, shape, value, feature_names, drawn.note)
    return replace(
        drawn,
        shape=shape,
        minimum=seen.minimum,
        maximum=seen.maximum,
        not_finite=seen.non_finite,
        value=answer_text(float(value.reshape(-1)[0])) if value.size == 1 and drawn.picture is None else "",
        audio=playable(value, spec.sampling_rate) if spec.sampling_rate and takes_sound(spec) else None,
        alt=f"{told[:-1]}; {drawn.alt}." if drawn.alt else told,
    )


def _drawn(spec: InputSpec, one: np.ndarray, feature_names: tuple[str, ...], bounds: tuple[float, float]) -> InputView:
    """Return one sample, the sample axis first, as a picture or a chart, with what is to be said of it.

    ``bounds`` are those of all samples: a dark picture among bright ones is to look dark.
    """
    laid_out = spec.laid_out(one)[0]
    view = InputView(spec.name, "")
    if one.dtype.kind in "biuf" and spec.kind == "image" and spec.frame:
        images = spec.as_images(one)
        pixels = as_pixels(as_colours(images)[0], bounds)
        return replace(view, picture=png_of(pixels), note=_note_on_channels(images.shape[-1]))
    if one.dtype.kind in "biuf" and spec.kind in ("volume", "frames") and laid_out.ndim in (3, 4):
        slices = laid_out if laid_out.ndim == 4 else laid_out[..., np.newaxis]
        return _drawn_volume(view, spec, slices, bounds)
    sequences = letters_of(one, spec.letters) if spec.letters else None
    if sequences:
        written = letters_chart(sequences[0], spec.letters, height=INPUT_HEIGHT)
        told = sequences[0][:_LETTERS_TOLD]
        return replace(view, specification=specification_of(written), letters=told, alt=f"the letters {told}")
    is_row = laid_out.ndim == 1 and (spec.kind == "sequence" or bool(spec.sampling_rate))
    values = laid_out[:, np.newaxis] if is_row else laid_out
    # Beneath a waveform there is what plays it.
    height = _PLAYED_HEIGHT if spec.sampling_rate else INPUT_HEIGHT
    chart = values_chart(values, feature_names, height=height, sampling_rate=spec.sampling_rate)
    return replace(view, specification=specification_of(chart))


def _drawn_volume(view: InputView, spec: InputSpec, slices: np.ndarray, bounds: tuple[float, float]) -> InputView:
    """Draw ``(depth, height, width, channel)`` as slices in three directions, or frames one after another."""
    if spec.kind == "frames":
        picture, note = film_strip(slices, bounds)
        view = replace(view, film=film_of(slices, bounds))
    else:
        picture, note = middle_slices(slices, bounds)
        view = replace(view, slices=specification_of(slices_chart(slices, bounds)))
    notes = ", ".join(filter(None, (note, _note_on_channels(slices.shape[-1]))))
    return replace(view, picture=picture, note=notes)


def _in_words(spec: InputSpec, shape: str, value: np.ndarray, names: tuple[str, ...], note: str) -> str:
    seen = value_range(value)
    told = f"Input {spec.shown_name}, {spec.kind} {shape}"
    if value.dtype.kind not in "biuf" or not np.isfinite(seen.minimum):
        return f"{told}."
    if value.ndim == 1 and len(names) == len(value) <= _FEATURES_TOLD:
        told += ": " + ", ".join(f"{name} {answer_text(float(each))}" for name, each in zip(names, value, strict=True))
    elif value.size == 1:
        told += f": {answer_text(seen.mean)}"
    else:
        told += f": {range_text(seen.minimum, seen.maximum)}, mean {number_text(seen.mean)}"
    wrong = f"; {seen.non_finite:,} are NaN or infinite" if seen.non_finite else ""
    return f"{told}{wrong}{note and f'; {note}'}."


def _note_on_channels(channels: int) -> str:
    return "" if channels in COLOUR_CHANNELS else f"the mean of {channels:,} channels is drawn"


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

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest, between which pictures are drawn; 0 and 1 where there is none."""
        return (self.minimum, self.maximum) if math.isfinite(self.minimum) else (0.0, 1.0)


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
