"""What a notebook shows of an object whose wing knows no visualizers: who stands above hands in what draws it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Display", "display_of", "set_display"]

Display: TypeAlias = Callable[[Any, Any, Any], Any]
"""Takes an object and the media types to include and to exclude, as Jupyter asks for them; returns a bundle or None."""

_displays: list[Display] = []


def set_display(display: Display) -> None:
    """Let a function draw what notebooks show, from now on, instead of the one before."""
    _displays[:] = [display]


def display_of(thing: Any, include: Any = None, exclude: Any = None) -> Any:
    """Return a bundle of media types for an object; None if nobody draws it."""
    return _displays[0](thing, include, exclude) if _displays else None
