"""A pool that is still being started: who asks for a worker waits until there are any, and is told so meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from core.common.limits import Limits, get_limits
from core.errors import WorkerLost
from core.workspace.workers.endpoints import Endpoint, EndpointPool

__all__ = ["StartingPool"]

_LOOK_SECONDS: Final = 0.1


class StartingPool:
    """Hands out the endpoints of another pool, as soon as there is that.

    Attributes:
        is_confined: Whether each endpoint is a process of its own behind walls.
        limits: What each may use.
        is_wanted: Set as soon as somebody asks for an endpoint, and so waits.
    """

    is_confined = True

    def __init__(self) -> None:
        self.limits: Limits = get_limits()
        self._has_ended = threading.Event()
        self._pool: EndpointPool | None = None
        self._reason = ""
        self.is_wanted = threading.Event()

    def start_with(self, pool: EndpointPool) -> None:
        """Hand out the endpoints of a pool from now on."""
        self._pool = pool
        self._has_ended.set()

    def fail(self, reason: str) -> None:
        """Tell whoever waits, or asks from now on, why there are none."""
        self._reason = reason
        self._has_ended.set()

    @property
    def is_starting(self) -> bool:
        """Whether it is not known yet if there will be any."""
        return not self._has_ended.is_set()

    def acquire(self, tell: Callable[[int], None]) -> Endpoint:
        """Return an endpoint that nobody else has, as soon as there is one.

        Args:
            tell: Called every tenth of a second with the place in line, with 0 while all is being started. What it
                raises gives up.

        Raises:
            WorkerLost: If nothing could be started.
        """
        self.is_wanted.set()
        while not self._has_ended.wait(_LOOK_SECONDS):
            tell(0)
        if self._pool is None:
            raise WorkerLost(f"The engine could not start: {self._reason}", remedy="The server's log has the details.")
        return self._pool.acquire(tell)

    def release(self, endpoint: Any) -> None:
        """End an endpoint."""
        if self._pool is not None:
            self._pool.release(endpoint)
