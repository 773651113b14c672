"""Two answers to one sample, before and after it is edited, on one scale; and how far each layer moves.

Somebody draws, and waits for these: making a chart with Altair takes longer than running a small model. So the chart is
made once for rows of the same names, and its data and title are put in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import altair as alt
import numpy as np

from core import charts
from core.analysis.comparison import first_that_differs, largest_change
from core.charts.validation import specification_of
from core.common.text import cut_in_the_middle, number_text, percent
from core.inputs.labels import probabilities_of_classes
from core.plugins.meanings import OutputContext
from core.workspace.model_map import CHANGE_COLOUR
from core.workspace.results import Answer

__all__ = ["answers_chart", "answers_in_words", "change_bars"]

_MOST_ROWS: Final = 6
_ROW: Final = 30
_BEFORE: Final = "#9aa0a8"
_DATA: Final = "rows"
_MOST_BARS: Final = 400
_BAR_STEP: Final = 18
_LONGEST_NAME: Final = 30


def answers_chart(before: OutputContext, after: OutputContext, said: Answer) -> dict[str, Any]:
    """Draw two answers, a pair of bars for each class or number; empty where they are no row of numbers.

    Args:
        before: What is answered to the sample as it was.
        after: What is answered now.
        said: What the first of them means.
    """
    if not before.is_numeric or before.values.ndim != 1 or before.shape != after.shape or not before.values.size:
        return {}
    if not said.best and not said.value and said.meaning not in ("numbers", "labels"):
        return {}
    shares = [_shares(each) for each in (before, after)] if said.best else [None, None]
    are_shares = shares[0] is not None and shares[1] is not None
    pair = [np.asarray(each) for each in (shares if are_shares else (before.values, after.values))]
    # What is no number has no bar, and says so.
    first, second = (np.nan_to_num(each.astype(np.float64), posinf=0, neginf=0) for each in pair)
    shown = _shown(first, second, before.true_class)
    called = [_called(before, int(number), len(first)) for number in shown]
    written = percent if are_shares else number_text
    rows = [
        {"name": name, "when": when, "value": float(values[number]), "label": written(float(told[number]))}
        for name, number in zip(called, shown, strict=True)
        for when, values, told in (("before", first, pair[0]), ("after", second, pair[1]))
    ]
    both = np.concatenate([first[shown], second[shown]])
    low, high = (0.0, 1.0) if are_shares else (min(0.0, float(both.min())), max(0.0, float(both.max())))
    room = 0.22 * ((high - low) or 1)
    reach = (low - room if low < 0 else low, high + room)
    return {**_pairs(tuple(called), reach), "datasets": {_DATA: rows}}


def answers_in_words(before: Answer, after: Answer) -> str:
    """Return what a screen reader hears of two answers."""

    def said(answer: Answer) -> str:
        share = "" if answer.probability is None else percent(answer.probability)
        return f"{answer.best} {share}".strip() or answer.value or answer.text

    first, second = said(before), said(after)
    return f"Before: {first or before.alt} After: {second or after.alt}"


def change_bars(changes: Mapping[str, float]) -> dict[str, Any]:
    """Draw a bar per layer, in call order; the one that moves the most is marked. A click selects ``layer``.

    Args:
        changes: How far each layer moves, by key in call order.
    """
    largest, first = largest_change(changes), first_that_differs(changes)
    shown = dict(list(changes.items())[:_MOST_BARS])
    rows = [
        {
            "layer": key,
            # The numbers stand in the names: only text of axes follows the page from light to dark.
            "name": f"{cut_in_the_middle(key, _LONGEST_NAME)}  {number_text(change)}×",
            "number": number,
            "change": change if np.isfinite(change) else None,
            "largest": key == largest,
        }
        for number, (key, change) in enumerate(shown.items())
    ]
    told = f"Largest change: {largest} ({number_text(changes[largest])}×)" if largest else "No layer moves"
    title = {"text": told, "subtitle": [f"the first layer that moves is {first}"] if first else []}
    drawn = _bars(len(rows))
    return {**drawn, "title": {**drawn["title"], **title}, "datasets": {_DATA: rows}}


@lru_cache(32)
def _pairs(names: Sequence[str], reach: tuple[float, float]) -> dict[str, Any]:
    base = alt.Chart(alt.NamedData(_DATA)).encode(
        y=alt.Y(
            "name:N",
            scale=alt.Scale(domain=list(names)),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=140, labelFontSize=12, labelOverlap=False),
        ),
        yOffset=alt.YOffset("when:N", scale=alt.Scale(domain=["before", "after"])),
        x=alt.X("value:Q", axis=None, scale=alt.Scale(domain=list(reach), nice=False)),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("when:N"), alt.Tooltip("value:Q", format=".4~g")],
    )
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.Color(
            "when:N",
            scale=alt.Scale(domain=["before", "after"], range=[_BEFORE, charts.MARK_COLOUR]),
            legend=alt.Legend(title=None, orient="top", direction="horizontal", offset=2),
        )
    )
    numbers = base.mark_text(align="left", dx=4, fontSize=11, color=charts.MUTED_TEXT).encode(text="label:N")
    return specification_of((bars + numbers).properties(height=_ROW * len(names)))


@lru_cache(8)
def _bars(count: int) -> dict[str, Any]:
    axis = alt.Axis(labelLimit=230, labelOverlap=False, labelBound=False, labelFlush=False, ticks=False)
    chart = (
        alt.Chart(alt.NamedData(_DATA), height=_BAR_STEP * count, title=charts.title("-", "-"))
        .mark_bar(cursor="pointer")
        .encode(
            alt.X(
                "change:Q",
                title="Change, relative",
                axis=alt.Axis(tickCount=4),
                scale=alt.Scale(domainMin=0),
            ),
            alt.Y("name:N", sort=charts.row_order("number"), title=None, axis=axis),
            color=alt.when("datum.largest").then(alt.value(CHANGE_COLOUR)).otherwise(alt.value(charts.MARK_COLOUR)),
            tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("change:Q", format=".3~g")],
        )
        .add_params(charts.clicked("layer"))
    )
    return specification_of(chart)


def _shares(output: OutputContext) -> np.ndarray | None:
    found = probabilities_of_classes(output.values[np.newaxis], output.rule, output.function)
    return None if found is None or not np.isfinite(found).all() else found[0]


def _shown(first: np.ndarray, second: np.ndarray, true: int | None) -> np.ndarray:
    """Return the numbers of what is drawn: the largest of both answers, and the true one; few are in their order."""
    if len(first) <= _MOST_ROWS:
        return np.arange(len(first))
    strength = np.maximum(np.abs(first), np.abs(second))
    order = np.argsort(-strength, kind="stable")[:_MOST_ROWS]
    if true is not None and true < len(first) and true not in order:
        order = np.append(order[:-1], true)
    return order


def _called(output: OutputContext, number: int, count: int) -> str:
    name = output.class_called(number) if count > 1 else output.name or "answer"
    # Bars of the same name would be drawn as one.
    return f"{name} ({number})" if output.class_names.count(name) > 1 else name
