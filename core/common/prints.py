"""What code prints while it runs, which goes on to the log as well: for the author of a plugin, on the page."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

__all__ = ["collected_prints", "hear_prints"]

_MOST_CHARACTERS: Final = 4_000
_collecting: ContextVar[io.StringIO | None] = ContextVar("collecting", default=None)


class _HeardStream(io.TextIOBase):
    """Hands on what is written to another stream, and keeps it for who collects it in the same thread."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        collecting = _collecting.get()
        if collecting is not None:
            collecting.write(text[: max(0, _MOST_CHARACTERS - collecting.tell())])
        self.stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return int(self.stream.fileno())

    def isatty(self) -> bool:
        return bool(self.stream.isatty())


def hear_prints() -> None:
    """Let this process hear what is printed from now on; the second time nothing changes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _HeardStream):
            setattr(sys, name, _HeardStream(stream))


@contextmanager
def collected_prints() -> Iterator[io.StringIO]:
    """Collect the beginning of what this thread prints in the block, in a process that hears it."""
    collecting = io.StringIO()
    token = _collecting.set(collecting)
    try:
        yield collecting
    finally:
        _collecting.reset(token)
