"""Many pictures or sounds as one dataset: a folder or a zip archive; the folder that a file lies in is its class."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import weakref
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import numpy as np

from core.common import file_signatures
from core.common.limits import get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.class_names import is_class_names_file
from core.inputs.file_sorts import PICTURES, SORTS, FileSort, sort_of
from core.inputs.label_tables import LabelTable, read_label_table

__all__ = [
    "FOLDER_NAMES",
    "PictureFiles",
    "class_names_files",
    "files_in_archive",
    "files_in_folder",
    "some_of",
]

FOLDER_NAMES: Final = "folder names"
"""What labels are called in sentences that come from the folders of pictures or sounds."""

# What systems put beside pictures without being asked.
_BESIDE: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_LIST_ENDINGS: Final = (".txt", ".json", ".csv", ".tsv", ".names")
_LARGEST_LIST: Final = 1_000_000
_LISTS: Final = 20
_UNPACKED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True)
class PictureFiles:
    """Image files by name; or films or sounds, which lie in folders and archives in the same way.

    Attributes:
        names: Path of each below the folder or in the archive, in the order of the paths.
        labels: The folder of each, where they lie in folders; None where they do not. ``(sample,)``.
        read: Returns the content of one, by its position.
        tables: Tables that lie beside them and name them, by path.
        sort: Which sort of files they are.
    """

    names: tuple[str, ...]
    labels: np.ndarray | None
    read: Callable[[int], bytes]
    tables: Mapping[str, LabelTable] = field(default_factory=dict)
    sort: FileSort = PICTURES


def class_names_files(data: bytes) -> dict[str, bytes]:
    """Return the lists of names of classes that lie beside what a zip archive holds, such as ``labels.txt``.

    Args:
        data: Content of the archive; of what is none, or holds no images, films or sounds, nothing is returned.

    Returns:
        Content by the path in the archive.
    """
    archive = _archive(io.BytesIO(data)) if data.startswith(file_signatures.ZIP) else None
    if archive is None:
        return {}
    with archive:
        infos = {info.filename: info for info in archive.infolist()}
        return _lists_beside(archive, infos)[0] if _sort_in(archive) else {}


def _archive(stream: IO[bytes]) -> zipfile.ZipFile | None:
    """Return a zip archive, opened; None for what is none, or damaged."""
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


def _sort_in(archive: zipfile.ZipFile) -> FileSort | None:
    """Return which sort of files an archive is of; None if it holds none."""
    # What a Mac puts beside each file bears the file's own name.
    return sort_of([name for name in archive.namelist() if not _lies_beside(name)])


def _lists_beside(
    archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]
) -> tuple[dict[str, bytes], dict[str, LabelTable]]:
    """Return the content of lists of names of classes, and tables that name files, by path."""
    found: dict[str, bytes] = {}
    tables: dict[str, LabelTable] = {}
    for path, info in itertools.islice(((each, infos[each]) for each in infos if _may_list_names(infos[each])), _LISTS):
        # What zipfile and zlib raise about damaged archives is not documented; what cannot be read is no list.
        with contextlib.suppress(Exception):
            content = archive.read(info)
            if table := read_label_table(content, path):
                tables[path] = table
            elif is_class_names_file(path, content):
                found[path] = content
    return found, tables


def _may_list_names(info: zipfile.ZipInfo) -> bool:
    is_plain = not info.is_dir() and not info.flag_bits & 1 and info.compress_type in _UNPACKED
    is_small = info.file_size <= _LARGEST_LIST
    return is_plain and is_small and info.filename.lower().endswith(_LIST_ENDINGS) and not _lies_beside(info.filename)


def files_in_archive(source: bytes | Path, name: str, sorts: Collection[FileSort] = SORTS) -> PictureFiles | None:
    """Return the images, or else the films or sounds, of a zip archive; none is unpacked before it is read.

    Args:
        source: Content of the archive, or where it lies.
        name: What it is called, for messages.
        sorts: Which sorts of files are wanted.

    Returns:
        None for what is no archive, or is damaged, or holds none of these sorts.

    Raises:
        InputRejected: If it holds something else beside them, or too many.
    """
    stream: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    archive = _archive(stream)
    sort = _sort_in(archive) if archive else None
    if archive is None or sort is None or sort not in sorts:
        _close(archive, stream)
        return None
    infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    try:
        lists, tables = _lists_beside(archive, infos)
        names = [each for each in infos if not _lies_beside(each) and each not in lists and each not in tables]
        names = _checked(names, name, sort)
        _check_entries([infos[each] for each in names], name, sort)
    except InputRejected:
        _close(archive, stream)
        raise

    def read(position: int) -> bytes:
        try:
            return archive.read(infos[names[position]])
        except Exception as error:  # what zipfile and zlib raise about damaged archives is not documented
            raise InputRejected(
                f"{safe_name(name)}: {safe_name(names[position])} is damaged.", remedy=_pack_again(sort)
            ) from error

    files = PictureFiles(tuple(names), _folders(names), read, tables, sort)
    weakref.finalize(files, _close, archive, stream)
    return files


def _pack_again(sort: FileSort) -> str:
    return f"Pack the {sort.several} again."


def _check_entries(infos: Sequence[zipfile.ZipInfo], name: str, sort: FileSort) -> None:
    largest = get_limits().upload_bytes
    for info in infos:
        if info.flag_bits & 1 or info.compress_type not in _UNPACKED or info.file_size > largest:
            raise InputRejected(
                f"{safe_name(name)}: {safe_name(info.filename)} is encrypted, packed in an unusual way, or too large.",
                remedy=_pack_again(sort),
            )


def _close(*opened: Any) -> None:
    for each in filter(None, opened):
        each.close()


def files_in_folder(folder: Path) -> PictureFiles:
    """Return the images or else the films or sounds in a folder and the folders in it.

    Raises:
        InputRejected: If it holds something else, or too many.
    """
    found = [Path(root, file).relative_to(folder).as_posix() for root, _, files in os.walk(folder) for file in files]
    sort = sort_of(found) or PICTURES
    tables = {
        each: table
        for each in found
        if each.lower().endswith((".csv", ".tsv")) and (folder / each).stat().st_size <= _LARGEST_LIST
        if (table := read_label_table((folder / each).read_bytes(), each))
    }
    names = _checked([each for each in found if not _lies_beside(each) and each not in tables], folder.name, sort)

    def read(position: int) -> bytes:
        return (folder / names[position]).read_bytes()

    return PictureFiles(tuple(names), _folders(names), read, tables, sort)


def some_of(files: PictureFiles, positions: Sequence[int]) -> PictureFiles:
    """Return some of the files in the order of positions, and their folders as labels where these are classes."""
    names = [files.names[position] for position in positions]
    return replace(
        files, names=tuple(names), labels=_folders(names), read=lambda position: files.read(positions[position])
    )


def _lies_beside(name: str) -> bool:
    return name.startswith(_BESIDE[0]) or PurePosixPath(name).name in _BESIDE


def _checked(names: Sequence[str], holder: str, sort: FileSort) -> list[str]:
    others = [name for name in names if not name.lower().endswith(sort.endings)]
    if others or not names:
        told = f"also holds {safe_name(others[0])}" if others and len(others) < len(names) else f"holds no {sort.one}"
        raise InputRejected(
            f"{safe_name(holder)} {told}; expected were {sort.formats} files, in a folder for each class.",
            remedy=f"Take out what is no {sort.one}.",
        )
    most = get_limits().rows
    if len(names) > most:
        raise InputRejected(f"{safe_name(holder)} holds more than {most:,} {sort.several}.", remedy=raised_by("rows"))
    return sorted(names)


def _folders(names: Sequence[str]) -> np.ndarray | None:
    folders = [PurePosixPath(name).parent.name for name in names]
    # All in one folder is one that was packed, and no class.
    return np.array(folders) if len(set(folders)) > 1 and all(folders) else None
