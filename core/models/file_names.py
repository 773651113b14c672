"""What the names of files that were given together say: which hold a model, and which list the names of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

__all__ = ["files_name", "names_classes"]

_LABEL_WORDS: Final = ("label", "class", "categor", "synset")
_LABEL_ENDINGS: Final = (".txt", ".json", ".csv", ".names")
_MODEL_ENDINGS: Final = frozenset({".keras", ".h5", ".hdf5", ".zip", ".json", ".pb", ".tflite", ".lite"})


def files_name(files: Sequence[tuple[str, bytes]]) -> str:
    """Return what to call files that were given together: the names of those that may hold a model."""
    names = [name for name, _ in files]
    models = [
        name for name in names if PurePosixPath(name.lower()).suffix in _MODEL_ENDINGS and not names_classes(name)
    ]
    return " + ".join(models or names)


def names_classes(path: str) -> bool:
    """Return whether a file's name says that it lists the names of classes, as ``labels.txt`` does."""
    name = PurePosixPath(path).name.lower()
    return name.endswith(_LABEL_ENDINGS) and any(word in name for word in _LABEL_WORDS)
