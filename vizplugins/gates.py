"""Gates, candidate and states of one unit of a recurrent layer, under one another over time."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl, recurrence

_WIDTH = 360
_HEIGHT = 70
_AXIS_WIDTH = 44
_CANDIDATE_COLOUR = "#e8932f"
_STATE_COLOUR = "#54a24b"
_BUCKETS = 500
_COLUMNS = 2


class GatesOptions(Options):
    """Which unit."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Automatic: the one that answers the most.")


class Gates(Visualizer):
    """What a unit lets in, keeps and gives out at each timestep."""

    name = "gates"
    title = "Gates"
    group = "look"
    # No axes are named: the lines stay first where the layer answers at every timestep, and where it answers only at
    # the end the gates come first, since one number a unit says little of a sequence.
    handles = Handles(layer_types=("RNN",), parts=("output",), when=recurrence.refuse_without_gates)
    Options = GatesOptions
    priority = 10
    needs = ("internals",)
    how_to_read = (
        "A gate near 1 lets through, near 0 holds back. An input gate lets the candidate into the cell, a forget gate "
        "that is open keeps what is there, an output gate shows it to the next layer; a GRU's update gate keeps the "
        "old state where it is open, its reset gate lets the old state into the candidate. A gate that is open or shut "
        "nearly all the time decides nothing: such a unit only keeps or only forgets."
    )
    limitations = (
        "One unit of many; all of them are in “Gates over time”. A layer that goes backwards, such as the second half "
        "of a Bidirectional, reads the last timestep first: its step 0 is the end of the sequence. Saturated means "
        f"below {recurrence.SHUT:g} or above {recurrence.OPEN:g}, which suits sigmoid gates. Of a stack of cells the "
        "last one says how many units can be chosen; a smaller cell shows its last unit. Beyond a thousand timesteps "
        "only the extremes of each stretch are drawn."
    )

    def chart(self, activation: Activation, options: GatesOptions) -> alt.ConcatChart:
        """Draw a panel per gate, candidate and state, two side by side, all on one axis of time."""
        parts = recurrence.over_time(activation.sample(options.sample))
        chosen = charts.shown_unit(activation, options.sample, options.unit)
        units = [min(chosen, part.values.shape[1] - 1) for part in parts]
        panels = [
            _panel(part, unit, is_last=place >= len(parts) - _COLUMNS)
            for place, (part, unit) in enumerate(zip(parts, units, strict=True))
        ]
        masked = int((~parts[0].shown).sum())
        seen = np.concatenate([part.values[part.shown, unit] for part, unit in zip(parts, units, strict=True)])
        smaller = {part.cell: unit for part, unit in zip(parts, units, strict=True) if unit < chosen}
        title = charts.title(
            f"Unit {chosen} of {activation.shape[-1]:,} of {activation.key}, gate by gate",
            charts.sample_name(activation, options.sample),
            *(f"{cell} has fewer units: unit {unit} is shown" for cell, unit in smaller.items()),
            f"{masked:,} of {len(parts[0].shown):,} timesteps are masked (padding) and left out" if masked else "",
            charts.note_not_finite(seen),
        )
        return alt.ConcatChart(
            concat=panels,
            columns=_COLUMNS,
            spacing=14,
            title=title,
            resolve=alt.Resolve(scale=alt.ScaleResolveMap(x="shared")),
        )


def _panel(part: recurrence.OverTime, unit: int, is_last: bool) -> alt.LayerChart:
    values = np.where(part.shown, part.values[:, unit].astype(np.float64), np.nan)
    kept = charts.thin(values, buckets=_BUCKETS)
    # A line breaks at what is no number: masked timesteps are not bridged.
    frame = pd.DataFrame({"time": kept, "value": values[kept]})
    low, high = _domain(part, values)
    colour = charts.MARK_COLOUR if part.is_gate else _STATE_COLOUR if part.is_state else _CANDIDATE_COLOUR
    steps = len(values)
    along = charts.StepAxis(part.words, part.ruler)
    axis = along.axis(grid=False, labels=is_last, ticks=is_last)
    base = alt.Chart(along.with_seconds(frame)).encode(
        x=alt.X(
            "time:Q",
            title=along.title if is_last else None,
            scale=alt.Scale(domain=[-0.5, steps - 0.5], nice=False),
            axis=axis,
        ),
        y=alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(domain=[low, high], nice=False),
            axis=alt.Axis(tickCount=3, format=".2~g", minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH, gridOpacity=0.4),
        ),
        tooltip=[
            alt.Tooltip("time:Q", title="timestep"),
            *along.tooltip,
            alt.Tooltip("value:Q", title=part.title, format=".4~g"),
        ],
    )
    line = base.mark_line(strokeWidth=1.8, color=colour, point={"size": 22, "color": colour} if steps <= 60 else False)
    under = base.mark_area(opacity=0.22, color=colour)
    return alt.LayerChart(
        layer=[under, line],
        width=_WIDTH,
        height=_HEIGHT,
        title=alt.TitleParams(text=_heading(part, unit), anchor="start", fontSize=12, fontWeight="normal", offset=4),
    )


def _heading(part: recurrence.OverTime, unit: int) -> str:
    shares = part.saturation(unit) if part.is_gate else None
    if shares is None:
        return part.title
    return f"{part.title} · open {charts.percent(shares[0])}, shut {charts.percent(shares[1])} of the time"


def _domain(part: recurrence.OverTime, values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if part.is_gate:
        return min(0.0, low), max(1.0, high)
    # What is signed is drawn around zero, so that its sign is seen at once.
    reach = 1.05 * max(abs(low), abs(high)) or 1.0
    return -reach, reach


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Gates()]
