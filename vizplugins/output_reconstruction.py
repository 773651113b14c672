"""An output that is what went in, as an autoencoder answers it: both beside one another, and the difference."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import CERTAIN, LIKELY, POSSIBLE, MeaningAnswer, OutputContext, OutputMeaning, charts, hookimpl

_NAMES = (
    "recon",
    "reconstruct",
    "reconstructed",
    "reconstruction",
    "reconstructions",
    "reconstructor",
    "decode",
    "decoded",
    "decoder",
    "decoding",
    "autoenc",
    "autoencoder",
)
_FEW = 8
_MOST_FEATURES = 3
_COLOURS = {"input": charts.REFERENCE_COLOUR, "true": charts.TRUE_COLOUR, "output": charts.MARK_COLOUR}


class Reconstruction(OutputMeaning):
    """What went in, as the model gives it back: beside it, and the difference."""

    name = "reconstruction"
    title = "Reconstruction"
    takes = "an output of the shape of an input"
    loss_name = "mean squared error"

    def match(self, output: OutputContext) -> float | str:
        """Take what has the shape of an input."""
        if not output.is_numeric or not output.values.size:
            return "needs numbers"
        if output.values.ndim == 0:
            return "needs more than one number"
        if output.function == "softmax":
            return "needs numbers that are no probabilities of classes"
        if _original(output) is None:
            return "needs the shape of an input of the model"
        if output.sounds_like(*_NAMES):
            return CERTAIN
        is_for_something_else = output.true_value is not None and not output.is_to_answer_what_went_in
        if output.values.ndim == 1 and (output.values.size < _FEW or is_for_something_else):
            return POSSIBLE  # as many numbers as went in may be chance
        if output.values.ndim == 2 and output.is_sigmoid and is_for_something_else:
            # Labels of each step.
            return POSSIBLE if np.isin(np.asarray(output.true_value), (0, 1)).all() else LIKELY
        return CERTAIN - 0.05 if output.values.ndim > 1 or output.is_sigmoid else LIKELY

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw input, output and difference: pictures side by side, series and rows of numbers as lines."""
        original = _original(output)
        assert original is not None
        name, wanted, note = original
        values = output.values.astype(np.float64)
        error = self.loss(output)
        said = "" if error is None else f"mean squared error {charts.number_text(error)}{_against(output)}"
        notes = [said, note, output.padding_note]
        picture = _as_picture(output, name)
        if picture is not None:
            chart = _pictures(wanted.reshape(picture), values.reshape(picture), height, _against(output))
        else:
            chart = _lines(wanted, values, height, "true" if _against(output) else "input", output.shown_steps)
        spoken = f"The model answers a reconstruction of {charts.format_shape(values.shape)} numbers."
        return MeaningAnswer("", chart, "; ".join(filter(None, notes)), spoken)

    def loss(self, output: OutputContext) -> float | None:
        """Return the mean squared difference from the true answer, or else from what went in."""
        original = _original(output)
        if original is None or not output.shown_steps.any():
            return None
        difference = output.values.astype(np.float64) - original[1]
        return float(np.square(output.without_padding(difference)).mean())


def _original(output: OutputContext) -> tuple[str, np.ndarray, str] | None:
    """Return the input that is given back: its name, what the output is to be, and what is to be said of that."""
    for name, array in output.inputs.items():
        if array.dtype.kind not in "biuf" or array.shape != output.shape:
            continue
        wanted = array.astype(np.float64)
        if output.truth is not None:
            # As of a model that takes noise away: it is to answer something else than went in.
            return name, output.truth, ""
        if float(np.nanmax(wanted)) > 2 and output.is_sigmoid:
            return name, wanted / 255, "the input is divided by 255 for that"
        return name, wanted, ""
    return None


def _against(output: OutputContext) -> str:
    return "" if output.truth is None else " from the true one"


def _as_picture(output: OutputContext, name: str) -> tuple[int, ...] | None:
    """Return the shape that the values have as a picture; None where they are none."""
    drawn = output.drawable.get(name)
    if drawn is None or drawn.ndim != 3 or drawn.shape[-1] not in (1, 3) or drawn.size != output.values.size:
        return None
    same = drawn.shape == output.shape or output.values.ndim < 3
    return drawn.shape if same else None


def _pictures(wanted: np.ndarray, values: np.ndarray, height: int, against: str) -> alt.LayerChart:
    # On one scale: each on its own would hide that the answer is paler.
    both = charts.picture_values(np.concatenate([wanted, values], axis=1))
    width = wanted.shape[1]
    first = "true" if against else "input"
    difference = charts.difference_pixels(values - wanted)
    return charts.picture_row(
        [(first, both[:, :width]), ("output", both[:, width:]), ("difference", difference)], height
    )


def _lines(wanted: np.ndarray, values: np.ndarray, height: int, first: str, shown: np.ndarray) -> alt.LayerChart:
    rows, answered = (each.reshape(len(each), -1)[:, :_MOST_FEATURES] for each in (wanted, values))
    rows, answered = (np.where(shown[:, np.newaxis], each, np.nan) for each in (rows, answered))
    frames = []
    for feature in range(rows.shape[1]):
        kept = np.union1d(charts.thin(rows[:, feature], buckets=200), charts.thin(answered[:, feature], buckets=200))
        for what, series in ((first, rows), ("output", answered)):
            frame = pd.DataFrame({"position": kept, "value": series[kept, feature], "is": what})
            frames.append(frame.assign(feature=feature))
    lines = (
        alt.Chart(pd.concat(frames))
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X(
                "position:Q",
                title=None,
                scale=charts.positions_scale(len(rows)),
                axis=charts.positions_axis(grid=False),
            ),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=charts.quantity_axis()),
            color=alt.Color(
                "is:N",
                scale=alt.Scale(domain=[first, "output"], range=[_COLOURS[first], _COLOURS["output"]]),
                legend=alt.Legend(title=None, orient="right"),
            ),
            detail="feature:N",
            tooltip=[
                alt.Tooltip("is:N"),
                alt.Tooltip("feature:Q"),
                alt.Tooltip("position:Q"),
                alt.Tooltip("value:Q", format=".4~g"),
            ],
        )
    )
    layers = [lines]
    if not shown.all():
        layers.append(charts.masked_bands(shown, None, translucent=True))
    return alt.LayerChart(layer=layers, height=height, view=charts.FRAMELESS, autosize=charts.FIT)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Reconstruction()]
