"""How the values of a layer are distributed."""

from typing import Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl


class HistogramOptions(Options):
    """How many bins, over which samples, on which scale."""

    sample: SampleIndex = 0
    bins: int = Field(40, ge=5, le=200, title="Bins")
    over: Literal["this sample", "all samples"] = Field("this sample", title="Values of")
    logarithmic: bool = Field(False, title="Logarithmic counts", description="Shows rare values beside frequent ones.")


class Histogram(Visualizer):
    """How often each size of activation occurs."""

    name = "histogram"
    title = "Histogram"
    group = "numbers"
    handles = Handles(dtypes=("number",))
    Options = HistogramOptions
    priority = 4
    how_to_read = (
        "A tall first bar at zero after a ReLU means sparse answers, which is usual. Everything in one bar, or two "
        "bars at the ends of a sigmoid or tanh, means that the layer hardly tells its inputs apart."
    )
    limitations = (
        "It does not say which unit or where: two layers with the same histogram can answer to different things."
    )

    def chart(self, activation: Activation, options: HistogramOptions) -> alt.Chart:
        """Draw a bar per bin, counted before Altair sees the values."""
        everything = options.over == "all samples"
        values = activation.values if everything else activation.sample(options.sample).values
        frame = charts.histogram(values, options.bins)
        if options.logarithmic:
            frame = frame[frame["count"] > 0]
        samples = f"{activation.shape[0]:,} samples" if everything else charts.sample_name(activation, options.sample)
        zeros = f"{charts.percent(1 - np.count_nonzero(values) / values.size, 1)} exactly zero" if values.size else ""
        scale = alt.Scale(type="log", domainMin=0.8) if options.logarithmic else alt.Scale(zero=True)
        return (
            alt.Chart(frame)
            .mark_bar(color=charts.MARK_COLOUR, binSpacing=0.5)
            .encode(
                x=alt.X("start:Q", bin="binned", title="Activation"),
                x2=alt.X2("end:Q"),
                y=alt.Y(
                    "count:Q",
                    title="Number of values",
                    scale=scale,
                    axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5),
                ),
                y2=alt.Y2Datum(0.8) if options.logarithmic else alt.Undefined,
                tooltip=[
                    alt.Tooltip("start:Q", title="from", format=".4~g"),
                    alt.Tooltip("end:Q", title="to", format=".4~g"),
                    alt.Tooltip("count:Q", format=","),
                ],
            )
            .properties(
                height=320,
                title=charts.title(
                    f"{values.size:,} values of {activation.key}",
                    f"{samples}, {zeros}",
                    charts.note_not_finite(values),
                ),
            )
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Histogram()]
