"""An own layer type: a layer of yours, which models that have it need, and a picture that takes no other."""

from typing import Any

import altair as alt
import keras
import numpy as np
import pandas as pd

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl


@keras.saving.register_keras_serializable("cookbook")
class Prototypes(keras.layers.Layer):
    """Answers how far what comes in is from each of some learned prototypes."""

    def __init__(self, count: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.count = count

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make the prototypes."""
        self.prototypes = self.add_weight(shape=(self.count, input_shape[-1]), name="prototypes")

    def call(self, inputs: Any) -> Any:
        """Return the squared distance to each."""
        return keras.ops.sum((inputs[:, None] - self.prototypes) ** 2, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of, for files."""
        return {**super().get_config(), "count": self.count}


class PrototypeOptions(Options):
    """Which sample."""

    sample: SampleIndex = 0


class NearestPrototypes(Visualizer):
    """Which prototypes a sample is nearest to."""

    name, title, group = "nearest-prototypes", "Nearest prototypes", "look"
    handles = Handles(layer_types=("Prototypes",), axes=("sample", "unit"), dtypes=("number",))
    Options = PrototypeOptions
    how_to_read = "The shortest bar is the prototype that the sample is most like; two short ones are a close call."
    limitations = "Distances of one sample; a prototype that no sample is near to stands for nothing."

    def chart(self, activation: Activation, options: PrototypeOptions) -> alt.LayerChart:
        """Draw the distances, the shortest first."""
        distances = np.sqrt(np.nan_to_num(activation.values[options.sample].astype(float), posinf=0).clip(0))
        nearest = np.argsort(distances, kind="stable")[:20]
        frame = pd.DataFrame({"prototype": nearest.astype(str), "distance": distances[nearest]})
        y = alt.Y("prototype:N", title="Prototype", sort=None, axis=charts.name_axis())
        title = charts.title(activation.key, charts.sample_name(activation, options.sample))
        bars = alt.Chart(frame, title=title).mark_bar(color=charts.MARK_COLOUR)
        bars = bars.encode(alt.X("distance:Q", title="Distance"), y)
        return alt.LayerChart(layer=[bars])


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [NearestPrototypes()]
