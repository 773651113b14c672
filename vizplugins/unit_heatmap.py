"""All units over time as a heatmap; for a one-dimensional convolution, its feature maps."""

from typing import Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

_MOST_SAMPLES = 24
_MOST_CELLS = 1_000_000
_MOST_TOOLTIPS = 12_000


class UnitHeatmapOptions(Options):
    """Which unit is marked, how the heatmap is coloured and sorted, and which further samples stand beside this one."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Marked. Automatic: the one that answers the most.")
    colours: charts.ColourScheme = Field("automatic", title="Colours")
    order: Literal["index", "strength", "time of peak"] = Field("index", title="Sort units by")
    compare: tuple[SampleIndex, ...] = Field((), title="Compare with samples", description="On the same colour scale.")


class UnitHeatmap(Visualizer):
    """Every unit at every timestep: who answers when. Click a row to choose its unit."""

    name = "unit-heatmap"
    title = "All units over time"
    group = "look"
    handles = Handles(
        layer_types=("BaseConv", "BasePooling", "BaseDepthwiseConv", "BaseSeparableConv", "Layer", "Operation"),
        axes=("sample", "time", "unit"),
        dtypes=("number",),
    )
    Options = UnitHeatmapOptions
    how_to_read = (
        "A row is a unit, or a channel of a convolution; time runs to the right. A column of colour is a moment that "
        "many units react to, a long stripe is a unit that remembers."
    )
    limitations = (
        "One colour scale for all units: a unit with small values looks silent. Draw its line to be sure. Of more "
        "units or timesteps than a screen has pixels, the picture keeps what is furthest from zero."
    )

    def chart(self, activation: Activation, options: UnitHeatmapOptions) -> alt.LayerChart | alt.ConcatChart:
        """Draw a matrix of units by timesteps per sample."""
        asked_for = list(dict.fromkeys((options.sample, *options.compare)))
        samples = asked_for[:_MOST_SAMPLES]
        values = activation.values[samples].astype(np.float32)  # (sample, time, unit)
        shown = charts.shown_steps(activation)[samples]  # (sample, time)
        matrices = values.swapaxes(1, 2)  # (sample, time, unit) -> (sample, unit, time)
        order = _order(np.where(shown[0], matrices[0], 0), options.order)
        scale = charts.colour_scale(values[shown], options.colours)
        numbers = None if options.order == "index" else [int(unit) for unit in order]
        unit = charts.shown_unit(activation, options.sample, options.unit)
        title = charts.title(
            f"{matrices.shape[1]:,} units of {activation.key} over {matrices.shape[2]:,} timesteps; "
            f"unit {unit:,} marked",
            (charts.sample_name(activation, options.sample) if len(samples) == 1 else f"{len(samples):,} samples")
            + ("" if options.order == "index" else f", units sorted by {options.order}"),
            "grey: masked timesteps (padding)" if not shown.all() else "",
            f"the first {len(samples)} of {len(asked_for):,} samples" if len(samples) < len(asked_for) else "",
            charts.note_not_finite(values[shown]),
        )
        ruler = charts.ruler_of(activation)
        panels = []
        for place, sample in enumerate(samples):
            panel = charts.heatmap(
                matrices[place][order],
                row="unit",
                column="timestep",
                scale=scale,
                # A selection of one name can be in one view of several.
                select_row="unit" if place == 0 else "",
                width=None if len(samples) == 1 else max(150, 480 // len(samples)),
                title=title if len(samples) == 1 else charts.sample_name(activation, sample),
                numbers=numbers,
                column_labels=charts.step_words(activation.sample(sample)),
                column_ruler=ruler,
                row_ruler=charts.ruler_of(activation, "unit") if options.order == "index" else None,
                most_cells=_MOST_CELLS // len(samples),
                most_tooltips=charts.CELLS_WITH_TOOLTIPS if len(samples) == 1 else _MOST_TOOLTIPS // len(samples),
            )
            if not shown[place].all():
                panel.layer = [
                    *panel.layer,
                    charts.masked_bands(shown[place], "Timestep" if ruler is None else ruler.title),
                ]
            panels.append(charts.mark_row(panel, int(np.flatnonzero(order == unit)[0]), f"unit {unit}"))
        return panels[0] if len(samples) == 1 else alt.concat(*panels, columns=3, title=title)


def _order(matrix: np.ndarray, by: str) -> np.ndarray:
    finite = np.abs(np.where(np.isfinite(matrix), matrix, 0))
    if by == "strength":
        return np.argsort(-finite.mean(axis=1), kind="stable")
    if by == "time of peak":
        return np.argsort(finite.argmax(axis=1), kind="stable")
    return np.arange(len(matrix))


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitHeatmap()]
