"""The files of a run, in a folder that may still be written to or in a zip archive, read without trust."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path
from typing import IO, Final, Protocol
from weakref import finalize

from core.common import file_signatures
from core.common.limits import get_limits
from core.common.text import safe_name
from core.errors import InputRejected, LayerscopeError
from core.models.archives import check_archive
from core.models.file_trees import FileTree, archive_tree

__all__ = ["ArchivedRun", "RunFiles", "RunFolder", "open_run_files"]

DESCRIPTION: Final = "zarr.json"


class RunFiles(Protocol):
    """The files of a run."""

    def size(self, path: str) -> int | None:
        """Return how many bytes a file has; None if there is none, or if it is a link or anything but a file."""

    def read(self, path: str, count: int, offset: int = 0) -> bytes:
        """Return so many bytes of a file, fewer where it ends before."""


class RunFolder:
    """A run in a folder; links are not followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def size(self, path: str) -> int | None:
        """Return how many bytes a file has; see :class:`RunFiles`."""
        at = self.folder
        try:
            # A link on the way leads out of the run as one at its end does.
            for part in path.split("/"):
                at = at / part
                information = at.lstat()
                if stat.S_ISLNK(information.st_mode):
                    return None
        except OSError:
            return None
        return information.st_size if stat.S_ISREG(information.st_mode) else None

    def read(self, path: str, count: int, offset: int = 0) -> bytes:
        """Return so many bytes of a file; see :class:`RunFiles`."""
        descriptor = os.open(
            self.folder / path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(descriptor, "rb") as stream:
            stream.seek(offset)
            return stream.read(count)


class ArchivedRun:
    """A run in a zip archive that was checked."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree

    def size(self, path: str) -> int | None:
        """Return how many bytes a file has; see :class:`RunFiles`."""
        return self._tree.sizes.get(path)

    def read(self, path: str, count: int, offset: int = 0) -> bytes:
        """Return so many bytes of a file; see :class:`RunFiles`."""
        with self._tree.opener(path) as stream:
            stream.seek(offset)
            return stream.read(count)


def open_run_files(source: str | os.PathLike[str] | bytes | IO[bytes], name: str) -> RunFiles:
    """Return the files of a run.

    Args:
        source: Its folder, or a zip archive of it: a path, its content, or a binary file.
        name: What to call it in messages.

    Raises:
        InputRejected: If there is no run.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if path.is_dir():
            return RunFolder(path)
        if not path.is_file():
            raise InputRejected(f"There is no run at {name}.", remedy="Name the folder that layerscope.Record wrote.")
        stream: IO[bytes] = path.open("rb")
        try:
            files = _archived_run(stream, name)
        except BaseException:
            stream.close()
            raise
        # It stays open for as long as somebody reads the run.
        finalize(files, stream.close)
        return files
    return _archived_run(io.BytesIO(source) if isinstance(source, bytes) else source, name)


def _archived_run(stream: IO[bytes], name: str) -> ArchivedRun:
    if stream.read(len(file_signatures.ZIP)) != file_signatures.ZIP:
        raise no_run(name)
    stream.seek(0)
    try:
        archive = zipfile.ZipFile(stream)
        tree = archive_tree(archive, check_archive(stream, archive, name, get_limits())).without_clutter()
    except LayerscopeError as error:
        raise InputRejected(error.message, remedy=error.remedy) from error
    except Exception as error:  # what zipfile and zlib raise about damaged files is not documented
        raise InputRejected(f"{name} is a zip archive that is cut off or damaged.", remedy="Copy it again.") from error
    root = min((path for path in tree.sizes if _is_description(path)), key=lambda path: path.count("/"), default=None)
    if root is None:
        raise no_run(name)
    return ArchivedRun(tree.below(root.rpartition("/")[0]))


def no_run(name: str) -> InputRejected:
    """Return what is said of files that are no run."""
    return InputRejected(
        f"{safe_name(name)} holds no recorded training.",
        remedy="Choose the folder that layerscope.Record wrote, or a zip archive of it.",
    )


def _is_description(path: str) -> bool:
    return path.rpartition("/")[2] == DESCRIPTION
