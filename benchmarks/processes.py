"""Which processes a server has started, read from ``/proc``; on Linux only."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = [
    "children_of",
    "fork_servers_and_workers",
    "held",
    "is_running",
    "processor_seconds",
    "proportional_memory",
    "server_seconds",
]


def children_of(process: int) -> set[int]:
    """Return the processes that a process has started."""
    return {
        int(child)
        for thread in Path(f"/proc/{process}/task").iterdir()
        for child in (thread / "children").read_text().split()
    }


def held(what: str) -> int:
    """Return how many bytes of memory this process holds: ``"VmRSS"`` now, ``"VmHWM"`` at most so far.

    What ``getrusage`` says begins with the memory of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status).group(1)) * 1024  # type: ignore[union-attr]


def is_running(process: int) -> bool:
    """Return whether a process is there and does more than waiting to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def fork_servers_and_workers(server: int) -> tuple[set[int], set[int]]:
    """Return what a Streamlit server's workers are forked from, and the workers that are running."""
    forking = {
        child
        for child in children_of(server)
        if b"multiprocessing.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes()
    }
    return forking, {worker for parent in forking for worker in children_of(parent) if is_running(worker)}


def processor_seconds(process: int, *, with_ended_children: bool = False) -> float:
    """Return for how long a process has been on a core; none where it is gone.

    Args:
        process: Its number.
        with_ended_children: Whether to add the time of the children that it saw end.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_ended_children else 13])) / os.sysconf("SC_CLK_TCK")


def server_seconds(server: int) -> float:
    """Return how long a Streamlit server, its fork server and all workers have been on a core, those that ended too."""
    forked, workers = fork_servers_and_workers(server)
    alone = sum(map(processor_seconds, {server, *workers}))
    return alone + sum(processor_seconds(process, with_ended_children=True) for process in forked)


def proportional_memory(process: int) -> float:
    """Return megabytes of a process, of what it shares with others its share; none where it is gone."""
    try:
        told = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(told[1]) / 1000 if told else 0.0
