"""Where one unit answers, over the input itself."""

import altair as alt
import numpy as np
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
    hookimpl,
    overlays,
    without_units,
)

_FEWEST_AXES = 3


class UnitMapOptions(Options):
    """Which unit of which sample."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Automatic: the one that answers the most.")


def _has_places(activation: Activation) -> str:
    has_places = activation.rank >= _FEWEST_AXES
    return without_units(activation) or ("" if has_places else "takes layers that answer at places or timesteps")


class UnitMap(Visualizer):
    """Where one unit answers, drawn over the input: pixels, words, timesteps, frames or slices."""

    name = "unit-map"
    title = "Where it answers"
    group = "units"
    handles = Handles(dtypes=("number",), parts=("output",), when=_has_places)
    Options = UnitMapOptions
    priority = -2
    on_unit_card = 1
    how_to_read = (
        "Bright places are where the unit answers to this sample. Where it can be less than zero, orange is above and "
        "blue below. Beside the samples that it answers to the most it shows what the unit may be looking for."
    )
    limitations = (
        "Each place of the layer is drawn over the part of the input in its middle; what it sees is larger, see "
        "Receptive field. Padding of a text is left out."
    )

    def chart(
        self, activation: Activation, options: UnitMapOptions, extractor: Extractor | None = None
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the unit's answers over every input that they lie over."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or reason:
            return Refusal(reason or "The model is not there.")
        unit = charts.shown_unit(activation, options.sample, options.unit)
        answer = activation.sample(options.sample)
        values = answer.values[..., unit].astype(np.float32)
        if answer.shown.shape == values.shape:
            values = np.where(answer.shown, values, np.nan)  # nothing is answered at padding
        values = np.where(np.isfinite(values), values, np.nan)
        if not np.isfinite(values).any():
            return Refusal("The unit answers no finite number to this sample.")
        named = activation.context.inputs_of(options.sample)
        shape = activation.shape[1:]
        all_places = attribution.map_places(extractor, named, activation.key, shape, activation.context.specs)
        is_signed = bool(np.nanmin(values) < 0)
        ends = [charts.number_text(float(end)) for end in (np.nanmin(values), np.nanmax(values))]
        caption = f"{charts.unit_name(activation, unit)}: {ends[0]} to {ends[1]}"
        return {
            _over(caption, places.input, len(all_places)): overlays.at_places(
                values, places, activation, options.sample, value_title="Activation", is_signed=is_signed
            )
            for places in all_places
        }


def _over(caption: str, name: str, inputs: int) -> str:
    caption = caption[0].upper() + caption[1:]
    return f"{caption}, over {name}" if inputs > 1 else caption


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitMap()]
