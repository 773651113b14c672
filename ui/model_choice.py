"""The part of the sidebar that asks where the model is from, and opens it.

An example, a file, or a model that a Python process shows: each way draws its own fields and says what they mean as a
:class:`ModelSource`, and all are opened in one way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import streamlit as st

from core.common.cache import OnceCache
from core.common.limits import format_limit, get_limits
from core.common.text import count_text
from core.errors import CodeNeeded, ModelRefused
from core.examples.recorded_training import ABOUT_EXAMPLE_RUN
from core.workspace.file_report.results import FileReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recording_file import is_recording
from core.workspace.run_sources import holds_run, when_begun
from ui import engine, keys
from ui.choice import Choice, Origin
from ui.file_report import look_at_refused
from ui.local import may_open_paths
from ui.model_files import (
    ModelFiles,
    choose_member,
    is_upload_latest,
    note_path,
    open_or_offer,
    uploaded_model,
    waits_for_member,
)
from ui.run_step import go_to_step
from ui.session import Request, Session, get_session
from ui.shown import choose_shown_model
from ui.start import is_starting_model
from ui.trust import offer_trust, trust_for
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["about_model", "choose_model"]

_PYTHON: Final = "From Python"
_EXAMPLE: Final = "Example"
_FILE: Final = "Your file"
_RUN: Final = "recorded training"
_RUN_TITLE: Final = "A recorded training"
_UPLOADED_RUNS: Final[OnceCache[bool]] = OnceCache(64)
"""Whether an upload is a recorded training, by what tells it from others: all of it is searched for that."""


@dataclass(frozen=True)
class ModelSource:
    """Where a model is from, and how to open it.

    Attributes:
        identity: Tells it from others.
        name: What to call it while it is being opened.
        open_model: Opens it.
        origin: What the address says of it.
        member: Path of the model within the file or folder, where it holds several.
        report: Says what the file holds without opening it; None where it is no file.
    """

    identity: Request
    name: str
    open_model: Callable[[], object]
    origin: Origin = field(default_factory=Origin)
    member: str = ""
    report: Callable[[], FileReport] | None = None

    @property
    def request(self) -> Request:
        """What is asked for by choosing it."""
        return (self.identity, self.member)

    def is_update_of(self, request: Request) -> bool:
        """Return whether what was asked for before is the same model in memory, which was trained on meanwhile."""
        earlier_identity: Request = request[0]
        return self.identity[0] == _PYTHON and earlier_identity[:2] == self.identity[:2]


def choose_model(session: Session, place: Any) -> None:
    """Let the visitor choose a model, and open it; if it is refused, that is said, and what was open stays.

    Args:
        session: What the page knows of the visitor.
        place: Where what opens into the fields is drawn.
    """
    with place.popover(
        "Model", icon=":material/deployed_code:", width="stretch", key=keys.MODEL_POPOVER, on_change="rerun"
    ):
        source = _source(session.workspace, session.choice)
    _say_what_is_missing(session, source)
    if source is not None:
        _open(session, source)
        if session.model_step.current == source.request:
            session.choice.come_from(source.origin)
    go_to_step(session)
    about_model(session.workspace)


def _say_what_is_missing(session: Session, source: ModelSource | None) -> None:
    """Say outside of what opens, so that it is seen, what a link names and cannot be opened as it stands there."""
    workspace, choice = session.workspace, session.choice
    if choice.example and all(choice.example != example.name for example in workspace.examples()):
        st.warning(f"There is no example “{named(choice.example)}”; the first one is open.", icon=":material/link_off:")
    if source is None and choice.upload and workspace.model is None:
        st.warning(
            f"“{named(choice.upload)}” was uploaded, and a reload forgets uploads. Drop it again under “Model”.",
            icon=":material/upload_file:",
        )
    if source is not None and waits_for_member(source.identity, source.member):
        st.info(
            f"There are several models in {named(source.name)}: choose one under “Model”.", icon=":material/checklist:"
        )


def _kind_of(choice: Choice) -> str:
    if choice.path or choice.upload:
        return _FILE
    return _EXAMPLE if choice.example or choice.example_run or not engine.shows_models_in_memory() else _PYTHON


def about_model(workspace: WorkspaceInterface) -> None:
    """Say what is open, if anything is."""
    model = workspace.model
    if model is None:
        return
    st.subheader(named(model.name), anchor=False)
    takes = ", ".join(f"{each.kind} {each.shape}".strip() for each in model.inputs) or "an unknown input"
    size = f"{count_text(model.layer_count, 'layer')} · {model.parameter_count:,} parameters"
    facts = f"{size} · {plain(takes)} → {plain(model.output)}"
    st.caption(facts, help=plain(model.origin) if model.origin else None)


def _source(workspace: WorkspaceInterface, choice: Choice) -> ModelSource | None:
    kinds = [_PYTHON, _EXAMPLE, _FILE] if engine.shows_models_in_memory() else [_EXAMPLE, _FILE]
    key = keys.fresh(keys.MODEL_KIND, choice.model_version)
    if st.session_state.get(key) not in kinds:
        st.session_state[key] = _kind_of(choice)
    kind = st.segmented_control(
        "Where the model is from",
        kinds,
        required=True,
        key=key,
        label_visibility="collapsed",
    )
    if kind == _PYTHON:
        return _model_in_memory(workspace, choice)
    return _example(workspace, choice) if kind == _EXAMPLE else _model_file(workspace, choice)


def _model_in_memory(workspace: WorkspaceInterface, choice: Choice) -> ModelSource | None:
    entry = choose_shown_model(workspace, choice)
    if entry is None:
        return None
    identity = (_PYTHON, entry.name, entry.version)
    open_model = partial(workspace.open_shown, entry.name)
    return ModelSource(identity, entry.name, open_model, {"shown_model": entry.name})


def _example(workspace: WorkspaceInterface, choice: Choice) -> ModelSource:
    examples = {example.name: example for example in workspace.examples()}
    names = [*examples, _RUN]
    key = keys.fresh(keys.EXAMPLE, choice.model_version)
    if st.session_state.get(key) not in names:
        named_in_address = _RUN if choice.example_run else choice.example
        st.session_state[key] = named_in_address if named_in_address in names else names[0]
    name = st.selectbox(
        "Example",
        names,
        format_func=lambda name: _RUN_TITLE if name == _RUN else examples[name].title,
        label_visibility="collapsed",
        key=key,
        on_change=_close_popover,
    )
    if name == _RUN:
        st.caption(plain(ABOUT_EXAMPLE_RUN))
        return ModelSource((_RUN,), "the recorded training", workspace.open_example_run, {"example_run": True})
    example = examples[name]
    st.caption(f"{plain(example.description)} {plain(example.quality)}")
    return ModelSource(("example", name), name, partial(workspace.open_example, name), {"example": name})


def _close_popover() -> None:
    st.session_state[keys.MODEL_POPOVER] = False


def _model_file(workspace: WorkspaceInterface, choice: Choice) -> ModelSource | None:
    files = uploaded_model("Your model", keys.MODEL_FILE)
    # What the server was started with opens where visitors may give no paths.
    path = _path(choice) if may_open_paths() else choice.path if is_starting_model(choice.path) else ""
    if files is not None and (is_upload_latest(keys.MODEL_FILE) or not path):
        return _uploaded_source(workspace, files)
    if path:
        return _path_source(workspace, choice, path)
    _explain_files()
    return None


def _uploaded_source(workspace: WorkspaceInterface, files: ModelFiles) -> ModelSource:
    (name, content), *others = files.files
    if not others and _UPLOADED_RUNS.get(files.identity, partial(holds_run, content)):
        open_run = partial(workspace.open_run, content, name, trust_for(files.identity))
        return ModelSource(files.identity, name, open_run, {"upload": name})
    is_recorded = not others and is_recording(content)
    open_model = partial(get_session().open_recording, content) if is_recorded else partial(files.open_in, workspace)
    return ModelSource(
        files.identity,
        files.name,
        open_model,
        {"upload": files.name},
        files.member,
        partial(files.report_in, workspace),
    )


def _path_source(workspace: WorkspaceInterface, choice: Choice, path: str) -> ModelSource | None:
    if holds_run(Path(path)):
        # What is written on in it is read on; another training under the same path is another one.
        begun = ("run", path, when_begun(Path(path)))
        return ModelSource(begun, path, partial(workspace.open_run, path, "", trust_for(begun)), {"path": path})
    weights = _weights_path(path, choice)
    if path.lower().endswith(".json") and not weights:
        st.caption("An architecture opens with its weights: give their path too.")
        return None
    identity = ("path", path, weights, _content_stamp(path))
    member = choose_member(identity, keys.MODEL_PATH, choice.member if path == choice.path else "")
    return ModelSource(
        identity,
        path,
        partial(get_session().open_recording, path)
        if is_recording(path)
        else partial(workspace.open_model, path, "", member, weights, trust_for(identity)),
        {"path": path, "member": member, "weights": weights},
        member,
        partial(workspace.file_report, path, "", member, weights),
    )


def _explain_files() -> None:
    allowed = get_limits()
    size = f"An upload takes at most {format_limit(allowed.upload_bytes)}"
    larger = "; a larger file opens by its path" if may_open_paths() else ""
    st.caption(
        f"As you saved it: trained, compiled, zipped. {size}{larger}. Up to {allowed.parameters:,} parameters and "
        f"{allowed.layers:,} layers. Nothing that the file brings is run unless you say so."
    )


def _content_stamp(path: str) -> tuple[int, int]:
    # Another file under the same path is opened anew, and not trusted because the one before it was.
    try:
        about = os.stat(path)
    except (OSError, ValueError):  # no file has such a name
        return (0, 0)
    return (about.st_mtime_ns, about.st_size)


def _path(choice: Choice) -> str:
    size = format_limit(get_limits().upload_bytes)
    key = keys.fresh(keys.MODEL_PATH, choice.model_version)
    if key not in st.session_state:
        st.session_state[key] = choice.path
    text = st.text_input(
        "or a path on this machine",
        key=key,
        placeholder="models/model.keras",
        help=f"A file of any size, where an upload takes at most {size}, or a folder that holds one.",
        on_change=note_path,
        args=(keys.MODEL_FILE,),
    )
    return _as_path(text)


def _as_path(text: str) -> str:
    """A path as people paste it: with blanks around it, in quotation marks, from the home folder, or as an address."""
    path = text.strip().strip("\"'")
    if path.startswith("file://"):
        path = unquote(path.removeprefix("file://"))
    return os.path.expanduser(path)


def _weights_path(path: str, choice: Choice) -> str:
    """Where an architecture is opened, the path of its weights; empty for the whole folder that a path may be."""
    if not path.lower().endswith(".json"):
        return ""
    weights: str = st.text_input(
        "and the path of its weights",
        value=choice.weights if path == choice.path else "",
        key=keys.WEIGHTS_PATH,
        placeholder="models/model.weights.h5",
    )
    return _as_path(weights)


def _open(session: Session, source: ModelSource) -> None:
    step, request = session.model_step, source.request
    if not waits_for_member(source.identity, source.member):
        previous = step.current
        if step.attempt(request, partial(_open_in, session.workspace, source)):
            # A model in memory that was trained on meanwhile is looked at where it was.
            session.forget_replaced("model", stays=previous is None or source.is_update_of(previous))
            if isinstance(session.workspace, RecordedWorkspace):
                st.rerun()
        _show_refusal(session, source)
    if source.report is not None and isinstance(step.error_for(request), ModelRefused):
        look_at_refused(session.workspace, repr(request), source.report)


def _open_in(workspace: WorkspaceInterface, source: ModelSource) -> None:
    with waiting(workspace, f"Opening {named(source.name)}", "open", above=True):
        open_or_offer(source.identity, source.member, source.open_model)


def _show_refusal(session: Session, source: ModelSource) -> None:
    step = session.model_step
    error = step.error_for(source.request)
    if isinstance(error, CodeNeeded):
        path = source.origin.get("path", "")
        offer_trust(error, source.identity, "model", step.forget_refusal, path)
    elif error is not None:
        show_error(error, session.workspace, "refused", icon=":material/block:", forget=step.forget_refusal)
