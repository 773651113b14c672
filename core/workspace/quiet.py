"""TensorFlow and Keras without what they log of themselves, for who wants to read the answer of a command.

This imports next to nothing: it has to come before TensorFlow.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

__all__ = ["silence_import", "silence_libraries"]

_LOG: Final = "TF_CPP_MIN_LOG_LEVEL"
_NOTHING: Final = "3"
_TENSORFLOW: Final = "tensorflow"


def silence_libraries() -> None:
    """Let TensorFlow and Keras say nothing of themselves, in this process and in those that it starts.

    What the environment says of TensorFlow's log, or of Python's warnings, stays.
    """
    os.environ.setdefault(_LOG, _NOTHING)
    silence_import()
    for name in (_TENSORFLOW, "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def silence_import() -> None:
    """Let the import of TensorFlow write nothing, where the environment says that it is to log nothing."""
    known = any(isinstance(finder, _SilentImport) for finder in sys.meta_path)
    if os.environ.get(_LOG) == _NOTHING and _TENSORFLOW not in sys.modules and not known:
        sys.meta_path.insert(0, _SilentImport())


class _SilentImport:
    """Finds TensorFlow for the import, once: its libraries log while they are loaded, whatever the environment says."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _TENSORFLOW:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def execute_silently(module: ModuleType) -> None:
                with _no_stderr():
                    execute(module)

            loader.exec_module = execute_silently
        return spec


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Send what is written to the process's standard error, not by Python alone, into nothing."""
    try:
        kept = os.dup(2)
    except OSError:
        # It is closed already.
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
