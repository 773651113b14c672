"""Two outputs that together are a distribution: a mean and a variance, as a variational encoder answers them."""

import re

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import CERTAIN, POSSIBLE, MeaningAnswer, OutputContext, OutputMeaning, charts, hookimpl

_WORDS = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
_MEAN = re.compile(r"z?(means?|mu|loc)")
_VARIANCE = re.compile(r"z?(log)?(var|variance)")
_DEVIATION = re.compile(r"z?(log)?(sigma|std|stddev|deviation|scale)(2|sq|squared?)?")
_SQUARE = re.compile(r"z?(log)?(sigma|std|stddev|deviation|scale)(2|sq|squared?)|sq|squared?")
_LOGARITHM = re.compile(r"z?log(var|variance|sigma2?|std2?|stddev|deviation|scale|sigmasq|sigmasquared)?")


class LatentPair(OutputMeaning):
    """A normal distribution for each number: its mean, and one standard deviation to both sides."""

    name = "latent-pair"
    title = "Latent mean and variance"
    takes = "one of two rows of numbers that are named like a mean and a variance"
    loss_name = "divergence from a standard normal"

    def match(self, output: OutputContext) -> float | str:
        """Take one of two outputs of the same length that are named like a mean and a variance."""
        if not output.is_numeric or output.values.ndim != 1:
            return "needs a row of numbers"
        if _pair(output) is None:
            return "needs two outputs named like a mean and a variance"
        # What has a true value, or is a single number, is sooner a regression that says how sure it is.
        return POSSIBLE if output.true_value is not None or output.values.size == 1 else CERTAIN + 0.05

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw each mean with its standard deviation, beside that of a standard normal."""
        pair = _pair(output)
        assert pair is not None
        mean, deviation, names = pair
        frame = pd.DataFrame({"number": range(len(mean)), "mean": mean, "deviation": deviation})
        frame["low"], frame["high"] = mean - deviation, mean + deviation
        tooltip = [alt.Tooltip("number:Q")]
        tooltip += [alt.Tooltip(f"{name}:Q", format=".4~g") for name in ("mean", "deviation")]
        across = alt.X(
            "number:Q",
            title=None,
            scale=charts.positions_scale(len(mean)),
            axis=charts.positions_axis(grid=False),
        )
        axis = charts.quantity_axis()
        base = alt.Chart(frame).encode(x=across, tooltip=tooltip)
        prior = (
            alt.Chart(pd.DataFrame({"low": [-1], "high": [1]}))
            .mark_rect(color=charts.REFERENCE_COLOUR, opacity=0.2)
            .encode(y=alt.Y("low:Q", title=None, axis=axis), y2="high:Q")
        )
        bars = base.mark_rule(color=charts.MARK_COLOUR, strokeWidth=2).encode(
            y=alt.Y("low:Q", title=None, axis=axis), y2="high:Q"
        )
        points = base.mark_point(filled=True, color=charts.MARK_COLOUR, size=40, opacity=1).encode(
            y=alt.Y("mean:Q", title=None, axis=axis)
        )
        chart = alt.LayerChart(layer=[prior, bars, points], height=height, view=charts.FRAMELESS, autosize=charts.FIT)
        divergence = _divergence(mean, deviation)
        note = f"mean of {names[0]} ± deviation of {names[1]}; grey: a standard normal, "
        note += f"divergence from it {charts.number_text(divergence)} nats"
        return MeaningAnswer(
            charts.count_text(len(mean), "normal distribution"),
            chart,
            note,
            f"The model answers {charts.count_text(len(mean), 'mean')}, {charts.extremes_text(mean)}, and "
            f"{'its deviation' if len(mean) == 1 else 'their deviations'}, {charts.extremes_text(deviation)}.",
        )

    def loss(self, output: OutputContext) -> float | None:
        """Return the Kullback-Leibler divergence from a standard normal, in nats."""
        pair = _pair(output)
        return None if pair is None else _divergence(*pair[:2])


def _divergence(mean: np.ndarray, deviation: np.ndarray) -> float:
    variance = np.square(deviation)
    with np.errstate(divide="ignore"):
        return float(0.5 * (np.square(mean) + variance - 1 - np.log(variance)).sum())


def _pair(output: OutputContext) -> tuple[np.ndarray, np.ndarray, tuple[str, str]] | None:
    """Return means, standard deviations, and what the two outputs are called; None where there is no such pair."""
    rows = {
        name: values
        for name, values in output.outputs.items()
        if values.shape == output.shape and values.dtype.kind in "fiu"
    }
    spreads = [name for name in rows if _is_called(name, _VARIANCE) or _is_called(name, _DEVIATION)]
    means = [name for name in rows if _is_called(name, _MEAN) and name not in spreads]
    if len(means) != 1 or len(spreads) != 1 or output.name not in (*means, *spreads):
        return None
    mean, spread = rows[means[0]].astype(np.float64), rows[spreads[0]].astype(np.float64)
    is_variance = _is_called(spreads[0], _VARIANCE) or _is_called(spreads[0], _SQUARE)
    if _is_called(spreads[0], _LOGARITHM):
        deviation = np.exp(spread / 2 if is_variance else spread)
    else:
        deviation = np.sqrt(np.abs(spread)) if is_variance else np.abs(spread)
    return mean, deviation, (means[0], spreads[0])


def _is_called(name: str, word: re.Pattern[str]) -> bool:
    return any(word.fullmatch(each.lower()) for each in _WORDS.findall(name))


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [LatentPair()]
