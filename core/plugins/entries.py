"""What a plugin brought, as it is kept once it is found to be sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from core.common.text import did_you_mean
from core.errors import PluginFailed
from core.plugins.declarations import loader_fault, meaning_fault, reader_fault
from core.plugins.loaders import LoaderEntry, ModelLoader
from core.plugins.meanings import MeaningEntry, OutputMeaning
from core.plugins.plugin import Origin, Problem
from core.plugins.readers import InputReader, ReaderEntry
from core.plugins.visualizer import Visualizer

__all__ = ["KINDS", "NOUNS", "Entry", "Kind", "noun_of", "unknown_name"]


@dataclass(frozen=True)
class Entry:
    """A visualizer, and the plugin that brought it.

    Attributes:
        visualizer: The visualizer.
        origin: The plugin that brought it.
        version: How often it was loaded before.
        broken: Why its file could not be loaded again; what it was before is then not drawn with any more.
    """

    visualizer: Visualizer
    origin: Origin
    version: int = 0
    broken: Problem | None = None


@dataclass(frozen=True)
class Kind:
    """What a plugin may bring beside what draws.

    Attributes:
        noun: What it is called, as its entry calls it too.
        base: The class that it derives from.
        entry: Makes an entry of it and where it comes from.
        fault_of: Returns what is wrong with its declarations.
        hook: The hook that returns it.
        without: What it comes to if the hook returns none.
    """

    noun: str
    base: type
    entry: Callable[[Any, Origin], Any]
    fault_of: Callable[[Any], str]
    hook: str
    without: str


KINDS: Final = (
    Kind("meaning", OutputMeaning, MeaningEntry, meaning_fault, "output_meanings", "it adds no meaning of outputs"),
    Kind("reader", InputReader, ReaderEntry, reader_fault, "input_readers", "it reads no files"),
    Kind("loader", ModelLoader, LoaderEntry, loader_fault, "model_loaders", "it opens no files"),
)
_BASES: Final[dict[str, type]] = {"visualizer": Visualizer, **{kind.noun: kind.base for kind in KINDS}}
NOUNS: Final = tuple(_BASES)
"""What all that a plugin may bring is called, each as its entry calls it."""


def noun_of(brought: Any) -> str:
    """Return which of :data:`NOUNS` something is; empty if it is none."""
    return next((noun for noun, base in _BASES.items() if isinstance(brought, base)), "")


def unknown_name(noun: str, name: str, names: Iterable[str]) -> PluginFailed:
    """Return what is said where nothing of a kind has a name, with near ones."""
    there_are = list(names)
    return PluginFailed(
        f"There is no {noun} {name!r}{did_you_mean(name, there_are)}",
        plugin=name,
        remedy=f"There are: {', '.join(there_are)}.",
    )
