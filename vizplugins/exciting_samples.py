"""Which samples a unit or channel answers to the most and the least, and to which part of them."""

from collections.abc import Sequence
from typing import Annotated, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    Handles,
    LayerDataset,
    Missing,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    charts,
    gallery,
    hookimpl,
    raster,
    sample_pictures,
    unit_statistics,
    without_units,
)

_SHOWN = 8
_FEWEST = 3
_BUCKETS = 60
_MOST_TICKS = 2_000
_LEGEND_COLUMNS = 4
_TILE = 84


class ExcitingSamplesOptions(Options):
    """Which unit or channel, and what of its answer counts."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Automatic: the one that answers the most to the sample that is open."
    )
    by: Annotated[Literal["maximum", "mean"], ActsFromRank(3)] = Field(
        "maximum", title="Over positions", description="The largest value at any place or timestep, or the mean of all."
    )


def _has_units(activation: Activation) -> str | Missing:
    few = "" if activation.shape[0] >= _FEWEST else Missing(f"at least {_FEWEST} samples")
    return without_units(activation) or few


class ExcitingSamples(Visualizer):
    """The samples that a unit answers to the most and the least, and where in them. Click one to open it."""

    name = "exciting-samples"
    title = "Top samples"
    group = "units"
    handles = Handles(dtypes=("number",), parts=("output",), when=_has_units)
    Options = ExcitingSamplesOptions
    on_unit_card = 3
    how_to_read = (
        "Look for what the samples that the unit answers to have in common, and what those that leave it cold lack. On "
        "images, bright places are where it answers. Below, a tick is a sample and a diamond the mean of a class: a "
        "unit that answers far more to one class than to the others is selective for it."
    )
    limitations = (
        "Only the samples that are open are searched, all of them: a unit may answer much more to something that is "
        "not among them. "
        "Selectivity compares the class with the largest mean with all others, 1 is only this class (Morcos et al. "
        "2018); with few samples a class it says little, and a unit can take part in telling classes apart without "
        "being selective for one."
    )

    def chart(
        self,
        activation: Activation,
        options: ExcitingSamplesOptions,
        dataset: LayerDataset,
        progress: ProgressReport,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the most, the least, and how all samples are spread."""
        unit = charts.shown_unit(activation, options.sample, options.unit)
        features = dataset.features(options.by, progress)
        scores = features[:, unit].astype(np.float64)
        ranked = np.flatnonzero(np.isfinite(scores))
        if len(ranked) < _FEWEST:
            return Refusal("Fewer than three samples have an answer that is a finite number.")
        ranked = ranked[np.argsort(-scores[ranked], kind="stable")]
        is_open = np.arange(len(scores)) == dataset.number_of(options.sample)
        frame = dataset.table().assign(answer=scores, open=is_open)
        count = min(_SHOWN, len(ranked) // 2) or 1
        name = charts.unit_name(activation, unit)
        strongest, weakest = ranked[:count], ranked[::-1][:count]
        answers = [dataset.activation(chosen.tolist()) for chosen in (strongest, weakest)]
        if {answer.shape[-1] for answer in answers} != {activation.shape[-1]}:
            return Refusal("How many numbers this layer answers depends on the samples beside: it has no units.")
        told = _weak_answer(scores[ranked], charts.finite_range(features)) or _selectivity(frame.iloc[ranked])
        # Of answers below zero the lowest may be the strongest.
        first, last = (
            ("Highest answers of", "Lowest") if scores[weakest[0]] < 0 else ("Strongest samples for", "Weakest")
        )
        return {
            f"{first} {name}{_all_alike(scores[strongest])}": _samples(dataset, unit, frame, answers[0], strongest),
            f"{last}{_all_alike(scores[weakest])}": _samples(dataset, unit, frame, answers[1], weakest),
            f"All {len(ranked):,} samples: {told}": _spread(frame.iloc[ranked]),
        }


def _all_alike(answers: np.ndarray) -> str:
    alike = len(answers) > 1 and np.ptp(answers) == 0
    return f": all {len(answers)} answer {charts.number_text(answers[0])}" if alike else ""


def _weak_answer(scores: np.ndarray, layer_range: tuple[float, float] | None) -> str:
    """Return that a unit hardly answers to any sample, beside the other units of its layer; empty if it does."""
    if layer_range is None:
        return ""
    own, of_layer = float(np.ptp(scores)), float(layer_range[1] - layer_range[0])
    if own == 0:
        return f"the same answer to all, {charts.number_text(scores[0])}"
    if own >= unit_statistics.LEAST_RANGE * of_layer:
        return ""
    return (
        f"it hardly answers: its range is {charts.number_text(own)}, that of the layer {charts.number_text(of_layer)}"
    )


def _samples(
    dataset: LayerDataset, unit: int, frame: pd.DataFrame, answers: Activation, chosen: np.ndarray
) -> alt.TopLevelMixin:
    names = [dataset.short_name(int(position)) for position in chosen]
    rows = frame.iloc[chosen].assign(name=names, place=range(len(names)))
    rows["shown name"] = [
        f"{charts.number_text(answer)} · {name}" for name, answer in zip(names, rows["answer"], strict=True)
    ]
    values = answers.values[..., unit].astype(np.float64)  # (chosen, *places)
    shown = charts.shown_steps(answers) if values.ndim == 2 else answers.shown
    values = np.where(shown, values, np.nan) if values.ndim > 1 else values
    tooltip = [
        alt.Tooltip("sample:Q"),
        alt.Tooltip("class:N"),
        alt.Tooltip("answer:Q", format=".4~g"),
    ]
    inputs = dataset.drawable(chosen.tolist())
    images = gallery.images_of(inputs)
    if images is not None and values.ndim in (1, 3):
        small = gallery.thumbnails(images)
        if values.ndim == 3:
            scale = charts.colour_scale(values[np.isfinite(values)], "viridis")
            small = [
                gallery.laid_over(np.nan_to_num(each), pixels, scale)
                for each, pixels in zip(values, small, strict=True)
            ]
        urls = [charts.picture_url(each) for each in small]
        return gallery.strip(rows.assign(image=urls, name=rows["shown name"]), tooltip=tooltip, side=_TILE)
    if values.ndim == 1:
        pictured = sample_pictures.with_pictures(rows.assign(name=rows["shown name"]), inputs)
        if "image" in pictured:
            return gallery.strip(pictured, tooltip=tooltip, side=_TILE)
        if "text" in pictured:
            return sample_pictures.listed(pictured, tooltip=tooltip)
    if values.ndim == 2 and values.shape[1] > 1:
        return _over_time(
            values, rows, sorted(frame["class"].unique()), dataset.group_names, tooltip, charts.steps_of(answers)
        )
    if np.ptp(rows["answer"]) == 0:
        # Bars of one length, or of none, show nothing beside their names.
        return sample_pictures.listed(rows, tooltip=tooltip)
    clicked = charts.clicked("sample")
    bars = alt.Chart(rows).mark_bar(cursor="pointer", color=charts.MARK_COLOUR)
    return (
        bars.encode(
            alt.X("answer:Q", title="Activation"),
            alt.Y("name:N", sort=charts.row_order("place"), title="Sample", axis=charts.name_axis()),
            tooltip=tooltip,
        )
        .add_params(clicked)
        .properties(height=alt.Step(18))
    )


def _over_time(
    values: np.ndarray,
    rows: pd.DataFrame,
    classes: list[str],
    class_names: Sequence[str],
    tooltip: list[alt.Tooltip],
    steps: charts.StepAxis,
) -> alt.LayerChart:
    parts = []
    for position, (_, row) in enumerate(rows.iterrows()):
        kept = charts.thin(values[position], buckets=_BUCKETS)
        kept = kept[np.isfinite(values[position, kept])]  # padding is NaN here
        parts.append(pd.DataFrame({**row.to_dict(), "time": kept, "value": values[position, kept]}))
    frame = steps.with_seconds(pd.concat(parts))
    finite = values[np.isfinite(values)]
    height = alt.Scale(domain=[float(finite.min()), float(finite.max())], nice=True)
    clicked = charts.clicked("sample")
    seen = sorted(rows["class"].unique())
    under = alt.Legend(orient="bottom", columns=_LEGEND_COLUMNS, values=seen, labelLimit=180)
    palette = raster.class_palette(classes, class_names)
    colours = alt.Scale(domain=list(palette), range=list(palette.values()))
    colour = alt.Color("class:N", title="Class", scale=colours, legend=under if len(seen) > 1 else None)
    base = alt.Chart(frame).encode(
        alt.X("time:Q", title=steps.title, axis=steps.axis()),
        alt.Y("value:Q", title="Activation", scale=height),
        color=colour,
        detail="sample:N",
        tooltip=[*tooltip, alt.Tooltip("time:Q", title="timestep"), *steps.tooltip],
    )
    dots = base.mark_circle(size=26, opacity=0.8, cursor="pointer").add_params(clicked)
    return alt.LayerChart(layer=[base.mark_line(strokeWidth=1.5, opacity=0.7), dots], height=170)


def _selectivity(frame: pd.DataFrame) -> str:
    classes = frame["class"].where(frame["class"] != charts.NOT_KNOWN, "")
    found = unit_statistics.selectivity(frame["answer"].to_numpy(), classes.tolist())
    if found is None:
        return "their classes are not known"
    if found.index is not None:
        return f"the most for {found.best}, selectivity {found.index:.2f} of 1"
    if not np.isfinite(found.mean):
        return f"the most for {found.best}"
    # The index is made for answers that are not negative, as those behind a ReLU are.
    if found.mean_of_others < 0 or found.mean <= 0 or found.active_count >= unit_statistics.LEAST_ACTIVE:
        means = charts.number_text(found.mean), charts.number_text(found.mean_of_others)
        return f"the most for {found.best}, {means[0]} in the mean, {means[1]} for all others"
    are = f"{found.active_count} {'is' if found.active_count == 1 else 'are'} active"
    return f"the most for {found.best}, of which {are}: too few to be selective"


def _spread(frame: pd.DataFrame) -> alt.LayerChart:
    by_class = alt.Y(
        "class:N", title=None if (frame["class"] == charts.NOT_KNOWN).all() else "Class", axis=charts.name_axis()
    )
    across = alt.X("answer:Q", title="Activation")
    clicked = charts.clicked("sample")
    # So many that those of a class cannot be told apart anyway; the extremes stay.
    shown = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _MOST_TICKS)).astype(int))]
    ticks = (
        alt.Chart(shown)
        .mark_tick(thickness=2, opacity=0.7, cursor="pointer", color=charts.MARK_COLOUR)
        .encode(across, by_class, tooltip=["sample:Q", "class:N", alt.Tooltip("answer:Q", format=".4~g")])
        .add_params(clicked)
    )
    middle = frame.groupby("class", as_index=False)["answer"].mean()
    means = alt.Chart(middle).mark_point(shape="diamond", filled=True, size=70, color="#e8932f")
    ring = alt.Chart(frame[frame["open"]]).mark_tick(thickness=3, color=charts.CHOSEN_COLOUR).encode(across, by_class)
    layers = [ticks, means.encode(across, by_class), ring]
    return alt.LayerChart(layer=layers, height=alt.Step(22))


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ExcitingSamples()]
