"""One feature map of one sample over the steps of a training, under the input."""

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    ChannelIndex,
    Handles,
    Options,
    SampleIndex,
    StepIndex,
    Visualizer,
    charts,
    gallery,
    hookimpl,
)

_MOST_MAPS = 60


class MapOverTrainingOptions(Options):
    """Which channel of which sample, and how its maps are coloured."""

    sample: SampleIndex = 0
    step: StepIndex = 0
    channel: ChannelIndex | None = Field(
        None, title="Channel", description="Automatic: the one that answers the most at the last step."
    )
    scale_each: bool = Field(
        False, title="Scale each map", description="Each from its own lowest to its own highest value; else all on one."
    )
    colours: charts.ColourScheme = Field("automatic", title="Colours")


class MapOverTraining(Visualizer):
    """What one channel finds in a sample, step after step of the training. Click a map to go to its step."""

    name = "map-over-training"
    title = "Map over training"
    group = "look"
    handles = Handles(axes=("step", "sample", "height", "width", "channel"), dtypes=("number",))
    Options = MapOverTrainingOptions
    priority = 10
    how_to_read = (
        "Each small picture is the same channel for the same sample at another step, the step's number over it. Where "
        "a pattern appears and stays, the channel has learned to find it; where all turn to one colour, it answers "
        "nothing any more."
    )
    limitations = (
        f"At most {_MOST_MAPS} steps, evenly spread over those that were kept. One sample: what a channel learns may "
        "show in another one only."
    )

    def chart(self, activation: Activation, options: MapOverTrainingOptions) -> alt.LayerChart:
        """Draw a map for each step."""
        film = activation.sample(options.sample).values.astype(np.float32)  # (step, height, width, channel)
        last = charts.map_statistics(np.moveaxis(film[-1], -1, 0)).strength
        channel = int(last.argmax()) if options.channel is None else options.channel
        at = np.unique(np.linspace(0, len(film) - 1, min(len(film), _MOST_MAPS)).astype(int))
        maps = film[at, ..., channel]
        numbers = np.array(activation.steps)[at]
        nearest = int(np.abs(at - options.step).argmin())
        left_out = f"{len(at)} of {len(film):,} steps, evenly spread" if len(at) < len(film) else ""
        return gallery.gallery(
            maps,
            numbers=numbers,
            scheme=options.colours,
            scale_each=options.scale_each,
            chosen=int(numbers[nearest]),
            select="step",
            title=charts.title(
                f"Channel {channel} of {activation.layer.key} at {charts.count_text(len(at), 'step')} of the training",
                charts.sample_name(activation, options.sample),
                "each on its own scale" if options.scale_each else "all on one scale",
                left_out,
                charts.note_not_finite(maps),
            ),
        )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [MapOverTraining()]
