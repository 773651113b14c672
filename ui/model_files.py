"""The model files of a person: dropped, alone or several together, or named by their path on the server's machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.common.limits import format_limit, get_limits
from core.common.text import safe_name
from core.errors import SeveralModels
from core.models.copies import files_name
from core.models.search import names_classes
from core.workspace.file_report.results import FileReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui.limits import megabytes
from ui.local import may_open_paths
from ui.trust import trust_for

__all__ = [
    "ModelFiles",
    "chosen_member",
    "is_latest",
    "open_or_offer",
    "path_typed",
    "uploaded_model",
    "waits_for_choice",
]

_CHOICES = "model_choices"


@dataclass(frozen=True)
class ModelFiles:
    """Files that a person dropped.

    Attributes:
        identity: Tells them, and which of several models is meant, from others.
        files: Name and content of each.
        member: Path of the model that is meant, where they hold several; empty for the only one.
    """

    identity: tuple[Any, ...]
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
        f"{label}: .keras, .h5, {kinds}",
        accept_multiple_files=True,
        key=key,
        on_change=_uploaded,
        args=(key,),
        max_upload_size=megabytes(limits.upload_bytes),
        help="As it was saved: compiled, trained, zipped. An architecture (.json) and its weights go together, and so "
        f"does a list of class names. At most {size}"
        f"{'; a larger file opens by its path' if may_open_paths() else ''}.",
    )
    together = _together(uploads, key)
    if not together:
        return None
    identity = (key, *(file.file_id for file in together))
    files = [(file.name, file.getvalue()) for file in together]
    return ModelFiles(identity, files, chosen_member(identity, key, place=place))


def _uploaded(key: str) -> None:
    st.session_state[f"{key}/latest"] = "upload"


def is_latest(key: str) -> bool:
    """Return whether files were dropped in a field after a path was typed, or taken away: what came last counts."""
    return st.session_state.get(f"{key}/latest") != "path"


def path_typed(key: str) -> None:
    """Note that a path was typed, which counts from now on instead of what was dropped in the field of that key."""
    st.session_state[f"{key}/latest"] = "path"


def _together(uploads: Sequence[Any], key: str) -> list[Any]:
    """Which of the files belong together: the field keeps those of before, and who drops another model means that."""
    state = f"{key}/together"
    known: list[str] = st.session_state.get(state, [])
    earlier = [file for file in uploads if file.file_id in known]
    seen: set[str] = st.session_state.get(f"{key}/seen", set())
    added = [file for file in uploads if file.file_id not in seen]
    st.session_state[f"{key}/seen"] = {file.file_id for file in uploads}
    if added:
        names = [file.name.lower() for file in earlier]
        completes = all(_completes(file.name.lower(), names) for file in added)
        earlier = [*earlier, *added] if completes else added
    st.session_state[state] = [file.file_id for file in earlier]
    # Who took the last one away means what is left; a list of classes alone is no model.
    remaining = earlier or list(uploads)
    return [] if all(names_classes(file.name) for file in remaining) else remaining


def _completes(name: str, earlier: Sequence[str]) -> bool:
    """Whether a file belongs to those of before: a list of classes, or the other of architecture and weights."""
    if names_classes(name):
        return True
    has_architecture = any(each.endswith(".json") and not names_classes(each) for each in earlier)
    has_weights = any(each.endswith(".h5") for each in earlier)
    if name.endswith(".json"):
        return has_weights and not has_architecture
    return name.endswith(".h5") and has_architecture and not has_weights


def chosen_member(identity: tuple[Any, ...], key: str, default: str = "", place: Any = st) -> str:
    """Let the person choose among several models, where it is known that there are several.

    Args:
        identity: Tells what was given from what was given before.
        key: Key of the widget.
        default: The one that is chosen at first.
        place: Where to draw it.

    Returns:
        Path of the one that is meant; empty where none was chosen.
    """
    known, choices = st.session_state.get(_CHOICES, (None, ()))
    if known != identity:
        return default
    member = place.selectbox(
        f"Which of the {len(choices):,} models",
        list(choices),
        index=choices.index(default) if default in choices else None,
        format_func=lambda choice: safe_name(choice) or "at the top",
        placeholder="Choose one",
        key=f"{key}/member/{hash(identity)}",
    )
    return member or ""


def waits_for_choice(identity: tuple[Any, ...], member: str) -> bool:
    """Return whether several models are offered, and the person has not chosen one yet."""
    return not member and st.session_state.get(_CHOICES, (None,))[0] == identity


def open_or_offer(identity: tuple[Any, ...], member: str, open_it: Callable[[], ModelSummary]) -> ModelSummary:
    """Open a model; where there are several, offer them.

    Raises:
        ModelRefused: If it cannot be opened.
    """
    try:
        return open_it()
    except SeveralModels as error:
        if not member:
            # The field above offers them when the page runs again.
            st.session_state[_CHOICES] = (identity, error.choices)
            st.rerun()
        raise
