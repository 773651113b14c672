"""Two models, or two samples, layer by layer: how far their answers lie apart, and how alike their layers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from core.analysis.matching_layers import layers_alike
from core.common.limits import get_limits
from core.errors import InputRejected
from core.extraction.activation import Activation, Activations
from core.extraction.built_models import specs_of_build
from core.extraction.changes import relative_change
from core.extraction.extractor import Extractor
from core.extraction.failures import fixed_sample_count
from core.extraction.layers import answers_classes
from core.extraction.lite_models import is_lite_model
from core.inputs import structure
from core.inputs.datasets import Dataset
from core.inputs.model_inputs import input_specs
from core.inputs.structure import arrange, part_names

__all__ = [
    "NOISE",
    "Comparison",
    "Flip",
    "arranged",
    "check_inputs",
    "cka",
    "compare_models",
    "compare_samples",
    "first_that_differs",
    "largest_change",
    "matched_by_values",
]

NOISE: Final = 1e-6
"""Relative distance up to which two answers count as the same: what rounding alone makes of them."""
_MOST_AT_ONCE: Final = 256
_FEWEST_AT_ONCE: Final = 4
_PASS: Final = 16


@dataclass(frozen=True)
class Flip:
    """A sample to which two models answer different classes.

    Attributes:
        sample: Its number.
        first: Number of the class that the first model answers.
        second: Of that of the second.
        margin: By how much the first model prefers its own class over that of the second, in what it answers.
    """

    sample: int
    first: int
    second: int
    margin: float


@dataclass(frozen=True)
class Comparison:
    """Two models over the same samples.

    Attributes:
        distances: By key of each layer that both have, of the same shape, in call order of the first model: the norm
            of the difference over all samples, in units of the norm of the first model's answers. That is the relative
            RMS error, as both have as many numbers.
        partners: By the same keys, the layer of the second model that it is set against.
        flips: The samples whose class is another one in the second model; None where the models answer no classes.
        similarity: Linear CKA of each layer of the first model with each of the second, from 0 to 1, shape
            ``(layer, layer)``; NaN where a layer answers the same to every sample.
        first_layers: Keys of the rows of ``similarity``, in call order.
        second_layers: Of its columns.
        sample_count: How many samples that rests on.
        is_estimate: Whether the samples were too many for one batch, so that CKA is the mean over batches (Nguyen et
            al. 2021).
    """

    distances: dict[str, float]
    similarity: np.ndarray
    first_layers: tuple[str, ...]
    second_layers: tuple[str, ...]
    sample_count: int
    is_estimate: bool
    partners: Mapping[str, str] = field(default_factory=dict)
    flips: tuple[Flip, ...] | None = None


def compare_models(
    first: Extractor, second: Extractor, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Run samples through two models and compare every layer of one with every layer of the other.

    Args:
        first: Holds a model.
        second: Holds another that takes the same inputs.
        dataset: The samples.
        progress: Called with how many samples are done, and of how many.

    Raises:
        InputRejected: If the second model does not take these samples, or there are fewer than four.
        ExtractionFailed: If a model raises.
    """
    count = dataset.sample_count
    check_inputs(second, dataset)
    if count < _FEWEST_AT_ONCE:
        raise InputRejected(f"{count} samples are too few to compare layers.", remedy="Give four or more.")
    at_once = _samples_at_once(first, second, dataset)
    starts = list(range(0, count, at_once))
    # What is left at the end must be enough for an estimate; else it goes without.
    if len(starts) > 1 and count - starts[-1] < _FEWEST_AT_ONCE:
        starts.pop()
    by_values = matched_by_values(first, second)
    partners: Mapping[str, str] = {}
    flips: tuple[Flip, ...] | None = ()
    squares: dict[str, np.ndarray] = {}
    kernels: list[np.ndarray] = []
    keys: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    for start in starts:
        stop = min(start + at_once, count)
        batch = dataset.batch(start, stop)
        one, other = (each.extract(arranged(each, batch), batch_size=_PASS) for each in (first, second))
        if start == 0:
            partners = layers_alike(one, other) if by_values else {key: key for key in one}
        flipped = _flips(one, other, start)
        flips = None if flips is None or flipped is None else (*flips, *flipped)
        for key, pair in _shared(one, other, partners).items():
            squares[key] = squares.get(key, np.zeros(2)) + pair
        grams = [_grams(each, only_real=by_values) for each in (one, other)]
        keys = (tuple(grams[0]), tuple(grams[1]))
        kernels.append(_products(list(grams[0].values()), list(grams[1].values()), is_only=len(starts) == 1))
        if progress:
            progress(stop, count)
    cross, own_first, own_second = np.moveaxis(np.mean(kernels, axis=0), -1, 0)  # each (first, second)
    with np.errstate(all="ignore"):
        similarity = cross / np.sqrt(own_first * own_second)
    shared = {key: partner for key, partner in partners.items() if key in squares}
    distances = {key: _relative(*np.sqrt(squares[key])) for key in shared}
    return Comparison(distances, np.clip(similarity, 0, 1), *keys, count, len(starts) > 1, shared, flips)


