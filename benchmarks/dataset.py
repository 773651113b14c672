"""A pass over a dataset against the plain compiled forward pass over the same batches, and its peak memory, in one run.

``python -m benchmarks.dataset``. MobileNetV2 with random weights at 224×224, batches of 8; the ways are measured in
turn and their medians compared. Memory is that of a fresh process for each number of samples. ``--engines ADDRESS``
compares one process with a Dask cluster that is there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.processes import held
from benchmarks.turns import measure_in_turn

ROUNDS: Final = 5
SAMPLES: Final = 184
BATCH: Final = 8
ONE_LAYER: Final = "block_6_expand_relu"
SMALL: Final = (1_000, 100_000)
ONE_GOAL: Final = 1.2
ALL_GOAL: Final = 1.8


class Repeated:
    """A dataset of any size that takes no memory: the same few samples again and again."""

    def __init__(self, name: str, samples: np.ndarray, count: int) -> None:
        self._name, self._samples, self.sample_count = name, samples, count
        self.labels = np.arange(count) % 10
        self.class_names = tuple(map(str, range(10)))
        self.groups, self.group_names, self.group_count = self.labels, self.class_names, 10
        self.targets, self.answer_rule, self.judged_output = None, "largest", 0
        self.identity = f"{name} {count}"

    def batch(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return some samples."""
        return {self._name: self._samples[np.arange(start, stop) % len(self._samples)]}


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--engines", default="", metavar="ADDRESS", help="of a Dask scheduler")
    given = parser.parse_args()
    if given.engines:
        _engines(given.engines, given.rounds)
        return
    _memory()
    _speed(given.rounds)


def _speed(rounds: int) -> None:
    import keras
    import tensorflow as tf

    from core.extraction.dataset.survey import survey
    from core.extraction.extractor import Extractor

    model = keras.applications.MobileNetV2(weights=None)
    samples = np.random.default_rng(0).random((BATCH, 224, 224, 3), dtype=np.float32)
    dataset: Any = Repeated(model.inputs[0].name, samples, SAMPLES)
    signature = tf.TensorSpec((None, 224, 224, 3), tf.float32)
    plain = tf.function(lambda batch: model(batch, training=False), autograph=False).get_concrete_function(signature)
    extractor = Extractor(model)

    def plain_pass() -> None:
        for start in range(0, SAMPLES, BATCH):
            plain(tf.convert_to_tensor(dataset.batch(start, start + BATCH)[model.inputs[0].name])).numpy()

    def one_layer() -> None:
        for start in range(0, SAMPLES, BATCH):
            found = extractor.extract(dataset.batch(start, start + BATCH)[model.inputs[0].name], layers=[ONE_LAYER])
            assert found[ONE_LAYER].values.size

    ways: dict[str, Callable[[], Any]] = {
        "plain pass": plain_pass,
        "one layer, its values": one_layer,
        "one layer, reduced": lambda: survey(extractor, dataset, [ONE_LAYER], batch_size=BATCH),
        "all layers, reduced": lambda: survey(extractor, dataset, batch_size=BATCH),
    }
    durations = measure_in_turn(ways, rounds)
    plain = durations["plain pass"]
    print(
        f"| MobileNetV2, {SAMPLES} samples, batches of {BATCH} | seconds | ÷ plain pass | processor, ÷ plain | goal |"
    )
    print("|---|---|---|---|---|")
    goals = {"one layer, its values": ONE_GOAL, "one layer, reduced": ONE_GOAL, "all layers, reduced": ALL_GOAL}
    for name, each in durations.items():
        ratios = f"{each.median / plain.median:.2f} | {each.processor_median / plain.processor_median:.2f}"
        print(f"| {name} | {each.median:.2f} | {ratios} | {goals.get(name, '')} |", flush=True)


def _memory() -> None:
    print("\n| samples, all layers of a small convolutional network reduced | peak memory (MB) | over the smallest |")
    print("|---|---|---|")
    first = 0.0
    for count in SMALL:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            peak = pool.submit(_peak_of, count).result()
        first = first or peak
        print(f"| {count:,} | {peak:,.0f} | {peak / first:.2f} |", flush=True)


def _peak_of(count: int) -> float:
    import core

    example = core.get_example("digits-cnn")
    inputs, _ = example.samples()
    name, samples = next(iter(inputs.items()))
    dataset: Any = Repeated(name, samples, count)
    core.survey(core.Extractor(core.load_model(example.model_path)), dataset)
    return held("VmHWM") / 1e6


def _engines(address: str, rounds: int) -> None:
    import core
    from core.extraction.dataset.engines import engine_at

    example = core.get_example("digits-cnn")
    inputs, _ = example.samples()
    name, samples = next(iter(inputs.items()))
    dataset: Any = Repeated(name, samples, 20_000)

    def run(engine: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            core.extract_dataset(example.model_path, dataset, Path(folder, "out.zarr"), statistics=True, engine=engine)

    durations = measure_in_turn(
        {"one process": lambda: run(None), "Dask": lambda: run(engine_at("dask", address))}, rounds
    )
    print("| digits-cnn, 20,000 samples, statistics of all layers | seconds |\n|---|---|")
    for name, each in durations.items():
        print(f"| {name} | {each.median:.2f} |")


if __name__ == "__main__":
    main()
