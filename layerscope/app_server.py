"""Starts the server whose pages show the models of this process, and ends it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from core.errors import LayerscopeError
from core.workspace.app_command import CODE_FOLDER, streamlit_arguments
from core.workspace.shown_models import ShownModels
from core.workspace.workers.sessions import Session

__all__ = ["AppServer"]

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 90.0
_END_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05
_WORDS: Final = 600


class AppServer:
    """A server process on this machine alone, and the session that answers its pages.

    Args:
        port: Port to listen on; None takes a free one.

    Attributes:
        models: The models that it shows.
        port: Port that it listens on.

    Raises:
        LayerscopeError: If the port cannot be had.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = _free_port(port)
        self.models = ShownModels()
        self._owner = os.getpid()
        self._session = Session(self.models)
        self._folder = Path(tempfile.mkdtemp(prefix="layerscope-app-"))
        try:
            self._process = self._started()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{_HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the pages can be opened."""
        return self._process.poll() is None

    def wait_until_it_answers(self) -> None:
        """Return when the pages can be opened.

        Raises:
            LayerscopeError: If the server does not start; the message says why.
        """
        end = time.monotonic() + _START_SECONDS
        while self.is_running and time.monotonic() < end:
            connection = http.client.HTTPConnection(_HOST, self.port, timeout=1)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request("GET", "/_stcore/health")
                if connection.getresponse().status == http.client.OK:
                    return
            time.sleep(_LOOK_SECONDS)
        said = self._log.read_text(errors="replace")[-_WORDS:].strip()
        raise LayerscopeError(
            f"The app's server did not start on port {self.port}."
            if self.is_running
            else f"The app's server ended at once, with status {self._process.returncode}.",
            remedy=f"It said: {said}" if said else "Try again, or with another port: layerscope.show(model, port=…).",
        )

    def wait(self) -> None:
        """Return when the server has ended."""
        self._process.wait()

    def stop(self) -> None:
        """End the server; does nothing the second time, or in a process forked from the one that started it."""
        if os.getpid() != self._owner:
            return
        self._session.close()
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is not None:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self) -> subprocess.Popen[bytes]:
        # -P: what lies where the caller works is none of the server's business.
        command = [sys.executable, "-P", "-m", "layerscope.page_process"]
        command += streamlit_arguments(self.port, _HOST, headless=True)
        paths = os.pathsep.join([str(CODE_FOLDER), *filter(None, [os.environ.get("PYTHONPATH", "")])])
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": paths},
                # Who interrupts a cell, or what runs in a terminal, means this process.
                start_new_session=True,
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            told = {"environment": dict(self._session.environment), "folder": str(self._folder)}
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
        return process

    @property
    def _log(self) -> Path:
        return self._folder / "log.txt"


def _free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        if os.name == "posix":
            # Connections of before that are being taken down keep nobody from listening.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted or 0))
        except (OSError, OverflowError) as error:
            raise LayerscopeError(
                f"Port {wanted} cannot be had: {getattr(error, 'strerror', None) or error}.",
                remedy="Choose another one, or leave it out: then a free one is taken.",
            ) from error
        port: int = probe.getsockname()[1]
        return port
