"""Starts the engine behind the page, once per server: the processes that do the work, or TensorFlow in this one.

The page is on screen before that; it says what it waits for, and goes on by itself.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LayerscopeError
from core.models.trust import get_trust
from core.workspace.workers.session_address import ADDRESS_VARIABLE, KEY_VARIABLE
from ui.arguments import IN_PROCESS_VARIABLE, take_arguments

if TYPE_CHECKING:
    from core.workspace.interface import WorkspaceInterface
    from core.workspace.workers.endpoints import EndpointPool
    from core.workspace.workers.pool import WorkerPool

__all__ = ["is_ready", "new_workspace", "runs_in_process", "shows_models_in_memory", "wait"]

_log = logging.getLogger("layerscope")
_USUAL_SECONDS = 5


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
        take_arguments()
        self._in_process = runs_in_process()
        self._page_modules = page_modules
        if not self._in_process and not shows_models_in_memory():
            # It imports TensorFlow while this process imports what draws the page.
            importlib.import_module("core.workspace.workers.forking").start_fork_server()
        threading.Thread(target=self._start, name="layerscope-engine", daemon=True).start()

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
        self.ready.set()

    def _connect(self) -> None:
        sessions = importlib.import_module("core.workspace.workers.sessions")
        self._import_page()
        self.pool = sessions.SessionPool(os.environ[ADDRESS_VARIABLE], os.environ[KEY_VARIABLE])

    def _start_here(self) -> None:
        workspace_module = importlib.import_module("core.workspace.workspace")
        importlib.import_module("tensorflow")
        self._import_page()
        importlib.import_module("core.workspace.workers.serving").open_first_example(workspace_module.Workspace())

    def _import_page(self) -> None:
        for module in self._page_modules:
            importlib.import_module(module)

    def _start_workers(self) -> None:
        pool: WorkerPool = importlib.import_module("core.workspace.workers.pool").WorkerPool()
        self._import_page()
        pool.start_spare()
        self.pool = pool


@st.cache_resource(show_spinner=False)
def _engine(_page_modules: Sequence[str] = ()) -> _Engine:
    # Streamlit leaves an argument with an underscore out of the key: there is one engine.
    return _Engine(_page_modules)


def is_ready(page_modules: Sequence[str] = ()) -> bool:
    """Return whether models can be opened; the first call starts what is needed for that.

    Args:
        page_modules: What the first page imports, to be imported in the meantime.
    """
    engine = _engine(page_modules)
    return engine.ready.is_set() and not engine.error


def new_workspace() -> WorkspaceInterface:
    """Return an empty workspace for a visitor: one that a worker of their own stands behind, or one in this process."""
    pool = _engine().pool
    if pool is None:
        from core.workspace.workspace import Workspace

        return Workspace(trust=get_trust())
    from core.workspace.workers.remote import RemoteWorkspace

    return RemoteWorkspace(pool)


def wait() -> None:
    """Show that the engine is starting, and run the page again when it has."""
    engine = _engine()
    st.title("Layerscope", anchor=False)
    st.write("Open a Keras model, run an input through it, and see what every layer answers.")
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
