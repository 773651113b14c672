"""Runs every layer of a menagerie of models again and counts what is reproduced.

``python -m benchmarks.verify``. All of keras.applications at the smallest input, every KerasHub backbone that can be
made tiny, and every kind of model that the tests have, with random weights. ``--groups`` and ``--seconds`` make it
shorter.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.processes import held
from benchmarks.verify_cases import GROUPS, case_names, made

_AT_ONCE = 4


@dataclass(frozen=True)
class Verified:
    """What came of one model.

    Attributes:
        name: Of the model.
        outcomes: How many layers came to what.
        model: What the model itself came to, without recording.
        text: All of it in words; or why it was not run.
        largest: The largest difference of a layer that was reproduced but for rounding.
        seconds: How long verifying took, without making the model and its activations.
        is_made: Whether there was a model.
    """

    name: str
    outcomes: Counter[str]
    model: str
    text: str
    largest: float = 0.0
    seconds: float = 0.0
    is_made: bool = True


def main() -> None:
    """Run the models and print what was reproduced."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify", description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS), help="which models to run")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long a model may take")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = []
    for group in arguments.groups:
        verified = _group(group, arguments.seconds)
        for each in verified:
            if not each.is_made:
                print(f"{group}, {each.name}: {each.text}", flush=True)
        rows.append(_row(group, [each for each in verified if each.is_made]))
    columns = ("models", "layers", "exact", "rounding", "random, stateful", "not checked", "differ", "largest", "model")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    print("\n".join(rows))


def _group(group: str, seconds: float) -> list[Verified]:
    names = case_names(group)
    found: list[Verified] = []
    while len(found) < len(names):
        # Of many large models one process would hold the memory of all.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            for name in names[len(found) : len(found) + _AT_ONCE]:
                found.append(_in_time(process, group, name, seconds))
                if not found[-1].is_made and "seconds" in found[-1].text:
                    break
    return found


def _in_time(process: ProcessPoolExecutor, group: str, name: str, seconds: float) -> Verified:
    try:
        return process.submit(_verified, group, name).result(timeout=seconds)
    except TimeoutError:
        for worker in list(process._processes.values()):
            worker.kill()
        return Verified(name, Counter(), "", f"not done after {seconds:.0f} seconds", is_made=False)
    except BrokenProcessPool:
        return Verified(name, Counter(), "", "its process ended within seconds", is_made=False)


def _verified(group: str, name: str) -> Verified:
    import core

    warnings.simplefilter("ignore")
    try:
        model, inputs = made(group, name)
        activations = core.extract(model, inputs)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        return Verified(name, Counter(), "", f"not made: {reason}", is_made=False)
    started = time.perf_counter()
    found = activations.verify()
    outcomes = Counter(layer.outcome for layer in found.layers)
    close = [layer.difference or 0.0 for layer in found.layers if layer.outcome == "close"]
    seconds = time.perf_counter() - started
    print(f"{group}, {name}: {found.text} {seconds:.1f} s, {held('VmHWM') / 1e9:.1f} GB at most", flush=True)
    return Verified(name, outcomes, found.model.outcome, found.text, max(close, default=0.0), seconds)


def _row(group: str, verified: Sequence[Verified]) -> str:
    total = sum((each.outcomes for each in verified), Counter[str]())
    layers = sum(total.values())
    models = Counter(each.model for each in verified)
    cells = [
        f"{len(verified)} of {group}",
        f"{layers:,}",
        f"{total['exact']:,} ({total['exact'] / max(layers, 1):.1%})",
        f"{total['close']:,}",
        f"{total['random'] + total['stateful']:,}",
        f"{total['not checked']:,}",
        f"{total['differs']:,}",
        f"{max((each.largest for each in verified), default=0.0):.1e}",
        ", ".join(f"{count} {outcome}" for outcome, count in models.most_common()),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
