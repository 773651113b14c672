"""One pass over a dataset: every layer reduced while the samples stream, in memory that does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from core.extraction.dataset.statistics import LayerStatistics
from core.extraction.extractor import Extractor
from core.extraction.known_layers import known_layers
from core.extraction.layers import LayerInfo, input_key, input_layer
from core.extraction.reduction import Reduction, joined_reductions, reduced_input
from core.inputs.datasets import Dataset
from core.inputs.labels import AnswerRule, answered_classes
from core.inputs.structure import arrange

__all__ = ["BATCH_SIZE", "Chunk", "Survey", "chunks_of", "reduce_chunk", "samples_per_chunk", "survey"]

BATCH_SIZE: Final = 8
"""Samples in one pass. All layers are in memory at once while they are reduced; measured, a larger batch is slower."""
_CHUNK_BYTES: Final = 200_000_000
_BYTES_PER_UNIT: Final = 24
_MOST_IN_CHUNK: Final = 512
_DRAWS: Final = 512
"""About how many samples values are drawn from, for correlations."""


@dataclass(frozen=True)
class Chunk:
    """A part of a dataset: the samples ``start`` to ``stop``."""

    number: int
    start: int
    stop: int


@dataclass
class Survey:
    """What all layers answered to a dataset, reduced.

    Attributes:
        layers: The layers by key, in call order; ``"input:name"`` for what went in.
        statistics: By key of the layer, likewise.
        predictions: The class that the model answers to each sample, shape ``(sample,)``; empty if its output is no
            classification.
    """

    layers: dict[str, LayerInfo] = field(default_factory=dict)
    statistics: dict[str, LayerStatistics] = field(default_factory=dict)
    predictions: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def sample_count(self) -> int:
        """How many samples went in so far."""
        return next((each.sample_count for each in self.statistics.values()), 0)

    def merged(self, later: Survey) -> Survey:
        """Return this with the samples that come after, without layers that have other units for these."""
        if not self.statistics:
            return later
        merged = {
            key: statistics.merged(later.statistics[key])
            for key, statistics in self.statistics.items()
            if key in later.statistics and later.statistics[key].unit_count == statistics.unit_count
        }
        layers = {key: layer for key, layer in self.layers.items() if key in merged}
        return Survey(layers, merged, np.concatenate([self.predictions, later.predictions]))


def survey(
    extractor: Extractor,
    dataset: Dataset,
    layers: Collection[str] | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int, int], None] | None = None,
    begun: Survey | None = None,
) -> Survey:
    """Run a dataset through a model and reduce what the layers answer.

    Args:
        extractor: Holds the model.
        dataset: The samples.
        layers: Keys of layers; None takes all.
        batch_size: Samples in one pass.
        progress: Called with how many samples are done, and of how many; what it raises ends the pass.
        begun: A survey of the first chunks, to go on from.

    Raises:
        InputRejected: If a sample cannot be read or does not fit.
        ExtractionFailed: If the model raises.
        KeyError: If there is no such layer.
    """
    surveyed = begun or Survey()
    for chunk in chunks_of(dataset.sample_count, samples_per_chunk(extractor)):
        if chunk.stop <= surveyed.sample_count:
            continue

        def report(done: int, start: int = chunk.start) -> None:
            if progress:
                progress(start + done, dataset.sample_count)

        part = reduce_chunk(
            extractor,
            (dataset.batch(start, min(start + batch_size, chunk.stop)) for start in _starts(chunk, batch_size)),
            chunk.start,
            None if dataset.groups is None else dataset.groups[chunk.start : chunk.stop],
            dataset.group_count,
            draw_every(dataset.sample_count),
            layers,
            report,
            (dataset.answer_rule, dataset.class_names, dataset.judged_output),
        )
        surveyed = surveyed.merged(part)
    return surveyed


def reduce_chunk(  # noqa: PLR0913 - what a process of its own is sent, each a plain value
    extractor: Extractor,
    batches: Iterable[Mapping[str, np.ndarray]],
    first: int,
    groups: np.ndarray | None,
    group_count: int,
    draw_every: int,
    layers: Collection[str] | None = None,
    progress: Callable[[int], None] | None = None,
    classes: tuple[AnswerRule, Sequence[str], int] = ("probabilities", (), 0),
) -> Survey:
    """Return the survey of some samples.

    Args:
        extractor: Holds the model.
        batches: Inputs by name, a few samples at a time.
        first: Number of the first sample.
        groups: Group of each sample, shape ``(sample,)``, or None.
        group_count: How many groups there are.
        draw_every: Values are drawn of every so many samples.
        layers: Keys of layers; None takes all.
        progress: Called with how many of these samples are done.
        classes: How an answer becomes a class, what the classes are called, and which of the outputs tells them.
    """
    reductions: dict[str, list[Reduction]] = {}
    infos: dict[str, LayerInfo] = {}
    predictions: list[np.ndarray] = []
    done = 0
    for batch in batches:
        reduced, answer = extractor.reduce(arrange(extractor.model, batch), layers=layers)
        if layers is None:
            reduced = {**_reduced_inputs(batch), **reduced}
        for key, (layer, reduction) in reduced.items():
            infos[key] = layer
            reductions.setdefault(key, []).append(reduction)
        predicted = answered_classes(answer, *classes)
        if predicted is not None:
            predictions.append(predicted)
        done += len(next(iter(batch.values())))
        if progress:
            progress(done)
    statistics = {
        key: LayerStatistics.of(joined_reductions(parts), first, groups, group_count, draw_every)
        for key, parts in reductions.items()
        if _are_of_the_same_units(parts)
    }
    return Survey(
        {key: infos[key] for key in statistics}, statistics, np.concatenate([*predictions, np.empty(0, np.int64)])
    )


def _are_of_the_same_units(parts: Sequence[Reduction]) -> bool:
    # A layer that compares the samples of a batch answers in another shape to the last one, which may be smaller.
    return len({np.shape(part.total)[1:] for part in parts}) == 1


def _reduced_inputs(batch: Mapping[str, np.ndarray]) -> dict[str, tuple[LayerInfo, Reduction]]:
    numeric = {name: array for name, array in batch.items() if array.dtype.kind in "fiub"}
    layers = {name: replace(input_layer(name, array.shape), key=input_key(name)) for name, array in numeric.items()}
    return {layer.key: (layer, reduced_input(numeric[name])) for name, layer in layers.items()}


def samples_per_chunk(extractor: Extractor) -> int:
    """Return how many samples are reduced before they are merged: the fewer, the more units the model has."""
    units = sum(layer.output_shape[-1] or 1 for layer in known_layers(extractor) if len(layer.output_shape) > 1)
    fitting = _CHUNK_BYTES // max(units * _BYTES_PER_UNIT, 1)
    return max(1, min(fitting, _MOST_IN_CHUNK) // BATCH_SIZE) * BATCH_SIZE


def draw_every(sample_count: int) -> int:
    """Return from every how many samples values are drawn."""
    return max(1, math.ceil(sample_count / _DRAWS))


def chunks_of(sample_count: int, size: int) -> Sequence[Chunk]:
    """Return the parts of a dataset, the same for the same arguments."""
    return [
        Chunk(number, start, min(start + size, sample_count))
        for number, start in enumerate(range(0, sample_count, size))
    ]


def _starts(chunk: Chunk, batch_size: int) -> range:
    return range(chunk.start, chunk.stop, batch_size)
