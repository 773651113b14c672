"""Ends a plugin that never returns, in whatever thread it runs.

The thread is interrupted as by Ctrl-C: in the main thread by a signal, which also ends a sleep or a wait, elsewhere by
an asynchronous exception, which waits for the next line of Python. What computes in another language and never comes
back to Python is ended with its worker process by the page.

The work is only interrupted while it is on the thread's stack. An asynchronous exception may still arrive just after:
at most one, since the next is due half a second later and finds the work gone. So what comes after the work stands
inside of a second guard, and is done once more where that one arrived. Nothing is left that could hit the caller.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

__all__ = ["Deadline", "run_within"]

_AGAIN_SECONDS: Final = 0.5
"""After which a plugin that catches everything is interrupted again."""

_Result = TypeVar("_Result")


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
        self._frame: FrameType | None = None

    def extend(self) -> None:
        """Note a sign of life."""
        with self._changed:
            self._end = time.monotonic() + self._seconds

    def run(self, work: Callable[[Deadline], _Result]) -> _Result:
        """Do the work; :class:`KeyboardInterrupt` is raised in it when the time is up, and again if it goes on.

        Raises:
            KeyboardInterrupt: If it was interrupted, by this or by somebody else: see :attr:`has_passed`.
        """
        before = signal.signal(signal.SIGUSR1, self._interrupt_here) if self._by_signal else None
        returned: list[_Result] = []
        raised: BaseException | None = None
        try:
            try:
                try:
                    threading.Thread(target=self._watch, name="layerscope-deadline", daemon=True).start()
                    self.extend()
                    returned.append(self._run(work))
                except BaseException as error:
                    raised = error
                self._finish()
            except KeyboardInterrupt as late:
                # The one that was on its way when the work ended.
                self._finish()
                if not returned:
                    raised = raised or late
            if raised is not None:
                raise raised
            return returned[0]
        finally:
            # Else the traceback, which holds this frame, would keep all that the work held.
            raised = None
            if self._by_signal:
                signal.signal(signal.SIGUSR1, before or signal.SIG_DFL)

    def _run(self, work: Callable[[Deadline], _Result]) -> _Result:
        self._frame = sys._getframe()
        return work(self)

    def _finish(self) -> None:
        with self._changed:
            self._is_over = True
            self._frame = None
            self._changed.notify()
            if self.has_passed and not self._by_signal:
                # What was not delivered yet must not hit what comes after.
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                left = self._end - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self.has_passed = True
                if self._is_working(sys._current_frames().get(self._thread)):
                    self._interrupt()
                self._changed.wait(_AGAIN_SECONDS)

    def _is_working(self, frame: FrameType | None) -> bool:
        """Return whether the work is on the stack whose last frame is given, and not only about to begin or over."""
        own = self._frame
        if own is None or frame is own:
            return False
        while frame is not None and frame is not own:
            frame = frame.f_back
        return frame is own

    def _interrupt(self) -> None:
        if self._by_signal:
            signal.pthread_kill(self._thread, signal.SIGUSR1)
        else:
            interrupt = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), interrupt)

    def _interrupt_here(self, number: int, frame: FrameType | None) -> None:
        if not self._is_over and self._is_working(frame):
            raise KeyboardInterrupt


def run_within(seconds: float, message: str, work: Callable[[Deadline], _Result]) -> _Result:
    """Do some work, which has so many seconds, counted anew from each ``extend()``.

    Args:
        seconds: How many.
        message: What to say when they are over.
        work: Called with the deadline.

    Returns:
        What the work returned.

    Raises:
        TimeoutError: When they are.
    """
    watched = Deadline(seconds)
    try:
        return watched.run(work)
    except KeyboardInterrupt as interrupt:
        if not watched.has_passed:
            raise
        raise TimeoutError(message) from interrupt
