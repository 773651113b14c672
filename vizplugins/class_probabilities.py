"""The classes that a softmax tells apart, with their probabilities."""

from collections import Counter

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl


class ClassProbabilitiesOptions(Options):
    """How many classes, and which unit is marked."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="The class that is marked, always among the bars. Automatic: the likeliest."
    )
    count: int = Field(10, ge=2, le=50, title="Classes")


def _is_softmax(activation: Activation) -> str:
    function = activation.layer.activation_function
    return "" if function == "softmax" else f"takes the output of a softmax, this layer has {function or 'none'}"


class ClassProbabilities(Visualizer):
    """How sure the model is of each class. Click one to choose its unit."""

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
        unit = charts.shown_unit(activation, options.sample, options.unit)
        if unit not in likeliest:
            likeliest[-2 if likeliest[-1] == label else -1] = unit
        frame = pd.DataFrame({"class": [names[number] for number in likeliest], "probability": values[likeliest]})
        frame["place"], frame["unit"] = range(len(frame)), [int(number) for number in likeliest]
        frame["chosen"] = frame["unit"] == unit
        frame["label"] = [
            f"{_label(value)}{f'  unit {unit}' if chosen else ''}"
            for value, chosen in zip(frame["probability"], frame["chosen"], strict=True)
        ]
        frame["is"] = ["true class" if number == label else "other class" for number in likeliest]
        base = alt.Chart(frame).encode(
            x=alt.X(
                "probability:Q",
                title="Probability",
                scale=alt.Scale(domain=[0, 1.16]),
                axis=alt.Axis(values=_TICKS, format=".2~f"),
            ),
            y=alt.Y("class:N", sort=charts.row_order("place"), title=None, axis=charts.name_axis()),
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("unit:Q"),
                alt.Tooltip("probability:Q", format=".4f"),
                alt.Tooltip("is:N"),
            ],
        )
        colour = alt.Color(
            "is:N",
            title=None,
            scale=alt.Scale(domain=["true class", "other class"], range=["#54a24b", charts.MARK_COLOUR]),
            legend=None if label is None else alt.Legend(orient="top"),
        )
        numbers = base.mark_text(align="left", dx=5, color=charts.MUTED_TEXT).encode(text=alt.Text("label:N"))
        return alt.LayerChart(
            layer=[
                base.mark_bar(cursor="pointer")
                .encode(color=colour, **charts.chosen_frame())
                .add_params(charts.clicked("unit")),
                numbers,
            ],
            height=alt.Step(24),
            title=charts.title(
                f"{len(frame):,} of {len(values):,} classes, {charts.unit_name(activation, unit)} marked",
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
