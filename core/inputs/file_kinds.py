"""What a file is that cannot be read as data, told by its content, and what to do instead."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from core.common import file_signatures
from core.common.file_signatures import beginning_of_text

__all__ = ["kind_of", "kind_of_archive", "kind_promised_by"]

_SAVE_IMAGE: Final = "Save it as PNG, JPEG or WebP."
_SAVE_TABLE: Final = "Save the table as CSV."
_SAVE_FILM: Final = "Save each as a GIF, or its frames as numbered PNG files in a folder for each film."
_FILM_ENDINGS: Final = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv")
_SAVE_NUMBERS: Final = "Save the numbers that the model takes with numpy.save."
_UNPACK: Final = "Unpack it and give what is in it."
_DOWNLOAD: Final = "The download probably ended at a login or error page; download it again."
_PICKLE: Final = ("a pickle, which can run code when it is opened", "Save the array with numpy.save.")
_OPEN_AS_MODEL: Final = "Open models where models are opened; save data with numpy.save."

# Beginnings of files that people do give. Text may begin with letters too, so after those there have to be zeros.
_BEGINNINGS: Final = (
    (file_signatures.GIF, "a GIF image", _SAVE_IMAGE),
    (file_signatures.BMP, "a BMP image", _SAVE_IMAGE),
    (b"II*\0", "a TIFF image", _SAVE_IMAGE),
    (b"MM\0*", "a TIFF image", _SAVE_IMAGE),
    (b"II+\0", "a TIFF image", _SAVE_IMAGE),
    (b"MM\0+", "a TIFF image", _SAVE_IMAGE),
    (b"%!PS", "a PostScript file", _SAVE_IMAGE),
    (b"\xc5\xd0\xd3\xc6", "an EPS image", _SAVE_IMAGE),
    (b"\0\0\1\0", "an icon", _SAVE_IMAGE),
    (b"8BPS", "a Photoshop image", _SAVE_IMAGE),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image", _SAVE_IMAGE),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image", _SAVE_IMAGE),
    (file_signatures.GZIP, "compressed with gzip", _UNPACK),
    (file_signatures.BZIP2, "compressed with bzip2", _UNPACK),
    (file_signatures.XZ, "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstandard", _UNPACK),
    (file_signatures.SEVEN_ZIP, "a 7-Zip archive", _UNPACK),
    (file_signatures.RAR, "a RAR archive", _UNPACK),
    (file_signatures.ZIP_END, "an empty archive", "Give a .npz file as numpy.savez writes it."),
    *((beginning, *_PICKLE) for beginning in file_signatures.PICKLE),
    # What changes the ends of lines in a file spoils the rest of the signature.
    (file_signatures.HDF5[:4], "an HDF5 file", _OPEN_AS_MODEL),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", _SAVE_NUMBERS),
    (b"PAR1", "a Parquet file", _SAVE_TABLE),
    (b"ARROW1", "an Arrow file", _SAVE_TABLE),
    (b"SQLite format 3\0", "an SQLite database", _SAVE_TABLE),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", _SAVE_TABLE),
    (b"%PDF", "a PDF", "Save the picture in it as PNG, or its text as plain text."),
    (file_signatures.RIFF, "a sound or a film", _SAVE_NUMBERS),
    (b"OggS", "a sound or a film", _SAVE_NUMBERS),
    (b"fLaC", "a sound", _SAVE_NUMBERS),
    (b"ID3", "a sound", _SAVE_NUMBERS),
    (b"\x1aE\xdf\xa3", "a film", _SAVE_FILM),
    (b"\x7fELF", "a program", _SAVE_NUMBERS),
    (b"MZ", "a program", _SAVE_NUMBERS),
    (file_signatures.GIT_LFS_POINTER, "a Git LFS pointer to the file", "Run git lfs pull and give the real file."),
)
_MARKUP: Final = (
    (b"<svg", "an SVG image", _SAVE_IMAGE),
    (b"<!doctype html", "a web page", _DOWNLOAD),
    (b"<html", "a web page", _DOWNLOAD),
)
_JSON: Final = ("JSON or a printed list", "Save the numbers as CSV, or as .npy with numpy.save.")
_ARCHIVES: Final = (
    ("xl/workbook.xml", "an Excel workbook", _SAVE_TABLE),
    ("word/document.xml", "a Word document", "Save the text as plain text."),
    ("content.xml", "an OpenDocument file", "Save a table as CSV, a text as plain text."),
    ("model.weights.h5", "a Keras model", _OPEN_AS_MODEL),
    ("saved_model.pb", "a SavedModel", _OPEN_AS_MODEL),
)
_PROMISES: Final = MappingProxyType(
    {
        ".png": "a PNG image",
        ".jpg": "a JPEG image",
        ".jpeg": "a JPEG image",
        ".webp": "a WebP image",
        ".npy": "a NumPy array",
        ".npz": "an archive of NumPy arrays",
    }
)


def kind_of(data: bytes, *, markup: bool = True) -> tuple[str, str] | None:
    """Return what a file is that people do give and that is not read here, and what to do instead.

    Args:
        data: Content of the file.
        markup: Whether SVG, HTML and JSON count; not where text is wanted, which may be that.

    Returns:
        Such as ``("a GIF image", "Save it as PNG, JPEG or WebP.")``; None for images and arrays that are read, for
        text, and for what is not known.
    """
    for beginning, kind, remedy in _BEGINNINGS:
        if data.startswith(beginning) and (not beginning.isalnum() or b"\0" in data):
            return kind, remedy
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"heic", b"heix", b"mif1", b"avif", b"avis"):
            return "a HEIC or AVIF image", _SAVE_IMAGE
        return "a film", _SAVE_FILM
    text = beginning_of_text(data[: 1000 if markup else 0]).lower()
    for beginning, kind, remedy in _MARKUP:
        if text.startswith(beginning) or (text.startswith((b"<?xml", b"<!doctype", b"<!--")) and beginning in text):
            return kind, remedy
    return _JSON if text.startswith((b"[", b"{")) else None


def kind_of_archive(members: Collection[str]) -> tuple[str, str]:
    """Return what a zip archive without arrays is, and what to do instead.

    Args:
        members: Names of what is in it.
    """
    for member, kind, remedy in _ARCHIVES:
        if any(name == member or name.endswith(f"/{member}") for name in members):
            return kind, remedy
    if any(name.lower().endswith(_FILM_ENDINGS) for name in members):
        return "a zip archive of films in a format that is not read", f"{_SAVE_FILM[:-1]}, and pack these."
    return "a zip archive without arrays", f"{_UNPACK} A model file belongs where models are opened."


def kind_promised_by(name: str) -> str:
    """Return what a file's name says it is, empty where no image or array is promised."""
    return _PROMISES.get(PurePath(name.replace("\0", "")).suffix.lower(), "")
