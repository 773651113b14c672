"""Layers that compute nothing and only put values into another order or shape."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import Activation, Handles, Options, Refusal, SampleIndex, Visualizer, charts, hookimpl

_BUCKETS = 700
_WORDS = {"height": "row", "width": "column"}


class RearrangedOptions(Options):
    """Which sample."""

    sample: SampleIndex = 0


def _has_one_input(activation: Activation) -> str:
    if len(activation.layer.inputs_from) != 1:
        return "shows where each value comes from, and what goes into the layer is not known"
    return ""


class Rearranged(Visualizer):
    """Nothing is computed here: which place each value had before."""

    name = "rearranged"
    title = "Re-arranged"
    group = "look"
    handles = Handles(
        layer_types=("Flatten", "Reshape", "Permute", "RepeatVector"),
        parts=("output",),
        dtypes=("number",),
        when=_has_one_input,
    )
    Options = RearrangedOptions
    how_to_read = (
        "The numbers are those that went in. Point at one to see its place before and after: a unit behind a Flatten "
        "is one position of one channel, so the next layer can give every place a weight of its own."
    )
    limitations = (
        "Drawn one after another as they lie in memory; where a layer changes that order (Permute, RepeatVector), the "
        "place before is not known. Of more than a thousand values only the extremes of each stretch are drawn."
    )

    def chart(self, activation: Activation, options: RearrangedOptions) -> alt.Chart | Refusal:
        """Draw a line over all values, in the order in which they come out."""
        answer = activation.sample(options.sample)
        if not answer.inputs:
            return Refusal(f"What goes into {activation.key} was not kept.")
        given, flat = answer.inputs[0], answer.values.reshape(-1)
        # Looked at, not taken for granted: a layer may turn the channels round on its way.
        same_order = given.values.size == flat.size and _same(given.values.reshape(-1), flat)
        kept = charts.thin(flat, _BUCKETS)
        frame = pd.DataFrame({"position": kept, "value": flat[kept].astype(np.float64)})
        frame["after"] = _places(kept, answer)
        tooltip = [alt.Tooltip("value:Q", format=".4~g"), alt.Tooltip("after:N")]
        if same_order:
            frame["before"] = _places(kept, given)
            tooltip.append(alt.Tooltip("before:N"))
        name = "Unit" if answer.rank == 1 else "Position"
        return (
            alt.Chart(frame)
            .mark_line(color=charts.MARK_COLOUR, point=len(frame) <= 100)
            .encode(
                x=alt.X(
                    "position:Q", title=name, scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, format="d")
                ),
                y=alt.Y("value:Q", title="Activation"),
                tooltip=tooltip,
            )
            .properties(
                height=300,
                title=charts.title(
                    f"{activation.layer.type_name}: {charts.format_shape(given.shape)} becomes "
                    f"{charts.format_shape(answer.shape)}; nothing is computed, values are re-arranged",
                    _in_words(given, answer) if same_order else _OTHER_ORDER[given.values.size == flat.size],
                    charts.sample_name(activation, options.sample),
                    charts.note_not_finite(flat),
                ),
            )
        )


_OTHER_ORDER = {True: "the same values in another order", False: "the same values, each several times"}


def _same(before: np.ndarray, after: np.ndarray) -> bool:
    return bool(np.array_equal(before, after, equal_nan=before.dtype.kind == "f"))


def _in_words(given: Activation, answer: Activation) -> str:
    last = answer.values.size - 1
    first_of, last_of = _places(np.array([0, last]), given)
    if answer.rank == 1:
        return f"unit 0 is {first_of}; unit {last:,} is {last_of}"
    first_in, last_in = _places(np.array([0, last]), answer)
    return f"{first_in} was {first_of}; {last_in} was {last_of}"


def _places(positions: np.ndarray, activation: Activation) -> list[str]:
    names = [_WORDS.get(axis, axis) for axis in activation.axes]
    indices = zip(*np.unravel_index(positions, activation.shape), strict=True)
    return [", ".join(f"{name} {index:,}" for name, index in zip(names, place, strict=True)) for place in indices]


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Rearranged()]
