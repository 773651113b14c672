"""The edit page: one sample is changed, or a unit clamped, and the answer and every layer's change are seen at once."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import streamlit as st

from core.common.text import count_text
from core.errors import LayerscopeError
from core.workspace.edit_results import EditView
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_rows import row_of
from core.workspace.results import Answer, ModelSummary
from ui import keys
from ui.answers import answer_in_words
from ui.charts import chart
from ui.choice import Choice
from ui.edit_history import EditHistory, Edits
from ui.edit_tools import clamp_tool, input_tool
from ui.many_samples import heading, page_of_samples
from ui.selection import clicked_point
from ui.session import end_if_outdated, get_session
from ui.variants import variant_controls
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_BARS_HEIGHT: Final = 300


def page() -> None:
    """Draw the page."""
    page_of_samples("Edit", _edit)


def _edit(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    session = get_session()
    history = session.edit_history
    _about_lost_edits(choice, history)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        heading("Edit", _what_is_done(history.current))
        _history_buttons(history)
        variant_controls(history.current)
    try:
        view = _view(workspace, choice, history.current)
    except LayerscopeError as error:
        # What is done is seen, and can be taken back.
        show_error(error, workspace, "edit")
        return
    # Where nothing moves, the list says what it says on other pages.
    session.layer_changes = view.changes if view.largest else {}
    with st.container(key=keys.EDIT_COLUMNS):
        input_place, answer_place, layer_place = st.columns([4, 3.5, 4.5], gap="medium")
    with input_place:
        for shown in view.inputs:
            input_tool(shown, len(view.inputs) == 1)
    with answer_place:
        _answers(view)
        _bars(view, choice)
    session.last_part = partial(_layer, layer_place, workspace, choice, history.current)


def _view(workspace: WorkspaceInterface, choice: Choice, edits: Edits) -> EditView:
    """Return the sample before and after; asked for once, though the page runs after every click."""
    session = get_session()
    request = (*session.what_is_open, choice.sample, edits, choice.output, choice.meaning, workspace.labelling)
    if session.edit_view is None or session.edit_view[0] != request:
        with waiting(workspace, "Running the edited sample through every layer", "edit_view") as progress:
            view = workspace.edit_view(choice.sample, edits, choice.output, choice.meaning, progress)
        end_if_outdated()
        session.edit_view = (request, view)
    return session.edit_view[1]


def _about_lost_edits(choice: Choice, history: EditHistory) -> None:
    if "edits" in choice.lost and not history.current:
        st.info(
            f"{count_text(choice.lost['edits'], 'edit')} of this sample had been too long for the address of the page, "
            "and neither a reload nor a link brings them along. Keep a sample as a variant before you share it.",
            icon=":material/link_off:",
        )


def _what_is_done(edits: Edits) -> str:
    if not edits:
        return "draw, move a slider, clamp a unit: every layer follows"
    return count_text(len(edits), "change")


def _history_buttons(history: EditHistory) -> None:
    session = get_session()
    st.button(
        "Undo",
        key=keys.EDIT_UNDO,
        icon=":material/undo:",
        shortcut="Ctrl+Z",
        disabled=not history.before,
        on_click=session.change_edits,
        args=(EditHistory.undo,),
    )
    st.button(
        "Redo",
        key=keys.EDIT_REDO,
        icon=":material/redo:",
        shortcut="Ctrl+Shift+Z",
        disabled=not history.undone,
        on_click=session.change_edits,
        args=(EditHistory.redo,),
    )
    st.button(
        "Start over",
        key=keys.EDIT_RESTART,
        icon=":material/restart_alt:",
        disabled=not history.current,
        on_click=session.change_edits,
        args=(_start_over,),
        help="All changes go; Undo brings them back.",
    )


def _start_over(history: EditHistory) -> None:
    history.do(())


def _answers(view: EditView) -> None:
    with st.container(key=keys.EDIT_VERDICT):
        st.markdown(_verdict(view.before, view.after))
    if view.answers:
        chart(view.answers, keys.edited_answer("both"), alt=view.alt)
        return
    for when, answer in (("before", view.before), ("after", view.after)):
        if answer.failure is not None:
            st.error(f"{plain(answer.failure.message)} {plain(answer.failure.remedy)}", icon=":material/error:")
        elif answer.specification:
            st.caption(when.capitalize())
            chart(answer.specification, keys.edited_answer(when), alt=answer.alt)
        elif answer.text:
            st.text(answer.text)
        if answer.note:
            st.caption(plain(answer.note))


def _verdict(before: Answer, after: Answer) -> str:
    first, second = answer_in_words(before), answer_in_words(after)
    if not first or not second:
        return "Before and after"
    flipped = " :red-badge[another class]" if before.best and before.best != after.best else ""
    return f"{first} → {second}{flipped}"


def _bars(view: EditView, choice: Choice) -> None:
    if view.note:
        st.info(plain(view.note), icon=":material/memory:")
    if not view.largest:
        st.caption("No layer moves.")
    if not view.largest or not view.bars:
        return
    key = keys.edit_bars(choice.layer)
    with st.container(height=_BARS_HEIGHT, border=False):
        chart(view.bars, key, selections=("layer",), on_select=lambda: _select_layer(key))


def _select_layer(key: str) -> None:
    bar = clicked_point(key, "layer")
    if bar is not None:
        get_session().choice.select_layer(bar["layer"])


def _layer(place: Any, workspace: WorkspaceInterface, choice: Choice, edits: Edits) -> None:
    row = row_of(get_session().layer_rows or (), choice.layer)
    if row is None:
        return
    with place, st.container(key=keys.EDIT_LAYER):
        st.markdown(f"**{named(row.key)}** :small[:gray[{plain(row.type_name)} · {plain(row.shape)}]]")
        try:
            with waiting(workspace, f"Drawing {plain(row.key)}", "edited_layer"):
                found = workspace.edited_layer(choice.sample, edits, row.key, choice.unit)
        except LayerscopeError as error:
            show_error(error, workspace, "edited_layer_error")
            return
        clamp_tool(row.key, found, choice, edits)
        if found.note:
            st.caption(plain(found.note))
        elif found.specification:
            with st.container(key=keys.FITTED_CHART):
                chart(found.specification, keys.edited_layer(row.key))
