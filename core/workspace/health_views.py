"""The health of a model as sentences and charts: what was checked, wrong answers, what units answer to classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core import charts
from core.analysis.health import FEWEST_SAMPLES, KINDS, FindingKind
from core.analysis.judged_answers import JudgedAnswers
from core.charts.validation import specification_of
from core.common.text import class_name, count_text
from core.extraction.dataset.survey import Survey
from core.extraction.layers import is_input
from core.inputs.datasets import Dataset
from core.workspace.health_results import WrongSample
from core.workspace.results import ChartPicture

__all__ = ["class_means_chart", "confusion_picture", "what_was_checked", "wrong_samples"]

_NAMES: Final[Mapping[FindingKind, str]] = {
    "dead": "dead units",
    "constant": "constant units",
    "saturated": "saturated units",
    "alike": "copies",
    "drift": "input drift",
    "always on": "units that are always on",
}
_NEEDS: Final[Mapping[FindingKind, str]] = {
    "dead": "of ReLU layers",
    "constant": "of layers with weights",
    "saturated": "of bounded activation functions",
    "alike": "of layers with 2 or more units, from 30 values on",
    "drift": "of layers with statistics of training, from 30 values on",
    "always on": "of ReLU layers",
}
_MOST_CLASSES: Final = 30
_CELL: Final = 30
# Of each cell; no fewer than the page shows at once.
_MOST_WRONG: Final = 24
_MOST_UNITS: Final = 160
_CELLS_HEIGHT: Final = (90, 360)
_DARK_SHARE: Final = 0.6
_CONFUSED: Final = ("true", "answered", "true_class", "answered_class", "samples")


def what_was_checked(
    survey: Survey, checked: Mapping[FindingKind, Collection[str]], found: Collection[FindingKind]
) -> tuple[str, str]:
    """Return what was looked for and not found, and what was not looked for and why, each in sentences or empty.

    Args:
        survey: Of all layers.
        checked: Keys of the layers in which each kind was looked for, see :func:`core.analysis.health.checked_layers`.
        found: The kinds that were found.
    """
    count = survey.sample_count
    others = [kind for kind in KINDS if kind != "not finite"]
    finite = [key for key in checked["not finite"] if not is_input(key)]
    clear = [] if "not finite" in found else [f"No NaN and no infinite values ({_layers(finite)})."]
    if count < FEWEST_SAMPLES:
        names = ", ".join(_NAMES[kind] for kind in others).capitalize()
        return " ".join(clear), f"{names}: not checked ({FEWEST_SAMPLES} samples needed, there are {count:,})."
    absent = [f"{_NAMES[kind]} ({_layers(checked[kind])})" for kind in others if checked[kind] and kind not in found]
    clear += [f"No {', no '.join(absent)}."] if absent else []
    missing = [kind for kind in others if not checked[kind]]
    needs = [f"{_NAMES[kind]} ({_NEEDS[kind]})" for kind in missing]
    return " ".join(clear), f"Not checked: {', '.join(needs)}." if needs else ""


def _layers(keys: Collection[str]) -> str:
    return count_text(len(keys), "layer")


def wrong_samples(judged: JudgedAnswers) -> tuple[WrongSample, ...]:
    """Return samples that the model is wrong on, by number: the first of all, and of each cell of the matrix."""
    wrong = np.flatnonzero(judged.true != judged.answered)
    shown, _ = _shown_classes(judged)
    cells = pd.DataFrame({"true": judged.true[wrong], "answered": judged.answered[wrong]})
    rank = cells.groupby(["true", "answered"]).cumcount().to_numpy()
    listed = cells.isin(shown).all(axis=1).to_numpy() & (rank < _MOST_WRONG)
    listed[:_MOST_WRONG] = True
    wrong = wrong[listed]
    return tuple(
        WrongSample(*(int(each[at]) for each in (judged.samples, judged.true, judged.answered))) for at in wrong
    )


def confusion_picture(judged: JudgedAnswers) -> ChartPicture | None:
    """Return how often each class is answered for each, as a matrix; of many classes those with most mistakes."""
    if not judged.count:
        return None
    shown, note = _shown_classes(judged)
    kept = np.isin(judged.true, shown) & np.isin(judged.answered, shown)
    frame = (
        pd.DataFrame({"true": judged.true[kept], "answered": judged.answered[kept]})
        .value_counts(["true", "answered"])
        .reset_index(name="samples")
    )
    of_class = pd.Series(judged.true).value_counts()
    frame["share"] = frame["samples"] / frame["true"].map(of_class)
    for side in ("true", "answered"):
        frame[f"{side}_class"] = [class_name(int(number), judged.class_names) for number in frame[side]]
    names = [class_name(int(number), judged.class_names) for number in shown]
    told = f"{judged.wrong_count:,} of {judged.count:,} wrong"
    chart = _confusion_chart(frame, names, charts.title("True class and answered class", f"{told}{note}"))
    return ChartPicture(specification_of(chart), selections=(), alt=f"Confusion matrix: {told}. {_worst(frame)}")


def _shown_classes(judged: JudgedAnswers) -> tuple[np.ndarray, str]:
    numbers: np.ndarray = np.unique(np.concatenate([judged.true, judged.answered]))
    if len(numbers) <= _MOST_CLASSES:
        return numbers, ""
    wrong = judged.true != judged.answered
    mistakes = np.bincount(np.concatenate([judged.true[wrong], judged.answered[wrong]]), minlength=int(numbers[-1]) + 1)
    kept = numbers[np.argsort(-mistakes[numbers], kind="stable")[:_MOST_CLASSES]]
    return np.sort(kept), f"; the {_MOST_CLASSES} of {len(numbers):,} classes with the most mistakes"


def _worst(frame: pd.DataFrame) -> str:
    wrong = frame[frame["true"] != frame["answered"]]
    if wrong.empty:
        return "All that are shown are correct."
    worst = wrong.sort_values("samples", ascending=False).iloc[0]
    times = "once" if worst["samples"] == 1 else f"{worst['samples']:,} times"
    return f"Most often {worst['true_class']} is taken for {worst['answered_class']}: {times}."


def class_means_chart(means: np.ndarray, layer: str, dataset: Dataset) -> alt.Chart | None:
    """Return what each unit answers to each group in the mean; a click selects ``cell``, with ``class`` and ``unit``.

    The ``class`` is that of the model, and -1 where the group is none.

    Args:
        means: Shape ``(group, unit)``; NaN where no sample is of the group.
        layer: Key of the layer.
        dataset: The samples.

    Returns:
        The chart; None where no class is known.
    """
    known = np.flatnonzero(np.isfinite(means).any(axis=1)) if len(means) else np.empty(0, int)
    if not known.size:
        return None
    matrix = means[known]
    units, note = _units_apart(matrix)
    names = [class_name(int(number), dataset.group_names) for number in known]
    at, unit_at = np.indices((len(known), len(units))).reshape(2, -1)
    frame = pd.DataFrame(
        {
            "class": _classes_of_groups(dataset, known)[at],
            "class_name": np.asarray(names, object)[at],
            "unit": units[unit_at],
            "mean": matrix[:, units][at, unit_at],
        }
    )
    scale = charts.colour_scale(matrix[np.isfinite(matrix)])
    return (
        alt.Chart(frame)
        .mark_rect(cursor="pointer", invalid=None)
        .encode(
            alt.X("unit:O", title="Unit", axis=alt.Axis(labelAngle=0, labelOverlap="greedy", ticks=False)),
            alt.Y(
                "class_name:N",
                sort=names,
                title=None,
                axis=alt.Axis(labelLimit=110, labelBound=False, labelFlush=False, ticks=False),
            ),
            color=alt.Color(
                "mean:Q", title="Mean", scale=scale.altair(), legend=alt.Legend(gradientOpacity=1, format=".3~g")
            ),
            tooltip=[
                alt.Tooltip("class_name:N", title="class"),
                alt.Tooltip("unit:Q"),
                alt.Tooltip("mean:Q", format=".3~g"),
            ],
        )
        .add_params(alt.selection_point(name="cell", fields=["class", "unit"], on="click", clear=False))
        .properties(
            height=int(np.clip(22 * len(names), *_CELLS_HEIGHT)),
            title=charts.title(f"Mean of each unit of {layer} by class", f"{dataset.sample_count:,} samples{note}"),
        )
    )


def _classes_of_groups(dataset: Dataset, groups: np.ndarray) -> np.ndarray:
    if dataset.labels is None or dataset.groups is None:
        return np.full(len(groups), -1)
    present, first_sample = np.unique(dataset.groups, return_index=True)
    return dataset.labels[first_sample[np.searchsorted(present, groups)]]


def _units_apart(matrix: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the units to draw, in order, of many those whose means lie furthest apart, and a note on the others."""
    count = matrix.shape[1]
    if count <= _MOST_UNITS:
        return np.arange(count), ""
    finite = np.where(np.isfinite(matrix), matrix, 0.0)
    kept = np.argsort(-(finite.max(axis=0) - finite.min(axis=0)), kind="stable")[:_MOST_UNITS]
    return np.sort(kept), f"; the {_MOST_UNITS} of {count:,} units whose means differ the most between classes"


