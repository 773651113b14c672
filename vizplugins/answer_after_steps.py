"""What a model answers after each step of a sequence."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Extractor,
    Handles,
    Missing,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    attribution,
    charts,
    hookimpl,
    prefixes,
)

_MOST_LINES = 10
_FURTHEST = 64
_AXES = (("sample", "unit"), ("sample", "time", "unit"))


class AnswerAfterStepsOptions(Options):
    """Which class stands out, and how many lines there are."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Drawn thicker. Automatic: the final answer.")
    count: int = Field(5, ge=1, le=_MOST_LINES, title="Classes", description="Those that come highest at any step.")


def _answers_a_sequence(activation: Activation) -> str | Missing:
    if activation.axes not in _AXES:
        return "takes answers by unit, or by timestep and unit"
    is_last = activation.keys_of_pass[-1] == activation.key
    if not (is_last or activation.key == activation.context.class_layer):
        return "takes what the model answers at the end"
    return "" if _is_behind_time(activation) else "takes models of sequences"


def _is_behind_time(activation: Activation) -> bool:
    nearest, met = [activation], {activation.key}
    for _ in range(_FURTHEST):
        # Of a single step, as a category in an Embedding, there is nothing to go along.
        if any("time" in each.axes and each.shape[each.axes.index("time")] > 1 for each in nearest):
            return True
        before = {given.key: given for each in nearest for given in each.inputs if given.key not in met}
        met |= before.keys()
        nearest = list(before.values())
    return False


