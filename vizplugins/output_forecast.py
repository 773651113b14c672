"""An output that goes on with the series that went in."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import LIKELY, POSSIBLE, MeaningAnswer, OutputContext, OutputMeaning, charts, hookimpl

_NAMES = (
    "forecast",
    "forecasts",
    "forecaster",
    "forecasting",
    "next",
    "future",
    "horizon",
    "horizons",
)
_FEW = 10
_MOST_FEATURES = 3
_PAST_BY_FUTURE = 6
_LEAST_PAST = 40
_COLOURS = {"past": charts.REFERENCE_COLOUR, "forecast": charts.MARK_COLOUR, "true": charts.TRUE_COLOUR}


class Forecast(OutputMeaning):
    """The next steps of the series that went in, drawn as its continuation."""

    name = "forecast"
    title = "Forecast"
    takes = "a row of numbers, or a series, of a model that reads a series"
    loss_name = "mean absolute error"

    def match(self, output: OutputContext) -> float | str:
        """Take linear numbers of a model that reads a series."""
        if not output.is_numeric or output.values.ndim not in (1, 2) or not output.values.size:
            return "needs one or two axes, time and feature"
        if output.function == "softmax" or output.is_sigmoid:
            return "needs numbers that are no probabilities"
        if output.series is None:
            return "needs a series as input"
        _, series = output.series
        steps, features = len(output.values), series.shape[1]
        if output.values.ndim == 2 and output.shape[1] not in (1, features):
            return "needs as many features as the series has"
        if output.sounds_like(*_NAMES):
            return 0.75
        # As many steps as went in are a number for each of them, or a reconstruction.
        if steps == len(series) or steps == 1:
            return POSSIBLE
        if output.values.ndim == 2:
            return LIKELY + 0.1
        # A row of numbers may as well be logits of classes, or of whatever else is measured.
        return POSSIBLE if features > 1 or steps <= _FEW else LIKELY

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the end of the series, what the model says comes next, and what came next where that is known."""
        assert output.series is not None
        name, series = output.series
        names = output.feature_names.get(name, ())
        # What stands at steps of padding is no forecast.
        shown = output.shown_steps[:, np.newaxis]
        future = np.where(shown, output.values.reshape(len(output.values), -1).astype(np.float64), np.nan)
        true = None if output.truth is None else np.where(shown, output.truth.reshape(future.shape), np.nan)
        features = _features(output, series.shape[1], future.shape[1], names)
        past = max(_LEAST_PAST, _PAST_BY_FUTURE * len(future))
        begin = max(0, len(series) - past)
        frames = []
        for column, feature in enumerate(features):
            called = names[feature] if feature < len(names) else f"feature {feature}"
            before = series[begin:, feature].astype(np.float64)
            # The lines of what comes next begin at the last value that is known.
            parts = [("past", begin, before), ("forecast", len(series) - 1, np.append(before[-1], future[:, column]))]
            if true is not None:
                parts.append(("true", len(series) - 1, np.append(before[-1], true[:, column])))
            for what, start, values in parts:
                kept = charts.thin(values, buckets=300)
                frames.append(
                    pd.DataFrame({"step": start + kept, "value": values[kept], "is": what, "feature": called})
                )
        frame = pd.concat(frames)
        error = self.loss(output)
        notes = [f"{charts.count_text(len(future), 'step')} after the {len(series):,} that went in"]
        if series.shape[1] > len(features) or (future.shape[1] == 1 and series.shape[1] > 1):
            notes.append(f"drawn for {', '.join(dict.fromkeys(frame['feature']))}")
        if error is not None:
            notes.insert(0, f"mean absolute error {charts.number_text(error)}")
        following = "next step" if len(future) == 1 else f"next {len(future):,} steps"
        spoken = f"The model answers the {following}: {charts.extremes_text(output.without_padding(output.values))}."
        words = following if future.size > 1 else charts.answer_text(float(future[0, 0]))
        if output.padding_note:
            notes.append(output.padding_note)
        drawn = _chart(frame, len(series), height)
        if output.padding_note:
            # Behind the steps that went in, and the first of them.
            beyond = np.concatenate([np.ones(len(series), bool), output.shown_steps])
            drawn.layer.append(charts.masked_bands(beyond, None, translucent=True))
        return MeaningAnswer(words, drawn, "; ".join(notes), spoken)

    def loss(self, output: OutputContext) -> float | None:
        """Return the mean absolute error of all steps."""
        true = output.truth
        if true is None or not output.shown_steps.any():
            return None
        return float(np.abs(output.without_padding(output.values.astype(np.float64) - true)).mean())


def _features(output: OutputContext, there: int, answered: int, names: tuple[str, ...]) -> list[int]:
    if answered == there:
        return list(range(min(answered, _MOST_FEATURES)))
    own = [number for number, name in enumerate(names) if name and output.sounds_like(name.lower())]
    return own[:1] or [0]


def _chart(frame: pd.DataFrame, length: int, height: int) -> alt.LayerChart:
    kinds = [name for name in _COLOURS if (frame["is"] == name).any()]
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("step:Q", title=None, scale=alt.Scale(nice=False), axis=charts.positions_axis(grid=False)),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=charts.quantity_axis()),
            color=alt.Color(
                "is:N",
                scale=alt.Scale(domain=kinds, range=[_COLOURS[name] for name in kinds]),
                legend=alt.Legend(title=None, orient="right", labelLimit=60),
            ),
            strokeDash=alt.StrokeDash(
                "is:N", scale=alt.Scale(domain=kinds, range=[[5, 3] if name == "true" else [1, 0] for name in kinds]),
                legend=None,
            ),
            detail="feature:N",
            tooltip=[
                alt.Tooltip("is:N"),
                alt.Tooltip("feature:N"),
                alt.Tooltip("step:Q"),
                alt.Tooltip("value:Q", format=".4~g"),
            ],
        )
    )  # fmt: skip
    now = (
        alt.Chart(pd.DataFrame({"now": [length - 1]}))
        .mark_rule(color=charts.REFERENCE_COLOUR, strokeDash=[2, 2])
        .encode(x="now:Q")
    )
    return alt.LayerChart(layer=[now, lines], height=height, view=charts.FRAMELESS, autosize=charts.FIT)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Forecast()]