def _confusion_chart(frame: pd.DataFrame, names: Sequence[str], title: Any) -> alt.LayerChart:
    axis: dict[str, Any] = {
        "labelLimit": 110,
        "ticks": False,
        "labelOverlap": False,
        "labelBound": False,
        "labelFlush": False,
        "grid": False,
    }
    slanted = max(map(len, names)) > 3
    cells = alt.Chart(frame).encode(
        alt.X(
            "answered_class:N",
            title="Answered class",
            sort=list(names),
            scale=alt.Scale(domain=list(names)),
            axis=alt.Axis(**axis, labelAngle=-45) if slanted else alt.Axis(**axis),
        ),
        alt.Y(
            "true_class:N",
            title="True class",
            sort=list(names),
            scale=alt.Scale(domain=list(names)),
            axis=alt.Axis(**axis),
        ),
        tooltip=[
            alt.Tooltip("true_class:N", title="true class"),
            alt.Tooltip("answered_class:N", title="answered class"),
            alt.Tooltip("samples:Q", format=","),
            alt.Tooltip("share:Q", title="share of the true class", format=".1%"),
        ],
    )
    colour = alt.Color(
        "share:Q",
        title="Share of the true class",
        scale=alt.Scale(domain=[0, 1], scheme="viridis"),
        legend=alt.Legend(format="%", gradientLength=100, tickCount=2),
    )
    rectangles = (
        cells.mark_rect(cursor="pointer")
        .encode(color=colour)
        .add_params(alt.selection_point(name="confused", fields=list(_CONFUSED), on="click", clear=False))
    )
    counts = cells.mark_text(fontSize=11, cursor="pointer").encode(
        text=alt.Text("samples:Q", format=","),
        color=alt.when(alt.datum["share"] > _DARK_SHARE).then(alt.value("black")).otherwise(alt.value("white")),
    )
    side = _CELL if len(names) <= 12 else _CELL * 2 // 3
    return alt.LayerChart(layer=[rectangles, counts], height=alt.Step(side), title=title)
