"""What layers answer to a dataset, or what is left of it after reducing, written to disk as Zarr while it comes.

A part that is written is written for good: a run that was ended half way goes on after the last one. One array per
layer, a chunk per part; statistics are a group per layer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.common.text import safe_name
from core.errors import InputRejected
from core.extraction.dataset.array_names import array_name
from core.extraction.dataset.engines import Engine, LocalEngine
from core.extraction.dataset.statistics import LayerStatistics
from core.extraction.dataset.stored_results import LEDGER, zarr_library
from core.extraction.dataset.survey import (
    BATCH_SIZE,
    Chunk,
    Survey,
    chunks_of,
    draw_every,
    reduce_chunk,
    samples_per_chunk,
)
from core.extraction.extractor import Extractor, refuse_unknown_layers
from core.extraction.extractors import extractor_of
from core.extraction.known_layers import known_layers
from core.inputs.datasets import Dataset
from core.inputs.labels import AnswerRule
from core.inputs.structure import arrange

__all__ = ["extract_dataset"]

_log = logging.getLogger("layerscope")
_CHECKPOINT: Final = ".checkpoint.npz"
_CHECKPOINT_SECONDS: Final = 2.0
_CHUNK_BYTES: Final = 64_000_000
_MOST_IN_CHUNK: Final = 256
_SEPARATOR: Final = "|"


def extract_dataset(
    model: Any,
    dataset: Dataset,
    output: str | os.PathLike[str],
    *,
    layers: Collection[str] | None = None,
    statistics: bool = False,
    batch_size: int = BATCH_SIZE,
    engine: Engine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Run a dataset through a model and write what the layers answer as a Zarr group.

    ``zarr.open_group(output)[core.array_name(key)]`` is then the array of a layer, shape ``(sample, …)``, with the
    names of its axes. Of statistics there is a group per layer, see :func:`core.read_statistics`. Beside them are the
    ``labels`` if they are known, numbers of the model's classes, -1 where a label is none of them; ``groups`` in their
    place where no label is known to be a class of the model, or ``targets`` where they are true values; and, with
    statistics, the ``predictions``. The names of classes and groups are an attribute of their arrays.

    Args:
        model: A Keras model, an :class:`Extractor`, or a model file as path or content.
        dataset: The samples.
        output: Folder of the Zarr group. One that was begun with the same arguments is gone on with.
        layers: Keys of layers; None takes all whose answers have a known size, without those that answer in another
            shape to some samples.
        statistics: Whether to write :class:`LayerStatistics` instead of all values.
        batch_size: Samples in one pass.
        engine: Where the work is done; by default in this process.
        progress: Called with how many samples are written, and of how many.

    Returns:
        The folder.

    Raises:
        InputRejected: If the folder holds something else, a sample does not fit, or Zarr is not installed.
        ExtractionFailed: If the model raises.
        KeyError: If there is no such layer.
    """
    folder = Path(output)
    extractor = extractor_of(model)
    engine = engine or LocalEngine()
    keys = sorted(layers) if layers is not None else None
    size = samples_per_chunk(extractor) if statistics else _samples_that_fit(extractor, dataset, keys)
    settings = {
        "sample_count": dataset.sample_count,
        "identity": dataset.identity,
        "model": _identity_of(extractor.model),
        "choice of layers": keys,
        "statistics": statistics,
        "chunk": size,
        "batch_size": batch_size,
    }
    if keys is not None and (known := known_layers(extractor)):
        # Before anything is written.
        refuse_unknown_layers(frozenset(keys), known)
    run = _DatasetRun(
        folder=folder,
        ledger=_Ledger(folder, settings),
        engine=engine,
        # This process needs the model too: for its layers, and to compile nothing twice where it does the work.
        model=extractor if isinstance(engine, LocalEngine) else model,
        dataset=dataset,
        chunks=chunks_of(dataset.sample_count, size),
        layers=keys,
        batch_size=batch_size,
        progress=progress,
    )
    if statistics:
        _write_statistics(run)
    else:
        _write_activations(run)
    _write_labels(run.ledger.group, dataset)
    return folder


