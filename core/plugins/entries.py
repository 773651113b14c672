"""What a plugin brought, as it is kept once it is found to be sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.plugins.loaders import ModelLoader
from core.plugins.meanings import OutputMeaning
from core.plugins.plugin import Origin, Problem
from core.plugins.readers import InputReader
from core.plugins.visualizer import Visualizer

__all__ = ["STORES", "Entry"]

STORES: Final[tuple[tuple[type, str, str], ...]] = (
    (Visualizer, "_entries", "visualizer"),
    (OutputMeaning, "_meanings", "meaning"),
    (InputReader, "_readers", "reader"),
    (ModelLoader, "_loaders", "loader"),
)
"""What a plugin may bring: its class, where it is kept, and what an entry there calls it."""


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
