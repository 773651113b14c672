"""Every channel of a two-dimensional feature map as a gallery, one of them large."""

from typing import Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, ChannelIndex, Handles, Options, SampleIndex, Visualizer, charts, gallery, hookimpl


class FeatureMapsOptions(Options):
    """How the maps are coloured, scaled and sorted, and which one is shown large."""

    sample: SampleIndex = 0
    channel: ChannelIndex | None = Field(None, title="Channel", description="Shown large. Automatic: the strongest.")
    colours: charts.ColourScheme = Field("automatic", title="Colours")
    scale_each: bool = Field(
        True,
        title="Scale each map",
        description="Each map from its own lowest to its own highest value; else all on one.",
    )
    order: Literal["index", "strength"] = Field("index", title="Sort by", description="Strength: the mean of |value|.")


class FeatureMaps(Visualizer):
    """Where each channel answers. Click a map to see it large, beside the input and laid over it."""

    name = "feature-maps"
    title = "Feature maps"
    group = "look"
    handles = Handles(axes=("sample", "height", "width", "channel"))
    Options = FeatureMapsOptions
    priority = 10
    how_to_read = (
        "Each small picture is one channel; bright means that the channel found its pattern there. Early layers show "
        "edges and textures at the input's own places, late layers a few spots for whole parts."
    )
    limitations = (
        "Scaled on its own, a map that hardly answers looks as busy as a strong one: look at its numbers on hover, or "
        "put all maps on one scale. Of maps with more pixels than a screen neighbours are averaged. "
        "The overlay stretches the map over the input; the true receptive field is larger "
        "and shifted by padding. Maps behind a spectrogram are turned as that is drawn: seconds to the right, hertz up."
    )

    def chart(self, activation: Activation, options: FeatureMapsOptions) -> alt.VConcatChart:
        """Draw the chosen channel large, and the gallery under it."""
        answer = activation.sample(options.sample)
        maps = np.moveaxis(answer.values, -1, 0)  # (height, width, channel) -> (channel, height, width)
        statistics = charts.map_statistics(maps)
        strength = statistics.strength
        order = np.argsort(-strength, kind="stable") if options.order == "strength" else np.arange(len(maps))
        chosen = int(strength.argmax()) if options.channel is None else options.channel
        height, width = maps.shape[1:]
        scaling = "each on its own scale" if options.scale_each else "all on one scale"
        heading = charts.title(
            f"{len(maps):,} feature maps of {activation.key}, {height}×{width} each",
            f"{charts.sample_name(activation, options.sample)}, {scaling}",
            charts.note_not_finite(maps),
        )
        rulers = charts.ruler_of(answer, "height"), charts.ruler_of(answer, "width")
        drawn = charts.upright(maps, rulers)
        side, height_left = gallery.sizes(len(maps), *drawn.shape[1:])
        overview = gallery.gallery(
            drawn,
            numbers=order,
            order=order,
            statistics=statistics,
            scheme=options.colours,
            scale_each=options.scale_each,
            chosen=chosen,
            height=height_left,
        )
        scale = charts.colour_scale(maps[chosen] if options.scale_each else maps, options.colours)
        large = maps[chosen].astype(np.float32)
        name = f"Channel {chosen}" + ("" if options.channel == chosen else ", the strongest")
        parts: list[alt.Chart | alt.LayerChart] = [
            gallery.large_map(large, scale, title=name, side=side, rulers=rulers)
        ]
        picture = input_picture(answer)
        if picture is not None:
            parts += gallery.overlay(large, picture, scale, side)
        rows = [alt.HConcatChart(hconcat=parts, spacing=24), overview]
        # Given here, not by resolve_scale(), which copies the whole chart.
        resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
        return alt.VConcatChart(vconcat=rows, spacing=14, title=heading, resolve=resolve)


def input_picture(answer: Activation) -> np.ndarray | None:
    """Return the image that went in, shape ``(height, width, channel)``; None if the model takes none."""
    images = gallery.images_of(answer.context.drawable)
    return None if images is None or images.dtype.kind not in "fiu" else images[0]


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [FeatureMaps()]
