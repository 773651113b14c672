"""Pins: what a person keeps to go there again, and to set every picture beside it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_rows import row_of
from core.workspace.pin_results import Pinned
from ui import keys
from ui.choice import LONGEST_NOTE, LONGEST_PIN_NAME, MOST_PINS, Choice, Pin
from ui.second_model import second_models
from ui.session import get_session
from ui.wording import named, plain

__all__ = ["misfit_of", "pinned", "pins", "set_beside", "take_model_of_pin"]

_SAMPLE: Final = "Sample"
_LAYER: Final = "Layer"
_UNIT: Final = "Unit"
_MODEL: Final = "Other model"


def pins(workspace: WorkspaceInterface, choice: Choice) -> None:
    """Draw the button that pins what is selected, and lists what is pinned.

    Args:
        workspace: What is open.
        choice: What is chosen.
    """
    count = f" {len(choice.pins)}" if choice.pins else ""
    with st.popover(f"☆{count}", help="Pin a sample, layer, unit or model", width="content", key=keys.PINS):
        _new_pin(workspace, choice)
        for pin in choice.pins:
            _line(workspace, choice, pin)
        if choice.pins:
            st.caption("“Beside” draws every picture of *Explore* twice, on one scale, and the difference.")


def misfit_of(workspace: WorkspaceInterface, pin: Pin) -> str:
    """Return why a pin cannot be gone to or set beside anything now, as a sentence; empty if it can."""
    open_now = _what_is_open(workspace, with_data=pin.sample is not None)
    if pin.of and pin.of != open_now:
        return f"It is of {pin.of}, which is not open."
    if pin.sample is not None and pin.sample >= len(workspace.sample_names):
        return f"There is no sample {pin.sample:,} now."
    view = get_session().sample_view
    if pin.layer and view is not None and row_of(view.layers, pin.layer) is None:
        return f"There is no layer {pin.layer} now."
    if pin.model and pin.model not in _second_models(workspace):
        return "Its model is not there: choose it on the page “Compare”."
    return ""


def take_model_of_pin(choice: Choice) -> None:
    """Let the second model be that of the pin which every picture is set beside."""
    pin = choice.pin_beside
    if pin is not None and pin.model:
        choice.against = pin.model


def _second_models(workspace: WorkspaceInterface) -> dict[str, str]:
    """Return the titles of the models that can be set beside the open one, by the names that the address has."""
    choice, model = get_session().choice, workspace.model
    if model is None:
        return {}
    models = second_models(workspace, model, choice)
    is_open = workspace.compared is not None
    return {
        name: each.title if each.open is not None or workspace.compared is None else workspace.compared.name
        for name, each in models.items()
        if each.open is not None or (is_open and name == choice.against)
    }


def pinned(pin: Pin) -> Pinned:
    """Return a pin as the workspace is asked for it."""
    return Pinned(pin.sample, pin.layer, pin.unit, bool(pin.model))


def _what_is_open(workspace: WorkspaceInterface, *, with_data: bool) -> str:
    data = get_session().choice.data
    model = workspace.model.name if workspace.model else ""
    return f"{model} with {data}" if with_data and data else model


def _new_pin(workspace: WorkspaceInterface, choice: Choice) -> None:
    offered = {_SAMPLE: f"sample {choice.sample:,}"}
    if choice.layer:
        offered[_LAYER] = choice.layer
    if choice.unit is not None:
        offered[_UNIT] = f"unit {choice.unit:,}"
    models = _second_models(workspace)
    second = choice.against if choice.against in models else next(iter(models), "")
    if second:
        offered[_MODEL] = models[second]
    st.markdown("**Pin what is selected**")
    parts = st.pills(
        "Pin what is selected",
        list(offered),
        selection_mode="multi",
        default=[_SAMPLE],
        format_func=lambda part: plain(offered[part]),
        key=keys.fresh(keys.PIN_PARTS, choice.pin_version),
        label_visibility="collapsed",
    )
    proposed = " · ".join(offered[part] for part in offered if part in parts)
    line = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    name_key = keys.fresh(keys.PIN_NAME, choice.pin_version)
    line.text_input("Name", key=name_key, placeholder=proposed, max_chars=LONGEST_PIN_NAME, width=260)

    def add() -> None:
        name = str(st.session_state.get(name_key) or "").strip() or proposed
        is_of_layer = _LAYER in parts or _UNIT in parts
        get_session().choice.add_pin(
            Pin(
                name,
                _what_is_open(workspace, with_data=_SAMPLE in parts),
                choice.sample if _SAMPLE in parts else None,
                choice.layer if is_of_layer else "",
                choice.unit if _UNIT in parts else None,
                second if _MODEL in parts else "",
                choice.visualizer if is_of_layer else "",
            )
        )

    line.button("Pin", key=keys.pin("add", "", choice.pin_version), on_click=add, disabled=not parts, type="primary")
    if len(choice.pins) >= MOST_PINS:
        st.caption(f"There are {MOST_PINS} pins, the most that are kept: another one takes the place of the oldest.")


def _line(workspace: WorkspaceInterface, choice: Choice, pin: Pin) -> None:
    misfit = misfit_of(workspace, pin)
    version = choice.pin_version
    line = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
    key = keys.pin("name", pin.name, version)
    line.text_input(
        f"Name of {pin.name}",
        pin.name,
        key=key,
        max_chars=LONGEST_PIN_NAME,
        label_visibility="collapsed",
        width=190,
        help=_in_words(pin),
        on_change=lambda: get_session().choice.rename_pin(pin.name, str(st.session_state[key]).strip()),
    )
    line.button(
        "Go",
        key=keys.pin("go", pin.name, version),
        help=f"Select it: {_in_words(pin)}",
        disabled=bool(misfit) or not (pin.layer or pin.sample is not None),
        on_click=lambda: get_session().choice.go_to_pin(pin),
    )
    is_beside = choice.beside == pin.name
    line.button(
        "Beside",
        key=keys.pin("beside", pin.name, version),
        help="Set every picture beside it" if not is_beside else "End it",
        type="primary" if is_beside else "secondary",
        disabled=bool(misfit) and not is_beside,
        on_click=lambda: set_beside("" if is_beside else pin.name),
    )
    line.button(
        "Remove",
        key=keys.pin("remove", pin.name, version),
        type="tertiary",
        on_click=lambda: get_session().choice.remove_pin(pin.name),
    )
    note_key = keys.pin("note", pin.name, version)
    st.text_input(
        f"Note on {pin.name}",
        pin.note,
        key=note_key,
        max_chars=LONGEST_NOTE,
        label_visibility="collapsed",
        placeholder="Note, for the report",
        on_change=lambda: get_session().choice.note_pin(pin.name, str(st.session_state[note_key])),
    )
    if misfit:
        st.caption(f":material/link_off: {plain(misfit)}")


def set_beside(name: str) -> None:
    """Set every picture beside a pin; an empty name ends that."""
    get_session().choice.beside = name


def _in_words(pin: Pin) -> str:
    parts = [
        "" if pin.sample is None else f"sample {pin.sample:,}",
        named(pin.layer) if pin.layer else "",
        "" if pin.unit is None else f"unit {pin.unit:,}",
        named(pin.model) if pin.model else "",
    ]
    return " · ".join(filter(None, parts))
