"""Several ways to do the same, measured in turn in one process: what else the machine does meets all of them."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Durations", "measure_in_turn"]


class Durations(NamedTuple):
    """What each run of one way took, in seconds.

    Attributes:
        clock: By the clock.
        processor: On a core, all threads of this process together.
    """

    clock: list[float]
    processor: list[float]

    @property
    def median(self) -> float:
        """Of the clock."""
        return statistics.median(self.clock)

    @property
    def processor_median(self) -> float:
        """Of the time on a core, which other work on the machine changes less."""
        return statistics.median(self.processor)


def measure_in_turn(
    ways: Mapping[str, Callable[[], Any]], rounds: int, warm_ups: int = 1, least_seconds: float = 0
) -> dict[str, Durations]:
    """Return how long each way took; they are run one after the other, every other round the other way round.

    Args:
        ways: By name.
        rounds: How often each is measured.
        warm_ups: Rounds before, which are not.
        least_seconds: More rounds follow until so many have gone by.
    """
    durations = {name: Durations([], []) for name in ways}
    end = math.inf
    for turn in itertools.count():
        if turn == warm_ups:
            end = time.perf_counter() + least_seconds
        if turn >= rounds + warm_ups and time.perf_counter() >= end:
            break
        # What comes first pays for what the one before it left behind.
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            processor, clock = time.process_time(), time.perf_counter()
            ways[name]()
            if turn >= warm_ups:
                durations[name].clock.append(time.perf_counter() - clock)
                durations[name].processor.append(time.process_time() - processor)
    return durations
