"""What the page shows of a recorded session instead of fields: what it is of, and which samples are in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import streamlit as st

from core.common.text import list_samples
from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recorder import RecordingWorkspace
from core.workspace.recordings.recording_file import About
from ui import engine, keys
from ui.session import Session, get_session
from ui.wording import named, plain

__all__ = ["about_recording", "nearest_recorded", "record_button", "recorded_samples", "recording_of"]

_FILE: Final = "session.layerscope"


def recording_of(workspace: WorkspaceInterface) -> About | None:
    """Return what the recording that is open says of itself; None where a model is open."""
    return workspace.about if isinstance(workspace, RecordedWorkspace) else None


def about_recording(session: Session, about: About, place: Any) -> None:
    """Say what is looked at, where otherwise a model and samples are chosen.

    Args:
        session: What the page knows of the visitor.
        about: What the recording says of itself.
        place: Where what opens into more is drawn.
    """
    session.model_step.current = ("recording", about.model, about.written_at)
    session.samples_step.current = ("recording",)
    with place.popover("A recording", icon=":material/videocam:", width="stretch", key=keys.RECORDING):
        st.markdown(
            "Somebody looked at a model and kept what it answered. Here it is as it was: nothing is run, and what was "
            "not looked at is not there."
        )
        st.caption(_facts(about))
        st.caption("Other samples, options, uploads, edits and searches need the model itself.")
        if not engine.shows_recording():
            st.button("Close the recording", on_click=session.close_recording, icon=":material/close:")


def recorded_samples(workspace: WorkspaceInterface, offered: Sequence[int]) -> Sequence[int]:
    """Return those of some samples that can be looked at: all, or those that are in the recording.

    Args:
        workspace: What is open.
        offered: Numbers of samples.
    """
    about = recording_of(workspace)
    return offered if about is None else [sample for sample in offered if sample in about.samples]


def nearest_recorded(workspace: WorkspaceInterface, sample: int) -> int:
    """Return the sample itself, or the nearest one that is in the recording, and say so.

    Args:
        workspace: What is open.
        sample: Number of the sample that is asked for.
    """
    about = recording_of(workspace)
    if about is None or not about.samples or sample in about.samples:
        return sample
    nearest = min(about.samples, key=lambda each: abs(each - sample))
    # Nobody asked for the first one.
    if sample:
        st.info(
            f"Sample {sample:,} is not in this recording; sample {nearest:,} is shown. To see others, open "
            f"{named(about.model)} itself.",
            icon=":material/videocam_off:",
        )
    return nearest


def record_button() -> None:
    """Draw what opens into a button that keeps what was looked at as a file."""
    workspace = get_session().workspace
    if not isinstance(workspace, RecordingWorkspace):
        return
    with st.popover("Record", icon=":material/videocam:", type="tertiary", key=keys.RECORD):
        st.markdown("What you looked at of these samples, as one file.")
        st.caption(
            "Whoever has it opens it with `layerscope run session.layerscope`, or drops it under “Model”: without the "
            "model, the data and TensorFlow. It holds the samples that you looked at, and what was answered to them."
        )
        st.download_button(
            f"Save {_FILE}",
            _recording,
            file_name=_FILE,
            mime="application/octet-stream",
            on_click="ignore",
            icon=":material/download:",
            key=keys.SAVE_RECORDING,
        )


def _recording() -> bytes:
    workspace = get_session().workspace
    try:
        return workspace.recording() if isinstance(workspace, RecordingWorkspace) else b""
    except LayerscopeError as error:
        st.toast(plain(str(error)), icon=":material/error:")
        raise


def _facts(about: About) -> str:
    wrote = f"Written by Layerscope {plain(about.written_by)}" if about.written_by else "Written"
    return f"{named(about.model)} · {list_samples(about.samples)}. {wrote}{_on_the_day(about.written_at)}."


def _on_the_day(written_at: str) -> str:
    try:
        return f" on {datetime.fromisoformat(written_at):%Y-%m-%d}"
    except ValueError:
        return ""
