"""Several forward passes as one: each batch goes into arrays that are as large as all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from core.errors import InputRejected
from core.forward import Batch
from core.given import flat

__all__ = ["joined"]


def joined(
    passes: Iterator[tuple[int, Batch]], sample_count: int, progress: Callable[[int, int], None] | None
) -> Batch:
    """Return several passes as one.

    A single pass is returned as it is: its tensors are not copied. Of several, each is copied as it comes and then let
    go, so that the memory of all activations is taken once, and that of one batch.

    Args:
        passes: Batches, each with the number of samples that are done with it.
        sample_count: Number of samples of all of them.
        progress: Called with the number of samples that are done, and of all.

    Raises:
        InputRejected: If the answers to different batches differ in more than the number of samples.
    """
    import keras

    whole: Batch | None = None
    start = 0
    for end, batch in passes:
        if end - start == sample_count:
            whole = batch
        else:
            kept_once = [not each.has_sample_axis for each in batch.recording.described]
            if whole is None:
                whole = Batch(
                    [_room(each, sample_count, once) for each, once in zip(batch.tensors, kept_once, strict=True)],
                    [_room(each, sample_count) for each in batch.masks],
                    None if batch.tokens is None else _room(batch.tokens, sample_count),
                    keras.tree.map_structure(lambda each: _room(each, sample_count), batch.answer),
                    batch.recording,
                )
            for room, part, once in zip(whole.tensors, batch.tensors, kept_once, strict=True):
                _put(room, part, start, end, once)
            for room, part in zip(_others(whole), _others(batch), strict=True):
                _put(room, part, start, end)
        start = end
        if progress:
            progress(end, sample_count)
    assert whole is not None
    return whole


def _others(batch: Batch) -> list[Any]:
    return [*batch.masks, *flat([batch.tokens, batch.answer])]


def _room(part: Any, sample_count: int, once: bool = False) -> np.ndarray:
    array = np.asarray(part)
    return np.empty(array.shape if once or not array.ndim else (sample_count, *array.shape[1:]), array.dtype)


def _put(room: np.ndarray, part: Any, start: int, end: int, once: bool = False) -> None:
    array = np.asarray(part)
    if once or not array.ndim:
        room[...] = array
        return
    if array.shape[1:] != room.shape[1:]:
        raise InputRejected(
            f"A layer answers {array.shape[1:]} to samples {start} to {end - 1}, and {room.shape[1:]} to those before.",
            remedy="Run all samples at once, or pad them to one length.",
        )
    room[start:end] = array
