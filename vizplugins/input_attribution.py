"""Which parts of the input a unit's answer rests on, by gradients or by covering them."""

import textwrap
from typing import Annotated, Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ActsWhen,
    Extractor,
    Handles,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    attribution,
    charts,
    gallery,
    hookimpl,
)

_MOST_STEPS = 400
_MOST_NAMES = 60
_TOKEN_HEIGHT = 18
_SIDE = 240
_TEXT_WIDTH = 800
_LETTER = 7.9
"""Screen pixels that a letter takes in the browser's fixed font of 13 pixels."""
_WORD_GAP = 8
_LINE = 26
_LONGEST_LINE = 125


class InputAttributionOptions(Options):
    """What is explained, how, and whether the method is checked."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None,
        title="Unit",
        description="What is explained. Automatic: the one that answers the most. A channel is taken as its mean.",
    )
    method: attribution.Method = Field(
        "integrated gradients",
        title="Method",
        description="Saliency, SmoothGrad: how much a small change matters. Gradient × input, integrated gradients, "
        "occlusion: what is there compared with nothing.",
    )
    nothing: Annotated[
        Literal["zero", "mean of the samples"], ActsWhen("method", "integrated gradients", "occlusion")
    ] = Field("zero", title="Baseline", description="What stands for nothing: for integrated gradients and occlusion.")
    patch: Annotated[int, ActsWhen("method", "occlusion")] = Field(
        0, ge=0, le=64, title="Patch size", description="For occlusion: pixels, features or steps; 0: automatic."
    )
    check: bool = Field(
        False,
        title="Sanity check (shuffle weights)",
        description="Repeats the picture with the model's weights shuffled: one that does not change then shows the "
        "input, not the model (Adebayo et al. 2018).",
    )


def _has_units(activation: Activation) -> str:
    return "" if activation.axes[-1] in ("unit", "channel") else "takes layers whose last axis is units or channels"


class InputAttribution(Visualizer):
    """Which parts of the input the answer of a unit or class rests on."""

    name = "input-attribution"
    title = "Attribution"
    group = "explain"
    handles = Handles(dtypes=("number",), parts=("output",), when=_has_units)
    Options = InputAttributionOptions
    how_to_read = (
        "Strong colours and long bars are what the answer rests on. Where the method has a sign, orange speaks for the "
        "unit and blue against it; of a text the words themselves are coloured. Choose the last layer to ask about a "
        "class: it is explained before its softmax, where that is found. Integrated gradients add up to the difference "
        "from the baseline; the caption says how well they do."
    )
    limitations = (
        "An attribution is not a reason: it says what a small or a whole change of a part does to this unit, one part "
        "at a time, not what parts do together. Methods disagree; the test with shuffled weights finds those that show "
        "little more than the edges of the input. What stands for nothing is a choice, and the picture depends on it."
    )

    def chart(
        self,
        activation: Activation,
        options: InputAttributionOptions,
        progress: ProgressReport,
        extractor: Extractor | None = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw what each input counts, and the same with shuffled weights if that was asked for."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or reason:
            return Refusal(reason)
        unit = charts.shown_unit(activation, options.sample, options.unit)
        target = attribution.Target(activation.key, unit)
        inputs = {name: array[options.sample : options.sample + 1] for name, array in activation.context.inputs.items()}
        more: dict[str, Any] = {"patch": options.patch, "specs": activation.context.specs}
        if options.nothing != "zero":
            more["baseline"] = {
                f"input:{name}": array.mean(axis=0)
                for name, array in activation.context.inputs.items()
                if array.dtype.kind == "f"
            }
        try:
            found = attribution.attribute(
                extractor, inputs, target, options.method, progress=_half(progress, 0, options.check), **more
            )
            name = charts.unit_name(activation, unit)
            heading = f"Attribution of {name} by {options.method}: {charts.sample_name(activation, options.sample)}"
            pictures = {
                f"{heading}{f' ({each.entry})' if len(found) > 1 else ''}": _picture(
                    each, activation, options
                ).properties(title=_notes(activation, each))
                for each in found
            }
            if options.check:
                shuffled = attribution.attribute(
                    extractor,
                    inputs,
                    target,
                    options.method,
                    shuffled=attribution.SHUFFLE_SEED,
                    progress=_half(progress, 1, options.check),
                    **more,
                )
                for each, other in zip(found, shuffled, strict=True):
                    verdict = attribution.verdict(attribution.likeness(each.values, other.values))
                    name = f" ({each.entry})" if len(found) > 1 else ""
                    pictures[f"With shuffled weights{name} {verdict}"] = _picture(other, activation, options)
        except attribution.NoGradient as error:
            return Refusal(str(error))
        return pictures


def _half(progress: ProgressReport, half: int, halved: bool) -> Any:
    return (lambda fraction, text: progress((fraction + half) / 2, text)) if halved else progress


def _notes(activation: Activation, found: attribution.Attribution) -> alt.TitleParams:
    """Return small lines above a picture: whether the sum is what it should be, what is explained, what to know."""
    lines = []
    if found.baseline is not None and found.total is not None:
        lines.append(f"sums to {found.total:.3g} of {found.objective - found.baseline:.3g}")
    if not activation.layer.has_logits and charts.explained_as(activation):
        # That a class is explained before its softmax is said beside the picture.
        lines.append(f"explained is {charts.explained_as(activation)}")
    wrapped = textwrap.wrap(found.note, _LONGEST_LINE)
    return alt.TitleParams(
        text=[*filter(None, ["; ".join(lines)]), *wrapped],
        anchor="start",
        fontSize=12,
        fontWeight="normal",
        color=charts.MUTED_TEXT,
        offset=8,
    )


def _picture(
    found: attribution.Attribution, activation: Activation, options: InputAttributionOptions
) -> alt.TopLevelMixin:
    if found.given.ndim == 3:
        return _over_image(found)
    if found.given.ndim == 2:
        return _over_time(found, activation, options)
    return _per_feature(found, _feature_names(found, activation))


def _feature_names(found: attribution.Attribution, activation: Activation) -> tuple[str, ...]:
    """Return the names of the input's last axis; empty where there are none, or too many to be read."""
    names = activation.context.feature_names.get(found.entry.removeprefix("input:"), ())
    return names if len(names) == found.given.shape[-1] <= _MOST_NAMES else ()


