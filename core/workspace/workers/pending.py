"""A request whose answer is due: for how long it may take, and what is told of it in the meantime."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from core.workspace.workers.request import LONGEST_WITH_PROGRESS, Request

__all__ = ["Pending", "Waiting"]

_LEAST_PROGRESS: Final = 1e-4


@dataclass(frozen=True)
class Waiting:
    """What a request waits for.

    Attributes:
        seconds: For how long it has been waiting.
        place_in_line: Place among the visitors who wait for a worker, from 1; 0 for who has one.
        fraction: How much is done, from 0 to 1; None where that is not known.
        text: What is being done.
    """

    seconds: float
    place_in_line: int = 0
    fraction: float | None = None
    text: str = ""


class Pending:
    """A request whose answer is due, and how far it is.

    Args:
        request: What was asked.
        meaning: What stands for it where it is told, and where it is told from others.
    """

    def __init__(self, request: Request, meaning: Request) -> None:
        self.request = request
        self.meaning = meaning
        self.fraction: float | None = None
        self.text = ""
        self._started = self._advanced = time.monotonic()

    @property
    def waiting(self) -> Waiting:
        """What whoever waits for it is told."""
        return Waiting(time.monotonic() - self._started, 0, self.fraction, self.text)

    def advance(self, fraction: float, text: str) -> bool:
        """Note how far it is, from 0 to 1, and with what; return whether it came forward."""
        has_advanced = fraction > (self.fraction or 0.0) + _LEAST_PROGRESS
        if has_advanced:
            self._advanced = time.monotonic()
        self.fraction, self.text = max(fraction, self.fraction or 0.0), text
        return has_advanced

    def takes_longer_than(self, seconds: float) -> bool:
        """Return whether it has not come forward for so long."""
        # What says that it comes forward, such as a pass over a dataset, gets the time again, but not for ever.
        now = time.monotonic()
        return now - self._advanced > seconds or now - self._started > seconds * LONGEST_WITH_PROGRESS
