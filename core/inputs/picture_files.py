"""Many image files as one dataset: a folder or a zip archive, the folder that a picture lies in is its class."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import weakref
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import numpy as np

from core.common import file_signatures
from core.common.limits import get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.class_names import is_class_names_file

__all__ = [
    "FOLDER_NAMES",
    "PictureFiles",
    "class_names_files",
    "holds_pictures",
    "pictures_in_archive",
    "pictures_in_folder",
]

FOLDER_NAMES: Final = "folder names"
"""What labels are called in sentences that come from the folders of pictures."""

_ENDINGS: Final = (".png", ".jpg", ".jpeg", ".webp")
# What systems put beside pictures without being asked.
_BESIDE: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_LIST_ENDINGS: Final = (".txt", ".json", ".csv", ".tsv", ".names")
_LARGEST_LIST: Final = 1_000_000
_LISTS: Final = 20
_UNPACKED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True)
class PictureFiles:
    """Image files by name.

    Attributes:
        names: Path of each below the folder or in the archive, in the order of the paths.
        labels: The folder of each, where they lie in folders; None where they do not. ``(sample,)``.
        read: Returns the content of one, by its position.
    """

    names: tuple[str, ...]
    labels: np.ndarray | None
    read: Callable[[int], bytes]


def holds_pictures(stream: IO[bytes]) -> bool:
    """Return whether a zip archive holds images."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return any(info.filename.lower().endswith(_ENDINGS) for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    finally:
        stream.seek(0)


def class_names_files(data: bytes) -> dict[str, bytes]:
    """Return the lists of names of classes that lie beside the images of a zip archive, such as ``labels.txt``.

    Args:
        data: Content of the archive; of what is none, or holds no images, nothing is returned.

    Returns:
        Content by the path in the archive.
    """
    if not data.startswith(file_signatures.ZIP) or not holds_pictures(io.BytesIO(data)):
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _lists_of_names(archive, {info.filename: info for info in archive.infolist()})
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return {}


def _lists_of_names(archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path, info in itertools.islice(((each, infos[each]) for each in infos if _may_list_names(infos[each])), _LISTS):
        # What zipfile and zlib raise about damaged archives is not documented; what cannot be read is no list.
        with contextlib.suppress(Exception):
            content = archive.read(info)
            if is_class_names_file(path, content):
                found[path] = content
    return found


def _may_list_names(info: zipfile.ZipInfo) -> bool:
    is_plain = not info.is_dir() and not info.flag_bits & 1 and info.compress_type in _UNPACKED
    is_small = info.file_size <= _LARGEST_LIST
    return is_plain and is_small and info.filename.lower().endswith(_LIST_ENDINGS) and not _lies_beside(info.filename)


def pictures_in_archive(source: bytes | Path, name: str) -> PictureFiles:
    """Return the images of a zip archive; none is unpacked before it is read.

    Raises:
        InputRejected: If the archive is damaged, holds something else than images, or too many.
    """
    stream: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    try:
        archive = zipfile.ZipFile(stream)
        infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        lists = _lists_of_names(archive, infos)
        names = _checked([each for each in infos if not _lies_beside(each) and each not in lists], name)
        _check_entries([infos[each] for each in names], name)
    except InputRejected:
        stream.close()
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        stream.close()
        raise InputRejected(f"{safe_name(name)} is a damaged archive.", remedy="Pack the images again.") from error

    def read(position: int) -> bytes:
        try:
            return archive.read(infos[names[position]])
        except Exception as error:  # what zipfile and zlib raise about damaged archives is not documented
            raise InputRejected(
                f"{safe_name(name)}: {safe_name(names[position])} is damaged.", remedy="Pack the images again."
            ) from error

    files = PictureFiles(tuple(names), _folders(names), read)
    weakref.finalize(files, _close, archive, stream)
    return files


def _check_entries(infos: Sequence[zipfile.ZipInfo], name: str) -> None:
    largest = get_limits().upload_bytes
    for info in infos:
        if info.flag_bits & 1 or info.compress_type not in _UNPACKED or info.file_size > largest:
            raise InputRejected(
                f"{safe_name(name)}: {safe_name(info.filename)} is encrypted, packed in an unusual way, or too large.",
                remedy="Pack the images again.",
            )


def _close(*opened: Any) -> None:
    for each in opened:
        each.close()


def pictures_in_folder(folder: Path) -> PictureFiles:
    """Return the images in a folder and the folders in it.

    Raises:
        InputRejected: If it holds something else than images, or too many.
    """
    found = [Path(root, file).relative_to(folder).as_posix() for root, _, files in os.walk(folder) for file in files]
    names = _checked([each for each in found if not _lies_beside(each)], folder.name)
    return PictureFiles(tuple(names), _folders(names), lambda position: (folder / names[position]).read_bytes())


def _lies_beside(name: str) -> bool:
    return name.startswith(_BESIDE[0]) or PurePosixPath(name).name in _BESIDE


def _checked(names: Sequence[str], holder: str) -> list[str]:
    others = [name for name in names if not name.lower().endswith(_ENDINGS)]
    if others or not names:
        told = f"also holds {safe_name(others[0])}" if others and len(others) < len(names) else "holds no image"
        raise InputRejected(
            f"{safe_name(holder)} {told}; expected were PNG, JPEG or WebP files, in a folder for each class.",
            remedy="Take out what is no image.",
        )
    most = get_limits().rows
    if len(names) > most:
        raise InputRejected(f"{safe_name(holder)} holds more than {most:,} images.", remedy=raised_by("rows"))
    return sorted(names)


def _folders(names: Sequence[str]) -> np.ndarray | None:
    folders = [PurePosixPath(name).parent.name for name in names]
    # All in one folder is one that was packed, and no class.
    return np.array(folders) if len(set(folders)) > 1 and all(folders) else None
