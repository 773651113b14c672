"""A session: the process that has models in memory answers the pages that show them.

Its own process stays as it is, with the model in it; a server process draws the pages and asks through a socket that
only this user can reach, with a key that only the two of them know. Each visitor has a thread here, and a Workspace.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final

from core.common.limits import Limits, get_limits
from core.errors import WorkerLost
from core.workspace.shown_models import ShownModels
from core.workspace.workers.endpoints import Endpoint
from core.workspace.workers.request import Request
from core.workspace.workers.serving import answer
from core.workspace.workers.session_address import ADDRESS_VARIABLE, KEY_VARIABLE
from core.workspace.workers.wire import encode_progress, send
from core.workspace.workspace import Workspace

__all__ = ["Session", "SessionPool"]

_WAITING: Final = 64
_KEY_BYTES: Final = 32


class Session:
    """Answers pages about the models that this process shows, from when it is made until it is closed.

    Args:
        models: The models.
    """

    def __init__(self, models: ShownModels) -> None:
        self._models = models
        self._key = secrets.token_bytes(_KEY_BYTES)
        family = "AF_UNIX" if hasattr(socket, "AF_UNIX") else "AF_INET"
        # Python puts a path of its own choice into a folder that nobody else can enter; the other is 127.0.0.1.
        self._listener = Listener(family=family, backlog=_WAITING, authkey=self._key)
        self._closed = threading.Event()
        self._pipes: set[Any] = set()
        threading.Thread(target=self._accept, name="layerscope-session", daemon=True).start()

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which a page finds this session; the key is for nobody else to see."""
        address: Any = self._listener.address
        told = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        return {ADDRESS_VARIABLE: told, KEY_VARIABLE: self._key.hex()}

    def close(self) -> None:
        """Hang up on all visitors; does nothing the second time."""
        if self._closed.is_set():
            return
        self._closed.set()
        address: Any = self._listener.address
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        # A thread that waits for the next visitor only wakes up for one; this one says nothing, and waits for nothing.
        with contextlib.suppress(OSError), socket.socket(family) as visitor:
            visitor.settimeout(1)
            visitor.connect(address)
        self._listener.close()
        for pipe in tuple(self._pipes):
            _hang_up(pipe)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                pipe = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue  # somebody else, or a visitor who left at the door
            except OSError:
                return
            self._pipes.add(pipe)
            threading.Thread(target=self._serve, args=(pipe,), name="layerscope-visitor", daemon=True).start()

    def _serve(self, pipe: Connection) -> None:
        workspace = Workspace(shown=self._models)

        def tell(fraction: float, text: str) -> None:
            send(pipe, encode_progress(fraction, text))

        # A visitor who stops something, or leaves, hangs up.
        with contextlib.suppress(EOFError, OSError), pipe:
            while True:
                request: Request = pipe.recv()
                send(pipe, answer(workspace, request, tell))
        self._pipes.discard(pipe)


def _hang_up(pipe: Connection) -> None:
    # To close it here would not reach the thread that waits for what comes through it, nor the other end.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(pipe.fileno())) as shared:
        shared.shutdown(socket.SHUT_RDWR)


class _Visit(Endpoint):
    """One visitor's connection to a session."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="layerscope-visit-")))
        self.pipe = pipe

    @property
    def process_id(self) -> int:
        """Not known: the process of whoever shows the model, which is not the page's to end."""
        return 0

    def look(self) -> None:
        """Do nothing: how much memory the other process has is its own business."""

    def why_it_ended(self) -> str:
        """Say why the other end is gone, as the end of a sentence."""
        return "had not finished when the Python process that shows the model hung up"

    def end(self) -> None:
        """Hang up; what is being computed is left to itself."""
        self.pipe.close()
        shutil.rmtree(self.uploads, ignore_errors=True)


class SessionPool:
    """Connects visitors to a session, as many as there are.

    Args:
        address: What the variable ``ADDRESS_VARIABLE`` says.
        key: What ``KEY_VARIABLE`` says.
    """

    is_confined = False

    def __init__(self, address: str, key: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = address if os.path.isabs(address) else (host, int(port))
        self._key = bytes.fromhex(key)
        self.limits: Limits = get_limits()

    def acquire(self, tell: Callable[[int], None]) -> Endpoint:
        """Return a connection; nobody has to wait in line for one.

        Raises:
            WorkerLost: If the session is over.
        """
        try:
            return _Visit(Client(self._address, authkey=self._key))
        except (OSError, EOFError, AuthenticationError) as error:
            raise WorkerLost(
                "The Python process that shows the model is gone.",
                remedy="Call layerscope.show(model) again, and open the address that it says.",
            ) from error

    def release(self, endpoint: Any) -> None:
        """Hang up."""
        endpoint.end()
