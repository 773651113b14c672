"""Names that plugins should no longer use: each warns with its replacement, and the Plugins page says so too."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["hearing", "warn_deprecated"]

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def warn_deprecated(name: str, replacement: str) -> None:
    """Warn the caller's caller that a name will go.

    Args:
        name: The name.
        replacement: What to use instead.
    """
    message = f"{name} is deprecated and goes with the next version of the plugin API; use {replacement}"
    heard = _heard.get()
    if heard is not None and message not in heard:
        heard.append(message)
    warnings.warn(message, DeprecationWarning, stacklevel=3)


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Collect the warnings of the block, which runs a plugin."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
