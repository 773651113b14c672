"""Which parts of the input a unit's answer rests on, by gradients or by covering them."""

import textwrap
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    ActsWhen,
    Extractor,
    Handles,
    MeaningRegistry,
    NoneTitle,
    Options,
    ProgressReport,
    Refusal,
    Region,
    SampleIndex,
    UnitIndex,
    Visualizer,
    attribution,
    charts,
    hookimpl,
    overlays,
    without_units,
)

_ROWS = 3
_MOST_WAVES = 2
_MOST_STEPS = 400
_MOST_NAMES = 60
_TOKEN_HEIGHT = 18
_LONGEST_LINE = 75
_FEW = 12


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
    versus: Annotated[int | None, NoneTitle("none")] = Field(
        None, ge=0, title="Versus unit", description="What speaks for the unit rather than for this one of the layer."
    )
    speaks: Literal["for it", "against it"] = Field(
        "for it", title="Explained", description="What speaks for the unit or class, or against it: “not this class”."
    )
    position: Annotated[int | None, ActsFromRank(3, to=3)] = Field(
        None,
        ge=0,
        title="Position",
        description="One step, token or box of an answer that has several, not their mean.",
    )
    region: Annotated[Region, ActsFromRank(4, to=4)] = Field(
        None, title="Region", description="Part of the answer's places, instead of their mean: drag over its picture."
    )
    curves: bool = Field(
        False,
        title="Deletion and insertion",
        description="Takes away what counts the most first, and puts it back first (Petsiuk et al. 2018): methods can "
        "be compared by the areas.",
    )
    check: bool = Field(
        False,
        title="Sanity check (shuffle weights)",
        description="Repeats the picture with the model's weights shuffled: one that does not change then shows the "
        "input, not the model (Adebayo et al. 2018).",
    )


