"""What a unit is good for: what changes when it is switched off."""

from typing import Annotated, Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    ClassIndex,
    Extractor,
    Handles,
    LayerDataset,
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

_SHOWN = 10
_BATCH = 16
_MOST_UNITS = 256
_BEFORE, _AFTER = "as it is", "without it"
_COLOURS = alt.Scale(domain=[_BEFORE, _AFTER], range=["#8f94a3", "#e8932f"])


class UnitAblationOptions(Options):
    """Which unit is switched off, and how."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Switched off. Automatic: the one that the answer needs the most."
    )
    target_class: ClassIndex | None = Field(
        None, title="Class", description="What the units are needed for. Automatic: the class that the model answers."
    )
    versus: Annotated[int | None, NoneTitle("none")] = Field(
        None, ge=0, title="Versus class", description="What the class has more than this one, by its number."
    )
    speaks: Literal["for it", "against it"] = Field(
        "for it", title="Explained", description="What is needed for the class, or for anything but it."
    )
    position: Annotated[int | None, ActsFromRank(3, of_answer=True, to=3)] = Field(
        None,
        ge=0,
        title="Position",
        description="One step, token or box of an answer that has several, not their mean.",
    )
    region: Annotated[Region, ActsFromRank(4, of_answer=True, to=4)] = Field(
        None, title="Region", description="Part of the answer's places, instead of their mean: drag over its picture."
    )
    to: Literal["zero", "its mean"] = Field(
        "zero", title="Fixed to", description="Zero, or the unit's mean over the samples: nothing unusual, but no news."
    )
    all_samples: bool = Field(
        False, title="All samples", description="Runs all samples without the unit, and says which answers change."
    )


def _can_be_ablated(activation: Activation) -> str:
    return without_units(activation) or ("" if "float" in activation.dtype else "takes layers that answer real numbers")


class UnitAblation(Visualizer):
    """What changes in the answer and in later layers when a unit is switched off. Click a bar for that unit."""

    name = "unit-ablation"
    title = "Ablation"
    group = "explain"
    handles = Handles(dtypes=("number",), parts=("output",), when=_can_be_ablated)
    Options = UnitAblationOptions
    on_unit_card = 2
    how_to_read = (
        "Above, the answer with and without the unit. The bars of later layers say how far each one's answer moves: "
        "where they shrink, what the unit tells is lost or made up for. Below, each unit is switched off alone: a long "
        "bar to the right is a unit that the answer needs, to the left one that stands in its way."
    )
    limitations = (
        "One unit at a time: two that do the same make up for each other, and neither looks needed. Zero may be "
        "something that the layers behind have never seen; the mean is gentler. What holds for this sample may not "
        "hold for others."
    )

    def chart(
        self,
        activation: Activation,
        options: UnitAblationOptions,
        dataset: LayerDataset,
        progress: ProgressReport,
        extractor: Extractor | None = None,
        activations: Any = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the answer, the later layers, all units, and all samples if that was asked for."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or activations is None or reason:
            return Refusal(reason or "The other layers of the pass are not there.")
        if "axis1" in activation.layer.axis_names:
            return Refusal(
                "This layer answers each sample in pieces, such as windows, that stand beside the samples inside the "
                "model: a unit cannot be switched off here. Choose a layer before or after them."
            )
        named = activation.context.inputs_of(options.sample)
        # (sample, *places, unit) -> (unit, sample, *places)
        means = charts.map_statistics(np.moveaxis(activation.values, -1, 0)).mean
        fixed = means if options.to == "its mean" else np.zeros_like(means)
        answer, best = attribution.explained_answer(
            extractor, activations, named, options.sample, unit=options.target_class
        )
        target = attribution.target_at(
            answer,
            best,
            versus=options.versus,
            position=options.position,
            region=options.region,
            against=options.speaks == "against it",
        )
        falls = attribution.importance_of_units(
            extractor, named, target, activation.key, fixed, most=_MOST_UNITS, progress=progress
        )
        unit = int(np.nan_to_num(falls).argmax()) if options.unit is None else min(options.unit, len(falls) - 1)
        found = attribution.ablate(extractor, named, activation.key, unit, float(fixed[unit]))
        name = charts.unit_name(activation, unit)
        how = "off" if options.to == "zero" else f"fixed to {fixed[unit]:.3g}"
        switched = "switched off" if options.to == "zero" else "fixed to its mean"
        pictures: dict[str, alt.TopLevelMixin] = {
            f"The answer with {name} {how}: {charts.sample_name(activation, options.sample)}": _answers(
                found, answer, target
            )
        }
        if found.changed:
            pictures["Change of later layers"] = _later(found)
        pictures[f"Drop of {attribution.target_name(answer, target)} per unit {switched}"] = _all_units(
            falls, unit, charts.explained_as(answer), activation.axes[-1]
        )
        pictures |= overlays.answer_to_drag(answer, options.sample, target, "ask about a region")
        if options.all_samples:
            caption, chart = _all_samples(extractor, dataset, activation, unit, float(fixed[unit]), progress)
            pictures[caption] = chart
        return pictures


def _answers(found: attribution.Ablation, answer: Activation, target: attribution.Target) -> alt.Chart:
    # Of an answer in many places, such as a segmentation, each unit is compared by its mean over those asked about.
    is_answer = answer.shape[1:] == found.before.shape[1:]
    part = tuple(slice(*ends) for ends in target.ranges) if is_answer else ()
    before, after = (each[0][part].reshape(-1, each.shape[-1]).mean(axis=0) for each in (found.before, found.after))
    largest = np.maximum(np.abs(np.nan_to_num(before)), np.abs(np.nan_to_num(after)))
    kept = np.sort(np.argsort(-largest, kind="stable")[:_SHOWN])
    is_answer = answer.shape[-1] == len(before)
    names = [charts.unit_name(answer, int(number)) if is_answer else f"output {number}" for number in kept]
    places = "the places asked about" if part else "all places"
    title = "Answer" if found.before.ndim <= 2 else f"Answer, mean over {places}"
    frame = pd.DataFrame(
        {
            "name": names * 2,
            "place": list(range(len(kept))) * 2,
            "value": np.concatenate([before[kept], after[kept]]),
            "unit is": [_BEFORE] * len(kept) + [_AFTER] * len(kept),
        }
    )
    return (
        alt.Chart(frame)
        .mark_bar(height=9)
        .encode(
            alt.Y("name:N", sort=charts.row_order("place"), title=None, axis=charts.name_axis()),
            alt.YOffset("unit is:N", sort=[_BEFORE, _AFTER]),
            alt.X("value:Q", title=title),
            alt.Color("unit is:N", scale=_COLOURS, legend=alt.Legend(orient="top", title=None)),
            tooltip=["name:N", "unit is:N", alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=alt.Step(12))
    )


def _later(found: attribution.Ablation) -> alt.Chart:
    frame = pd.DataFrame({"layer": list(found.changed), "moved": list(found.changed.values())})
    frame["number"] = range(len(frame))
    return (
        alt.Chart(frame)
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            alt.Y("layer:N", sort=charts.row_order("number"), title=None, axis=charts.name_axis()),
            alt.X("moved:Q", title="Change of the layer's output (relative)", axis=alt.Axis(format="%")),
            tooltip=["layer:N", alt.Tooltip("moved:Q", format=".2%")],
        )
        .properties(height=alt.Step(18))
    )


def _all_units(falls: np.ndarray, unit: int, explained: str, kind: str) -> alt.Chart:
    ranked = np.argsort(-np.abs(np.nan_to_num(falls)), kind="stable")
    kept = ranked[np.isfinite(falls[ranked])][: 3 * _SHOWN]
    kept = kept if unit in kept or not np.isfinite(falls[unit]) else np.append(kept[:-1], unit)
    kept = kept[np.argsort(-np.nan_to_num(falls)[kept], kind="stable")]
    title = f"Drop of {explained}" if explained else "Drop"
    return charts.unit_bars(kept, falls[kept], unit, title=title, kind=kind)


def _all_samples(
    extractor: Extractor,
    dataset: LayerDataset,
    activation: Activation,
    unit: int,
    value: float,
    progress: ProgressReport,
) -> tuple[str, alt.TopLevelMixin]:
    count = dataset.sample_count
    before, after = [], []
    for start in range(0, count, _BATCH):
        inputs = dataset.inputs(range(start, min(start + _BATCH, count)))
        before.append(attribution.answers(extractor, inputs))
        after.append(attribution.answers_without(extractor, inputs, activation.key, unit, value))
        progress(min(start + _BATCH, count) / count, f"{min(start + _BATCH, count):,} of {count:,} samples")
    answers = np.concatenate(before), np.concatenate(after)
    first, second = (dataset.answered_classes(each) for each in answers)
    if first is None or second is None:
        return _moved(*answers)
    changed = float((first != second).mean())
    caption = f"All {count:,} samples: {charts.percent(changed)} get another answer without it"
    labels = dataset.labels
    judged = np.zeros(count, bool) if labels is None else labels >= 0
    if labels is None or not judged.any():
        rows = pd.DataFrame({"class": dataset.classes_named(first), "part": _AFTER, "share": first == second})
        title = "Share still answered as before"
    else:
        right = ((first == labels)[judged], (second == labels)[judged])
        shares = [charts.percent(float(each.mean())) for each in right]
        caption = f"{caption}; correct {shares[0]} before, {shares[1]} after"
        rows = pd.concat(
            pd.DataFrame({"class": dataset.classes_named(labels[judged]), "part": part, "share": each})
            for part, each in zip((_BEFORE, _AFTER), right, strict=True)
        )
        title = "Share of correct answers"
    frame = rows.groupby(["class", "part"], as_index=False)["share"].mean()
    return caption, (
        alt.Chart(frame)
        .mark_bar(height=9)
        .encode(
            alt.Y("class:N", title="Class", axis=charts.name_axis()),
            alt.YOffset("part:N", sort=[_BEFORE, _AFTER]),
            alt.X("share:Q", title=title, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            alt.Color("part:N", scale=_COLOURS, legend=alt.Legend(orient="top", title=None)),
            tooltip=["class:N", "part:N", alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=alt.Step(12))
    )


def _moved(before: np.ndarray, after: np.ndarray) -> tuple[str, alt.TopLevelMixin]:
    """Draw how far the answer to each sample moves, where it is no class."""
    moved = np.linalg.norm((after - before).reshape(len(before), -1).astype(np.float64), axis=1)
    caption = f"All {len(before):,} samples: the answer moves by {np.nanmean(moved):.3g} in the mean without it"
    chart = (
        alt.Chart(charts.histogram(moved, 20))
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            alt.X("start:Q", title="The answer moves by", bin="binned"),
            alt.X2("end:Q"),
            alt.Y("count:Q", title="Samples"),
            tooltip=[alt.Tooltip("start:Q", format=".4~g"), alt.Tooltip("end:Q", format=".4~g"), "count:Q"],
        )
        .properties(height=160)
    )
    return caption, chart


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitAblation()]
