"""A search for the input that excites a unit, which the page lets go on by itself, and what its buttons do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from core.workspace.search_results import ExcitedReport

__all__ = ["STEPS", "SearchRun"]

STEPS: Final = 256
"""How many steps a search makes before it stops by itself."""
_MOST_STEPS: Final = 2048
_TICK_SECONDS: Final = 0.1


@dataclass
class SearchRun:
    """A search that goes on tick by tick, until it is done or stopped.

    Attributes:
        request: What is looked for, and how; two that are equal are one search.
        serial: Counts the times it was begun anew.
        step_goal: How many steps it is to make.
        steps: How many it has made.
        is_running: Whether it goes on.
        has_clock: Whether the page was drawn with a clock that brings the next tick; only a whole page can change that.
        strongest: The samples that excite the same, once they are known.
        is_replaced: Whether something was clicked by which another search takes its place, with the whole page.
        waits: Whether nobody has begun it yet.
    """

    request: tuple[Any, ...]
    serial: int = 0
    step_goal: int = STEPS
    steps: int = 0
    is_running: bool = True
    has_clock: bool = False
    strongest: ExcitedReport | None = None
    is_replaced: bool = False
    waits: bool = False

    @classmethod
    def of(
        cls, request: tuple[Any, ...], previous: SearchRun | None, *, starts: bool = True, steps: int = 0
    ) -> SearchRun:
        """Return the search for what is asked for: the previous one where it looks for the same, else a new one.

        Args:
            request: What is looked for, and how.
            previous: The search of the run of the page before; None if there was none.
            starts: Whether a new one runs at once.
            steps: How many steps it is to make at least; 0 leaves it to the search.
        """
        if previous is not None and previous.request == request:
            previous.reach(steps)
            if starts and previous.waits:
                previous.start()
            return previous
        return cls(request, previous.serial + 1 if previous else 0, steps or STEPS, is_running=starts, waits=not starts)

    def reach(self, steps: int) -> None:
        """Go on to so many steps, where it was begun for fewer and has come to its end."""
        if self.step_goal < steps and not self.is_running and self.steps >= self.step_goal:
            self.is_running = True
        self.step_goal = max(self.step_goal, steps)

    def start_clock(self) -> float | None:
        """Return after how long the next tick is due; None for never."""
        self.has_clock = self.is_running
        return _TICK_SECONDS if self.is_running else None

    def start(self) -> None:
        """Go on from where it is."""
        self.is_running, self.waits = True, False

    def stop(self) -> None:
        """Make no more steps."""
        self.is_running = False

    def restart(self) -> None:
        """Begin anew, from other noise."""
        self.is_running, self.steps = True, 0
        self.serial += 1

    def extend(self) -> None:
        """Go on: to the end where it was stopped before that, else further, up to the most steps that are made."""
        if self.steps >= self.step_goal:
            self.step_goal = min(self.step_goal + STEPS, _MOST_STEPS)
        self.is_running = self.steps < self.step_goal
