"""From a click to what it brings on the screen: a layer, a sample, an option, the page of plugins.

``python -m benchmarks.click``. The app runs as a user starts it; Chromium clicks entries of the list of layers, on
models with random weights at 224×224, and on the first example steps through samples and turns an option.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page

from benchmarks.serving import ROOT, browser_page, server, wait_until_painted

MODELS: Final = ("MobileNetV2", "ResNet50", "DenseNet121")
GOAL: Final = 0.3
OPTION_GOAL: Final = 0.25
PLUGINS_GOAL: Final = 2.0
_STEPS: Final = 8
_ROWS_IN_SIGHT: Final = 8


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.click", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="of keras.applications; none for the example")
    models = parser.parse_args().models
    print("| click on a layer to painted chart | layers | median (s) | slowest (s) | goal |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in models:
            seconds = _measure(save_application(name, Path(folder)))
            median, slowest = statistics.median(seconds), max(seconds)
            print(f"| {name} | {len(seconds)} | {median:.2f} | {slowest:.2f} | ≤ {GOAL} |", flush=True)
    print("\n| on digits-cnn | times | median (s) | slowest (s) | goal |")
    print("|---|---|---|---|---|")
    for what, (seconds, goal) in _measure_example().items():
        print(f"| {what} | {len(seconds)} | {statistics.median(seconds):.2f} | {max(seconds):.2f} | ≤ {goal} |")


def _measure_example() -> dict[str, tuple[list[float], float]]:
    with server(ROOT / "streamlit_app.py") as address, browser_page() as page:
        page.goto(f"{address}/?example=digits-cnn")
        page.get_by_text("How to read it").wait_for(timeout=90_000)
        # Until then the page is recorded, and another sample waits for TensorFlow.
        page.locator(".st-key-live").wait_for(state="detached", timeout=90_000)
        page.wait_for_timeout(1500)
        step, switch = (
            page.locator(".st-key-sample_after button:visible").first,
            page.locator(".st-key-options_place label:visible").filter(has_text="Scale each map").first,
        )
        measured = {
            "next sample to painted chart": ([_until_painted(page, step) for _ in range(_STEPS)], GOAL),
            "changed option to painted chart": ([_until_painted(page, switch) for _ in range(_STEPS)], OPTION_GOAL),
        }
        first = _until_plugins(page)
        again = []
        for _ in range(3):
            page.get_by_role("link", name="Explore").first.click()
            page.get_by_text("How to read it").wait_for()
            page.wait_for_timeout(1000)
            again.append(_until_plugins(page))
    return {
        **measured,
        "page of plugins with its thumbnails, the first time": ([first], PLUGINS_GOAL),
        "page of plugins, again": (again, PLUGINS_GOAL),
    }


def _until_plugins(page: Page) -> float:
    started = page.evaluate("performance.now()")
    page.get_by_role("link", name="Plugins").first.click()
    page.locator('[data-testid="stMain"] img').nth(8).wait_for()
    return float(page.evaluate("performance.now()") - started) / 1000


def _until_painted(page: Page, place: Locator) -> float:
    page.evaluate(
        "addEventListener('pointerdown', () => { window.clicked = performance.now() }, {capture: true, once: true})"
    )
    before = wait_until_painted(page)["source"]
    place.click()
    seconds = (wait_until_painted(page, before)["at"] - page.evaluate("window.clicked")) / 1000
    page.wait_for_timeout(700)
    return float(seconds)


def _measure(path: Path) -> list[float]:
    seconds = []
    with server(ROOT / "streamlit_app.py") as address, browser_page() as page:
        for row, is_measured in rows_in_turn(page, open_model(page, address, path)):
            took = _until_painted(page, row)
            seconds += [took] if is_measured else []
    return seconds


def save_application(name: str, folder: Path) -> Path:
    """Save a model of ``keras.applications`` with random weights, and return the file.

    Args:
        name: As ``keras.applications`` calls it.
        folder: Where it is saved.
    """
    import keras

    path = folder / f"{name}.keras"
    getattr(keras.applications, name)(weights=None).save(path)
    return path


def rows_in_turn(page: Page, rows: Locator) -> Iterator[tuple[Locator, bool]]:
    """Yield each of some rows to be clicked, and whether that is measured.

    The first turn over the rows warms up; the second is measured with another sample, so that no chart is kept.
    """
    for sample in (0, 1):
        if sample:
            page.bring_to_front()
            choose_sample(page, sample)
        for row in [*range(1, _ROWS_IN_SIGHT), 0]:
            yield rows.nth(row), bool(sample)


def open_model(page: Page, address: str, path: Path) -> Locator:
    """Open a model file in the app, and return the rows of its ReLU layers in the list.

    Args:
        page: The page of the browser.
        address: Address of the server.
        path: The model file.
    """
    page.goto(f"{address}/?path={path}")
    page.get_by_text("How to read it").wait_for(timeout=90_000)
    # What is searched for stands in the list one by one; without that, blocks of layers are folded.
    search = page.get_by_placeholder("Search layers")
    search.fill("relu")
    search.press("Enter")
    page.wait_for_timeout(1500)
    return page.get_by_role("treeitem")


def choose_sample(page: Page, sample: int) -> None:
    """Go to another sample, and wait until the page has come to rest."""
    number = page.locator(".st-key-sample input")
    before = wait_until_painted(page)["source"]
    number.fill(str(sample))
    number.press("Enter")
    wait_until_painted(page, before)
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    main()
