"""What draws an object whose wing knows no visualizers, in a notebook or by name: who stands above hands it in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Charting", "Display", "chart_of", "display_of", "set_display"]

Display: TypeAlias = Callable[[Any, Any, Any], Any]
"""Takes an object and the media types to include and to exclude, as Jupyter asks for them; returns a bundle or None."""

Charting: TypeAlias = Callable[..., Any]
"""Takes a picture's name, an object and options by name; returns a chart."""

_displays: list[tuple[Display, Charting]] = []


def set_display(display: Display, charting: Charting) -> None:
    """Let functions draw what notebooks show, and what is asked for by name, instead of those before."""
    _displays[:] = [(display, charting)]


def display_of(thing: Any, include: Any = None, exclude: Any = None) -> Any:
    """Return a bundle of media types for an object; None if nobody draws it."""
    return _displays[0][0](thing, include, exclude) if _displays else None


def chart_of(thing: Any, name: str, options: dict[str, Any]) -> Any:
    """Return the chart of an object that has a name.

    Raises:
        LookupError: If nobody draws it.
    """
    if not _displays:
        raise LookupError(f"nobody is there to draw {name!r}")
    return _displays[0][1](name, thing, **options)
