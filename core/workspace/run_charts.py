"""A recorded training as charts: layers by steps for a measure, and loss and metrics over that on the same axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from core import charts
from core.charts.theme import FRAMELESS
from core.charts.validation import specification_of
from core.common.text import count_text, number_text
from core.training.measures import MEASURES, Measure
from core.training.run import Run
from core.workspace.results import ChartPicture
from core.workspace.run_axes import ALARM_COLOUR, LONGEST_NAME, layer_axis, step_axis, step_rule
from core.workspace.run_curves import log_charts
from core.workspace.run_results import RunCharts

__all__ = ["run_charts"]

_MOST_CELLS: Final = 9_000
_MOST_COLUMNS: Final = 240
_ROW: Final = 15
_LETTER: Final = 6.6
_LEAST_LEFT: Final = 84
_DECADES: Final = 1_000.0
_LEGEND: Final = alt.Legend(
    orient="top", direction="horizontal", gradientLength=220, gradientThickness=10, format=".3~g"
)
_NOT_A_NUMBER: Final = "not a number"
_NAN_COLOUR: Final = "#{:02x}{:02x}{:02x}".format(*charts.NOT_A_NUMBER_COLOUR)


class _Columns(NamedTuple):
    """Recorded steps as columns, of which each may stand for several.

    Attributes:
        firsts: Position of the first step of each.
        starts: Its number.
        ends: Where each column ends, on the axis of steps.
        is_reduced: Whether a column stands for several steps.
    """

    firsts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    is_reduced: bool

    @classmethod
    def of(cls, steps: np.ndarray, layer_count: int) -> _Columns:
        """Return as many columns as can be told apart; there has to be a step."""
        count = max(1, min(_MOST_COLUMNS, _MOST_CELLS // max(1, layer_count)))
        size = -(-len(steps) // count)
        firsts = np.arange(0, len(steps), size)
        starts = steps[firsts]
        gap = int(np.median(np.diff(steps))) if len(steps) > 1 else 1
        return cls(firsts, starts, np.append(starts[1:], steps[-1] + gap), size > 1)

    def any(self, marks: np.ndarray) -> np.ndarray:
        """Return where something holds at any step of a column, shape ``(column, layer)``."""
        return np.maximum.reduceat(marks, self.firsts, axis=0)


@dataclass(frozen=True)
class _Table:
    """A measure of one run, reduced to as many columns as can be told apart.

    Attributes:
        run: The run.
        layers: Keys of the rows that the measure says anything of, in call order.
        starts: First recorded step of each column.
        ends: Where each column ends.
        steps: The recorded step that each column stands for.
        values: Shape ``(layer, column)``; NaN where the measure does not apply.
        broken: Likewise, where the layer's numbers are not finite.
        left_out: How many layers the measure says nothing of.
        is_reduced: Whether a column stands for several steps.
    """

    run: Run
    layers: tuple[str, ...]
    starts: np.ndarray
    ends: np.ndarray
    steps: np.ndarray
    values: np.ndarray
    broken: np.ndarray
    left_out: int
    is_reduced: bool


@dataclass(frozen=True)
class _Colours:
    """One colour scale for all runs: whether it is of orders of magnitude, and between which values it lies."""

    is_logarithmic: bool
    low: float
    high: float
    is_signed: bool

    def altair(self) -> alt.Scale:
        scheme: Any = "blueorange" if self.is_signed else "viridis"
        kind: Any = "log" if self.is_logarithmic else alt.Undefined
        return alt.Scale(type=kind, domain=[self.low, self.high], scheme=scheme, clamp=True)

    def drawn(self, values: np.ndarray) -> np.ndarray:
        """Return what is coloured: where the scale has no zero, the smallest value in its place."""
        return np.maximum(values, self.low) if self.is_logarithmic else values


def run_charts(run: Run, second: Run | None, measure: str, layer: str, step: int | None) -> RunCharts:
    """Draw a measure of a run, beside that of a second one where there is one.

    Args:
        run: The run.
        second: Another; None for none.
        measure: One of :data:`core.training.measures.MEASURES`.
        layer: Key of the layer that gets a frame; one that is not there gets none.
        step: The step that gets a line; None for none.

    Raises:
        InputRejected: If there is no such measure.
    """
    described = MEASURES.get(measure)
    values = run.measure(measure)  # An unknown name is refused there, with what there is.
    assert described is not None
    runs = [run] if second is None else [run, second]
    tables = [_table(run, values), *(_table(each, each.measure(measure)) for each in runs[1:])]
    colours = _colours(described, [table.values for table in tables])
    left = _left([name for table in tables for name in table.layers])
    domain = [0, max([1, *(int(table.ends[-1]) for table in tables if len(table.ends))])]
    heatmaps = tuple(
        _heatmap(table, described, colours, domain, left, layer, step if number == 0 else None)
        for number, table in enumerate(tables)
    )
    difference, note = (None, "") if second is None else _difference(tables, described, domain, left)
    return RunCharts(
        log_charts(runs, domain, left, step), heatmaps, difference, note, tuple(each.name for each in runs)
    )


def _table(run: Run, values: np.ndarray) -> _Table:
    steps = run.steps
    broken = _broken(run) & ~np.isfinite(values)  # (step, layer)
    tells = (np.isfinite(values) | broken).any(axis=0) if len(steps) else np.zeros(len(run.layers), bool)
    layers = tuple(key for key, is_told in zip(run.layers, tells, strict=True) if is_told)
    values, broken = values[:, tells], broken[:, tells]
    if not len(steps):
        empty = np.zeros((0, 0))
        return _Table(run, (), steps, steps, steps, empty, empty.astype(bool), len(tells), False)
    columns = _Columns.of(steps, len(layers))
    # What is furthest from zero stays in sight, and which step that was of the column's own.
    reduced = np.full((len(columns.firsts), len(layers)), np.nan)
    for row, part in enumerate(np.split(values.astype(np.float64), columns.firsts[1:])):
        strength = np.where(np.isfinite(part), np.abs(part), -1)
        best = strength.argmax(axis=0)
        reduced[row] = np.where(strength.max(axis=0) >= 0, part[best, np.arange(len(layers))], np.nan)
    starts, ends, left_out = columns.starts, columns.ends, int((~tells).sum())
    is_broken = columns.any(broken).T
    return _Table(run, layers, starts, ends, starts, reduced.T, is_broken, left_out, columns.is_reduced)


def _broken(run: Run) -> np.ndarray:
    marks = [run.measure(name) > 0 for name in ("not_finite", "weights_not_finite", "gradients_not_finite")]
    return np.asarray(np.any(marks, axis=0))


def _colours(measure: Measure, tables: Sequence[np.ndarray]) -> _Colours:
    finite = np.concatenate([table[np.isfinite(table)].ravel() for table in tables])
    positive = finite[finite > 0]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if measure.scale == "share":
        return _Colours(False, 0.0, 1.0, False)
    if measure.scale == "values" and low < 0:
        reach = max(abs(low), abs(high))
        return _Colours(False, -reach, reach, True)
    spans = positive.size > 1 and high / float(np.quantile(positive, 0.02)) > _DECADES
    if positive.size and (measure.scale == "log" or spans) and high > float(positive.min()):
        # Below a millionth of the largest, one colour: what is nearly nothing would take all others.
        return _Colours(True, max(float(positive.min()), high * 1e-8), high, False)
    return _Colours(False, min(low, 0.0), high if high > min(low, 0.0) else 1.0, False)


def _left(names: Sequence[str]) -> int:
    return int(min(LONGEST_NAME, max([_LEAST_LEFT, *(_LETTER * len(name) + 14 for name in names)])))


def _axes(layers: Sequence[str], domain: Sequence[int], left: int) -> tuple[alt.X, alt.Y]:
    x = alt.X("start:Q", title="Step", scale=alt.Scale(domain=list(domain), nice=False), axis=step_axis())
    return x, alt.Y("layer:N", title=None, sort=list(layers), axis=layer_axis(left))


def _height(layers: Sequence[str]) -> int:
    return max(60, _ROW * len(layers))


def _heatmap(
    table: _Table,
    measure: Measure,
    colours: _Colours,
    domain: Sequence[int],
    left: int,
    layer: str,
    step: int | None,
) -> ChartPicture:
    if not table.layers:
        return ChartPicture({}, alt=f"{measure.title}: nothing was recorded yet.")
    frame = _cells(table, colours)
    x, y = _axes(table.layers, domain, left)
    tooltip = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("type:N"),
        alt.Tooltip("steps:N", title="step"),
        alt.Tooltip("said:N", title=measure.title),
    ]
    base = alt.Chart(frame).encode(x=x, x2="end:Q", y=y, tooltip=tooltip)
    cells = (
        base.transform_filter(alt.datum.said != _NOT_A_NUMBER)
        .mark_rect(cursor="pointer")
        .encode(color=alt.Color("drawn:Q", title=None, scale=colours.altair(), legend=_LEGEND))
        .add_params(alt.selection_point(name="cell", fields=["layer", "step"], on="click", clear=False))
    )
    # Altair names a view by its content; a name of its own keeps a click through new rows.
    cells = cells.properties(name="cells")
    parts = [cells]
    if (frame["said"] == _NOT_A_NUMBER).any():
        marked = base.transform_filter(alt.datum.said == _NOT_A_NUMBER)
        parts.append(marked.mark_rect(color=_NAN_COLOUR, cursor="pointer"))
    parts += _marks(table, domain, layer, step)
    notes = [measure.description]
    if table.is_reduced:
        notes.append("A column stands for several steps: what is furthest from zero in them.")
    if table.left_out:
        notes.append(f"Of {count_text(table.left_out, 'layer')} it says nothing.")
    chart = alt.LayerChart(layer=parts, height=_height(table.layers), view=FRAMELESS)
    specification = specification_of(chart)
    said = _in_words(table, measure)
    return ChartPicture(specification, " ".join(notes), ("cell",), said)


def _cells(table: _Table, colours: _Colours) -> pd.DataFrame:
    rows, columns = table.values.shape
    row, column = np.indices((rows, columns)).reshape(2, -1)
    values = table.values.reshape(-1)
    broken = table.broken.reshape(-1)
    keep = np.isfinite(values) | broken
    row, column, values, broken = row[keep], column[keep], values[keep], broken[keep]
    types = dict(zip(table.run.layers, table.run.layer_types, strict=True))
    keys = np.asarray(table.layers, dtype=object)[row]
    ends = table.ends - 1 if table.is_reduced else table.starts
    spans = [
        f"{first:,}" if first >= last else f"{first:,} to {last:,}"
        for first, last in zip(table.starts.tolist(), ends.tolist(), strict=True)
    ]
    return pd.DataFrame(
        {
            "layer": keys,
            "type": [types[key] for key in keys],
            "start": table.starts[column],
            "end": _overlapping(table.starts, table.ends)[column],
            "step": table.steps[column],
            "steps": np.asarray(spans, dtype=object)[column],
            "drawn": np.where(broken, np.nan, colours.drawn(values)),
            "said": [
                _NOT_A_NUMBER if is_broken else number_text(float(value), 4)
                for value, is_broken in zip(values, broken, strict=True)
            ],
        }
    )


def _overlapping(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return ends a little further on: a browser leaves a pale line between cells that end within a pixel."""
    return np.append(ends[:-1] + 0.2 * (ends[:-1] - starts[:-1]), ends[-1:]) if len(ends) else ends


