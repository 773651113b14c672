"""A report of the digits example: how long the command takes, from its start, and how large the file is.

``python -m benchmarks.report``. The command runs in a process of its own, TensorFlow's import included.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.serving import ROOT, browser_page

ROUNDS: Final = 3
SECONDS_GOAL: Final = 10
MEGABYTES_GOAL: Final = 2
CASES: Final = {
    "digits": ["digits-cnn"],
    "digits, against a second model": ["digits-cnn", "--compare", "early:digits-cnn"],
}


def main() -> None:
    """Measure and print the table."""
    print("| report | made (s) | goal | of a core (s) | size (MB) | goal | all charts drawn (s) |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, browser_page() as page:
        path = Path(folder) / "report.html"
        for name, arguments in CASES.items():
            rounds = [_make(arguments, path) for _ in range(ROUNDS)]
            started = time.perf_counter()
            page.goto(path.as_uri())
            page.locator("html[data-charts=drawn]").wait_for()
            drawn = time.perf_counter() - started
            size = path.stat().st_size / 1e6
            print(
                f"| {name} | {statistics.median(each.seconds for each in rounds):.1f} | {SECONDS_GOAL} "
                f"| {statistics.median(each.core_seconds for each in rounds):.1f} | {size:.2f} | {MEGABYTES_GOAL} "
                f"| {drawn:.1f} |"
            )


class _Round(NamedTuple):
    """How long a report took by the clock, and how long a core was busy with it, whatever else ran."""

    seconds: float
    core_seconds: float


def _make(arguments: list[str], path: Path) -> _Round:
    started, busy = time.perf_counter(), _busy_seconds()
    command = [sys.executable, "-m", "layerscope", "report", *arguments, "-o", str(path)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    return _Round(time.perf_counter() - started, _busy_seconds() - busy)


def _busy_seconds() -> float:
    """Return how long cores were busy with processes of this one that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
