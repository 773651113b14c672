"""What of the time of an extraction is TensorFlow's: ways to all layers beside the plain pass, in one run.

``python -m benchmarks.extraction_floor``. The ways are measured in turn; ratios are of medians of processor time, which
other work on the machine changes less than the clock.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, Final

from benchmarks.extraction_cases import MODELS, Case, all_layers, plain_pass
from benchmarks.turns import measure_in_turn

GOALS: Final = {"all layers": "≤ 1.25", "one layer alone": "≤ 1.03"}
DEFAULT_MODELS: Final = ("MobileNetV2", "ResNet50", "LSTM", "Transformer")
ROUNDS: Final = 40


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(DEFAULT_MODELS))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--xla", action="store_true", help="compile with XLA too, which takes long")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print("| model | batch | way | processor time (ms) | ÷ plain pass | by the clock, fastest | goal |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.models:
        report(Case(name, arguments.batch), arguments.rounds, arguments.xla)


def report(case: Case, rounds: int, with_xla: bool) -> None:
    """Print the rows of one model."""
    durations = measure_in_turn(ways_of(case, with_xla), rounds, warm_ups=2)
    plain = durations["plain pass"]
    for way, each in durations.items():
        processor = each.processor_median
        ratio = processor / plain.processor_median
        ratios = f"{processor * 1000:.1f} | {ratio:.2f} | {min(each.clock) / min(plain.clock):.2f}"
        print(f"| {case.model_name} | {case.batch} | {way} | {ratios} | {GOALS.get(way, '')} |", flush=True)


def ways_of(case: Case, with_xla: bool) -> dict[str, Callable[[], Any]]:
    """Return the ways by name."""
    import keras
    import tensorflow as tf

    import core

    model = case.model()
    inputs = case.inputs(model)
    extractor = core.Extractor(model)
    middle = list(extractor.extract(inputs))[len(extractor.layers) // 2]
    everything = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    signature = [tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32)]

    def graph(of: Any, **options: Any) -> Callable[[], Any]:
        compiled = tf.function(lambda tensor: of(tensor, training=False), autograph=False, **options)
        return lambda: compiled(tf.constant(inputs))

    plain = plain_pass(model)
    ways: dict[str, Callable[[], Any]] = {
        "plain pass": lambda: plain(inputs),
        "a graph that returns all layers, not looked at": graph(everything, input_signature=signature),
        "all layers": lambda: all_layers(extractor, inputs),
        "one layer alone": lambda: extractor.extract(inputs, layers=[middle])[middle].values,
    }
    if with_xla:
        ways["plain pass, by XLA"] = graph(model, jit_compile=True)
        ways["a graph that returns all layers, by XLA"] = graph(everything, jit_compile=True)
    return ways


if __name__ == "__main__":
    main()