def _marks(table: _Table, domain: Sequence[int], layer: str, step: int | None) -> list[alt.Chart]:
    parts = []
    if layer in table.layers:
        frame = pd.DataFrame({"layer": [layer], "start": [domain[0]], "end": [domain[1]]})
        framed = alt.Chart(frame).mark_rect(filled=False, stroke=charts.CHOSEN_COLOUR, strokeWidth=1.5)
        parts.append(framed.encode(x="start:Q", x2="end:Q", y=alt.Y("layer:N", sort=list(table.layers))))
    if step is not None:
        parts.append(step_rule(step))
    alarms = [alarm for alarm in table.run.alarms if alarm.layer in table.layers]
    if alarms:
        frame = pd.DataFrame(
            {
                "layer": [alarm.layer for alarm in alarms],
                "step": [alarm.step for alarm in alarms],
                "alarm": [alarm.text for alarm in alarms],
            }
        )
        points = alt.Chart(frame).mark_point(
            shape="triangle-up", filled=True, size=110, color=ALARM_COLOUR, stroke="white", opacity=1
        )
        parts.append(
            points.encode(x="step:Q", y=alt.Y("layer:N", sort=list(table.layers)), tooltip=["layer", "step", "alarm"])
        )
    return parts


def _in_words(table: _Table, measure: Measure) -> str:
    finite = table.values[np.isfinite(table.values)]
    between = f", from {number_text(float(finite.min()))} to {number_text(float(finite.max()))}" if finite.size else ""
    broken = np.atleast_1d(table.broken.any(axis=1))
    told = [key for key, is_broken in zip(table.layers, broken, strict=True) if is_broken]
    nan = f" Not a number: {', '.join(told[:5])}." if told else ""
    return (
        f"{measure.title} of {count_text(len(table.layers), 'layer')} at {count_text(len(table.run.steps), 'step')} "
        f"of {table.run.name}{between}.{nan}"
    )


