"""From ``streamlit run`` to the first paint, to the first chart of the example, and until a model answers.

``python -m benchmarks.startup``. Each round starts a new server, once as it is and once without the recording of the
example that ships; the browser is open already.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Final

from benchmarks.serving import (
    ROOT,
    browser_page,
    free_port,
    start_server,
    stop_server,
    wait_until_it_answers,
    wait_until_painted,
)
from core.workspace.recordings.first_look import FIRST_LOOK_VARIABLE

ROUNDS: Final = 5
GOALS: Final = {"the first paint": 1.5, "the first chart of the example": 2.5, "a model that answers": 7.0}
WAYS: Final[Mapping[str, Mapping[str, str]]] = {"as it is": {}, "without the recording": {FIRST_LOOK_VARIABLE: "0"}}
# What says that TensorFlow is being started is gone, and nothing runs.
LIVE: Final = """() => !document.querySelector('.st-key-live p, .st-key-live [data-testid="stProgress"]')
  && document.querySelector('[data-testid="stApp"]').dataset.testScriptState === 'notRunning'"""


def main() -> None:
    """Measure and print the table."""
    measured = {way: [_start(settings) for _ in range(ROUNDS)] for way, settings in WAYS.items()}
    print("| from `streamlit run` to | | median (s) | fastest (s) | slowest (s) | goal |")
    print("|---|---|---|---|---|---|")
    for number, (what, goal) in enumerate(GOALS.items()):
        for way, rounds in measured.items():
            seconds = [each[number] for each in rounds]
            told = f"{statistics.median(seconds):.1f} | {min(seconds):.1f} | {max(seconds):.1f}"
            print(f"| {what} | {way} | {told} | {goal if not WAYS[way] else ''} |")


def _start(settings: Mapping[str, str]) -> tuple[float, float, float]:
    """Start a server and return after how many seconds each of the three was there."""
    with browser_page() as page:
        port = free_port()
        started = time.perf_counter()
        process = start_server(ROOT / "streamlit_app.py", port, settings)
        try:
            wait_until_it_answers(port)
            page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
            # The first may be gone again when the second is there.
            first = page.get_by_role("heading", name="Layerscope").or_(page.locator(".st-key-strip"))
            first.first.wait_for()
            first_paint = time.perf_counter() - started
            wait_until_painted(page)
            first_chart = time.perf_counter() - started
            page.wait_for_function(LIVE, timeout=60_000)
            return first_paint, first_chart, time.perf_counter() - started
        finally:
            stop_server(process)


if __name__ == "__main__":
    main()
