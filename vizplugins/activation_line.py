"""Activation of every unit of one sample, in order."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

_MOST_BARS = 400
_GAP = 0.12


class ActivationLineOptions(Options):
    """Which unit is marked."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Marked. Automatic: the one that answers the most.")


class ActivationLine(Visualizer):
    """One bar per unit: which units answer, and how strongly. Click one to choose it."""

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
        f"Beyond {_MOST_BARS} units a bar holds several: from the lowest to the highest of them and zero; "
        "the histogram shows how the values are distributed."
    )

    def chart(self, activation: Activation, options: ActivationLineOptions) -> alt.LayerChart:
        """Draw a bar from zero to each unit's activation, in the order of the units."""
        answer = activation.sample(options.sample)
        unit = charts.shown_unit(activation, options.sample, options.unit)
        frame, together = _bars(answer.values, unit)
        tooltip = [
            alt.Tooltip("unit:Q") if together == 1 else alt.Tooltip("units:N"),
            *(alt.Tooltip(f"{name}:Q", format=".4~g") for name in (["activation"] if together == 1 else _EXTREMES)),
        ]
        scale = alt.Scale(domain=[-0.5, len(answer.values) - 0.5], nice=False)
        across = alt.X("start:Q", title="Unit", scale=scale, axis=alt.Axis(tickMinStep=1, format="d", grid=False))
        base = alt.Chart(frame).encode(across, y=alt.Y("low:Q", title="Activation"))
        bars = base.mark_rect(color=charts.MARK_COLOUR).encode(
            x2=alt.X2("end:Q"), y2=alt.Y2("high:Q"), **charts.chosen_frame()
        )
        # A bar of nothing has no place to click.
        columns = alt.Chart(frame).mark_rect(opacity=0, cursor="pointer")
        columns = columns.encode(x=alt.X("left:Q"), x2=alt.X2("right:Q"), tooltip=tooltip)
        name = base.transform_filter("datum.chosen").mark_text(dy=-8, fontWeight="bold", color=charts.MUTED_TEXT)
        return alt.LayerChart(
            layer=[
                bars,
                columns.add_params(charts.clicked("unit")),
                name.encode(x=alt.X("middle:Q"), y=alt.Y("high:Q"), text="name:N"),
            ],
            height=320,
            title=charts.title(
                f"{len(answer.values):,} units of {activation.key}; "
                f"unit {unit:,} is {charts.number_text(answer.values[unit])}",
                charts.sample_name(activation, options.sample),
                f"{together:,} units a bar" if together > 1 else "",
                charts.note_not_finite(answer.values),
            ),
        )


_EXTREMES = ("lowest", "highest")


def _bars(values: np.ndarray, unit: int) -> tuple[pd.DataFrame, int]:
    """Return a row per bar, from ``low`` to ``high``, and of how many units each is."""
    together = -(-len(values) // _MOST_BARS)
    finite = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    starts = np.arange(0, len(values), together)
    lowest, highest = np.fmin.reduceat(finite, starts), np.fmax.reduceat(finite, starts)
    ends = np.minimum(starts + together, len(values))
    chosen = (starts <= unit) & (unit < ends)
    frame = pd.DataFrame(
        {
            # A click on a bar of several takes the one that is furthest from zero.
            "unit": starts if together == 1 else _furthest(finite, starts, ends),
            "units": [f"{start:,} to {end - 1:,}" for start, end in zip(starts, ends, strict=True)],
            "left": starts - 0.5,
            "right": ends - 0.5,
            "start": starts - 0.5 + _GAP * together,
            "end": ends - 0.5 - _GAP * together,
            "middle": (starts + ends - 1) / 2,
            "low": np.minimum(lowest, 0),
            "high": np.maximum(highest, 0),
            "activation": finite[starts],
            "lowest": lowest,
            "highest": highest,
            "chosen": chosen,
            "name": f"unit {unit:,}",
        }
    )
    return frame, together


def _furthest(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[int]:
    sizes = np.abs(np.nan_to_num(values))
    return [int(start + sizes[start:end].argmax()) for start, end in zip(starts, ends, strict=True)]


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ActivationLine()]