class _Ledger:
    """Says in the attributes of the group what is done there, and for what; Zarr writes them in one piece."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        zarr = zarr_library()
        if folder.exists() and not (folder / "zarr.json").is_file() and any(folder.iterdir()):
            raise _written_by_others(folder)
        self.group = zarr.open_group(folder, mode="a")
        self._written: dict[str, Any] = dict(self.group.attrs.get(LEDGER, {}))
        if not self._written:
            if any(True for _ in self.group.members()):
                raise _written_by_others(folder)
            self.note(**settings, done=0)
            return
        differing = [
            name for name, value in settings.items() if self._written.get(name) != json.loads(json.dumps(value))
        ]
        if differing:
            raise InputRejected(
                f"{safe_name(folder.name)} was begun with another {differing[0].replace('_', ' ')}.",
                remedy="Name another folder, or delete this one.",
            )

    @property
    def done(self) -> int:
        """How many parts are written."""
        return int(self._written["done"])

    @property
    def is_finished(self) -> bool:
        """Whether the statistics of all parts are written."""
        return "layers" in self._written

    def note(self, **entries: Any) -> None:
        """Write down what is done."""
        self._written |= entries
        self.group.attrs[LEDGER] = self._written


@dataclass(frozen=True)
class _DatasetRun:
    """A dataset on its way through a model into a folder.

    Attributes:
        folder: Of the Zarr group.
        ledger: Says what is written there already.
        engine: Where the work is done.
        model: What the engine makes its extractor of.
        dataset: The samples.
        chunks: All parts of the dataset, those that are written already too.
        layers: Keys of layers, sorted; None for all.
        batch_size: Samples in one pass.
        progress: Called with how many samples are written, and of how many.
    """

    folder: Path
    ledger: _Ledger
    engine: Engine
    model: Any
    dataset: Dataset
    chunks: Sequence[Chunk]
    layers: list[str] | None
    batch_size: int
    progress: Callable[[int, int], None] | None

    def report(self, chunk: Chunk) -> None:
        """Tell that the samples up to the end of a part are through."""
        if self.progress:
            self.progress(chunk.stop, self.dataset.sample_count)


def _written_by_others(folder: Path) -> InputRejected:
    return InputRejected(
        f"{safe_name(folder.name)} is there and was not written by this command.", remedy="Name another folder."
    )


def _write_labels(group: Any, dataset: Dataset) -> None:
    for name, numbers, names in (
        ("labels", dataset.labels, dataset.class_names),
        ("groups", dataset.groups if dataset.labels is None else None, dataset.group_names),
        ("targets", dataset.targets, ()),
    ):
        if numbers is not None and name not in group:
            attributes = {"names": list(names)} if names else None
            group.create_array(name, data=np.asarray(numbers), attributes=attributes)


def _write_activations(run: _DatasetRun) -> None:
    group, remaining = run.ledger.group, run.chunks[run.ledger.done :]
    parts = ((run.dataset.batch(chunk.start, chunk.stop), run.layers, run.batch_size) for chunk in remaining)
    for chunk, activations in zip(remaining, run.engine.map(_extract_values, run.model, parts), strict=True):
        if chunk.number:
            _leave_out_what_changed(group, activations, chunk, is_named=run.layers is not None)
        for key, (axes, values) in activations.items():
            name = array_name(key)
            if name not in group:
                if chunk.number:
                    continue
                group.create_array(
                    name,
                    shape=(run.dataset.sample_count, *values.shape[1:]),
                    chunks=(chunk.stop - chunk.start, *values.shape[1:]),
                    dtype=values.dtype,
                    dimension_names=axes,
                    attributes={"key": key},
                )
            group[name][chunk.start : chunk.stop] = values
        run.ledger.note(done=chunk.number + 1)
        run.report(chunk)


def _leave_out_what_changed(
    group: Any, activations: dict[str, tuple[tuple[str, ...], np.ndarray]], chunk: Chunk, *, is_named: bool
) -> None:
    """Take away what is written of layers that answer in another shape from here on: half would be taken for all."""
    for name in group.array_keys():
        key = group[name].attrs.get("key")
        if not key or (key in activations and activations[key][1].shape[1:] == group[name].shape[1:]):
            continue
        if is_named:
            raise InputRejected(
                f"{safe_name(key)} answers in another shape from sample {chunk.start} on.",
                remedy="Pad the samples to one length, or name other layers.",
            )
        del group[name]
        _log.warning("%s answers in another shape from sample %d on: left out", safe_name(key), chunk.start)


def _extract_values(
    extractor: Extractor, inputs: dict[str, np.ndarray], layers: list[str] | None, batch_size: int
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    activations = extractor.extract(arrange(extractor.model, inputs), layers=layers, batch_size=batch_size)
    return {
        key: (activation.axes, np.asarray(activation.values))
        for key, activation in activations.items()
        if activation.is_numeric
    }


def _write_statistics(run: _DatasetRun) -> None:
    if run.ledger.is_finished:
        return
    group, checkpoint = run.ledger.group, run.folder.with_name(f"{run.folder.name}{_CHECKPOINT}")
    survey = _read_checkpoint(checkpoint) if checkpoint.is_file() else Survey()
    remaining = [chunk for chunk in run.chunks if chunk.start >= survey.sample_count]
    parts = ((_reduction_of(run, chunk),) for chunk in remaining)
    written_at = time.monotonic()
    for chunk, part in zip(remaining, run.engine.map(_reduce, run.model, parts), strict=True):
        survey = survey.merged(part)
        if time.monotonic() - written_at >= _CHECKPOINT_SECONDS:
            _write_checkpoint(checkpoint, survey)
            written_at = time.monotonic()
        run.report(chunk)
    for key, statistics in survey.statistics.items():
        inner = group.require_group(array_name(key))
        for name, values in statistics.to_arrays().items():
            inner.create_array(name, data=np.asarray(values), overwrite=True)
    if len(survey.predictions):
        group.create_array("predictions", data=survey.predictions, overwrite=True)
    run.ledger.note(done=len(run.chunks), layers=list(survey.statistics))
    checkpoint.unlink(missing_ok=True)


@dataclass(frozen=True)
class _ChunkReduction:
    """Samples that are all here, and how they are to be reduced: what travels to a worker.

    Attributes:
        inputs: By name; the first axis is the sample.
        batch_size: Samples in one pass.
        first: Number of the first sample in the dataset.
        groups: Group of each sample, shape ``(sample,)``, or None.
        group_count: How many groups the dataset has.
        draw_every: Values are drawn of every so many samples.
        layers: Keys of layers; None for all.
        answer_rule: How an answer becomes a class.
        class_names: What the classes are called.
        judged_output: Which of the outputs tells the classes.
    """

    inputs: dict[str, np.ndarray]
    batch_size: int
    first: int
    groups: np.ndarray | None
    group_count: int
    draw_every: int
    layers: list[str] | None
    answer_rule: AnswerRule
    class_names: tuple[str, ...]
    judged_output: int

    def batches(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield the inputs of one pass after another."""
        sample_count = len(next(iter(self.inputs.values())))
        for start in range(0, sample_count, self.batch_size):
            yield {name: array[start : start + self.batch_size] for name, array in self.inputs.items()}


