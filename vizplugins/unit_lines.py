"""Chosen units over time, a line each."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

_MOST_SAMPLES = 24
_MOST_UNITS = 50
_MOST_ROWS = 30_000
_BUCKETS, _FEWEST_BUCKETS = 500, 12
_NAMED = 12
_STRONGEST = 3
_POINTS_SEEN = 40


class UnitLinesOptions(Options):
    """Which unit is chosen, which others stand beside it, and which further samples."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Drawn thicker. Automatic: the one that answers the most."
    )
    units: tuple[UnitIndex, ...] = Field((), title="Further units", description=f"None: the {_STRONGEST} strongest.")
    compare: tuple[SampleIndex, ...] = Field((), title="Compare with samples", description="Drawn on the same scale.")


class UnitLines(Visualizer):
    """How the strongest units, or chosen ones, answer from timestep to timestep. Click a line to choose its unit."""

    name = "unit-lines"
    title = "Units over time"
    group = "look"
    # Named down to the base classes, so that a recurrent layer is nearer here than to the heatmap.
    handles = Handles(
        layer_types=("RNN", "Bidirectional", "Layer", "Operation"),
        axes=("sample", "time", "unit"),
        dtypes=("number",),
    )
    Options = UnitLinesOptions
    how_to_read = (
        "A jump is a timestep that the unit reacts to; a slow drift is something it counts or remembers. "
        "Compare two samples of different classes: units that part ways tell them apart."
    )
    limitations = (
        "A few units are a small part of a layer; all of them are in the heatmap. Units have no natural order. "
        "Beyond ten units the colours repeat; beyond a thousand timesteps only the extremes of each stretch are drawn."
    )

    def chart(self, activation: Activation, options: UnitLinesOptions) -> alt.FacetChart | alt.LayerChart:
        """Draw time against activation, a colour per unit, a panel per sample."""
        asked_for = list(dict.fromkeys((options.sample, *options.compare)))
        chosen = charts.shown_unit(activation, options.sample, options.unit)
        further = options.units or charts.strongest_units(activation, options.sample, _STRONGEST)
        all_units = tuple(dict.fromkeys((chosen, *further)))
        samples, units = asked_for[:_MOST_SAMPLES], tuple(sorted(all_units[:_MOST_UNITS]))
        buckets = min(_BUCKETS, max(_FEWEST_BUCKETS, _MOST_ROWS // (2 * max(1, len(samples) * len(units)))))
        frame = pd.concat([_lines(activation, sample, units, buckets) for sample in samples], ignore_index=True)
        frame["name"] = frame["unit"].map(dict(zip(units, charts.unit_labels(units, chosen), strict=True)))
        # Several samples have an axis each, and other words; the seconds are one for all.
        steps = charts.steps_of(activation.sample(samples[0]) if len(samples) == 1 else activation)
        frame = steps.with_seconds(frame)
        base = alt.Chart(frame).encode(
            x=alt.X("time:Q", title=steps.title, scale=alt.Scale(nice=False), axis=steps.axis()),
            y=alt.Y("value:Q", title="Activation"),
            color=alt.Color(
                "name:N",
                title="Unit",
                sort=charts.unit_labels(units, chosen),
                scale=alt.Scale(scheme="tableau10"),
            ),
            detail="unit:N",
            tooltip=[
                alt.Tooltip("unit:Q"),
                alt.Tooltip("time:Q", title="timestep"),
                *steps.tooltip,
                alt.Tooltip("value:Q", format=".4~g"),
            ],
        )
        width = alt.when(alt.datum.unit == chosen).then(alt.value(3.5)).otherwise(alt.value(1.5))
        lines = base.mark_line(cursor="pointer").encode(strokeWidth=width)
        # Points are what a click finds; of long sequences they are there without being seen.
        points = base.mark_circle(
            size=30 if activation.shape[1] <= _POINTS_SEEN else 60,
            opacity=1 if activation.shape[1] <= _POINTS_SEEN else 0,
            cursor="pointer",
        )
        both = alt.LayerChart(layer=[lines, points.add_params(charts.clicked("unit"))])
        title = charts.title(
            f"Units {_listed(units)} of {activation.shape[-1]:,} of {activation.key}; unit {chosen:,} is thick",
            charts.sample_name(activation, options.sample) if len(samples) == 1 else f"{len(samples):,} samples",
            _note_left_out(len(asked_for), len(all_units)),
            _note_masked(activation, samples),
            charts.note_not_finite(*(activation.values[sample][..., list(units)] for sample in samples)),
        )
        if len(samples) == 1:
            return both.properties(height=320, title=title)
        panel = both.properties(width=230 if len(samples) == 2 else 150, height=220)
        panels = alt.Facet("panel:N", sort=list(frame["panel"].unique()), title=None)
        return panel.facet(facet=panels, data=frame, columns=3, title=title).resolve_axis(x="independent")


def _listed(units: tuple[int, ...]) -> str:
    more = f" and {len(units) - _NAMED} more" if len(units) > _NAMED else ""
    return f"{', '.join(map(str, units[:_NAMED]))}{more}"


def _note_left_out(samples: int, units: int) -> str:
    notes = [
        f"the first {most} of {count:,} {name}"
        for count, most, name in ((samples, _MOST_SAMPLES, "samples"), (units, _MOST_UNITS, "units"))
        if count > most
    ]
    return f"{' and '.join(notes)} are drawn" if notes else ""


def _lines(activation: Activation, sample: int, units: tuple[int, ...], buckets: int) -> pd.DataFrame:
    answer = activation.sample(sample)
    parts = []
    for unit in units:
        values = answer.values[:, unit].astype(np.float64)
        # Not dropped: a line breaks at what is no number, and would run on across what is not there.
        values = np.where(charts.shown_steps(answer), values, np.nan)
        kept = charts.thin(values, buckets=buckets)
        parts.append(pd.DataFrame({"unit": unit, "time": kept, "value": values[kept]}))
    return pd.concat(parts, ignore_index=True).assign(panel=charts.sample_name(activation, sample))


def _note_masked(activation: Activation, samples: list[int]) -> str:
    masked = int(np.sum(~charts.shown_steps(activation)[samples]))
    return f"{masked:,} masked timesteps (padding) are left out" if masked else ""


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitLines()]
