"""How much of the input one place of a layer can see, measured by where the gradient reaches."""

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Extractor,
    Handles,
    Options,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    attribution,
    charts,
    gallery,
    hookimpl,
    without_units,
)

_SIDE = 260
_MOST_STEPS = 400


class ReceptiveFieldOptions(Options):
    """Which unit, and which place of it."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Automatic: the one that answers the most.")
    place: Literal["where it answers the most", "the center"] = Field("where it answers the most", title="Place")


def _has_places(activation: Activation) -> str:
    has_places = activation.rank in (3, 4)
    return without_units(activation) or ("" if has_places else "takes layers that answer at places or timesteps")


class ReceptiveField(Visualizer):
    """What of the input one place of the layer can see, over the sample, and how much each part of it counts."""

    name = "receptive-field"
    title = "Receptive field"
    group = "units"
    handles = Handles(dtypes=("number",), parts=("output",), when=_has_places)
    Options = ReceptiveFieldOptions
    priority = -2
    on_unit_card = 2
    how_to_read = (
        "The frame holds all that changed the answer at this one place. Inside, bright parts change it most: the "
        "middle counts more than the border, so that the field in use is smaller (Luo et al. 2016). A layer whose "
        "field is smaller than what is to be told apart cannot see it whole."
    )
    limitations = (
        f"Measured by the gradient over {attribution.FIELD_COPIES} noisy copies of the sample: what only other inputs "
        "open, as behind a "
        "maximum or a ReLU that is always silent, is not in it. Through attention or a pooling over everything it is "
        "the whole input."
    )

    def chart(
        self, activation: Activation, options: ReceptiveFieldOptions, extractor: Extractor | None = None
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the input with the frame, and the strength of the gradient."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or reason:
            return Refusal(reason or "The model is not there.")
        unit = charts.shown_unit(activation, options.sample, options.unit)
        maps = activation.sample(options.sample).values[..., unit]
        center = tuple(extent // 2 for extent in maps.shape)
        place = center if options.place == "the center" else attribution.strongest_place(maps)
        named = activation.context.inputs_of(options.sample)
        specs = activation.context.specs
        try:
            here, middle = (
                attribution.receptive_field(extractor, named, activation.key, unit, each, specs)
                for each in (place, center)
            )
        except attribution.NoGradient as error:
            return Refusal(str(error))
        pictures: dict[str, alt.TopLevelMixin] = {}
        size_in_the_middle = {field.reach.entry: field.size for field in middle}
        for field in here:
            name = field.reach.entry.removeprefix("input:")
            caption = (
                f"{charts.unit_name(activation, unit)} at {_place_in_words(place)} sees "
                f"{charts.format_shape(field.size)} of the {charts.format_shape(field.reach.by_part.shape)} of {name}"
            )
            of_middle = size_in_the_middle.get(field.reach.entry, field.size)
            # What the middle sees more lies beyond the border here.
            if any(own < other for own, other in zip(field.size, of_middle, strict=True)):
                caption += f"; in the middle {charts.format_shape(of_middle)}: the rest is padding here"
            pictures[caption[0].upper() + caption[1:]] = _picture(activation, field)
        if not pictures:
            return Refusal("No input has a gradient at this place: the layer answers the same whatever comes in.")
        return pictures


def _place_in_words(place: tuple[int, ...]) -> str:
    if len(place) == 1:
        return f"position {place[0]:,}"
    return f"row {place[0]:,}, column {place[1]:,}"


def _picture(activation: Activation, field: attribution.ReceptiveField) -> alt.TopLevelMixin:
    values, sample = field.reach.by_part, field.reach.given
    scale = charts.colour_scale(values, "magma")
    if values.ndim == 2 and sample.ndim == 3:
        (top, bottom), (left, right) = field.ends
        height, width = values.shape
        ends = {"left": left / width, "right": right / width, "top": top / height, "bottom": bottom / height}
        around = alt.Chart(pd.DataFrame([ends])).mark_rect(fillOpacity=0, stroke=charts.CHOSEN_COLOUR, strokeWidth=2)
        marks = around.encode(**charts.picture_place("left", "top"), x2="right:Q", y2="bottom:Q")
        side = round(_SIDE * min(1.0, height / width))
        plain = charts.over_picture(charts.picture_values(sample), side, [marks])
        large = gallery.large_map(values, scale, title="Strength", legend=True, value_title="Gradient", side=_SIDE)
        return alt.HConcatChart(hconcat=[plain, large], spacing=20)
    if values.ndim == 1:
        return _over_steps(activation, field)
    flat = values.reshape(len(values), -1)
    return charts.heatmap(flat, row="position", column="feature", scale=scale, value_title="Gradient")


def _over_steps(activation: Activation, field: attribution.ReceptiveField) -> alt.LayerChart:
    values = field.reach.by_part
    steps = charts.steps_of_input(activation.context, field.reach.entry.removeprefix("input:"), len(values), "Position")
    kept = charts.thin(values, _MOST_STEPS)
    across = alt.X("time:Q", title=steps.title, scale=charts.positions_scale(len(values)), axis=steps.axis())
    bars = (
        alt.Chart(steps.with_seconds(pd.DataFrame({"time": kept, "gradient": values[kept].astype(np.float64)})))
        .mark_bar(color=charts.MARK_COLOUR)
        .encode(
            across,
            alt.Y("gradient:Q", title="Gradient", axis=charts.quantity_axis()),
            tooltip=[
                alt.Tooltip("time:Q", title="position"),
                *steps.tooltip,
                alt.Tooltip("gradient:Q", format=".4~g"),
            ],
        )
    )
    ((first, stop),) = field.ends
    rules = alt.Chart(pd.DataFrame({"time": [first - 0.5, stop - 0.5]}))
    rules = rules.mark_rule(color=charts.CHOSEN_COLOUR, strokeWidth=2).encode(alt.X("time:Q"))
    return alt.LayerChart(layer=[bars, rules], height=180)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ReceptiveField()]
