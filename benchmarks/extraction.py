"""Every layer's answer against the plain compiled forward pass: time, first call and memory, in one run.

``python -m benchmarks.extraction``. The ways are measured in turn and their medians compared; ``--rounds`` and
``--models`` make it shorter. Memory is measured in a fresh process per case, from the first call on.
"""

from __future__ import annotations

import argparse
import gc
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

from benchmarks.extraction_cases import (
    BATCHES,
    MODELS,
    Case,
    all_layers,
    keract,
    keract_refusal,
    plain_pass,
    tutorial_layer,
)
from benchmarks.processes import held
from benchmarks.turns import measure_in_turn

EXTRACTION_GOAL: Final = 1.3
FIRST_CALL_GOAL: Final = 1.5
MEMORY_GOAL: Final = 1.3
# Small models go round more often than asked for, until this much time has gone: their medians need it.
SECONDS_PER_CASE: Final = 3.0
FIRST_CALL_ROUNDS: Final = 3
# The tutorials compile a model per layer, which takes minutes for one case: these many are measured, and scaled.
TUTORIAL_LAYERS: Final = 4

Way = Callable[[], Any]


@dataclass(frozen=True)
class Speed:
    """Seconds of a pass once everything is compiled; NaN where a way does not run.

    ``runs_first`` and ``runs_second`` count how often Python ran the model, to trace it or eagerly, in the first and in
    the second extraction.
    """

    layer_count: int
    runs_first: int
    runs_second: int
    plain: float
    ours: float
    tutorial: float
    tutorial_first: float
    keract: float


@dataclass(frozen=True)
class FirstCall:
    """Seconds of the first call on a model object that was never called."""

    plain: float
    ours: float


@dataclass(frozen=True)
class Memory:
    """Bytes beyond what the process held before its first call, at the highest; and of the values asked for.

    ``unseen`` is the most that can be missing in both: what the process held beyond the weights after the model was
    built, part of which may have been free for the pass to use.
    """

    plain: int
    ours: int
    activations: int
    unseen: int


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured at least")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), help="which models to measure")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Makes tensorflow.keras, which keract imports, Keras 2; TensorFlow looks once. ``import keras`` stays Keras 3.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    cases = [Case(name, batch) for name in arguments.models for batch in BATCHES]

    # In processes of their own, so they come first: nothing else of this run takes memory beside them.
    memories = [_told(f"memory, {case}", lambda case=case: memory(case)) for case in cases]
    speeds = [_told(f"speed, {case}", lambda case=case: speed(case, arguments.rounds)) for case in cases]
    first_calls = [_told(f"first call, {case}", lambda case=case: first_call(case)) for case in cases]
    print_speed(cases, speeds)
    print_others(cases, speeds, first_calls)
    print_first_calls(cases, speeds, first_calls)
    print_memory(cases, memories)


def speed(case: Case, rounds: int) -> Speed:
    """Measure one model's passes, every way in turn, when all of them are warm."""
    import core

    model = case.model()
    inputs = case.inputs(model)
    plain, extractor = plain_pass(model), core.Extractor(model)
    with _counted_runs(model) as runs:
        layer_count = len(all_layers(extractor, inputs))
        runs_first = runs.call_count
        all_layers(extractor, inputs)
        runs_second = runs.call_count - runs_first
    ways: dict[str, Way] = {"plain": lambda: plain(inputs), "ours": lambda: all_layers(extractor, inputs)}
    if others := keract(case, inputs):
        ways["keract"] = others
    durations = measure_in_turn(ways, rounds, least_seconds=SECONDS_PER_CASE)
    seconds = {name: each.median for name, each in durations.items()}
    tutorial_first, tutorial = _tutorial(model, inputs)
    return Speed(
        layer_count=layer_count,
        runs_first=runs_first,
        runs_second=runs_second,
        plain=seconds["plain"],
        ours=seconds["ours"],
        tutorial=tutorial,
        tutorial_first=tutorial_first,
        keract=seconds.get("keract", math.nan),
    )


@contextmanager
def _counted_runs(model: Any) -> Iterator[mock.Mock]:
    original = type(model).call
    with mock.patch.object(type(model), "call", autospec=True, side_effect=original) as runs:
        yield runs


