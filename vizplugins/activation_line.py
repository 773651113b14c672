"""Activation of every unit of one sample, in order."""

import altair as alt

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl


class ActivationLineOptions(Options):
    """Which sample."""

    sample: SampleIndex = 0


class ActivationLine(Visualizer):
    """One point per unit: which units answer, and how strongly."""

    name = "activation-line"
    title = "Activation by unit"
    group = "units"
    handles = Handles(axes=("sample", "unit"), dtypes=("number",))
    Options = ActivationLineOptions
    priority = 5
    how_to_read = (
        "Height is the unit's activation. Units have no natural order: neighbours are not related. "
        "After a ReLU many units at zero are normal; the same few spikes for every sample are not."
    )
    limitations = (
        "Beyond about a thousand units the line shows the extremes of each stretch only; "
        "the histogram shows how the values are distributed."
    )

    def chart(self, activation: Activation, options: ActivationLineOptions) -> alt.Chart:
        """Draw unit index against activation."""
        answer = activation.sample(options.sample)
        frame = answer.to_frame()  # columns: unit, value
        frame = frame.iloc[charts.thin(answer.values, buckets=700)]
        return (
            alt.Chart(frame)
            .mark_line(color=charts.MARK_COLOUR, point=len(frame) <= 100)
            .encode(
                x=alt.X("unit:Q", title="Unit", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, format="d")),
                y=alt.Y("value:Q", title="Activation"),
                tooltip=["unit:Q", alt.Tooltip("value:Q", title="activation", format=".4~g")],
            )
            .properties(
                height=320,
                title=charts.title(
                    f"{len(answer.values):,} units of {activation.key}",
                    charts.sample_name(activation, options.sample),
                    charts.note_not_finite(answer.values),
                ),
            )
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ActivationLine()]
