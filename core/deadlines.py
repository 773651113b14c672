"""Ends a plugin that never returns, in whatever thread it runs.

The thread is interrupted as by Ctrl-C: in the main thread by a signal, which also ends a sleep or a wait, elsewhere by
an asynchronous exception, which waits for the next line of Python. What computes in another language and never comes
back to Python is ended with its worker process by the page.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["Deadline", "deadline"]

_AGAIN_SECONDS: Final = 0.5
"""After which a plugin that catches everything is interrupted again."""


class Deadline:
    """A deadline that moves on with every sign of life.

    Args:
        seconds: From now, and from each sign of life.
    """

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._seconds = seconds
        self._thread = threading.get_ident()
        self._by_signal = threading.current_thread() is threading.main_thread() and hasattr(signal, "pthread_kill")
        self._changed = threading.Condition()
        self._end = time.monotonic() + seconds
        self._is_over = False

    def extend(self) -> None:
        """Note a sign of life."""
        with self._changed:
            self._end = time.monotonic() + self._seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch over the block; :class:`KeyboardInterrupt` is raised in it when the time is up."""
        before = signal.signal(signal.SIGUSR1, self._interrupt_here) if self._by_signal else None
        watch = threading.Thread(target=self._watch, name="layerscope-deadline", daemon=True)
        try:
            try:
                watch.start()
                self.extend()
                yield
            finally:
                self._end_watch()
        finally:
            # The interrupt may have come just as the block was left; the next would be half a second away.
            self._end_watch()
            if self._by_signal:
                signal.signal(signal.SIGUSR1, before or signal.SIG_DFL)

    def _end_watch(self) -> None:
        while not self._finish():
            pass

    def _finish(self) -> bool:
        try:
            with self._changed:
                self._is_over = True
                self._changed.notify()
                if self.has_passed and not self._by_signal:
                    # What was not delivered yet must not hit what comes after.
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
        except KeyboardInterrupt:
            # It came while the block was being left.
            return False
        return True

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                left = self._end - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self.has_passed = True
                self._interrupt()
                self._changed.wait(_AGAIN_SECONDS)

    def _interrupt(self) -> None:
        if self._by_signal:
            signal.pthread_kill(self._thread, signal.SIGUSR1)
        else:
            interrupt = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), interrupt)

    def _interrupt_here(self, number: int, frame: FrameType | None) -> None:
        if not self._is_over:
            raise KeyboardInterrupt


@contextmanager
def deadline(seconds: float, message: str) -> Iterator[Deadline]:
    """Give a block so many seconds, counted anew from each ``extend()``.

    Args:
        seconds: How many.
        message: What to say when they are over.

    Raises:
        TimeoutError: When they are.
    """
    watched = Deadline(seconds)
    try:
        with watched.running():
            yield watched
    except KeyboardInterrupt as interrupt:
        if not watched.has_passed:
            raise
        raise TimeoutError(message) from interrupt
