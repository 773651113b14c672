"""Who else makes models of files: this wing knows no plugins, so who stands above hands them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from core.common import file_signatures
from core.common.limits import get_limits, raised_by
from core.errors import ModelRefused
from core.models.configuration import BY_HAND

__all__ = ["ModelFileCopy", "ModelLoaders", "load_by_others", "load_other_kind", "set_loaders"]

_HEAD: Final = 4_096


@dataclass(frozen=True)
class ModelFileCopy:
    """A model's file, copied to where nobody changes it; it is gone when the model is made.

    Attributes:
        name: What the person calls it, to be told in messages, such as ``"model.pb in models.zip"``.
        path: Where the copy is; its name there says nothing.
        file_name: What the file itself is called.
    """

    name: str
    path: Path
    file_name: str

    @property
    def head(self) -> bytes:
        """What it begins with, 4,096 bytes at most."""
        return self.read(_HEAD)

    def read(self, most: int) -> bytes:
        """Return its content, no more than so many bytes."""
        with self.path.open("rb") as stream:
            return stream.read(most)


ModelLoaders: TypeAlias = Callable[[ModelFileCopy], tuple[Any, str, tuple[str, ...]]]
"""Takes a file and returns the model, or None where nobody took the file for theirs; who made it, in words, empty for
what ships with Layerscope; and a sentence for each that failed."""

_loaders: list[ModelLoaders] = []


def set_loaders(loaders: ModelLoaders) -> None:
    """Let a function make models of what is not read here, instead of the one before."""
    _loaders[:] = [loaders]


def load_other_kind(file: ModelFileCopy) -> tuple[Any, str, tuple[str, ...]]:
    """Return the model of a file whose kind is none that is read here, see :data:`ModelLoaders`.

    Raises:
        ModelRefused: If who took the file refuses it, or the model is too large.
    """
    head = file.head if file.path.is_file() else b""
    is_known = head.startswith((file_signatures.ZIP, file_signatures.HDF5)) or file_signatures.is_lite(head)
    if not head or is_known or file_signatures.is_frozen_graph(head, file.file_name):
        return None, "", ()
    return _asked(file)


def load_by_others(file: ModelFileCopy) -> Any:
    """Return the model of a file that was looked at here, and is made into a model by a plugin.

    Raises:
        ModelRefused: If nobody makes one of it, with who failed; or as :func:`load_other_kind`.
    """
    model, _, failures = _asked(file)
    if model is None:
        raise ModelRefused(" ".join((*failures, f"Nobody makes a model of {file.name}.")), remedy=BY_HAND)
    return model


def _asked(file: ModelFileCopy) -> tuple[Any, str, tuple[str, ...]]:
    if not _loaders:
        return None, "", ()
    model, whose, failures = _loaders[0](file)
    most = get_limits().parameters
    if model is not None and (count := model.count_params() if model.built else 0) > most:
        raise ModelRefused(
            f"{file.name} holds {count:,} parameters, more than {most:,}.", remedy=raised_by("parameters")
        )
    return model, whose, failures
