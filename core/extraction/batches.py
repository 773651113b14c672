"""Several forward passes as one: each batch goes into arrays that are as large as all of them together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.errors import InputRejected
from core.extraction.recorded_pass import Batch, RecordedTensor
from core.extraction.sample_rows import without_values

__all__ = ["joined"]


def joined(
    passes: Iterator[tuple[int, Batch]], sample_count: int, progress: Callable[[int, int], None] | None
) -> Batch:
    """Return several passes as one.

    A single pass is returned as it is: its tensors are not copied. Of several, each is copied as it comes and then let
    go, so that the memory of all activations is taken once, and that of one batch. What has not the same extents in
    every batch is left out, and said to be missing.

    Args:
        passes: Batches, each with the number of samples that are done with it.
        sample_count: Number of samples of all of them.
        progress: Called with the number of samples that are done, and of all.

    Raises:
        InputRejected: If what the model itself answers to different batches cannot be brought together; rows of numbers
            that differ in length are padded with NaN.
    """
    joining: _Joining | None = None
    whole: Batch | None = None
    start = 0
    for end, batch in passes:
        if end - start == sample_count:
            whole = batch
        else:
            joining = joining or _Joining(batch, sample_count)
            joining.add(batch, start, end)
        start = end
        if progress:
            progress(end, sample_count)
    if joining is not None:
        whole = joining.batch()
    assert whole is not None
    return whole


@dataclass
class _Rows:
    """The values of one tensor in all batches: a row per sample, or, as long as they are the same, those of one."""

    values: np.ndarray
    is_shared: bool


class _Joining:
    def __init__(self, first: Batch, sample_count: int) -> None:
        self._first = first
        self._count = sample_count
        self._described = {each.key: each for each in first.recording.described}
        self._rows: dict[str, _Rows] = {}
        self._masks: dict[str, np.ndarray] = {}
        self._missing: dict[str, str] = {layer.key: layer.missing for layer in first.recording.layers if layer.missing}
        self._tokens: np.ndarray | None = None
        self._answers: list[Any] = []
        self._sizes: list[int] = []

    def add(self, batch: Batch, start: int, end: int) -> None:
        """Copy what a batch holds to the places of its samples."""
        import keras

        recording = batch.recording
        for layer in recording.layers:
            if layer.missing:
                self._missing.setdefault(layer.key, layer.missing)
        tensors = {each.key: (each, tensor) for each, tensor in zip(recording.described, batch.tensors, strict=True)}
        for key in self._described.keys() - tensors.keys():
            self._missing.setdefault(key, f"it was not called for samples {start} to {end - 1}")
        for key, (described, tensor) in tensors.items():
            if key not in self._missing and key in self._described:
                mask = None if described.mask is None else np.asarray(batch.masks[described.mask])
                self._put(key, described, np.asarray(tensor), mask, start, end)
        if batch.tokens is not None and len(batch.tokens) == end - start:
            tokens = np.asarray(batch.tokens)
            nothing = b"" if tokens.dtype.kind == "O" else 0
            self._tokens = _with_rows(self._tokens, tokens, start, self._count, nothing)
        self._answers.append(keras.tree.map_structure(_copied, batch.answer))
        self._sizes.append(end - start)

    def batch(self) -> Batch:
        """Return all batches as one."""
        import keras

        tensors, described, masks = [], [], []
        for each in self._first.recording.described:
            if each.key in self._missing:
                continue
            rows = self._rows[each.key]
            mask = self._masks.get(each.key)
            if mask is not None:
                masks.append(mask)
            tensors.append(rows.values)
            place = None if mask is None else len(masks) - 1
            described.append(replace(each, mask=place, has_sample_axis=not rows.is_shared))
        layers = without_values(self._first.recording.layers, self._missing)
        recording = replace(self._first.recording, described=tuple(described), layers=layers)
        answer = keras.tree.map_structure(lambda *parts: _answers(parts, self._sizes), *self._answers)
        return Batch(tensors, masks, self._tokens, answer, recording)

    def _put(
        self, key: str, described: RecordedTensor, array: np.ndarray, mask: np.ndarray | None, start: int, end: int
    ) -> None:
        rows = self._rows.get(key)
        is_shared = not described.has_sample_axis
        extents = array.shape if is_shared else array.shape[1:]
        if rows is None:
            rows = _Rows(array if is_shared else np.empty((self._count, *extents), array.dtype), is_shared)
            self._rows[key] = rows
        before = rows.values.shape if rows.is_shared else rows.values.shape[1:]
        if before != extents or is_shared is not (not self._described[key].has_sample_axis):
            self._missing[key] = (
                f"it answers {extents} to samples {start} to {end - 1}, and {before} to those before; "
                "run all samples at once, or pad them to one length"
            )
            del self._rows[key]
            return
        if is_shared and rows.is_shared and start and not np.array_equal(rows.values, array, equal_nan=_has_nan(array)):
            # One answer for each batch, such as a mean over it: each sample has that of its own.
            each = np.empty((self._count, *extents), array.dtype)
            each[:start] = rows.values
            self._rows[key] = rows = _Rows(each, False)
        if not rows.is_shared:
            rows.values[start:end] = array
        if mask is not None and len(mask) == end - start:
            is_first = key not in self._masks
            self._masks[key] = _with_rows(self._masks.get(key), mask, start, self._count)
            if is_first:
                self._masks[key][:start] = True
        elif key in self._masks:
            # Without a mask all timesteps are those of the sample.
            self._masks[key][start:end] = True


def _has_nan(array: np.ndarray) -> bool:
    return array.dtype.kind in "fc"


def _with_rows(rows: np.ndarray | None, part: np.ndarray, start: int, count: int, padding: Any = 0) -> np.ndarray:
    """Return rows with those of some samples; shorter ones are padded."""
    extents = part.shape[1:] if rows is None else tuple(np.maximum(rows.shape[1:], part.shape[1:]))
    if rows is None or rows.shape[1:] != extents:
        wider = np.full((count, *extents), padding, part.dtype)
        if rows is not None:
            wider[tuple(map(slice, rows.shape))] = rows
        rows = wider
    rows[(slice(start, start + len(part)), *map(slice, part.shape[1:]))] = part
    return rows


def _copied(answer: Any) -> Any:
    import tensorflow as tf

    return answer if isinstance(answer, tf.RaggedTensor) else np.asarray(answer)


def _answers(parts: tuple[Any, ...], sizes: list[int]) -> Any:
    """Return what the model answered to all batches; to each sample what it answered to its batch, if that is one."""
    import tensorflow as tf

    if isinstance(parts[0], tf.RaggedTensor):
        return tf.concat(parts, 0)
    has_rows = all(part.ndim and len(part) == size for part, size in zip(parts, sizes, strict=True))
    shapes = {part.shape[1:] if has_rows else part.shape for part in parts}
    if not has_rows and all(np.array_equal(parts[0], part, equal_nan=_has_nan(part)) for part in parts):
        return parts[0]
    pieces = {len(part) / size if part.ndim else 0 for part, size in zip(parts, sizes, strict=True)}
    if len({part.shape[1:] for part in parts}) == 1 and len(pieces) == 1 and pieces.pop() >= 1:
        return np.concatenate(parts)
    if has_rows and len({len(shape) for shape in shapes}) == 1 and all(part.dtype.kind == "f" for part in parts):
        rows = None
        for part, end in zip(parts, itertools.accumulate(sizes), strict=True):
            rows = _with_rows(rows, part, end - len(part), sum(sizes), np.nan)
        return rows
    if len(shapes) > 1:
        raise InputRejected(
            f"The model answers {', '.join(map(str, sorted(shapes)))} to different samples.",
            remedy="Run all samples at once, or pad them to one length.",
        )
    return np.concatenate([np.repeat(part[None], size, axis=0) for part, size in zip(parts, sizes, strict=True)])
