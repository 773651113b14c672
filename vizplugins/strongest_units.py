"""The units that answer the strongest."""

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl


class StrongestUnitsOptions(Options):
    """How many units, what strong means, and which unit is marked."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Marked, and always among the bars. Automatic: the one that answers the most."
    )
    count: int = Field(15, ge=5, le=50, title="Units")
    by: Literal["absolute value", "largest", "smallest"] = Field("absolute value", title="Strongest by")


class StrongestUnits(Visualizer):
    """Which units answer the most to this sample. Click one to choose it."""

    name = "strongest-units"
    title = "Strongest units"
    group = "units"
    handles = Handles(axes=("sample", "unit"), dtypes=("number",))
    Options = StrongestUnitsOptions
    priority = 3
    how_to_read = (
        "The longest bars are the units that answer the most to this sample; compare them with those of another one."
    )
    limitations = "A unit with a large activation may still carry little weight in the next layer."

    def chart(self, activation: Activation, options: StrongestUnitsOptions) -> alt.Chart:
        """Draw a bar per unit, the strongest on top."""
        values = activation.sample(options.sample).values.astype(np.float64)
        strength = {"absolute value": np.abs(values), "largest": values, "smallest": -values}[options.by]
        finite = np.flatnonzero(np.isfinite(values))
        if len(finite) > options.count:
            # Only the strongest are sorted, since a flattened image has millions of units.
            weakest_drawn = np.partition(strength[finite], len(finite) - options.count)[len(finite) - options.count]
            finite = finite[strength[finite] >= weakest_drawn]
        strongest = finite[np.argsort(-strength[finite], kind="stable")][: options.count]
        unit = charts.shown_unit(activation, options.sample, options.unit)
        if unit not in strongest and np.isfinite(values[unit]):
            strongest = np.append(strongest[: options.count - 1], unit)
        frame = pd.DataFrame({"unit": strongest, "value": values[strongest]})
        frame["name"], frame["chosen"] = charts.unit_labels(strongest, unit), frame["unit"] == unit
        frame["place"] = range(len(frame))
        frame["sign"] = np.where(frame["value"] < 0, "negative", "positive")
        both = frame["sign"].nunique() > 1
        return (
            alt.Chart(frame)
            .mark_bar(cursor="pointer")
            .encode(
                x=alt.X("value:Q", title="Activation", axis=alt.Axis(tickCount=7)),
                y=alt.Y("name:N", sort=charts.row_order("place"), title="Unit", axis=charts.name_axis()),
                color=alt.Color(
                    "sign:N",
                    title="Activation is",
                    scale=alt.Scale(domain=["positive", "negative"], range=["#e8932f", "#2f78b3"]),
                )
                if both
                else alt.value(charts.MARK_COLOUR),
                tooltip=[alt.Tooltip("unit:Q"), alt.Tooltip("value:Q", title="activation", format=".4~g")],
                **charts.chosen_frame(),
            )
            .add_params(charts.clicked("unit"))
            .properties(
                height=alt.Step(20),
                title=charts.title(
                    f"{len(frame):,} of {len(values):,} units of {activation.key}, strongest by {options.by}; "
                    f"unit {unit:,} is {charts.number_text(values[unit])}",
                    charts.sample_name(activation, options.sample),
                    charts.note_not_finite(values),
                ),
            )
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [StrongestUnits()]
