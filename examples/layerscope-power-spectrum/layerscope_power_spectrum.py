"""The power spectrum of a unit over time: a picture for Layerscope."""

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, Refusal, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

layerscope_api = 2

FEWEST_STEPS = 8
_LEAST_POWER = 1e-12
_WINDOWS = {"none": np.ones, "Hann": np.hanning, "Hamming": np.hamming}


class PowerSpectrumOptions(Options):
    """Which unit, and how its sequence is prepared."""

    sample: SampleIndex = 0
    unit: UnitIndex = Field(0, title="Unit")
    window: Literal["none", "Hann", "Hamming"] = Field(
        "Hann", title="Window", description="Fades the ends of the sequence out, which would else look like a rhythm."
    )
    logarithmic: bool = Field(True, title="Logarithmic power")


class PowerSpectrum(Visualizer):
    """Which rhythms a unit follows over time."""

    name = "power-spectrum"
    title = "Power spectrum"
    group = "look"
    handles = Handles(
        layer_types=("RNN", "Bidirectional", "Conv1D"), axes=("sample", "time", "unit"), dtypes=("number",)
    )
    Options = PowerSpectrumOptions
    how_to_read = (
        "A peak at frequency f means that the unit repeats itself every 1/f timesteps. The blue line is the unit, the "
        "grey one the mean of all units: where blue lies far above grey, the rhythm is this unit's own. Power at the "
        "left end is slow change, at the right end a change of direction at every step."
    )
    limitations = (
        "The mean over time is taken out first, so a constant answer has no power. A short sequence gives few and "
        f"coarse frequencies, below {FEWEST_STEPS} timesteps none are shown; padding at the end counts as part of the "
        "sequence unless the layer masks it. Frequencies above half a cycle per step cannot be told from lower ones."
    )

    def chart(self, activation: Activation, options: PowerSpectrumOptions) -> alt.LayerChart | Refusal:
        """Draw the spectrum of one unit, and the mean of all behind it."""
        answer = activation.sample(options.sample)
        shown = answer.shown.all(axis=-1) if answer.shown.ndim > 1 else answer.shown
        values = answer.values[shown].astype(np.float64)  # (time, unit)
        if len(values) < FEWEST_STEPS:
            return Refusal(f"{len(values)} timesteps are too few for a spectrum; it takes {FEWEST_STEPS} or more.")
        if not np.isfinite(values).all():
            return Refusal("Some values are NaN or infinite, and a sequence with gaps has no spectrum.")
        power = _power(values, options.window)
        frequency = np.fft.rfftfreq(len(values))[1:]
        frame = pd.concat(
            pd.DataFrame({"frequency": frequency, "period": 1 / frequency, "power": each, "of": name})
            for name, each in (("mean of all units", power.mean(axis=1)), ("this unit", power[:, options.unit]))
        )
        return _lines(frame, options.logarithmic).properties(
            title=charts.title(
                f"Unit {options.unit} of {values.shape[1]:,} of {activation.key}, {len(values):,} timesteps",
                charts.sample_name(activation, options.sample),
                _strongest(frequency, power[:, options.unit]),
            )
        )


def _power(values: np.ndarray, window: str) -> np.ndarray:
    # The periodogram, scaled so that all frequencies together give the variance: Welch 1967, with a single segment.
    weights = _WINDOWS[window](len(values))[:, None]  # (time, 1)
    spectrum = np.fft.rfft((values - values.mean(axis=0)) * weights, axis=0)[1:]  # (frequency, unit)
    power = 2 * np.abs(spectrum) ** 2 / (len(values) * (weights**2).sum())
    if len(values) % 2 == 0:
        power[-1] /= 2
    return power


def _strongest(frequency: np.ndarray, power: np.ndarray) -> str:
    if power.max() <= _LEAST_POWER:
        return "it does not change over time"
    best = int(power.argmax())
    share = power[best] / power.sum()
    return f"strongest every {1 / frequency[best]:.3g} timesteps, {share:.0%} of its variance"


def _lines(frame: pd.DataFrame, logarithmic: bool) -> alt.LayerChart:
    if logarithmic:
        frame = frame.assign(power=frame["power"].clip(lower=_LEAST_POWER))
    base = alt.Chart(frame).encode(
        x=alt.X("frequency:Q", title="Frequency (cycles per timestep)", scale=alt.Scale(domain=[0, 0.5])),
        y=alt.Y(
            "power:Q",
            title="Power",
            scale=alt.Scale(type="log") if logarithmic else alt.Scale(zero=True),
            axis=alt.Axis(format=".1~e", tickCount=6),
        ),
        color=alt.Color(
            "of:N",
            title=None,
            scale=alt.Scale(domain=["this unit", "mean of all units"], range=[charts.MARK_COLOUR, charts.MUTED_COLOUR]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            alt.Tooltip("of:N", title="what"),
            alt.Tooltip("period:Q", title="repeats every", format=".3~g"),
            alt.Tooltip("frequency:Q", format=".3~g"),
            alt.Tooltip("power:Q", format=".3~g"),
        ],
    )
    dots = base.mark_circle(size=24).transform_filter(alt.datum.of == "this unit")
    return alt.LayerChart(layer=[base.mark_line(strokeWidth=1.8), dots])


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this package brings."""
    return [PowerSpectrum()]
