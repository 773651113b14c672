"""The model files of a person: dropped, alone or several together, or named by their path on the server's machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from core.common.limits import format_limit, get_limits
from core.common.text import safe_name
from core.errors import SeveralModels
from core.models.file_names import files_name, names_classes
from core.workspace.file_report.results import FileReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui import keys
from ui.limits import megabytes
from ui.local import may_open_paths
from ui.session import ModelCandidates, Request, get_session
from ui.trust import trust_for

__all__ = [
    "ModelFiles",
    "choose_member",
    "is_upload_latest",
    "note_path",
    "open_or_offer",
    "uploaded_model",
    "waits_for_member",
]

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class ModelFiles:
    """Files that a person dropped.

    Attributes:
        identity: Tells them, and which of several models is meant, from others.
        files: Name and content of each file.
        member: Path of the model that is meant, where they hold several; empty for the only one.
    """

    identity: Request
    files: Sequence[tuple[str, bytes]]
    member: str

    @property
    def name(self) -> str:
        """What to call them."""
        return files_name(self.files)

    def open_in(self, workspace: WorkspaceInterface) -> ModelSummary:
        """Open them as the model that is looked at."""
        return workspace.open_files(self.files, self.member, trust_for(self.identity))

    def report_in(self, workspace: WorkspaceInterface) -> FileReport:
        """Say what they hold, without opening them."""
        return workspace.files_report(self.files, self.member)

    def compare_in(self, workspace: WorkspaceInterface) -> ModelSummary:
        """Open them as the model that the open one is compared with."""
        return workspace.compare_with_files(self.files, self.member, trust_for(self.identity))


def uploaded_model(label: str, key: str, place: Any = st) -> ModelFiles | None:
    """Draw a field for a model's files, of whatever ending: what cannot be opened is told by what is in it.

    Args:
        label: What stands above it; the forms that it takes are added.
        key: Key of the widget.
        place: Where to draw it.

    Returns:
        What was dropped; None if there is nothing yet.
    """
    limits = get_limits()
    kinds = "a SavedModel or any of these as .zip" if limits.saved_models else "or one of them as .zip"
    size = format_limit(limits.upload_bytes)
    uploads = place.file_uploader(
        f"{label}: .keras, .h5, .tflite, .pb, {kinds}",
        accept_multiple_files=True,
        key=key,
        on_change=_note_upload,
        args=(key,),
        max_upload_size=megabytes(limits.upload_bytes),
        help="As it was saved: compiled, trained, zipped. An architecture (.json) and its weights go together, and so "
        f"does a list of class names. At most {size}"
        f"{'; a larger file opens by its path' if may_open_paths() else ''}.",
    )
    model_uploads = _model_uploads(uploads, key)
    if not model_uploads:
        return None
    identity = (key, *(upload.file_id for upload in model_uploads))
    files = [(upload.name, upload.getvalue()) for upload in model_uploads]
    return ModelFiles(identity, files, choose_member(identity, key, place=place))


def _note_upload(key: str) -> None:
    get_session().upload_field(key).is_latest = True


def note_path(key: str) -> None:
    """Note that a path was typed, which counts from now on instead of what was dropped in the field of that key."""
    get_session().upload_field(key).is_latest = False


def is_upload_latest(key: str) -> bool:
    """Return whether files were dropped in a field after a path was typed, or taken away: what came last counts."""
    return get_session().upload_field(key).is_latest


def _model_uploads(uploads: Sequence[Any], key: str) -> list[Any]:
    """Which of the files belong together: the field keeps those of before, and who drops another model means that."""
    field = get_session().upload_field(key)
    model_uploads = [upload for upload in uploads if upload.file_id in field.model_file_ids]
    new_uploads = [upload for upload in uploads if upload.file_id not in field.file_ids]
    field.file_ids = {upload.file_id for upload in uploads}
    if new_uploads:
        names = [upload.name.lower() for upload in model_uploads]
        completes = all(_completes(upload.name.lower(), names) for upload in new_uploads)
        model_uploads = [*model_uploads, *new_uploads] if completes else new_uploads
    field.model_file_ids = [upload.file_id for upload in model_uploads]
    # Who took the last one away means what is left; a list of classes alone is no model.
    remaining = model_uploads or list(uploads)
    return [] if all(names_classes(upload.name) for upload in remaining) else remaining


def _completes(name: str, model_names: Sequence[str]) -> bool:
    """Whether a file belongs to those of before: a list of classes, or the other of architecture and weights."""
    if names_classes(name):
        return True
    has_architecture = any(other.endswith(".json") and not names_classes(other) for other in model_names)
    has_weights = any(other.endswith(".h5") for other in model_names)
    if name.endswith(".json"):
        return has_weights and not has_architecture
    return name.endswith(".h5") and has_architecture and not has_weights


def choose_member(identity: Request, key: str, default: str = "", place: Any = st) -> str:
    """Let the person choose among several models, where it is known that there are several.

    Args:
        identity: Tells what the models are in from others.
        key: Key of the widget for what they are in.
        default: The one that is chosen at first.
        place: Where to draw it.

    Returns:
        Path of the one that is meant; empty where none was chosen.
    """
    candidates = get_session().model_candidates
    if candidates is None or candidates.identity != identity:
        return default
    members = list(candidates.members)
    member = place.selectbox(
        f"Which of the {len(members):,} models",
        members,
        index=members.index(default) if default in members else None,
        format_func=lambda member: safe_name(member) or "at the top",
        placeholder="Choose one",
        key=keys.model_member(key, identity),
    )
    return member or ""


def waits_for_member(identity: Request, member: str) -> bool:
    """Return whether several models are offered, and the person has not chosen one yet."""
    candidates = get_session().model_candidates
    return not member and candidates is not None and candidates.identity == identity


def open_or_offer(identity: Request, member: str, open_model: Callable[[], Opened]) -> Opened:
    """Open a model; where there are several, offer them.

    Raises:
        ModelRefused: If it cannot be opened.
    """
    try:
        return open_model()
    except SeveralModels as error:
        if not member:
            # The field above offers them when the page runs again.
            get_session().model_candidates = ModelCandidates(identity, error.choices)
            st.rerun()
        raise
