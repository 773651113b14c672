"""Starts the engine behind the page, once per server: the processes that do the work, or TensorFlow in this one.

The page is on screen before that. Where workers are started, it shows what is known of the first example, and waits for
them with the first question beyond that; otherwise it says what it waits for, and goes on by itself.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import LayerscopeError
from core.models.trust import get_trust
from core.workspace.app_command import MODEL_VARIABLE
from core.workspace.workers.session_address import ADDRESS_VARIABLE, KEY_VARIABLE
from ui.arguments import IN_PROCESS_VARIABLE, take_arguments
from ui.greeting import greeting

if TYPE_CHECKING:
    from core.workspace.interface import WorkspaceInterface
    from core.workspace.recordings.recording_file import RecordingFile
    from core.workspace.workers.endpoints import EndpointPool
    from core.workspace.workers.pool import WorkerPool
    from core.workspace.workers.starting import StartingPool

__all__ = [
    "can_draw",
    "is_starting",
    "new_workspace",
    "note_drawn",
    "runs_in_process",
    "seconds_since_start",
    "shows_models_in_memory",
    "shows_recording",
    "wait",
]

_log = logging.getLogger("layerscope")
_USUAL_SECONDS = 5
# A page that is never drawn does not hold up the engine for ever.
_FIRST_PAGE_SECONDS = 20.0
_LOOK_SECONDS = 0.05


def runs_in_process() -> bool:
    """Return whether models run in the page's own process, for those who trust their files and their plugins.

    ``streamlit run streamlit_app.py -- --in-process`` says so, or ``LAYERSCOPE_IN_PROCESS=1`` in the environment.
    """
    return os.environ.get(IN_PROCESS_VARIABLE, "") not in ("", "0") and not shows_models_in_memory()


def shows_models_in_memory() -> bool:
    """Return whether another process has models in memory that this page shows, see :func:`layerscope.show`."""
    return ADDRESS_VARIABLE in os.environ


class _Engine:
    """What answers the page, started on a thread of its own."""

    def __init__(self, page_modules: Sequence[str]) -> None:
        self.started = time.monotonic()
        self.ready = threading.Event()
        self.error = ""
        self.pool: EndpointPool | None = None
        self.recording: RecordingFile | None = None
        self.has_drawn = threading.Event()
        take_arguments()
        self._in_process = runs_in_process()
        self._page_modules = page_modules
        self.starting_pool: StartingPool | None = None
        if self._open_recording():
            self.ready.set()
            return
        if not self._in_process and not shows_models_in_memory():
            # It imports TensorFlow while this process imports what draws the page.
            importlib.import_module("core.workspace.workers.forking").start_fork_server()
            self.starting_pool = importlib.import_module("core.workspace.workers.starting").StartingPool()
            self.pool = self.starting_pool
        threading.Thread(target=self._start, name="layerscope-engine", daemon=True).start()

    def _open_recording(self) -> bool:
        """Return whether the server was started with a recorded session, which needs no TensorFlow, and open that."""
        path = os.environ.get(MODEL_VARIABLE, "")
        if not path or not os.path.isfile(path):
            return False
        recordings = importlib.import_module("core.workspace.recordings.recording_file")
        if not recordings.is_recording(path):
            return False
        try:
            self.recording = recordings.RecordingFile(path)
            # Each visitor gets one; whether it can be shown at all is said at once.
            importlib.import_module("core.workspace.recordings.recorded").RecordedWorkspace(self.recording)
        except LayerscopeError as error:
            self.error = str(error)
        return True

    def _start(self) -> None:
        # Streamlit collects garbage after every run of the script. Among the many objects that imports make, which all
        # stay, that takes longer than the run itself: so they are set aside for good.
        gc.disable()
        try:
            # What is wrong with it is said before anybody opens a model.
            get_trust()
            if shows_models_in_memory():
                self._connect()
            elif self._in_process:
                self._start_here()
            else:
                self._start_workers()
        except LayerscopeError as error:
            self.error = str(error)
        except Exception as error:
            _log.exception("The engine could not start")
            self.error = f"{type(error).__name__}: {error}"
        finally:
            gc.freeze()
            gc.enable()
        if self.error and self.starting_pool is not None:
            self.starting_pool.fail(self.error)
        self.ready.set()

    def _connect(self) -> None:
        sessions = importlib.import_module("core.workspace.workers.sessions")
        self._import_page()
        self.pool = sessions.SessionPool(os.environ[ADDRESS_VARIABLE], os.environ[KEY_VARIABLE])

    def _start_here(self) -> None:
        workspace_module = importlib.import_module("core.workspace.workspace")
        importlib.import_module("tensorflow")
        importlib.import_module("core.common.prints").hear_prints()
        self._import_page()
        importlib.import_module("core.workspace.workers.serving").open_first_example(workspace_module.Workspace())

    def _import_page(self) -> None:
        for module in self._page_modules:
            importlib.import_module(module)

    def _start_workers(self) -> None:
        # The first page imports what it needs itself, and has this process for itself until it is drawn, or waits.
        assert self.starting_pool is not None
        end = time.monotonic() + _FIRST_PAGE_SECONDS
        while not (self.starting_pool.is_wanted.is_set() or time.monotonic() > end):
            if self.has_drawn.wait(_LOOK_SECONDS):
                break
        pool: WorkerPool = importlib.import_module("core.workspace.workers.pool").WorkerPool()
        pool.start_spare()
        self.starting_pool.start_with(pool)


@st.cache_resource(show_spinner=False)
def _engine(_page_modules: Sequence[str] = ()) -> _Engine:
    # Streamlit leaves an argument with an underscore out of the key: there is one engine.
    return _Engine(_page_modules)


def can_draw(page_modules: Sequence[str] = ()) -> bool:
    """Return whether the page can be drawn, whether or not a model can be opened yet; the first call starts the engine.

    Args:
        page_modules: What the first page imports, to be imported in the meantime where it has to wait.
    """
    engine = _engine(page_modules)
    return not engine.error and (engine.ready.is_set() or engine.starting_pool is not None)


def shows_recording() -> bool:
    """Return whether this server shows a recorded session and nothing else."""
    return _engine().recording is not None


def note_drawn() -> None:
    """Note that the first page is drawn: this process has time for what else has to be started."""
    _engine().has_drawn.set()


def is_starting() -> bool:
    """Return whether no model can be opened yet."""
    return not _engine().ready.is_set()


def seconds_since_start() -> float:
    """Return for how long the engine has been there."""
    return time.monotonic() - _engine().started


def new_workspace() -> WorkspaceInterface:
    """Return an empty workspace for a visitor: one that a worker of their own stands behind, or one in this process."""
    engine = _engine()
    if engine.recording is not None:
        from core.workspace.recordings.recorded import RecordedWorkspace

        return RecordedWorkspace(engine.recording)
    pool = engine.pool
    if pool is None:
        from core.workspace.workspace import Workspace

        return Workspace(trust=get_trust())
    from core.workspace.recordings.first_look import first_look
    from core.workspace.workers.remote import RemoteWorkspace

    return RemoteWorkspace(pool, first_look() if engine.starting_pool is not None else None)


def wait(place: Any) -> None:
    """Show that the engine is starting, and run the page again when it has.

    Args:
        place: Where it is said what this is while the page is imported.
    """
    engine = _engine()
    place.empty()
    greeting()
    doing = "The engine is starting" + ("" if shows_models_in_memory() else ": importing TensorFlow")
    bar = st.progress(0.0, text=doing)
    # Waiting inside this run: running the script again and again would slow down the import that it waits for.
    while not engine.ready.wait(0.2):
        waited = time.monotonic() - engine.started
        bar.progress(min(waited / _USUAL_SECONDS, 0.95), text=f"{doing} ({waited:.0f} s)")
    if not engine.error:
        st.rerun()
    bar.empty()
    st.error("The engine could not start.", icon=":material/error:")
    st.text(engine.error)
    st.caption("The server's log has the details. Is TensorFlow installed as requirements.txt says?")
