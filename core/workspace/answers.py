"""What a model answers to one sample, in the form that suits it: a class, a number, a row of numbers, a picture, text.

Each chart is low enough for the strip above the layers, 112 screen pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core import charts
from core.common.text import class_name, number_text, percent, signed_number_text, text_of
from core.inputs.labels import Labels, answered_classes
from core.inputs.model_output import ModelOutput, is_distribution
from core.workspace.output_pictures import is_picture, output_picture
from core.workspace.previews import positions_axis, positions_scale, values_chart
from core.workspace.results import Answer
from core.workspace.sample_rows import class_probabilities

__all__ = ["ANSWER_HEIGHT", "answer_of", "nearly_uniform"]

ANSWER_HEIGHT: Final = 112
"""Screen pixels that a chart of an answer takes at most."""
_RIGHT: Final = "#54a24b"
_ROWS: Final = 4
_TOP_CLASSES: Final = 3
_MOST_BARS: Final = 50
_ROW_HEIGHT: Final = 24
_UNIFORM: Final = 0.05
_FIT: Final = alt.AutoSizeParams(type="fit", contains="padding")
_FRAMELESS: Final = alt.ViewBackground(stroke=None)


def answer_of(
    output: np.ndarray, sample: int, labels: Labels | None = None, described: ModelOutput | None = None, label: int = -1
) -> Answer:
    """Show what the model answers to one sample.

    Args:
        output: What the model returned, shape ``(sample, …)``, numbers or text.
        sample: Which one of these.
        labels: What is known about the samples, and how an answer becomes a class.
        described: What the output is, as far as that is known.
        label: Which of the samples that labels are known of it is; -1 if none.
    """
    labels, described = labels or Labels(), described or ModelOutput()
    answered = output[sample : sample + 1]
    chosen = answered_classes(answered, labels.rule, labels.class_names)
    true_label = labels.group_of(label) if label >= 0 else ""
    true_class = labels.class_of(label) if label >= 0 else None
    if answered.dtype.kind not in "biuf":
        text = " ".join(text_of(each) for each in answered.reshape(-1))
        right = None if true_class is None or chosen is None else bool(int(chosen[0]) == true_class)
        spoken = f"The model answers {text}.{_verdict(right, true_label)}"
        return Answer({}, text=text, true_label=true_label, right=right, alt=spoken)
    answered = answered.astype(np.float32)
    target = labels.target_of(label) if label >= 0 else None
    if chosen is not None:
        return _class_answer(answered, int(chosen[0]), labels, described, true_label, true_class)
    if answered.size == 1:
        return _number_answer(float(answered.reshape(-1)[0]), described, target, true_label)
    if answered.ndim > 2:
        return _picture_answer(answered[0], true_label)
    return _row_answer(answered[0], described, target, true_label)


def nearly_uniform(probabilities: np.ndarray) -> bool:
    """Return whether no class stands out: the largest probability is within 5 % of one by the number of classes.

    Args:
        probabilities: Of each class, shape ``(class,)``.
    """
    return len(probabilities) > 1 and float(probabilities.max()) * len(probabilities) <= 1 + _UNIFORM


def _class_answer(
    answered: np.ndarray,
    best: int,
    labels: Labels,
    described: ModelOutput,
    true_label: str,
    true_class: int | None,
) -> Answer:
    found = class_probabilities(answered, labels, described)
    shares = None if found is None or not np.isfinite(found).all() else found[0]
    values = answered[0]
    are_probabilities = labels.rule == "half" if len(values) == 1 else is_distribution(values)
    if shares is not None and (are_probabilities or len(values) == 1):
        drawn, are_shares = shares, True
    else:
        drawn, are_shares = values, False
    name = class_name(best, labels.class_names)
    probability = float(shares[best]) if shares is not None and are_probabilities else None
    notes = []
    if shares is not None and not are_probabilities:
        how = "sigmoid of the logit" if len(values) == 1 else "softmax of the logits"
        notes.append(f"{how}: {percent(float(shares[best]))}")
    if shares is not None and nearly_uniform(shares):
        notes.append(f"practically uniform: each of {len(shares):,} classes has about {percent(1 / len(shares))}")
    right = None if true_class is None else best == true_class
    frame = _top_classes(drawn, labels.class_names, true_class, are_shares)
    others = "; ".join(f"{row.name} {row.label}" for row in frame.itertuples(index=False) if row.number != best)
    own = frame.loc[frame["number"] == best, "label"]
    spoken = f"The model answers {name}{f' with {own.iloc[0]}' if len(own) else ''}"
    spoken += f", then {others}" if others else ""
    return Answer(
        _bars(frame, "Probability" if are_shares else "Output", [0, 1.2] if are_shares else None).to_dict(),
        best=name,
        probability=probability,
        true_label=true_label,
        right=right,
        note="; ".join(notes),
        alt=f"{spoken}.{_verdict(right, true_label)}{_sentence(notes)}",
    )


def _number_answer(value: float, described: ModelOutput, target: np.ndarray | None, true_label: str) -> Answer:
    text, note = number_text(value), ""
    if target is not None and len(target) == 1:
        true = float(target[0])
        note = f"true {number_text(true)}, error {signed_number_text(value - true)}"
    spoken = f"The model answers {described.name or 'one number'}: {text}.{_sentence([note])}"
    return Answer({}, true_label=true_label, value=text, value_name=described.name, note=note, alt=spoken)


def _row_answer(values: np.ndarray, described: ModelOutput, target: np.ndarray | None, true_label: str) -> Answer:
    """Show numbers that are no classes, shape ``(unit,)``, all of them and in their order."""
    note = ""
    if target is not None and len(target) == len(values):
        error = np.abs(values.astype(np.float64) - target).mean()
        note = f"mean absolute error {number_text(float(error))}"
    else:
        target = None
    if len(values) <= _ROWS:
        chart = _bars(_few_numbers(values, target), "Output", None)
    else:
        chart = _upright_bars(values, target) if len(values) <= _MOST_BARS else _line(values)
    what = f"{len(values):,} numbers"
    spoken = f"The model answers {what}{f' ({described.name})' if described.name else ''}: {_extremes(values)}."
    return Answer(chart.to_dict(), true_label=true_label, note=note, alt=f"{spoken}{_sentence([note])}")


def _picture_answer(value: np.ndarray, true_label: str) -> Answer:
    """Show an answer with more axes than one, such as a mask, a picture or a series."""
    shape = charts.format_shape(value.shape)
    if is_picture(value):
        picture = output_picture(value, ANSWER_HEIGHT - 10)
        chart: alt.Chart | alt.LayerChart = picture.chart
        note = picture.note
    else:
        series = value.reshape(-1, value.shape[-1])  # (…, feature) -> (time, feature)
        chart, note = values_chart(series, height=ANSWER_HEIGHT, legend=False).properties(autosize=_FIT), ""
    spoken = f"The model answers {shape} numbers: {_extremes(value)}.{_sentence([note])}"
    return Answer(chart.to_dict(), true_label=true_label, note=note, alt=spoken)


def _top_classes(
    values: np.ndarray, names: Sequence[str], true_class: int | None, are_probabilities: bool
) -> pd.DataFrame:
    """Return a row for each of the strongest classes, the strongest first, and one for the true class."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    shown = order if len(order) <= _ROWS else order[:_TOP_CLASSES]
    if true_class is not None and true_class < len(values) and true_class not in shown:
        shown = np.append(shown, true_class)
    frame = pd.DataFrame({"number": shown, "place": range(len(shown)), "value": values[shown].astype(np.float64)})
    called = [class_name(int(number), names) for number in shown]
    # Bars of the same name would be drawn as one.
    frame["name"] = [
        name if called.count(name) == 1 else f"{name} ({number})" for name, number in zip(called, shown, strict=True)
    ]
    written = percent if are_probabilities else number_text
    frame["label"] = [written(value) if np.isfinite(value) else number_text(value) for value in frame["value"]]
    frame["true"] = frame["number"] == (-1 if true_class is None else true_class)
    return frame


