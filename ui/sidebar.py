"""The sidebar: which model, which input, which sample. Each part is a module of its own, named in the imports."""

from __future__ import annotations

import streamlit as st

from core.errors import LayerscopeError
from ui.inputs import take_kinds
from ui.labels import labels
from ui.limits import limits
from ui.model_choice import choose_model
from ui.sample_choice import choose_sample, choose_samples
from ui.session import Session, get_session
from ui.start import take_start
from ui.trust import show_trusted
from ui.waiting import keep_place_above, show_error

__all__ = ["sidebar"]


def sidebar() -> None:
    """Draw the sidebar; afterwards a model and samples are open in the workspace, if there are any to be had."""
    session = get_session()
    if session.model_step.current is None:
        take_start(session.choice)
    keep_place_above()
    with st.sidebar:
        st.title("Layerscope", anchor=False)
        try:
            _model_and_samples(session)
        except LayerscopeError as error:
            show_error(error, session.workspace, "sidebar")
        limits()


def _model_and_samples(session: Session) -> None:
    st.subheader("Model", anchor=False)
    choose_model(session)
    model = session.workspace.model
    if model:
        show_trusted(model)
        st.subheader("Input", anchor=False)
        choose_samples(session, take_kinds(session, model))
        labels(session, model)
        choose_sample(session)