def matched_by_values(first: Extractor, second: Extractor) -> bool:
    """Return whether layers of two models are set against each other by what they answer, and not by their names.

    Those of a converted file bear names of the converter.

    Args:
        first: Holds a model.
        second: Holds another.
    """
    return any(is_lite_model(each.model) for each in (first, second))


def compare_samples(extractor: Extractor, dataset: Dataset, first: int, second: int) -> dict[str, float]:
    """Return how far the answers to two samples lie apart, by key of the layer in call order.

    The distance is that of :class:`Comparison`: in units of the norm of the answer to the first.

    Raises:
        ExtractionFailed: If the model raises.
    """
    # Where it takes so many samples and no other number, the second one again and again.
    count = fixed_sample_count(extractor.model) or 2
    inputs = arrange(extractor.model, dataset.take([first, *[second] * max(count - 1, 1)]))
    distances = {}
    for key, each in extractor.extract(inputs, batch_size=count).items():
        if each.is_numeric:
            values = each.values.astype(np.float64)
            distances[key] = float(relative_change(values[:1], values[1:2])[0])
    return distances


def first_that_differs(distances: Mapping[str, float], tolerance: float = NOISE) -> str:
    """Return the first layer whose answers differ by more than a tolerance, by default rounding; empty if none does."""
    return next((key for key, distance in distances.items() if not distance <= tolerance), "")


def largest_change(distances: Mapping[str, float]) -> str:
    """Return the layer whose answers lie furthest apart; empty if none differs by more than rounding."""
    finite = {key: distance for key, distance in distances.items() if NOISE < distance < np.inf}
    return max(finite, key=finite.__getitem__, default=first_that_differs(distances))


def cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return the linear centred kernel alignment of two sets of answers to the same samples, from 0 to 1.

    Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited". It does not change when units are
    turned or all scaled alike.

    Args:
        first: Shape ``(sample, feature)``.
        second: Shape ``(sample, feature)``, of another number of features if need be.
    """
    products = _products([_gram(first)], [_gram(second)], is_only=True)
    cross, own_first, own_second = products[0, 0]
    return float(cross / np.sqrt(own_first * own_second)) if own_first * own_second else float("nan")


def _relative(away: np.floating[Any], norm: np.floating[Any]) -> float:
    return float(away / norm) if norm else float(away > 0)


def check_inputs(second: Extractor, dataset: Dataset) -> None:
    """Make sure that a model takes samples, as far as it says what it takes.

    Raises:
        InputRejected: If it takes another number of inputs, or of other shapes.
    """
    given = dataset.batch(0, 1)
    specs = input_specs(second.model)
    if not specs:
        # One that does not say what it takes is asked by running it.
        return
    arrays = list(given.values())
    fitting = len(specs) == len(arrays) and all(
        len(spec.shape) == array.ndim - 1
        and all(extent in (None, found) for extent, found in zip(spec.shape, array.shape[1:], strict=True))
        and (spec.dtype == "string") == (array.dtype.kind in "US")
        for spec, array in zip(specs, arrays, strict=True)
    )
    if not fitting:
        raise InputRejected(
            f"{second.model.name!r} does not take the samples that are open.",
            remedy="Compare models that take the same inputs: two checkpoints, or two designs for one task.",
        )


def arranged(extractor: Extractor, batch: Mapping[str, np.ndarray]) -> Any:
    """Return inputs as a model is called with them, by their order: another model's may bear other names."""
    model, arrays = extractor.model, list(batch.values())
    names = [spec.name for spec in input_specs(model) or specs_of_build(model)]
    if len(names) != len(arrays):
        # It says nothing of its inputs: one is given as it is.
        names = part_names(arrays) if len(arrays) == 1 else list(batch)
    return arrange(model, dict(zip(names, arrays, strict=True)))


