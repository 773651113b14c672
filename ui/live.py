"""The note on what is known of the first example while there is no model that answers yet."""

from __future__ import annotations

import streamlit as st

from ui import engine, keys
from ui.session import get_session
from ui.waiting import remote_of

__all__ = ["note_start"]

_LOOK_SECONDS = 0.5


def note_start() -> None:
    """Say that what the page shows is recorded, as long as nothing else can be had.

    Afterwards it stays what it is, which is what the model answers, as a test makes sure of; who asks for more gets a
    process of their own, and who does not takes none from others.
    """
    remote = remote_of(get_session().workspace)
    if remote is not None and not remote.is_live and engine.is_starting():
        with st.container(key=keys.LIVE):
            _wait_for_engine()


@st.fragment(run_every=_LOOK_SECONDS)
def _wait_for_engine() -> None:
    if not engine.is_starting():
        # The page as it is, without this.
        st.rerun()
    st.caption(
        f":material/hourglass_top: Starting TensorFlow … ({engine.seconds_since_start():.0f} s). The page is recorded "
        "until then: a click on what it does not hold waits."
    )
