"""Files in a folder or in a zip archive, by their paths: a model may come in either, and is read in the same way."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from core.errors import ModelRefused
from core.models.configuration import BY_HAND, MAXIMUM_BYTES

__all__ = ["DOCUMENTS", "FileTree", "archive_tree", "file_entry_tree", "folder_tree", "is_clutter", "is_document"]

DOCUMENTS: Final = ("readme", "license", "licence", "notice", "changelog", "citation", "notes", "authors")
MAXIMUM_FILES: Final = 100_000
_CLUTTER_FOLDERS: Final = frozenset({"__macosx", "__pycache__", "node_modules"})
_CLUTTER_FILES: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
# A tokenizer's file may begin with a dot; what systems add beside such files begins so.
_SYSTEM_FILES: Final = ("._", ".ds_store")


@dataclass(frozen=True)
class FileTree:
    """Files by their paths relative to a root, with ``/`` between the parts.

    Attributes:
        sizes: Bytes of each file.
        opener: Opens a file for reading, by its path.
        links: Paths that are links or no files; they are never followed.
        folder: The folder on disk that this is; None for what is in an archive.
    """

    sizes: Mapping[str, int]
    opener: Callable[[str], IO[bytes]]
    links: frozenset[str] = field(default_factory=frozenset)
    folder: Path | None = None

    def below(self, root: str) -> FileTree:
        """Return what is below a folder of it; the empty path is the tree itself."""
        if not root:
            return self
        prefix = f"{root}/"
        return FileTree(
            {path.removeprefix(prefix): size for path, size in self.sizes.items() if path.startswith(prefix)},
            lambda path: self.opener(prefix + path),
            frozenset(path.removeprefix(prefix) for path in self.links if path.startswith(prefix)),
            self.folder / root if self.folder else None,
        )

    def without_clutter(self) -> FileTree:
        """Return it without what operating systems and programs leave in folders and archives."""
        return FileTree(
            {path: size for path, size in self.sizes.items() if not is_clutter(path)},
            self.opener,
            frozenset(path for path in self.links if not is_clutter(path)),
            self.folder,
        )

    def head(self, path: str, size: int = 4096) -> bytes:
        """Return the first bytes of a file."""
        with self.opener(path) as stream:
            return stream.read(size)

    def read(self, path: str, name: str, most: int = MAXIMUM_BYTES) -> bytes:
        """Return the content of a file.

        Args:
            path: Which file.
            name: What to call the tree in messages.
            most: Bytes that it may have.

        Raises:
            ModelRefused: If there are more, whatever an archive declares.
        """
        content = self.head(path, most + 1)
        if len(content) > most:
            raise ModelRefused(f"{path} in {name} is larger than {most:,} bytes.", remedy=BY_HAND)
        return content

    def copy(self, path: str, target: Path) -> None:
        """Write a file of it to a place where nothing is yet."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.opener(path) as stream, target.open("xb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)

    def move(self, path: str, target: Path) -> None:
        """Move a file of a folder of our own to a place where nothing is yet."""
        assert self.folder is not None, "an archive's files are unpacked before"
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).rename(target)

    def copy_all(self, target: Path) -> None:
        """Write all files of it into a folder."""
        target.mkdir(parents=True, exist_ok=True)
        for path in self.sizes:
            self.copy(path, target / path)


def archive_tree(archive: zipfile.ZipFile, sizes: Mapping[str, int]) -> FileTree:
    """Return the files of a zip archive that is open, as :func:`core.models.archives.check_archive` counted them."""
    return FileTree(sizes, archive.open)


def file_entry_tree(path: Path) -> FileTree:
    """Return a tree that holds a single file on disk."""
    return FileTree({path.name: path.stat().st_size}, lambda name: path.open("rb"), folder=path.parent)


def folder_tree(folder: Path, name: str) -> FileTree:
    """Return the files of a folder; hidden folders, and what no model is kept in, are not looked into.

    Args:
        folder: The folder.
        name: What to call it in messages.

    Raises:
        ModelRefused: If it holds more files than are looked through.
        OSError: If it cannot be read.
    """
    sizes: dict[str, int] = {}
    links: set[str] = set()
    for parent, folders, files in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        folders[:] = sorted(each for each in folders if not is_clutter((relative / each).as_posix()))
        for each in (*folders, *files):
            path = (relative / each).as_posix()
            information = (Path(parent) / each).lstat()
            if stat.S_ISREG(information.st_mode):
                sizes[path] = information.st_size
            elif not stat.S_ISDIR(information.st_mode):
                links.add(path)
        if len(sizes) + len(links) > MAXIMUM_FILES:
            raise ModelRefused(
                f"The folder {name} holds more than {MAXIMUM_FILES:,} files.", remedy="Choose the model's own folder."
            )
    return FileTree(sizes, lambda path: (folder / path).open("rb"), frozenset(links), folder)


def is_clutter(path: str) -> bool:
    """Return whether a path is one that systems, editors or version control add, such as ``__MACOSX/`` or ``.git``."""
    *folders, name = path.lower().split("/")
    if name in _CLUTTER_FILES or name in _CLUTTER_FOLDERS or name.startswith(_SYSTEM_FILES):
        return True
    if any(folder in _CLUTTER_FOLDERS or folder.startswith(".") for folder in folders):
        return True
    return name.startswith(".") and "assets" not in folders


def is_document(path: str) -> bool:
    """Return whether a file at the top of a model's folder is one for people: a README, a licence, notes."""
    name = path.lower()
    if "/" in name:
        return False
    return name.startswith(DOCUMENTS) or name.endswith((".md", ".rst", ".txt", ".pdf", ".png", ".jpg", ".csv", ".json"))
