"""What each kind of input is edited with: a brush, sliders, a stretch, words; and a unit that is clamped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.common.text import count_text, number_text
from core.inputs.edits import (
    ClampEdit,
    Edit,
    FeatureEdit,
    PaintEdit,
    RectangleEdit,
    StretchEdit,
    WordEdit,
    clamp_of,
    with_edit,
    without_edit,
)
from core.workspace.edit_results import EditableInput, EditedLayer
from ui import keys
from ui.answers import draw_input
from ui.choice import Choice
from ui.edit_canvas import CanvasTool, canvas
from ui.edit_history import EditHistory
from ui.session import get_session
from ui.wording import named, plain

__all__ = ["clamp_tool", "feature_range", "input_tool"]

_TOOLS: Final[dict[str, CanvasTool]] = {"Brush": "brush", "Rectangle": "rectangle"}
_TOOL_ICONS: Final = {"Brush": ":material/brush:", "Rectangle": ":material/crop_square:"}
_SHADES: Final = {"dark": 0.0, "grey": 0.5, "light": 1.0}
_OTHER: Final = "other"
_LISTED_FEATURES: Final = 12
_STEPS: Final = 200
_INPUT_SIDE: Final = 240
_COLOURS: Final = 3


def input_tool(shown: EditableInput, is_only: bool) -> None:
    """Draw one input as it is now, with what changes it.

    Args:
        shown: The input.
        is_only: Whether the model has no other.
    """
    if not is_only:
        st.markdown(f"**{named(shown.name)}**")
    {"picture": _picture, "features": _features, "series": _series, "words": _words, "none": _view}[shown.tool](shown)
    if shown.note:
        st.caption(plain(shown.note))


def clamp_tool(layer: str, found: EditedLayer, choice: Choice, edits: Sequence[Edit]) -> None:
    """Draw what clamps a unit of the selected layer, and the units that are clamped."""
    clamps = [each for each in edits if isinstance(each, ClampEdit)]
    unit = min(choice.unit or 0, found.unit_count - 1)
    if not found.unit_count:
        st.caption(f"No unit of {named(layer)} can be set to a value.")
    else:
        current = clamp_of(clamps).get(layer, {}).get(unit)
        unit_place, switch_place, value_place = st.columns([1.1, 1.4, 2], vertical_alignment="bottom", gap="small")
        with unit_place:
            key = keys.edit_field("unit", layer, choice.chart_version)
            st.session_state[key] = unit
            st.number_input("Unit", 0, found.unit_count - 1, key=key, on_change=_select_unit, args=(key,))
        with switch_place:
            key = keys.edit_field("clamps", layer, unit, get_session().edit_version)
            st.session_state[key] = current is not None
            st.toggle(
                "Clamp",
                key=key,
                on_change=_switch_clamp,
                args=(key, layer, unit),
                help="Set it to a value while the model runs, everywhere: at every place and timestep.",
            )
        with value_place:
            low, high = _clamp_range(found.lows[unit], found.highs[unit], current)
            key = keys.edit_field("value", layer, unit, low, high)
            st.session_state[key] = current if current is not None else min(max(0.0, low), high)
            # A label of its own: that of a field that is off is too pale to be read.
            st.caption(f"Value ({number_text(found.lows[unit])} to {number_text(found.highs[unit])} by itself)")
            st.slider(
                "Value",
                low,
                high,
                step=(high - low) / _STEPS,
                key=key,
                disabled=current is None,
                label_visibility="collapsed",
                on_change=_set_clamp,
                args=(key, layer, unit),
            )
    others = [each for each in clamps if (each.layer, each.unit) != (layer, unit)]
    if others:
        with st.container(horizontal=True, gap="xsmall"):
            for each in others:
                st.button(
                    f"{named(each.layer)} {each.unit} = {number_text(each.value)}",
                    key=keys.edit_field("free", each.layer, each.unit),
                    icon=":material/close:",
                    type="tertiary",
                    on_click=_put_back,
                    args=(each,),
                    help="Let it answer by itself again",
                )


def _do(edit: Edit) -> None:
    get_session().change_edits(lambda history: history.do(with_edit(history.current, edit)))


def _put_back(edit: Edit) -> None:
    """Let a feature, word or unit be as it was, whatever was made of it."""
    get_session().change_edits(lambda history: history.do(without_edit(history.current, edit)))


def _picture(shown: EditableInput) -> None:
    place = st.container()
    tool = st.segmented_control(
        "Tool",
        list(_TOOLS),
        default="Brush",
        required=True,
        key=keys.edit_field("tool", shown.name),
        format_func=lambda name: f"{_TOOL_ICONS[name]} {name}",
        label_visibility="collapsed",
    )
    size = _brush_size(shown) if tool != "Rectangle" else 1
    value, colour = _paint(shown)
    with place:
        canvas(shown, _TOOLS[tool or "Brush"], size, value, colour, draw=_draw_strokes)


def _draw_strokes(strokes: Sequence[PaintEdit | RectangleEdit]) -> None:
    def each_a_step(history: EditHistory) -> None:
        for stroke in strokes:
            history.do((*history.current, stroke))

    get_session().change_edits(each_a_step)


def _brush_size(shown: EditableInput) -> int:
    longest = max(shown.size[:2])
    most = max(3, longest // 4 * 2 + 1)
    usual = max(1, longest // 16 * 2 - 1)
    return int(
        st.slider(
            "Brush, pixels",
            1,
            most,
            usual,
            step=2,
            key=keys.edit_field("size", shown.name, most),
        )
    )


def _paint(shown: EditableInput) -> tuple[Sequence[float], str]:
    """Draw what pixels become; return that as the model sees it, and as it looks."""
    low, high = shown.lows[0], shown.highs[0]
    channels = shown.size[2]
    shade = st.segmented_control(
        "Paint with", [*_SHADES, _OTHER], default="light", required=True, key=keys.edit_field("shade", shown.name)
    )
    if shade != _OTHER:
        share = _SHADES[shade or "light"]
        return (low + (high - low) * share,), _grey(share)
    if channels == _COLOURS:
        colour = st.color_picker("Colour", "#c8102e", key=keys.edit_field("colour", shown.name))
        shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        return [low + (high - low) * each for each in shares], colour
    value = st.slider(
        "Value",
        low,
        high,
        (low + high) / 2,
        step=(high - low) / _STEPS,
        key=keys.edit_field("grey", shown.name, low, high),
    )
    return (value,), _grey((value - low) / (high - low))


def _grey(share: float) -> str:
    return "#" + f"{round(share * 255):02x}" * 3


def _features(shown: EditableInput) -> None:
    count = len(shown.values)
    names = [shown.names[at] if len(shown.names) == count else f"feature {at}" for at in range(count)]
    if count > _LISTED_FEATURES:
        # At first one that differs between the samples: a border of pixels may be the same in all.
        widest = max(range(count), key=lambda at: shown.highs[at] - shown.lows[at])
        key = keys.edit_field("feature", shown.name)
        at = st.selectbox("Feature", range(count), widest, format_func=lambda at: names[at], key=key)
        _feature(shown, at or 0, names[at or 0])
        _view(shown)
        return
    places = st.columns(2, gap="medium")
    for at, name in enumerate(names):
        with places[at % 2]:
            _feature(shown, at, name)


def _feature(shown: EditableInput, at: int, name: str) -> None:
    value = shown.values[at]
    low, high = feature_range(shown.lows[at], shown.highs[at], value)
    drawn = value if math.isfinite(value) else low
    key = keys.edit_field("value", shown.name, at, low, high)
    st.session_state[key] = drawn
    st.slider(
        named(name) if drawn == value else f"{named(name)}, {number_text(value)} now",
        low,
        high,
        step=(high - low) / _STEPS,
        key=key,
        on_change=_set_feature,
        args=(key, shown.name, at, drawn),
    )


def feature_range(low: float, high: float, value: float) -> tuple[float, float]:
    """Return what a feature can be set to: from its least to its largest, with room where both are the same.

    Args:
        low: Its least over all samples.
        high: Its largest.
        value: What it is now; an infinity or NaN is not in reach.
    """
    ends = [low, high, *([value] if math.isfinite(value) else [])]
    low, high = min(ends), max(ends)
    room = 0.0 if low < high else max(1.0, abs(low) / 1000)
    return low - room, high + room


def _set_feature(key: str, name: str, at: int, drawn: float) -> None:
    value = float(st.session_state[key])
    # The browser tells the value of a field that it was just given, too.
    if value != drawn:
        _do(FeatureEdit(name, at, value))


def _series(shown: EditableInput) -> None:
    _view(shown)
    steps, channels = shown.size
    what = shown.steps_are
    if steps < 1:
        return
    channel = None
    if channels > 1 and what == "step":
        named_channels = len(shown.names) == channels
        channel = st.selectbox(
            "Channel",
            [None, *range(channels)],
            key=keys.edit_field("channel", shown.name),
            format_func=lambda at: "all" if at is None else shown.names[at] if named_channels else str(at),
        )
    key = keys.edit_field("stretch", shown.name, steps)
    first, last = 0, 0
    if steps > 1:
        quarter = (steps // 4, max(steps // 2 - 1, steps // 4))
        first, last = st.slider(f"Stretch: first and last {what}", 0, steps - 1, quarter, key=key)
    with st.container(horizontal=True, gap="small"):
        for to, label in (("zero", "Set to zero"), ("mean", "Set to its mean")):
            st.button(
                label,
                key=keys.edit_field(to, shown.name),
                on_click=_do,
                args=(StretchEdit(shown.name, first, last + 1, channel, "zero" if to == "zero" else "mean"),),
                help=f"{count_text(last + 1 - first, what)}: {first} to {last}"
                + ("" if to == "zero" else ", each the mean over the whole sample"),
            )


def _words(shown: EditableInput) -> None:
    def label(at: int) -> str:
        word, now = shown.words[at], shown.edited_words[at]
        return named(word) if now == word else f"~~{named(word)}~~" if not now else f"~~{named(word)}~~ {named(now)}"

    key = keys.edit_field("word", shown.name)
    with st.container(height=170, border=True):
        at = st.pills("Words: click one to replace or remove it", range(len(shown.words)), format_func=label, key=key)
    if at is None:
        st.caption("Click a word, or go there by the keys Tab and Space.")
        return
    field = keys.edit_field("text", shown.name, at, get_session().edit_version)
    place, buttons = st.columns([1.4, 1], vertical_alignment="bottom", gap="small")
    place.text_input(
        f"Instead of “{named(shown.words[at])}”",
        shown.edited_words[at],
        key=field,
        on_change=_replace_word,
        args=(field, shown.name, at, shown.words[at]),
        max_chars=200,
    )
    with buttons.container(horizontal=True, gap="small"):
        st.button(
            "Remove",
            key=keys.edit_field("remove", shown.name),
            disabled=not shown.edited_words[at],
            on_click=_do,
            args=(WordEdit(shown.name, at, ""),),
        )
        st.button(
            "Put back",
            key=keys.edit_field("back", shown.name),
            disabled=shown.edited_words[at] == shown.words[at],
            on_click=_put_back,
            args=(WordEdit(shown.name, at, ""),),
        )


def _replace_word(field: str, name: str, at: int, word: str) -> None:
    text = " ".join(str(st.session_state[field]).split())
    if text == word:
        _put_back(WordEdit(name, at, text))
    else:
        _do(WordEdit(name, at, text))


def _view(shown: EditableInput) -> None:
    draw_input(shown.view, keys.edited_input(shown.name), _INPUT_SIDE)


def _clamp_range(low: float, high: float, current: float | None) -> tuple[float, float]:
    """Return what a unit can be set to: half as far again as it goes by itself, and 0."""
    reach = (high - low) / 2 or abs(high) or 1.0
    ends = [low - reach, high + reach, 0.0, *([] if current is None else [current])]
    return min(ends), max(ends)


def _select_unit(key: str) -> None:
    get_session().choice.select_unit(int(st.session_state[key]))


def _switch_clamp(key: str, layer: str, unit: int) -> None:
    clamp = ClampEdit(layer, unit, 0.0)
    if st.session_state[key]:
        _do(clamp)
    else:
        _put_back(clamp)


def _set_clamp(key: str, layer: str, unit: int) -> None:
    _do(ClampEdit(layer, unit, float(st.session_state[key])))
