"""Twenty visitors at once, each with a model of their own, and then visitors who come and go for minutes.

``python -m benchmarks.load`` takes about a quarter of an hour; ``--visitors`` and ``--minutes`` change that. The app
runs as a user starts it, and each visitor is a browser context in one headless Chromium on the same machine, which
takes most of its time. The layers of every model bear its visitor's number, so that somebody else's would be noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.processes import server_memory, server_seconds
from benchmarks.serving import (
    ARGUMENTS,
    CHROMIUM,
    ROOT,
    free_port,
    layer_row,
    start_server,
    stop_server,
    wait_until_it_answers,
)

_LAYERS: Final = 6
_PATIENCE: Final = 300_000
_CLICKS: Final = 6


@dataclass
class Record:
    """What was seen."""

    clicks: list[float] = field(default_factory=list)
    openings: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = [model_of_visitor(Path(folder), number) for number in range(1, given.visitors + 1)]
        port = free_port()
        process = start_server(ROOT / "streamlit_app.py", port)
        try:
            wait_until_it_answers(port)
            asyncio.run(_measure(f"http://127.0.0.1:{port}", process, models, given.minutes))
        finally:
            stop_server(process)


def model_of_visitor(folder: Path, number: int) -> Path:
    """Save a model whose every layer bears its visitor's number, and answers it.

    Args:
        folder: Where to.
        number: The number.
    """
    import keras

    layers = [
        keras.layers.Dense(
            4, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(number), name=name
        )
        for name in (f"layer_{position}_visitor_{number}" for position in range(_LAYERS))
    ]
    path = folder / f"model_{number}.keras"
    keras.Sequential([keras.Input((4,)), *layers]).save(path)
    return path


async def _measure(address: str, process: subprocess.Popen[bytes], models: Sequence[Path], minutes: float) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        await _first_visit(browser, address)
        empty = server_memory(process.pid)
        record = Record()
        peak: list[dict[str, float]] = []
        watching = asyncio.create_task(_watch(process.pid, peak, 1.0))
        started, worked_before = time.monotonic(), server_seconds(process.pid)
        await asyncio.gather(
            *(_visit(browser, address, model, number, record) for number, model in enumerate(models, start=1))
        )
        seconds = time.monotonic() - started
        watching.cancel()
        worked = server_seconds(process.pid) - worked_before
        _print_together(len(models), seconds, worked, record, empty, max(peak, key=lambda each: each["all"]))
        if minutes:
            await _soak(browser, address, process.pid, models, minutes)
        await browser.close()


async def _first_visit(browser: Browser, address: str) -> None:
    page = await browser.new_page()
    await page.goto(address)
    await page.get_by_text("How to read it").wait_for(timeout=_PATIENCE)
    await page.close()


async def _visit(browser: Browser, address: str, model: Path, number: int, record: Record) -> None:
    """One visitor: opens the page, uploads a model, clicks through its layers and looks at what is drawn."""
    context = await browser.new_context(viewport={"width": 1200, "height": 1200})
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE)
    try:
        await page.goto(address)
        await page.get_by_text("How to read it").wait_for()
        started = time.monotonic()
        await page.locator(".st-key-model_popover button").first.click()
        await page.get_by_test_id("stPopoverBody").get_by_role("radio", name="Your file", exact=True).click()
        await page.locator(".st-key-model_file input[type=file]").set_input_files(model)
        await page.get_by_role("heading", name=model.name).wait_for()
        await page.keyboard.press("Escape")
        await _layer_shown(page, re.compile(rf"visitor_{number}$"))
        record.openings.append(time.monotonic() - started)
        for click in range(_CLICKS):
            await _click(page, number, click % _LAYERS, record)
        for kind in ("stException", "stAlertContentError"):
            record.errors += await page.get_by_test_id(kind).all_inner_texts()
    except Exception as error:
        record.errors.append(f"visitor {number}: {str(error).splitlines()[0]}")
    finally:
        await context.close()


async def _click(page: Page, number: int, row: int, record: Record) -> None:
    name = f"layer_{row}_visitor_{number}"
    started = time.monotonic()
    await layer_row(page, name).click()
    try:
        await _layer_shown(page, re.compile(f"^{name}$"), 60_000)
    except Exception:
        record.errors.append(f"visitor {number} clicked {name} and saw nothing")
        return
    record.clicks.append(time.monotonic() - started)
    await page.wait_for_timeout(300)
    shown = " ".join(await page.locator(".st-key-picture_place svg.marks").all_text_contents())
    others = {found for found in re.findall(r"visitor_(\d+)", await page.inner_text("body")) if int(found) != number}
    if others or not shown:
        record.wrong.append(f"visitor {number} saw {others or 'no picture'}")


async def _layer_shown(page: Page, name: re.Pattern[str], timeout: float = _PATIENCE) -> None:
    await page.locator(".st-key-layer_line p > strong").filter(has_text=name).first.wait_for(timeout=timeout)
    await page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=timeout)


async def _soak(browser: Browser, address: str, server: int, models: Sequence[Path], minutes: float) -> None:
    """Let four visitors at a time come, click and leave, again and again."""
    record = Record()
    seen: list[dict[str, float]] = []
    end = time.monotonic() + 60 * minutes
    visits = 0

    async def keep_coming(first: int) -> None:
        nonlocal visits
        number = first
        while time.monotonic() < end:
            await _visit(browser, address, models[number], number + 1, record)
            visits += 1
            number = (number + 4) % len(models)
            if number % 4 != first % 4:
                number = first

    watching = asyncio.create_task(_watch(server, seen, 5.0))
    await asyncio.gather(*(keep_coming(first) for first in range(min(4, len(models)))))
    watching.cancel()
    await asyncio.sleep(10)
    left = server_memory(server)
    third = max(1, len(seen) // 3)
    print(f"\n| soak of {minutes:g} minutes: {visits} visits, {len(record.clicks)} clicks | first third | last third |")
    print("|---|---|---|")
    for what in ("page", "fork server", "workers", "all"):
        early, late = (statistics.median(each[what] for each in part) for part in (seen[:third], seen[-third:]))
        print(f"| memory: {what} (MB, median) | {early:.0f} | {late:.0f} |")
    print(f"| errors, wrong pictures | | {len(record.errors)}, {len(record.wrong)} |")
    print(f"| worker processes after all have left (one is kept ready) | | {left['count']:.0f} |")
    for told in (*record.errors[:10], *record.wrong[:10]):
        print("-", told)


async def _watch(server: int, seen: list[dict[str, float]], seconds: float) -> None:
    while True:
        seen.append(server_memory(server))
        await asyncio.sleep(seconds)


def _print_together(
    count: int, seconds: float, worked: float, record: Record, empty: dict[str, float], full: dict[str, Any]
) -> None:
    clicks = sorted(record.clicks) or [0.0]
    print(f"| {count} visitors at once, {os.cpu_count()} cores, the browsers on the same ones | |")
    print("|---|---|")
    print(f"| all have opened a model and clicked through {_CLICKS} layers after | {seconds:.0f} s |")
    opened, median = record.openings or [0.0], statistics.median(clicks)
    print(f"| a model opened: median, slowest | {statistics.median(opened):.1f} s, {max(opened):.1f} s |")
    print(f"| a click answered: median, slowest of {len(clicks)} | {median:.2f} s, {clicks[-1]:.1f} s |")
    print(f"| of that, the server and its workers on a core, per visitor | {worked / count:.1f} s |")
    print(f"| errors | {len(record.errors)} |")
    print(f"| wrong pictures | {len(record.wrong)} |")
    print(f"| memory of page, fork server and one spare worker before | {empty['all']:.0f} MB |")
    print(f"| memory with all visitors ({full['count']:.0f} workers) | {full['all']:.0f} MB |")
    print(f"| memory per visitor | {(full['all'] - empty['all']) / count:.0f} MB |")
    for told in (*record.errors[:10], *record.wrong[:10]):
        print("-", told)


if __name__ == "__main__":
    main()
