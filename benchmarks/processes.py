"""Which processes a server has started, read from ``/proc``; on Linux only."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from core.workspace.workers.consumption import status_of

__all__ = [
    "children_of",
    "fork_servers_and_workers",
    "held",
    "is_running",
    "memory_of",
    "processor_seconds",
    "server_memory",
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
    return status_of(process)[:1] not in ([], ["Z"])


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
    ticks = status_of(process)[11 : 15 if with_ended_children else 13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def server_seconds(server: int) -> float:
    """Return how long a Streamlit server, its fork server and all workers have been on a core, those that ended too."""
    forked, workers = fork_servers_and_workers(server)
    alone = sum(map(processor_seconds, {server, *workers}))
    return alone + sum(processor_seconds(process, with_ended_children=True) for process in forked)


def memory_of(process: int) -> dict[str, int]:
    """Return bytes: ``Pss`` with shared pages by share, ``Uss`` without them, ``Rss`` with all; 0 where it is gone."""
    sizes = dict.fromkeys(("Pss", "Rss", "Private_Clean", "Private_Dirty"), 0)
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        sizes |= {kind: int(size) * 1024 for kind, size in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    return sizes | {"Uss": sizes["Private_Clean"] + sizes["Private_Dirty"]}


def server_memory(server: int) -> dict[str, float]:
    """Return megabytes of a Streamlit server, its fork server and all workers; what they share is counted once."""
    forked, workers = fork_servers_and_workers(server)
    groups = {"page": {server}, "fork server": forked, "workers": workers}
    sizes = {name: sum(memory_of(each)["Pss"] for each in group) / 1e6 for name, group in groups.items()}
    return {**sizes, "all": sum(sizes.values()), "count": float(len(workers))}
