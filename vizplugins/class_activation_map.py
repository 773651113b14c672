"""Which places of a convolution's answer speak for a class, or for a unit of a later layer."""

from typing import Annotated, Any

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    ActsWhen,
    ClassIndex,
    Extractor,
    Handles,
    LayerKey,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    Visualizer,
    attribution,
    charts,
    gallery,
    hookimpl,
)

_CHANNELS = 128
_SIDE = 240


class ClassActivationMapOptions(Options):
    """What the places speak for, and how the channels are weighed."""

    sample: SampleIndex = 0
    method: attribution.CamMethod = Field("Grad-CAM", title="Method")
    target_class: Annotated[ClassIndex | None, ActsWhen("explained", None)] = Field(
        None, title="Class", description="What the places speak for. Automatic: the class that the model answers."
    )
    explained: LayerKey | None = Field(
        None, title="Explained layer", description="Automatic: the model's answer. Any layer that comes after this one."
    )
    explained_unit: Annotated[int | None, ActsWhen("explained")] = Field(
        None, ge=0, title="Unit of the explained layer", description="Automatic: the one that answers the most."
    )
    check: bool = Field(
        False,
        title="Sanity check (shuffle weights)",
        description="Repeats the picture with the model's weights shuffled: one that does not change then shows the "
        "input, not the model (Adebayo et al. 2018).",
    )


def _has_places(activation: Activation) -> str:
    return "" if min(activation.shape[1:3]) > 1 else "takes maps of more than one pixel"


class ClassActivationMap(Visualizer):
    """Which places of this layer's maps speak for a class, or for a unit of a layer further on."""

    name = "class-activation-map"
    title = "Class activation map"
    group = "explain"
    handles = Handles(
        axes=("sample", "height", "width", "channel"), dtypes=("number",), parts=("output",), when=_has_places
    )
    Options = ClassActivationMapOptions
    how_to_read = (
        "Bright places speak for the class. The last convolution knows best what is where; earlier ones give finer "
        "maps of simpler things. Grad-CAM weighs each channel by its mean gradient, Grad-CAM++ by where the gradient "
        "is positive, Score-CAM by how much of the class is left when only what the channel sees is shown."
    )
    limitations = (
        "Only what speaks for the class is drawn, not what speaks against it. The map is as coarse as the layer and is "
        "stretched over the image. Grad-CAM trusts gradients, which vanish where an answer is saturated; Score-CAM "
        f"needs a pass per channel and takes the {_CHANNELS} that vary the most."
    )

    def chart(
        self,
        activation: Activation,
        options: ClassActivationMapOptions,
        progress: ProgressReport,
        extractor: Extractor | None = None,
        activations: Any = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the map over the image, and the same with shuffled weights if that was asked for."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or activations is None or reason:
            return Refusal(reason or "The other layers of the pass are not there.")
        explained = options.explained or activations.layers[-1].key
        named = {name: array[options.sample : options.sample + 1] for name, array in activation.context.inputs.items()}
        images = gallery.images_of(activation.context.drawable)
        image = None if images is None else images[options.sample]
        unit, name = _explained(extractor, activations, explained, named, options)
        specs = activation.context.specs
        more: dict[str, Any] = {"most_channels": _CHANNELS, "progress": progress, "specs": specs}
        target = attribution.Target(explained, unit)
        try:
            found = attribution.class_activation_map(extractor, named, target, activation.key, options.method, **more)
            caption = f"{options.method} for {name}: {charts.sample_name(activation, options.sample)}"
            pictures: dict[str, alt.TopLevelMixin] = {caption: _over(found, image)}
            if options.check:
                seed = attribution.SHUFFLE_SEED
                other = attribution.class_activation_map(
                    extractor, named, target, activation.key, options.method, shuffled=seed, **more
                )
                verdict = attribution.verdict(attribution.likeness(found, other))
                pictures[f"With shuffled weights {verdict}"] = _over(other, image)
        except attribution.NoGradient as error:
            return Refusal(str(error))
        return pictures


def _explained(
    extractor: Extractor,
    activations: Any,
    explained: str,
    named: dict[str, np.ndarray],
    options: ClassActivationMapOptions,
) -> tuple[int, str]:
    answer = activations.get(explained) or extractor.extract(named, layers=[explained])[explained]
    chosen = options.target_class if options.explained is None else options.explained_unit
    unit = charts.shown_unit(answer, options.sample if answer.shape[0] > 1 else 0, chosen)
    return unit, charts.unit_name(answer, unit)


def _over(values: np.ndarray, image: np.ndarray | None) -> alt.TopLevelMixin:
    scale = charts.ColourScale(0.0, float(values.max()) or 1.0, "magma")
    large = gallery.large_map(values, scale, title="Map", legend=True, value_title="Speaks for it", side=_SIDE)
    if image is None:
        return large
    plain, over = gallery.overlay(values, image, scale, side=_SIDE)
    return alt.HConcatChart(hconcat=[plain, over, large], spacing=20)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ClassActivationMap()]
