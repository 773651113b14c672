"""How the weights of a layer are distributed: a histogram of each array that it keeps."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, Refusal, Visualizer, charts, hookimpl, layer_weights

_MOST_ARRAYS = 12
_WIDTH = 220
_HEIGHT = 110
_COLUMNS = 3
_LONGEST_NAME = 28


class WeightDistributionOptions(Options):
    """How many bins."""

    bins: int = Field(40, ge=5, le=200, title="Bins")


class WeightDistribution(Visualizer):
    """How often each size of weight occurs, for each array of the layer: kernel, bias, scale."""

    name = "weight-distribution"
    title = "Weight distribution"
    group = "weights"
    handles = Handles(parts=("output",), when=layer_weights.refuse_without_weights)
    Options = WeightDistributionOptions
    priority = -2
    how_to_read = (
        "Fresh weights are an even block or a bell around zero. Training widens it and gives it tails; many weights at "
        "exactly zero are pruned, or kept down by an L1 penalty. A bias that is all zero was not trained, or not yet."
    )
    limitations = "It does not say which weights count: a wide array before a small answer does less than a narrow one."

    def chart(self, activation: Activation, options: WeightDistributionOptions) -> alt.ConcatChart | Refusal:
        """Draw a histogram for each array, with its mean, its spread and its zeros."""
        weights = activation.weights
        arrays = layer_weights.float_arrays(weights)
        if not arrays and weights:
            return Refusal("The weights are whole numbers on scales of their own, as of a quantized layer.")
        if not arrays:
            return Refusal("This layer keeps no numbers of its own; those of the layers in it are at theirs.")
        drawn = [_histogram(name, array, options.bins) for name, array in list(arrays.items())[:_MOST_ARRAYS]]
        count = sum(array.size for array in arrays.values())
        some = f"the first {len(drawn)} of {len(arrays)} arrays" if len(drawn) < len(arrays) else ""
        whole = charts.count_text(len(weights) - len(arrays), "array") if len(arrays) < len(weights) else ""
        left_out = f"{whole} of whole numbers left out" if whole else ""
        heading = charts.title(f"{count:,} weights of {activation.key}", some, left_out)
        return alt.ConcatChart(concat=drawn, columns=_COLUMNS, spacing=24, title=heading)


def _histogram(name: str, array: np.ndarray, bins: int) -> alt.Chart:
    values = array.astype(np.float32, copy=False)
    frame = charts.histogram(values, bins)
    statistics = charts.value_statistics(values)
    is_known = charts.finite_range(values) is not None
    spread = f"mean {charts.number_text(statistics.mean)} ± {charts.number_text(statistics.deviation)}"
    zeros = 1 - np.count_nonzero(values) / values.size
    lines = [spread] if is_known else []
    lines += [f"{charts.percent(zeros)} exactly zero"] if is_known and zeros else []
    title = charts.array_title(name, array.shape, *lines, charts.note_not_finite(values), longest=_LONGEST_NAME)
    return (
        alt.Chart(frame if len(frame) else pd.DataFrame({"start": [], "end": [], "count": []}))
        .mark_bar(color=charts.MARK_COLOUR, binSpacing=0.5)
        .encode(
            alt.X("start:Q", bin="binned", title=None, axis=alt.Axis(format=".3~g", tickCount=4)),
            alt.X2("end:Q"),
            alt.Y("count:Q", title="Weights", axis=alt.Axis(format="~s", tickCount=3)),
            tooltip=[
                alt.Tooltip("start:Q", title="from", format=".4~g"),
                alt.Tooltip("end:Q", title="to", format=".4~g"),
                alt.Tooltip("count:Q", format=","),
            ],
        )
        .properties(width=_WIDTH, height=_HEIGHT, title=title)
    )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [WeightDistribution()]
