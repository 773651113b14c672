"""How much each part of a series counts, as bars under the series itself, on one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.rulers import Ruler
from core.charts.building_blocks import small_title, thin
from core.charts.heatmaps import reduced
from core.charts.steps import StepAxis
from core.common.text import count_text

__all__ = ["series", "sign_colour", "step_bars"]

_WIDTH: Final = 620
_MOST_LINES: Final = 8
_MOST_STEPS: Final = 400
_MOST_BARS: Final = 620


def series(
    values: np.ndarray,
    given: np.ndarray | None,
    *,
    is_signed: bool,
    names: Sequence[str] = (),
    value_title: str,
    steps: StepAxis | None = None,
    edges: np.ndarray | None = None,
) -> alt.TopLevelMixin:
    """Draw how much each part of a series counts as bars, under the series itself, on one axis of time.

    Args:
        values: Shape ``(place,)``; where there are fewer than timesteps, each stands for several.
        given: The series, shape ``(time, feature)``; None draws the bars alone.
        is_signed: Whether less than zero means that it speaks against it.
        names: Of the features; empty for numbers.
        value_title: What the bars are.
        steps: The axis of the series; by default its steps are numbered.
        edges: Where the parts lie, in steps of the series, ascending, shape ``(place + 1,)``; by default they are
            spread over all of it evenly.
    """
    count = len(values) if given is None else len(given)
    steps = steps or StepAxis()
    if edges is None:
        edges = np.arange(len(values) + 1) * count / max(len(values), 1) - 0.5
    # More bars than the screen has pixels: what is furthest from zero stays in sight.
    together = -(-len(values) // _MOST_BARS)
    starts = np.arange(0, len(values), together)
    ends = np.minimum(starts + together, len(values))
    gap = 0.08 * np.diff(edges).min() * together
    frame = pd.DataFrame({"time": starts, "value": reduced(values.astype(np.float64), _MOST_BARS)})
    domain = [-0.5, count - 0.5]
    frame["start"], frame["end"] = (
        np.clip(edges[starts] + gap, domain[0], domain[1]),
        np.clip(edges[ends] - gap, domain[0], domain[1]),
    )
    frame = steps.with_seconds(frame.assign(middle=(edges[starts] + edges[ends]) / 2), "middle")
    bars = step_bars(frame.drop(columns="middle"), "Timestep", value_title, domain, steps.ruler)
    bars = bars.properties(width=_WIDTH, height=110)
    if together > 1:
        bars = bars.properties(title=small_title(f"strongest of every {together:,} steps"))
    if given is None:
        return bars
    resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
    return alt.VConcatChart(vconcat=[_lines(given, names, domain, steps), bars], spacing=10, resolve=resolve)


def step_bars(
    frame: pd.DataFrame,
    title: str,
    value_title: str,
    domain: Sequence[float] | None = None,
    ruler: Ruler | None = None,
) -> alt.Chart:
    """Draw a bar for each row, orange for what is above zero and blue for what is below.

    Args:
        frame: Columns ``start`` and ``end`` on the axis, ``value``, and one that bears the name of the axis; a column
            ``input`` is said on hover too.
        title: Name of the axis where its steps are no seconds.
        value_title: What the bars are.
        domain: Ends of the axis; None fits the bars.
        ruler: What the steps are in seconds, where that is known; the frame has them too, see
            ``StepAxis.with_seconds``.
    """
    known = next(column for column in frame.columns if column not in ("value", "start", "end", "input", "seconds"))
    steps = StepAxis(None, ruler, title)
    more = [alt.Tooltip("input:Q", format=".4~g")] if "input" in frame else []
    scale = alt.Scale(nice=False) if domain is None else alt.Scale(domain=list(domain), nice=False)
    return (
        alt.Chart(frame.assign(against=frame["value"] < 0))
        .mark_rect()
        .encode(
            alt.X("start:Q", title=steps.title, scale=scale, axis=steps.axis()),
            alt.X2("end:Q"),
            alt.Y("value:Q", title=value_title),
            alt.Y2(datum=0),
            color=sign_colour(),
            tooltip=[
                alt.Tooltip(f"{known}:Q"),
                *steps.tooltip,
                alt.Tooltip("value:Q", title=value_title.lower(), format=".4~g"),
                *more,
            ],
        )
        .properties(height=220)
    )


def sign_colour() -> alt.Color:
    """Return the colour of bars by their column ``against``: blue where it is True, else orange."""
    return alt.Color("against:N", scale=alt.Scale(domain=[False, True], range=["#e8932f", "#2f78b3"]), legend=None)


def _lines(given: np.ndarray, names: Sequence[str], domain: Sequence[float], steps: StepAxis) -> alt.Chart:
    count = given.shape[-1]
    # Of very many features those that move the most.
    kept = np.sort(np.argsort(-np.nan_to_num(given).std(axis=0), kind="stable")[:_MOST_LINES])
    frames = []
    for feature in kept:
        at = thin(given[:, feature], buckets=_MOST_STEPS // 2)
        name = names[feature] if len(names) == count else f"feature {feature}"
        frames.append(pd.DataFrame({"time": at, "value": given[at, feature].astype(np.float64), "feature": name}))
    frame = steps.with_seconds(pd.concat(frames))
    title = (
        "Input" if len(kept) == count else f"Input: the {len(kept)} of {count_text(count, 'feature')} that move most"
    )
    legend = alt.Legend(title=None, orient="top") if count > 1 else None
    return (
        alt.Chart(frame, width=_WIDTH, height=130, title=small_title(title))
        .mark_line(strokeWidth=1.5)
        .encode(
            alt.X(
                "time:Q", title=None, scale=alt.Scale(domain=list(domain), nice=False), axis=steps.axis(labels=False)
            ),
            alt.Y("value:Q", title="Input"),
            # A domain that is said: a chart that stays on the page keeps no order of the sample before.
            alt.Color("feature:N", legend=legend, scale=alt.Scale(domain=list(frame["feature"].unique()))),
            tooltip=["feature:N", "time:Q", *steps.tooltip, alt.Tooltip("value:Q", format=".4~g")],
        )
    )
