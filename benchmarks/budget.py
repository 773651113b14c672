"""Where the time goes between a click on a layer and its picture on the screen, part by part.

``python -m benchmarks.budget``. The app runs with a clock at its joints; the browser notes what crosses its wire, when
the chart is in the page and when it is painted. Beside it the same for an empty page that draws the same charts, which
is what nothing of ours can go below. Parts are medians of all clicks; ``fastest`` is what another program on the same
cores disturbed least.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks.click import open_model, rows_in_turn, save_application
from benchmarks.serving import ROOT, browser_page, server, wait_until_painted

GOAL: Final = 0.3
_REST_MILLISECONDS: Final = 700
_LARGE_MESSAGE: Final = 50_000
"""Bytes; of what the page sends after a click only the chart is larger."""

# In seconds since 1970, as the server counts.
_CLOCKS: Final = """
(() => {
  const now = () => (performance.timeOrigin + performance.now()) / 1000;
  window.noted = {};
  const note = (what) => { window.noted[what] ??= now(); };
  addEventListener('pointerdown', () => { window.noted = {clicked: now()}; }, {capture: true});
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...settings) {
      super(...settings);
      this.addEventListener('message', ({data}) => { if (data.byteLength > LARGE) note('received'); });
    }
    send(data) { note('sent'); super.send(data); }
  };
  new MutationObserver((records) => {
    const added = records.flatMap((record) => [...record.addedNodes]);
    const charts = added.filter((node) => node.nodeName === 'svg' && node.classList.contains('marks'));
    const isPicture = (chart) => chart.closest('.st-key-picture_place') || !document.querySelector('.st-key-strip');
    if (charts.some(isPicture)) note('drawn');
  }).observe(document, {childList: true, subtree: true});
})();
""".replace("LARGE", str(_LARGE_MESSAGE))

_MOMENTS: Final = (
    ("sent", "the browser tells of the click"),
    ("run begins", "Streamlit begins to run the page"),
    ("view begins", "sidebar and strip"),
    ("view ends", "engine: the picture, and its way from the worker"),
    ("chart ends", "tabs, and the chart for Streamlit"),
    ("received", "Streamlit's way to the browser"),
    ("drawn", "React and Vega"),
    ("painted", "decoded and painted"),
)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budget", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="MobileNetV2", help="of keras.applications, with random weights")
    name = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUDGET_FILE"] = str(Path(folder) / "notes.jsonl")
        app, bare = _measure(save_application(name, Path(folder)))
    print(f"| from a click to the picture, {name} | app (s) | fastest (s) | empty page (s) | fastest (s) | goal |")
    print("|---|---|---|---|---|---|")
    for what, part in _MOMENTS:
        columns = [f"{cell:.3f}" if cell else "" for each in (app, bare) for cell in _of_part(each, what)]
        print(f"| {part} | {' | '.join(columns)} | |")
    totals = [f"{cell:.2f}" for each in (app, bare) for cell in _of_clicks([click["painted"] for click in each])]
    print(f"| all | {' | '.join(totals)} | {GOAL} |")


def _of_part(clicks: list[dict[str, float]], what: str) -> tuple[float, float]:
    """Return median and least of the seconds between a moment and the one before, zero where there is no such one."""
    order = [moment for moment, _ in _MOMENTS]
    seconds = []
    for click in clicks:
        if what in click:
            before = [click[moment] for moment in order[: order.index(what)] if moment in click]
            seconds.append(max(0.0, click[what] - max(before, default=0.0)))
    return _of_clicks(seconds) if seconds else (0.0, 0.0)


def _of_clicks(seconds: list[float]) -> tuple[float, float]:
    return statistics.median(seconds), min(seconds)


def _measure(path: Path) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Return when each moment was after each click, in seconds: of the app, and of an empty page in turn with it."""
    app_clicks, bare_clicks = [], []
    with server(ROOT / "benchmarks" / "budget_page.py") as address, browser_page() as page:
        browser = page.context.browser
        assert browser is not None
        page.add_init_script(_CLOCKS)
        rows = open_model(page, address, path)
        bare = browser.new_page(viewport=page.viewport_size)
        bare.add_init_script(_CLOCKS)
        bare.goto(f"{address}/?bare=chart")
        button, shown = bare.get_by_role("button", name="Draw"), None
        for row, is_measured in rows_in_turn(page, rows):
            page.bring_to_front()
            click = _moments(page, row, wait_until_painted(page)["source"])
            bare.bring_to_front()
            alone = _moments(bare, button, shown)
            shown = wait_until_painted(bare)["source"]
            if is_measured:
                app_clicks.append(click)
                bare_clicks.append(alone)
    return app_clicks, bare_clicks


def _moments(page: Page, place: Any, before: str | None) -> dict[str, float]:
    """Click, and return when each moment was after it."""
    notes = Path(os.environ["BUDGET_FILE"])
    length = notes.stat().st_size
    place.click()
    painted = wait_until_painted(page, before)["at"] / 1000 + page.evaluate("performance.timeOrigin") / 1000
    page.wait_for_timeout(_REST_MILLISECONDS)
    moments = {**page.evaluate("window.noted"), "painted": painted}
    clicked = moments.pop("clicked")
    for line in notes.read_bytes()[length:].splitlines():
        told = json.loads(line)
        moments.setdefault(told["what"], told["at"])
    return {what: at - clicked for what, at in moments.items()}


if __name__ == "__main__":
    main()
