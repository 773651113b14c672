"""A fixed scale: colours that stay what they are, whichever sample is looked at."""

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl


class SameScaleOptions(Options):
    """Which sample, and up to which value the colours go."""

    sample: SampleIndex = 0
    most: float | None = Field(
        None, gt=0, le=1_000, title="Colours up to", description="Automatic: the largest value of all samples."
    )


class SameScale(Visualizer):
    """What all units answer over time, in colours that mean the same for every sample."""

    name, title, group = "same-scale", "Same scale", "look"
    handles = Handles(axes=("sample", "time", "unit"), dtypes=("number",), parts=("output",))
    Options = SameScaleOptions
    how_to_read = (
        "Go from sample to sample: what is paler now is weaker now. Set *Colours up to* to one number, and layers and "
        "models can be compared as well."
    )
    limitations = "One strong sample makes all others pale; what is stronger than the scale has its last colour."

    def chart(self, activation: Activation, options: SameScaleOptions) -> alt.LayerChart:
        """Draw units over time, on the scale of all samples or of a number."""
        most = options.most
        scale = (
            charts.colour_scale(activation.values) if most is None else charts.ColourScale(-most, most, "blueorange")
        )
        values = activation.sample(options.sample).values.astype(np.float32)  # (time, unit)
        beyond = 0.0 if most is None else float((np.abs(values) > most).mean())
        return charts.heatmap(
            values.T,
            row="unit",
            column="timestep",
            scale=scale,
            title=charts.title(
                f"{activation.key}, {charts.sample_name(activation, options.sample)}",
                f"Colours from {charts.number_text(scale.low)} to {charts.number_text(scale.high)}",
                f"{charts.percent(beyond)} of the values are beyond them" if beyond else "",
            ),
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [SameScale()]
