"""Ends a plugin that never returns, in whatever thread it runs.

The thread is interrupted as by Ctrl-C: in the main thread by a signal, which also ends a sleep or a wait, elsewhere by
an asynchronous exception, which waits for the next line of Python. What computes in another language and never comes
back to Python, such as ``sum(itertools.repeat(1))``, is ended by the kernel with its process some seconds later, where
that is a worker: its alarm clock, which is set for a whole request, is set to that.

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

_GRACE_SECONDS: Final = 5.0
"""After which the kernel ends a process that was interrupted and goes on."""

_ALARM_PRECISION: Final = 0.1
_DEBUGGER: Final = "bdb"

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
        self._alarm = _Alarm(seconds + _GRACE_SECONDS) if self._by_signal else None

    def extend(self) -> None:
        """Note a sign of life."""
        with self._changed:
            self._end = time.monotonic() + self._seconds
        if self._alarm:
            self._alarm.set_sooner()

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
            if self._alarm:
                self._alarm.set_as_before()
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
                if self._is_asked_by_a_person(sys._current_frames().get(self._thread)):
                    self._end = time.monotonic() + self._seconds
                    continue
                self.has_passed = True
                if self._is_working(sys._current_frames().get(self._thread)):
                    self._interrupt()
                self._changed.wait(_AGAIN_SECONDS)

    def _is_asked_by_a_person(self, frame: FrameType | None) -> bool:
        """Return whether the work stands at a ``breakpoint()`` in the terminal of who wrote it, and waits for them."""
        if sys.stdin is None or not sys.stdin.isatty() or not self._is_working(frame):
            return False
        while frame is not None and frame is not self._frame:
            if frame.f_globals.get("__name__") == _DEBUGGER:
                return True
            frame = frame.f_back
        return False

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


class _Alarm:
    """The alarm clock of a process whose end it is, as that of a worker is; does nothing where it is not set.

    Args:
        seconds: When it is to go off at the latest.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        self._is_set = left > 0 and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
        self._end = self._end_before = time.monotonic() + left

    def set_sooner(self) -> None:
        if self._is_set:
            end = time.monotonic() + signal.getitimer(signal.ITIMER_REAL)[0]
            if end > self._end + _ALARM_PRECISION:
                # Whoever set it has set it anew, as a worker does when it says how far it is.
                self._end_before = end
            self._set_to(min(time.monotonic() + self._seconds, self._end_before))

    def set_as_before(self) -> None:
        if self._is_set:
            self._set_to(self._end_before)

    def _set_to(self, end: float) -> None:
        self._end = end
        signal.setitimer(signal.ITIMER_REAL, max(end - time.monotonic(), _ALARM_PRECISION))


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
