"""The models that a Python process has in memory and shows on this page."""

from __future__ import annotations

import streamlit as st

from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ShownSummary
from ui.choice import Choice
from ui.engine import shows_models_in_memory
from ui.wording import named, plain

__all__ = ["about_shown_samples", "chosen_shown_model", "other_shown_models"]

_ENTRY = "shown_model_entry"


def chosen_shown_model(workspace: WorkspaceInterface, chosen: Choice) -> ShownSummary | None:
    """Let the person choose among the models that are shown; None if there are none any more."""
    entries = {each.name: each for each in workspace.shown_models()}
    if not entries:
        st.info("The Python process shows no model any more.", icon=":material/link_off:")
        return None
    if chosen.shown and chosen.shown not in entries:
        st.warning(f"“{named(chosen.shown)}” is not shown any more; the first one is open.", icon=":material/link_off:")
        chosen.shown = ""
    names = list(entries)
    name = names[0]
    if len(names) > 1:
        name = st.selectbox(
            "Model",
            names,
            index=names.index(chosen.shown) if chosen.shown else 0,
            format_func=named,
            label_visibility="collapsed",
            key=f"shown_model/{hash(tuple(names))}",
        )
    st.session_state[_ENTRY] = entries[name]
    return entries[name]


def other_shown_models(workspace: WorkspaceInterface, chosen: Choice) -> list[ShownSummary]:
    """Return the models that are shown besides the open one."""
    if not shows_models_in_memory():
        return []
    return [each for each in workspace.shown_models() if each.name != chosen.shown]


def about_shown_samples(chosen: Choice) -> str:
    """Return what there is to say of the samples that came with the open model; empty if none did."""
    entry: ShownSummary | None = st.session_state.get(_ENTRY)
    if not shows_models_in_memory() or not chosen.shown or entry is None or not entry.has_samples:
        return ""
    return plain(entry.about_samples)
