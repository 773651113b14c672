"""A picture to draw on: a component of ours, as Streamlit has no part for it. By pointer, by touch and by keys."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import streamlit as st

from core.inputs.edits import PaintEdit, RectangleEdit
from core.workspace.edit_results import EditableInput
from ui import keys
from ui.session import get_session

__all__ = ["CanvasTool", "canvas"]

_HERE: Final = Path(__file__).parent
_MOST_POINTS: Final = 5_000
CanvasTool: TypeAlias = Literal["brush", "rectangle"]

_board = st.components.v2.component(
    "layerscope_canvas",
    html='<div class="board"></div>',
    js=(_HERE / "edit_canvas.js").read_text(encoding="utf-8"),
    css=(_HERE / "edit_canvas.css").read_text(encoding="utf-8"),
)


def canvas(
    shown: EditableInput,
    tool: CanvasTool,
    size: int,
    value: Sequence[float],
    colour: str,
    *,
    draw: Callable[[Sequence[PaintEdit | RectangleEdit]], None],
) -> None:
    """Draw a picture that can be drawn on.

    Args:
        shown: The picture.
        tool: What a pointer does.
        size: Diameter of the brush in pixels of the picture.
        value: What pixels become: one number, or one for each channel.
        colour: How that looks, such as ``"#ffffff"``, until the picture that the model sees is there.
        draw: Called with the strokes that were made since it was called last.
    """
    assert shown.picture is not None
    key = keys.edit_canvas(shown.name)
    _board(
        key=key,
        data={
            "picture": "data:image/png;base64," + base64.b64encode(shown.picture).decode(),
            "height": shown.size[0],
            "width": shown.size[1],
            "tool": tool,
            "size": size,
            "value": list(value),
            "colour": colour,
            "heard": get_session().heard_stroke,
            "label": f"{shown.view.alt} Arrow keys move over it, Space draws, Escape takes a stroke back.",
        },
        height="content",
        on_strokes_change=lambda: _hear(key, shown, draw),
    )


def _hear(key: str, shown: EditableInput, draw: Callable[[Sequence[PaintEdit | RectangleEdit]], None]) -> None:
    session, made = get_session(), []
    strokes = st.session_state[key].get("strokes")
    for stroke in strokes if isinstance(strokes, list) else []:
        number = stroke.get("number") if isinstance(stroke, dict) else None
        # A stroke is told again until it is heard of, so that none is lost between two runs.
        if not isinstance(number, int) or number <= session.heard_stroke:
            continue
        session.heard_stroke = number
        edit = _edit_of(stroke, shown)
        if edit is not None:
            made.append(edit)
    if made:
        draw(made)


def _edit_of(stroke: dict[str, Any], shown: EditableInput) -> PaintEdit | RectangleEdit | None:
    """Return the edit that the browser tells of; None where it is made up."""
    height, width, channels = shown.size
    match stroke:
        case {"points": [*points], "size": int(size), "value": [*value]} if 0 < len(points) <= _MOST_POINTS:
            pass
        case _:
            return None
    if len(value) not in (1, channels) or not all(_is_number(each) for each in value):
        return None
    places = []
    for point in points:
        match point:
            case [int(row), int(column)] if 0 <= row < height and 0 <= column < width:
                places.append((row, column))
            case _:
                return None
    numbers = tuple(float(each) for each in value)
    if stroke.get("tool") == "rectangle":
        rows, columns = zip(*places, strict=True)
        return RectangleEdit(shown.name, min(rows), min(columns), max(rows) + 1, max(columns) + 1, numbers)
    return PaintEdit(shown.name, tuple(places), max(1, min(size, 4096)), numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
