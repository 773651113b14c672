"""The layers as a short list: nested layers, blocks of one name and helper operations fold into one entry each."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.workspace.layer_rows import opened_layers, rows_in_sight
from core.workspace.results import LayerRow

__all__ = ["ListEntry", "list_entries"]

_FEWEST_IN_A_BLOCK: Final = 3
_MOST_IN_A_BLOCK: Final = 14
_FEWEST_HELPERS: Final = 2
_BLOCK: Final = "block:"
_HELPERS: Final = "helpers"
_LETTERS: Final = re.compile(r"[^\W\d]")
_DIGITS: Final = re.compile(r"\d")


@dataclass(frozen=True)
class ListEntry:
    """One entry of the list.

    Attributes:
        key: Key of the layer; of what layers are folded into, a name that no layer has.
        title: What the entry shows.
        depth: How many entries are around it.
        row: The layer; None for what layers are folded into.
        count: How many layers are folded into it; 0 for a layer that holds none.
        is_open: Whether they are listed.
        says_count: Whether the title says how many there are.
    """

    key: str
    title: str
    depth: int
    row: LayerRow | None
    count: int = 0
    is_open: bool = False
    says_count: bool = False


@dataclass(frozen=True)
class _Fold:
    key: str
    title: str
    rows: tuple[LayerRow, ...]
    says_count: bool = False


def list_entries(rows: Sequence[LayerRow], selected: str, opened: frozenset[str] = frozenset()) -> list[ListEntry]:
    """Return the list of layers; what holds the selected one is open.

    Args:
        rows: All layers in call order, nested ones after what they are nested in.
        selected: Key of the layer that is selected.
        opened: Keys of other entries that are open.
    """
    in_sight = rows_in_sight(rows, opened_layers(rows, selected) | opened)
    nested = Counter(row.parent for row in rows)
    holders = {row.parent for row in in_sight}
    fold_of = {row.key: fold for fold in _folds([row for row in rows if row.depth == 0]) for row in fold.rows}
    top_of = _tops(rows)
    selected_top = top_of.get(selected, selected)
    inside: dict[str, list[ListEntry]] = {}
    entries: list[ListEntry] = []
    for row in in_sight:
        fold = fold_of.get(top_of[row.key])
        depth = row.depth if fold is None else row.depth + 1
        entry = ListEntry(row.key, row.name, depth, row, nested[row.key], row.key in holders)
        if fold is None:
            entries.append(entry)
            continue
        if fold.key not in inside:
            is_open = fold.key in opened or any(each.key == selected_top for each in fold.rows)
            entries.append(ListEntry(fold.key, fold.title, 0, None, len(fold.rows), is_open, fold.says_count))
        inside.setdefault(fold.key, []).append(entry)
    unfolded: list[ListEntry] = []
    for entry in entries:
        unfolded.append(entry)
        if entry.row is None and entry.is_open:
            unfolded += inside[entry.key]
    return unfolded


def _tops(rows: Sequence[LayerRow]) -> dict[str, str]:
    """Return by each layer the one at the top that it is nested in, or itself."""
    tops: dict[str, str] = {}
    for row in rows:
        # What a layer is nested in stands before it.
        tops[row.key] = tops.get(row.parent, row.key)
    return tops


def _folds(rows: Sequence[LayerRow]) -> Iterable[_Fold]:
    helpers = tuple(row for row in rows if row.is_helper)
    if len(helpers) >= _FEWEST_HELPERS:
        yield _Fold(_HELPERS, f"{len(helpers):,} helper operations", helpers, says_count=True)
    position = 0
    while position < len(rows):
        prefix = next((prefix for prefix in _prefixes(rows[position].name) if _is_block(rows, position, prefix)), "")
        block = _run(rows, position, prefix) if prefix else ()
        if prefix:
            yield _Fold(f"{_BLOCK}{block[0].key}", prefix, block)
        position += len(block) or 1


def _prefixes(name: str) -> list[str]:
    """Return what a name may share with others of its block, the shortest first: up to a part with a number in it."""
    parts = name.split("_")
    return [
        "_".join(parts[:length])
        for length in range(1, len(parts))
        if _DIGITS.search("_".join(parts[:length])) and _LETTERS.search("_".join(parts[length:]))
    ]


def _run(rows: Sequence[LayerRow], start: int, prefix: str) -> tuple[LayerRow, ...]:
    return tuple(itertools.takewhile(lambda row: row.name.startswith(f"{prefix}_") and not row.is_helper, rows[start:]))


def _is_block(rows: Sequence[LayerRow], start: int, prefix: str) -> bool:
    # Of a part with many blocks, the last one would pass for all of it: those before count too.
    in_all = sum(row.name.startswith(f"{prefix}_") for row in rows)
    return len(_run(rows, start, prefix)) >= _FEWEST_IN_A_BLOCK and in_all <= _MOST_IN_A_BLOCK
