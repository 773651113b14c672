"""Comparisons as charts: distances by layer, a matrix of similarities, one layer of both side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core import charts
from core.analysis.comparison import (
    NOISE,
    Comparison,
    arranged,
    compare_models,
    compare_samples,
    first_that_differs,
    largest_change,
    matched_by_values,
)
from core.analysis.differences import squared_distances
from core.charts.validation import specification_of
from core.common.progress import Progress, counted
from core.common.text import class_name, number_text
from core.errors import InputRejected
from core.extraction.activation import Activation
from core.extraction.extractor import Extractor
from core.inputs.datasets import Dataset
from core.workspace.conversion_results import Conversion
from core.workspace.results import ComparisonReport

__all__ = ["layer_chart", "models_report", "samples_report"]

_MOST_BARS: Final = 400
_PANEL: Final = 170
_MOST_UNITS: Final = 400
_MOST_FLIPS: Final = 24


def models_report(
    first: Extractor, second: Extractor, dataset: Dataset, names: tuple[str, str], progress: Progress | None
) -> ComparisonReport:
    """Return two models against each other over samples, see :func:`compare_models` for what is raised.

    Args:
        first: Holds one model.
        second: Holds the other.
        dataset: The samples.
        names: What each model is called.
        progress: Called with how much is done.
    """
    found = compare_models(first, second, dataset, counted(progress))
    similarity = specification_of(similarity_chart(found, names))
    report = _report(found.distances, names, similarity, found.partners)
    if not matched_by_values(first, second):
        return report
    flips = found.flips or ()
    classes = dataset.class_names
    conversion = Conversion(
        tuple(found.partners[key] for key in found.distances),
        tuple(found.distances.values()),
        tuple(
            (each.sample, class_name(each.first, classes), class_name(each.second, classes))
            for each in flips[:_MOST_FLIPS]
        ),
        None if found.flips is None else len(flips),
        found.sample_count,
    )
    return replace(report, conversion=conversion)


def samples_report(extractor: Extractor, dataset: Dataset, first: int, second: int) -> ComparisonReport:
    """Return a model's answers to one sample against those to another.

    Raises:
        ExtractionFailed: If the model raises.
    """
    return _report(compare_samples(extractor, dataset, first, second), (f"sample {first}", f"sample {second}"), {})


def layer_chart(
    answers: tuple[Extractor, int, str],
    others: tuple[Extractor, int, str],
    dataset: Dataset,
    layers: tuple[str, str],
    unit: int | None = None,
) -> dict[str, Any]:
    """Return one layer of both side by side, with their difference.

    Args:
        answers: A model, a sample, and what to call that.
        others: Likewise.
        dataset: Where the samples are from.
        layers: Key of the layer in either model.
        unit: Which channel of images is drawn; None takes the one that differs the most. Of other layers it is marked.

    Raises:
        InputRejected: If one of them has no such layer, or their answers differ in shape.
        ExtractionFailed: If a model raises.
    """
    found = []
    for (extractor, sample, name), layer in zip((answers, others), layers, strict=True):
        try:
            given = arranged(extractor, dataset.batch(sample, sample + 1))
            found.append(extractor.extract(given, layers=[layer])[layer])
        except KeyError as error:
            raise InputRejected(f"{name} has no layer {layer!r}.", remedy="Choose one that both have.") from error
    chart = difference_chart(found[0], found[1], (answers[2], others[2]), unit)
    specification: dict[str, Any] = specification_of(chart)
    return specification


def _report(
    distances: Mapping[str, float],
    names: tuple[str, str],
    similarity: dict[str, Any],
    partners: Mapping[str, str] | None = None,
) -> ComparisonReport:
    drawn = specification_of(distance_chart(distances, names, partners)) if distances else {}
    first, largest = first_that_differs(distances), largest_change(distances)
    return ComparisonReport(
        names, drawn, similarity, tuple(distances), first, largest, changes=tuple(map(float, distances.values()))
    )


def _largest_in_words(distances: Mapping[str, float], largest: str) -> str:
    if not largest:
        return "No layer differs beyond rounding"
    if not np.isfinite(distances[largest]):
        return f"{largest} cannot be compared: it answers numbers that are not finite"
    return f"Largest change: {largest} ({distances[largest]:.3g}×)"


def distance_chart(
    distances: Mapping[str, float], names: tuple[str, str], partners: Mapping[str, str] | None = None
) -> alt.Chart:
    """Return a bar per layer, in call order; the layer that changes the most is marked. A click selects ``layer``."""
    largest, first = largest_change(distances), first_that_differs(distances)
    against = {key: (partners or {}).get(key, key) for key in distances}
    is_by_values = any(key != partner for key, partner in against.items())
    bars = [(key, against[key], distance) for key, distance in distances.items()][:_MOST_BARS]
    frame = pd.DataFrame(bars, columns=["layer", "against", "distance"])
    frame["number"] = range(len(frame))
    # The numbers stand in the names: only text of axes follows the page from light to dark.
    frame["name"] = [
        f"{key}{'' if key == partner else f' – {partner}'}  {distance:.3g}×" for key, partner, distance in bars
    ]
    frame["is"] = np.where(frame["layer"] == largest, "largest change", "")
    told = f"{names[0]} against {names[1]}"
    title = charts.title(
        _largest_in_words(distances, largest),
        told,
        *([f"the first layer that differs is {first}"] if first else []),
    )
    axis = alt.Axis(labelLimit=260, labelOverlap=False, labelBound=False, labelFlush=False, ticks=False)
    return (
        alt.Chart(frame, height=alt.Step(18), title=title)
        .mark_bar(cursor="pointer")
        .encode(
            alt.X(
                "distance:Q",
                title="Change of the layer's output (relative)",
                axis=alt.Axis(tickCount=5),
                scale=alt.Scale(domainMin=0, domainMax=alt.Undefined if first else 1),
            ),
            alt.Y("name:N", sort=charts.row_order("number"), title=None, axis=axis),
            color=alt.when(alt.datum["is"] != "").then(alt.value("#e45756")).otherwise(alt.value(charts.MARK_COLOUR)),
            tooltip=[
                alt.Tooltip("layer:N"),
                *([alt.Tooltip("against:N")] if is_by_values else []),
                alt.Tooltip("distance:Q", title="change", format=".3~g"),
            ],
        )
        .add_params(charts.clicked("layer"))
    )


def similarity_chart(compared: Comparison, names: tuple[str, str]) -> alt.LayerChart:
    """Return the matrix of linear CKA, layers of the first model down, of the second across."""
    rows, columns = len(compared.first_layers), len(compared.second_layers)
    estimate = ", the mean over batches" if compared.is_estimate else ""
    title = charts.title(
        "Similarity of all layers: linear CKA",
        f"{compared.sample_count:,} samples{estimate}; down: {names[0]}, across: {names[1]}",
    )
    return charts.heatmap(
        compared.similarity,
        row="layer of the first",
        column="layer of the second",
        scale=charts.ColourScale(0.0, 1.0, "viridis"),
        value_title="CKA",
        height=int(np.clip(18 * rows, 160, 620)),
        title=title,
        row_labels=compared.first_layers if rows <= 60 else None,
        column_labels=compared.second_layers if columns <= 60 else None,
    )


def difference_chart(first: Activation, second: Activation, names: tuple[str, str], unit: int | None = None) -> Any:
    """Return one sample's answers of both, side by side with their difference; of images one channel.

    Of what answers units, without places or in timesteps, all are drawn, and the chosen one is marked.

    Args:
        first: One sample of an activation, the sample axis first.
        second: Another of the same shape.
        names: What each is called.
        unit: Which channel is drawn, or which unit is marked; None draws the channel that differs the most.

    Raises:
        InputRejected: If they differ in shape, or are no numbers.
    """
    if first.shape != second.shape or not (first.is_numeric and second.is_numeric):
        raise InputRejected(
            f"{first.key} answers {charts.format_shape(first.shape[1:])} here and "
            f"{charts.format_shape(second.shape[1:])} there.",
            remedy="Choose a layer that both have, of the same shape.",
        )
    one, other = (each.values[0].astype(np.float64) for each in (first, second))
    if one.ndim <= 1:
        return _units(one.reshape(-1), other.reshape(-1), first.key, names, unit)
    note, marked = "", None
    is_sequence = one.ndim == 2
    shown = first.axes[1:] if is_sequence else first.axes[-3:-1]
    quantities = [places.quantity if (places := first.places(axis)) else "" for axis in shown]
    # With a sampling rate or without one: then frames and bands are numbered.
    is_spectrum = set(quantities) == {"time", "frequency"}
    if not is_sequence:
        one, other, note = _channel(one, other, unit)
    elif not is_spectrum and unit is not None and 0 <= unit < one.shape[-1]:
        note, marked = f"unit {unit} of {one.shape[-1]:,} is framed", unit
    is_upright = quantities[0] == "frequency" if is_spectrum else not is_sequence
    if not is_upright:
        one, other, shown = one.T, other.T, shown[::-1]  # time to the right
    row_ruler, column_ruler = (charts.ruler_of(first, axis) for axis in shown)
    row, column = ("band", "frame") if is_spectrum else ("unit", "timestep") if is_sequence else shown
    both = np.concatenate([one.ravel(), other.ravel()])
    shared = charts.colour_scale(both[np.isfinite(both)])
    difference = other - one
    most = float(np.abs(difference[np.isfinite(difference)]).max(initial=0)) or 1.0
    panels = [(names[0], one, shared), (names[1], other, shared)]
    panels.append(("Difference", difference, charts.ColourScale(-most, most, "blueorange")))
    drawn: list[Any] = [
        charts.heatmap(
            values,
            row=row,
            column=column,
            row_ruler=row_ruler,
            column_ruler=column_ruler,
            upwards=is_spectrum,
            scale=scale,
            width=_PANEL,
            height=_PANEL,
            title=name,
            most_tooltips=1500,
            legend=at != 1,
        )
        for at, (name, values, scale) in enumerate(panels)
    ]
    if marked is not None:
        drawn = [charts.mark_row(panel, marked, f"unit {marked}") for panel in drawn]
    # Three beside each other are wider than a small window.
    return alt.concat(*drawn, columns=2, title=charts.title(f"{first.key}, side by side", note)).resolve_scale(
        color="independent"
    )


def _channel(one: np.ndarray, other: np.ndarray, unit: int | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Return one channel of maps, shape ``(height, width)``, and which it is: the one that differs the most for None.

    Where there are several maps, such as of frames, they stand under one another.
    """
    count = one.shape[-1]
    is_chosen = unit is not None and 0 <= unit < count
    chosen = int(unit or 0) if is_chosen else int(squared_distances(one, other).argmax())
    note = f"channel {chosen} of {count:,}" + ("" if is_chosen else ", the one that differs the most")
    one, other = (each.reshape(-1, *each.shape[-2:])[..., chosen] for each in (one, other))
    return one, other, note