class AnswerAfterSteps(Visualizer):
    """What the model would answer if the sequence ended here. Click a line to choose its class."""

    name = "answer-after-steps"
    title = "Answer after each step"
    group = "look"
    handles = Handles(dtypes=("number",), parts=("output",), when=_answers_a_sequence)
    Options = AnswerAfterStepsOptions
    priority = 5
    how_to_read = (
        "Each point is the model's answer to the sequence up to that timestep, as predict gives it for the shorter "
        "input; where all are padded and run in one pass, within a tolerance, checked on a few. Where a line jumps, "
        "the step that came in there changed the model's mind; the ring is the final answer."
    )
    limitations = (
        "The model was trained on whole sequences: what it answers to a short beginning may be anything. A model that "
        "lays all steps side by side, as Flatten does, takes one length only, and is not drawn. Of long sequences up "
        "to 64 beginnings are run, evenly spread."
    )

    def chart(
        self,
        activation: Activation,
        options: AnswerAfterStepsOptions,
        progress: ProgressReport,
        extractor: Extractor | None = None,
    ) -> alt.LayerChart | Refusal:
        """Draw the answer to each beginning, a line for each class, with the final answer marked."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or reason:
            return Refusal(reason or "The model is not there.")
        named = activation.context.inputs_of(options.sample)
        output = prefixes.output_position(extractor, named, activation.key)
        if output is None:
            return Refusal(f"{activation.key} is not what the model itself answers. Choose its last layer.")
        try:
            after = prefixes.answers_after_steps(
                extractor, named, output=output, specs=activation.context.specs or None, progress=progress
            )
        except prefixes.InputRejected as error:
            return Refusal(str(error))
        if after.answers.ndim != 2:
            return Refusal(
                f"{activation.key} answers with steps of its own ({activation.shape[1]:,} to {after.length:,} steps of "
                f"{after.input_name!r}), so that no answer belongs to a step of the input. Choose a model that answers "
                "once, or at each step of its input."
            )
        return _lines(after, activation, options)


def _lines(
    after: prefixes.AnswersAfterSteps, activation: Activation, options: AnswerAfterStepsOptions
) -> alt.LayerChart:
    answers = after.answers.astype(np.float64)  # (beginning, unit)
    final = int(np.nan_to_num(answers[-1], nan=-np.inf).argmax())
    chosen = final if options.unit is None else min(options.unit, answers.shape[1] - 1)
    highest = np.argsort(-np.nan_to_num(answers, nan=-np.inf).max(axis=0), kind="stable")
    units = sorted({final, chosen, *map(int, highest[: options.count])})
    frame = pd.concat(
        pd.DataFrame({"time": after.steps - 1, "steps": after.steps, "unit": unit, "answer": answers[:, unit]})
        for unit in units
    )
    names = {unit: _name(activation, unit) for unit in units}
    frame["class"] = frame["unit"].map(names)
    is_probability = activation.layer.activation_function in ("softmax", "sigmoid")
    y = alt.Y(
        "answer:Q",
        title="Probability" if is_probability else "Answer",
        scale=alt.Scale(domain=[0, 1]) if is_probability else alt.Scale(zero=False),
    )
    ruler = charts.input_ruler(activation.context, after.input_name, after.length)
    steps = charts.StepAxis(after.words, ruler, "Up to timestep")
    base = alt.Chart(steps.with_seconds(frame)).encode(
        x=alt.X("time:Q", title=steps.title, scale=alt.Scale(nice=False), axis=steps.axis()),
        y=y,
        color=alt.Color(
            "class:N", title=None, sort=list(names.values()), scale=alt.Scale(scheme="tableau10"),
            legend=alt.Legend(orient="top", symbolType="stroke"),
        ),
        detail="unit:N",
        tooltip=[
            alt.Tooltip("class:N"),
            alt.Tooltip("steps:Q", title="after so many steps"),
            *steps.tooltip,
            alt.Tooltip("answer:Q", format=".4~g"),
        ],
    )  # fmt: skip
    width = alt.when(alt.datum.unit == chosen).then(alt.value(3.5)).otherwise(alt.value(1.5))
    written = charts.percent if is_probability else charts.answer_text
    end = frame[(frame["unit"] == final) & (frame["steps"] == after.length)].assign(
        label=f"{names[final]} {written(float(answers[-1, final]))}"
    )
    at_end = alt.Chart(end).encode(x="time:Q", y=y)
    ring = at_end.mark_point(size=240, filled=False, strokeWidth=2.5, color=charts.CHOSEN_COLOUR)
    label = at_end.mark_text(align="right", dx=-12, dy=-12, fontWeight="bold", color=charts.MUTED_TEXT)
    layers = [
        base.mark_line(cursor="pointer", clip=True).encode(strokeWidth=width),
        base.mark_circle(size=45, cursor="pointer", opacity=1).add_params(charts.clicked("unit")),
        ring,
        label.encode(text="label:N"),
    ]
    return alt.LayerChart(
        layer=layers,
        height=280,
        title=charts.title(
            _told(after, answers, names[final]),
            charts.sample_name(activation, options.sample),
            _how(after),
            charts.note_not_finite(answers),
        ),
    )


def _name(activation: Activation, unit: int) -> str:
    names = activation.context.class_names
    is_class = activation.layer.activation_function == "softmax"
    if is_class and len(names) == activation.shape[-1]:
        return names[unit]
    return f"{'class' if is_class else 'unit'} {unit}"


def _told(after: prefixes.AnswersAfterSteps, answers: np.ndarray, name: str) -> str:
    if answers.shape[1] == 1:
        return f"The answer after each of {after.length:,} steps"
    winners = np.nan_to_num(answers, nan=-np.inf).argmax(axis=1)
    others = np.flatnonzero(winners != winners[-1])
    since = after.steps[others[-1] + 1] if others.size else after.steps[0]
    more = "from the first step on" if not others.size else f"from step {since:,} of {after.length:,} on"
    return f"The answer is {name} {more}"


def _how(after: prefixes.AnswersAfterSteps) -> str:
    count = f"{len(after.steps):,} beginnings" if len(after.steps) < after.length else "every beginning"
    notes = [f"{count}, padded to the full length in one pass" if after.is_padded else f"{count}, a pass for each"]
    if after.beyond_declared:
        notes.append("the model declares one length: its layers were run on fewer steps")
    if after.refused:
        notes.append(f"shorter ones are not taken ({after.steps[0]:,} steps at least)")
    return "; ".join(notes)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [AnswerAfterSteps()]
