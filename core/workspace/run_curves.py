"""Loss and metrics of recorded trainings as charts, on the axis of steps that the layers have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core import charts
from core.charts.theme import FRAMELESS, quantity_axis
from core.charts.validation import specification_of
from core.common.text import number_text
from core.training.run import Run
from core.workspace.results import ChartPicture
from core.workspace.run_axes import ALARM_COLOUR, step_axis, step_rule

__all__ = ["log_charts"]

_MOST_POINTS: Final = 1_500
_DECADES: Final = 1_000.0
_TITLE: Final = 30
_LOG_HEIGHT: Final = 78
_LINE_COLOURS: Final = ("#2f78b3", "#e8932f")


def log_charts(runs: Sequence[Run], domain: Sequence[int], left: int, step: int | None) -> tuple[ChartPicture, ...]:
    """Draw the training's own numbers: losses in one chart, metrics in another, those of all runs together.

    Args:
        runs: The runs.
        domain: First and last step of the axis.
        left: Screen pixels left of the marks, as the names of layers below have.
        step: The step that gets a line; None for none.
    """
    frames = [_log_rows(run) for run in runs]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    if frame.empty:
        return ()
    is_loss = frame["metric"].str.contains("loss")
    parts = [frame[is_loss], frame[~is_loss & (frame["metric"] != "learning_rate")]]
    return tuple(
        _log_chart(part, "Loss" if number == 0 else "Metrics", len(runs), domain, left, step)
        for number, part in enumerate(parts)
        if not part.empty
    )


def _log_rows(run: Run) -> pd.DataFrame:
    logs = run.logs
    parts = []
    for name in logs.columns:
        values = logs[name].to_numpy(dtype=np.float64)
        at = np.flatnonzero(~np.isnan(values))
        at = at[charts.thin(np.where(np.isfinite(values[at]), values[at], np.nan), buckets=_MOST_POINTS // 2)]
        part = pd.DataFrame({"run": run.name, "metric": str(name), "step": logs.index.to_numpy()[at]})
        is_infinite = np.isinf(values[at])
        part["value"] = np.where(is_infinite, np.nan, values[at])
        part["said"] = [
            "not finite" if odd else number_text(value, 4) for value, odd in zip(values[at], is_infinite, strict=True)
        ]
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _log_chart(
    frame: pd.DataFrame, title: str, run_count: int, domain: Sequence[int], left: int, step: int | None
) -> ChartPicture:
    names = list(dict.fromkeys(frame["metric"]))
    runs = list(dict.fromkeys(frame["run"]))
    finite = frame["value"].dropna()
    is_logarithmic = bool(len(finite) and finite.min() > 0 and finite.max() / finite.min() > _DECADES)
    scale = alt.Scale(type="log", nice=True) if is_logarithmic else alt.Scale(zero=False, nice=True)
    # As far from the left as the names of layers below, its title counted.
    room = {"minExtent": left - _TITLE, "maxExtent": left - _TITLE}
    axis = quantity_axis(**room, **({"format": ".0e"} if is_logarithmic else {}))
    by_run = run_count > 1
    legend = alt.Legend(
        orient="top", direction="horizontal", labelLimit=200, symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3
    )
    is_plain = not by_run and len(names) == 1
    colour = alt.Color(
        "run:N" if by_run else "metric:N",
        title=None,
        sort=runs if by_run else names,
        scale=alt.Scale(range=list(_LINE_COLOURS)) if by_run else alt.Scale(scheme="tableau10"),
        legend=None if is_plain else legend,
    )
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", title=None, scale=alt.Scale(domain=list(domain), nice=False), axis=step_axis(labels=False)),
        y=alt.Y("value:Q", title=_sentence(names[0]) if is_plain else title, scale=scale, axis=axis),
        color=colour,
        detail=["run:N", "metric:N"],
        tooltip=[
            *([alt.Tooltip("run:N")] if by_run else []),
            alt.Tooltip("metric:N"),
            alt.Tooltip("step:Q", format=","),
            alt.Tooltip("said:N", title="value"),
        ],
    )
    if by_run and len(names) > 1:
        base = base.encode(strokeDash=alt.StrokeDash("metric:N", title=None, sort=names, legend=legend))
    lines = base.mark_line(strokeWidth=1.6)
    points = base.mark_circle(size=40, opacity=0.01)
    parts: list[alt.Chart] = [lines, points]
    if step is not None:
        parts.append(step_rule(step))
    odd = frame[frame["value"].isna()]
    if len(odd):
        crosses = alt.Chart(odd).mark_point(shape="cross", filled=True, angle=45, size=60, color=ALARM_COLOUR)
        parts.append(crosses.encode(x="step:Q", y=alt.value(6), tooltip=["metric:N", "step:Q", "said:N"]))
    chart = alt.LayerChart(layer=parts, height=_LOG_HEIGHT, view=FRAMELESS)
    told = "; ".join(_curve_in_words(part, name) for name, part in frame.groupby("metric", sort=False))
    return ChartPicture(specification_of(chart), alt=f"{title} over the steps: {told}.")


def _sentence(name: str) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


def _curve_in_words(part: pd.DataFrame, name: Any) -> str:
    values = part["value"].dropna()
    if values.empty:
        return f"{name} never finite"
    return f"{name} from {number_text(float(values.iloc[0]))} to {number_text(float(values.iloc[-1]))}"
