"""Feature-map gallery: ours against matplotlib subplots as tutorials draw them, in one run.

The gallery is every map with its number and tooltip; the whole picture is what the app shows, with one map large beside
the input and laid over it. Bare is the same image of the maps in the simplest chart that there is, with nothing to be
built: what Streamlit, Vega and the browser take whatever is drawn.

``python -m benchmarks.gallery``. Both are drawn by the same Streamlit page and looked at by the same Chromium, in turn.
Time runs from the click until the picture is on the screen.
"""

from __future__ import annotations

import re
import statistics
from typing import Final

from playwright.sync_api import Page

from benchmarks.serving import ROOT, browser_page, server, wait_until_painted

ROUNDS: Final = 5
WAYS: Final = ("gallery", "whole picture", "bare", "tutorial")
CASES: Final = ["64×112×112", "512×14×14"]
GOALS: Final = {"64×112×112": 8, "512×14×14": 40}
LARGEST: Final = 1_000_000


def main() -> None:
    """Measure and print the table."""
    print("| feature maps | way | build (s) | sent (MB) | click to painted (s) | ratio | goal |")
    print("|---|---|---|---|---|---|---|")
    with server(ROOT / "benchmarks" / "gallery_page.py") as address, browser_page() as page:
        page.goto(address)
        page.get_by_text("ready").wait_for()
        for case in CASES:
            painted: dict[str, list[float]] = {way: [] for way in WAYS}
            built: dict[str, list[float]] = {way: [] for way in WAYS}
            sent: dict[str, int] = {}
            _choose(page, case)
            for turn in range(ROUNDS + 1):
                for way in painted:
                    page.get_by_text(way, exact=True).click()
                    page.get_by_text("ready").wait_for()
                    seconds, build, size = _draw(page)
                    sent[way] = size
                    if turn:  # the first turn warms both up: Vega is loaded when it is first needed
                        painted[way].append(seconds)
                        built[way].append(build)
            for way in painted:
                ratio = statistics.median(painted["tutorial"]) / statistics.median(painted[way])
                row = [
                    case,
                    way,
                    f"{statistics.median(built[way]):.2f}",
                    f"{sent[way] / 1e6:.2f}",
                    f"{statistics.median(painted[way]):.2f}",
                    f"{ratio:.1f}",
                    f"≥ {GOALS[case]}, ≤ 1 MB" if way == "gallery" else "",
                ]
                print("| " + " | ".join(row) + " |", flush=True)


def _choose(page: Page, case: str) -> None:
    page.locator('[data-testid="stSelectbox"] input').click()
    page.get_by_role("option", name=case).click()
    page.get_by_text("ready").wait_for()


def _draw(page: Page) -> tuple[float, float, int]:
    page.wait_for_timeout(500)
    sizes: list[int] = []

    def note_size(response: object) -> None:
        if "/media/" in response.url:  # type: ignore[attr-defined]
            sizes.append(int(response.headers.get("content-length", 0)))  # type: ignore[attr-defined]

    page.on("response", note_size)
    page.evaluate(
        "addEventListener('pointerdown', () => { window.clicked = performance.now() }, {capture: true, once: true})"
    )
    page.get_by_role("button", name="Draw").click()
    done = wait_until_painted(page)
    seconds = (done["at"] - page.evaluate("window.clicked")) / 1000
    text = page.locator('[data-testid="stJson"]').inner_text()
    page.remove_listener("response", note_size)
    built = float(re.search(r'built"?\s*:\s*([\d.e-]+)', text).group(1))  # type: ignore[union-attr]
    size = int(re.search(r'bytes"?\s*:\s*(\d+)', text).group(1))  # type: ignore[union-attr]
    return seconds, built, size or sum(sizes)


if __name__ == "__main__":
    main()
