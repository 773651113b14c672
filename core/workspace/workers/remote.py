"""A Workspace whose work is done by a worker: the same methods, and what the page needs when a worker is slow or gone.

What is open is remembered as what was asked for: the model and the input. A worker that was ended is replaced at the
next request, the model is opened again in the new one, and the request goes on from there.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import shutil
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NoReturn

from core.common.limits import format_limit
from core.common.progress import Progress
from core.common.text import safe_name
from core.errors import InputRejected, LayerscopeError, ModelTooLarge, WorkerLost
from core.models.copies import copy_apart, copy_model, files_name, write_files
from core.models.trust import NO_TRUST, get_trust
from core.workspace.app_command import MODEL_VARIABLE
from core.workspace.open_model import file_name
from core.workspace.results import ChartResult, ExampleSummary, Failure, LabelSummary
from core.workspace.workers.endpoints import Endpoint, EndpointPool
from core.workspace.workers.serving import LONGEST_WITH_PROGRESS, Request
from core.workspace.workers.wire import decode, largest_reply
from core.workspace.workspace import Workspace

__all__ = ["RemoteWorkspace", "Waiting"]

_LOOK_SECONDS: Final = 0.05
_LEAST_PROGRESS: Final = 1e-4
_OPENING: Final = frozenset({"open_example", "open_model", "open_files", "open_shown"})
_NOTHING_OPEN: Final[Mapping[str, Any]] = {
    "model": None,
    "sample_names": (),
    "sample_labels": (),
    "labelling": LabelSummary(),
    "compared": None,
}
_TAKING: Final = frozenset({"take_example_samples", "take_shown_samples", "take_files", "take_text", "take_noise"})
_SHAPING: Final = frozenset({"take_input_as"})
_COMPARING: Final = frozenset(
    {"compare_with_example", "compare_with_model", "compare_with_files", "compare_with_shown"}
)
_NAMING: Final = frozenset({"set_class_names"})
_LABELLING: Final = frozenset({"set_label_role"})
_CHANGING: Final = _OPENING | _SHAPING | _TAKING | _COMPARING | _NAMING | _LABELLING
_REPORTING: Final = frozenset({"file_report", "files_report"})
_INDEPENDENT: Final = _OPENING | _REPORTING | {"shown_models"}
_FROM_FILE: Final = _REPORTING | {"open_model", "open_files", "compare_with_model", "compare_with_files"}
_OF_FILES: Final = {
    "open_files": "open_model",
    "compare_with_files": "compare_with_model",
    "files_report": "file_report",
}


@dataclass(frozen=True)
class Waiting:
    """What a request waits for.

    Attributes:
        seconds: For how long it has been waiting.
        place_in_line: Place among the visitors who wait for a worker, from 1; 0 for who has one.
        fraction: How much is done, from 0 to 1; None where that is not known.
        text: What is being done.
    """

    seconds: float
    place_in_line: int = 0
    fraction: float | None = None
    text: str = ""


@dataclass
class _Pending:
    """A request whose answer is due."""

    request: Request
    started: float


class RemoteWorkspace:
    """Has every public method and property of :class:`core.workspace.workspace.Workspace`, each answered by a worker.

    Each may raise :class:`core.errors.WorkerLost` besides its own errors, when the worker had to be ended; a chart says
    so as its failure. What ended a worker is not tried again until something else is opened, or :meth:`forgive` is
    called.

    Args:
        pool: Where workers come from.

    Attributes:
        tell: Called twenty times a second while something is waited for. What it raises leaves the request to itself:
            the next one waits until it is done.
    """

    def __init__(self, pool: EndpointPool) -> None:
        self._pool = pool
        self._worker: Endpoint | None = None
        self._opening: Request | None = None
        self._taking: Request | None = None
        self._comparing: Request | None = None
        self._shaping: dict[str, Request] = {}
        self._naming: Request | None = None
        self._labelling: Request | None = None
        self._is_restored = False
        self._pending: _Pending | None = None
        self._known: dict[str, Any] = {}
        self._fatal: dict[str, WorkerLost] = {}
        self._lock = threading.RLock()
        self.tell: Callable[[Waiting], None] = lambda waiting: None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(Workspace, name):
            raise AttributeError(f"a workspace has no {name!r}")
        if isinstance(getattr(Workspace, name), property):
            return self._property(name)
        return partial(self._chart if name == "chart" else self._ask, name)

    def examples(self) -> tuple[ExampleSummary, ...]:
        """Return the examples that ship with Layerscope; for that nobody has to wait for a worker."""
        return Workspace.examples()

    def stop(self) -> None:
        """End what is being worked on; what is open stays open."""
        worker, pending = self._worker, self._pending
        if worker is None or pending is None:
            return
        self._note_fatal(pending.request, _stopped())
        self._drop(worker)

    def forgive(self) -> None:
        """Let what ended a worker be tried again."""
        self._fatal.clear()

    def close(self) -> None:
        """End the worker, as when the visitor leaves; who comes back gets another, with the same things open."""
        worker = self._worker
        if worker is not None:
            self._drop(worker)

    def _property(self, name: str) -> Any:
        if self._opening is None and name in _NOTHING_OPEN:
            return _NOTHING_OPEN[name]
        # Asked several times in every run of the page; it changes only with what is open.
        if name not in self._known:
            self._known[name] = self._ask(name)
        return self._known[name]

    def _chart(self, name: str, *arguments: Any, **options: Any) -> ChartResult:
        try:
            result: ChartResult = self._ask(name, *arguments, **options)
        except WorkerLost as error:
            return ChartResult(failure=Failure(error.message, error.remedy, can_be_tried_again=True))
        return result

    def _ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        progress: Progress | None = options.pop("progress", None)
        says_how_far = "progress" in _parameters(name)
        if says_how_far and len(arguments) == len(_parameters(name)):
            # By convention the last one.
            *first, progress = arguments
            arguments = tuple(first)
        request = Request(name, arguments, options, wants_progress=says_how_far)
        self._refuse_what_was_fatal(request)
        with self._lock:
            for is_last in (False, True):
                try:
                    value = self._exchange(self._worker_for(request), request, progress)
                    break
                except ConnectionError as error:
                    # It was gone before it had read what it was asked, as one is that the system ends while it waits.
                    if is_last:
                        raise WorkerLost(
                            "The process for your model ended before it did anything, twice.",
                            remedy="Try again; if it stays so, the server's log says more.",
                        ) from error
            self._remember(request)
            return value

    def _worker_for(self, request: Request) -> Endpoint:
        """Return a worker in which everything is open that the request builds on."""
        self._finish_pending()
        worker = self._worker
        if worker is None or not worker.is_alive:
            if worker is not None:
                self._drop(worker)
            started = time.monotonic()
            worker = self._pool.acquire(lambda place: self.tell(Waiting(time.monotonic() - started, place)))
            self._worker, self._is_restored = worker, False
        if not self._is_restored and request.name not in _INDEPENDENT:
            steps = (
                (self._opening, _OPENING),
                (self._naming, _NAMING),
                (self._labelling, _LABELLING),
                *((shaping, frozenset[str]()) for shaping in self._shaping.values()),
                (self._taking, _TAKING),
                (self._comparing, _COMPARING),
            )
            for before, again in steps:
                if before and request.name not in again:
                    self._refuse_what_was_fatal(before)
                    self._exchange(worker, before, None)
            self._is_restored = True
        return worker

    def _exchange(self, worker: Endpoint, request: Request, progress: Progress | None) -> Any:
        sent = _handed_over(request, worker, self._pool) if request.name in _FROM_FILE else request
        self._pending = _Pending(request, time.monotonic())
        if request.name in _CHANGING:
            # Until the answer is there, nobody knows what is open in the worker.
            self._is_restored = False
        worker.is_busy = True
        try:
            worker.pipe.send(sent)
        except (OSError, ValueError) as error:
            self._gone(worker, error)
        value = self._answer(worker, progress)
        if request.name in _CHANGING:
            self._is_restored = True
        return value

    def _answer(self, worker: Endpoint, progress: Progress | None) -> Any:
        """Return what the pending request is answered with."""
        assert self._pending is not None
        request, started = self._pending.request, self._pending.started
        largest = largest_reply(request.name)
        fraction, text, moved = None, "", started
        allowed = self._pool.limits.request_seconds
        while True:
            now = time.monotonic()
            seconds = now - started
            # What says that it comes forward, such as a pass over a dataset, gets the time again, but not for ever.
            if now - moved > allowed or seconds > allowed * LONGEST_WITH_PROGRESS:
                self._lost(worker, f"did not finish within the {allowed:g} seconds that one step may take")
            try:
                message = worker.receive(largest, _LOOK_SECONDS)
                reply = None if message is None else decode(message, request.name)
            except WorkerLost:
                self._drop(worker)
                raise
            except (EOFError, OSError) as error:
                self._gone(worker, error)
            if reply is None or reply.progress:
                if reply and reply.progress:
                    if reply.progress[0] > (fraction or 0.0) + _LEAST_PROGRESS:
                        moved = now
                    fraction, text = max(reply.progress[0], fraction or 0.0), reply.progress[1]
                    if progress:
                        progress(fraction, text)
                worker.look()
                self.tell(Waiting(seconds, 0, fraction, text))
                continue
            self._pending = None
            worker.is_busy, worker.used_at = False, time.monotonic()
            if isinstance(reply.error, ModelTooLarge):
                # What it took before it failed is not all given back: the next file gets a process of its own.
                self._drop(worker)
            if reply.error:
                raise reply.error
            return reply.value

    def _finish_pending(self) -> None:
        """Wait for the answer to a request that was left to itself, which nobody wants any more."""
        worker = self._worker
        if self._pending is None or worker is None:
            return
        with contextlib.suppress(LayerscopeError, ConnectionError):
            self._answer(worker, None)

    def _remember(self, request: Request) -> None:
        if request.name in _OPENING:
            self._opening, self._taking, self._comparing = request, None, None
            self._naming, self._labelling = None, None
            self._shaping.clear()
        elif request.name in _SHAPING:
            self._shaping[str(request.arguments[0])] = request
        elif request.name in _TAKING:
            self._taking = request
        elif request.name in _COMPARING:
            self._comparing = request
        elif request.name in _NAMING:
            self._naming = request
        elif request.name in _LABELLING:
            self._labelling = request
        else:
            return
        self._known.clear()
        self._fatal.clear()

    def _gone(self, worker: Endpoint, error: Exception) -> NoReturn:
        """Raise what the visitor is told of a worker that is gone; ``ConnectionError`` if they did not cause it."""
        if self._pending is not None and isinstance(error, ConnectionError):
            self._drop(worker)
            raise error
        self._lost(worker, worker.why_it_ended())

    def _refuse_what_was_fatal(self, request: Request) -> None:
        if self._fatal and _identity(request) in self._fatal:
            raise self._fatal[_identity(request)]

    def _lost(self, worker: Endpoint, why: str) -> NoReturn:
        """End a worker that failed, and raise what the visitor is told."""
        if self._pending is None:
            # Ended on purpose meanwhile, by the visitor who stopped it or left.
            raise _stopped()
        request = self._pending.request
        memory = format_limit(self._pool.limits.worker_bytes)
        ended = "so it was ended." if self._pool.is_confined else "so the page waits for it no longer."
        stays = "What is open stays open"
        again = f"{stays}, and is opened again in a new process. " if self._pool.is_confined else f"{stays}. "
        error = WorkerLost(
            f"{_in_words(request)} {why}{f' ({memory})' if 'memory' in why else ''}, {ended}",
            remedy=again
            + ("Try fewer samples or a smaller model." if "memory" in why else "Try something else, or try again."),
        )
        self._note_fatal(request, error)
        self._drop(worker)
        raise error

    def _note_fatal(self, request: Request, error: WorkerLost) -> None:
        self._fatal[_identity(request)] = error

    def _drop(self, worker: Endpoint) -> None:
        self._worker, self._pending, self._is_restored = None, None, False
        self._pool.release(worker)


@cache
def _parameters(name: str) -> tuple[str, ...]:
    asked = getattr(Workspace, name)
    return () if isinstance(asked, property) else tuple(inspect.signature(asked).parameters)[1:]


def _stopped() -> WorkerLost:
    return WorkerLost("It was stopped.", remedy="What is open stays open.")


def _identity(request: Request) -> str:
    return repr((request.name, _outline(request.arguments), _outline(request.options or {})))


def _outline(value: Any) -> Any:
    # Files are told apart by a checksum: they may be large, and are compared within one visitor's session only.
    if isinstance(value, bytes):
        return len(value), zlib.crc32(value)
    if isinstance(value, Mapping):
        return sorted((str(key), _outline(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return [_outline(inner) for inner in value]
    return repr(value)[:1000]


def _in_words(request: Request) -> str:
    arguments = request.arguments
    match request.name:
        case "file_report" | "files_report":
            return "Looking at the file"
        case "open_files" | "compare_with_files":
            return f"Opening {safe_name(files_name(arguments[0]))}"
        case name if name in _OPENING | _COMPARING:
            name = arguments[1] if len(arguments) > 1 and arguments[1] else file_name(arguments[0])
            return f"Opening {safe_name(name)}"
        case "noise_sizes":
            return "Looking for a size that the model takes"
        case "chart" | "chart_file":
            return f"The picture “{safe_name(arguments[1])}” of {safe_name(arguments[0])}"
        case name if name in _TAKING | _SHAPING:
            return "Reading the input"
        case "set_class_names":
            return "Reading the names of the classes"
        case "maximize" | "maximize_layer" | "excited" | "searchable_layers":
            return "Looking for what excites a unit"
        case "answer" | "layers" | "plan" | "health" | "comparison" | "class_means":
            return "The model"
    return "What was asked"


def _handed_over(request: Request, worker: Endpoint, pool: EndpointPool) -> Request:
    """Put a model where the worker can read it; the name that a person gave it is no part of the path."""
    options = {**dict(zip(_parameters(request.name), request.arguments, strict=False)), **(request.options or {})}
    member, limits = str(options.get("member", "")), pool.limits
    for earlier in worker.given.iterdir():
        # It was read when it was opened.
        shutil.rmtree(earlier) if earlier.is_dir() else earlier.unlink()
    target = worker.given / f"model-{time.monotonic_ns()}"
    files: Any = options.get("files", ())
    source: Any = options.get("source")
    if len(files) == 1:
        name, source = files[0]
    else:
        weights = str(options.get("weights", ""))
        name = options.get("name") or (files_name(files) if files else file_name(source, weights))
    if len(files) > 1:
        write_files(files, target, limits)
    elif isinstance(source, bytes):
        target.write_bytes(source)
    else:
        # What the server was started with is its owner's choice.
        if not limits.paths and source != os.environ.get(MODEL_VARIABLE):
            raise InputRejected("This server opens no files by their path.", remedy="Upload the file instead.")
        if options.get("weights"):
            copy_apart(Path(source), Path(options["weights"]), target, name, limits)
        else:
            whole = request.name not in _REPORTING
            copy_model(Path(source), target, safe_name(name), limits, member=member, whole=whole)
    asked = _OF_FILES.get(request.name, request.name)
    if asked in _REPORTING:
        return replace(request, name=asked, arguments=(str(target), safe_name(name), member), options={})
    # Read anew each time, as somebody may have changed a class and wants to see what comes of it.
    trust = (options.get("trust", NO_TRUST) | get_trust()).portable() if pool.is_confined else NO_TRUST
    return replace(request, name=asked, arguments=(str(target), safe_name(name), member, "", trust), options={})