def _units(one: np.ndarray, other: np.ndarray, key: str, names: tuple[str, str], unit: int | None) -> alt.VConcatChart:
    kept = np.arange(len(one)) if len(one) <= _MOST_UNITS else charts.thin(other - one, buckets=_MOST_UNITS // 2)
    labels = list(names) if names[0] != names[1] else [f"{names[0]} (1)", f"{names[1]} (2)"]
    frame = pd.DataFrame({"unit": kept, labels[0]: one[kept], labels[1]: other[kept]})
    x = alt.X("unit:Q", title="Unit", axis=alt.Axis(format="d", tickMinStep=1), scale=alt.Scale(nice=False))
    long = frame.melt("unit", var_name="of", value_name="answer")
    lines = (
        alt.Chart(long)
        .mark_line(point=len(kept) <= 100, strokeWidth=1.5, opacity=0.85)
        .encode(
            x,
            alt.Y("answer:Q", title="Activation"),
            color=alt.Color("of:N", sort=labels, title=None, legend=alt.Legend(orient="top", labelLimit=300)),
            tooltip=["unit:Q", "of:N", alt.Tooltip("answer:Q", format=".4~g")],
        )
        .properties(width=470, height=170)
    )
    away = pd.DataFrame({"unit": kept, "difference": (other - one)[kept]})
    bars = (
        alt.Chart(away)
        .mark_bar(color="#e45756", size=max(1, min(10, 420 // max(len(kept), 1))))
        .encode(x, alt.Y("difference:Q", title="Difference"), tooltip=["unit:Q", "difference:Q"])
        .properties(width=470, height=90)
    )
    distance = float(np.linalg.norm(other - one) / (np.linalg.norm(one) or 1.0))
    told = f"relative distance {number_text(distance)}" if distance > NOISE else "the same but for rounding"
    panels: list[Any] = [lines, bars]
    marked = ""
    if unit is not None and 0 <= unit < len(one):
        panels = [alt.layer(panel, charts.unit_rule(unit).encode(x)) for panel in panels]
        marked = f"the line marks unit {unit}: {number_text(one[unit])} and {number_text(other[unit])}"
    return alt.vconcat(*panels, title=charts.title(f"{key}, side by side", told, marked))
