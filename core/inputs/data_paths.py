"""Data on this machine that somebody names by its path, as files that are given to a model."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from core.common.limits import get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected

__all__ = ["data_files"]


def data_files(path: Path) -> list[tuple[str, bytes]]:
    """Return name and content of a file of data; of a folder of pictures or sounds as one archive, folders as classes.

    Raises:
        InputRejected: If it is not there, cannot be read, or is larger than an upload may be.
    """
    limit = get_limits().upload_bytes
    try:
        if path.is_dir():
            return [(f"{path.name}.zip", _archive(path, limit))]
        if path.stat().st_size > limit:
            raise _too_large(path)
        return [(path.name, path.read_bytes())]
    except OSError as error:
        raise InputRejected(
            f"The data {safe_name(path)} cannot be read: {error.strerror or error}.",
            remedy="Start Layerscope with the path of a file or of a folder of pictures or sounds.",
        ) from error


def _archive(folder: Path, limit: int) -> bytes:
    # Much is imported for it, and the first page reads no folder.
    from core.inputs.picture_files import files_in_folder

    pictures = files_in_folder(folder)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in pictures.tables:
            archive.writestr(name, (folder / name).read_bytes())
        for number, name in enumerate(pictures.names):
            archive.writestr(name, pictures.read(number))
            if buffer.tell() > limit:
                raise _too_large(folder)
    return buffer.getvalue()


def _too_large(path: Path) -> InputRejected:
    return InputRejected(
        f"The data {safe_name(path)} is larger than the page takes.",
        remedy=f"Give fewer samples. {raised_by('upload_bytes')}",
    )
