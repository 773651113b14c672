"""The sidebar's part on labels: what they were taken for, and what the classes of the model are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import LabelSummary, ModelSummary
from ui.waiting import show_error
from ui.wording import named, plain

__all__ = ["labels"]

_ROLES: Final = {"class": "a class", "value": "a true value", "unused": "not used"}


def labels(workspace: WorkspaceInterface, model: ModelSummary) -> None:
    """Draw what the labels of the samples were taken for, and where the names of classes can be given."""
    _class_names(workspace, model)
    known = workspace.labelling
    if known.names_note:
        st.warning(plain(known.names_note), icon=":material/label_off:")
    if "value" in known.roles:
        _role(workspace, model, known)
    if known.note:
        st.caption(f":material/label: {plain(known.note)}")


def _role(workspace: WorkspaceInterface, model: ModelSummary, known: LabelSummary) -> None:
    # The role is part of the key, or the control would keep that of the labels before.
    chosen = st.segmented_control(
        f"The {plain(known.origin)} are",
        known.roles,
        default=known.role if known.role in known.roles else None,
        format_func=lambda role: _ROLES[role],
        required=True,
        key=f"label_role/{model.name}/{known.origin}/{'-'.join(known.roles)}/{known.role}",
    )
    if chosen and chosen != known.role:
        workspace.set_label_role(chosen)
        st.rerun()


def _class_names(workspace: WorkspaceInterface, model: ModelSummary) -> None:
    with st.popover("Class names", icon=":material/label:", width="stretch"):
        text = st.text_area(
            "One name a line, in the order of the model's outputs; or JSON",
            key=f"class_names/{model.name}",
            placeholder="cat\ndog\nzebra",
            help="A file labels.txt or class_names.json may also be dropped beside the data.",
        )
        _apply(workspace, (st.session_state.get("opened"), text), lambda: workspace.set_class_names(text))
        known = workspace.labelling
        if known.class_count:
            more = ", …" if known.class_count > len(known.class_names) else ""
            st.caption(f"{known.class_count:,} in use: {', '.join(map(named, known.class_names))}{more}")


def _apply(workspace: WorkspaceInterface, wanted: tuple[object, str], apply: Callable[[], None]) -> None:
    state = st.session_state
    if not wanted[1].strip() and "class_names" not in state:
        return
    if state.get("class_names", (None,))[0] != wanted:
        try:
            apply()
        except LayerscopeError as error:
            state["class_names"] = (wanted, error)
        else:
            state["class_names"] = (wanted, None)
    refusal = state["class_names"][1]
    if refusal:
        show_error(refusal, workspace, "class_names", icon=":material/block:")
