"""The health of the model: what is wrong with its layers, and what was looked for and not found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.analysis.health import MEANINGS
from core.common.text import count_text, number_text, percent
from core.report.asking import Asking
from core.report.contents import Badge, Item, Notice, Paragraph, Row, Section, Table, Tone
from core.workspace.health_results import DriftRow, HealthRow

__all__ = ["TONES", "health_chapter"]

TONES: Final[Mapping[str, Tone]] = {
    "not finite": "bad",
    "dead": "bad",
    "constant": "warning",
    "saturated": "warning",
    "drift": "warning",
    "alike": "plain",
    "always on": "plain",
}
"""How each kind of finding is coloured."""
_MOST_ROWS: Final = 60


def health_chapter(asking: Asking) -> Section:
    """Return the chapter.

    Args:
        asking: Asks the workspace.
    """
    report = asking.health
    items: list[Item] = []
    if report.rows:
        items.append(_table(report.rows[:_MOST_ROWS]))
        if len(report.rows) > _MOST_ROWS:
            items.append(Paragraph(f"The worst {_MOST_ROWS} of {len(report.rows):,} findings."))
    looked_for = f"{report.clear} {report.note}".strip()
    if looked_for:
        items.append(Notice(looked_for, "plain" if report.rows or report.note else "good"))
    sections = [_drift(report.drifts)] if report.drifts else []
    if report.rows:
        kinds = dict.fromkeys(row.kind for row in report.rows)
        cells: list[Row] = [(Badge(kind, TONES.get(kind, "plain")), MEANINGS.get(kind, "")) for kind in kinds]
        about = Table(("finding", "meaning"), cells, caption="What each kind of finding means.")
        limits = Paragraph(
            f"All of it is over {count_text(report.sample_count, 'sample')}. What these do not hold cannot be seen: a "
            "unit that is dead here may answer to something else."
        )
        sections.append(Section("How to read the findings", (about, limits)))
    return Section("Its health", tuple(items), tuple(sections))


def _table(rows: tuple[HealthRow, ...]) -> Table:
    cells: list[Row] = [
        (
            row.layer,
            Badge(row.kind, TONES.get(row.kind, "plain")),
            percent(row.found / row.unit_count) if row.unit_count else "",
            row.text,
            _units(row),
        )
        for row in rows
    ]
    columns = ("layer", "finding", "share", "what was found", "units")
    return Table(columns, cells, frozenset({2}), "What was found, the worst first.")


def _units(row: HealthRow) -> str:
    listed = ", ".join(map(str, row.units))
    return f"{listed}, …" if row.found > len(row.units) else listed


def _drift(rows: tuple[DriftRow, ...]) -> Section:
    cells: list[Row] = [(row.layer, f"{number_text(row.shift)} σ", f"{number_text(row.spread)}×") for row in rows]
    table = Table(
        ("layer", "mean, of the channel furthest off", "spread, of the channel furthest off"),
        cells,
        frozenset({1, 2}),
        "Input drift of each layer that keeps statistics of training.",
    )
    about = Paragraph(
        "Layers that normalize keep mean and spread of what they saw in training. The mean says by how many standard "
        "deviations of training the samples lie elsewhere, the spread how many times as wide they are."
    )
    return Section("Input drift", (about, table))
