"""All units of a layer over the steps of a training, as a heatmap."""

from typing import Annotated, Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    Handles,
    Options,
    StepIndex,
    UnitIndex,
    Visualizer,
    charts,
    hookimpl,
    without_units,
)


class UnitsOverTrainingOptions(Options):
    """Which unit and which step are marked, what of its answers counts, and how the heatmap is coloured and sorted."""

    step: StepIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Marked. Automatic: the one that changes the most from step to step."
    )
    over: Annotated[Literal["mean", "mean magnitude", "share above zero"], ActsFromRank(3)] = Field(
        "mean", title="Over samples and places"
    )
    order: Literal["index", "first step", "last step", "change"] = Field("index", title="Sort units by")
    colours: charts.ColourScheme = Field("automatic", title="Colours")


class UnitsOverTraining(Visualizer):
    """What became of each unit while the model was trained. Click a row to choose its unit."""

    name = "units-over-training"
    title = "Units over training"
    group = "units"
    handles = Handles(axes=("step", ...), dtypes=("number",), when=without_units)
    Options = UnitsOverTrainingOptions
    how_to_read = (
        "A row is a unit, a column a step of the training that was kept. A row that turns to one colour and stays so "
        "no longer changes; one that falls to zero in a layer with ReLU has died. A column in which many rows change "
        "is a moment to look at: the learning rate, or a batch that was not like the others."
    )
    limitations = (
        "Over the samples that were recorded: a unit that is silent for them may answer to others. Columns stand "
        "evenly, however many steps lie between them. One colour scale for all units: small values look silent."
    )

    def chart(self, activation: Activation, options: UnitsOverTrainingOptions) -> alt.LayerChart:
        """Draw a matrix of units by steps."""
        matrix = _by_unit(activation, options.over).T  # (step, unit) -> (unit, step)
        changes = np.abs(np.diff(np.nan_to_num(matrix, posinf=0, neginf=0), axis=1)).sum(axis=1)
        order = _order(matrix, changes, options.order)
        kind = activation.axes[-1]
        unit = int(changes.argmax()) if options.unit is None else options.unit
        value = activation.part.replace("_", " ") if activation.part != "output" else options.over
        if activation.part == "output" and activation.rank == 2:
            value = "value"
        steps = activation.steps
        heatmap = charts.heatmap(
            matrix[order],
            row=kind,
            column="step kept",
            scale=charts.colour_scale(matrix, options.colours),
            value_title=value.capitalize(),
            select_row="unit",
            numbers=None if options.order == "index" else [int(each) for each in order],
            column_labels=[f"{step:,}" for step in steps],
            title=charts.title(
                f"{len(matrix):,} {kind}s of {activation.layer.key} over training; {kind} {unit:,} marked",
                f"{value}, {charts.count_text(len(steps), 'step')} kept, from {steps[0]:,} to {steps[-1]:,}",
                "" if options.order == "index" else f"sorted by {options.order}",
                charts.note_not_finite(activation.values),
            ),
        )
        marked = charts.mark_row(heatmap, int(np.flatnonzero(order == unit)[0]), f"{kind} {unit}")
        return charts.mark_column(marked, options.step, f"step {steps[options.step]:,}")


def _by_unit(activation: Activation, over: str) -> np.ndarray:
    values = activation.values.astype(np.float32)
    places = tuple(range(1, values.ndim - 1))
    if not places:
        return values
    if over == "share above zero":
        return np.where(np.isnan(values).any(axis=places), np.nan, (values > 0).mean(axis=places, dtype=np.float32))
    with np.errstate(all="ignore"):
        return np.asarray((np.abs(values) if over == "mean magnitude" else values).mean(axis=places))


def _order(matrix: np.ndarray, changes: np.ndarray, by: str) -> np.ndarray:
    if by == "index":
        return np.arange(len(matrix))
    keys = {"first step": matrix[:, 0], "last step": matrix[:, -1], "change": changes}
    return np.argsort(-np.nan_to_num(keys[by], posinf=0, neginf=0), kind="stable")


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitsOverTraining()]