class InputAttribution(Visualizer):
    """Which parts of the input the answer of a unit or class rests on."""

    name = "input-attribution"
    title = "Attribution"
    group = "explain"
    handles = Handles(dtypes=("number",), parts=("output",), when=without_units)
    Options = InputAttributionOptions
    on_unit_card = 2
    how_to_read = (
        "Strong colours and long bars are what the answer rests on. Where the method has a sign, orange speaks for the "
        "unit and blue against it; of a text the words themselves are coloured. Choose the last layer to ask about a "
        "class: it is explained before its softmax, where that is found. Of an answer in many places a part can be "
        "asked about: drag over its picture, or choose a position. Integrated gradients add up to the difference "
        "from the baseline; the caption says how well they do. A good picture has a small area under its deletion "
        "curve and a large one under its insertion curve: what it names is what the answer needs, and enough for it."
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
        meanings: MeaningRegistry,
        extractor: Extractor | None = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw what each input counts, and the same with shuffled weights if that was asked for."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or reason:
            return Refusal(reason)
        position, unit, rows = _automatic(activation, options, meanings)
        target = attribution.target_at(
            activation,
            unit,
            versus=options.versus,
            position=position,
            region=options.region,
            against=options.speaks == "against it",
        )
        inputs = activation.context.inputs_of(options.sample)
        more: dict[str, Any] = {"patch": options.patch, "specs": activation.context.specs}
        if options.nothing != "zero":
            more["baseline"] = attribution.mean_of_samples(activation.context.inputs)
        name = attribution.target_name(activation, target)
        name += f", mean over {rows}" if rows and not target.ranges else ""
        heading = f"Attribution of {name} by {options.method}: {charts.sample_name(activation, options.sample)}"
        try:
            found = attribution.attribute(
                extractor, inputs, target, options.method, progress=_half(progress, 0, options.check), **more
            )
            pictures = _pictures(heading, found, activation, options)
            if options.curves:
                curves = attribution.removal_curves(extractor, inputs, target, found, specs=activation.context.specs)
                pictures[curves.in_words()] = overlays.removal_curves(curves)
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
                pictures |= _shuffled_pictures(found, shuffled, activation, options)
        except attribution.NoGradient as error:
            return Refusal(str(error))
        return pictures | overlays.answer_to_drag(activation, options.sample, target, "explain a region")


def _automatic(
    activation: Activation, options: InputAttributionOptions, meanings: MeaningRegistry
) -> tuple[int | None, int, str]:
    """Return the position and the unit that are explained, and what a mean is over if no position is.

    Of boxes it is the best one by itself; at a position the unit that answers the most there.
    """
    position, unit, rows = options.position, options.unit, ""
    if activation.rank == _ROWS and activation.layer.key in [each.layer for each in activation.context.outputs]:
        found, called = meanings.target(meanings.output_of(activation, options.sample))
        rows = called or ("steps" if activation.axes[1] == "time" else "places")
        if found is not None and position is None and options.region is None:
            position = found[0]
            unit = found[1] if unit is None else unit
    return position, charts.shown_unit(activation, options.sample, unit, position), rows


def _of(one: attribution.Attribution, found: Sequence[attribution.Attribution]) -> str:
    """Return which input a picture is of, where there are several."""
    return f" ({one.entry.removeprefix('input:')})" if len(found) > 1 else ""


def _pictures(
    heading: str, found: Sequence[attribution.Attribution], activation: Activation, options: InputAttributionOptions
) -> dict[str, alt.TopLevelMixin]:
    few, others = _few_and_others(found)
    drawn: dict[str, alt.TopLevelMixin] = {}
    if few:
        together = _together([found[place] for place in few], activation)
        together.title = _notes(activation, found[few[0]])
        drawn[heading] = together
    for place in others:
        drawn[f"{heading}{_of(found[place], found)}"] = _noted_picture(found[place], activation, options)
    return drawn


def _shuffled_pictures(
    found: Sequence[attribution.Attribution],
    shuffled: Sequence[attribution.Attribution],
    activation: Activation,
    options: InputAttributionOptions,
) -> dict[str, alt.TopLevelMixin]:
    few, others = _few_and_others(found)
    drawn: dict[str, alt.TopLevelMixin] = {}
    if few:
        before, after = (np.concatenate([_numbers(each[place]) for place in few]) for each in (found, shuffled))
        verdict = attribution.verdict(attribution.likeness(before, after))
        drawn[f"With shuffled weights {verdict}"] = _together([shuffled[place] for place in few], activation)
    for place in others:
        verdict = attribution.verdict(attribution.likeness(found[place].values, shuffled[place].values))
        title = f"With shuffled weights{_of(found[place], found)} {verdict}"
        drawn[title] = _picture(shuffled[place], activation, options)
    return drawn


def _few_and_others(found: Sequence[attribution.Attribution]) -> tuple[list[int], list[int]]:
    """Return which inputs stand together on one scale, several of one or few numbers each, and which for themselves."""
    few = [place for place, each in enumerate(found) if len(_numbers(each)) <= _FEW and each.given.ndim <= 2]
    few = few if len(few) > 1 else []
    return few, [place for place in range(len(found)) if place not in few]


def _numbers(one: attribution.Attribution) -> np.ndarray:
    """Return how much each number counts; of an input that is embedded, each of what is embedded."""
    return one.by_part.reshape(-1)


def _together(few: Sequence[attribution.Attribution], activation: Activation) -> alt.LayerChart:
    """Draw inputs of one or few numbers each as bars by their names."""
    names: list[str] = []
    given: list[float] = []
    for each in few:
        name, count = each.entry.removeprefix("input:"), len(_numbers(each))
        known = _feature_names(each, activation)
        names += [name] if count == 1 else list(known) or [f"{name} {number}" for number in range(count)]
        given += each.given.reshape(-1).tolist() if each.given.size == count else [float("nan")] * count
    values = np.concatenate([_numbers(each) for each in few])
    return _named_bars(values, np.array(given), names, is_signed=few[0].is_signed)


def _noted_picture(
    found: attribution.Attribution, activation: Activation, options: InputAttributionOptions
) -> alt.TopLevelMixin:
    return _picture(found, activation, options).properties(title=_notes(activation, found))


def _half(progress: ProgressReport, half: int, halved: bool) -> Any:
    return (lambda fraction, text: progress((fraction + half) / 2, text)) if halved else progress


def _notes(activation: Activation, found: attribution.Attribution) -> alt.TitleParams:
    """Return small lines above a picture: whether the sum is what it should be, what is explained, what to know."""
    lines = []
    if not np.any(found.values):
        lines.append("nothing here counts: the attribution is 0 everywhere")
    elif found.baseline is not None and found.total is not None:
        total, whole = (charts.number_text(each, 4) for each in (found.total, found.objective - found.baseline))
        lines.append(f"sums to {total} of {whole}")
    if not activation.layer.has_logits and charts.explained_as(activation):
        # That a class is explained before its softmax is said beside the picture.
        lines.append(f"explained is {charts.explained_as(activation)}")
    wrapped = textwrap.wrap(found.note, _LONGEST_LINE)
    return alt.TitleParams(
        text=[*textwrap.wrap("; ".join(lines), _LONGEST_LINE), *wrapped],
        anchor="start",
        fontSize=12,
        fontWeight="normal",
        color=charts.MUTED_TEXT,
        offset=8,
    )


def _picture(
    found: attribution.Attribution, activation: Activation, options: InputAttributionOptions
) -> alt.TopLevelMixin:
    if found.given.ndim == 4:
        return _over_slices(found)
    if found.given.ndim == 3:
        values = found.by_part
        return overlays.image(values, found.given, _scale(values, found), value_title="Attribution")
    if found.given.ndim == 2:
        return _over_time(found, activation, options)
    values = np.atleast_1d(found.values)  # of a sample that is one number there is no axis
    along = charts.steps_of_input(activation.context, found.entry.removeprefix("input:"), len(values))
    if along.ruler is not None:
        return _over_waves(values, found, along)
    return _per_feature(values, found, _feature_names(found, activation))


def _scale(values: np.ndarray, found: attribution.Attribution) -> charts.ColourScale:
    return charts.colour_scale(values, "blueorange" if found.is_signed else "magma")


def _over_slices(found: attribution.Attribution) -> alt.TopLevelMixin:
    values = found.by_part
    scale = _scale(values, found)
    return overlays.slices(values, found.given, scale, axis=found.slice_axis, value_title="Attribution")


def _feature_names(found: attribution.Attribution, activation: Activation) -> tuple[str, ...]:
    """Return the names of the input's last axis; empty where there are none, or too many to be read."""
    names = activation.context.feature_names.get(found.entry.removeprefix("input:"), ())
    return names if len(names) == np.atleast_1d(found.given).shape[-1] <= _MOST_NAMES else ()


def _over_time(
    found: attribution.Attribution, activation: Activation, options: InputAttributionOptions
) -> alt.TopLevelMixin:
    values = found.values
    steps = values if values.ndim == 1 else values.sum(axis=-1)  # (time, feature) -> (time,)
    is_text = not found.entry.startswith("input:")
    text = overlays.text_at(activation, options.sample, len(steps)) if is_text else None
    if text is not None:
        return overlays.words(steps, *text, is_signed=found.is_signed, value_title="Attribution")
    name = found.entry.removeprefix("input:")
    along = charts.steps_of_input(activation.context, "" if is_text else name, len(steps))
    if along.ruler is not None and (found.given.ndim < 2 or found.given.shape[-1] <= _MOST_WAVES):
        return _over_waves(steps, found, along)
    at = np.arange(len(steps))
    frame = pd.DataFrame({"time": at, "value": steps.astype(np.float64), "start": at - 0.42, "end": at + 0.42})
    bars = overlays.step_bars(frame, "Timestep", "Attribution")
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


def _over_waves(steps: np.ndarray, found: attribution.Attribution, along: charts.StepAxis) -> alt.TopLevelMixin:
    """Draw a waveform, and under it how much each moment of it counts."""
    waves = found.given.reshape(len(steps), -1)
    return overlays.series(steps, waves, is_signed=found.is_signed, value_title="Attribution", steps=along)


def _per_feature(values: np.ndarray, found: attribution.Attribution, names: tuple[str, ...]) -> alt.TopLevelMixin:
    if names:
        return _per_named_feature(values, found, names)
    kept = charts.thin(values, buckets=_MOST_STEPS // 2)
    frame = pd.DataFrame(
        {
            "feature": kept,
            "value": values[kept].astype(np.float64),
            "start": kept - 0.42,
            "end": kept + 0.42,
            "input": found.given.reshape(-1)[kept].astype(np.float64),
        }
    )
    return overlays.step_bars(frame, "Feature", "Attribution")


def _per_named_feature(values: np.ndarray, found: attribution.Attribution, names: tuple[str, ...]) -> alt.LayerChart:
    return _named_bars(values, found.given.reshape(-1), names, is_signed=found.is_signed)


def _named_bars(values: np.ndarray, given: np.ndarray, names: Sequence[str], *, is_signed: bool) -> alt.LayerChart:
    values = values.astype(np.float64)
    frame = pd.DataFrame(
        {
            "feature": list(names),
            "place": range(len(names)),
            "value": values,
            "input": given.astype(np.float64),
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
            alt.X("value:Q", title=_attribution_title(is_signed)),
            color=overlays.sign_colour(),
            tooltip=[
                "feature:N",
                alt.Tooltip("value:Q", title="attribution", format=".4~g"),
                alt.Tooltip("input:Q", format=".4~g"),
            ],
        )
    )
    return alt.LayerChart(layer=[bars], height=alt.Step(_TOKEN_HEIGHT))


def _attribution_title(is_signed: bool) -> str:
    return "Attribution: for it (right), against it (left)" if is_signed else "Attribution"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [InputAttribution()]