def _over_image(found: attribution.Attribution) -> alt.HConcatChart:
    values = found.values
    if values.ndim == 3:
        values = values.sum(axis=-1) if found.is_signed else values.max(axis=-1)  # (height, width, channel)
    scale = charts.colour_scale(values, "blueorange" if found.is_signed else "magma")
    image, over = gallery.overlay(values, found.given, scale, side=_SIDE)
    large = gallery.large_map(values, scale, title="Attribution", legend=True, value_title="Attribution", side=_SIDE)
    return alt.HConcatChart(hconcat=[image, over, large], spacing=20)


def _over_time(
    found: attribution.Attribution, activation: Activation, options: InputAttributionOptions
) -> alt.TopLevelMixin:
    values = found.values
    steps = values if values.ndim == 1 else values.sum(axis=-1)  # (time, feature) -> (time,)
    labels = charts.token_labels(activation.sample(options.sample), len(steps))
    if labels is not None:
        tokens, shown = labels
        return _per_token(steps, tokens, _words(activation, options.sample, tokens, shown), shown, found.is_signed)
    bars = _bars(pd.DataFrame({"time": np.arange(len(steps)), "value": steps.astype(np.float64)}), "time", "Timestep")
    if values.ndim == 1:
        return bars
    scale = charts.colour_scale(values, "blueorange" if found.is_signed else "magma")
    matrix = values.T  # (time, feature) -> (feature, time)
    height = int(np.clip(14 * len(matrix), 90, 320))
    cells = charts.heatmap(
        matrix,
        row="feature",
        column="time",
        scale=scale,
        value_title="Attribution",
        width=620,
        height=height,
        row_labels=_feature_names(found, activation) or None,
    )
    return alt.VConcatChart(vconcat=[bars.properties(width=620, height=110), cells], spacing=10)


def _words(activation: Activation, sample: int, tokens: tuple[str, ...], shown: np.ndarray) -> tuple[str, ...]:
    """Return the words of the sentence where each token is one of them, so that none reads ``[UNK]``; else the tokens.

    What stands at padding is left as it is.
    """
    texts = [array[sample] for array in activation.context.inputs.values() if array.dtype.kind in "USO"]
    words = str(np.ravel(texts[0])[0]).split() if len(texts) == 1 and np.size(texts[0]) == 1 else []
    places = np.flatnonzero(shown)
    if len(words) != len(places):
        return tokens
    by_place = dict(zip(places.tolist(), words, strict=True))
    return tuple(by_place.get(place, token) for place, token in enumerate(tokens))


