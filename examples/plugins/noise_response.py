"""Running the model again: ``extractor`` is the model, and answers to other inputs."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Extractor, Handles, Options, Refusal, SampleIndex, Visualizer, charts, hookimpl

NOISE = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class NoiseOptions(Options):
    """Which sample gets the noise, and which noise."""

    sample: SampleIndex = 0
    seed: int = Field(0, ge=0, le=99, title="Seed", description="Another one is other noise of the same strength.")


class NoiseResponse(Visualizer):
    """How far noise in the input moves what the layer answers."""

    name, title, group = "noise-response", "Noise", "explain"
    handles = Handles(dtypes=("floating",), parts=("output",))
    Options = NoiseOptions
    how_to_read = "Below the grey line the layer damps the noise, above it the noise has grown on its way here."
    limitations = "One draw of noise at each strength, of one sample; inputs that are no real numbers stay as they are."

    def chart(
        self, activation: Activation, options: NoiseOptions, extractor: Extractor | None = None
    ) -> alt.LayerChart | Refusal:
        """Draw the change of the answer over the change of the input, both relative."""
        inputs = activation.context.inputs_of(options.sample)
        real = {name: array for name, array in inputs.items() if array.dtype.kind == "f"}
        if extractor is None or not real:
            return Refusal("It takes the model, and an input of real numbers to which noise can be added.")
        random = np.random.default_rng(options.seed)
        noise = {name: random.normal(size=array.shape) * array.std() for name, array in real.items()}
        answers = []
        for strength in NOISE:
            noisy = {name: (array + strength * noise[name]).astype(array.dtype) for name, array in real.items()}
            found = extractor.extract(inputs | noisy, layers=[activation.key])
            answers.append(np.nan_to_num(found[activation.key].values.astype(float)))
        far = [np.linalg.norm(each - answers[0]) / (np.linalg.norm(answers[0]) or 1) for each in answers]
        base = alt.Chart(pd.DataFrame({"noise": NOISE, "change": far}))
        x = alt.X("noise:Q", title="Noise in the input (relative)").axis(format="%")
        even = base.mark_line(color=charts.REFERENCE_COLOUR).encode(x, y="noise:Q")
        line = base.mark_line(point=True).encode(x, alt.Y("change:Q", title="Change of the answer").axis(format="%"))
        title = charts.title(activation.key, charts.sample_name(activation, options.sample))
        return alt.LayerChart(layer=[even, line], title=title)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [NoiseResponse()]
