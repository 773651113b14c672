"""The numbers that say most about a layer's values."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, hookimpl

_INK = "#777c86"  # the one grey that reads as well on white as on black


class SummaryStatisticsOptions(Options):
    """Which sample."""

    sample: SampleIndex = 0


class SummaryStatistics(Visualizer):
    """Extremes, mean, spread, zeros and broken values."""

    name = "statistics"
    title = "Statistics"
    group = "numbers"
    handles = Handles(dtypes=("number",))
    Options = SummaryStatisticsOptions
    priority = 2
    how_to_read = (
        "NaN or Inf: look for the first layer that has any. A standard deviation of zero: the layer answers the same "
        "to everything. Many zeros are usual after a ReLU, and nowhere else."
    )
    limitations = "A few numbers hide a shape: see the histogram before you conclude."

    def chart(self, activation: Activation, options: SummaryStatisticsOptions) -> alt.LayerChart:
        """Draw a table: a row per measure, a column for this sample and one for all."""
        columns = {charts.sample_name(activation, options.sample): activation.sample(options.sample).values}
        if activation.shape[0] > 1:
            columns[f"all {activation.shape[0]:,} samples"] = activation.values
        rows = [
            {"measure": measure, "of": name, "text": text, "row": row, "column": column}
            for column, (name, values) in enumerate(columns.items())
            for row, (measure, text) in enumerate(_measures(values).items())
        ]
        cells = (
            alt.Chart(pd.DataFrame(rows))
            .mark_text(align="right", fontSize=15, color=_INK, dx=40)
            .encode(
                y=alt.Y(
                    "measure:N",
                    sort=charts.row_order("row"),
                    title=None,
                    axis=charts.name_axis(ticks=False, domain=False, labelFontSize=15),
                ),
                x=alt.X(
                    "of:N",
                    sort=charts.row_order("column"),
                    title=None,
                    axis=charts.name_axis(orient="top", ticks=False, domain=False, labelAngle=0, labelFontSize=14),
                ),
                text=alt.Text("text:N"),
                tooltip=[alt.Tooltip("measure:N"), alt.Tooltip("of:N"), alt.Tooltip("text:N", title="value")],
            )
        )
        return alt.LayerChart(
            layer=[cells],
            width=alt.Step(240),
            height=alt.Step(30),
            view=charts.FRAMELESS,
            title=charts.title(f"Statistics of {activation.key}"),
        )


def _measures(values: np.ndarray) -> dict[str, str]:
    known = charts.value_statistics(values)
    some = known.finite > 0
    return {
        "values": f"{known.size:,}",
        "minimum": _number(known.minimum) if some else "none",
        "maximum": _number(known.maximum) if some else "none",
        "mean": _number(known.mean) if some else "none",
        "standard deviation": _number(known.deviation) if some else "none",
        "exactly zero": _share(known.zeros, known.size),
        "negative": _share(known.negatives, known.size),
        "NaN": f"{known.nans:,}",
        "infinite": f"{known.infinities:,}",
    }


def _number(value: float) -> str:
    size = abs(value)
    if size and not 1e-4 <= size < 1e9:
        text = f"{value:.3e}"
    else:
        text = f"{value:,.0f}" if size >= 1e4 else f"{value:,.4g}"
    return text.replace("-", "−")


def _share(count: int, of: int) -> str:
    return charts.percent(count / of, 1) if of else "none"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [SummaryStatistics()]
