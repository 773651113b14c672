"""What a worker takes of the machine beside memory: processor time and threads, as the system counts them.

No limit of the kernel does for that. ``RLIMIT_CPU`` counts a whole life, in which one visitor may do a lot, and who may
raise it again is root alone; ``RLIMIT_NPROC`` counts what all workers of a user have together, and root's not at all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from core.common.limits import Limits

__all__ = ["Consumption", "consumption_of", "status_of"]

_STATUS: Final = "/proc/{}/stat"
_USER_SECONDS, _SYSTEM_SECONDS, _THREADS = 11, 12, 17


class Consumption(NamedTuple):
    """What a process has taken.

    Attributes:
        seconds: For how long it has been on a processor, all its threads together.
        threads: How many threads it has.
    """

    seconds: float
    threads: int

    def beyond(self, before: Consumption, limits: Limits, *, is_busy: bool) -> str:
        """Return what is more than one visitor has, as the end of a sentence; empty if nothing is.

        Args:
            before: What it was at the last sign of life.
            limits: What one visitor has.
            is_busy: Whether something was asked.
        """
        if self.threads > limits.threads:
            return f"started more than the {limits.threads:,} threads that one visitor has"
        seconds = self.seconds - before.seconds
        if is_busy and seconds > limits.processor_seconds:
            return f"took more than the {limits.processor_seconds:g} seconds of a processor that one step has"
        if not is_busy and seconds > limits.background_seconds:
            return f"kept a processor busy for {limits.background_seconds:g} seconds while nothing was asked of it"
        return ""


def consumption_of(process: int) -> Consumption | None:
    """Return what a process has taken; None where it is gone, or the system does not say."""
    if not (fields := status_of(process)):
        return None
    ticks = int(fields[_USER_SECONDS]) + int(fields[_SYSTEM_SECONDS])
    return Consumption(ticks / os.sysconf("SC_CLK_TCK"), int(fields[_THREADS]))


def status_of(process: int) -> list[str]:
    """Return what ``/proc`` says of a process, from its state on (proc_pid_stat(5)); nothing where it is gone."""
    try:
        # In brackets stands the program's name, which may hold anything.
        return Path(_STATUS.format(process)).read_text().rpartition(")")[2].split()
    except OSError:
        return []
