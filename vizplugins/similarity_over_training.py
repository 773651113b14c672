"""How alike the answers of a layer are at each two steps of a training."""

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Missing, Options, Refusal, Visualizer, alikeness_of_steps, charts, hookimpl

_FEWEST_SAMPLES = 4
_MOST_STEPS = 200
_SIDE = 340


class SimilarityOverTrainingOptions(Options):
    """How the matrix is coloured."""

    whole_scale: bool = Field(
        False, title="From 0 to 1", description="Colours from 0 to 1, instead of from the least alike to 1."
    )


def _has_samples(activation: Activation) -> str | Missing:
    if activation.extent("sample") < _FEWEST_SAMPLES:
        return Missing(f"at least {_FEWEST_SAMPLES} samples")
    return "" if len(activation.steps) > 1 else Missing("two steps that were kept")


class SimilarityOverTraining(Visualizer):
    """When the layer settled: how alike what it answered is at each two steps of the training."""

    name = "similarity-over-training"
    title = "Similarity over training"
    group = "samples"
    handles = Handles(axes=("step", "sample", ...), dtypes=("number",), when=_has_samples)
    Options = SimilarityOverTrainingOptions
    how_to_read = (
        "Linear CKA (Kornblith et al. 2019): 1 where the layer tells the same samples apart at both steps, whatever "
        "its units are. A bright square that begins at a step and goes on to the end: since then the layer is what it "
        "is now. A dark line between two squares: within few steps it became another."
    )
    limitations = (
        "With few samples all similarities look high, and with fewer samples than units more so. It rests on the "
        "samples that were recorded. It does not change when all units are scaled alike, as by weights that grow."
    )

    def chart(self, activation: Activation, options: SimilarityOverTrainingOptions) -> alt.LayerChart | Refusal:
        """Draw a matrix of steps by steps."""
        at = np.unique(np.linspace(0, len(activation.steps) - 1, min(len(activation.steps), _MOST_STEPS)).astype(int))
        sound = [position for position in at if np.isfinite(activation.values[position].astype(np.float32)).all()]
        if len(sound) < 2:
            return Refusal("At fewer than two steps all answers are finite numbers.")
        similarity = alikeness_of_steps(activation.values[sound])
        if not np.isfinite(similarity).any():
            return Refusal("The layer answers the same to all samples at every step: nothing can be compared.")
        labels = [f"{activation.steps[position]:,}" for position in sound]
        left_out = len(at) - len(sound)
        is_constant = np.isnan(np.diag(similarity)).any()
        low = 0.0 if options.whole_scale else float(np.nanmin(similarity))
        low = min(low, 0.99)
        return charts.heatmap(
            similarity,
            row="step kept",
            column="other step",
            scale=charts.ColourScale(low, 1.0, "viridis"),
            value_title="CKA",
            width=_SIDE,
            height=_SIDE,
            row_labels=labels,
            column_labels=labels,
            title=charts.title(
                f"Likeness of the answers of {activation.layer.key} between steps",
                f"{charts.count_text(activation.extent('sample'), 'sample')}, steps {labels[0]} to {labels[-1]}",
                f"left out: {charts.count_text(left_out, 'step')} with numbers that are not finite" if left_out else "",
                "magenta: the same answer to all samples" if is_constant else "",
            ),
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [SimilarityOverTraining()]
