"""A worker: one visitor's Workspace in a process of its own, asked through a pipe, one request after another."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Mapping
from multiprocessing import connection
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from core.charts.altair_shortcuts import make_charts_only
from core.common.limits import Limits
from core.common.prints import hear_prints
from core.common.progress import Progress
from core.errors import LayerscopeError
from core.plugins.sources import LEFT_OUT_VARIABLE
from core.workspace.interface import WorkspaceInterface
from core.workspace.workers.request import LONGEST_WITH_PROGRESS, Request
from core.workspace.workers.sandbox import confine
from core.workspace.workers.wire import encode_error, encode_progress, encode_value, send
from core.workspace.workspace import Workspace

__all__ = ["READY", "START_SECONDS", "Preparation", "answer", "open_first_example", "serve"]

START_SECONDS: Final = 120
"""How long a worker may take until it can be asked."""

READY = b"r"
"""What a worker says when it can be asked."""

_GRACE_SECONDS: Final = 5
_QUIET_SECONDS: Final = 1.0

Preparation: TypeAlias = Literal["", "later", "first"]


def serve(
    pipe: Any,
    limits: Limits,
    readable: Path,
    private: Path,
    left_out: Mapping[str, str],
    preparation: Preparation = "",
) -> None:
    """Confine this process, then answer requests until the page hangs up.

    Args:
        pipe: Connection to the page.
        limits: What the worker may use.
        readable: Folder in which the page puts what was uploaded.
        private: Folder for the worker's own files.
        left_out: Plugins that end the process that they are loaded in, see :mod:`.plugin_trials`.
        preparation: Whether to open the first example and draw its first picture, as that is what a visitor sees first:
            ``"later"`` if nobody asks for anything at once, since who comes right behind others needs the processor for
            something else; ``"first"`` before anybody may ask, to see whether it works with the plugins that there are.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_quiet(private)
    hear_prints()
    make_charts_only()
    os.environ[LEFT_OUT_VARIABLE] = json.dumps(dict(left_out))
    # Whatever a plugin does meanwhile; the clock is set sooner while one is imported.
    signal.alarm(START_SECONDS)
    # Plugins that are installed are the server's own choice; they are found before files are out of reach.
    workspace = Workspace()
    confine(limits, readable, private)
    # A thread is confined by what the one that starts it is confined by, so this is the first.
    threading.Thread(target=_leave_with_the_page, daemon=True).start()
    if preparation == "first":
        open_first_example(Workspace())
    signal.alarm(0)
    send(pipe, READY)
    if preparation == "later" and not pipe.poll(_QUIET_SECONDS):
        # In another workspace, so that nothing is open for the visitor; what was compiled is kept by its content.
        open_first_example(Workspace())
    while True:
        try:
            request: Request = pipe.recv()
        except (EOFError, OSError):
            return
        # The page ends what takes too long. Should it be gone, and the interpreter be held so that no thread here can
        # notice that, then the kernel does.
        clock = _Clock(limits.request_seconds)

        def tell(fraction: float, text: str, clock: _Clock = clock) -> None:
            clock.extend()
            send(pipe, encode_progress(fraction, text))

        reply = answer(workspace, request, tell)
        signal.alarm(0)
        send(pipe, reply)


class _Clock:
    """Lets the kernel end this process when a request takes too long; one that comes forward gets the time again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = math.ceil(seconds) + _GRACE_SECONDS
        self._started = time.monotonic()
        signal.alarm(self._seconds)

    def extend(self) -> None:
        if time.monotonic() - self._started < self._seconds * LONGEST_WITH_PROGRESS:
            signal.alarm(self._seconds)


def open_first_example(workspace: WorkspaceInterface) -> None:
    """Open the first example and draw its first picture, which is what every visitor sees first."""
    model = workspace.open_example(workspace.examples()[0].name)
    workspace.answer(0)
    workspace.layers(0)
    first = workspace.visualizers(model.featured_layer, 0)[0]
    workspace.chart(model.featured_layer, first.name, {}, 0)


def _leave_with_the_page() -> None:
    page = parent_process()
    if page is not None:
        connection.wait([page.sentinel])
        os._exit(0)


def _be_quiet(private: Path) -> None:
    # A model can print without end: it does so where the limit on file sizes holds, and what is gone with the worker.
    output = os.open(private / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def answer(workspace: WorkspaceInterface, request: Request, tell: Progress) -> bytes:
    """Return what a workspace answers to a request, or the error that it raises, as a message.

    Args:
        workspace: What the visitor has open.
        request: What the page asks for.
        tell: Called with how far it is, where the page wants to know that.
    """
    try:
        method = getattr(workspace, request.name)
        if not callable(method):
            return encode_value(method)
        options = dict(request.options)
        if request.wants_progress:
            options["progress"] = tell
        return encode_value(method(*request.arguments, **options))
    except LayerscopeError as error:
        return encode_error(error)
    except MemoryError:
        return encode_error(
            LayerscopeError(
                "There was not enough memory for this.", remedy="Try fewer samples, a smaller model or another picture."
            )
        )
    except Exception as error:
        return encode_error(
            LayerscopeError(
                f"Something went wrong that Layerscope did not expect: {type(error).__name__}: {str(error)[:300]}",
                remedy="Try something else; what is open stays open.",
            )
        )