def _reduction_of(run: _DatasetRun, chunk: Chunk) -> _ChunkReduction:
    dataset = run.dataset
    return _ChunkReduction(
        inputs=dataset.batch(chunk.start, chunk.stop),
        batch_size=run.batch_size,
        first=chunk.start,
        groups=None if dataset.groups is None else dataset.groups[chunk.start : chunk.stop],
        group_count=dataset.group_count,
        draw_every=draw_every(dataset.sample_count),
        layers=run.layers,
        answer_rule=dataset.answer_rule,
        class_names=dataset.class_names,
        judged_output=dataset.judged_output,
    )


def _reduce(extractor: Extractor, reduction: _ChunkReduction) -> Survey:
    return reduce_chunk(
        extractor,
        reduction.batches(),
        reduction.first,
        reduction.groups,
        reduction.group_count,
        reduction.draw_every,
        reduction.layers,
        classes=(reduction.answer_rule, reduction.class_names, reduction.judged_output),
    )


def _write_checkpoint(path: Path, survey: Survey) -> None:
    arrays: dict[str, Any] = {
        f"{key}{_SEPARATOR}{name}": np.asarray(values)
        for key, statistics in survey.statistics.items()
        for name, values in statistics.to_arrays().items()
    }
    arrays[_SEPARATOR] = survey.predictions
    # Whoever looks finds it as it was or whole, whenever this is ended.
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as stream:
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def _read_checkpoint(path: Path) -> Survey:
    parts: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path, allow_pickle=False) as archive:
        for name in archive:
            key, _, part = name.rpartition(_SEPARATOR)
            if part:
                parts.setdefault(key, {})[part] = archive[name]
        predictions = archive[_SEPARATOR]
    statistics = {key: LayerStatistics.from_arrays(arrays) for key, arrays in parts.items()}
    return Survey({}, statistics, predictions)


def _identity_of(model: Any) -> str:
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(weight.path.encode() + np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _samples_that_fit(extractor: Extractor, dataset: Dataset, layers: list[str] | None) -> int:
    sizes = extractor.cost(arrange(extractor.model, dataset.batch(0, 1)))
    known = [size or 0 for key, size in sizes.items() if layers is None or key in layers]
    return max(1, min(_CHUNK_BYTES // max(sum(known), 1), _MOST_IN_CHUNK, dataset.sample_count))
