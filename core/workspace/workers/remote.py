"""A Workspace whose work is done by a worker: the same methods, and what the page needs when a worker is slow or gone.

What is open is remembered as what was asked for: the model and the input. A worker that was ended is replaced at the
next request, the model is opened again in the new one, and the request goes on from there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NoReturn

from core.common.limits import format_limit
from core.common.progress import Progress
from core.errors import LayerscopeError, ModelTooLarge, WorkerLost
from core.workspace.forwarding import WHILE_NOTHING_IS_OPEN, ForwardingWorkspace
from core.workspace.interface import WorkspaceInterface
from core.workspace.marks import arguments_of, mark_of
from core.workspace.pin_results import SideBySide
from core.workspace.results import (
    ChartResult,
    ExampleSummary,
    Failure,
    LayerView,
)
from core.workspace.told_summaries import summarize_examples
from core.workspace.workers.connections import Connection, Loss
from core.workspace.workers.endpoints import EndpointPool
from core.workspace.workers.hand_over import hand_over
from core.workspace.workers.history import History
from core.workspace.workers.pending import Pending, Waiting
from core.workspace.workers.request import KnownAnswers, Request
from core.workspace.workers.run_copies import bring_runs
from core.workspace.workers.wire import Reply, decode, largest_reply

__all__ = ["RemoteWorkspace"]

_LOOK_SECONDS: Final = 0.05
_ROWS: Final = WorkspaceInterface.sample_rows.__name__


def _failed(error: WorkerLost) -> ChartResult:
    return ChartResult(failure=Failure(error.message, error.remedy, can_be_tried_again=True))


_FAILURES: Final[Mapping[str, Callable[[WorkerLost], Any]]] = {
    WorkspaceInterface.chart.__name__: _failed,
    WorkspaceInterface.side_by_side.__name__: lambda error: SideBySide(("", ""), _failed(error)),
}
"""What is answered, in its place, where a picture ended its worker."""


class RemoteWorkspace(ForwardingWorkspace):
    """Implements :class:`core.workspace.interface.WorkspaceInterface`; each request is answered by a worker.

    Each may raise :class:`core.errors.WorkerLost` besides its own errors, when the worker had to be ended; a chart says
    so as its failure. What ended a worker is not tried again until something else is opened, or :meth:`forgive` is
    called.

    Args:
        pool: Where workers come from.
        first_look: What is known without a worker; from the first one on, workers answer everything.

    Attributes:
        tell: Called twenty times a second while something is waited for. What it raises leaves the request to itself:
            the next one waits until it is done.
    """

    def __init__(self, pool: EndpointPool, first_look: KnownAnswers | None = None) -> None:
        self._pool = pool
        self._first_look = first_look
        self._has_had_worker = False
        self._known_rows: Request | None = None
        self._connection: Connection | None = None
        self._history = History()
        self._answers: dict[str, Any] = {}
        self._views: dict[str, LayerView] = {}
        self._losses: dict[str, Loss] = {}
        self._lock = threading.RLock()
        self.tell: Callable[[Waiting], None] = lambda waiting: None
        self._tell_of_thread = threading.local()

    @contextlib.contextmanager
    def telling(self, tell: Callable[[Waiting], None]) -> Iterator[None]:
        """Call ``tell`` instead of :attr:`tell` while this thread waits within the block.

        Of this thread alone: a run of the page that is over may still wait in another one for what it asked.
        """
        before = getattr(self._tell_of_thread, "tell", None)
        self._tell_of_thread.tell = tell
        try:
            yield
        finally:
            self._tell_of_thread.tell = before

    def _tell(self, waiting: Waiting) -> None:
        (getattr(self._tell_of_thread, "tell", None) or self.tell)(waiting)

    @property
    def is_live(self) -> bool:
        """Whether a worker answers, or did until it was lost, and not only what is known without one."""
        return self._has_had_worker

    def stop(self) -> None:
        """End what is being worked on; what is open stays open."""
        connection = self._connection
        if connection is None or connection.pending is None:
            return
        self._note(Loss(connection.pending.meaning))
        self._drop(connection)

    def forgive(self) -> None:
        """Let what ended a worker be tried again."""
        self._losses.clear()

    def close(self) -> None:
        """End the worker, as when the visitor leaves; who comes back gets another, with the same things open."""
        if self._connection is not None:
            self._drop(self._connection)

    def examples(self) -> tuple[ExampleSummary, ...]:
        """Return the examples that ship with Layerscope; for that nobody has to wait for a worker."""
        return summarize_examples()

    def layer_view(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        draw: bool = True,
        progress: Progress | None = None,
    ) -> LayerView:
        """Return everything that is shown of one layer; a picture that ended its worker is a failure in its place."""
        request = partial(Request.of, WorkspaceInterface.layer_view, layer, visualizer, options, sample)
        if not draw:
            return self._viewed(layer, self._answer_to(request(draw=False)))
        chart = self._chart_request(layer, visualizer, options, sample)
        try:
            return self._viewed(layer, self._answer_to(request(), progress, meaning=chart))
        except WorkerLost as error:
            view = self._viewed(layer, self._answer_to(request(draw=False)))
            loss = self._losses.get(chart.identity)
            if loss is not None:
                # Which picture it is that was drawn may be known only now.
                loss = replace(loss, request=self._chart_request(layer, visualizer, options, sample))
                self._note(loss)
            return replace(view, chart=_failed(self._error_of(loss) if loss else error))

    def _viewed(self, layer: str, view: LayerView) -> LayerView:
        self._views[layer] = replace(view, chart=None)
        return view

    def _chart_request(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int) -> Request:
        """Return the request for the chart that a view of a layer holds, as far as it is known which that is."""
        view = self._views.get(layer)
        picture = view.picture(visualizer) if view else None
        if picture is not None:
            visualizer, options = picture.name, picture.values_of(options)
        return Request.of(WorkspaceInterface.chart, layer, visualizer, options, sample)

    def _ask(self, declaration: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        name = declaration.__name__
        # Asked several times in every run of the page; it changes only with what is open.
        if name in self._answers:
            return self._answers[name]
        if name in WHILE_NOTHING_IS_OPEN and not self._history.has_model:
            return WHILE_NOTHING_IS_OPEN[name]
        progress = arguments_of(declaration, arguments, options).get("progress")
        try:
            answer = self._answer_to(Request.of(declaration, *arguments, **options), progress)
        except WorkerLost as error:
            if name not in _FAILURES:
                raise
            return _FAILURES[name](error)
        if mark_of(declaration).stays:
            self._answers[name] = answer
        return answer

    def _answer_to(self, request: Request, progress: Progress | None = None, meaning: Request | None = None) -> Any:
        meaning = meaning or request
        self._refuse_what_was_lost(meaning)
        with self._lock:
            try:
                value = self._known_or_asked(request, progress, meaning)
            except ConnectionError:
                # It was gone before it had read what it was asked, as one is that the system ends while it waits.
                with _gone_is_lost():
                    value = self._attempt(request, progress, meaning)
            change = request.mark.change
            if change is not None:
                self._history.add(request, change)
                self._answers.clear()
                self._views.clear()
                self._losses.clear()
            return value

    def _known_or_asked(self, request: Request, progress: Progress | None, meaning: Request) -> Any:
        if self._first_look is not None and not self._has_had_worker:
            with contextlib.suppress(KeyError):
                known = self._first_look.answer(request, self._history.requests)
                if request.name == _ROWS:
                    self._known_rows = request
                return known
        return self._attempt(request, progress, meaning)

    def _attempt(self, request: Request, progress: Progress | None, meaning: Request) -> Any:
        """Ask a worker in which everything is open that the request builds on."""
        self._finish_pending()
        connection = self._connect()
        if not connection.is_restored and not request.mark.stands_alone:
            self._restore(connection, self._history.before(request))
        return self._exchange(connection, request, progress, meaning)

    def _restore(self, connection: Connection, requests: Iterable[Request]) -> None:
        for earlier in requests:
            self._refuse_what_was_lost(earlier)
            self._exchange(connection, earlier, None, earlier)
        # The page asks for them once, and what is drawn of samples later has marks by them.
        rows, self._known_rows = self._known_rows, None
        if rows is not None:
            self._exchange(connection, rows, None, rows)
        connection.is_restored = True

    def _connect(self) -> Connection:
        """Return the worker that the visitor has; another where that is gone."""
        if self._connection is not None and self._connection.endpoint.is_alive:
            return self._connection
        if self._connection is not None:
            excess = self._connection.endpoint.excess
            self._drop(self._connection)
            if excess:
                raise WorkerLost(
                    f"The process for your model {excess}, so it was ended.",
                    remedy="What is open stays open, and is opened again in a new process when you go on: try again. "
                    "What a plugin, or code of the model, leaves running is ended like that again.",
                )
        started = time.monotonic()
        endpoint = self._pool.acquire(lambda place: self._tell(Waiting(time.monotonic() - started, place)))
        self._connection = Connection(endpoint)
        self._has_had_worker = True
        return self._connection

    def _exchange(self, connection: Connection, request: Request, progress: Progress | None, meaning: Request) -> Any:
        endpoint, mark, sent = connection.endpoint, request.mark, request
        if mark.reads_files:
            sent = hand_over(request, endpoint.uploads, self._pool.limits, is_confined=self._pool.is_confined)
        if mark.reads_run is not None:
            bring_runs(self._history, endpoint.uploads, request, self._pool.limits)
        connection.pending = Pending(request, meaning)
        # Until the answer is there, nobody knows what is open in the worker.
        was_restored, connection.is_restored = connection.is_restored, connection.is_restored and mark.change is None
        endpoint.note_sign_of_life(is_busy=True)
        try:
            endpoint.pipe.send(sent)
        except (OSError, ValueError) as error:
            self._hung_up(connection, error)
        value = self._receive(connection, connection.pending, progress)
        connection.is_restored = was_restored or mark.change is not None
        return value

    def _receive(self, connection: Connection, pending: Pending, progress: Progress | None) -> Any:
        """Return what a pending request is answered with."""
        allowed = self._pool.limits.request_seconds
        while True:
            if pending.takes_longer_than(allowed):
                self._lose(connection, f"did not finish within the {allowed:g} seconds that one step may take")
            reply = self._next_reply(connection, pending)
            if reply is not None and reply.progress is None:
                break
            if reply is not None and reply.progress is not None:
                if pending.advance(*reply.progress):
                    connection.endpoint.note_sign_of_life(is_busy=True)
                if progress:
                    progress(pending.fraction or 0.0, pending.text)
            connection.endpoint.look()
            self._tell(pending.waiting)
        connection.pending = None
        connection.endpoint.note_sign_of_life(is_busy=False)
        if isinstance(reply.error, ModelTooLarge):
            # What it took before it failed is not all given back: the next file gets a process of its own.
            self._drop(connection)
        if reply.error:
            raise reply.error
        return reply.value

    def _next_reply(self, connection: Connection, pending: Pending) -> Reply | None:
        name = pending.request.name
        try:
            message = connection.endpoint.receive(largest_reply(name), _LOOK_SECONDS)
            return None if message is None else decode(message, name)
        except WorkerLost:
            self._drop(connection)
            raise
        except (EOFError, OSError) as error:
            self._hung_up(connection, error)

    def _finish_pending(self) -> None:
        """Wait for the answer to a request that was left to itself, which nobody wants any more."""
        connection = self._connection
        if connection is None or connection.pending is None:
            return
        with contextlib.suppress(LayerscopeError, ConnectionError):
            self._receive(connection, connection.pending, None)

    def _hung_up(self, connection: Connection, error: Exception) -> NoReturn:
        """Raise what the visitor is told of a worker that is gone; ``ConnectionError`` if they did not cause it."""
        if connection is self._connection and isinstance(error, ConnectionError):
            self._drop(connection)
            raise error
        self._lose(connection, connection.endpoint.why_it_ended())

    def _lose(self, connection: Connection, reason: str) -> NoReturn:
        """End a worker that failed, and raise what the visitor is told."""
        if connection is not self._connection or connection.pending is None:
            # Ended on purpose meanwhile, by the visitor who stopped it or left.
            raise _stopped()
        loss = Loss(connection.pending.meaning, reason)
        self._note(loss)
        self._drop(connection)
        raise self._error_of(loss)

    def _drop(self, connection: Connection) -> None:
        if connection is self._connection:
            self._connection = None
        self._pool.release(connection.endpoint)

    def _note(self, loss: Loss) -> None:
        self._losses[loss.request.identity] = loss

    def _refuse_what_was_lost(self, request: Request) -> None:
        loss = self._losses.get(request.identity) if self._losses else None
        if loss is not None:
            raise self._error_of(loss)

    def _error_of(self, loss: Loss) -> WorkerLost:
        if not loss.reason:
            return _stopped()
        is_confined, is_about_memory = self._pool.is_confined, "memory" in loss.reason
        memory = f" ({format_limit(self._pool.limits.worker_bytes)})" if is_about_memory else ""
        ended = "so it was ended." if is_confined else "so the page waits for it no longer."
        reopened = ", and is opened again in a new process" if is_confined else ""
        advice = "Try fewer samples or a smaller model." if is_about_memory else "Try something else, or try again."
        return WorkerLost(
            f"{loss.request.in_words} {loss.reason}{memory}, {ended}",
            remedy=f"What is open stays open{reopened}. {advice}",
        )


@contextlib.contextmanager
def _gone_is_lost() -> Iterator[None]:
    try:
        yield
    except ConnectionError as error:
        raise WorkerLost(
            "The process for your model ended before it did anything, twice.",
            remedy="Try again; if it stays so, the server's log says more.",
        ) from error


def _stopped() -> WorkerLost:
    return WorkerLost("It was stopped.", remedy="What is open stays open.")
