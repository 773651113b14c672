"""From an edit of a sample to the answer and every layer's change on the screen: all examples, and MobileNetV2.

``python -m benchmarks.edit``. The app runs as a user starts it. In Chromium a stroke is drawn by a key, a stretch is
set by a button, a word and a slider are changed by keys, until the list of layers says the new changes. Beside it what
the engine alone takes, in its own process. ``--only NAME`` measures one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from playwright.sync_api import Page

from benchmarks.serving import ROOT, browser_page, server
from core.examples.catalogue import list_examples
from core.inputs.edits import ClampEdit, Edit, FeatureEdit, RectangleEdit, StretchEdit, WordEdit
from core.workspace.edit_results import EditableInput
from core.workspace.workspace import Workspace

GOAL: Final = 0.3
LARGE_GOAL: Final = 1.0
LARGE: Final = "MobileNetV2"
_TIMES: Final = 6
# What the list of layers says of each, and the answer.
_SAID: Final = """
() => [...document.querySelectorAll('.st-key-layer_rows *')].flatMap(each => each.shadowRoot
    ? [...each.shadowRoot.querySelectorAll('[role=treeitem]')] : each.role === 'treeitem' ? [each] : [])
    .map(each => each.ariaLabel).join('|')
"""
_UNTIL_SAID: Final = """
(before) => new Promise((resolve, reject) => {
  const said = %s, started = performance.now();
  const look = () => {
    if (said() && said() !== before) requestAnimationFrame(() => requestAnimationFrame(
        () => resolve((performance.now() - window.edited) / 1000)));
    else if (performance.now() - started > 30000) reject(new Error('no layer moved'));
    else requestAnimationFrame(look);
  };
  look();
})
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="name of one example, or MobileNetV2")
    only = parser.parse_args().only
    print("| an edit until every layer says its change | by | engine (s) | on the screen (s) | slowest (s) | goal |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, server(ROOT / "streamlit_app.py") as address:
        for name in [*(example.name for example in list_examples()), LARGE]:
            if only in ("", name):
                _print(name, Path(folder), address)


def _print(name: str, folder: Path, address: str) -> None:
    workspace, query = Workspace(), f"example={name}"
    if name == LARGE:
        path = _large_model(folder)
        workspace.open_model(path)
        workspace.take_noise(1, 0)
        query = f"path={path}"
    else:
        workspace.open_example(name)
    tool = workspace.edit_view(0, ()).inputs[0].tool
    engine = _engine(workspace)
    with browser_page() as page:
        page.goto(f"{address}/edit?{query}")
        page.locator(".st-key-edit_verdict").wait_for(timeout=180_000)
        page.wait_for_timeout(3000)
        seconds = [_measured(page, act) for act in _acts(page, tool)]
    goal = LARGE_GOAL if name == LARGE else GOAL
    told = f"{statistics.median(engine):.2f} | {statistics.median(seconds):.2f} | {max(seconds):.2f}"
    print(f"| {name} | {tool} | {told} | ≤ {goal} |", flush=True)


def _large_model(folder: Path) -> Path:
    import keras

    path = folder / f"{LARGE}.keras"
    keras.applications.MobileNetV2(weights=None).save(path)
    return path


def _engine(workspace: Workspace) -> list[float]:
    (shown, *_), layers = workspace.edit_view(0, ()).inputs, workspace.layers(0)
    layer = next(row.key for row in layers if row.kind in ("convolution", "dense", "recurrent"))
    seconds = []
    for number in range(_TIMES + 1):
        edits = (_edit(shown, number), ClampEdit(layer, 0, number / 10))
        started = time.perf_counter()
        workspace.edit_view(0, edits)
        seconds.append(time.perf_counter() - started)
    # The first one compiles what the others run by.
    return seconds[1:]


def _edit(shown: EditableInput, number: int) -> Edit:
    match shown.tool:
        case "picture":
            return RectangleEdit(shown.name, number, number, number + 2, number + 2, (shown.highs[0],))
        case "features":
            at = int(np.argmax(np.subtract(shown.highs, shown.lows)))
            return FeatureEdit(shown.name, at, shown.highs[at] * (1 + number / 10))
        case "series":
            return StretchEdit(shown.name, number % 4, number % 4 + 2)
    return WordEdit(shown.name, number % len(shown.words), "terrible")


def _acts(page: Page, tool: str) -> Iterator[Callable[[], None]]:
    """Yield what a person does, one step after the other; each begins when the one before it is on the screen."""
    if tool == "picture":
        page.get_by_role("application").first.focus()
        for key in ("Shift+ArrowRight", "Shift+ArrowUp"):
            # To a corner, which is dark on the examples: a light pixel changes it.
            for _ in range(8):
                page.keyboard.press(key)
        for _ in range(_TIMES):
            page.keyboard.press("ArrowDown")
            yield lambda: page.keyboard.press(" ")
    elif tool == "series":
        for number in range(_TIMES):
            label = "Set to its mean" if number % 2 else "Set to zero"
            yield page.get_by_role("button", name=label).click
    elif tool == "features":
        slider = page.locator('[class*="st-key-edit-value"], [class*="st-key-edit/value"]').get_by_role("slider")
        slider = slider.nth(2) if slider.count() > 2 else slider.first
        slider.focus()
        for _ in range(_TIMES):
            yield lambda: page.keyboard.press("PageUp")
    else:
        page.get_by_role("radiogroup", name=re.compile("^Words")).get_by_role("radio").nth(1).click()
        page.wait_for_timeout(1500)
        box = page.get_by_role("textbox", name=re.compile("^Instead of"))
        for number in range(_TIMES):
            box.fill(("terrible", "wonderful", "boring", "fine", "awful", "great")[number])
            yield lambda: page.keyboard.press("Enter")


def _measured(page: Page, act: Callable[[], None]) -> float:
    page.evaluate(
        "window.edited = 0; for (const name of ['keydown', 'pointerdown'])"
        " addEventListener(name, () => { window.edited = performance.now() }, {capture: true, once: true})"
    )
    before = page.evaluate(_SAID)
    act()
    with contextlib.suppress(Exception):
        seconds = float(page.evaluate(_UNTIL_SAID % _SAID, before))
        page.wait_for_timeout(800)
        return seconds
    return float("nan")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
