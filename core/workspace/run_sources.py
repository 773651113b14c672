"""Whether what a person names or drops is a recorded training, told from its outside: nothing of it is read."""

from __future__ import annotations

import mmap
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from core.common import file_signatures
from core.training.places import PROGRESS
from core.training.run_files import DESCRIPTION

__all__ = ["holds_run", "when_begun"]

_LEDGER: Final = f"{PROGRESS}/{DESCRIPTION}"
_FILES_REMEMBERED: Final = 64


def holds_run(source: Path | bytes) -> bool:
    """Return whether a folder, a zip archive or its content is a recorded training, as far as its names tell.

    Args:
        source: A path, or the content of a file.
    """
    if isinstance(source, bytes):
        return source.startswith(file_signatures.ZIP) and _LEDGER.encode() in source
    try:
        if source.is_dir():
            return (source / PROGRESS / DESCRIPTION).is_file()
        return source.is_file() and _names_ledger(source, *when_begun(source))
    except (OSError, ValueError):  # no file has such a name
        return False


@lru_cache(_FILES_REMEMBERED)
def _names_ledger(path: Path, _changed_at: int, size: int) -> bool:
    # A page asks after every click, and to search a model of half a gigabyte takes longer than its picture.
    if not size:
        return False
    with path.open("rb") as stream:
        if stream.read(len(file_signatures.ZIP)) != file_signatures.ZIP:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(_LEDGER.encode()) >= 0


def when_begun(source: Path) -> tuple[int, int]:
    """Return what tells a recorded training from another one under the same path: its description is written once."""
    try:
        about = os.stat(source / DESCRIPTION if source.is_dir() else source)
    except (OSError, ValueError):
        return (0, 0)
    return (about.st_mtime_ns, about.st_size)
