"""Visitors who come at once, without a browser: what each costs the server, until the first picture is sent.

``python -m benchmarks.visits`` takes two minutes; ``--visitors`` changes how many there are. The app runs as a user
starts it. Visitors speak to it as its page does (:mod:`benchmarks.visitors`), so that what is measured is the server
alone: the processor time of the page's process, the fork server and all workers. ``benchmarks.load`` has browsers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.load import model_of_visitor
from benchmarks.processes import fork_servers_and_workers, server_memory, server_seconds
from benchmarks.serving import ROOT, free_port, start_server, stop_server, wait_until_it_answers
from benchmarks.visitors import Visitor

GOAL: Final = 0.5
_SETTLING_SECONDS: Final = 6.0
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Kind:
    """What all visitors do.

    Attributes:
        name: In words.
        query: What stands in the address that they open.
        uploads: The file that each of them drops; empty for nobody.
        clicks: On how many layers each clicks afterwards.
    """

    name: str
    query: str = ""
    uploads: Sequence[Path] = ()
    clicks: int = 0


@dataclass
class Seen:
    """What was seen of the visits."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory: float = 0.0
    workers: int = 0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    count: int = parser.parse_args().visitors
    with tempfile.TemporaryDirectory() as folder:
        models = [model_of_visitor(Path(folder), number) for number in range(1, count + 1)]
        port = free_port()
        process = start_server(ROOT / "streamlit_app.py", port)
        try:
            wait_until_it_answers(port)
            asyncio.run(_measure(port, process.pid, models))
        finally:
            stop_server(process)


async def _measure(port: int, server: int, models: Sequence[Path]) -> None:
    kinds = (
        Kind("the page, with the first example"),
        Kind("a model of their own, dropped", uploads=models),
        Kind("the same, and a click on each of 6 layers", uploads=models, clicks=6),
        Kind("one model, dropped by all", uploads=models[:1] * len(models)),
        Kind("the example vowels-lstm, by its address", query="example=vowels-lstm"),
    )
    # The engine starts with the first, and waits for nobody afterwards.
    for upload in ([], models[:1]):
        await _visit(port, Kind("", uploads=upload), 0, Seen())
        await asyncio.sleep(_SETTLING_SECONDS)
    print(
        f"| {len(models)} visitors at once, {os.cpu_count()} cores | of a core, each (s) | goal | the picture is sent"
        " after: median, slowest (s) | workers | memory of all beyond before, each (MB) | wrong |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind in kinds:
        await _print_kind(port, server, kind, len(models))
        await asyncio.sleep(_SETTLING_SECONDS)


async def _print_kind(port: int, server: int, kind: Kind, count: int) -> None:
    seen = Seen()
    memory, before = server_memory(server)["all"], server_seconds(server)
    watching = asyncio.create_task(_watch(server, seen))
    await asyncio.gather(*(_visit(port, kind, number, seen) for number in range(count)))
    watching.cancel()
    used = (server_seconds(server) - before) / count
    middle, slowest = statistics.median(seen.seconds), max(seen.seconds)
    grown = max(0.0, seen.memory - memory) / count
    print(
        f"| {kind.name} | {used:.2f} | {GOAL if not kind.clicks else ''} | {middle:.1f}, {slowest:.1f} | {seen.workers}"
        f" | {grown:.0f} | {len(seen.wrong)} |",
        flush=True,
    )
    for wrong in seen.wrong[:3]:
        print("-", wrong)


async def _visit(port: int, kind: Kind, number: int, seen: Seen) -> None:
    started = time.monotonic()
    async with Visitor(port, kind.query) as visitor:
        if kind.uploads:
            await visitor.open_file(kind.uploads[number % len(kind.uploads)])
        seen.seconds.append(time.monotonic() - started)
        for click in range(kind.clicks):
            await visitor.choose_layer(visitor.layers[click % len(visitor.layers)])
        names = set(re.findall(r"visitor_(\d+)", json.dumps([visitor.layers, visitor.charts])))
        own = {kind.uploads[number % len(kind.uploads)].stem.rpartition("_")[2]} if kind.uploads else set()
        if visitor.errors or not visitor.charts or names != own:
            seen.wrong.append(f"visitor {number} saw {visitor.errors or names or 'no picture'}")


async def _watch(server: int, seen: Seen) -> None:
    while True:
        seen.memory = max(seen.memory, server_memory(server)["all"])
        seen.workers = max(seen.workers, len(fork_servers_and_workers(server)[1]))
        await asyncio.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