def _few_numbers(values: np.ndarray, target: np.ndarray | None) -> pd.DataFrame:
    numbers = np.arange(len(values))
    frame = pd.DataFrame({"number": numbers, "place": numbers, "value": values.astype(np.float64), "true": False})
    frame["name"] = [f"unit {number}" for number in numbers]
    frame["label"] = [number_text(value) for value in frame["value"]]
    return frame if target is None else frame.assign(**{"true value": target})


def _bars(frame: pd.DataFrame, what: str, reach: list[float] | None) -> alt.LayerChart:
    """Draw a bar per row from the zero line, its number beyond its end, on whichever side that is."""
    reach = reach or _with_room(frame)
    tooltip = [alt.Tooltip("name:N", title="class" if what == "Probability" else "output")]
    tooltip += [alt.Tooltip("value:Q", title=what, format=".4~g")]
    tooltip += [alt.Tooltip("true value:Q", format=".4~g")] if "true value" in frame else []
    base = alt.Chart().encode(
        y=alt.Y(
            "name:N",
            # A domain that is said: a chart that stays on the page keeps no order of the sample before.
            scale=alt.Scale(domain=list(frame["name"])),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=140, labelFontSize=12, labelOverlap=False),
        ),
        x=alt.X("value:Q", title=what, axis=None, scale=alt.Scale(domain=reach)),
        tooltip=tooltip,
    )
    bars = base.mark_bar(height=15, cornerRadiusEnd=2).encode(
        color=alt.when(alt.datum.true).then(alt.value(_RIGHT)).otherwise(alt.value(charts.MARK_COLOUR))
    )
    texts = base.encode(text=alt.Text("label:N"))
    right = texts.transform_filter("!(datum.value < 0)").mark_text(
        align="left", dx=5, fontSize=12, color=charts.MUTED_TEXT
    )
    left = texts.transform_filter(alt.datum.value < 0).mark_text(
        align="right", dx=-5, fontSize=12, color=charts.MUTED_TEXT
    )
    layer: list[Any] = [bars, right, left]
    if min(reach) < 0:
        layer.append(_zero_line(alt.X("zero:Q", scale=alt.Scale(domain=reach), axis=None)))
    if "true value" in frame:
        layer.append(base.mark_tick(color=_RIGHT, thickness=3, size=20).encode(x=alt.X("true value:Q")))
    height = min(ANSWER_HEIGHT, _ROW_HEIGHT * len(frame) + 12)
    return alt.LayerChart(layer=layer, data=frame, height=height, view=_FRAMELESS, autosize=_FIT)


