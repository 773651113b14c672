"""What the pages about many samples begin with, and what they say when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui.choice import Choice
from ui.session import get_session
from ui.waiting import show_error

__all__ = ["heading", "page_of_samples"]


def page_of_samples(title: str, draw: Callable[[WorkspaceInterface, ModelSummary, Choice], None]) -> None:
    """Draw a page that needs a model and samples; it says so where there are none.

    Args:
        title: What it is called.
        draw: Draws it; what it raises is said on the page.
    """
    opened, chosen = get_session().workspace, get_session().choice
    try:
        model = opened.model
        if model is None or not opened.sample_names:
            heading(title)
            st.info("Open a model and give it samples in the sidebar.", icon=":material/arrow_back:")
            return
        draw(opened, model, chosen)
    except LayerscopeError as error:
        show_error(error, opened, title.lower())


def heading(title: str, text: str = "") -> None:
    """Draw one line above a page: what it is called, and what it is about in grey.

    Args:
        title: What it is called.
        text: The rest of the line, safe as Markdown.
    """
    st.markdown(f"#### {title}" + (f" :small[:gray[{text}]]" if text else ""))
