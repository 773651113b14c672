"""Several charts: a dict of captions and charts, drawn under one another."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import Activation, Handles, LayerDataset, ProgressReport, Visualizer, charts, hookimpl


def _are_probabilities(activation: Activation) -> str:
    return "" if activation.layer.activation_function == "softmax" else "takes what a softmax answers"


class Calibration(Visualizer):
    """Whether the model is as often right as it is sure, over all samples."""

    name, title, group = "calibration", "Calibration", "samples"
    handles = Handles(axes=("sample", "unit"), dtypes=("floating",), parts=("output",), when=_are_probabilities)
    how_to_read = (
        "Of the answers given with 80 % certainty, 80 % should be right: bars that end below the grey line are a model "
        "that is too sure of itself, above it one that could be surer."
    )
    limitations = "In ten steps of certainty; a bar over few samples says little: the second chart tells how many."

    def chart(
        self, activation: Activation, options: object, dataset: LayerDataset, progress: ProgressReport
    ) -> dict[str, alt.TopLevelMixin]:
        """Draw how often answers are right, where labels are known, and how many there are."""
        answers = np.nan_to_num(dataset.features("flatten", progress).astype(float), posinf=0, neginf=0)
        labels = dataset.labels if dataset.labels is not None else np.full(len(answers), -1)
        sure, is_judged = answers.max(axis=1).clip(0, 1), labels >= 0
        frame = pd.DataFrame({"from": np.minimum(np.floor(sure * 10), 9) / 10, "sure": sure})
        frame["right"] = np.where(is_judged, answers.argmax(axis=1) == labels, np.nan)
        steps = frame.groupby("from", as_index=False).agg(right=("right", "mean"), samples=("sure", "size"))
        steps["to"] = steps["from"] + 0.1
        x = alt.X("from:Q", title="Certainty of the answer", bin="binned").scale(domain=[0, 1]).axis(format="%")
        bars = (
            alt.Chart(steps).mark_bar(color=charts.MARK_COLOUR).encode(x, x2="to:Q", tooltip=["right:Q", "samples:Q"])
        )
        drawn: dict[str, alt.TopLevelMixin] = {}
        if is_judged.any():
            right = bars.encode(alt.Y("right:Q", title="Right").axis(format="%").scale(domain=[0, 1]))
            even = alt.Chart(pd.DataFrame({"from": [0.0, 1.0], "right": [0.0, 1.0]})).encode(x, y="right:Q")
            even = even.mark_line(color=charts.REFERENCE_COLOUR)
            drawn["How often it is right"] = alt.LayerChart(layer=[right, even])
        drawn["How sure it is"] = bars.encode(alt.Y("samples:Q", title="Samples"))
        return drawn


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Calibration()]
