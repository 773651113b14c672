"""What plugins and Keras print while a command runs them, kept apart from what the command says itself."""

from __future__ import annotations

import io
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Final

import click

__all__ = ["Prints"]

_KERAS: Final = frozenset({"keras", "tensorflow", "absl"})
_MOST_LINES: Final = 10


class Prints:
    """Collects what is printed, by who prints it, and tells it at the end in a few lines each."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, plugin: str) -> Iterator[None]:
        """Collect what is printed in the block, by a plugin or by Keras for it."""
        stream = _Collector(self, plugin)
        with redirect_stdout(stream), redirect_stderr(stream):
            yield

    def add(self, who: str, text: str) -> None:
        """Note what somebody printed."""
        with self._lock:
            self._texts.setdefault(who, []).append(text)

    def tell(self) -> None:
        """Write to standard error who printed what, each line once with how often."""
        for who, texts in self._texts.items():
            # A progress bar writes over itself.
            lines = [line.rpartition("\r")[2].replace("\b", "").rstrip() for line in "".join(texts).split("\n")]
            counts = Counter(line for line in lines if line)
            if counts:
                click.echo(f"printed by {who}:", err=True)
            for line, count in list(counts.items())[:_MOST_LINES]:
                click.echo(f"    {line}{f'  ({count} times)' if count > 1 else ''}", err=True)
            if len(counts) > _MOST_LINES:
                click.echo(f"    … and {len(counts) - _MOST_LINES:,} more lines", err=True)


class _Collector(io.TextIOBase):
    """A stream that asks who writes."""

    def __init__(self, prints: Prints, plugin: str) -> None:
        self._prints = prints
        self._plugin = plugin

    def write(self, text: str) -> int:
        self._prints.add(self._writer(), text)
        return len(text)

    def _writer(self) -> str:
        frame: Any = sys._getframe(2)
        while frame is not None:
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if package in _KERAS:
                return "Keras"
            if package == "core":
                break
            frame = frame.f_back
        return self._plugin
