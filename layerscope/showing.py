"""``layerscope.show``: the app on models that are in memory, from a script, an interactive session or a notebook."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlencode

from core.common.text import list_names, safe_name
from core.errors import InputRejected, LayerscopeError
from layerscope.app_server import AppServer
from layerscope.companions import check_companion

__all__ = ["AppHandle", "names_of_classes", "show"]

_SAMPLES: Final = 1_000
_FRAME_HEIGHT: Final = 900
_LOOK_SECONDS: Final = 0.2


class AppHandle:
    """The app on one model. As a context manager, it shows the model for the time of the block.

    Args:
        server: The server that shows it.
        model: The model.
        name: What the page calls it.
    """

    def __init__(self, server: AppServer, model: Any, name: str) -> None:
        self._server = server
        self._model = model
        self.name = name

    @property
    def url(self) -> str:
        """Address of the page that shows the model, on this machine."""
        return f"{self._server.url}/?{urlencode({'shown': self.name})}"

    @property
    def is_running(self) -> bool:
        """Whether the model is shown."""
        return self._server.is_running and self._server.models.has(self._model)

    def stop(self) -> None:
        """Show the model no longer; with the last model the server ends. Does nothing the second time."""
        _process_app.remove(self._server, self._model)

    def wait(self) -> None:
        """Return when the model is shown no longer; Ctrl+C stops it."""
        try:
            while self.is_running:
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            self.stop()

    def __enter__(self) -> AppHandle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Layerscope shows {self.name!r} {f'at {self.url}' if self.is_running else 'no longer'}>"


class _ProcessApp:
    """The one server of this process, which shows all its models."""

    def __init__(self) -> None:
        self._server: AppServer | None = None
        self._lock = threading.RLock()

    def add(self, model: Any, port: int | None, given: dict[str, Any]) -> tuple[AppHandle, bool]:
        """Show a model, and return its handle, and whether it was not shown before.

        Raises:
            LayerscopeError: If the model cannot be shown, or the server does not start.
        """
        with self._lock:
            server = self._server
            if server is None or not server.is_running:
                if server is not None:
                    self._end(server)
                server = AppServer(port)
                try:
                    # While the server starts, which takes seconds.
                    entry = server.models.add(model, **given)
                    server.wait_until_it_answers()
                except BaseException:
                    server.stop()
                    raise
                self._server = server
                atexit.register(server.stop)
                _stay_alive(server)
            else:
                if port not in (None, server.port):
                    raise LayerscopeError(
                        f"This process has its app on port {server.port} already.",
                        remedy=f"Leave port={port} out, and the same page shows this model too; or stop() the others.",
                    )
                entry = server.models.add(model, **given)
            return AppHandle(server, model, entry.opened.summary.name), entry.version == 1

    def remove(self, server: AppServer, model: Any) -> None:
        """Show a model no longer; end its server with the last one."""
        with self._lock:
            server.models.remove(model)
            if not len(server.models):
                self._end(server)

    def close(self) -> None:
        """Show nothing any longer."""
        with self._lock:
            if self._server is not None:
                self._end(self._server)

    def _end(self, server: AppServer) -> None:
        server.stop()
        atexit.unregister(server.stop)
        if self._server is server:
            self._server = None


_process_app = _ProcessApp()


def show(
    model: Any,
    inputs: Any = None,
    labels: Any = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    *,
    name: str = "",
    port: int | None = None,
    browser: bool | None = None,
    samples: int = _SAMPLES,
) -> AppHandle:
    """Open the app on a model that is in memory, as it is: subclassed, custom, compiled, trained or not.

    The model stays in this process; the page is drawn by another one, on this machine only, which ends with this one.
    In Jupyter the page stands under the cell, elsewhere in a browser; a script stays alive until Ctrl+C or ``stop()``.
    Calling it again for the same model shows its weights and samples of now; another model is shown by the same page.

    Args:
        model: A Keras model.
        inputs: Its samples: an array, a list or dict of arrays, a table, a ``tf.data.Dataset``, a generator; the sample
            axis first. Without them the page makes noise.
        labels: Label of each sample: numbers of classes, names, one-hot rows, or true values.
        class_names: Name of each class in the order of the model's output, or by its number.
        name: What the page calls the model; by default the model's own name.
        port: Port on this machine; None takes a free one.
        browser: Whether to open a browser; None does where there is no notebook. False shows nothing anywhere.
        samples: How many samples to take, the first ones.

    Returns:
        The app's handle: its ``url``, ``stop()`` and ``wait()``.

    Raises:
        InputRejected: If it is no Keras model, or the samples do not fit.
        ExtractionFailed: If the model raises on the first sample.
        LayerscopeError: If the server does not start; the message says why.
    """
    check_companion("ui")
    _check_arguments(inputs, labels, samples)
    given = {
        "inputs": inputs,
        "labels": labels,
        "class_names": names_of_classes(class_names),
        "name": name,
        "most": samples,
    }
    handle, is_new = _process_app.add(model, port, given)
    if browser is None and _is_notebook():
        _show_frame(handle)
    elif is_new:
        _say(handle)
        if browser or (browser is None and _has_screen()):
            webbrowser.open(handle.url)
    return handle


def _check_arguments(inputs: Any, labels: Any, samples: Any) -> None:
    if inputs is None and labels is not None:
        raise InputRejected("There are labels and no samples.", remedy="Give both: layerscope.show(model, x, y).")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise InputRejected(
            f"samples={safe_name(samples)} is no number of samples.", remedy="Give a whole number from 1."
        )


def names_of_classes(class_names: Any) -> tuple[str, ...]:
    """Return the names of classes by number, as somebody gave them: in a list, or by number.

    Raises:
        InputRejected: If they are neither.
    """
    if isinstance(class_names, str):
        raise InputRejected(
            f"class_names is a text, '{safe_name(class_names)}'.", remedy="Give a list with a name for each class."
        )
    if isinstance(class_names, Mapping) and sorted(class_names) != list(range(len(class_names))):
        raise InputRejected(
            f"class_names has the keys {list_names(class_names)}.",
            remedy="Give a name for each number from 0, such as {0: 'cat', 1: 'dog'}.",
        )
    if class_names is None:
        return ()
    if isinstance(class_names, Mapping):
        return tuple(str(class_names[number]) for number in range(len(class_names)))
    return tuple(map(str, class_names))


def _shell() -> Any:
    """Return IPython's shell, if this runs in one; IPython is not imported for that."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def _is_notebook() -> bool:
    return hasattr(_shell(), "kernel")


def _is_interactive() -> bool:
    return _shell() is not None or hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _has_screen() -> bool:
    # Where there is none, Python would open the page in a browser of the terminal.
    known = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in known)


def _say(handle: AppHandle) -> None:
    how = "stop() ends it" if _is_interactive() else "Ctrl+C ends it"
    print(f"Layerscope shows {handle.name!r} at {handle.url} ({how})", flush=True)


def _show_frame(handle: AppHandle) -> None:
    from IPython.display import IFrame, display

    display(IFrame(handle.url, width="100%", height=_FRAME_HEIGHT))


def _stay_alive(server: AppServer) -> None:
    """Keep a script alive until its server ends, also when it has come to its end."""
    if _is_interactive():
        return
    threading.Thread(target=server.wait, name="layerscope-app").start()
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)


def _interrupted(number: int, frame: Any) -> None:
    if threading.main_thread().is_alive():
        signal.default_int_handler(number, frame)
    # The script has come to its end and only waits: to interrupt that is no error.
    _process_app.close()
