"""The rows of the list of layers: a component of ours, which marks a row as soon as it is clicked.

Streamlit's table waits before it tells of a click, marks a row only where its box is clicked, does not scroll to what
is selected, and is a picture to a screen reader. ``layer_rows.js`` draws a tree of rows instead, with names as text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from core.common.text import count_text, number_text
from core.workspace.layer_list import ListEntry
from ui import keys
from ui.session import get_session

__all__ = ["layer_rows"]

_HERE: Final = Path(__file__).parent

_rows = st.components.v2.component(
    "layerscope_layer_rows",
    html='<div class="layers"></div>',
    js=(_HERE / "layer_rows.js").read_text(encoding="utf-8"),
    css=(_HERE / "layer_rows.css").read_text(encoding="utf-8"),
)


def layer_rows(
    entries: Sequence[ListEntry],
    selected: str,
    *,
    choose: Callable[[str], None],
    fold: Callable[[str, bool], None],
    changes: Mapping[str, float] | None = None,
) -> None:
    """Draw a row for each entry, the selected one marked and in sight.

    Args:
        entries: The entries, as they stand under each other.
        selected: Key of the entry that is marked; none is where none has it.
        choose: Called with the key of a layer that was chosen.
        fold: Called with the key of an entry, and whether it is to be open.
        changes: How far each layer moves by an edit, by key, which is shown instead of its values; None or none shows
            these.
    """
    layers = [entry.key for entry in entries if entry.row is not None]
    holders = [entry.key for entry in entries if entry.count]
    most = max(filter(math.isfinite, (changes or {}).values()), default=0.0)
    _rows(
        key=keys.LAYER_ROWS,
        data={
            "entries": [_row(entry, changes or {}, most) for entry in entries],
            "changes": bool(changes),
            "selected": selected,
            "heard": get_session().heard_click,
        },
        height="content",
        on_chosen_change=lambda: _hand_on("chosen", layers, choose),
        on_opened_change=lambda: _hand_on("opened", holders, lambda key: fold(key, True)),
        on_closed_change=lambda: _hand_on("closed", holders, lambda key: fold(key, False)),
    )


def _hand_on(event: str, offered: Collection[str], action: Callable[[str], None]) -> None:
    match st.session_state[keys.LAYER_ROWS].get(event):
        case {"key": str(key), "number": int(number)}:
            get_session().heard_click = number
            # What the browser says may be about a list that was there before, or be made up.
            if key in offered:
                action(key)


def _row(entry: ListEntry, changes: Mapping[str, float], most: float) -> dict[str, Any]:
    row = entry.row
    change = changes.get(entry.key)
    told = "" if change is None else f"moves by {number_text(change)}×"
    shape, notes = (row.shape, " · ".join(row.notes)) if row else ("", "")
    count = f"{entry.count:,}" if row is None and not entry.says_count else ""
    said_count = count_text(entry.count, "layer") if count else ""
    return {
        "key": entry.key,
        "title": entry.title,
        "hint": " · ".join(filter(None, [row.key if row else entry.title, shape, told])),
        "spoken": ", ".join(filter(None, [entry.title, said_count, shape, notes, told])),
        "depth": entry.depth,
        "shape": shape,
        "bars": list(row.distribution) if row and not changes else [],
        "change": 0.0 if change is None or not most else min(1.0, change / most) if math.isfinite(change) else 1.0,
        "notes": notes,
        "count": count,
        "selects": row is not None,
        "holds": bool(entry.count),
        "open": entry.is_open,
    }
