"""The two things that stand above every picture of a layer: what went in, and what the model answered."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core import charts
from core.common.text import class_name, percent
from core.inputs.labels import AnswerRule, Labels, answered_classes
from core.inputs.model_output import ModelOutput
from core.inputs.spec import COLOUR_CHANNELS, InputSpec, as_colours
from core.workspace.results import Answer, InputView

__all__ = [
    "ValueRange",
    "answer_of",
    "input_view",
    "input_views",
    "is_distribution",
    "png_of",
    "value_range",
    "values_chart",
]

STRONGEST: Final = 5
_PICTURE_SIDE: Final = 224
_RIGHT: Final = "#54a24b"
_LINES: Final = 6
_MOST_SLICES: Final = 16
_SLICE_GAP: Final = 1
_NAMED_ROWS: Final = 40


def input_views(
    specs: Sequence[InputSpec],
    arrays: Mapping[str, np.ndarray],
    sample: int,
    feature_names: Mapping[str, tuple[str, ...]],
) -> tuple[InputView, ...]:
    """Show one sample of all inputs, see :func:`input_view`; arrays and names are by the input's name."""
    return tuple(input_view(spec, arrays[spec.name], sample, feature_names.get(spec.name, ())) for spec in specs)


def input_view(spec: InputSpec, array: np.ndarray, sample: int, feature_names: tuple[str, ...] = ()) -> InputView:
    """Show one sample of one input.

    Args:
        spec: What the input is.
        array: All samples, the sample axis first, as the model sees them.
        sample: Which one to show.
        feature_names: Names of the last axis, if known.
    """
    value = array[sample]
    shape = charts.format_shape(value.shape) or "one value"
    if value.dtype.kind in "US":
        return InputView(spec.name, shape, text=" ".join(map(str, value.reshape(-1))))
    seen = value_range(array)
    picture, note = _picture_of(spec, array[sample : sample + 1])
    specification = None
    if picture is None:
        laid_out = spec.laid_out(array[sample : sample + 1])[0]
        is_row = spec.kind == "sequence" and laid_out.ndim == 1
        specification = values_chart(laid_out[:, np.newaxis] if is_row else laid_out, feature_names).to_dict()
    return InputView(
        spec.name,
        shape,
        picture=picture,
        specification=specification,
        note=note,
        minimum=seen.minimum,
        maximum=seen.maximum,
        not_finite=seen.non_finite,
    )


def _picture_of(spec: InputSpec, one: np.ndarray) -> tuple[bytes | None, str]:
    """Return one sample, the sample axis first, as a PNG, and what is to be said of it; None if it is no picture."""
    if spec.kind == "image" and spec.frame and one.dtype.kind in "biuf":
        images = spec.as_images(one)
        return png_of(as_colours(images)[0]), _note_on_channels(images.shape[-1])
    slices = spec.laid_out(one)[0]
    if spec.kind != "volume" or slices.ndim not in (3, 4):
        return None, ""
    slices = slices if slices.ndim == 4 else slices[..., np.newaxis]  # (depth, height, width, channel)
    chosen = np.unique(np.linspace(0, len(slices) - 1, min(len(slices), _MOST_SLICES)).astype(int))
    of_slices = f"{len(chosen):,} of {len(slices):,} slices" if len(chosen) < len(slices) else ""
    notes = (of_slices, _note_on_channels(slices.shape[-1]))
    return png_of(_side_by_side(as_colours(slices[chosen]))), ", ".join(filter(None, notes))


def _note_on_channels(channels: int) -> str:
    return "" if channels in COLOUR_CHANNELS else f"the mean of {channels:,} channels is drawn"