def _per_token(
    steps: np.ndarray, tokens: tuple[str, ...], words: tuple[str, ...], shown: np.ndarray, is_signed: bool
) -> alt.LayerChart:
    kept = np.flatnonzero(shown)[:_MOST_STEPS]
    values = steps[kept].astype(np.float64)
    scale = charts.colour_scale(values, "blueorange" if is_signed else "viridis")
    palette = scale.palette()[scale.levels(values)]
    bright = palette @ np.array([0.299, 0.587, 0.114])
    frame = pd.DataFrame(
        {
            "token": [tokens[place] for place in kept],
            "word": [words[place] for place in kept],
            "place": kept,
            "value": values,
            "ink": np.where(bright > 140, "#111111", "#ffffff"),
        }
    )
    frame = frame.join(_lines(frame["word"]))
    height = _LINE * (int(frame["line"].max()) + 1 if len(frame) else 1)
    tooltip = [alt.Tooltip("token:N"), alt.Tooltip("place:Q"), alt.Tooltip("value:Q", format=".4~g")]
    across: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[0, _TEXT_WIDTH], nice=False)}
    down: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[0, height], nice=False, reverse=True)}
    boxes = alt.Chart(frame).mark_rect(cornerRadius=3)
    boxes = boxes.encode(
        x=alt.X("left:Q", **across),
        x2=alt.X2("right:Q"),
        y=alt.Y("top:Q", **down),
        y2=alt.Y2("bottom:Q"),
        color=alt.Color(
            "value:Q",
            title="Attribution: against it (blue), for it (orange)" if is_signed else "Attribution",
            scale=scale.altair(),
            legend=alt.Legend(orient="bottom", direction="horizontal", gradientLength=260, titleLimit=400),
        ),
        tooltip=tooltip,
    )
    texts = alt.Chart(frame).mark_text(font="monospace", fontSize=13)
    texts = texts.encode(
        x=alt.X("middle:Q", **across),
        y=alt.Y("centre:Q", **down),
        text="word:N",
        color=alt.Color("ink:N", scale=None),
        tooltip=tooltip,
    )
    return alt.LayerChart(layer=[boxes, texts], width=_TEXT_WIDTH, height=height, view=alt.ViewBackground(stroke=None))


def _lines(words: pd.Series) -> pd.DataFrame:
    """Return where each word stands when they are set in lines, as on paper, in screen pixels."""
    left, line, places = 0.0, 0, []
    for word in words:
        width = min(_LETTER * max(len(word), 1) + 6, _TEXT_WIDTH)
        if left and left + width > _TEXT_WIDTH:
            left, line = 0.0, line + 1
        places.append((line, left, left + width))
        left += width + _WORD_GAP
    frame = pd.DataFrame(places, columns=["line", "left", "right"], index=words.index)
    frame["top"], frame["bottom"] = frame["line"] * _LINE + 2, (frame["line"] + 1) * _LINE - 2
    frame["middle"], frame["centre"] = (frame["left"] + frame["right"]) / 2, (frame["top"] + frame["bottom"]) / 2
    return frame


def _per_feature(found: attribution.Attribution, names: tuple[str, ...]) -> alt.TopLevelMixin:
    if names:
        return _per_named_feature(found, names)
    kept = charts.thin(found.values, buckets=_MOST_STEPS // 2)
    frame = pd.DataFrame(
        {
            "feature": kept,
            "value": found.values[kept].astype(np.float64),
            "input": found.given.reshape(-1)[kept].astype(np.float64),
        }
    )
    return _bars(frame, "feature", "Feature")


def _per_named_feature(found: attribution.Attribution, names: tuple[str, ...]) -> alt.LayerChart:
    values = found.values.astype(np.float64)
    frame = pd.DataFrame(
        {
            "feature": list(names),
            "place": range(len(names)),
            "value": values,
            "input": found.given.reshape(-1).astype(np.float64),
            "against": values < 0,
        }
    )
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            alt.Y(
                "feature:N",
                sort=charts.row_order("place"),
                title=None,
                axis=charts.name_axis(ticks=False, domain=False),
            ),
            alt.X("value:Q", title=_attribution_title(found.is_signed)),
            color=_sign_colour(),
            tooltip=[
                "feature:N",
                alt.Tooltip("value:Q", title="attribution", format=".4~g"),
                alt.Tooltip("input:Q", format=".4~g"),
            ],
        )
    )
    return alt.LayerChart(layer=[bars], height=alt.Step(_TOKEN_HEIGHT))


def _bars(frame: pd.DataFrame, column: str, title: str) -> alt.Chart:
    frame = frame.assign(against=frame["value"] < 0, start=frame[column] - 0.42, end=frame[column] + 0.42)
    more = [alt.Tooltip("input:Q", format=".4~g")] if "input" in frame else []
    return (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            alt.X("start:Q", title=title, scale=alt.Scale(nice=False), axis=alt.Axis(format="d", tickMinStep=1)),
            alt.X2("end:Q"),
            alt.Y("value:Q", title="Attribution"),
            alt.Y2(datum=0),
            color=_sign_colour(),
            tooltip=[alt.Tooltip(f"{column}:Q"), alt.Tooltip("value:Q", title="attribution", format=".4~g"), *more],
        )
        .properties(height=220)
    )


def _attribution_title(is_signed: bool) -> str:
    return "Attribution: for it (right), against it (left)" if is_signed else "Attribution"


def _sign_colour() -> alt.Color:
    return alt.Color("against:N", scale=alt.Scale(domain=[False, True], range=["#e8932f", "#2f78b3"]), legend=None)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [InputAttribution()]
