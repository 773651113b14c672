"""Which places of a convolution's answer speak for a class, or for a unit of a later layer."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    ActsWhen,
    ClassIndex,
    Extractor,
    Handles,
    LayerKey,
    NoneTitle,
    Options,
    ProgressReport,
    Refusal,
    Region,
    SampleIndex,
    Visualizer,
    attribution,
    charts,
    hookimpl,
    overlays,
)

_CHANNELS = 128
_NOTHING = {
    "for it": "nothing in this layer speaks for it; choose “against it” to see what does not",
    "against it": "nothing in this layer speaks against it",
}
_NO_CURVES = "; no deletion and insertion: the map lies over no input of real numbers, whose parts could be taken away"


class ClassActivationMapOptions(Options):
    """What the places speak for, and how the channels are weighed."""

    sample: SampleIndex = 0
    method: attribution.CamMethod = Field("Grad-CAM", title="Method")
    target_class: Annotated[ClassIndex | None, ActsWhen("explained", None)] = Field(
        None, title="Class", description="What the places speak for. Automatic: the class that the model answers."
    )
    versus: Annotated[int | None, NoneTitle("none")] = Field(
        None,
        ge=0,
        title="Versus class",
        description="What speaks for the class rather than for this one, by its number.",
    )
    speaks: Literal["for it", "against it"] = Field(
        "for it", title="Explained", description="What speaks for the class, or against it: “not this class”."
    )
    explained: LayerKey | None = Field(
        None, title="Explained layer", description="Automatic: the model's answer. Any layer that comes after this one."
    )
    explained_unit: Annotated[int | None, ActsWhen("explained")] = Field(
        None, ge=0, title="Unit of the explained layer", description="Automatic: the one that answers the most."
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


def _has_places(activation: Activation) -> str:
    if activation.axes[-1] not in ("unit", "channel") or activation.rank < 3:
        return "takes layers that answer maps, sequences or volumes"
    return "" if max(activation.shape[1:-1]) > 1 else "takes maps of more than one place"


class ClassActivationMap(Visualizer):
    """Which places of this layer's answer speak for a class, or for a unit of a layer further on."""

    name = "class-activation-map"
    title = "Class activation map"
    group = "explain"
    handles = Handles(ranks=(3, 4, 5), dtypes=("number",), parts=("output",), when=_has_places)
    Options = ClassActivationMapOptions
    how_to_read = (
        "Bright places speak for the class. The last convolution knows best what is where; earlier ones give finer "
        "maps of simpler things. Grad-CAM weighs each channel by its mean gradient, Grad-CAM++ by where the gradient "
        "is positive, LayerCAM each place by its own positive gradient, which is good for early layers; Score-CAM by "
        "how much of the class is left when only what the channel sees is shown. Volumes and films are shown slice by "
        "slice, sequences along their steps, and the patches of a vision transformer as the grid that they are."
    )
    limitations = (
        "Only what speaks for the class is drawn, or only what speaks against it. The map is as coarse as the layer, "
        "and is stretched over the input. Grad-CAM trusts gradients, which vanish where an answer is saturated; "
        f"Score-CAM needs a pass per channel and takes the {_CHANNELS} that vary the most. Behind the last attention "
        "before a class token the patches have no gradient of their own: choose a layer before that."
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
        named = activation.context.inputs_of(options.sample)
        chosen = options.target_class if options.explained is None else options.explained_unit
        answer, unit = attribution.explained_answer(
            extractor, activations, named, options.sample, layer=options.explained, unit=chosen
        )
        target = attribution.target_at(
            answer,
            unit,
            versus=options.versus,
            position=options.position,
            region=options.region,
            against=options.speaks == "against it",
        )
        specs = activation.context.specs
        more: dict[str, Any] = {"most_channels": _CHANNELS, "progress": progress, "specs": specs}
        drawing = _Drawing(activation, options.sample, _places(extractor, named, activation))
        name = attribution.target_name(answer, target)
        try:
            found = attribution.class_activation_map(extractor, named, target, activation.key, options.method, **more)
            if found.ndim != activation.rank - 2:
                return Refusal(
                    "This layer answers each sample in pieces, such as windows, that stand beside the samples inside "
                    "the model: there is no map of them. Choose a layer before or after them."
                )
            nothing = "" if found.any() else f": {_NOTHING[options.speaks]}"
            has_curves = options.curves and bool(drawing.taken_away)
            missing = _NO_CURVES if options.curves and not has_curves else ""
            caption = f"{options.method} for {name}: {charts.sample_name(activation, options.sample)}{nothing}{missing}"
            pictures = drawing.pictures(caption, found)
            if has_curves:
                pictures |= drawing.curves(extractor, named, target, found)
            if options.check:
                seed = attribution.SHUFFLE_SEED
                other = attribution.class_activation_map(
                    extractor, named, target, activation.key, options.method, shuffled=seed, **more
                )
                verdict = attribution.verdict(attribution.likeness(found, other))
                pictures |= drawing.pictures(f"With shuffled weights {verdict}", other)
        except attribution.NoGradient as error:
            return Refusal(str(error))
        return pictures | overlays.answer_to_drag(answer, options.sample, target, "explain a region")


def _places(
    extractor: Extractor, named: dict[str, np.ndarray], activation: Activation
) -> tuple[attribution.MapPlaces, ...]:
    shape, specs = activation.shape[1:], activation.context.specs
    return attribution.map_places(extractor, named, activation.key, shape, specs or None)


@dataclass(frozen=True)
class _Drawing:
    """The layer whose places a map is of, the sample, and over which inputs they lie."""

    activation: Activation
    sample: int
    places: tuple[attribution.MapPlaces, ...]

    def pictures(self, caption: str, values: np.ndarray) -> dict[str, alt.TopLevelMixin]:
        """Return a picture for each input that the map lies over."""
        return {
            f"{caption}{f' ({each.input})' if self._is_named(each) else ''}": overlays.at_places(
                values, each, self.activation, self.sample, value_title="Speaks for it"
            )
            for each in self.places
        }

    @property
    def taken_away(self) -> tuple[attribution.MapPlaces, ...]:
        """The inputs under the map whose parts can be taken away: those of real numbers."""
        inputs = self.activation.context.inputs
        return tuple(each for each in self.places if each.input and inputs[each.input].dtype.kind == "f")

    def curves(
        self, extractor: Extractor, named: dict[str, np.ndarray], target: attribution.Target, values: np.ndarray
    ) -> dict[str, alt.TopLevelMixin]:
        """Return the curves of taking away what the map says of inputs of real numbers."""
        context = self.activation.context
        importance = {
            f"input:{each.input}": overlays.stretched_over(values, each, context, self.sample)
            for each in self.taken_away
        }
        curves = attribution.removal_curves(extractor, named, target, importance, specs=context.specs or None)
        return {curves.in_words(): overlays.removal_curves(curves)}

    def _is_named(self, places: attribution.MapPlaces) -> bool:
        return bool(places.input) and len(self.activation.context.inputs) > 1


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [ClassActivationMap()]
