"""Model files on their way to a worker: copied to where it can read them, under names that are no person's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.common.limits import Limits
from core.common.text import safe_name
from core.models.file_names import files_name
from core.models.trust import NO_TRUST, get_trust
from core.workspace.interface import WorkspaceInterface
from core.workspace.marks import Change, declaration_of
from core.workspace.model_names import file_name
from core.workspace.workers.path_permission import refuse_path
from core.workspace.workers.request import Request
from core.workspace.workers.run_copies import OWN_RUN, SECOND_RUN, hand_over_run

__all__ = ["hand_over"]


def hand_over(request: Request, folder: Path, limits: Limits, *, is_confined: bool) -> Request:
    """Put a model where the worker can read it; the name that a person gave it is no part of the path.

    Args:
        request: What asks for a model file to be opened, or looked at.
        folder: Where the worker can read; what is in it goes.
        limits: How large files may be, and whether a person may name paths.
        is_confined: Whether the worker is, so that it may be told whose code to trust.

    Returns:
        The request for the copy.

    Raises:
        InputRejected: If a path was named that may not be read.
        ModelRefused: If the files are too large, or none that can be copied.
    """
    arguments, mark = request.by_name, request.mark
    if mark.change is Change.SECOND_RUN:
        return hand_over_run(request, folder, limits, SECOND_RUN)
    _empty(folder)
    if request.name == WorkspaceInterface.open_run.__name__:
        return _with_trust(hand_over_run(request, folder, limits, OWN_RUN), arguments, is_confined=is_confined)
    target = folder / f"model-{time.monotonic_ns()}"
    name = safe_name(_write(arguments, target, limits, whole=mark.change is not None))
    method = declaration_of(mark.by_path or request.declaration).__name__
    options: dict[str, Any] = {"source": str(target), "name": name, "member": str(arguments.get("member", ""))}
    opening = Request(method, options=options, wants_progress=request.wants_progress)
    return opening if mark.change is None else _with_trust(opening, arguments, is_confined=is_confined)


def _with_trust(request: Request, arguments: Mapping[str, Any], *, is_confined: bool) -> Request:
    # Read anew each time, as somebody may have changed a class and wants to see what comes of it.
    trust = (arguments.get("trust", NO_TRUST) | get_trust()).portable() if is_confined else NO_TRUST
    return replace(request, options={**request.options, "trust": trust})


def _empty(folder: Path) -> None:
    for earlier in folder.iterdir():
        if earlier.name.startswith((OWN_RUN, SECOND_RUN)):
            # That is read on in.
            continue
        # It was read when it was opened.
        shutil.rmtree(earlier) if earlier.is_dir() else earlier.unlink()


def _write(arguments: Mapping[str, Any], target: Path, limits: Limits, *, whole: bool) -> str:
    """Write what is given as a model to a path; return what it is called."""
    # Much is imported for it, and the first page opens no file.
    from core.models.copies import copy_apart, copy_model, write_files

    files = arguments.get("files", ())
    if len(files) > 1:
        write_files(files, target, limits)
        return files_name(files)
    if files:
        ((name, content),) = files
        target.write_bytes(content)
        return str(name)
    source, weights = arguments["source"], str(arguments.get("weights", ""))
    name = arguments.get("name") or file_name(source, weights)
    if isinstance(source, bytes):
        target.write_bytes(source)
        return str(name)
    refuse_path(source, limits, "the file")
    if weights:
        copy_apart(Path(source), Path(weights), target, name, limits)
    else:
        member = str(arguments.get("member", ""))
        copy_model(Path(source), target, safe_name(name), limits, member=member, whole=whole)
    return str(name)
