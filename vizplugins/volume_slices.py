"""Three-dimensional feature maps, one slice at a time."""

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, ChannelIndex, Handles, Options, SampleIndex, Visualizer, charts, gallery, hookimpl


class VolumeSlicesOptions(Options):
    """Which slice, and how it is coloured."""

    sample: SampleIndex = 0
    depth: int = Field(0, ge=0, title="Slice", description="Position along the second axis: depth, or time.")
    channel: ChannelIndex | None = Field(None, title="Channel", description="Shown large. Automatic: the strongest.")
    colours: charts.ColourScheme = Field("automatic", title="Colours")
    scale_each: bool = Field(True, title="Scale each map")


class VolumeSlices(Visualizer):
    """Every channel of one slice through a volume. Move the slice to go through it."""

    name = "volume-slices"
    title = "Slices"
    group = "look"
    handles = Handles(ranks=(5,))
    Options = VolumeSlicesOptions
    priority = 10
    how_to_read = (
        "Each small picture is one channel in this slice; the slider moves through depth, or time, of the volume."
    )
    limitations = (
        "Scaled on its own, each map hides how its strength changes from slice to slice; use one scale for that."
    )

    def chart(self, activation: Activation, options: VolumeSlicesOptions) -> alt.VConcatChart:
        """Draw the chosen channel of the slice large, and the gallery of all channels under it."""
        answer = activation.sample(options.sample)
        depth = min(options.depth, answer.shape[0] - 1)
        volume = np.moveaxis(answer.values, -1, 0)  # (depth, height, width, channel) -> (channel, depth, height, width)
        maps = volume[:, depth].astype(np.float32, copy=False)
        statistics = charts.map_statistics(maps)
        chosen = int(statistics.strength.argmax()) if options.channel is None else options.channel
        axis = activation.axes[1]
        side, height_left = gallery.sizes(*maps.shape)
        name = f"Channel {chosen}" + ("" if options.channel == chosen else ", the strongest")
        overview = gallery.gallery(
            maps,
            numbers=np.arange(len(maps)),
            statistics=statistics,
            scheme=options.colours,
            scale_each=options.scale_each,
            chosen=chosen,
            height=height_left,
        )
        scale = charts.colour_scale(maps[chosen] if options.scale_each else maps, options.colours)
        large = gallery.large_map(maps[chosen], scale, title=f"{name}, {axis} {depth}", side=side)
        heading = charts.title(
            f"{len(maps):,} channels of {activation.key} at {axis} {depth} of {answer.shape[0]}",
            f"{charts.sample_name(activation, options.sample)}, {maps.shape[1]}×{maps.shape[2]} each",
            charts.note_not_finite(maps),
        )
        resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
        return alt.VConcatChart(vconcat=[large, overview], spacing=14, title=heading, resolve=resolve)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [VolumeSlices()]
