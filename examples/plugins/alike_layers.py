"""Several layers at once: ``activations`` is what all of them answered in the same pass."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import Activation, Activations, Handles, Missing, Visualizer, charts, hookimpl


def _has_samples(activation: Activation) -> str | Missing:
    return "" if activation.shape[0] >= 4 else Missing("at least 4 samples")


class AlikeLayers(Visualizer):
    """How alike every layer and this one tell the samples apart."""

    name, title, group = "alike-layers", "Alike layers", "samples"
    handles = Handles(dtypes=("number",), parts=("output",), when=_has_samples)
    how_to_read = (
        "1: whichever samples are far apart in this layer are so in the other one as well (linear CKA, Kornblith et "
        "al. 2019). A step between neighbours is where the model changes its mind about what is alike."
    )
    limitations = "Of the samples that are open; with few of them all layers look alike. Reads every layer."

    def chart(self, activation: Activation, options: object, activations: Activations) -> alt.Chart:
        """Draw a bar for each layer, in the order in which they are called."""
        count = activation.shape[0]
        suitable = [each for each in activations.values() if each.is_numeric and each.shape[0] == count]
        own = _likeness(activation)
        rows = [(each.key, float((own * _likeness(each)).sum()), each.key == activation.key) for each in suitable]
        frame = pd.DataFrame(rows, columns=["layer", "CKA", "own"])
        frame["place"] = range(len(frame))
        title = charts.title(f"Like {activation.key}", f"{count} samples")
        bars: alt.Chart = (
            alt.Chart(frame, title=title)
            .mark_bar()
            .encode(
                x=alt.X("CKA:Q", title="Alike (CKA)", scale=alt.Scale(domain=[0, 1])),
                y=alt.Y("layer:N", title="Layer", sort=charts.row_order("place"), axis=charts.name_axis()),
                color=alt.condition("datum.own", alt.value(charts.CHOSEN_COLOUR), alt.value(charts.MARK_COLOUR)),
                tooltip=["layer:N", alt.Tooltip("CKA:Q", format=".3f")],
            )
        )
        return bars


def _likeness(activation: Activation) -> np.ndarray:
    """Return how alike each two samples are, shape ``(sample, sample)``, of length 1 altogether."""
    values = np.nan_to_num(activation.values.astype(float), posinf=0, neginf=0).reshape(activation.shape[0], -1)
    centred = values - values.mean(axis=0)
    products: np.ndarray = centred @ centred.T
    products /= np.linalg.norm(products) or 1
    return products


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [AlikeLayers()]
