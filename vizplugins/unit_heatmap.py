"""All units over time as a heatmap; for a one-dimensional convolution, its feature maps."""

from typing import Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl


class UnitHeatmapOptions(Options):
    """How the heatmap is coloured and sorted, and which further samples stand beside this one."""

    sample: SampleIndex = 0
    colours: charts.ColourScheme = Field("automatic", title="Colours")
    order: Literal["index", "strength", "time of peak"] = Field("index", title="Sort units by")
    compare: tuple[SampleIndex, ...] = Field((), title="Samples beside it", description="On the same colour scale.")


class UnitHeatmap(Visualizer):
    """Every unit at every timestep: who answers when."""

    name = "unit-heatmap"
    title = "All units over time"
    handles = Handles(
        layer_types=("BaseConv", "BasePooling", "BaseDepthwiseConv", "BaseSeparableConv", "Layer", "Operation"),
        axes=("sample", "time", "unit"),
        when=charts.refuse_text,
    )
    Options = UnitHeatmapOptions
    how_to_read = (
        "A row is a unit, or a channel of a convolution; time runs to the right. A column of colour is a moment that "
        "many units react to, a long stripe is a unit that remembers."
    )
    limitations = "One colour scale for all units: a unit with small values looks silent. Draw its line to be sure."

    def chart(self, activation: Activation, options: UnitHeatmapOptions) -> alt.LayerChart | alt.HConcatChart:
        """Draw a matrix of units by timesteps per sample."""
        samples = list(dict.fromkeys((options.sample, *options.compare)))
        matrices = activation.values[samples].astype(np.float32).swapaxes(1, 2)  # -> (sample, unit, time)
        order = _order(matrices[0], options.order)
        scale = charts.colour_scale(matrices, options.colours)
        row = "unit" if options.order == "index" else "rank"
        title = charts.title(
            f"{matrices.shape[1]:,} units of {activation.key} over {matrices.shape[2]:,} timesteps",
            ", ".join(charts.sample_name(activation, sample) for sample in samples)
            + ("" if options.order == "index" else f", units sorted by {options.order}"),
            charts.note_not_finite(matrices),
        )
        if len(samples) == 1:
            return charts.heatmap(matrices[0][order], row=row, column="timestep", scale=scale, title=title)
        width = max(90, 480 // len(samples))
        panels = [
            charts.heatmap(
                matrix[order],
                row=row,
                column="timestep",
                scale=scale,
                width=width,
                title=charts.sample_name(activation, sample),
                legend=place == len(samples) - 1,
            )
            for place, (sample, matrix) in enumerate(zip(samples, matrices, strict=True))
        ]
        return alt.hconcat(*panels, title=title)


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
