"""A dataset on 1, 2 and 4 worker processes of a Dask cluster on this machine, and what that says of 100 machines.

``python -m benchmarks.scaling`` takes some minutes. Each worker has one thread, also TensorFlow's, so that it stands
for a machine. Three tables: real passes, which share the cores that there are; parts that take their time without a
core, which show what the engine itself takes when there are more workers than cores; and what follows from that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

WORKERS: Final = (1, 2, 4)
_WAIT_SECONDS: Final = 0.1
_PARTS_PER_WORKER: Final = 20
_SAMPLES: Final = 20_000
_FIRST_PARTS: Final = 8
_MACHINES: Final = 100
_ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
}
GOAL_OF_CORES: Final = 0.8
GOAL_OF_WORKERS: Final = 0.9


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds: int = parser.parse_args().rounds
    os.environ.update(_ONE_THREAD)
    _real_passes(rounds)
    _waiting_parts(rounds)


@contextmanager
def _cluster(workers: int) -> Iterator[str]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running.scheduler_address


def _digits(count: int) -> tuple[Path, Any]:
    import core

    example = core.get_example("digits-cnn")
    inputs, labels = example.samples()
    chosen = np.arange(count) % len(labels)
    return example.model_path, core.ArrayDataset({"image": inputs["image"][chosen]}, labels[chosen])


def _real_passes(rounds: int) -> None:
    import core
    from core.extraction.dataset.engines import engine_at
    from core.extraction.dataset.survey import chunks_of, samples_per_chunk

    model, dataset = _digits(_SAMPLES)
    parts = len(chunks_of(dataset.sample_count, samples_per_chunk(core.Extractor(core.load_model(model)))))

    def seconds_per_part(engine: Any) -> float:
        """Return what a part takes once all are at work, without the start and what is written at the end."""
        ended: list[float] = []
        with tempfile.TemporaryDirectory() as folder:
            core.extract_dataset(
                model,
                dataset,
                Path(folder, "out.zarr"),
                statistics=True,
                engine=engine,
                progress=lambda _done, _count: ended.append(time.perf_counter()),
            )
        return (ended[-1] - ended[_FIRST_PARTS]) / (parts - 1 - _FIRST_PARTS)

    with ExitStack() as clusters:
        addresses = {workers: clusters.enter_context(_cluster(workers)) for workers in WORKERS}
        seconds: dict[int, list[float]] = {0: [], **{workers: [] for workers in WORKERS}}
        for turn in range(rounds + 1):
            for workers, measured in seconds.items():
                took = seconds_per_part(engine_at("dask", addresses[workers]) if workers else None)
                # At first each process imports TensorFlow, loads the model and traces it.
                measured += [took] if turn else []
    cores = os.cpu_count() or 1
    print(
        f"| digits-cnn, statistics of all layers, {parts} parts, {cores} cores | ms a part | times one worker | goal |"
    )
    print("|---|---|---|---|")
    for workers, measured in seconds.items():
        name = f"{workers} worker{'s' * (workers > 1)}" if workers else "this process, without an engine"
        goal = f"{GOAL_OF_CORES * min(workers, cores):g}" if workers > 1 else ""
        ratio = min(seconds[1]) / min(measured)
        print(f"| {name} | {1000 * min(measured):.0f} | {ratio:.2f} | {goal} |", flush=True)


def _waiting_parts(rounds: int) -> None:
    from core.extraction.dataset.engines import engine_at

    model, dataset = _digits(256)
    inputs = dataset.batch(0, 256)

    def run(address: str, parts: int) -> tuple[float, float]:
        engine = engine_at("dask", address)
        started, worked = time.perf_counter(), time.process_time()
        answers = list(engine.map(wait, model, ((inputs, _WAIT_SECONDS) for _ in range(parts))))
        assert len(answers) == parts
        return time.perf_counter() - started, time.process_time() - worked

    size = sum(array.nbytes for array in inputs.values()) / 1000
    print(
        f"\n| parts of {size:.0f} KB that take {_WAIT_SECONDS:g} s without a core | a second, each worker "
        "| of what they could do | goal | a part, on a core here and in the scheduler (ms) |"
    )
    print("|---|---|---|---|---|")
    costs = []
    for workers in WORKERS:
        with _cluster(workers) as address:
            # Each worker imports TensorFlow and loads the model once.
            run(address, 4 * workers)
            measured = [run(address, _PARTS_PER_WORKER * workers) for _ in range(rounds)]
        parts = _PARTS_PER_WORKER * workers
        rate = parts / statistics.median(seconds for seconds, _ in measured) / workers
        costs.append(statistics.median(worked for _, worked in measured) / parts)
        print(
            f"| {workers} | {rate:.1f} | {rate * _WAIT_SECONDS:.2f} | {GOAL_OF_WORKERS if workers > 1 else ''}"
            f" | {1000 * costs[-1]:.1f} |",
            flush=True,
        )
    _print_prediction(costs[-1])


def _print_prediction(cost: float) -> None:
    """Print what follows for many machines: who hands out the parts can hand out so many a second, and no more.

    What is done with the answers here, such as merging statistics, comes on top.
    """
    print(
        f"\n| {_MACHINES} machines, where handing out a part takes {1000 * cost:.1f} ms of one core "
        "| times one machine | machines that it can keep busy |"
    )
    print("|---|---|---|")
    for seconds in (0.1, 0.5, 1.0, 5.0):
        most = seconds / cost
        print(f"| parts that take {seconds:g} s | {min(_MACHINES, most):.0f} | {most:.0f} |")


def wait(_extractor: Any, inputs: dict[str, np.ndarray], seconds: float) -> int:
    """Take some time without a core, as a model on another machine does; return how many samples there are."""
    time.sleep(seconds)
    return len(next(iter(inputs.values())))


if __name__ == "__main__":
    main()
