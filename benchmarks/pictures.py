"""The best picture of every layer of deep models with shortcuts, in the engine: no page, no worker.

``python -m benchmarks.pictures``. Random weights, one sample of 224×224, all layers kept. A picture is ``sample(0)``,
and the best visualizer's chart through the registry; the table and the map are what a page asks a Workspace for.
Seconds are those of the thread that draws, which nothing else on the machine lengthens.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

MODELS: Final = ("ResNet152", "DenseNet201")
SIDE: Final = 224
ROUNDS: Final = 3
GOAL: Final = 0.3
BUDGET: Final = 4_000_000_000
"""Bytes of activations: all layers of these models are kept."""


class Picture(NamedTuple):
    """The fastest of some rounds: what is slower was the collection of garbage."""

    seconds: float
    layer: str
    visualizer: str


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="of keras.applications")
    parser.add_argument("--every", type=int, default=1, help="draw every so many layers, from the last one back")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each picture is drawn")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    told = []
    print("| model | layers | median (s) | slowest (s) | of which layer | goal |")
    print("|---|---|---|---|---|---|")
    for name in arguments.models:
        model = getattr(keras.applications, name)(weights=None)
        drawn = pictures(model, arguments.rounds, arguments.every)
        median, slowest = statistics.median(each.seconds for each in drawn), max(drawn)
        where = f"{slowest.layer}, {slowest.visualizer}"
        print(f"| {name} | {len(drawn)} | {median:.3f} | {slowest.seconds:.3f} | {where} | ≤ {GOAL} |", flush=True)
        told.append((name, *table_and_map(model)))
    print("\n| model | table of layers (s) | map of layers (s) |")
    print("|---|---|---|")
    for name, table, chart in told:
        print(f"| {name} | {table:.2f} | {chart:.2f} |")


def pictures(model: Any, rounds: int, every: int) -> list[Picture]:
    """Draw layers with what suits each best."""
    import core

    registry, extractor = core.get_registry(), core.Extractor(model)
    inputs = np.random.default_rng(0).random((1, SIDE, SIDE, 3)).astype(np.float32)
    activations = extractor.extract(inputs)

    def draw(activation: Any) -> str:
        activation.sample(0)
        best = registry.publish(activation)[0]
        registry.draw(best.name, activation, extractor=extractor)
        return best.name

    for activation in list(activations.values())[:4]:
        draw(activation)  # what is imported or compiled once
    drawn = []
    for key, activation in list(activations.items())[::-every]:
        best = draw(activation)
        drawn.append(Picture(min(_seconds(lambda: draw(activation)) for _ in range(rounds)), key, best))  # noqa: B023
    return drawn


def table_and_map(model: Any) -> tuple[float, float]:
    """Return the seconds that a Workspace takes for the table of layers and for their map, once they have run."""
    import core

    workspace = core.Workspace(memory_budget=BUDGET)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        workspace.open_model(path)
    workspace.take_noise(1, 0)
    workspace.answer(0)
    return _seconds(lambda: workspace.layers(0)), _seconds(lambda: workspace.map(0, ""))


def _seconds(work: Callable[[], Any]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


if __name__ == "__main__":
    main()
