"""Looks into the folders of plugins every second, and draws the page again when a file was saved."""

from __future__ import annotations

import streamlit as st

from core.plugins.sources import folder_state, get_plugin_settings
from ui.session import get_session

__all__ = ["watch_plugins"]


def watch_plugins() -> None:
    """Watch the folders, if there are any; the worker loads what changed when it is asked next."""
    settings = get_plugin_settings()
    if settings.folders and settings.enabled:
        _watch()


@st.fragment(run_every=1.0)
def _watch() -> None:
    state = folder_state(get_plugin_settings())
    session = get_session()
    last_state, session.plugin_files = session.plugin_files, state
    if last_state is not None and last_state != state:
        st.rerun()
