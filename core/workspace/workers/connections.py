"""A worker that a visitor has, and what ended one."""

from __future__ import annotations

from dataclasses import dataclass

from core.workspace.workers.endpoints import Endpoint
from core.workspace.workers.pending import Pending
from core.workspace.workers.request import Request

__all__ = ["Connection", "Loss"]


@dataclass(eq=False)
class Connection:
    """A worker that a visitor has.

    Attributes:
        endpoint: The worker.
        is_restored: Whether everything is open in it that the visitor has open.
        pending: What it was asked last, until the answer is there.
    """

    endpoint: Endpoint
    is_restored: bool = False
    pending: Pending | None = None


@dataclass(frozen=True)
class Loss:
    """A request that ended a worker, and why, as the end of a sentence; no reason where the visitor stopped it."""

    request: Request
    reason: str = ""
