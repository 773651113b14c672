"""The sidebar's part on labels: what they were taken for, and what the classes of the model are called."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from core.workspace.interface import WorkspaceInterface
from core.workspace.results import LabelSummary, ModelSummary
from ui import keys
from ui.session import Session
from ui.waiting import show_error
from ui.wording import named, plain

__all__ = ["label_warning", "labels"]

_ROLES: Final = {"class": "a class", "value": "a true value", "unused": "not used"}


def labels(session: Session, model: ModelSummary) -> None:
    """Draw what the labels of the samples were taken for, and where the names of classes can be given."""
    _class_names(session, model)
    summary = session.workspace.labelling
    if "value" in summary.roles:
        _role(session.workspace, model, summary)
    if summary.note:
        st.caption(f":material/label: {plain(summary.note)}")


def label_warning(session: Session) -> None:
    """Say why names of classes are not taken, to be called where it is seen."""
    note = session.workspace.labelling.names_note
    if note:
        st.warning(plain(note), icon=":material/label_off:")


def _role(workspace: WorkspaceInterface, model: ModelSummary, summary: LabelSummary) -> None:
    # The role is part of the key, or the control would keep that of the labels before.
    role = st.segmented_control(
        f"The {plain(summary.origin)} are",
        summary.roles,
        default=summary.role if summary.role in summary.roles else None,
        format_func=lambda role: _ROLES[role],
        required=True,
        key=keys.label_role(model.name, summary.origin, summary.roles, summary.role),
    )
    if role and role != summary.role:
        workspace.set_label_role(role)
        st.rerun()


def _class_names(session: Session, model: ModelSummary) -> None:
    with st.expander("Class names", icon=":material/label:"):
        text = st.text_area(
            "One name a line, in the order of the model's outputs; or JSON",
            key=keys.class_names(model.name),
            placeholder="cat\ndog\nzebra",
            help="A file labels.txt or class_names.json may also be dropped beside the data.",
        )
        _apply(session, text)
        summary = session.workspace.labelling
        if summary.class_count:
            more = ", …" if summary.class_count > len(summary.class_names) else ""
            st.caption(f"{summary.class_count:,} in use: {', '.join(map(named, summary.class_names))}{more}")


def _apply(session: Session, text: str) -> None:
    step, request = session.class_names_step, (session.model_step.current, text)
    is_latest = step.current == request or step.error_for(request) is not None
    if not is_latest:
        if not text.strip() and step.current is None and step.refusal is None:
            return
        if not step.attempt(request, partial(session.workspace.set_class_names, text)):
            # The text before a refused one is set anew when it comes back.
            step.current = None
    error = step.error_for(request)
    if error is not None:
        show_error(error, session.workspace, "class_names", icon=":material/block:")