def _upright_bars(values: np.ndarray, target: np.ndarray | None) -> alt.LayerChart:
    """Draw numbers of shape ``(unit,)`` as bars in their order, from the zero line up or down."""
    frame = pd.DataFrame({"unit": range(len(values)), "value": values.astype(np.float64)})
    frame["start"], frame["end"] = frame["unit"] - 0.4, frame["unit"] + 0.4
    tooltip = [alt.Tooltip("unit:Q"), alt.Tooltip("value:Q", format=".4~g")]
    if target is not None:
        frame["true value"] = target
        tooltip.append(alt.Tooltip("true value:Q", format=".4~g"))
    base = alt.Chart().encode(tooltip=tooltip)
    across = alt.X("start:Q", title=None, scale=positions_scale(len(values)), axis=positions_axis(grid=False))
    down = alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=3, format=".3~g"))
    layer: list[Any] = [base.mark_bar(color=charts.MARK_COLOUR).encode(across, down, x2="end:Q", y2=alt.datum(0))]
    layer.append(_zero_line(y=alt.Y("zero:Q")))
    if target is not None:
        ticks = base.mark_rule(color=_RIGHT, strokeWidth=3).encode(across, alt.Y("true value:Q"), x2="end:Q")
        layer.append(ticks)
    return alt.LayerChart(layer=layer, data=frame, height=ANSWER_HEIGHT, view=_FRAMELESS, autosize=_FIT)


def _line(values: np.ndarray) -> alt.LayerChart:
    shown = charts.thin(values, buckets=400)
    frame = pd.DataFrame({"unit": shown, "value": values[shown].astype(np.float64)})
    line = (
        alt.Chart()
        .mark_line(color=charts.MARK_COLOUR, strokeWidth=1)
        .encode(
            alt.X("unit:Q", title=None, scale=positions_scale(len(values)), axis=positions_axis(grid=False)),
            alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=3, format=".3~g")),
            tooltip=[alt.Tooltip("unit:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    layer: list[Any] = [line, _zero_line(y=alt.Y("zero:Q"))]
    return alt.LayerChart(layer=layer, data=frame, height=ANSWER_HEIGHT, view=_FRAMELESS, autosize=_FIT)


def _zero_line(x: Any = alt.Undefined, y: Any = alt.Undefined) -> alt.Chart:
    return alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color="#9aa0ab").encode(x=x, y=y)


def _with_room(frame: pd.DataFrame) -> list[float]:
    """Return a range in which zero, all bars and the numbers behind their ends have room."""
    shown = [column for column in ("value", "true value") if column in frame]
    known = np.nan_to_num(frame[shown].to_numpy(np.float64).reshape(-1), posinf=0, neginf=0)
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    room = 0.2 * ((high - low) or 1)
    return [low - room if low < 0 else 0, high + room if high > 0 or low == 0 else 0]


def _extremes(values: np.ndarray) -> str:
    flat = values.reshape(-1)
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return "none of them is finite"
    told = f"from {number_text(float(finite.min()))} to {number_text(float(finite.max()))}"
    if values.ndim > 1:
        return f"{told}, mean {number_text(float(finite.mean(dtype=np.float64)))}"
    strongest = int(np.nanargmax(np.abs(np.where(np.isfinite(flat), flat, np.nan))))
    return f"{told}, the furthest from zero is unit {strongest}"


def _verdict(right: bool | None, true_label: str) -> str:
    if right is None:
        return f" Label: {true_label}." if true_label else ""
    return f" {'Correct' if right else 'Wrong'}, the true label is {true_label}."


def _sentence(notes: Sequence[str]) -> str:
    told = "; ".join(filter(None, notes))
    return f" {told[0].upper()}{told[1:]}." if told else ""
