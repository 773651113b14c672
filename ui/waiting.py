"""What is shown while something is waited for: what is done, how far it is, and a button to stop it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.common.progress import Progress
from core.errors import LayerscopeError, NotRecorded, WorkerLost
from core.workspace.interface import WorkspaceInterface
from ui import engine
from ui.session import get_session
from ui.wording import error_text, plain

if TYPE_CHECKING:
    from core.workspace.workers.pending import Waiting
    from core.workspace.workers.remote import RemoteWorkspace

__all__ = ["remote_of", "retry_button", "show_error", "waiting"]

_QUIET_SECONDS = 0.3
_STOPPABLE_SECONDS = 2.0
_STEP_SECONDS = 0.25


@contextmanager
def waiting(workspace: WorkspaceInterface, what: str, key: str, *, above: bool = False) -> Iterator[Progress]:
    """Say what is waited for as long as the block runs.

    Gives the block what to call with how far it is, from 0 to 1, and what is being done.

    Args:
        workspace: Whose requests the block makes.
        what: What is being done, such as ``"Running the input through every layer"``.
        key: Tells the button from others on the page.
        above: Whether to say it at the top of the page, since a narrow window hides the sidebar, instead of here.
    """
    place = get_session().place_above if above else st.empty()
    remote = remote_of(workspace)
    if remote is None:
        with place.container():
            bar = st.empty()
            with st.spinner(f"{what} …", show_time=True):
                yield lambda fraction, text: _show_progress(bar, what, fraction, text)
    else:
        try:
            with remote.telling(_Display(place, what, key, remote).show):
                yield lambda fraction, text: None
        except LayerscopeError:
            place.empty()
            raise
    place.empty()


def show_error(
    error: LayerscopeError,
    workspace: WorkspaceInterface,
    key: str,
    *,
    icon: str = ":material/error:",
    forget: Callable[[], object] | None = None,
) -> None:
    """Show what happened and what to do next; a step that had to be ended can be tried again.

    Args:
        error: What happened.
        workspace: Where it happened.
        key: Tells the button from others on the page.
        icon: Icon beside the text.
        forget: What to call as well before another attempt.
    """
    if isinstance(error, NotRecorded):
        st.info(error_text(error), icon=":material/videocam_off:")
        return
    st.error(error_text(error), icon=icon)
    if error.code:
        st.code(error.code, language="python", wrap_lines=True)
    if isinstance(error, WorkerLost):
        retry_button(workspace, key, forget)


def retry_button(workspace: WorkspaceInterface, key: str, forget: Callable[[], object] | None = None) -> None:
    """Offer to try again what ended a worker; ``forget`` is called as well before that."""
    remote = remote_of(workspace)

    def try_again() -> None:
        if remote is not None:
            remote.forgive()
        if forget:
            forget()

    st.button("Try again", key=f"again/{key}", on_click=try_again, icon=":material/refresh:")


class _Display:
    """One line that says what goes on, a bar where it is known how far, and after two seconds a button to stop it."""

    def __init__(self, place: Any, what: str, key: str, workspace: RemoteWorkspace) -> None:
        self._place, self._what, self._key, self._workspace = place, what, key, workspace
        self._line: Any = None
        self._shown_at = 0.0
        self._has_button = False

    def show(self, waiting: Waiting) -> None:
        now = time.monotonic()
        if waiting.seconds < _QUIET_SECONDS or now - self._shown_at < _STEP_SECONDS:
            return
        self._shown_at = now
        if self._line is None:
            box = self._place.container(horizontal=True, vertical_alignment="center")
            self._line, self._button = box.empty(), box.empty()
        # Each part that is drawn also lets Streamlit end this run, if the visitor has clicked elsewhere meanwhile.
        if waiting.fraction is not None:
            _show_progress(self._line, self._what, waiting.fraction, waiting.text)
        else:
            self._line.caption(f":material/hourglass_top: {self._text(waiting)}")
        can_stop = waiting.seconds >= _STOPPABLE_SECONDS and not waiting.place_in_line and not engine.is_starting()
        if can_stop and not self._has_button:
            self._has_button = True
            self._button.button(
                "Stop", key=f"stop/{self._key}", on_click=self._workspace.stop, icon=":material/stop_circle:"
            )

    def _text(self, waiting: Waiting) -> str:
        if waiting.place_in_line:
            line = f"The server is full. You are number {waiting.place_in_line:,} in line"
            return f"{line}; your turn comes by itself ({waiting.seconds:.0f} s)"
        if engine.is_starting():
            return f"Starting TensorFlow, for this: {self._what} … ({waiting.seconds:.0f} s)"
        return f"{self._what} … ({waiting.seconds:.0f} s)"


def _show_progress(place: Any, what: str, fraction: float, text: str) -> None:
    place.progress(fraction, text=f"{what}: {plain(text)}" if text else what)


def remote_of(workspace: WorkspaceInterface) -> RemoteWorkspace | None:
    """Return the workspace that workers stand behind; None where the page, or a file, answers itself."""
    from core.workspace.recordings.recorder import RecordingWorkspace
    from core.workspace.workers.remote import RemoteWorkspace

    if isinstance(workspace, RecordingWorkspace):
        workspace = workspace.asked_workspace
    return workspace if isinstance(workspace, RemoteWorkspace) else None
