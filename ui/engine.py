"""Starts the engine behind the page: TensorFlow is imported in the background, once per server.

The page is on screen before that; it says what it waits for, and goes on by itself.
"""

from __future__ import annotations

import gc
import importlib
import logging
import threading
import time

import streamlit as st

__all__ = ["is_ready", "wait"]

_log = logging.getLogger("layerscope")
_USUAL_SECONDS = 5


class _Engine:
    """The import of TensorFlow and of what draws, on a thread of its own."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.ready = threading.Event()
        self.error = ""
        threading.Thread(target=self._start, name="layerscope-engine", daemon=True).start()

    def _start(self) -> None:
        # Streamlit collects garbage after every run of the script. Among the millions of objects that TensorFlow makes
        # when it is imported, which all stay, that takes longer than the run itself: so they are set aside for good.
        gc.disable()
        try:
            workspace_module = importlib.import_module("core.workspace")
            importlib.import_module("tensorflow")
            importlib.import_module("ui.explore")
            # Every visitor starts with this example: its first picture is ready before they ask.
            workspace = workspace_module.Workspace()
            model = workspace.open_example(workspace.examples()[0].name)
            first = workspace.visualizers(model.featured_layer, 0)[0]
            workspace.chart(model.featured_layer, first.name, {}, 0)
        except Exception as error:
            _log.exception("The engine could not start")
            self.error = f"{type(error).__name__}: {error}"
        finally:
            gc.freeze()
            gc.enable()
        self.ready.set()


@st.cache_resource(show_spinner=False)
def _engine() -> _Engine:
    return _Engine()


def is_ready() -> bool:
    """Return whether models can be opened; the first call starts the import."""
    engine = _engine()
    return engine.ready.is_set() and not engine.error


def wait() -> None:
    """Show that the engine is starting, and run the page again when it has."""
    engine = _engine()
    st.title("Layerscope", anchor=False)
    st.write("Open a Keras model, run an input through it, and see what every layer answers.")
    bar = st.progress(0.0, text="The engine is starting: importing TensorFlow")
    # Waiting inside this run: running the script again and again would slow down the import that it waits for.
    while not engine.ready.wait(0.2):
        waited = time.monotonic() - engine.started
        bar.progress(
            min(waited / _USUAL_SECONDS, 0.95), text=f"The engine is starting: importing TensorFlow ({waited:.0f} s)"
        )
    if not engine.error:
        st.rerun()
    bar.empty()
    st.error("The engine could not start.", icon=":material/error:")
    st.text(engine.error)
    st.caption("The server's log has the details. Is TensorFlow installed as requirements.txt says?")
