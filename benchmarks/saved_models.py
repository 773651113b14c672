"""What is inside a SavedModel: every tensor against the plain call, and how long a file is looked at before it opens.

``python -m benchmarks.saved_models [FOLDER …]``. Without a folder MobileNetV2 is exported; a folder is a SavedModel of
one's own. The second table looks at an export of thousands of operations, and at a file made to be slow to read.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

GOAL_OF_VALUES: Final = 1.5
GOAL_OF_READING: Final = 1.0
GOAL_OF_SLOW_FILE: Final = 3.0
ROUNDS: Final = 15
ENTRIES: Final = 30_000_000


def main() -> None:
    """Measure and print both tables."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folders = [Path(argument) for argument in sys.argv[1:]] or [exported(folder / "MobileNetV2")]
        print("| SavedModel | layers | all tensors ÷ plain call | goal |")
        print("|---|---|---|---|")
        for each in folders:
            count, ratio = all_tensors(each)
            print(f"| {each.name} | {count} | {ratio:.2f} | ≤ {GOAL_OF_VALUES} |", flush=True)
        print("\n| looked at | operations | seconds | goal |")
        print("|---|---|---|---|")
        for each in folders:
            operations = operation_count(each)
            seconds = seconds_to_look_at(each)
            goal = GOAL_OF_READING * max(operations / 5000, 1)
            print(f"| {each.name} | {operations:,} | {seconds:.2f} | ≤ {goal:.1f} (1 for each 5,000) |", flush=True)
        slow = made_to_be_slow(folder / "slow")
        print(f"| made to be slow | {ENTRIES:,} entries | {seconds_to_look_at(slow):.2f} | ≤ {GOAL_OF_SLOW_FILE} |")


def exported(folder: Path) -> Path:
    """Export MobileNetV2 with random weights."""
    import keras

    keras.applications.MobileNetV2(weights=None).export(folder, verbose=False)
    return folder


def all_tensors(folder: Path) -> tuple[int, float]:
    """Return how many layers there are, and the time of a pass that keeps them all, in plain calls."""
    import numpy as np
    import tensorflow as tf

    import core

    model = core.load_model(folder)
    plain = next(iter(tf.saved_model.load(str(folder)).signatures.values()))
    draw = np.random.default_rng(0)
    inputs = {tensor.name: draw.random((4, *tensor.shape[1:])).astype(tensor.dtype) for tensor in model.inputs}
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    extractor = core.Extractor(model)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_seconds(lambda: extractor.extract(given)))
        theirs.append(_seconds(lambda: plain(**tensors)))
    return len(extractor.layers), statistics.median(ours[3:]) / statistics.median(theirs[3:])


def operation_count(folder: Path) -> int:
    """Return how many operations a SavedModel holds, in its graph and in its functions."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    (graph,) = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    library = graph.graph_def.library.function
    return len(graph.graph_def.node) + sum(len(function.node_def) for function in library)


def seconds_to_look_at(folder: Path) -> float:
    """Return how long a SavedModel is looked at, whether it is accepted or refused."""
    from core.errors import ModelRefused
    from core.models.inspection import inspect_model

    def look() -> None:
        try:
            inspect_model(folder)
        except ModelRefused as refusal:
            print(f"<!-- {refusal} -->")

    return min(_seconds(look) for _ in range(2))


def made_to_be_slow(folder: Path) -> Path:
    """Write a SavedModel whose only constant has an entry of two bytes millions of times."""
    folder.mkdir()
    entries = b"\x38\x01" * ENTRIES
    tensor = _message(8, b"\x08\x03" + entries)
    attribute = _message(5, _message(1, b"value") + _message(2, tensor))
    node = _message(1, _message(1, b"c") + _message(2, b"Const") + attribute)
    (folder / "saved_model.pb").write_bytes(
        b"\x08\x01" + _message(2, _message(2, node) + _message(7, _message(1, b"")))
    )
    return folder


def _message(number: int, content: bytes) -> bytes:
    length, size = b"", len(content)
    while True:
        length += bytes([size & 127 | (128 if size > 127 else 0)])
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + length + content


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
