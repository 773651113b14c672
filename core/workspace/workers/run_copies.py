"""Recorded trainings on their way to a worker: copied to where it can read them, and again what is written since.

A run may hold the weights of a thousand steps. So its numbers are copied whole, and weights and answers when they are
asked for. Files are replaced by the training in one piece, and how far it is stands in one of its own: that one is read
first and written last, so that what it tells of is there.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from core.common.limits import Limits, format_limit, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.training.places import ACTIVATIONS, PROGRESS, WEIGHTS
from core.training.run_files import DESCRIPTION
from core.workspace.marks import Change, RunPart, declaration_of
from core.workspace.workers.history import History
from core.workspace.workers.path_permission import refuse_path
from core.workspace.workers.request import Request

__all__ = ["OWN_RUN", "SECOND_RUN", "bring_run", "bring_runs", "hand_over_run", "is_folder"]

OWN_RUN: Final = "run"
SECOND_RUN: Final = "second-run"
_LAST_WEIGHTS: Final = 3
"""So many of the last steps' weights are copied when a run is opened: the last may be written just now."""


def is_folder(source: Any) -> bool:
    """Return whether a source is a folder, which may be written to while it is looked at."""
    return isinstance(source, (str, os.PathLike)) and bool(source) and Path(source).is_dir()


def hand_over_run(request: Request, folder: Path, limits: Limits, place: str) -> Request:
    """Put a run where the worker can read it.

    Args:
        request: What asks for a run to be opened, with a ``source`` and a ``name``.
        folder: Where the worker can read.
        limits: How large it may be, and whether a person may name paths.
        place: :data:`OWN_RUN` or :data:`SECOND_RUN`.

    Returns:
        The request for the copy.

    Raises:
        InputRejected: If a path was named that may not be read, or it is too large.
    """
    arguments = request.by_name
    source, target = arguments["source"], folder / place
    if not source:
        return request
    refuse_path(source, limits, "a zip of the run")
    name = safe_name(arguments.get("name") or ("run" if isinstance(source, bytes) else Path(source).name))
    _remove(target)
    if isinstance(source, bytes):
        target = folder / f"{place}-{time.monotonic_ns()}"
        target.write_bytes(source)
    elif is_folder(source):
        bring_run(Path(source), target, RunPart.NUMBERS, None, limits)
        for step in _steps_of(Path(source))[-_LAST_WEIGHTS:]:
            _copy_all(Path(source), target, _files_below(Path(source), f"{WEIGHTS}/{step}"), limits)
    else:
        target = folder / f"{place}-{time.monotonic_ns()}"
        _copy_file(Path(source), target, name, limits)
    options = {**arguments, "source": str(target), "name": name}
    return Request(declaration_of(request.declaration).__name__, options=options)


def bring_runs(history: History, folder: Path, request: Request, limits: Limits) -> None:
    """Copy what a request looks at of the runs that are open, where they are folders that may be written to.

    Args:
        history: What was opened.
        folder: Where the worker can read.
        request: What is asked.
        limits: How large a run may be.

    Raises:
        InputRejected: If one is too large, or cannot be read.
    """
    part = request.mark.reads_run
    for change, place in ((Change.MODEL, OWN_RUN), (Change.SECOND_RUN, SECOND_RUN)):
        opening = history.last(change)
        source = opening.by_name.get("source") if opening is not None else None
        if part is not None and (folder / place).is_dir() and is_folder(source):
            bring_run(Path(str(source)), folder / place, part, request.by_name.get("step"), limits)


def bring_run(source: Path, target: Path, part: RunPart, step: int | None, limits: Limits) -> None:
    """Copy what is new or was written since of a run: its numbers, and the weights or answers that are asked for.

    Args:
        source: The folder that the training writes to.
        target: The copy.
        part: What is looked at.
        step: The step whose weights are asked for, with :attr:`.RunPart.WEIGHTS_OF_STEP`.
        limits: How large it may be.

    Raises:
        InputRejected: If it is too large, or cannot be read.
    """
    progress = source / PROGRESS / DESCRIPTION
    try:
        how_far = progress.read_bytes() if progress.is_file() and not progress.is_symlink() else None
        _copy_all(source, target, _numbers(source), limits)
        if part is RunPart.WEIGHTS_OF_STEP:
            _copy_all(source, target, _files_below(source, f"{WEIGHTS}/{step}"), limits)
        elif part is RunPart.ANSWERS:
            _copy_all(source, target, _files_below(source, WEIGHTS), limits)
            _copy_all(source, target, _files_below(source, ACTIVATIONS), limits)
        if how_far is not None:
            copied = target / PROGRESS / DESCRIPTION
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(how_far)
    except OSError as error:
        raise InputRejected(
            f"{safe_name(source.name)} cannot be read: {error.strerror or error}.", remedy="Check the path."
        ) from error


def _steps_of(source: Path) -> list[int]:
    folder = source / WEIGHTS
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def _numbers(source: Path) -> Iterator[str]:
    for path in _files_below(source, ""):
        top, _, rest = path.partition("/")
        is_left_out = top in (WEIGHTS, ACTIVATIONS) and rest.count("/") > 0
        if not is_left_out and path != f"{PROGRESS}/{DESCRIPTION}":
            yield path


def _files_below(source: Path, folder: str) -> Iterator[str]:
    """Yield the files of a folder by their paths in the run; links are left out."""
    below = [source.joinpath(*folder.split("/")[:count]) for count in range(1, folder.count("/") + 2)] if folder else []
    if any(each.is_symlink() for each in below):
        return
    for where, folders, names in os.walk(source / folder, followlinks=False):
        at = Path(where).relative_to(source)
        if at == Path(".") and not folder:
            # Single steps are looked into where they are asked for.
            yield from (f"{each}/{DESCRIPTION}" for each in (WEIGHTS, ACTIVATIONS) if each in folders)
            folders[:] = [each for each in folders if each not in (WEIGHTS, ACTIVATIONS)]
        yield from ((at / name).as_posix() for name in names)


def _copy_all(source: Path, target: Path, paths: Iterator[str], limits: Limits) -> None:
    for path in paths:
        _copy_if_newer(source / path, target / path, limits)


def _copy_if_newer(source: Path, target: Path, limits: Limits) -> None:
    try:
        about = source.lstat()
    except OSError:
        # Gone meanwhile: weights of single steps are thinned out.
        return
    if not stat.S_ISREG(about.st_mode):
        return
    if target.exists():
        copied = target.stat()
        if (copied.st_size, copied.st_mtime_ns) == (about.st_size, about.st_mtime_ns):
            return
    _check_size(about.st_size, source.name, limits)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target, follow_symlinks=False)
    os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))


def _copy_file(source: Path, target: Path, name: str, limits: Limits) -> None:
    try:
        if not source.is_file():
            raise InputRejected(f"There is no run at {name}.", remedy="Name the folder that layerscope.Record wrote.")
        _check_size(source.stat().st_size, name, limits)
        shutil.copyfile(source, target)
    except OSError as error:
        raise InputRejected(f"{name} cannot be read: {error.strerror or error}.", remedy="Check the path.") from error


def _check_size(size: int, name: str, limits: Limits) -> None:
    if size > limits.unpacked_bytes:
        raise InputRejected(
            f"{safe_name(name)} takes {size:,} bytes; at most {format_limit(limits.unpacked_bytes)} are allowed.",
            remedy=raised_by("unpacked_bytes"),
        )


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
