"""What the model answers to the samples: how many are right, what is taken for what, and where it is furthest off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.common.text import count_text, number_text, percent, sentence
from core.report.asking import Asking, charts_of, distance_of, said_in
from core.report.contents import Badge, Figure, Item, Paragraph, Row, Section, Table
from core.workspace.results import SampleRow

__all__ = ["answers_chapter", "mean_loss"]

_ON_STRIP: Final = 12
_WORST: Final = 12


def answers_chapter(asking: Asking) -> Section:
    """Return the chapter.

    Args:
        asking: Asks the workspace.
    """
    rows = asking.rows
    items: list[Item] = [Paragraph(each) for each in _sentences(asking)]
    health = asking.health
    if health.confusion is not None:
        items.append(
            Figure(
                charts_of([health.confusion]),
                "Which class is taken for which",
                how_to_read="A row is a true class, a column the class that is answered; the number counts samples. "
                "What lies on the diagonal is right. Colour is the share of the true class.",
                limitations="Of a class with few samples a single mistake is a large share.",
            )
        )
    worst = _worst(rows)
    if worst:
        are_wrong = any(row.right is False for row in worst)
        with said_in(items):
            numbers = [row.number for row in worst[:_ON_STRIP]]
            strip = asking.workspace.sample_strip(numbers, -1)
            title = "Samples that are answered wrongly" if are_wrong else "Samples that are furthest off"
            items.append(Figure(charts_of([strip]), title))
        items.append(_table(worst))
    return Section("Its answers", tuple(items))


def mean_loss(rows: Sequence[SampleRow]) -> tuple[float, str] | None:
    """Return how far the answers are off in the mean over all samples, and what that is called; None if not known."""
    known = [row for row in rows if row.loss is not None]
    if not known:
        return None
    name = known[0].loss_name or "loss"
    return sum(row.loss or 0.0 for row in known) / len(known), name if name.startswith("mean ") else f"mean {name}"


def _sentences(asking: Asking) -> list[str]:
    health, labelling = asking.health, asking.workspace.labelling
    said = []
    if health.accuracy is not None:
        right = health.judged_count - health.wrong_count
        said.append(
            f"{right:,} of {count_text(health.judged_count, 'sample')} with a label are answered correctly: "
            f"{percent(health.accuracy, 1)}."
        )
    loss = mean_loss(asking.rows)
    if loss is not None:
        said.append(f"{sentence(loss[1]).rstrip('.')} over the samples: {number_text(loss[0])}.")
    if health.accuracy is None and loss is None:
        said.append("The samples have no labels that the answers could be judged by.")
    if labelling.note:
        said.append(labelling.note)
    return said


def _worst(rows: Sequence[SampleRow]) -> list[SampleRow]:
    """Return the samples that are answered wrongly; where none is or none is judged, those that are furthest off."""
    wrong = [row for row in rows if row.right is False]
    off = wrong or [row for row in rows if row.loss is not None and row.right is None]
    return sorted(off, key=distance_of, reverse=True)[:_WORST]


def _table(rows: Sequence[SampleRow]) -> Table:
    cells: list[Row] = [
        (
            f"{row.number:,}",
            "" if row.name == str(row.number) else row.name,
            row.true_label,
            row.answer,
            "" if row.confidence is None else percent(row.confidence),
            "" if row.loss is None else number_text(row.loss),
            "" if row.right is None else Badge("correct", "good") if row.right else Badge("wrong", "bad"),
        )
        for row in rows
    ]
    loss_name = next((row.loss_name for row in rows if row.loss_name), "loss")
    columns = ("sample", "name", "true", "answer", "confidence", loss_name, "verdict")
    return _without_empty_columns(Table(columns, cells, frozenset({0, 4, 5}), "The samples that are furthest off."))


def _without_empty_columns(table: Table) -> Table:
    used = [at for at in range(len(table.columns)) if any(row[at] for row in table.rows)]
    return Table(
        [table.columns[at] for at in used],
        [[row[at] for at in used] for row in table.rows],
        frozenset(new for new, at in enumerate(used) if at in table.numeric),
        table.caption,
    )
