"""An output that is numbers and nothing more: what every output can be taken for."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import MODEST, MeaningAnswer, OutputContext, OutputMeaning, charts, hookimpl

_MOST_BARS = 50


class Numbers(OutputMeaning):
    """One number or several, with their true values and the error where these are known."""

    name = "numbers"
    title = "Numbers"
    takes = "any numbers"
    loss_name = "mean absolute error"

    def match(self, output: OutputContext) -> float | str:
        """Take any numbers, unless something is likelier."""
        return MODEST if output.is_numeric and output.values.size else "needs numbers"

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Say one number; draw several in their order."""
        values = output.values.astype(np.float32)
        true = output.truth
        if values.size == 1:
            return _one_number(float(values.reshape(-1)[0]), output, true)
        error = self.loss(output)
        said = "" if error is None else f"mean absolute error {charts.number_text(error)}"
        note = "; ".join(filter(None, [said, output.padding_note]))
        called = f" ({output.name})" if output.name else ""
        if values.ndim > 1:
            shape, told = charts.format_shape(values.shape), charts.extremes_text(output.without_padding(values))
            drawn = _over_steps(values, output.shown_steps, height)
            return MeaningAnswer("", drawn, note, f"The model answers {shape} numbers: {told}.")
        flat_truth = None if true is None else true.reshape(-1)
        if len(values) <= charts.bar_rows(height):
            chart = charts.answer_bars(_few_numbers(values, flat_truth), "Output", height)
        else:
            chart = _upright_bars(values, flat_truth, height) if len(values) <= _MOST_BARS else _line(values, height)
        spoken = f"The model answers {len(values):,} numbers{called}: {charts.extremes_text(values)}."
        return MeaningAnswer("", chart, note, spoken)

    def loss(self, output: OutputContext) -> float | None:
        """Return the mean absolute error."""
        true = output.truth
        if true is None or not output.shown_steps.any():
            return None
        return float(np.abs(output.without_padding(output.values.astype(np.float64) - true)).mean())


def _over_steps(values: np.ndarray, shown: np.ndarray, height: int) -> alt.LayerChart | alt.Chart:
    """Draw numbers of shape ``(time, …, feature)``, and padding in grey."""
    series = values.reshape(-1, values.shape[-1])  # (…, feature) -> (time, feature)
    if values.ndim > 2 or shown.all():
        return charts.values_chart(series, height=height, legend=False).properties(autosize=charts.FIT)
    drawn = charts.values_chart(np.where(shown[:, np.newaxis], series, np.nan), height=height, legend=False)
    grey = charts.masked_bands(shown, "Time", translucent=True)
    layers = drawn.layer if isinstance(drawn, alt.LayerChart) else [drawn]
    return alt.LayerChart(layer=[*layers, grey], height=height, autosize=charts.FIT)


def _one_number(value: float, output: OutputContext, true: np.ndarray | None) -> MeaningAnswer:
    note = ""
    if true is not None:
        wanted = float(true.reshape(-1)[0])
        note = f"true {charts.answer_text(wanted)}, error {charts.signed_number_text(value - wanted)}"
    words = charts.answer_text(value)
    return MeaningAnswer(words, None, note, f"The model answers {output.name or 'one number'}: {words}.")


def _few_numbers(values: np.ndarray, true: np.ndarray | None) -> pd.DataFrame:
    frame = pd.DataFrame({"value": values.astype(np.float64), "true": False})
    frame["name"] = [f"unit {number}" for number in range(len(values))]
    frame["label"] = [charts.answer_text(value) for value in frame["value"]]
    return frame if true is None else frame.assign(**{"true value": true})


def _upright_bars(values: np.ndarray, true: np.ndarray | None, height: int) -> alt.LayerChart:
    """Draw numbers of shape ``(unit,)`` as bars in their order, from the zero line up or down."""
    frame = pd.DataFrame({"unit": range(len(values)), "value": values.astype(np.float64)})
    frame["start"], frame["end"] = frame["unit"] - 0.4, frame["unit"] + 0.4
    tooltip = [alt.Tooltip("unit:Q"), alt.Tooltip("value:Q", format=".4~g")]
    if true is not None:
        frame["true value"] = true
        tooltip.append(alt.Tooltip("true value:Q", format=".4~g"))
    base = alt.Chart().encode(tooltip=tooltip)
    axis = charts.positions_axis(grid=False)
    across = alt.X("start:Q", title=None, scale=charts.positions_scale(len(values)), axis=axis)
    down = alt.Y("value:Q", title=None, axis=charts.quantity_axis())
    bars = base.mark_bar(color=charts.MARK_COLOUR).encode(across, down, x2="end:Q", y2=alt.datum(0))
    layer = [bars, charts.zero_line(y=alt.Y("zero:Q"))]
    if true is not None:
        ticks = base.mark_rule(color=charts.TRUE_COLOUR, strokeWidth=3)
        layer.append(ticks.encode(across, alt.Y("true value:Q"), x2="end:Q"))
    return alt.LayerChart(layer=layer, data=frame, height=height, view=charts.FRAMELESS, autosize=charts.FIT)


def _line(values: np.ndarray, height: int) -> alt.LayerChart:
    shown = charts.thin(values, buckets=400)
    frame = pd.DataFrame({"unit": shown, "value": values[shown].astype(np.float64)})
    axis = charts.positions_axis(grid=False)
    line = (
        alt.Chart()
        .mark_line(color=charts.MARK_COLOUR, strokeWidth=1)
        .encode(
            alt.X("unit:Q", title=None, scale=charts.positions_scale(len(values)), axis=axis),
            alt.Y("value:Q", title=None, axis=charts.quantity_axis()),
            tooltip=[alt.Tooltip("unit:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    layer = [line, charts.zero_line(y=alt.Y("zero:Q"))]
    return alt.LayerChart(layer=layer, data=frame, height=height, view=charts.FRAMELESS, autosize=charts.FIT)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Numbers()]
