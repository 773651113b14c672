"""What a workspace answers, as what a tool answers: the same words and numbers, as few as an agent can use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from core.cli.mcp_tools.results import (
    AnswerToSample,
    ChartEntry,
    ChartOption,
    Comparison,
    Drift,
    Health,
    InputDescription,
    InputOfSample,
    LayerChange,
    LayerEntry,
    SampleEntry,
    finite,
)
from core.common.text import safe_name, sentence
from core.report.asking import without_clicks
from core.report.chapters.samples import answer_in_words
from core.workspace.health_results import HealthReport
from core.workspace.results import (
    Answer,
    ChartPicture,
    ChartResult,
    ComparisonReport,
    InputSummary,
    InputView,
    LayerRow,
    SampleRow,
    VisualizerSummary,
)

__all__ = [
    "answer_of_sample",
    "chart_entry",
    "chart_text",
    "comparison_of",
    "health_of",
    "input_description",
    "input_of_sample",
    "layer_entry",
    "sample_entry",
]

_FINDINGS: Final = 100
_WRONG: Final = 50
_LAYERS: Final = 100
_LONGEST_TEXT: Final = 1_000


def input_description(summary: InputSummary) -> InputDescription:
    """Return what an input expects."""
    return InputDescription(summary.name, summary.kind, summary.shape or "one value", summary.dtype)


def layer_entry(row: LayerRow) -> LayerEntry:
    """Return one layer of the list."""
    return LayerEntry(
        row.key,
        row.type_name,
        row.shape,
        row.parameter_count,
        row.depth,
        row.inputs_from,
        () if row.missing else row.notes,
        row.missing,
    )


def input_of_sample(view: InputView) -> InputOfSample:
    """Return what went into one input."""
    words = next((each for each in (view.text, view.letters, view.value, view.alt) if each), "")
    return InputOfSample(
        view.name,
        view.shape,
        " ".join(filter(None, (words[:_LONGEST_TEXT], view.note))),
        finite(view.minimum),
        finite(view.maximum),
        view.not_finite,
        view.warning,
        view.suggested_scaling if view.warning else "",
    )


def answer_of_sample(answer: Answer, row: SampleRow) -> AnswerToSample:
    """Return what the model answers to a sample, as the row of the sample and its answer tell it."""
    failure = f"{answer.failure.message} {answer.failure.remedy}".rstrip() if answer.failure else ""
    return AnswerToSample(
        row.number,
        safe_name(row.name),
        answer_in_words(answer),
        finite(answer.probability),
        answer.true_label,
        answer.right,
        answer.alt,
        " ".join(filter(None, (answer.note, failure))),
    )


def sample_entry(row: SampleRow) -> SampleEntry:
    """Return one sample of many."""
    return SampleEntry(
        row.number,
        safe_name(row.name),
        row.answer[:_LONGEST_TEXT],
        row.true_label,
        row.right,
        finite(row.confidence),
        finite(row.loss),
        row.loss_name,
    )


def health_of(report: HealthReport, model: str, data: str) -> Health:
    """Return what is wrong with a model."""
    return Health(
        model,
        data,
        report.sample_count,
        len(report.layers),
        len(report.rows),
        report.rows[:_FINDINGS],
        report.clear,
        report.note,
        finite(report.accuracy),
        report.judged_count,
        tuple(each.number for each in report.wrong[:_WRONG]),
        report.wrong_count,
        tuple(Drift(row.layer, finite(row.shift), finite(row.spread)) for row in report.drifts[:_LAYERS]),
    )


def comparison_of(report: ComparisonReport, data: str, sample_count: int) -> Comparison:
    """Return two models, or two samples, layer by layer: of many layers those that differ the most."""
    changes = [LayerChange(key, finite(change)) for key, change in zip(report.layers, report.changes, strict=True)]
    told = sorted(range(len(changes)), key=lambda place: _distance(changes[place]), reverse=True)[:_LAYERS]
    notes = []
    if report.conversion is not None and report.conversion.flip_count is not None:
        notes.append(
            f"One is a conversion of the other: they answer another class to {report.conversion.flip_count:,} of "
            f"{report.conversion.sample_count:,} samples."
        )
    if not changes:
        notes.append("No layer of the one is found in the other under the same key.")
    if len(changes) > _LAYERS:
        notes.append(f"The {_LAYERS} of {len(changes):,} layers that differ the most.")
    return Comparison(
        (safe_name(report.names[0]), safe_name(report.names[1])),
        data,
        sample_count,
        len(report.layers),
        tuple(changes[place] for place in sorted(told)),
        report.first,
        report.largest,
        " ".join(notes),
    )


def _distance(layer: LayerChange) -> float:
    # What is not finite differs the most.
    return float("inf") if layer.change is None else layer.change


def chart_entry(picture: VisualizerSummary) -> ChartEntry:
    """Return a chart that suits a layer, with the options that change something of it."""
    options = tuple(
        ChartOption(
            control.name,
            control.kind,
            control.none_title if control.default is None else str(control.default),
            control.description,
            finite(control.minimum),
            finite(control.maximum),
            tuple(map(str, control.choices)),
        )
        for control in picture.controls
        if control.name != "sample" and not control.is_idle
    )
    return ChartEntry(picture.name, picture.title, without_clicks(picture.description), options)


def chart_text(picture: VisualizerSummary, result: ChartResult, of_what: str, data: str) -> str:
    """Return what stands beside a chart: what it shows, how it is read, and what it does not say."""
    told: Sequence[tuple[str, Any]] = (
        ("", f"{picture.title}, {of_what}. Input: {data}."),
        ("Shows: ", " ".join(map(_shown, result.pictures))),
        ("How to read it: ", picture.how_to_read),
        ("What it does not say: ", picture.limitations),
        ("Notes: ", " ".join(map(sentence, (*result.notes, *result.faults.values())))),
    )
    return "\n\n".join(f"{heading}{text}" for heading, text in told if text)


def _shown(picture: ChartPicture) -> str:
    is_said = picture.alt.startswith(picture.caption.rstrip("."))
    return picture.alt if is_said else f"{sentence(picture.caption)} {picture.alt}".strip()
