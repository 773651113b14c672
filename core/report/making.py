"""The making of a report: every chapter in its turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from core.common.progress import Progress
from core.common.text import count_text, number_text, percent, safe_name
from core.errors import InputRejected
from core.report.asking import Asking
from core.report.chapters.answers import answers_chapter, mean_loss
from core.report.chapters.comparison import comparison_chapter
from core.report.chapters.health import TONES, health_chapter
from core.report.chapters.layers import layers_chapter, units_chapter
from core.report.chapters.model import model_chapter
from core.report.chapters.pins import pins_chapter
from core.report.chapters.samples import samples_chapter
from core.report.choices import ReportChoices
from core.report.conditions import Verdict
from core.report.contents import Badge, Item, Notice, Paragraph, Report, Row, Section, Table, Tile, Tone
from core.report.selection import select
from core.report.versions import versions_in_words
from core.workspace.health_results import HealthRow
from core.workspace.interface import WorkspaceInterface

__all__ = ["make_report"]


def make_report(
    workspace: WorkspaceInterface,
    choices: ReportChoices | None = None,
    verdicts: Sequence[Verdict] = (),
    progress: Progress | None = None,
) -> Report:
    """Return a report of what is open.

    What one chapter is refused, such as a gradient, is said in its place, and the others are there.

    Args:
        workspace: With a model open and samples for it, and a second model where both are to be compared.
        choices: What goes into it; what is left open is chosen.
        verdicts: What came of the conditions under which it fails.
        progress: Called with how far it is.

    Raises:
        InputRejected: If no model or no samples are open, or something chosen is not there.
        ExtractionFailed: If the model raises.
    """
    choices = choices or ReportChoices()
    if workspace.model is None or not workspace.sample_names:
        raise InputRejected("There is nothing to report.", remedy="Open a model, and give it samples.")
    asking = Asking(workspace, progress)
    asking.tell(0.0, "Running all samples")
    selection = select(asking, choices)
    asking.tell(0.2, "The model")
    sections = [model_chapter(asking), answers_chapter(asking), health_chapter(asking)]
    sections += [layers_chapter(asking, selection), units_chapter(asking, selection)]
    asking.tell(0.7, "Single samples")
    sections.append(samples_chapter(asking, list(selection.samples)))
    asking.tell(0.85, "The second model")
    sections.append(comparison_chapter(asking, selection))
    asking.tell(0.92, "Pins")
    sections.append(pins_chapter(asking, choices.pins, selection.samples[0]))
    sections.append(_about())
    told = [section for section in sections if not section.is_empty]
    count = len(workspace.sample_names)
    data = f" of {safe_name(choices.data)}" if choices.data else ""
    return Report(
        choices.title.strip() or safe_name(asking.model.name),
        f"What {safe_name(asking.model.name)} answers to {count_text(count, 'sample')}{data}",
        f"Made on {datetime.now(UTC):%d %B %Y, %H:%M} UTC with {versions_in_words()}",
        (_overview(asking, choices, verdicts), *told),
    )


def _overview(asking: Asking, choices: ReportChoices, verdicts: Sequence[Verdict]) -> Section:
    model, health = asking.model, asking.health
    tiles = [
        Tile(f"{model.layer_count:,}", "layers"),
        Tile(f"{model.parameter_count:,}", "parameters"),
        Tile(f"{health.sample_count:,}", "samples"),
    ]
    if health.accuracy is not None:
        tiles.append(Tile(percent(health.accuracy, 1), "answered correctly"))
    elif (loss := mean_loss(asking.rows)) is not None:
        tiles.append(Tile(number_text(loss[0]), loss[1]))
    count = len(health.rows)
    tiles.append(Tile(f"{count:,}", "finding" if count == 1 else "findings", _worst_tone(health.rows)))
    items: list[Item] = [Paragraph(choices.note, is_of_person=True)] if choices.note.strip() else []
    if health.rows:
        row = health.rows[0]
        tone = TONES.get(row.kind, "plain")
        items.append(Notice(f"Worst finding, in {row.layer}: {row.text}.", tone))
    if verdicts:
        items.append(_conditions(verdicts))
    return Section("At a glance", tuple(items), tiles=tuple(tiles))


def _conditions(verdicts: Sequence[Verdict]) -> Table:
    tones: dict[str, Tone] = {"held": "good", "failed": "bad", "not checked": "warning"}
    rows: list[Row] = [
        (each.condition, Badge("passed" if each.passed else each.outcome, tones[each.outcome]), each.text)
        for each in verdicts
    ]
    return Table(("fails if", "outcome", "what was found"), rows, caption="When this report fails.")


def _worst_tone(rows: Sequence[HealthRow]) -> Tone:
    tones = [TONES.get(row.kind, "plain") for row in rows]
    return next((tone for tone in tones if tone != "plain"), "plain") if tones else "good"


def _about() -> Section:
    return Section(
        "What this report is and is not",
        (
            Paragraph(
                "It says what the model answered to these samples, and nothing of others. Pictures show single samples "
                "where they say so; shares, findings and comparisons are over all of them."
            ),
            Paragraph(
                "Point at a chart to read its numbers; in many a click marks a unit or a sample. Each is saved as PNG "
                "or SVG from the menu at its corner. The file is complete: it asks nothing of any server."
            ),
            Paragraph(
                "An attribution says what counts for an answer by one method, not why the model is right or wrong. "
                "Findings are hints for a person who knows the data: a unit may be silent since nothing it looks for "
                "is among these samples."
            ),
        ),
    )
