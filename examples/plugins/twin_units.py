"""Weights: ``activation.weights`` has those of the layer by their names."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, Refusal, Visualizer, charts, hookimpl


class TwinOptions(Options):
    """How many pairs."""

    count: int = Field(15, ge=5, le=50, title="Pairs")


class TwinUnits(Visualizer):
    """Which two units weigh what comes in the same way, and so could be one."""

    name, title, group = "twin-units", "Twin units", "weights"
    handles = Handles(layer_types=("Dense", "BaseConv"), parts=("output",))
    Options = TwinOptions
    how_to_read = (
        "1: both units ask the same of what comes in, and one of them could be left out. -1: one asks the opposite. "
        "Long bars at the top are room to make the layer narrower."
    )
    limitations = "The bias and the length of the weights do not count; the layer behind may weigh the two differently."

    def chart(self, activation: Activation, options: TwinOptions) -> alt.Chart | Refusal:
        """Draw the pairs whose weights point the same or the opposite way, the closest first."""
        kernel = activation.weights.get("kernel")
        if kernel is None or kernel.shape[-1] < 2:
            return Refusal("It takes the weights of two units or more.")
        columns = np.nan_to_num(kernel.reshape(-1, kernel.shape[-1]).astype(float))  # (weight, unit)
        columns = columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-12)
        cosines = columns.T @ columns
        first, second = np.triu_indices(len(cosines), k=1)
        closest = np.argsort(-np.abs(cosines[first, second]), kind="stable")[: options.count]
        first, second = first[closest], second[closest]
        frame = pd.DataFrame({"first": first, "second": second, "cosine": cosines[first, second]})
        frame["pair"], frame["place"] = [f"{a} and {b}" for a, b in zip(first, second, strict=True)], range(len(frame))
        title = charts.title(f"{activation.key}: the closest of {len(cosines):,} units")
        bars: alt.Chart = (
            alt.Chart(frame, title=title)
            .mark_bar(color=charts.MARK_COLOUR)
            .encode(
                x=alt.X("cosine:Q", title="Cosine of their weights", scale=alt.Scale(domain=[-1, 1])),
                y=alt.Y("pair:N", title="Units", sort=charts.row_order("place"), axis=charts.name_axis()),
                tooltip=["pair:N", "cosine:Q"],
            )
        )
        return bars


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [TwinUnits()]
