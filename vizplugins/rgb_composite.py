"""Three channels of a feature map as red, green and blue of one picture."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, ChannelIndex, Handles, Options, SampleIndex, Visualizer, charts, hookimpl

_COLOURS = ("#e4572e", "#54a24b", "#4c78a8")
_LARGEST_SIDE = 380
_MOST_PIXELS = 760


class RgbCompositeOptions(Options):
    """Which three channels."""

    sample: SampleIndex = 0
    red: ChannelIndex = Field(0, title="Red: channel")
    green: ChannelIndex = Field(1, title="Green: channel")
    blue: ChannelIndex = Field(2, title="Blue: channel")


def _has_three_channels(activation: Activation) -> str:
    channels = activation.extent("channel")
    return "" if channels >= 3 else f"needs 3 channels, this layer has {channels}"


class RgbComposite(Visualizer):
    """Where three channels answer together, and where only one of them does."""

    name = "rgb-composite"
    title = "RGB composite"
    group = "look"
    handles = Handles(axes=("sample", "height", "width", "channel"), when=_has_three_channels)
    Options = RgbCompositeOptions
    how_to_read = (
        "Each channel gives one colour: red, green and blue where only one answers, yellow, cyan and magenta where two "
        "do, white where all three do, black where none does."
    )
    limitations = (
        "Each channel is scaled from its own lowest to its own highest value, so colours compare places, not channels. "
        "Red and green are hard to tell apart for some: put the channels that matter on red and blue."
    )

    def chart(self, activation: Activation, options: RgbCompositeOptions) -> alt.HConcatChart:
        """Draw the composite, and its three channels beside it."""
        answer = activation.sample(options.sample)
        chosen = (options.red, options.green, options.blue)
        values = answer.values[..., list(chosen)].astype(np.float32)  # (height, width, 3)
        pixels = np.stack([charts.picture_values(values[..., [part]])[..., 0] for part in range(3)], axis=-1)
        height, width = pixels.shape[:2]
        longest = max(height, width)
        size = tuple(max(24, round(extent * _LARGEST_SIDE / longest)) for extent in (width, height))
        pixels = charts.within(pixels, _MOST_PIXELS)
        composite = charts.picture(charts.picture_url(pixels), *size, smooth=width > size[0])
        thirds = [self._single(pixels, part, channel, size) for part, channel in enumerate(chosen)]
        return (
            alt.hconcat(composite, alt.vconcat(*thirds, spacing=10), spacing=24)
            .properties(
                title=charts.title(
                    f"Channels {options.red}, {options.green} and {options.blue} of {activation.key}",
                    f"{charts.sample_name(activation, options.sample)}, red, green and blue in this order",
                    f"{height}×{width}, averaged to {pixels.shape[0]}×{pixels.shape[1]}"
                    if longest > _MOST_PIXELS
                    else "",
                    charts.note_not_finite(values),
                )
            )
            .resolve_scale(color="independent")
        )

    def _single(self, pixels: np.ndarray, part: int, channel: int, size: tuple[int, int]) -> alt.LayerChart:
        alone = np.zeros_like(pixels)
        alone[..., part] = pixels[..., part]
        width, height = max(12, size[0] // 4), max(12, size[1] // 4)
        alone = charts.within(alone, 2 * max(width, height))
        label = (
            alt.Chart(pd.DataFrame({"text": [f"channel {channel}"]}))
            .mark_text(align="left", baseline="middle", color=_COLOURS[part], fontSize=12)
            .encode(x=alt.value(width + 8), y=alt.value(height / 2), text="text:N")
        )
        return charts.picture(charts.picture_url(alone), width, height) + label


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [RgbComposite()]
