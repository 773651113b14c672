"""Click → option: a selection that bears the name of an option comes back as that option."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, UnitIndex, Visualizer, charts, hookimpl, without_units

MOST = 1_500


class LandscapeOptions(Options):
    """Which unit the histogram is of."""

    unit: UnitIndex = Field(0, title="Unit")


class UnitLandscape(Visualizer):
    """Which units answer always, never, or only now and then. Click one to see its values."""

    name, title, group = "unit-landscape", "Unit landscape", "units"
    handles = Handles(dtypes=("number",), parts=("output",), when=without_units)
    Options = LandscapeOptions
    how_to_read = (
        "To the right are units that answer much, on top those that differ from sample to sample and place to place. "
        "On the bottom line a unit says the same whatever comes in: nobody would miss it but for a constant."
    )
    limitations = f"Over the samples that are open. Of more than {MOST:,} units those that vary the most are drawn."

    def chart(self, activation: Activation, options: LandscapeOptions) -> alt.HConcatChart:
        """Draw a point for each unit, and the values of the one that was clicked."""
        values = activation.values.reshape(-1, activation.shape[-1]).astype(float)  # (sample and place, unit)
        values = np.nan_to_num(values, posinf=0, neginf=0)
        frame = pd.DataFrame(
            {"unit": range(values.shape[1]), "mean": values.mean(axis=0), "spread": values.std(axis=0)}
        )
        frame["chosen"] = frame["unit"] == options.unit
        frame = frame.sort_values(["chosen", "spread"], ascending=False, kind="stable").head(MOST)
        points = alt.Chart(frame, title=f"Units of {activation.key}", width=360).mark_circle(size=70, cursor="pointer")
        points = points.add_params(charts.clicked("unit")).encode(
            x=alt.X("mean:Q", title="Mean"),
            y=alt.Y("spread:Q", title="Standard deviation"),
            color=alt.condition("datum.chosen", alt.value(charts.CHOSEN_COLOUR), alt.value(charts.MARK_COLOUR)),
            tooltip=["unit:Q", "mean:Q", "spread:Q"],
        )
        bins = charts.histogram(values[:, options.unit], 30)
        bars = alt.Chart(bins, title=f"Values of unit {options.unit}", width=260).mark_bar(color=charts.MARK_COLOUR)
        bars = bars.encode(alt.X("start:Q", bin="binned", title="Activation"), alt.X2("end:Q"), y="count:Q")
        return alt.HConcatChart(hconcat=[points, bars])


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitLandscape()]
