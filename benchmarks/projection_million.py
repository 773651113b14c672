"""A million samples from a file to a picture: ``python -m benchmarks.projection_million``, in some minutes.

A small model of random weights answers 64 numbers to each. Each step is a process of its own, as who types it starts
it: its time, and the most memory that it holds, TensorFlow and all libraries included. ``--samples`` takes fewer or
more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.serving import ROOT

SAMPLES: Final = 1_000_000
FEATURES: Final = 32
UNITS: Final = 64
CLASSES: Final = 10
LAYER: Final = "hidden"
GOAL_MINUTES: Final = 10
GOAL_MEGABYTES: Final = {"extract": 1500, "PCA": 1000, "t-SNE": 1000, "UMAP": 1000, "picture": 1000}

_PROJECT: Final = """
import sys
import numpy as np
import layerscope
placed = layerscope.project_dataset(sys.argv[1], sys.argv[2], method=sys.argv[3])
np.save(sys.argv[4], placed.points)
trust = "" if placed.trustworthiness is None else f"{placed.trustworthiness:.3f}"
print(trust, placed.landmarks or "")
"""
_DRAW: Final = """
import sys
import numpy as np
import pandas as pd
from vizplugins import raster, scatter
points = scatter.within_reach(np.load(sys.argv[1]))
colours = raster.colours_of(pd.Series(np.load(sys.argv[2]).astype(str)),
                            raster.class_palette(map(str, range(10)), ()))
print(len(raster.points_picture(points, colours, scatter.ROOM)) // 1000, "kB")
"""


def main() -> None:
    """Run all steps and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    count = parser.parse_args().samples
    print(f"| {count:,} × {UNITS} | minutes | of a core | most memory (MB) | goal (MB) | trustworthiness, landmarks |")
    print("|---|---|---|---|---|---|")
    total = 0.0
    with tempfile.TemporaryDirectory() as folder:
        model, samples, labels = _files(Path(folder), count)
        answers = Path(folder) / "answers.zarr"
        extract = ["-m", "layerscope", "extract", str(model), str(samples), "-o", str(answers), "--layer", LAYER]
        total += _step("extract", [*extract, "--batch-size", "256"])
        for method in ("PCA", "UMAP", "t-SNE"):
            points = Path(folder) / f"{method}.npy"
            total += _step(method, ["-c", _PROJECT, str(answers), LAYER, method, str(points)])
        total += _step("picture", ["-c", _DRAW, str(points), str(labels)])
    print(f"\nAll steps: {total:.1f} minutes of a core (goal {GOAL_MINUTES})")


def _files(folder: Path, count: int) -> tuple[Path, Path, Path]:
    """Write a model, samples of classes around centres, and which each belongs to."""
    script = (
        "import sys, keras; keras.utils.set_random_seed(0); layers = keras.layers; "
        f"keras.Sequential([layers.Input(({FEATURES},)), layers.Dense({UNITS}, 'tanh', name='{LAYER}'), "
        f"layers.Dense({CLASSES}, 'softmax', name='classes')]).save(sys.argv[1])"
    )
    model, samples, labels = folder / "model.keras", folder / "samples.npy", folder / "labels.npy"
    subprocess.run([sys.executable, "-c", script, str(model)], check=True, capture_output=True)
    # By a process of its own: what starts another hands on the most memory that it ever held.
    script = f"from benchmarks.projection_million import write_samples; write_samples({str(folder)!r}, {count})"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    return model, samples, labels


def write_samples(folder: str, count: int) -> None:
    """Write samples of classes around centres, and which each belongs to."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((CLASSES, FEATURES))
    belongs = random.integers(0, CLASSES, count)
    around = centres[belongs] + 0.4 * random.standard_normal((count, FEATURES))
    np.save(Path(folder) / "samples.npy", around.astype(np.float32))
    np.save(Path(folder) / "labels.npy", belongs)


def _step(name: str, arguments: list[str]) -> float:
    """Run one process, print what it took, and return its minutes of a core."""
    started = time.perf_counter()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as failed:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdout=told, stderr=failed, env=environment, text=True
        )
        _, status, usage = os.wait4(process.pid, 0)
        minutes = (time.perf_counter() - started) / 60
        told.seek(0)
        failed.seek(0)
        if status:
            raise SystemExit(f"{name} failed: {failed.read()[-2000:]}")
        said = told.read().strip().splitlines()[-1:] if name != "extract" else []
    of_core = (usage.ru_utime + usage.ru_stime) / 60
    print(
        f"| {name} | {minutes:.1f} | {of_core:.1f} | {usage.ru_maxrss / 1000:.0f} "
        f"| {GOAL_MEGABYTES[name]} | {' '.join(said)} |",
        flush=True,
    )
    return of_core


if __name__ == "__main__":
    main()
