"""A report of the digits example: how long the command takes, from its start, and how large the file is.

``python -m benchmarks.report``. The command runs in a process of its own, TensorFlow's import included.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

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
    print("| report | made (s) | goal | size (MB) | goal | all charts drawn (s) |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, browser_page() as page:
        path = Path(folder) / "report.html"
        for name, arguments in CASES.items():
            seconds = [_make(arguments, path) for _ in range(ROUNDS)]
            started = time.perf_counter()
            page.goto(path.as_uri())
            page.locator("html[data-charts=drawn]").wait_for()
            drawn = time.perf_counter() - started
            size = path.stat().st_size / 1e6
            print(
                f"| {name} | {statistics.median(seconds):.1f} | {SECONDS_GOAL} | {size:.2f} | {MEGABYTES_GOAL} "
                f"| {drawn:.1f} |"
            )


def _make(arguments: list[str], path: Path) -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "layerscope", "report", *arguments, "-o", str(path)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
