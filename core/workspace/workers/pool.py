"""Starts workers, ends them, and lets no more in than the machine has room for.

Workers are forked from a server process that has imported TensorFlow and run nothing (multiprocessing's forkserver):
``docs/workers.md`` has what was measured of the alternatives.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from core.common.limits import Limits, get_limits
from core.errors import WorkerLost
from core.plugins.sources import identity_of
from core.workspace.workers.consumption import Consumption, consumption_of
from core.workspace.workers.endpoints import Endpoint
from core.workspace.workers.forking import process_context
from core.workspace.workers.plugin_trials import fatal_plugins, plugins_of_others
from core.workspace.workers.sandbox import memory_in_use
from core.workspace.workers.serving import READY, START_SECONDS, Preparation, serve

__all__ = ["Worker", "WorkerPool", "remove_own_folders"]

_TYPICAL_BYTES: Final = 750_000_000
"""What a worker with a usual model takes; measured in docs/reliability.md."""
_LOOK_SECONDS: Final = 0.1
_LAST_WORDS: Final = 300
_WATCH_SECONDS: Final = 0.5
_FOLDERS: Final = "layerscope-worker-"
_log = logging.getLogger("layerscope")


class Worker(Endpoint):
    """A process that works for one visitor, with a folder of its own.

    Args:
        limits: What it may use.
        left_out: Plugins that it does not load, see :mod:`core.workspace.workers.plugin_trials`.
        preparation: When it opens the first example, see :func:`core.workspace.workers.serving.serve`.
    """

    def __init__(
        self, limits: Limits, left_out: Mapping[str, str] | None = None, preparation: Preparation = ""
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))
        super().__init__(self._folder / "given")
        private = self._folder / "private"
        self.uploads.mkdir()
        private.mkdir()
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = process_context().Process(
            target=serve,
            args=(theirs, limits, self.uploads, private, left_out or {}, preparation),
            name="layerscope-worker",
            daemon=True,
        )
        self._ended = threading.Lock()
        self._most_memory = 0
        self._excess = ""
        self._seen: tuple[int, bool, Consumption] | None = None
        self._start_memory: int | None = None
        self._limits = limits
        self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return super().is_alive and self._process.is_alive()

    @property
    def process_id(self) -> int:
        """Its number in the system."""
        return self._process.pid or 0

    @property
    def has_crashed(self) -> bool:
        """Whether it ended by itself."""
        return not self.pipe.closed and not self._process.is_alive() and not self._excess

    def wait_until_ready(self, tell: Callable[[], None]) -> None:
        """Return when the worker can be asked.

        Args:
            tell: Called every tenth of a second.

        Raises:
            WorkerLost: If it does not start.
        """
        end = time.monotonic() + START_SECONDS
        with contextlib.suppress(EOFError, OSError, WorkerLost):
            while time.monotonic() < end:
                message = self.receive(len(READY), _LOOK_SECONDS)
                if message == READY:
                    self._start_memory = memory_in_use(self.process_id)
                    return
                if message is not None:
                    break
                tell()
        self._process.join(1)
        how = f"It took {START_SECONDS} seconds" if self._process.is_alive() else f"It {self.why_it_ended()}"
        said = self._last_words()
        self.end()
        raise WorkerLost(
            f"A process for your model could not be started. {how}.",
            remedy=f"Try again. It said: {said}" if said else "Try again, or see the server's log.",
        )

    def look(self) -> None:
        """Note how much memory the worker has, so that it can be told later what ended it."""
        self._most_memory = max(self._most_memory, memory_in_use(self.process_id) or 0)

    @property
    def excess(self) -> str:
        """What it was ended for by :meth:`end_if_excessive`, as the end of a sentence; empty where it was not."""
        return self._excess

    def end_if_excessive(self) -> None:
        """Kill the worker if it has more threads, or took more processor time, than one visitor has.

        Processor time is counted from the last sign of life, or from when this was called first after it.
        """
        if self._excess or (now := consumption_of(self.process_id)) is None:
            return
        life = (self.life_signs, self.is_busy)
        if self._seen is None or self._seen[:2] != life:
            self._seen = (*life, now)
        self._excess = now.beyond(self._seen[2], self._limits, is_busy=self.is_busy)
        if self._excess:
            # The pipe stays open: whoever waits at it sees the end of it.
            self._kill()

    def why_it_ended(self) -> str:
        """Say why a worker that was not ended by the page is gone, as the end of a sentence."""
        self._process.join(1)
        if self._excess:
            return self._excess
        code = self._process.exitcode
        over = (
            self._start_memory is not None and self._most_memory - self._start_memory > 0.8 * self._limits.worker_bytes
        )
        if over or code == -signal.SIGKILL:
            return "took more memory than one visitor has"
        if code == -signal.SIGALRM:
            return "did not come back within the time that it had, and could not be interrupted"
        name = signal.Signals(-code).name if code is not None and code < 0 else f"status {code}"
        return f"ended the process that it ran in ({name})"

    def end(self) -> None:
        """Kill the worker with everything that it started, and remove its folder; does nothing the second time."""
        with self._ended:
            if self.pipe.closed:
                return
            self.pipe.close()
        self._kill()
        self._process.join(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        # Its own process group, which it makes itself a leader of when it starts.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process_id, signal.SIGKILL)
        self._process.kill()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / "private" / "output.txt").read_text(errors="replace")[-_LAST_WORDS:].strip()
        return ""


class WorkerPool:
    """Hands out workers, one per visitor; who finds no room waits in line.

    Args:
        limits: What each worker may use, and how many there may be; the environment's by default.
    """

    is_confined = True

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or get_limits()
        self.capacity = self.limits.workers or _room_for_workers()
        self._changed = threading.Condition()
        self._line: list[object] = []
        self._in_use: set[Worker] = set()
        self._starting = 0
        self._spare: Worker | None = None
        self._preparing = False
        self._closed = False
        self._watches = False
        self._left_out: dict[str, str] = {}
        self._trials = threading.Lock()
        self._is_in_doubt = False
        _remove_what_killed_pages_left()
        atexit.register(self.close)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers that visitors have."""
        with self._changed:
            return tuple(self._in_use)

    def acquire(self, tell: Callable[[int], None]) -> Worker:
        """Return a worker that nobody else has, as soon as there is room for one.

        Args:
            tell: Called every tenth of a second with the place in line, from 1; with 0 while the worker starts. What it
                raises gives up the place.

        Raises:
            WorkerLost: If it does not start.
        """
        self._wait_in_line(tell)
        worker = None
        try:
            worker = self._take_spare() or self._start(lambda: tell(0), "first" if self._is_in_doubt else "")
        finally:
            with self._changed:
                self._starting -= 1
                if worker is not None:
                    self._in_use.add(worker)
                self._changed.notify_all()
        self.prepare_spare()
        self._start_watch()
        return worker

    def release(self, worker: Worker) -> None:
        """End a worker and let the next visitor in."""
        if worker.has_crashed and plugins_of_others():
            # It may have been a plugin, and then it would be one in the next worker too.
            self._is_in_doubt = True
        worker.end()
        with self._changed:
            self._in_use.discard(worker)
            self._changed.notify_all()

    def prepare_spare(self) -> None:
        """Start a worker for the next visitor, in the background, if there is room."""
        with self._changed:
            full = len(self._in_use) + self._starting >= self.capacity
            if self._closed or self._preparing or self._spare or full:
                return
            self._preparing = True
        threading.Thread(target=self._make_spare_or_say_why_not, name="layerscope-spare", daemon=True).start()

    def start_spare(self) -> None:
        """Start a worker for the next visitor and return when it can be asked.

        Raises:
            WorkerLost: If it does not start.
        """
        self._preparing = True
        self._make_spare("first" if plugins_of_others() else "later")

    def close(self) -> None:
        """End all workers."""
        with self._changed:
            self._closed = True
            workers = [*self._in_use, *([self._spare] if self._spare else [])]
            self._in_use.clear()
            self._spare = None
        for worker in workers:
            worker.end()
        atexit.unregister(self.close)

    def _start_watch(self) -> None:
        with self._changed:
            if self._watches or self._closed:
                return
            self._watches = True
        if consumption_of(os.getpid()) is None:
            _log.warning(
                "This system does not say what a process takes: workers may use any processor time and threads."
            )
            return
        threading.Thread(target=self._watch, name="layerscope-watch", daemon=True).start()

    def _watch(self) -> None:
        while not self._closed:
            for worker in self.workers:
                worker.end_if_excessive()
            time.sleep(_WATCH_SECONDS)

    def _wait_in_line(self, tell: Callable[[int], None]) -> None:
        place = object()
        with self._changed:
            self._line.append(place)
        try:
            while True:
                with self._changed:
                    if self._line[0] is place and self._has_room():
                        self._starting += 1
                        return
                    self._changed.wait(_LOOK_SECONDS)
                    ahead = self._line.index(place)
                tell(ahead + 1)
        finally:
            with self._changed:
                self._line.remove(place)
                self._changed.notify_all()

    def _has_room(self) -> bool:
        if len(self._in_use) + self._starting < self.capacity:
            return True
        now = time.monotonic()
        idle = [
            worker
            for worker in self._in_use
            if not worker.is_alive or (not worker.is_busy and now - worker.used_at > self.limits.idle_seconds)
        ]
        if not idle:
            return False
        longest = min(idle, key=lambda worker: worker.used_at)
        self._in_use.discard(longest)
        # What the visitor had open is opened again at their next click.
        longest.end()
        return True

    def _start(self, tell: Callable[[], None], preparation: Preparation = "") -> Worker:
        left_out = self._left_out
        if preparation == "first":
            self._is_in_doubt = False
        try:
            return self._started(tell, left_out, preparation)
        except WorkerLost:
            if not self._leave_out_more_than(left_out):
                raise
        return self._started(tell, self._left_out, preparation)

    def _leave_out_more_than(self, left_out: Mapping[str, str]) -> bool:
        """Find the plugins that no worker survives; return whether more are left out now than were."""
        with self._trials:
            if self._left_out == left_out:
                plugins = [each for each in plugins_of_others() if identity_of(each) not in left_out]
                fatal = fatal_plugins(plugins, self._try_without)
                for identity, failure in fatal.items():
                    _log.warning("The plugin %s is left out, as no process survives it: %s", identity, failure)
                self._left_out = {**left_out, **fatal}
            return self._left_out != left_out

    def _try_without(self, left_out: Mapping[str, str]) -> None:
        self._started(lambda: None, {**self._left_out, **left_out}, "first").end()

    def _started(self, tell: Callable[[], None], left_out: Mapping[str, str], preparation: Preparation) -> Worker:
        worker = Worker(self.limits, left_out, preparation)
        try:
            worker.wait_until_ready(tell)
        except BaseException:
            # Also what lets a visitor who does not wait any longer go.
            worker.end()
            raise
        return worker

    def _take_spare(self) -> Worker | None:
        with self._changed:
            spare, self._spare = self._spare, None
        if spare is not None and self._is_in_doubt:
            spare.end()
        if spare is None or not spare.is_alive:
            return None
        spare.used_at = time.monotonic()
        return spare

    def _make_spare_or_say_why_not(self) -> None:
        try:
            self._make_spare()
        except WorkerLost as error:
            # Nobody waits for it: the next visitor starts one, and is told if that fails.
            _log.warning("No process could be made ready for the next visitor: %s", error)

    def _make_spare(self, preparation: Preparation = "later") -> None:
        worker = None
        try:
            # So that the next visitor's first picture is there at once.
            worker = self._start(lambda: None, preparation)
        finally:
            with self._changed:
                self._preparing = False
                keep = not self._closed
                self._spare = worker if keep else None
            if worker is not None and not keep:
                worker.end()


def remove_own_folders() -> None:
    """Remove the folders of all workers of this process, which ends: also of one that was just being started."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}{os.getpid()}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _remove_what_killed_pages_left() -> None:
    """Remove the folders of workers whose page was killed before it could do so itself."""
    if sys.platform == "win32":
        return  # there signal 0 is no question
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*-*"):
        page = folder.name.removeprefix(_FOLDERS).partition("-")[0]
        try:
            os.kill(int(page), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OverflowError, PermissionError):
            continue


def _room_for_workers() -> int:
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8
    return max(2, int(0.8 * memory / _TYPICAL_BYTES))
