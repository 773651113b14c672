"""What goes into a normalisation layer now, against what went in when the model was trained."""

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, ChannelIndex, Handles, Options, Refusal, Visualizer, charts, hookimpl, normalization

_WIDTH = 560
_HEIGHT = 170
_AXIS_WIDTH = 52
_DRIFTS, _FITS = "drifts", "as in training"
_DRIFT_COLOUR = "#e45756"
_STRAIGHT = 10.0
_LEGEND = alt.Legend(orient="top", direction="horizontal", symbolOpacity=1)


class NormalizationDriftOptions(Options):
    """Which channel is marked."""

    channel: ChannelIndex | None = Field(
        None, title="Channel", description="Marked. Automatic: the one whose mean lies furthest from that of training."
    )


class NormalizationDrift(Visualizer):
    """Whether the layer gets numbers like those it was trained on, channel by channel. Click one to choose it."""

    name = "normalization-drift"
    title = "Input drift"
    group = "numbers"
    handles = Handles(
        layer_types=("BatchNormalization", "Normalization"),
        parts=("output",),
        when=normalization.refuse_without_statistics,
    )
    Options = NormalizationDriftOptions
    priority = 10
    how_to_read = (
        "Shift: how far the mean of what goes in lies from the mean of training, in standard deviations of training. "
        "Spread: its standard deviation over that of training. Inside the grey bands all is well. Many channels far "
        "outside, already at the first such layer, are the commonest sign of wrong preprocessing: 0–255 where 0–1 was "
        "meant, BGR for RGB, no mean taken away."
    )
    limitations = (
        "One sample, or samples of one class, differ from the average of training without anything being wrong; the "
        "more samples, the surer. Where values are few the band of the shift is wider, and spreads are not judged. "
        f"Of large inputs {normalization.VALUES_LOOKED_AT:,} values are looked at, evenly spread. The layer's epsilon "
        "is taken to be Keras' default. With training=True a BatchNormalization uses the batch's own statistics, "
        "whatever drifts here."
    )

    def chart(self, activation: Activation, options: NormalizationDriftOptions) -> alt.VConcatChart | Refusal:
        """Draw shift and spread, a point per channel."""
        drift = normalization.drift(activation)
        if drift is None:
            return Refusal(f"What goes into {activation.key} was not kept, or does not have the layer's channels.")
        frame = pd.DataFrame({"channel": np.arange(len(drift.shift)), "shift": drift.shift, "spread": drift.spread})
        frame["is"] = np.where(drift.drifts, _DRIFTS, _FITS)
        furthest = int(np.abs(np.nan_to_num(drift.shift)).argmax())
        channel = furthest if options.channel is None else min(options.channel, len(frame) - 1)
        frame["chosen"] = frame["channel"] == channel
        given = activation.inputs[0]
        title = charts.title(
            _headline(drift),
            f"{_plural(drift.sample_count, 'sample')}, {_plural(drift.values_per_channel, 'value')} of each channel, "
            f"into {activation.key}; channel {channel:,} marked",
            charts.note_not_finite(given.values),
        )
        most = drift.most_shift
        shifts = _panel(frame, "shift", "Shift (σ of training)", (-most, most), _shift_scale(drift.shift, most), False)
        spreads = _panel(frame, "spread", "Spread (× training)", drift.spread_limits, _spread_scale(drift.spread), True)
        return alt.VConcatChart(vconcat=[shifts, spreads], spacing=14, title=title)


def _headline(drift: normalization.Drift) -> str:
    count, channels = int(drift.drifts.sum()), len(drift.shift)
    if drift.is_initial:
        return "The layer was never trained: it has the statistics that it began with"
    if not count:
        return (
            "The one channel is as in training"
            if channels == 1
            else f"None of {channels:,} channels drifts from training"
        )
    return f"{count:,} of {channels:,} channels drift from training: the commonest sign of wrong preprocessing"


def _plural(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def _shift_scale(values: np.ndarray, most: float) -> alt.Scale:
    reach = 1.1 * max(most * 1.5, float(np.nanmax(np.abs(values), initial=0.0)))
    # Beyond that a straight scale would press the band into a line.
    return alt.Scale(type="symlog" if reach > _STRAIGHT else "linear", domain=[-reach, reach], nice=False)


def _spread_scale(values: np.ndarray) -> alt.Scale:
    low, high = normalization.SPREAD_LIMITS
    smallest = max(float(np.nanmin(values, initial=low)), 1e-9)
    return alt.Scale(
        type="log", domain=[smallest / 1.5, 1.5 * float(np.nanmax(values, initial=high))], nice=False, clamp=True
    )


def _ticks(scale: alt.Scale) -> Any:
    """Return where to write numbers: on a scale that is not straight, powers of ten and what the bands end at."""
    low, high = scale.domain
    if scale.type == "linear":
        return alt.Undefined
    powers = [10.0**power for power in range(-9, 10)]
    wanted = (
        [*powers, *normalization.SPREAD_LIMITS] if scale.type == "log" else [0, *powers[9:], *(-p for p in powers[9:])]
    )
    return sorted(tick for tick in wanted if low <= tick <= high)


def _panel(
    frame: pd.DataFrame, name: str, title: str, limits: tuple[float, float], scale: alt.Scale, is_last: bool
) -> alt.LayerChart:
    x = alt.X(
        "channel:Q",
        title="Channel" if is_last else None,
        scale=alt.Scale(domain=[-0.5, len(frame) - 0.5], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False, labels=is_last, ticks=is_last),
    )
    axis = alt.Axis(values=_ticks(scale), format=".3~g", minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH, gridOpacity=0.4)
    y = alt.Y(f"{name}:Q", title=title, scale=scale, axis=axis)
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, cursor="pointer", size=55 if len(frame) <= 300 else 22, opacity=0.85)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "is:N",
                title=None,
                scale=alt.Scale(domain=[_FITS, _DRIFTS], range=[charts.MARK_COLOUR, _DRIFT_COLOUR]),
                legend=_LEGEND,
            ),
            shape=alt.Shape(
                "is:N",
                title=None,
                scale=alt.Scale(domain=[_FITS, _DRIFTS], range=["circle", "triangle-up"]),
                legend=_LEGEND,
            ),
            tooltip=[
                alt.Tooltip("channel:Q"),
                alt.Tooltip("is:N"),
                alt.Tooltip("shift:Q", format=".3~g"),
                alt.Tooltip("spread:Q", format=".3~g"),
            ],
        )
    )
    if is_last:
        # A selection of one name can be in one view of several.
        points = points.add_params(charts.clicked("channel"))
    ring = (
        alt.Chart(frame[frame["chosen"]]).mark_point(size=180, color=charts.CHOSEN_COLOUR, strokeWidth=2).encode(x, y)
    )
    layers = [ring, points]
    if math.isfinite(limits[1]):
        band = pd.DataFrame({"low": [limits[0]], "high": [limits[1]]})
        layers.insert(
            0,
            alt.Chart(band)
            .mark_rect(color=charts.MUTED_COLOUR, opacity=0.18)
            .encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q")),
        )
    return alt.LayerChart(layer=layers, width=_WIDTH, height=_HEIGHT)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [NormalizationDrift()]
