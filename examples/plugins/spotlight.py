"""An image: pixels of your own, here what went in, lit where the layer answers."""

import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, as_colours, charts, hookimpl


class SpotlightOptions(Options):
    """Which sample, and how dark the rest gets."""

    sample: SampleIndex = 0
    dark: float = Field(0.85, ge=0, le=1, title="Darkness", description="Of where the layer answers nothing.")


def _is_of_an_image(activation: Activation) -> str:
    is_image = any(array.ndim == 4 for array in activation.context.inputs.values())
    return "" if is_image else "takes layers of models that take images"


class Spotlight(Visualizer):
    """The image that went in, lit where the layer answers the most."""

    name, title, group = "spotlight", "Spotlight", "look"
    handles = Handles(axes=("sample", "height", "width", "channel"), dtypes=("number",), when=_is_of_an_image)
    Options = SpotlightOptions
    how_to_read = "Bright: all channels together answer much there. Dark: the layer has little to say of that part."
    limitations = "Where much is answered need not be what the model decides by; see *Attribution* for that."

    def chart(self, activation: Activation, options: SpotlightOptions) -> dict[str, np.ndarray]:
        """Draw the image in the light of the layer."""
        images = next(array for array in activation.context.drawable.values() if array.ndim == 4)
        image = as_colours(images[options.sample])  # (height, width, colour)
        maps = np.nan_to_num(activation.values[options.sample].astype(float), posinf=0, neginf=0)
        light = np.linalg.norm(maps, axis=-1)
        light = light / (light.max() or 1)
        # Each pixel is lit by the place of the layer that lies over it.
        rows, columns = (np.arange(n) * m // n for n, m in zip(image.shape[:2], light.shape, strict=True))
        lit = image * (1 - options.dark * (1 - light[np.ix_(rows, columns)]))[..., np.newaxis]
        return {f"{activation.key}: {charts.sample_name(activation, options.sample)}": lit.astype(np.uint8)}


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Spotlight()]
