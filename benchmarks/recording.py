"""A training that is recorded against the same without, in turn: 32 samples every 50 batches.

``python -m benchmarks.recording``. Each round trains the same model for some batches without the callback and with it;
what is compared are the medians, by the clock and of processor time, which other work on the machine moves less. What
is compiled once at the beginning is told apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

ROUNDS: Final = 7
EVERY: Final = 50
WATCHED: Final = 32
GOAL: Final = 1.05


def dense() -> Any:
    import keras

    layers = [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10, activation="softmax")])


def convolutions() -> Any:
    import keras

    layers: list[Any] = [keras.Input((32, 32, 3))]
    for filters in (32, 64, 128):
        layers += [keras.layers.Conv2D(filters, 3, padding="same", use_bias=False), keras.layers.BatchNormalization()]
        layers += [keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])


def mobile_net() -> Any:
    import keras

    return keras.applications.MobileNetV2(input_shape=(96, 96, 3), weights=None, classes=10)


CASES: Final[dict[str, tuple[Callable[[], Any], int]]] = {
    "dense, 64 numbers": (dense, 1_000),
    "three convolutions, 32×32": (convolutions, 200),
    "MobileNetV2, 96×96": (mobile_net, 50),
}
"""The models, and how many batches of 32 a round has."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    arguments = parser.parse_args()
    print(f"goal: {GOAL}")
    print("| model | batch (ms) | beginning (s) | with ÷ without | of processor time | a recorded step (ms) |")
    print("|---|---|---|---|---|---|")
    for name in arguments.cases:
        make, batches = CASES[name]
        print(f"| {name} | {_measured(make(), batches, arguments.rounds)} |", flush=True)


def _measured(model: Any, batches: int, rounds: int) -> str:
    import layerscope

    model.compile("adam", "sparse_categorical_crossentropy")
    random = np.random.default_rng(0)
    inputs = random.random((32 * batches, *model.input_shape[1:]), np.float32)
    labels = random.integers(0, 10, len(inputs))

    with tempfile.TemporaryDirectory() as folder:
        record = layerscope.Record(
            inputs[:WATCHED], labels[:WATCHED], Path(folder) / "run.layerscope", EVERY, weights_every=0
        )

        def seconds(callbacks: list[Any]) -> np.ndarray:
            """Return what a round takes, by the clock and of the processors."""
            begin = np.array([time.perf_counter(), time.process_time()])
            model.fit(inputs, labels, batch_size=32, callbacks=callbacks, verbose=0, shuffle=False)
            return np.array([time.perf_counter(), time.process_time()]) - begin

        seconds([])
        beginning = seconds([record]) - seconds([])
        plain, recorded = [], []
        for _ in range(rounds):
            plain.append(seconds([]))
            recorded.append(seconds([record]))
    without, with_callback = np.median(plain, axis=0), np.median(recorded, axis=0)
    ratios = with_callback / without
    milliseconds = [1000 * without[0] / batches, 1000 * (with_callback - without)[1] * EVERY / batches]
    return f"{milliseconds[0]:.1f} | {beginning[0]:.1f} | {ratios[0]:.3f} | {ratios[1]:.3f} | {milliseconds[1]:.1f}"


if __name__ == "__main__":
    main()
