"""The recorded training that is set beside the open one: named by its path, or dropped as a zip."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import streamlit as st

from core.common.limits import get_limits
from core.common.text import safe_name
from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.run_sources import when_begun
from ui import keys
from ui.choice import Choice
from ui.limits import megabytes
from ui.local import may_open_paths
from ui.session import Request, get_session
from ui.waiting import show_error, waiting
from ui.wording import named

__all__ = ["bring_second_run", "choose_second_run"]

_UPLOAD: Final = "upload"
_NONE: Final = ("none",)


def bring_second_run(workspace: WorkspaceInterface, choice: Choice) -> None:
    """Open the second run that the address names; one that was dropped stays.

    Args:
        workspace: Where it is opened.
        choice: Its ``second_run`` is the path; empty for none.
    """
    step = get_session().second_run_step
    is_dropped = step.current is not None and step.current[1][0] == _UPLOAD
    if not choice.second_run:
        if not is_dropped and step.current is not None and step.current[1] != _NONE:
            _attempt(_NONE, partial(workspace.set_second_run, ""))
        return
    if not may_open_paths():
        st.info("This server opens no second training by its path; drop a zip of it.", icon=":material/link_off:")
        return
    path = os.path.expanduser(choice.second_run)
    request = ("path", path, when_begun(Path(path)))
    error = _attempt(request, partial(workspace.set_second_run, path))
    if error is not None:
        show_error(error, workspace, "second_run", forget=step.forget_refusal)


def choose_second_run(workspace: WorkspaceInterface, choice: Choice) -> None:
    """Draw the fields for a second run.

    Args:
        workspace: Where it is opened.
        choice: Where its path is kept.
    """
    second = workspace.second_run
    label = "Beside another run" if second is None else f"Beside {named(second.name)}"
    with st.popover(label, icon=":material/compare_arrows:", width="stretch"):
        if may_open_paths():
            st.session_state[keys.SECOND_RUN_PATH] = choice.second_run
            st.text_input(
                "Path of another recorded training",
                key=keys.SECOND_RUN_PATH,
                placeholder="other.layerscope",
                on_change=_keep_path,
            )
        dropped = st.file_uploader(
            "Or a zip of one",
            type=["zip"],
            key=keys.SECOND_RUN_FILE,
            max_upload_size=megabytes(get_limits().upload_bytes),
        )
        if dropped is not None and not choice.second_run:
            request = (_UPLOAD, dropped.file_id)
            name = safe_name(dropped.name)
            is_new = get_session().second_run_step.current != _request(request)
            error = _attempt(request, partial(workspace.set_second_run, dropped.getvalue(), name))
            if error is not None:
                show_error(error, workspace, "second_run_file", forget=get_session().second_run_step.forget_refusal)
            elif is_new:
                st.rerun()
        if second is not None:
            st.button("Take it away", key=keys.SECOND_RUN_AWAY, on_click=_take_away, icon=":material/close:")


def _keep_path() -> None:
    get_session().choice.second_run = st.session_state[keys.SECOND_RUN_PATH].strip().strip("\"'")


def _take_away() -> None:
    session = get_session()
    session.choice.second_run = ""
    session.second_run_step.current = _request(("path", "", (0, 0)))


def _request(source: Request) -> Request:
    # Opening another first run lets the second one go.
    return (get_session().model_step.current, source)


def _attempt(source: Request, open_run: Callable[[], object]) -> LayerscopeError | None:
    session = get_session()
    request = _request(source)
    with waiting(session.workspace, "Opening the other training", "open_second_run"):
        session.second_run_step.attempt(request, open_run)
    return session.second_run_step.error_for(request)
