"""The memory and the time that opening a large model file takes, ours and Keras' own.

``python -m benchmarks.loading``. VGG16 with random weights (553 MB), compiled and saved, opened in a process of its own
each time; memory is the most that the process held, less what it held before, in multiples of the weights.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import held

GOAL: Final = 1.5
FORMS: Final = (".keras", ".h5")


def main() -> None:
    """Measure and print the table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print("| file | memory ÷ weights | Keras' own | seconds | Keras' own | goal |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        _alone(saved, folder)
        for form in FORMS:
            path = str(Path(folder) / f"vgg16{form}")
            ours, seconds = _alone(opened, path, True)
            theirs, their_seconds = _alone(opened, path, False)
            row = (form, f"{ours:.2f}", f"{theirs:.2f}", f"{seconds:.1f}", f"{their_seconds:.1f}", f"≤ {GOAL}")
            print(f"| {' | '.join(row)} |", flush=True)


def saved(folder: str) -> None:
    """Make and save the model in each form."""
    import keras

    model = keras.applications.VGG16(weights=None)
    model.compile("sgd", "categorical_crossentropy")
    for form in FORMS:
        model.save(Path(folder) / f"vgg16{form}")


def opened(path: str, is_ours: bool) -> tuple[float, float]:
    """Return the memory that opening takes in multiples of the weights, and the seconds."""
    import keras

    import core

    load = core.load_model if is_ours else keras.saving.load_model
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])  # what is imported once is not the file's
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is held now
    before, started = held("VmHWM"), time.perf_counter()
    model = load(path)
    seconds = time.perf_counter() - started
    return (held("VmHWM") - before) / (4 * model.count_params()), seconds


def _alone(work: Callable[..., Any], *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


if __name__ == "__main__":
    main()
