"""What every visitor of this server sees first: the model and the data that it was started with, if any."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from core.common.limits import get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.examples.catalogue import list_examples
from core.inputs.picture_files import files_in_folder
from core.workspace.app_command import DATA_VARIABLE, MODEL_VARIABLE
from ui.choice import Choice

__all__ = ["data_files", "holds_pictures", "is_starting_model", "starting_data", "take_start"]


def take_start(choice: Choice) -> None:
    """Choose the model that the server was started with, where the address names none."""
    model = os.environ.get(MODEL_VARIABLE, "")
    if not model or any((choice.example, choice.path, choice.upload, choice.shown_model)):
        return
    if _is_example(model):
        choice.come_from({"example": model})
    else:
        choice.come_from({"path": model})


def starting_data(choice: Choice) -> Path | None:
    """Return the data that the server was started with, while the model that it is for is open; else None."""
    model, data = os.environ.get(MODEL_VARIABLE, ""), os.environ.get(DATA_VARIABLE, "")
    return Path(data) if data and model in (choice.example, choice.path) else None


def is_starting_model(path: str) -> bool:
    """Return whether a path is that of the model that the server was started with."""
    return bool(path) and path == os.environ.get(MODEL_VARIABLE)


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


def holds_pictures(path: Path) -> bool:
    """Return whether a path is plainly one of pictures."""
    return path.is_dir() or path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".zip")


def _archive(folder: Path, limit: int) -> bytes:
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


def _is_example(name: str) -> bool:
    return any(example.name == name for example in list_examples())
