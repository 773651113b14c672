"""The sorts of files that a dataset of many files is made of, told by how their names end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

__all__ = ["FILMS", "PICTURES", "SORTS", "SOUNDS", "FileSort", "sort_of"]


@dataclass(frozen=True)
class FileSort:
    """One sort of files that a dataset is made of.

    Attributes:
        endings: How their names end, in lower case.
        formats: What they are called together in sentences, by their formats.
        one: What one of them is called.
        several: What several of them are called.
    """

    endings: tuple[str, ...]
    formats: str
    one: str
    several: str


PICTURES: Final = FileSort((".png", ".jpg", ".jpeg", ".webp"), "PNG, JPEG or WebP", "image", "images")
FILMS: Final = FileSort((".gif",), "GIF", "film", "films")
SOUNDS: Final = FileSort((".wav", ".flac", ".ogg", ".mp3"), "WAV, FLAC, Ogg or MP3", "sound", "sounds")

SORTS: Final = (PICTURES, FILMS, SOUNDS)
"""All of them: where files are of several, the first of these counts, and the others are refused."""


def sort_of(names: Collection[str]) -> FileSort | None:
    """Return the first sort that any of these files is of; None where they are of none."""
    return next((sort for sort in SORTS if any(name.lower().endswith(sort.endings) for name in names)), None)
