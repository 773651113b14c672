"""Every unit's gates and states over time, a heatmap each."""

from typing import Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    Handles,
    Options,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    charts,
    hookimpl,
    recurrence,
)

_WIDTH = 230
_MOST_TOOLTIPS = 6_000
_MOST_CELLS = 1_500_000


class GateHeatmapsOptions(Options):
    """Which of them, and which unit is marked."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Marked. Automatic: the one that answers the most.")
    parts: Literal["all", "gates", "states"] = Field(
        "all", title="Show", description="Gates: with the candidate. States: what is carried to the next timestep."
    )


class GateHeatmaps(Visualizer):
    """When the gates of all units open and shut, and what the units carry meanwhile. Click a row to choose its unit."""

    name = "gate-heatmaps"
    title = "Gates over time"
    group = "look"
    handles = Handles(layer_types=("RNN",), parts=("output",), when=recurrence.refuse_without_states)
    Options = GateHeatmapsOptions
    priority = 9
    needs = ("internals",)
    how_to_read = (
        "A row is a unit, time runs to the right. Gates: yellow is open, dark is shut; a column of one colour is a "
        "timestep at which the whole layer takes in, forgets or speaks. A row that never changes is a unit whose gate "
        "decides nothing. States: a long stripe of one colour is something the unit remembers."
    )
    limitations = (
        "States and candidates have a colour scale each, so compare them within a heatmap, not across. A layer that "
        "goes backwards, such as the second half of a Bidirectional, reads the last timestep first: its step 0 is the "
        "end of the sequence. Of a cell of your own only the states are known. Of more units or timesteps than a "
        "screen has pixels, the picture keeps what is furthest from zero."
    )

    def chart(self, activation: Activation, options: GateHeatmapsOptions) -> alt.ConcatChart | Refusal:
        """Draw small multiples, two in a row."""
        every = recurrence.over_time(activation.sample(options.sample))
        if not every:
            return Refusal(f"{activation.key} keeps nothing that has an axis of time and an axis of units.")
        chosen = [part for part in every if options.parts == "all" or part.is_state is (options.parts == "states")]
        without = "" if chosen else f"no {options.parts} are known of this layer; what is known is shown"
        parts = chosen or list(every)
        unit = charts.shown_unit(activation, options.sample, options.unit)
        masked = int((~parts[0].shown).sum())
        title = charts.title(
            f"{_in_words(parts)} of {activation.key} over {len(parts[0].shown):,} timesteps; unit {unit:,} marked",
            charts.sample_name(activation, options.sample),
            without,
            f"grey: {masked:,} masked timesteps (padding)" if masked else "",
            charts.note_not_finite(*(part.values[part.shown] for part in parts)),
        )
        return alt.ConcatChart(
            concat=[_panel(part, len(parts), unit, part is parts[0]) for part in parts],
            columns=2,
            spacing=24,
            title=title,
            resolve=alt.Resolve(scale=alt.ScaleResolveMap(color="independent")),
        )


def _panel(part: recurrence.OverTime, panels: int, unit: int, is_first: bool) -> alt.LayerChart:
    values = part.values.astype(np.float32).T  # (time, unit) -> (unit, time)
    panel = charts.heatmap(
        values,
        row="unit",
        column="timestep",
        scale=_scale(part),
        value_title="Value",
        column_labels=part.words,
        column_ruler=part.ruler,
        # A selection of one name can be in one view of several.
        select_row="unit" if is_first else "",
        most_tooltips=_MOST_TOOLTIPS // panels,
        most_cells=_MOST_CELLS // panels,
        width=_WIDTH,
        height=int(np.clip(values.shape[0] * 10, 100, 240)),
        title=alt.TitleParams(text=part.title, anchor="start", fontSize=12, fontWeight="normal", offset=6),
    )
    if not part.shown.all():
        panel.layer = [*panel.layer, charts.masked_bands(part.shown, charts.StepAxis(part.words, part.ruler).title)]
    # Of stacked cells one may have fewer units than the layer answers.
    return charts.mark_row(panel, unit, f"unit {unit}") if unit < len(values) else panel


def _scale(part: recurrence.OverTime) -> charts.ColourScale:
    seen = part.values[part.shown]
    if not part.is_gate:
        return charts.colour_scale(seen.astype(np.float32), "blueorange")
    # 0 to 1 for every gate, so that they compare; wider only for gates that are no sigmoid.
    return charts.colour_scale(np.append(seen.astype(np.float32), [0.0, 1.0]), "viridis")


def _in_words(parts: list[recurrence.OverTime]) -> str:
    gates, states = any(not part.is_state for part in parts), any(part.is_state for part in parts)
    return "Gates and states" if gates and states else "Gates" if gates else "States"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [GateHeatmaps()]
