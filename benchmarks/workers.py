"""Which pool of processes should stand behind the page: all are asked for the same, in one run.

``python -m benchmarks.workers``, in a quarter of an hour, or with the names of a few pools behind it. What is not
installed is skipped. The pools are no part of Layerscope; to have all of them, take an environment of their own::

    python3 -m venv compared
    compared/bin/pip install -e . loky pebble distributed ray

Each of four visitors gets a process that keeps what the visitor has open. Each pool runs in a process of its own, and
all of them in turn, several times over, so that a busy machine is not one pool's misfortune. Linux only, with
``unshare`` and ``ip``: each pool gets a network of its own that holds the loopback alone, and memory is read from
``/proc``.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

from benchmarks.processes import memory_of
from benchmarks.worker_pools import POOLS, Session, Task, chart, never_return, open_digits, open_model, ready
from core.workspace.workers.consumption import status_of

ROOT: Final = Path(__file__).parent.parent
VISITORS: Final = 4
ROUNDS: Final = 3
ROUND_TRIPS: Final = 50
TURNS: Final = 2
MOST_SECONDS: Final = 400
# Ray listens on every interface even when it is told 127.0.0.1; in a network of its own that is the loopback alone.
LOOPBACK_ONLY: Final = ("unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')
LINES: Final = (
    "",
    "very first answer, s",
    "a visitor's first answer (start alone), s",
    "a worker: PSS, USS, RSS, MB",
    "processes beside, their MB",
    "4 workers with all beside, MB",
    "300 KB round trip, ms",
    "SIGKILL: caller knows, answered again, s",
    "endless request ended: caller knows, answered again, s",
    "meanwhile another visitor: slowest ms, errors",
    "always the same process, model open",
    "extra packages, MB",
    "a fixed sum (how busy the machine was), s",
)

Samples = dict[str, list[float]]


def measure(name: str) -> Samples:
    """Return what is measured of one pool, each as often as it was measured."""
    found = Samples({"fixed sum": [_fixed_sum()]})
    own_before = memory_of(os.getpid())["Pss"]
    started = time.perf_counter()
    pool = POOLS[name][1]()
    try:
        sessions = [pool.session()]
        sessions[0].ask(ready)
        sessions[0].ask(open_digits)
        found["first of all"] = [time.perf_counter() - started]
        for _ in range(VISITORS - 1):
            started = time.perf_counter()
            sessions.append(pool.session())
            sessions[-1].ask(ready)
            found.setdefault("start", []).append(time.perf_counter() - started)
            sessions[-1].ask(open_digits)
            found.setdefault("first answer", []).append(time.perf_counter() - started)
        found |= _memory_of(sessions, own_before)
        found["round trip"] = [_seconds(lambda: sessions[0].ask(chart)) for _ in range(ROUND_TRIPS)]
        found["stays"] = [float(_stays(sessions))]
        found |= _killed(sessions[1])
        found |= _never_returning(sessions[2], sessions[3])
    finally:
        pool.close()
    return found


def _fixed_sum() -> float:
    """Return how long something takes that is always the same: how busy the machine is."""
    return _seconds(lambda: sum(number * number for number in range(5_000_000)))


def _seconds(work: Task) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _memory_of(sessions: list[Session], own_before: int) -> Samples:
    workers = {session.ask(open_model)[0] for session in sessions}
    sizes = [memory_of(process) for process in workers]
    others = [memory_of(process)["Pss"] for process in _descendants(os.getpid()) - workers]
    beside = sum(others) + memory_of(os.getpid())["Pss"] - own_before
    return {
        **{kind: [size[kind] / 1e6 for size in sizes] for kind in ("Pss", "Uss", "Rss")},
        "others": [len(others)],
        "beside": [beside / 1e6],
        "all": [(beside + sum(size["Pss"] for size in sizes)) / 1e6],
    }


def _descendants(process: int) -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        if fields := status_of(int(path.name)):
            parents[int(path.name)] = int(fields[1])
    found, fresh = set(), {process}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh}
        found |= fresh
    return found


def _stays(sessions: list[Session]) -> bool:
    seen = [{session.ask(open_model) for session in sessions} for _ in range(20)]
    return all(each == seen[0] for each in seen) and all(is_open for _, is_open in seen[0]) and len(seen[0]) == VISITORS


def _killed(session: Session) -> Samples:
    found = Samples({"killed": [], "killed, again": []})
    for _ in range(ROUNDS):
        process = session.ask(ready)
        with _asking(session, never_return) as wait_for_failure:
            started = time.perf_counter()
            os.kill(process, signal.SIGKILL)
            wait_for_failure()
        found["killed"].append(time.perf_counter() - started)
        _ask_until_answered(session, open_digits)
        found["killed, again"].append(time.perf_counter() - started)
    return found


def _never_returning(session: Session, bystander: Session) -> Samples:
    waits, errors, finished = [], [], threading.Event()

    def click() -> None:
        while not finished.wait(0.02):
            try:
                waits.append(_seconds(lambda: bystander.ask(open_model)))
            except Exception as error:
                errors.append(error)

    clicking = threading.Thread(target=click, daemon=True)
    clicking.start()
    with _asking(session, never_return) as wait_for_failure:
        started = time.perf_counter()
        session.end()
        wait_for_failure()
    known = time.perf_counter() - started
    _ask_until_answered(session, open_digits)
    again = time.perf_counter() - started
    finished.set()
    clicking.join()
    return {"ended": [known], "ended, again": [again], "bystander": [max(waits)], "errors": [len(errors)]}


@contextlib.contextmanager
def _asking(session: Session, task: Task) -> Iterator[Task]:
    """Ask on a thread for the time of the block; give a function that waits until that fails."""
    failed = threading.Event()

    def ask() -> None:
        # Some pools' cancellation is no Exception.
        with contextlib.suppress(BaseException):
            session.ask(task)
        failed.set()

    def wait_for_failure() -> None:
        if not failed.wait(60):
            raise TimeoutError("the caller was not told within a minute")

    threading.Thread(target=ask, daemon=True).start()
    time.sleep(1)
    yield wait_for_failure


def _ask_until_answered(session: Session, task: Task) -> Any:
    """Ask again while the pool says that it is not there yet."""
    end = time.monotonic() + 60
    while True:
        try:
            return session.ask(task)
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _installed(package: str) -> str:
    ours: set[str] = set()
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            ours |= _with_what_it_requires(line)
    more = _with_what_it_requires(package) - ours if package else set()
    files = [Path(str(file.locate())) for name in more for file in importlib.metadata.files(name) or ()]
    size = sum(path.stat().st_size for path in files if path.exists())
    return f"{len(more)}, {size / 1e6:.1f}" if more else "none"


def _with_what_it_requires(line: str) -> set[str]:
    found: set[str] = set()
    waiting = [line]
    while waiting:
        wanted = Requirement(waiting.pop())
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            waiting += importlib.metadata.requires(name) or ()
            found.add(name)
    return found


def measure_apart(name: str) -> Samples:
    """Measure one pool in a process of its own.

    Raises:
        RuntimeError: If that fails, or is not done in time.
    """
    process = subprocess.Popen(
        [*LOOPBACK_ONLY, sys.executable, "-m", "benchmarks.workers", "--measure", name],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"not done within {MOST_SECONDS} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise RuntimeError(f"failed: {errors.strip().splitlines()[-1:]}")
    return Samples(json.loads(output.splitlines()[-1]))


def column(name: str, found: Samples) -> list[str]:
    """Return a pool's column, in the order of :data:`LINES`."""
    middle = {what: statistics.median(samples) for what, samples in found.items()}
    return [
        name,
        f"{middle['first of all']:.1f}",
        f"{middle['first answer']:.2f} ({middle['start']:.2f})",
        f"{middle['Pss']:.0f}, {middle['Uss']:.0f}, {middle['Rss']:.0f}",
        f"{middle['others']:.0f}, {middle['beside']:.0f}",
        f"{middle['all']:.0f}",
        f"{1000 * middle['round trip']:.1f}",
        f"{middle['killed']:.2f}, {middle['killed, again']:.1f}",
        f"{middle['ended']:.2f}, {middle['ended, again']:.1f}",
        f"{1000 * max(found['bystander']):.0f}, {sum(found['errors']):.0f}",
        "yes" if all(found["stays"]) else "no",
        _installed(POOLS[name][0]),
        f"{middle['fixed sum']:.2f}",
    ]


def main() -> None:
    """Measure and print the table."""
    pooled: dict[str, Samples] = {}
    for name in (name for name in POOLS if not sys.argv[1:] or name in sys.argv[1:]):
        if POOLS[name][0] and importlib.util.find_spec(POOLS[name][0]) is None:
            print(f"{name}: skipped, {POOLS[name][0]} is not installed\n")
        else:
            pooled[name] = {}
    for _, name in itertools.product(range(TURNS), list(pooled)):
        try:
            for what, samples in measure_apart(name).items():
                pooled[name].setdefault(what, []).extend(samples)
        except RuntimeError as error:
            print(f"{name}: {error}\n")
    columns = [column(name, found) for name, found in pooled.items() if found]
    for cells in zip(LINES, *columns, strict=True) if columns else ():
        print(f"| {' | '.join(cells)} |")
        if cells[0] == LINES[0]:
            print("|---" * len(cells) + "|")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        main()
