"""From ``streamlit run`` to the first paint, and to the first chart of the example.

``python -m benchmarks.startup``. Each round starts a new server; the browser is open already.
"""

from __future__ import annotations

import statistics
import time
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

ROUNDS: Final = 5
FIRST_PAINT_GOAL: Final = 1.5
FIRST_CHART_GOAL: Final = 6.0


def main() -> None:
    """Measure and print the table."""
    first_paint, first_chart = [], []
    for _ in range(ROUNDS):
        with browser_page() as page:
            port = free_port()
            started = time.perf_counter()
            process = start_server(ROOT / "streamlit_app.py", port)
            try:
                wait_until_it_answers(port)
                page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
                page.get_by_role("heading", name="Layerscope").first.wait_for()
                first_paint.append(time.perf_counter() - started)
                wait_until_painted(page)
                first_chart.append(time.perf_counter() - started)
            finally:
                stop_server(process)
    print("| from `streamlit run` to | median (s) | fastest (s) | slowest (s) | goal |")
    print("|---|---|---|---|---|")
    for what, seconds, goal in (
        ("the first paint", first_paint, FIRST_PAINT_GOAL),
        ("the first chart of the example", first_chart, FIRST_CHART_GOAL),
    ):
        print(f"| {what} | {statistics.median(seconds):.1f} | {min(seconds):.1f} | {max(seconds):.1f} | {goal} |")


if __name__ == "__main__":
    main()