def _difference(
    tables: Sequence[_Table], measure: Measure, domain: Sequence[int], left: int
) -> tuple[ChartPicture | None, str]:
    first, second = tables
    layers = [key for key in first.layers if key in second.layers]
    steps = np.intersect1d(first.run.steps, second.run.steps)
    apart = len(set(first.layers) ^ set(second.layers))
    if not layers or not len(steps):
        what = "layer of the same name" if not layers else "step that both recorded"
        return None, f"The two runs have no {what}, so there is no difference to be drawn."
    values, broken = [], []
    for table in (second, first):
        numbers = np.array([table.run.layers.index(key) for key in layers])
        at = np.ix_(np.searchsorted(table.run.steps, steps), numbers)
        values.append(table.run.measure(measure.name)[at].astype(np.float64))
        broken.append(_broken(table.run)[at] & ~np.isfinite(values[-1]))
    with np.errstate(invalid="ignore"):
        apart_by = values[0] - values[1]
    columns = _Columns.of(steps, len(layers))
    reduced = charts.reduced(apart_by, [len(columns.firsts), len(layers)])
    is_broken = columns.any(broken[0] | broken[1])
    finite = reduced[np.isfinite(reduced)]
    reach = float(np.abs(finite).max()) if finite.size and np.abs(finite).max() else 1.0
    row, column = np.indices(is_broken.T.shape).reshape(2, -1)
    difference = reduced.T[row, column]
    frame = pd.DataFrame(
        {
            "layer": np.asarray(layers, dtype=object)[row],
            "start": columns.starts[column],
            "end": _overlapping(columns.starts, columns.ends)[column],
            "difference": difference,
            "said": [number_text(value, 4) if np.isfinite(value) else _NOT_A_NUMBER for value in difference],
        }
    )[np.isfinite(difference) | is_broken.T[row, column]]
    x, y = _axes(layers, domain, left)
    colours = alt.Scale(domain=[-reach, reach], scheme="blueorange")
    colour = alt.Color("difference:Q", title=None, scale=colours, legend=_LEGEND)
    cells = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=x,
            x2="end:Q",
            y=y,
            color=alt.when(alt.datum.said == _NOT_A_NUMBER).then(alt.value(_NAN_COLOUR)).otherwise(colour),
            tooltip=[
                alt.Tooltip("layer:N"),
                alt.Tooltip("start:Q", title="step", format=","),
                alt.Tooltip("said:N", title="difference"),
            ],
        )
    )
    chart = cells.properties(height=_height(layers), view=FRAMELESS)
    note = f"At the {count_text(len(steps), 'step')} that both recorded"
    note += f"; {count_text(apart, 'layer')} only one of them has" if apart else ""
    told = f"Difference of {measure.title} between the runs, at most {number_text(reach)} either way."
    return ChartPicture(specification_of(chart), "", (), told), f"{note}."