def _side_by_side(slices: np.ndarray) -> np.ndarray:
    """Return slices of shape ``(slice, height, width, channel)`` as one picture, in rows, with gaps between them."""
    columns = int(np.ceil(np.sqrt(len(slices))))
    rows = -(-len(slices) // columns)
    finite = slices[np.isfinite(slices)]
    gap = float(finite.max()) if finite.size else 0.0
    height, width, channels = slices.shape[1] + _SLICE_GAP, slices.shape[2] + _SLICE_GAP, slices.shape[3]
    picture = np.full((rows * height - _SLICE_GAP, columns * width - _SLICE_GAP, channels), gap, np.float32)
    for number, each in enumerate(slices):
        top, left = number // columns * height, number % columns * width
        picture[top : top + each.shape[0], left : left + each.shape[1]] = each
    return picture


def is_distribution(values: np.ndarray) -> bool:
    """Return whether the outputs for one sample, shape ``(unit,)``, are the probabilities of classes."""
    return len(values) > 1 and bool((values >= 0).all()) and abs(float(values.sum()) - 1) < 1e-3


def answer_of(
    output: np.ndarray, sample: int, labels: Labels | None = None, described: ModelOutput | None = None, label: int = -1
) -> Answer:
    """Show what the model answers to one sample: the strongest of its outputs.

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
        text = " ".join(_text_of(each) for each in answered.reshape(-1))
        right = None if true_class is None or chosen is None else bool(int(chosen[0]) == true_class)
        return Answer({}, text=text, true_label=true_label, right=right)
    values = answered.astype(np.float32).reshape(-1)
    probabilities = is_distribution(values)
    best = int(chosen[0]) if chosen is not None else int(np.nanargmax(values)) if probabilities else None
    target = labels.target_of(label) if label >= 0 else None
    frame = _strongest(values, labels, described, best, true_class, target)
    chart = _answer_chart(frame, probabilities or labels.rule == "half")
    return Answer(
        chart.to_dict(),
        best="" if best is None else class_name(best, labels.class_names),
        probability=_probability(values, best, labels.rule, probabilities),
        true_label=true_label,
        right=None if best is None or true_class is None else best == true_class,
        value=f"{values[0]:.4g}" if len(values) == 1 and best is None else "",
        value_name=described.name if len(values) == 1 else "",
        note=_note(values, best, labels.rule, probabilities, described, target),
    )


def _text_of(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _probability(values: np.ndarray, best: int | None, rule: AnswerRule, probabilities: bool) -> float | None:
    if best is None:
        return None
    if rule == "half":
        return float(values[0] if best else 1 - values[0]) if np.isfinite(values[0]) else None
    return float(values[best]) if probabilities else None


def _note(
    values: np.ndarray,
    best: int | None,
    rule: AnswerRule,
    probabilities: bool,
    described: ModelOutput,
    target: np.ndarray | None,
) -> str:
    if target is not None and len(target) == len(values) == 1:
        error = float(values[0]) - float(target[0])
        return f"true {target[0]:.4g}, error {error:+.3g}"
    if best is None or probabilities or described.function or not np.isfinite(values).all():
        return ""
    given = values.astype(np.float64)
    if rule == "zero":
        share = 1 / (1 + np.exp(-abs(given[0])))
        return f"sigmoid of the logit: {percent(float(share))}"
    share = 1 / np.exp(given - given[best]).sum()
    return f"softmax of the logits: {percent(float(share))}"


def _strongest(
    values: np.ndarray,
    labels: Labels,
    described: ModelOutput,
    best: int | None,
    true_class: int | None,
    target: np.ndarray | None,
) -> pd.DataFrame:
    """Return a row for each of the strongest outputs, the largest first."""
    if len(values) == 1:
        # A single number says how much speaks for the second of two classes.
        is_named = labels.rule in ("half", "zero") and len(labels.class_names) == 2
        names = [labels.class_names[1] if is_named else described.name or "unit 0"]
    elif best is not None or len(labels.class_names) == len(values):
        names = [class_name(number, labels.class_names) for number in range(len(values))]
    else:
        names = [f"unit {number}" for number in range(len(values))]
    strongest = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:STRONGEST]
    frame = pd.DataFrame({"place": range(len(strongest)), "value": values[strongest]})
    # Bars of the same name would be drawn as one.
    frame["name"] = [
        names[index] if names.count(names[index]) == 1 else f"{names[index]} ({index})" for index in strongest
    ]
    frame["label"] = [f"{value:.2f}" if is_distribution(values) else f"{value:.4g}" for value in frame["value"]]
    frame["true"] = [len(values) > 1 and index == true_class for index in strongest]
    if target is not None and len(target) == len(values):
        frame["true value"] = target[strongest]
    return frame


def _with_room(frame: pd.DataFrame) -> list[float]:
    """Return a range in which zero, all bars and the numbers behind their ends have room."""
    shown = [column for column in ("value", "true value") if column in frame]
    known = np.nan_to_num(frame[shown].to_numpy(np.float64).reshape(-1), posinf=0, neginf=0)
    low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
    room = 0.15 * ((high - low) or 1)
    return [low - room if low < 0 else 0, high + room if high > 0 or low == 0 else 0]


def _answer_chart(frame: pd.DataFrame, probabilities: bool) -> alt.LayerChart:
    what = "Probability" if probabilities else "Output"
    reach = [0, 1.15] if probabilities else _with_room(frame)
    tooltip = [alt.Tooltip("name:N", title="class" if probabilities else "output"), alt.Tooltip("value:Q", title=what)]
    tooltip += [alt.Tooltip("true value:Q", format=".4~g")] if "true value" in frame else []
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "name:N",
            sort=charts.row_order("place"),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=140),
        ),
        x=alt.X("value:Q", title=what, axis=None, scale=alt.Scale(domain=reach)),
        tooltip=tooltip,
    )
    bars = base.mark_bar(height=15, cornerRadiusEnd=2).encode(
        color=alt.when(alt.datum.true).then(alt.value(_RIGHT)).otherwise(alt.value(charts.MARK_COLOUR))
    )
    # A number stands behind the end of its bar, on whichever side that is.
    texts = base.mark_text(color=charts.MUTED_COLOUR).encode(text=alt.Text("label:N"))
    right = texts.transform_filter("!(datum.value < 0)").mark_text(align="left", dx=5, color=charts.MUTED_COLOUR)
    left = texts.transform_filter(alt.datum.value < 0).mark_text(align="right", dx=-5, color=charts.MUTED_COLOUR)
    layer: list[alt.Chart] = [bars, right, left]
    if "true value" in frame:
        layer.append(base.mark_tick(color=_RIGHT, thickness=3, size=20).encode(x=alt.X("true value:Q")))
    frameless = alt.ViewBackground(stroke=None)
    return alt.LayerChart(layer=layer, height=24 * len(frame) + 20, view=frameless)


def values_chart(value: np.ndarray, feature_names: tuple[str, ...] = ()) -> alt.Chart | alt.LayerChart:
    """Draw one sample that is no image: lines over time, a heatmap where there are many features, or bars.

    Args:
        value: Shape ``(feature,)`` or ``(time, …, feature)``.
        feature_names: Names of the last axis, if known.
    """
    is_named = value.ndim > 0 and len(feature_names) == value.shape[-1]
    if value.ndim == 2 and value.shape[-1] <= _LINES:
        names = list(feature_names) if is_named else [str(number) for number in range(value.shape[-1])]
        kept = charts.thin(np.nan_to_num(value).sum(axis=1), buckets=400)
        frame = pd.DataFrame(value[kept], columns=names).assign(time=kept).melt("time", var_name="feature")
        return (
            alt.Chart(frame)
            .mark_line(strokeWidth=1.5)
            .encode(
                x=alt.X("time:Q", title="Time", scale=alt.Scale(nice=False)),
                y=alt.Y("value:Q", title=None),
                color=alt.Color("feature:N", sort=names, scale=alt.Scale(scheme="tableau10"), title="Feature"),
                tooltip=[alt.Tooltip("feature:N"), alt.Tooltip("time:Q"), alt.Tooltip("value:Q", format=".4~g")],
            )
            .properties(height=150)
        )
    if value.ndim >= 2:
        matrix = value.reshape(-1, value.shape[-1]).T  # (time, feature) -> (feature, time)
        return charts.heatmap(
            matrix,
            row="feature",
            column="time",
            scale=charts.colour_scale(matrix),
            value_title="Value",
            height=max(150, 12 * len(matrix)) if is_named and len(matrix) <= _NAMED_ROWS else 150,
            row_labels=feature_names if is_named and len(matrix) <= _NAMED_ROWS else None,
        )
    if is_named and value.shape[-1] <= _NAMED_ROWS:
        return _named_bars(value, feature_names)
    flat = value.reshape(-1)
    kept = charts.thin(flat, buckets=400)
    return (
        alt.Chart(pd.DataFrame({"position": kept, "value": flat[kept]}))
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            x=alt.X("position:Q", title="Position", scale=alt.Scale(nice=False)),
            y=alt.Y("value:Q", title=None),
            tooltip=[alt.Tooltip("position:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=150)
    )


def _named_bars(value: np.ndarray, names: tuple[str, ...]) -> alt.Chart:
    frame = pd.DataFrame({"place": range(len(names)), "feature": list(names), "value": value})
    return (
        alt.Chart(frame)
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            x=alt.X("value:Q", title=None),
            y=alt.Y(
                "feature:N",
                sort=charts.row_order("place"),
                title=None,
                axis=alt.Axis(ticks=False, domain=False, labelLimit=140, labelOverlap=False),
            ),
            tooltip=[alt.Tooltip("feature:N"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=max(60, 17 * len(frame)))
    )


def png_of(value: np.ndarray) -> bytes:
    """Return an image of shape ``(height, width, channel)``, any range, as a PNG that is large enough to look at."""
    image = Image.fromarray(charts.picture_values(value))
    factor = _PICTURE_SIDE / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    image = image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class ValueRange:
    """The numbers that the model really sees, in short.

    Attributes:
        minimum: Smallest finite value; NaN where there is none, as for text.
        maximum: Largest finite value, likewise.
        mean: Mean of the finite values, likewise.
        non_finite: How many values are NaN or infinite.
    """

    minimum: float
    maximum: float
    mean: float
    non_finite: int


def value_range(array: np.ndarray) -> ValueRange:
    """Return minimum, maximum and mean of the finite values of an array of any shape, and how many are not finite."""
    if array.dtype.kind not in "biuf":
        return ValueRange(math.nan, math.nan, math.nan, 0)
    finite = array[np.isfinite(array)]
    non_finite = array.size - finite.size
    if finite.size == 0:
        return ValueRange(math.nan, math.nan, math.nan, non_finite)
    mean = float(finite.mean(dtype=np.float64))
    return ValueRange(float(finite.min()), float(finite.max()), mean, non_finite)
