"""An own dependency: imported inside of ``chart``, and where it is missing the picture says what to install."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import Activation, Handles, LayerDataset, Missing, ProgressReport, Refusal, Visualizer, charts, hookimpl

FOLDS = 3


def _is_labelled(activation: Activation) -> str | Missing:
    return "" if activation.context.groups is not None else Missing("labels")


class LinearProbe(Visualizer):
    """How well the classes can already be told apart by what this layer answers."""

    name, title, group = "linear-probe", "Linear probe", "samples"
    handles = Handles(dtypes=("number",), parts=("output",), when=_is_labelled)
    how_to_read = (
        "A logistic regression learns the classes from this layer, and is asked about samples that it did not see. "
        "Go from layer to layer: where a bar grows, the model has worked that class out. Grey: what guessing gives."
    )
    limitations = "The mean over places goes in. What a linear probe cannot read, the layers behind may well use."

    def chart(
        self, activation: Activation, options: object, dataset: LayerDataset, progress: ProgressReport
    ) -> alt.LayerChart | Refusal:
        """Draw for each class the share of its samples that the probe gets right."""
        try:
            from sklearn.linear_model import LogisticRegression
            from sklearn.model_selection import cross_val_predict
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
        except ImportError:
            return Refusal("This picture needs scikit-learn: `pip install scikit-learn`, then start Layerscope again.")
        groups = dataset.groups if dataset.groups is not None else np.zeros(0, int)
        numbers, sizes = np.unique(groups[groups >= 0], return_counts=True)
        numbers, sizes = numbers[sizes > 1], sizes[sizes > 1]
        if len(numbers) < 2:
            return Refusal("It takes two classes with two samples or more of each.")
        kept = np.isin(groups, numbers)
        features = np.nan_to_num(dataset.features("mean", progress).astype(float), posinf=0, neginf=0)[kept]
        progress(0.5, "the probe learns")
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))
        read = cross_val_predict(probe, features, groups[kept], cv=min(FOLDS, int(sizes.min())))
        frame = pd.DataFrame({"class": dataset.table()["class"][kept], "right": read == groups[kept]})
        shares = frame.groupby("class", as_index=False)["right"].mean()
        x = alt.X("right:Q", title="Read from the layer").scale(domain=[0, 1]).axis(format="%")
        title = charts.title(f"{activation.key}: {charts.percent(frame['right'].mean())} of {len(frame)} samples")
        bars = alt.Chart(shares).mark_bar(color=charts.MARK_COLOUR).encode(x, y="class:N")
        chance = alt.Chart(pd.DataFrame({"right": [sizes.max() / sizes.sum()]}))
        chance = chance.mark_rule(color=charts.REFERENCE_COLOUR, strokeWidth=3).encode(x)
        return alt.LayerChart(layer=[bars, chance], title=title)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [LinearProbe()]
