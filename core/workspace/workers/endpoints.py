"""What answers a visitor's requests at the other end of a pipe: a worker process, or the process that shows a model."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from core.common.limits import Limits
from core.workspace.workers.wire import Incoming

__all__ = ["Endpoint", "EndpointPool"]

_BIT: Final = 1 << 20


class Endpoint(ABC):
    """Answers the requests of one visitor, one after another.

    Args:
        uploads: Folder that the other end may read, and the page fills.

    Attributes:
        uploads: That folder.
        pipe: Connection to the other end.
        used_at: When its last sign of life was, by :func:`time.monotonic`.
        is_busy: Whether an answer is due.
        life_signs: How often it was asked, said how far it is, or answered.
    """

    pipe: Any

    def __init__(self, uploads: Path) -> None:
        self.uploads = uploads
        self._incoming = Incoming()
        self.used_at = time.monotonic()
        self.is_busy = False
        self.life_signs = 0

    def note_sign_of_life(self, *, is_busy: bool) -> None:
        """Note that it was asked, said how far it is, or answered, and whether an answer is due."""
        self.is_busy = is_busy
        self.life_signs += 1
        self.used_at = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        try:
            # Between two answers there is nothing to be read but the end of the pipe.
            return self.is_busy or not self.pipe.poll(0)
        except OSError:
            return False

    @property
    @abstractmethod
    def process_id(self) -> int:
        """Number of the process that answers, in the system."""

    @abstractmethod
    def look(self) -> None:
        """Note what will be needed to tell why it ended."""

    @property
    def excess(self) -> str:
        """What it was ended for while nothing was asked, as the end of a sentence; empty where it was not."""
        return ""

    @abstractmethod
    def why_it_ended(self) -> str:
        """Say why the other end is gone, if the page did not end it, as the end of a sentence."""

    @abstractmethod
    def end(self) -> None:
        """Hang up and let go of what belongs to it; does nothing the second time."""

    def receive(self, maximum: int, seconds: float) -> bytes | None:
        """Return the next message; None if it has not come whole after ``seconds``, or within the next bit.

        Raises:
            WorkerLost: If it is to be longer than ``maximum`` bytes.
            EOFError: If the other end is gone.
            OSError: Likewise; a ``ConnectionError`` if it had not even read what it was asked.
        """
        message = self._incoming.next_message(maximum)
        if message is not None or not self.pipe.poll(seconds):
            return message
        content = os.read(self.pipe.fileno(), _BIT)
        if not content:
            raise EOFError
        self._incoming.add(content)
        return self._incoming.next_message(maximum)


class EndpointPool(Protocol):
    """Hands out endpoints, one per visitor.

    Attributes:
        limits: What each may use.
        is_confined: Whether each is a process of its own behind walls, which can be ended.
    """

    limits: Limits
    is_confined: bool

    def acquire(self, tell: Callable[[int], None]) -> Endpoint:
        """Return an endpoint that nobody else has; ``tell`` is called with the place in line while one waits for it."""

    def release(self, endpoint: Any) -> None:
        """End an endpoint."""
