"""What plugins brought that takes files for its own: found by name, and asked one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from core.common.text import safe_name, sentence
from core.errors import LayerscopeError
from core.plugins.entries import unknown_name
from core.plugins.loading import LoadedPlugins
from core.plugins.plugin import problem_of

__all__ = ["FileRegistry"]

_Brought = TypeVar("_Brought")
_Result = TypeVar("_Result")


class FileRegistry(Generic[_Brought]):
    """Readers or loaders that were found.

    Each can fail at the same boundaries as a visualizer: import, registration and its hook are guarded in
    :mod:`core.plugins.loading`, matching and what comes of it here. One that fails is named, and the next one is asked.

    Args:
        loaded: What brought them.
        noun: What one is called, see :data:`core.plugins.entries.NOUNS`.
        refusal: What one raises that refuses a file, which is no failure.
    """

    def __init__(self, loaded: LoadedPlugins, noun: str, refusal: type[LayerscopeError]) -> None:
        self._loaded = loaded
        self._noun = noun
        self._refusal = refusal

    @property
    def all(self) -> tuple[_Brought, ...]:
        """Every one, in the order in which they are asked: strangers' first."""
        return tuple(getattr(entry, self._noun) for entry in self._entries())

    def get(self, name: str) -> _Brought:
        """Return one by name.

        Raises:
            PluginFailed: If there is none of that name; the message names near ones.
        """
        entries = self._loaded.of(self._noun)
        if name not in entries:
            raise unknown_name(self._noun, name, entries)
        brought: _Brought = getattr(entries[name], self._noun)
        return brought

    def _first_result(
        self, file_name: str, ask: Callable[[Any], _Result | None]
    ) -> tuple[Any, _Result | None, tuple[str, ...]]:
        """Return the entry that takes a file for its own, what came of it, and a sentence for each that failed."""
        failures: list[str] = []
        for entry in self._entries():
            try:
                if (result := ask(entry)) is not None:
                    return entry, result, tuple(failures)
            except self._refusal:
                raise
            # A plugin may raise anything; other BaseExceptions are left alone, since Streamlit stops a script with one.
            except (Exception, SystemExit) as error:
                origin = entry.origin
                problem = problem_of(origin, "hook", error)
                self._loaded.add_problem(origin, problem)
                whence = f" of {origin.in_words}" if origin.in_words else ""
                who = f"{getattr(entry, self._noun).title}, a {self._noun}{whence},"
                failures.append(sentence(f"{who} failed on {safe_name(file_name)}: {problem.in_words}"))
        return None, None, tuple(failures)

    def _entries(self) -> Sequence[Any]:
        entries = self._loaded.of(self._noun).values()
        return sorted(entries, key=lambda entry: entry.origin.source == "built-in")
