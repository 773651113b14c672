"""The memory that drawing a very large layer takes beyond the layer itself.

``python -m benchmarks.large_layer``. One convolution answers 1.6 GB to one sample. Each step runs in a process of its
own, after the layer was recorded; what is told is the most that the process held during it, less what it held before.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.processes import held

SIDE: Final = 2_048
CHANNELS: Final = 96
GOAL: Final = 0.15
"""Of the layer's own bytes, and ``CONSTANT``."""
CONSTANT: Final = 200_000_000
PICTURES: Final = ("feature-maps", "rgb-composite", "histogram", "statistics")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_layer", description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=SIDE, help="of the layer's maps, in pixels")
    side = parser.parse_args().side
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print("| step | layer (MB) | beyond it (MB) | seconds | goal (MB) |")
    print("|---|---|---|---|---|")
    for step in ("table row", *PICTURES):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            layer, beyond, seconds = process.submit(measured, step, side).result()
        goal = (GOAL * layer + CONSTANT) / 1e6
        print(f"| {step} | {layer / 1e6:,.0f} | {beyond / 1e6:,.0f} | {seconds:.1f} | ≤ {goal:,.0f} |", flush=True)


def measured(step: str, side: int) -> tuple[int, int, float]:
    """Return the bytes of the layer, the bytes beyond them at the highest, and the seconds that the step took."""
    import keras

    import core
    from core.workspace.layer_table import layer_row

    given = keras.Input((side, side, 1))
    model = keras.Model(given, keras.layers.Conv2D(CHANNELS, 1, activation="relu", name="large")(given))
    activation = core.extract(model, np.random.default_rng(0).random((1, side, side, 1), dtype=np.float32))["large"]
    registry = core.get_registry()
    small = core.extract(keras.Sequential([keras.layers.Conv2D(3, 2)]), np.ones((1, 8, 8, 1), np.float32)).at(-1)

    def draw(what: Any) -> None:
        if step == "table row":
            layer_row(what.layer, 1, what, 0)
        else:
            registry.draw(step, what)

    draw(small)  # what is imported once is not the layer's
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is held now
    before = held("VmHWM")
    seconds = _seconds(lambda: draw(activation))
    return activation.byte_count, held("VmHWM") - before, seconds


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
