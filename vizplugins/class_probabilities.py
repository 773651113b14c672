"""The classes that a softmax tells apart, with their probabilities."""

from collections import Counter

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl


class ClassProbabilitiesOptions(Options):
    """How many classes."""

    sample: SampleIndex = 0
    count: int = Field(10, ge=2, le=50, title="Classes")


def _is_softmax(activation: Activation) -> str:
    function = activation.layer.activation_function
    return "" if function == "softmax" else f"takes the output of a softmax, this layer has {function or 'none'}"


class ClassProbabilities(Visualizer):
    """How sure the model is of each class."""

    name = "class-probabilities"
    title = "Class probabilities"
    group = "look"
    handles = Handles(axes=("sample", "unit"), when=_is_softmax)
    Options = ClassProbabilitiesOptions
    priority = 10
    how_to_read = "The bars add up to 1. Two bars of similar length: the model wavers between these classes."
    limitations = "A softmax is often surer than it is right; a high probability is no measure of truth."

    def chart(self, activation: Activation, options: ClassProbabilitiesOptions) -> alt.LayerChart:
        """Draw a bar per class, the most probable on top, the true one in another colour if it is known."""
        answer = activation.sample(options.sample)
        values = answer.values.astype(np.float64)
        names, label = _names_and_label(answer)
        ranked = np.argsort(-np.nan_to_num(values), kind="stable")
        likeliest = list(ranked[: options.count])
        if label is not None and label not in likeliest:
            # The true class is what a person looks for, so it stays in sight however improbable it is.
            likeliest[-1] = label
        frame = pd.DataFrame({"class": [names[number] for number in likeliest], "probability": values[likeliest]})
        frame["place"] = range(len(frame))
        frame["label"] = [_label(value) for value in frame["probability"]]
        frame["is"] = ["true class" if number == label else "other class" for number in likeliest]
        base = alt.Chart(frame).encode(
            x=alt.X(
                "probability:Q",
                title="Probability",
                scale=alt.Scale(domain=[0, 1.08]),
                axis=alt.Axis(values=_TICKS, format=".2~f"),
            ),
            y=alt.Y("class:N", sort=charts.row_order("place"), title=None, axis=alt.Axis(labelLimit=200)),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("probability:Q", format=".4f"), alt.Tooltip("is:N")],
        )
        colour = alt.Color(
            "is:N",
            title=None,
            scale=alt.Scale(domain=["true class", "other class"], range=["#54a24b", charts.MARK_COLOUR]),
            legend=None if label is None else alt.Legend(orient="top"),
        )
        numbers = base.mark_text(align="left", dx=5, color=charts.MUTED_COLOUR).encode(text=alt.Text("label:N"))
        return alt.LayerChart(
            layer=[base.mark_bar().encode(color=colour), numbers],
            height=alt.Step(24),
            title=charts.title(
                f"Probabilities of {len(frame):,} of {len(values):,} classes",
                charts.sample_name(activation, options.sample) + _rank(ranked, label, options.count),
                charts.note_not_finite(values),
            ),
        )


_TICKS = [0, 0.25, 0.5, 0.75, 1]


def _names_and_label(answer: Activation) -> tuple[tuple[str, ...], int | None]:
    count, context = answer.shape[0], answer.context
    label = None if context.labels is None else int(context.labels[0])
    if context.class_names and len(context.class_names) != count:
        # A softmax inside the model, such as one that chooses experts: the labels are not about its units.
        label = None
    names = context.class_names if len(context.class_names) == count else [f"class {n}" for n in range(count)]
    # Bars of the same name would be drawn as one.
    times = Counter(names)
    names = tuple(name if times[name] == 1 else f"{name} ({number})" for number, name in enumerate(names))
    return names, label if label is not None and 0 <= label < count else None


def _label(value: float) -> str:
    return "< 0.001" if 0 < value < 0.0005 else f"{value:.3f}" if np.isfinite(value) else str(value)


def _rank(ranked: np.ndarray, label: int | None, count: int) -> str:
    place = 0 if label is None else int(np.flatnonzero(ranked == label)[0]) + 1
    return f"; the true class is number {place:,}, shown last" if place > count else ""


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ClassProbabilities()]
