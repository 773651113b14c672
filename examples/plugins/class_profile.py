"""The whole dataset: ``dataset`` has every sample, of which ``activation`` holds some."""

import altair as alt
import numpy as np

from vizplugins import (
    Activation,
    Handles,
    LayerDataset,
    Missing,
    ProgressReport,
    Visualizer,
    charts,
    hookimpl,
    without_units,
)


def _is_labelled(activation: Activation) -> str | Missing:
    return without_units(activation) or ("" if activation.context.groups is not None else Missing("labels"))


class ClassProfile(Visualizer):
    """What each class looks like to the units of the layer, over all samples."""

    name, title, group = "class-profile", "Class profile", "samples"
    handles = Handles(dtypes=("number",), parts=("output",), when=_is_labelled)
    how_to_read = (
        "A row is a class. Orange: the unit answers more to it than to the other classes, blue: less. A column with "
        "one strong cell is a unit that stands for a class; two rows alike are classes that the layer mixes up."
    )
    limitations = (
        "Means over all places and samples of a class, in standard deviations; says nothing of single samples."
    )

    def chart(
        self, activation: Activation, options: object, dataset: LayerDataset, progress: ProgressReport
    ) -> alt.LayerChart:
        """Draw the classes by the units."""
        features = np.nan_to_num(dataset.features("mean", progress).astype(float), posinf=0, neginf=0)  # (sample, unit)
        spread = features.std(axis=0)
        scores = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
        groups = dataset.groups if dataset.groups is not None else np.zeros(len(scores), int)
        numbers = np.unique(groups[groups >= 0])
        means = np.stack([scores[groups == number].mean(axis=0) for number in numbers])  # (class, unit)
        return charts.heatmap(
            means,
            row="class",
            column="unit",
            value_title="Standard deviations",
            scale=charts.colour_scale(means, "blueorange"),
            row_labels=[dataset.group_names[number] if dataset.group_names else str(number) for number in numbers],
            title=charts.title(f"{activation.key}: mean answer to each class", f"{len(features):,} samples"),
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ClassProfile()]
