"""Rows of the table of layers: found, and those of nested layers in sight or not."""

from __future__ import annotations

from collections.abc import Sequence

from core.workspace.results import LayerRow

__all__ = ["opened_layers", "parents_of", "row_of", "rows_in_sight"]


def parents_of(rows: Sequence[LayerRow], key: str) -> tuple[str, ...]:
    """Return the layers that a layer is nested in, by key, the innermost first."""
    parent_of = {row.key: row.parent for row in rows}
    found: list[str] = []
    while parent := parent_of.get(found[-1] if found else key, ""):
        found.append(parent)
    return tuple(found)


def row_of(rows: Sequence[LayerRow], key: str) -> LayerRow | None:
    """Return the row of a layer, or of the layer that keeps what bears the key to itself; None if there is none."""
    return next((row for row in rows if key == row.key or key in row.internals), None)


def opened_layers(rows: Sequence[LayerRow], selected: str) -> frozenset[str]:
    """Return the layers whose nested layers are in sight while a layer is selected, by key."""
    return frozenset({selected, *parents_of(rows, selected)})


def rows_in_sight(rows: Sequence[LayerRow], opened: frozenset[str]) -> list[LayerRow]:
    """Return the rows whose layers are nested in nothing, or only in layers that are opened, by key."""
    parent_of = {row.key: row.parent for row in rows}

    def is_in_sight(key: str) -> bool:
        parent = parent_of.get(key, "")
        return not parent or (parent in opened and is_in_sight(parent))

    return [row for row in rows if is_in_sight(row.key)]
