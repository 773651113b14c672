"""The step from what is known of the first example to a model that answers: said while it lasts, then taken."""

from __future__ import annotations

import streamlit as st

from core.errors import LayerscopeError
from ui import engine, keys
from ui.session import get_session
from ui.waiting import remote_of, show_error, waiting

__all__ = ["keep_live"]

_LOOK_SECONDS = 0.5


def keep_live() -> None:
    """Give the visitor a worker in which everything is open, as soon as there is one; say so until then.

    Nothing else on the page changes: what it shows is what the model answers, which a test makes sure of.
    """
    workspace = get_session().workspace
    remote = remote_of(workspace)
    if remote is None or remote.is_live:
        return
    with st.container(key=keys.LIVE):
        if engine.is_starting():
            _wait_for_engine()
        else:
            _become_live()


@st.fragment(run_every=_LOOK_SECONDS)
def _wait_for_engine() -> None:
    if not engine.is_starting():
        # The page as it is, without this.
        st.rerun()
    st.caption(
        f":material/hourglass_top: Starting TensorFlow … ({engine.seconds_since_start():.0f} s). The page is recorded "
        "until then: a click on what it does not hold waits."
    )


def _become_live() -> None:
    workspace = get_session().workspace
    remote = remote_of(workspace)
    try:
        with waiting(workspace, "Getting a process for your model", "live"):
            if remote is not None:
                remote.become_live()
    except LayerscopeError as error:
        show_error(error, workspace, "live")
