"""Searches that go on for a while at each call: one, and that for all units of a layer, some at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from core.analysis.maximization.ascent import Ascent
from core.analysis.maximization.domain import Domain

__all__ = ["LayerSearch", "advance_for"]

_FIRST_STEPS: Final = 4
_MOST_STEPS_AT_ONCE: Final = 64
_QUICK_SECONDS: Final = 0.2
_BYTES_AT_ONCE: Final = 3_000_000
_MOST_STARTS: Final = 64
_MOST_UNITS: Final = 512
_BYTES_PER_NUMBER: Final = 4


def advance_for(ascent: Ascent, steps: int, seconds: float) -> None:
    """Make steps until there are so many, or until the time is over; at least a few.

    Args:
        ascent: The search.
        steps: How many steps it is to have made in all.
        seconds: How much time there is.
    """
    end = time.monotonic() + seconds
    steps_at_once = _FIRST_STEPS
    while ascent.steps < steps:
        started = time.monotonic()
        ascent.advance(min(steps_at_once, steps - ascent.steps))
        now = time.monotonic()
        if now >= end:
            return
        if now - started < _QUICK_SECONDS:
            steps_at_once = min(2 * steps_at_once, _MOST_STEPS_AT_ONCE)


class LayerSearch:
    """Looks for the inputs of a layer's units, as many units at once as memory allows, one group after another.

    Args:
        entry: Name of the input that is looked for.
        domain: What such inputs look like.
        unit_count: How many units the layer has; of very many the first are looked for.

    Attributes:
        entry: Name of the input that is looked for.
        domain: What such inputs look like.
        unit_count: How many units are looked for.
        inputs: What was found, as it is drawn, in the order of the units.
        objectives: What each of them amounts to.
    """

    def __init__(self, entry: str, domain: Domain, unit_count: int) -> None:
        self.entry = entry
        self.domain = domain
        self.unit_count = min(unit_count, _MOST_UNITS)
        self.inputs: list[np.ndarray] = []
        self.objectives: list[float] = []
        bytes_per_input = max(_BYTES_PER_NUMBER * int(np.prod(domain.shape)), 1)
        self._group_size = int(np.clip(_BYTES_AT_ONCE // bytes_per_input, 1, _MOST_STARTS))
        self._ascent: Ascent | None = None

    @property
    def is_done(self) -> bool:
        """Whether the inputs of all units were found."""
        return len(self.inputs) >= self.unit_count

    def advance(self, steps: int, seconds: float, begin: Callable[[np.ndarray], Ascent]) -> None:
        """Go on for so long, or until all is done.

        Args:
            steps: How many steps to make for each unit.
            seconds: How much time there is.
            begin: Returns a search for units by their numbers.
        """
        end = time.monotonic() + seconds
        while not self.is_done and time.monotonic() < end:
            self._ascent = self._ascent or begin(self._next_units())
            advance_for(self._ascent, steps, end - time.monotonic())
            if self._ascent.steps >= steps:
                self._collect(self._ascent)
                self._ascent = None

    def _next_units(self) -> np.ndarray:
        start = len(self.inputs)
        units = np.arange(start, min(start + self._group_size, self.unit_count))
        # As many at once every time, so that one compiled loop serves all; what is too many is not shown.
        return np.resize(units, min(self._group_size, self.unit_count))

    def _collect(self, ascent: Ascent) -> None:
        count = min(len(ascent.inputs), self.unit_count - len(self.inputs))
        self.inputs.extend(self.domain.as_drawn(ascent.inputs[:count]))
        self.objectives.extend(map(float, ascent.objective()[:count]))
