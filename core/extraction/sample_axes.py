"""Where in a layer's answer the samples are.

Most layers answer along the first axis, one row per sample. Some do not: windows, frames or patches are folded into
that axis, time comes first, or there is one answer for the whole batch. Nothing in a tensor says which, so it is found
out: two samples run alone and then together, and what they answered is compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

__all__ = [
    "REGULAR",
    "SampleAxis",
    "by_sample",
    "rows_follow",
    "sample_axis_in_batch",
    "sample_axis_of",
    "with_order_of_neighbours",
]

_MIXED: Final = (
    "samples that run together are mixed in its answer, so that it cannot be said which part is whose; "
    "a sample that runs alone has values here"
)
_ONE_FOR_ALL: Final = (
    "it answers for one sample of those that run together only; a sample that runs alone has values here"
)
_TOLERANCE: Final = 0.02
"""How much of a tensor's norm rounding may change where another number of samples runs."""


@dataclass(frozen=True)
class SampleAxis:
    """How the samples of a batch lie in a tensor.

    Attributes:
        position: The axis along which they lie; None where the batch has one answer.
        pieces: How many rows along that axis belong to each sample.
        is_inner: Whether the first rows are the first piece of each sample, not all pieces of the first sample.
        missing: Why it cannot be said which values belong to which sample, or empty.
        is_certain: Whether two samples that differ showed it.
    """

    position: int | None = 0
    pieces: int = 1
    is_inner: bool = False
    missing: str = ""
    is_certain: bool = True

    @property
    def is_regular(self) -> bool:
        """Whether there is a row per sample along the first axis."""
        return self == REGULAR

    @property
    def is_folded(self) -> bool:
        """Whether several rows belong to each sample."""
        return self.pieces > 1

    def of_one(self) -> SampleAxis:
        """Return how a sample that runs alone lies in the tensor: whatever cannot be told apart is its own."""
        return SampleAxis(None) if self.missing else self

    def axes(self, axes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the axes of what :func:`by_sample` returns.

        Args:
            axes: Names of the axes of the tensor as it came.
        """
        if not self.is_folded or self.position is None:
            return axes
        if self.position:
            return ("sample", *(f"axis{number}" for number in range(1, len(axes) + 1)))
        # What has no name is counted: there is one more of those now.
        inner = (f"axis{at + 1}" if name == f"axis{at}" else name for at, name in enumerate(axes) if at)
        return ("sample", "axis1", *inner)


REGULAR: Final = SampleAxis()
"""A row per sample along the first axis."""


def sample_axis_of(first: Any, second: Any, both: Any, *, are_equal: bool) -> SampleAxis:
    """Return how samples lie in a layer's answer, from what it answered to two of them.

    Args:
        first: What it answered to the first sample alone.
        second: What it answered to the second alone.
        both: What it answered to the two together.
        are_equal: Whether the two samples are the same, so that values cannot tell them apart.
    """
    shapes = [tuple(each.shape) for each in (first, second, both)]
    alone, together = shapes[0], shapes[2]
    if [shape[:1] for shape in shapes] == [(1,), (1,), (2,)]:
        # Another axis may be as long as there are samples too, or longer for one of them, such as a text.
        return REGULAR
    if shapes[0] != shapes[1] or len(alone) != len(together):
        return SampleAxis(None, missing=_MIXED)
    doubled = [at for at, (one, two) in enumerate(zip(alone, together, strict=True)) if one != two]
    if any(together[at] != 2 * alone[at] for at in doubled):
        return SampleAxis(None, missing=_MIXED)
    if not doubled:
        return _shared(*map(_array, (first, second, both)), are_equal=are_equal)
    if len(doubled) > 1:
        return SampleAxis(None, missing=_MIXED)
    at = doubled[0]
    parts = (_array(first), _array(second))
    errors = [_error(np.concatenate(parts, at), _array(both)), _error(_interleaved(parts, at), _array(both))]
    if min(errors) > _TOLERANCE:
        return SampleAxis(None, missing=_MIXED)
    is_certain = max(errors) > _TOLERANCE if alone[at] > 1 else not are_equal
    return SampleAxis(at, alone[at], alone[at] > 1 and errors[1] < errors[0], is_certain=is_certain)


def sample_axis_in_batch(values: Any, rolled: Any, count: int) -> SampleAxis:
    """Return how samples lie in what a layer answered, where a model takes one number of samples only.

    Args:
        values: What it answered.
        rolled: What it answered to the same samples, each a place further on, and the last one first.
        count: How many samples there are.
    """
    if values.shape != rolled.shape:
        return SampleAxis(None, missing=_MIXED)
    if _error(_array(values), _array(rolled)) <= _TOLERANCE:
        return SampleAxis(0 if values.shape[:1] == (count,) else None, is_certain=False)
    for at, extent in enumerate(values.shape):
        for is_inner in (False, True):
            if extent % count == 0 and not (is_inner and extent == count):
                axis = SampleAxis(at, extent // count, is_inner)
                if rows_follow(by_sample(values, count, axis), by_sample(rolled, count, axis), count):
                    return axis
    return SampleAxis(None, missing=_MIXED)


def rows_follow(values: Any, rolled: Any, count: int) -> bool:
    """Return whether there is a row per sample, which goes where the sample goes.

    Args:
        values: What a layer answered.
        rolled: What it answered to the same samples, each a place further on, and the last one first.
        count: How many samples there are.
    """
    values, rolled = _array(values), _array(rolled)
    if values.shape[:1] != (count,) or rolled.shape[:1] != (count,):
        return False
    return _error(np.roll(values, 1, axis=0), rolled) <= _TOLERANCE


def by_sample(tensor: Any, count: Any, axis: SampleAxis) -> Any:
    """Return a tensor with a row per sample along its first axis, inside a graph or not.

    Pieces of a sample become the axis after it: ``(piece x sample, …)`` becomes ``(sample, piece, …)``. One answer for
    all is returned as such, without the axis of extent 1 by which a model spreads it over the samples.

    Args:
        tensor: As the layer answered it.
        count: How many samples there are, a number or a tensor.
        axis: How they lie in it.
    """
    import tensorflow as tf

    at = axis.position
    if at is None:
        return tensor[0] if tensor.shape[:1] == [1] else tensor
    if axis.is_regular:
        return tensor
    inner = tensor.shape[at + 1 :]
    if axis.is_folded:
        shape = tf.shape(tensor)
        extents = (shape[at] // count, count) if axis.is_inner else (count, shape[at] // count)
        whole = tf.reshape(tensor, tf.concat([shape[:at], tf.stack(extents), shape[at + 1 :]], 0))
        whole.set_shape([*tensor.shape[:at], None, None, *inner])
        samples = at + 1 if axis.is_inner else at
    else:
        whole, samples = tensor, at
    if samples == 0:
        return whole
    others = [number for number in range(len(whole.shape)) if number != samples]
    return tf.transpose(whole, [samples, *others])


def with_order_of_neighbours(axes: Mapping[str, SampleAxis], *, are_equal: bool) -> dict[str, SampleAxis]:
    """Return how samples lie in several layers, in call order, where some answered the pieces of two samples alike.

    Those are taken to be as the ones before them.

    Args:
        axes: By key.
        are_equal: Whether the two samples are the same: others may tell more.
    """
    is_inner = False
    ordered = {}
    for key, axis in axes.items():
        if axis.is_folded and axis.is_certain:
            is_inner = axis.is_inner
        elif axis.is_folded:
            axis = replace(axis, is_inner=is_inner, is_certain=not are_equal)
        ordered[key] = axis
    return ordered


def _shared(first: np.ndarray, second: np.ndarray, both: np.ndarray, *, are_equal: bool) -> SampleAxis:
    if are_equal:
        return SampleAxis(None, is_certain=False)
    of_each = [_error(each, both) <= _TOLERANCE for each in (first, second)]
    # The same for every sample, such as a table of positions; or of all together, such as a mean over the batch.
    return SampleAxis(None, missing="" if of_each[0] == of_each[1] else _ONE_FOR_ALL)


def _interleaved(parts: tuple[np.ndarray, np.ndarray], at: int) -> np.ndarray:
    # (…, piece, …) twice -> (…, piece x sample, …)
    stacked = np.stack(parts, at + 1)
    return stacked.reshape(*parts[0].shape[:at], -1, *parts[0].shape[at + 1 :])


def _array(tensor: Any) -> np.ndarray:
    array = np.asarray(tensor)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _error(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far two arrays are apart, as a share of their norm; text either is the same or not."""
    if one.shape != other.shape:
        return float("inf")
    if one.dtype.kind not in "fiubc":
        return 0.0 if np.array_equal(one, other) else float("inf")
    kind = np.complex128 if one.dtype.kind == "c" else np.float64
    one, other = one.astype(kind), other.astype(kind)
    is_same = (one == other) | (np.isnan(one) & np.isnan(other))
    if is_same.all():
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(is_same, 0, one - other)
    norm = float(np.linalg.norm(np.where(np.isfinite(other), other, 0)))
    error = float(np.linalg.norm(difference)) / max(norm, 1e-30)
    return error if math.isfinite(error) else float("inf")