def timed(way: Way) -> float:
    """Return the seconds that a call takes, what it returns freed again."""
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def _tutorial(model: Any, inputs: Any) -> tuple[float, float]:
    # Seconds for all layers: the first time, when each sub-model is built and compiled, and once more.
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    chosen = [layers[(2 * number + 1) * len(layers) // (2 * TUTORIAL_LAYERS)] for number in range(TUTORIAL_LAYERS)]
    first = again = 0.0
    for layer in chosen:
        started = time.perf_counter()
        submodel = tutorial_layer(model, layer)
        submodel.predict(inputs, verbose=0)
        first += time.perf_counter() - started
        again += timed(lambda submodel=submodel: submodel.predict(inputs, verbose=0))
    scale = len(layers) / len(chosen)
    return first * scale, again * scale


def first_call(case: Case) -> FirstCall:
    """Measure the first call on models that are as fresh as after loading, which way comes first in turn."""
    import core

    def plain(model: Any, inputs: Any) -> Any:
        return plain_pass(model)(inputs)

    def ours(model: Any, inputs: Any) -> Any:
        return all_layers(core.Extractor(model), inputs)

    seconds: dict[Any, list[float]] = {plain: [], ours: []}
    for turn in range(FIRST_CALL_ROUNDS):
        for way in (plain, ours)[:: 1 if turn % 2 else -1]:
            model = case.model()
            inputs = case.inputs(model)
            gc.collect()
            seconds[way].append(timed(lambda way=way, model=model, inputs=inputs: way(model, inputs)))
    return FirstCall(statistics.median(seconds[plain]), statistics.median(seconds[ours]))


def memory(case: Case) -> Memory:
    """Measure the plain pass and the extraction, each in a process of its own."""
    plain, _, unseen_plain = _in_fresh_process(case, False)
    ours, activations, unseen_ours = _in_fresh_process(case, True)
    return Memory(plain, ours, activations, max(unseen_plain, unseen_ours))


def _in_fresh_process(case: Case, extract: bool) -> tuple[int, int, int]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(peak_of_first_call, case, extract).result()


def peak_of_first_call(case: Case, extract: bool) -> tuple[int, int, int]:
    """Return the bytes that the call took at its highest, those of the activations, and those that may be unseen."""
    import keras  # noqa: F401  (what it takes to be there is not the model's)

    import core

    empty = held("VmRSS")
    model = case.lean_model()
    inputs = case.inputs(model)
    gc.collect()
    weights = sum(math.prod(weight.shape) * 4 for weight in model.weights)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is held now
    before = held("VmHWM")
    kept = all_layers(core.Extractor(model), inputs) if extract else plain_pass(model)(inputs)
    peak = held("VmHWM") - before
    activations = sum(activation.values.nbytes for activation in kept.values()) if extract else 0
    return peak, activations, before - empty - weights - inputs.nbytes


def print_speed(cases: Sequence[Case], speeds: Sequence[Speed]) -> None:
    print("\nEvery layer's values against the plain compiled pass, both warm.\n")
    print("| model | batch | layers | plain pass (ms) | all layers (ms) | ratio | goal |")
    print("|---|---|---|---|---|---|---|")
    for case, measured in zip(cases, speeds, strict=True):
        times = f"{measured.plain * 1000:.1f} | {measured.ours * 1000:.1f} | {measured.ours / measured.plain:.2f}"
        print(f"| {case.model_name} | {case.batch} | {measured.layer_count} | {times} | |")
    median = statistics.median(measured.ours / measured.plain for measured in speeds)
    print(f"| median | | | | | {median:.2f} | ≤ {EXTRACTION_GOAL} |")


def print_others(cases: Sequence[Case], speeds: Sequence[Speed], first_calls: Sequence[FirstCall]) -> None:
    print(
        "\nOther ways to all layers against ours. The tutorials' way is a sub-model and `predict` per layer, measured"
    )
    print(
        f"once on {TUTORIAL_LAYERS} layers spread over the model and scaled to all; the first time is compared with our"
    )
    print(f"first call, predicting again with our later ones. {keract_refusal()}")
    print("Its ratio is with the same architecture in Keras 2 (`tf_keras`), where it runs there.\n")
    print("| model | batch | tutorial ÷ ours, first time | tutorial ÷ ours, again | keract ÷ ours, again |")
    print("|---|---|---|---|---|")
    for case, measured, first in zip(cases, speeds, first_calls, strict=True):
        ratios = (
            measured.tutorial_first / first.ours,
            measured.tutorial / measured.ours,
            measured.keract / measured.ours,
        )
        told = ["does not run" if math.isnan(ratio) else f"{ratio:.1f}" for ratio in ratios]
        print(f"| {case.model_name} | {case.batch} | {' | '.join(told)} |")


def print_first_calls(cases: Sequence[Case], speeds: Sequence[Speed], first_calls: Sequence[FirstCall]) -> None:
    print("\nThe first call, tracing included, on models that were never called; and how often Python ran the model to")
    print("trace it, in the first extraction and in a second one of the same shapes.\n")
    print("| model | batch | plain pass (s) | all layers (s) | ratio | goal | traced, first | traced, second | goal |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case, warm, first in zip(cases, speeds, first_calls, strict=True):
        times = f"{first.plain:.2f} | {first.ours:.2f} | {first.ours / first.plain:.2f}"
        traced = f"{warm.runs_first} | {warm.runs_second}"
        print(f"| {case.model_name} | {case.batch} | {times} | ≤ {FIRST_CALL_GOAL} | {traced} | 0 |")
    median = statistics.median(first.ours / first.plain for first in first_calls)
    print(f"| median | | | | {median:.2f} | ≤ {FIRST_CALL_GOAL} | | | |")


def print_memory(cases: Sequence[Case], memories: Sequence[Memory]) -> None:
    print("\nThe most memory that the first call takes, in a fresh process each; the ratio is to the bytes of the")
    print(
        "activations and the plain pass together. Unseen is the most that both can have used of what was free before.\n"
    )
    print("| model | batch | activations (MB) | plain pass (MB) | all layers (MB) | unseen (MB) | ratio | goal |")
    print("|---|---|---|---|---|---|---|---|")
    for case, measured in zip(cases, memories, strict=True):
        bytes_of = (measured.activations, measured.plain, measured.ours, measured.unseen)
        sizes = " | ".join(f"{size / 1e6:.1f}" for size in bytes_of)
        ratio = measured.ours / (measured.activations + measured.plain)
        print(f"| {case.model_name} | {case.batch} | {sizes} | {ratio:.2f} | ≤ {MEMORY_GOAL} |")


def _told(what: str, measure: Callable[[], Any]) -> Any:
    # On the error stream, so that the tables can be piped into a file.
    print(f"{what} …", file=sys.stderr, flush=True)
    return measure()


if __name__ == "__main__":
    main()