def _samples_at_once(first: Extractor, second: Extractor, dataset: Dataset) -> int:
    one = dataset.batch(0, 1)
    size = sum(each or 0 for model in (first, second) for each in model.cost(arranged(model, one)).values())
    fitting = get_limits().kept_bytes // max(size, 1)
    return int(np.clip(fitting, _FEWEST_AT_ONCE, min(_MOST_AT_ONCE, max(dataset.sample_count, _FEWEST_AT_ONCE))))


def _flips(first: Activations, second: Activations, start: int) -> list[Flip] | None:
    """Return the samples to which two models answer different classes; None where they answer none."""
    answers = [structure.flat(each.output)[0] for each in (first, second)]
    ones, others = (np.asarray(answer) for answer in answers)
    are_classes = all(_ends_in_classes(each) for each in (first, second))
    if not are_classes or ones.shape != others.shape or ones.ndim != 2 or ones.shape[1] < 2:
        return None
    one, other = ones.argmax(axis=1), others.argmax(axis=1)
    rows = np.flatnonzero(one != other)
    margins = ones[rows, one[rows]] - ones[rows, other[rows]]
    return [
        Flip(start + int(row), int(one[row]), int(other[row]), float(margin))
        for row, margin in zip(rows, margins, strict=True)
    ]


def _ends_in_classes(answers: Activations) -> bool:
    last = next(reversed(list(answers.values())), None)
    return last is not None and answers_classes(last.layer, ())


def _shared(first: Activations, second: Activations, partners: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return the squared norms of the difference and of the first model's answers, by key."""
    found = {}
    for key, each in first.items():
        other = second.get(partners.get(key, ""))
        if each.is_numeric and other is not None and other.shape == each.shape:
            mine = each.values.astype(np.float32)
            away = (other.values.astype(np.float32) - mine).reshape(-1)
            mine = mine.reshape(-1)
            found[key] = np.array([np.dot(away, away), np.dot(mine, mine)], np.float64)
    return found


def _grams(answers: Activations, *, only_real: bool) -> dict[str, np.ndarray]:
    # Shapes, which a converted file computes beside the values, are the same for every sample.
    return {
        key: _gram(_rows(each))
        for key, each in answers.items()
        if each.is_numeric and not (only_real and each.values.dtype.kind != "f")
    }


def _rows(each: Activation) -> np.ndarray:
    return each.values.reshape(each.shape[0], -1)  # (sample, …) -> (sample, feature)


def _gram(rows: np.ndarray) -> np.ndarray:
    # Centred first: in single precision a large mean would leave nothing of what differs.
    centred = rows.astype(np.float32) - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return (centred @ centred.T).astype(np.float64)


def _products(first: list[np.ndarray], second: list[np.ndarray], *, is_only: bool) -> np.ndarray:
    """Return the HSIC of each pair, and of each with itself, shape ``(first, second, 3)``.

    Of one batch that is the product of the centred kernels; of one batch among several the unbiased estimate of Song et
    al. 2012, whose mean over batches is one too.
    """
    hsic = _biased if is_only else _unbiased
    cross = hsic(first, second)
    own = [np.array([hsic([each], [each])[0, 0] for each in kernels]) for kernels in (first, second)]
    return np.stack([cross, *np.meshgrid(*own, indexing="ij")], axis=-1)


def _biased(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    return np.stack([each.ravel() for each in first]) @ np.stack([each.ravel() for each in second]).T


def _unbiased(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    count = len(first[0])
    without = [np.stack([each - np.diag(np.diag(each)) for each in kernels]) for kernels in (first, second)]
    sums = [each.sum(axis=2) for each in without]  # (layer, sample)
    totals = [each.sum(axis=1) for each in sums]
    product = without[0].reshape(len(first), -1) @ without[1].reshape(len(second), -1).T
    product += np.outer(*totals) / ((count - 1) * (count - 2))
    product -= 2 / (count - 2) * (sums[0] @ sums[1].T)
    return product / (count * (count - 3))
