"""Puts back what a plugin replaces in the libraries that every picture is drawn with, and tells what it was.

A plugin shares its process with all other pictures: ``alt.Chart.mark_bar = mine`` would change theirs, and their
failures would be blamed on them. What is added, such as an accessor of pandas, is nobody else's and stays.
"""

from __future__ import annotations

import inspect
import operator
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import numpy as np

__all__ = ["replacements_undone"]

_LIBRARIES: Final = ("altair", "builtins", "json", "math", "numpy", "pandas", "vizplugins")
_IMMUTABLE: Final = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE
_MADE_BY_PYTHON: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_DESCRIPTORS: Final = (property, classmethod, staticmethod)
_SETTINGS: Final[tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...]] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (np.geterr, lambda settings: np.seterr(**settings)),
    (lambda: list(warnings.filters), lambda filters: _put_filters_back(filters)),
)
"""How a process behaves as a whole, each read and set: put back without a word, as Altair's theme is."""


class _Names:
    """The functions, methods and classes that one module or class has, as they are."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._space: Any = vars(owner)
        self._is_class = isinstance(owner, type)
        self.take_in()

    def take_in(self) -> None:
        """Take what there is now for what is to be there."""
        self._count = len(self._space)
        own = {name: value for name, value in self._space.items() if _is_code(value)}
        self._names, self._values = tuple(own), tuple(own.values())

    @property
    def is_unchanged(self) -> bool:
        """Whether all is there, and nothing that would hide what a class inherits."""
        return all(map(operator.is_, map(self._space.get, self._names), self._values)) and (
            not self._is_class or len(self._space) == self._count
        )

    def put_back(self) -> Iterator[str]:
        """Put back what was replaced, and yield its names."""
        where = _public_name(self._owner) if self._is_class else self._owner.__name__
        for name, value in zip(self._names, self._values, strict=True):
            if self._space.get(name) is not value:
                setattr(self._owner, name, value)
                yield f"{where}.{name}"
        for name in [*self._space] if self._is_class else ():
            inherited = any(name in vars(base) for base in self._owner.__mro__[1:])
            if name not in self._names and inherited and _is_code(self._space[name]):
                delattr(self._owner, name)
                yield f"{where}.{name}"
        self.take_in()


class _SharedLibraries:
    """What the libraries hold; one for the process, as they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spaces: dict[int, _Names] = {}
        self._modules: set[str] = set()
        self._running = 0
        self._settings: tuple[Any, ...] = ()

    def enter(self) -> None:
        with self._lock:
            # What was changed between two plugins, such as in a notebook, was changed by whoever runs this process.
            if self._running == 0:
                for names in self._spaces.values():
                    if not names.is_unchanged:
                        names.take_in()
                self._settings = tuple(read() for read, _ in _SETTINGS)
            self._look_at_new_modules()
            self._running += 1

    def leave(self) -> tuple[str, ...]:
        with self._lock:
            self._running -= 1
            for (read, write), before in zip(_SETTINGS, self._settings, strict=True):
                with suppress(RecursionError):
                    if read() != before:
                        write(before)
            changed = [names for names in self._spaces.values() if not names.is_unchanged]
            return tuple(name for names in changed for name in names.put_back())

    def _look_at_new_modules(self) -> None:
        new = [name for name in sys.modules if name.partition(".")[0] in _LIBRARIES and name not in self._modules]
        self._modules.update(new)
        for module in filter(inspect.ismodule, map(sys.modules.get, new)):
            own = (each for each in vars(module).values() if isinstance(each, type) and _is_one_of_theirs(each))
            for owner in (module, *own):
                self._spaces.setdefault(id(owner), _Names(owner))


def _put_filters_back(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]  # a list, whatever its type says


def _is_code(value: Any) -> bool:
    return callable(value) or isinstance(value, _DESCRIPTORS)


def _public_name(of: type) -> str:
    library = of.__module__.partition(".")[0]
    is_public = getattr(sys.modules[library], of.__name__, None) is of
    return f"{library if is_public else of.__module__}.{of.__qualname__}"


def _is_one_of_theirs(of: type) -> bool:
    can_be_changed = of.__flags__ & _MADE_BY_PYTHON and not of.__flags__ & _IMMUTABLE
    return bool(can_be_changed) and of.__module__.partition(".")[0] in _LIBRARIES


@cache
def _shared_libraries() -> _SharedLibraries:
    return _SharedLibraries()


@contextmanager
def replacements_undone() -> Iterator[list[str]]:
    """Run a part of a plugin, then put back what it replaced.

    Several may run at once: who ends first after one replaced something is taken for it.

    Yields:
        A list that holds the names of what was replaced afterwards, such as ``"altair.Chart.mark_bar"``.
    """
    libraries = _shared_libraries()
    names: list[str] = []
    libraries.enter()
    try:
        yield names
    finally:
        names += libraries.leave()
