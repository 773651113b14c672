"""What the command writes, for as long as somebody reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import IO, Any

__all__ = ["open_ended_output"]


@contextmanager
def open_ended_output() -> Iterator[None]:
    """Let who reads the output stop reading: the rest goes into nothing, and the command ends as it would have."""
    with ExitStack() as stack:
        for redirect, stream in ((redirect_stdout, sys.stdout), (redirect_stderr, sys.stderr)):
            outlet = _Outlet(stream)
            stack.enter_context(redirect(outlet))
            stack.callback(outlet.flush)
        yield


class _Outlet:
    """A stream that goes on into nothing where the pipe is closed."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        # What still waits in the stream's buffer goes there too, or Python would complain of it when it ends.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
