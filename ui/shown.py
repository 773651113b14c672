"""The models that a Python process has in memory and shows on this page."""

from __future__ import annotations

import streamlit as st

from core.common.text import safe_name
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ShownSummary
from ui import keys
from ui.choice import Choice
from ui.engine import shows_models_in_memory
from ui.session import get_session
from ui.wording import named, plain

__all__ = ["about_shown_samples", "choose_shown_model", "other_shown_models"]


def choose_shown_model(workspace: WorkspaceInterface, choice: Choice) -> ShownSummary | None:
    """Let the person choose among the models that are shown; None if there are none any more."""
    entries = {entry.name: entry for entry in workspace.shown_models()}
    if not entries:
        st.info("The Python process shows no model any more.", icon=":material/link_off:")
        return None
    if choice.shown_model and choice.shown_model not in entries:
        st.warning(
            f"“{named(choice.shown_model)}” is not shown any more; the first one is open.", icon=":material/link_off:"
        )
        choice.shown_model = ""
    names = list(entries)
    name = names[0]
    if len(names) > 1:
        name = st.selectbox(
            "Model",
            names,
            index=names.index(choice.shown_model) if choice.shown_model else 0,
            format_func=safe_name,
            label_visibility="collapsed",
            key=keys.shown_model(names, choice.model_version),
        )
    get_session().shown_model = entries[name]
    return entries[name]


def other_shown_models(workspace: WorkspaceInterface, choice: Choice) -> list[ShownSummary]:
    """Return the models that are shown besides the open one."""
    if not shows_models_in_memory():
        return []
    return [entry for entry in workspace.shown_models() if entry.name != choice.shown_model]


def about_shown_samples(choice: Choice) -> str:
    """Return what there is to say of the samples that came with the open model; empty if none did."""
    entry = get_session().shown_model
    if not shows_models_in_memory() or not choice.shown_model or entry is None or not entry.has_samples:
        return ""
    return plain(entry.about_samples)
