"""The classes that a model tells apart at each timestep, with their probabilities."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

_MOST_LINES = 10
_BUCKETS = 400
_POINTS_SEEN = 60
_HEIGHT, _BAND = 260, 14


class ClassesOverTimeOptions(Options):
    """How many classes, and which one stands out."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="The class drawn thicker. Automatic: the one that wins most often."
    )
    count: int = Field(5, ge=1, le=_MOST_LINES, title="Classes", description="Those that come highest at any step.")


def _tells_classes(activation: Activation) -> str:
    function = activation.layer.activation_function
    if function in ("softmax", "sigmoid"):
        return ""
    return f"takes the output of a softmax or sigmoid at each step, this layer has {function or 'none'}"


class ClassesOverTime(Visualizer):
    """How probable each class is at each timestep, and which one wins there. Click a line to choose its class."""

    name = "classes-over-time"
    title = "Classes over time"
    group = "look"
    # Named down to the base class, so that a dense layer is nearer here than to the heatmap.
    handles = Handles(
        layer_types=("Dense", "TimeDistributed", "Softmax", "Activation", "Layer", "Operation"),
        axes=("sample", "time", "unit"),
        dtypes=("number",),
        when=_tells_classes,
    )
    Options = ClassesOverTimeOptions
    priority = 10
    how_to_read = (
        "Where lines cross, the answer changes from one step to the next; the band above has the colour of the class "
        "that wins. Where two lines run side by side, the model wavers between these classes."
    )
    limitations = (
        "Grey steps are padding: what stands there was neither trained nor judged. A softmax is often surer than it is "
        "right. Of very long sequences only the extremes of each stretch are drawn."
    )

    def chart(self, activation: Activation, options: ClassesOverTimeOptions) -> alt.LayerChart:
        """Draw a line for each class, the winning classes above them, and padding in grey."""
        answer = activation.sample(options.sample)
        shown = charts.shown_steps(answer)
        values = np.where(shown[:, None], answer.values.astype(np.float64), np.nan)  # (time, class)
        ranked = np.nan_to_num(values, nan=-np.inf)
        winners = ranked.argmax(axis=1) if values.shape[1] > 1 else np.zeros(len(values), int)
        often = np.bincount(winners[shown], minlength=values.shape[1])
        chosen = int(often.argmax()) if options.unit is None else options.unit
        highest = np.lexsort((-ranked.max(axis=0), -often))
        units = sorted({chosen, *map(int, highest[: options.count])})
        names = {unit: _name(activation, unit) for unit in units}
        frame = pd.concat(_line(values[:, unit], unit, names[unit]) for unit in units)
        colour = alt.Color(
            "class:N",
            title=None,
            sort=list(names.values()),
            scale=alt.Scale(domain=list(names.values()), scheme="tableau10"),
            legend=alt.Legend(orient="top", symbolType="stroke"),
        )
        x_scale = alt.Scale(domain=[-0.5, len(values) - 0.5], nice=False)
        steps = charts.steps_of(answer)
        x = alt.X("time:Q", title=steps.title, scale=x_scale, axis=steps.axis())
        base = alt.Chart(steps.with_seconds(frame)).encode(
            x=x,
            y=alt.Y("probability:Q", title="Probability", scale=alt.Scale(domain=[0, 1])),
            color=colour,
            detail="unit:N",
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("time:Q", title="timestep"),
                *steps.tooltip,
                alt.Tooltip("probability:Q", format=".4f"),
            ],
        )
        width = alt.when(alt.datum.unit == chosen).then(alt.value(3.5)).otherwise(alt.value(1.5))
        layers = [
            base.mark_line(cursor="pointer").encode(strokeWidth=width),
            base.mark_circle(size=40, opacity=1 if len(values) <= _POINTS_SEEN else 0, cursor="pointer").add_params(
                charts.clicked("unit")
            ),
        ]
        if values.shape[1] > 1:
            layers.append(_band(winners, shown, names, colour))
        if not shown.all():
            layers.append(charts.masked_bands(shown, steps.title, translucent=True))
        return alt.LayerChart(
            layer=layers,
            height=_HEIGHT,
            title=charts.title(
                _told(often, shown, activation),
                charts.sample_name(activation, options.sample),
                f"{int((~shown).sum()):,} steps of padding are grey" if not shown.all() else "",
                charts.note_not_finite(answer.values),
            ),
        )


def _line(values: np.ndarray, unit: int, name: str) -> pd.DataFrame:
    # Not dropped: a line breaks at what is no number, and would run on across what is not there.
    kept = charts.thin(values, buckets=_BUCKETS)
    return pd.DataFrame({"time": kept, "probability": values[kept], "unit": unit, "class": name})


def _band(winners: np.ndarray, shown: np.ndarray, names: dict[int, str], colour: alt.Color) -> alt.Chart:
    """Return a band over the lines, a block for each run of steps at which one class wins."""
    told = np.where(shown, winners, -1)
    begins = np.flatnonzero(np.concatenate([[True], told[1:] != told[:-1]]))
    ends = np.append(begins[1:], len(told))
    runs = pd.DataFrame({"from": begins, "to": ends - 1, "left": begins - 0.5, "right": ends - 0.5})
    runs["class"] = [names.get(int(told[at]), "") for at in begins]
    return (
        alt.Chart(runs[runs["class"] != ""])
        .mark_rect(y=-_BAND - 4, y2=-4)
        .encode(
            x=alt.X("left:Q"),
            x2="right:Q",
            color=colour,
            tooltip=[alt.Tooltip("class:N", title="wins"), alt.Tooltip("from:Q"), alt.Tooltip("to:Q")],
        )
    )


def _name(activation: Activation, unit: int) -> str:
    names = activation.context.class_names
    return names[unit] if len(names) == activation.shape[-1] else f"class {unit}"


def _told(often: np.ndarray, shown: np.ndarray, activation: Activation) -> str:
    count = int(shown.sum())
    if len(often) == 1:
        return f"The probability at {count:,} steps of {activation.key}"
    first = np.argsort(-often, kind="stable")[:3]
    said = [f"{_name(activation, int(each))} at {often[each]:,}" for each in first if often[each]]
    return f"{', '.join(said)} of {count:,} steps of {activation.key}"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ClassesOverTime()]
