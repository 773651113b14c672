"""A layer's answer over seconds and hertz, as a spectrogram is drawn."""

from typing import Annotated

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    ChannelIndex,
    Handles,
    Options,
    SampleIndex,
    Visualizer,
    charts,
    hookimpl,
)

_HEIGHT = 320
_SPECTROGRAMS = ("STFTSpectrogram", "MelSpectrogram")


class TimeFrequencyOptions(Options):
    """Which channel, and how it is coloured."""

    sample: SampleIndex = 0
    channel: Annotated[ChannelIndex | None, ActsFromRank(4)] = Field(
        None, title="Channel", description="Automatic: the one that answers the most."
    )
    colours: charts.ColourScheme = Field("automatic", title="Colours")


def _axes(activation: Activation) -> dict[str, str]:
    """Return which axis is time and which frequency, by ``"time"`` and ``"frequency"``."""
    known = {axis: activation.places(axis) for axis in activation.axes}
    return {places.quantity: axis for axis, places in known.items() if places is not None}


def _is_over_both(activation: Activation) -> str:
    if len(_axes(activation)) == 2:
        return ""
    return "takes spectrograms that the model makes with Keras' own layers, and what its layers make of them"


class TimeFrequency(Visualizer):
    """How the layer answers over time, from left to right, and over frequency, from low to high."""

    name = "time-frequency"
    title = "Spectrogram"
    group = "look"
    # Named down to the base class, so that it comes first for the layers that make spectrograms.
    handles = Handles(
        layer_types=(*_SPECTROGRAMS, "Layer", "Operation"),
        ranks=(3, 4),
        dtypes=("number",),
        parts=("output",),
        when=_is_over_both,
    )
    Options = TimeFrequencyOptions
    priority = 10
    how_to_read = (
        "A level stripe is a tone, stripes at even distances above each other are one voice or string, an upright one "
        "is a click, a slanted one glides. Of a convolution, bright is where its channel found its pattern: when, and "
        "at which pitch."
    )
    limitations = (
        "Seconds and hertz are the middles of what a position sees, worked out from frame length, strides and the "
        "sampling rate: a frame blurs over its length, and a position of a deep layer sees far around. Without a "
        "sampling rate frames and bands are numbered. The bands of a mel spectrogram lie closer in hertz at the bottom."
    )

    def chart(self, activation: Activation, options: TimeFrequencyOptions) -> alt.LayerChart:
        """Draw one channel, low frequencies at the bottom."""
        answer = activation.sample(options.sample)
        axes = _axes(answer)
        values, which = answer.values.astype(np.float32), activation.key
        if answer.rank == 3:
            channel = charts.shown_unit(activation, options.sample, options.channel)
            values, count = values[..., channel], activation.shape[-1]
            which = f"channel {channel:,} of {count:,} of {which}" if count > 1 else which
        if answer.axes.index(axes["time"]) < answer.axes.index(axes["frequency"]):
            values = values.T  # (time, frequency) -> (frequency, time)
        time, frequency = charts.ruler_of(answer, axes["time"]), charts.ruler_of(answer, axes["frequency"])
        return charts.heatmap(
            values,
            row="band",
            column="frame",
            row_ruler=frequency,
            column_ruler=time,
            upwards=True,
            scale=charts.colour_scale(values, _colours(activation, options)),
            height=_HEIGHT,
            title=charts.title(
                f"{values.shape[1]:,} frames and {values.shape[0]:,} bands: {which}",
                charts.sample_name(activation, options.sample),
                _in_words(time, frequency),
                charts.note_not_finite(values),
            ),
        )


def _colours(activation: Activation, options: TimeFrequencyOptions) -> str:
    # Decibels and logarithms are below zero for what is quiet, and zero is no middle.
    is_loudness = activation.rank == 3 or activation.shape[-1] == 1
    return "viridis" if is_loudness and options.colours == "automatic" else options.colours


def _in_words(time: charts.Ruler | None, frequency: charts.Ruler | None) -> str:
    if time is None or frequency is None:
        return "the sampling rate is not known: say it under Samples to see seconds and hertz"
    apart = charts.number_text(1000 * float(np.diff(time.values).mean()))
    low, high = (charts.number_text(float(frequency.values[end])) for end in (0, -1))
    return f"a frame every {apart} ms, bands from {low} to {high} Hz"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [TimeFrequency()]
