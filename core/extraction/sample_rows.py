"""Puts what a pass kept into rows by sample, or says of which layers that cannot be done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from core.errors import LayerscopeError
from core.extraction.channel_order import channels_last
from core.extraction.layers import LayerInfo, axes_of
from core.extraction.recorded_pass import Batch, RecordedTensor, Recording, Selection
from core.extraction.sample_axes import (
    REGULAR,
    SampleAxis,
    by_sample,
    rows_follow,
    sample_axis_in_batch,
    sample_axis_of,
    with_order_of_neighbours,
)
from core.inputs import structure

__all__ = [
    "SampleAxes",
    "doubtful_layers",
    "in_rows_by_sample",
    "rows_that_follow",
    "with_steps_made",
    "without_empty_loops",
    "without_values",
]

_ROWS_BY_VALUES = (
    "how many rows it answers, or in which order, depends on the values of all samples that run together; "
    "a sample that runs alone has values here"
)
_NO_STEPS = (
    "its loop made no step for these samples, or answered more in all steps than may be kept "
    "(LAYERSCOPE_KEPT_BYTES); fewer samples at once answer less"
)
_NOT_TOLD_APART = "it could not be found out which part of its answer belongs to which sample"


class SampleAxes:
    """How samples lie in what the layers of a model answer, found out by a few small passes for each kind of input."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, SampleAxis]] = {}
        self._lock = threading.Lock()

    def known(self, tensors: Any) -> Mapping[str, SampleAxis]:
        """Return what was found out for such tensors so far, by key."""
        return self._known.get(repr(structure.open_signature(tensors)), {})

    def of(
        self, run: Callable[[Any, Selection], Batch], tensors: Any, wanted: Selection, keys: Collection[str]
    ) -> Mapping[str, SampleAxis]:
        """Return how samples lie in some of the tensors that a pass keeps, by key; regularly where nothing shows it.

        Args:
            run: Makes a pass, given tensors and what is wanted of it.
            tensors: The samples, in the structure that the model takes.
            wanted: What the pass keeps.
            keys: Of which it is asked.

        Raises:
            ExtractionFailed: If the model raises.
        """
        known = self.known(tensors)
        unknown = [key for key in keys if key not in known or not known[key].is_certain]
        if unknown:
            one, other = structure.two_that_differ(tensors)
            unknown = [key for key in unknown if key not in known or one != other]
        if unknown:
            self.note(tensors, _axes_by_passes(run, tensors, replace(wanted, is_reduced=False), unknown, one, other))
        return self.known(tensors)

    def note(self, tensors: Any, axes: Mapping[str, SampleAxis]) -> None:
        """Remember how samples lie in some layers' answers to such tensors, by key."""
        signature = repr(structure.open_signature(tensors))
        with self._lock:
            self._known[signature] = {**self._known.get(signature, {}), **axes}


def rows_that_follow(
    run: Callable[[Any, Selection], Batch], tensors: Any, wanted: Selection, batch: Batch, keys: Collection[str]
) -> dict[str, SampleAxis]:
    """Return of which layers the rows follow the samples of this very batch, and why the others are missing, by key.

    Args:
        run: Makes a pass, given tensors and what is wanted of it.
        tensors: The samples.
        wanted: What the pass keeps.
        batch: What it gave.
        keys: Layers whose rows depend on values.

    Raises:
        ExtractionFailed: If the model raises.
    """
    count = structure.sample_count_of(tensors)
    values = _tensors_by_key(batch)
    rolled = _tensors_by_key(run(structure.rolled(tensors), wanted))
    return {
        key: REGULAR
        if key in values and key in rolled and rows_follow(values[key], rolled[key], count)
        else SampleAxis(None, missing=_ROWS_BY_VALUES)
        for key in keys
    }


def _tensors_by_key(batch: Batch) -> dict[str, Any]:
    return {each.key: tensor for each, tensor in zip(batch.recording.described, batch.tensors, strict=True)}


def doubtful_layers(recording: Recording, count: int) -> list[str]:
    """Return the keys of what may have no row per sample along its first axis.

    Args:
        recording: What was kept of a pass, with its tensors.
        count: How many samples went in.
    """
    doubtful = []
    for described, tensor in zip(recording.described, recording.tensors, strict=True):
        extents = tensor.shape.as_list()
        is_by_values = described.rows_by_values and count > 1
        if is_by_values or not described.has_sample_axis or not extents or extents[0] != count:
            doubtful.append(described.key)
        elif count > 1 and any(at < len(extents) and extents[at] % count == 0 for at in described.open_axes):
            # As many rows as samples may be by chance, where another axis may be that of the samples as well.
            doubtful.append(described.key)
    return doubtful


def in_rows_by_sample(recording: Recording, count: Any, axes: Mapping[str, SampleAxis]) -> Recording:
    """Return what a pass kept with a row per sample along the first axis of its tensors, inside a graph or not.

    Args:
        recording: What was kept.
        count: How many samples went in, a number or a tensor.
        axes: How samples lie in some of the tensors, by key; the others stay as they are.
    """
    tensors, described, masks = [], [], list(recording.masks)
    layers: dict[str, LayerInfo] = {}
    for each, tensor in zip(recording.described, recording.tensors, strict=True):
        axis = axes.get(each.key)
        if axis is not None:
            if isinstance(count, int) and not _fits(tensor, count, axis):
                axis = SampleAxis(None, missing=axis.missing or _NOT_TOLD_APART)
            axis = axis.of_one() if isinstance(count, int) and count == 1 else axis
            if axis.missing:
                layers[each.key] = replace(each.layer, missing=axis.missing)
                continue
            mask = None if each.mask is None else recording.masks[each.mask]
            each, tensor, mask = _by_sample(each, tensor, mask, count, axis)
            if mask is not None:
                masks.append(mask)
                each = replace(each, mask=len(masks) - 1)
            if each.layer.axis_names and each.part == "output":
                layers[each.key] = each.layer
        tensors.append(tensor)
        described.append(each)
    known = tuple(layers.get(layer.key, layer) for layer in recording.layers)
    return replace(recording, tensors=tensors, masks=masks, described=tuple(described), layers=known)


def _by_sample(
    described: RecordedTensor, tensor: Any, mask: Any, count: Any, axis: SampleAxis
) -> tuple[RecordedTensor, Any, Any]:
    """Return what a tensor is, the tensor and its mask, if that is another one then, in rows by sample."""
    described = replace(described, has_sample_axis=axis.position is not None)
    if axis.position is None or axis.is_regular:
        return described, by_sample(tensor, count, axis), None
    names = axis.axes(described.axes or axes_of(described.layer.type_names, len(tensor.shape)))
    is_first = axis.position == 0
    if described.channels_first and is_first:
        tensor = channels_last(tensor)
    has_mask = mask is not None and is_first and mask.shape[0] == tensor.shape[0]
    tensor = by_sample(tensor, count, axis)
    layer = described.layer
    if described.part == "output":
        extents = tensor.shape.as_list()
        if axis.is_folded:
            extents[1 + axis.position] = extents[1 + axis.position] or axis.pieces
        layer = replace(layer, output_shape=(None, *extents[1:]), axis_names=names)
    described = replace(described, axes=names, channels_first=False, mask=None, layer=layer)
    return described, tensor, by_sample(mask, count, axis) if has_mask else None


def without_empty_loops(recording: Recording) -> Recording:
    """Return what a pass kept without layers inside of loops that answered nothing, of which it is said why.

    Args:
        recording: What was kept, with its tensors.
    """
    pairs = list(zip(recording.described, recording.tensors, strict=True))
    empty = {each.key for each, tensor in pairs if each.layer.is_stepwise and 0 in tensor.shape}
    if not empty:
        return recording
    left = [(each, tensor) for each, tensor in pairs if each.key not in empty]
    return replace(
        recording,
        tensors=[tensor for _, tensor in left],
        described=tuple(each for each, _ in left),
        layers=without_values(recording.layers, dict.fromkeys(empty, _NO_STEPS)),
    )


def with_steps_made(batch: Batch) -> tuple[LayerInfo, ...]:
    """Return the layers of a pass, those inside of loops with the steps that these made in it.

    Args:
        batch: What the pass gave.
    """
    made = {
        each.key: tuple(tensor.shape[1:])
        for each, tensor in zip(batch.recording.described, batch.tensors, strict=True)
        if each.layer.is_stepwise and each.part == "output" and each.has_sample_axis
    }
    return tuple(
        replace(layer, output_shape=(None, *made[layer.key])) if layer.key in made else layer
        for layer in batch.recording.layers
    )


def without_values(layers: tuple[LayerInfo, ...], missing: Mapping[str, str]) -> tuple[LayerInfo, ...]:
    """Return layers of which some have no values.

    Args:
        layers: All of them.
        missing: Why those have none, by key.
    """
    return tuple(replace(layer, missing=missing[layer.key]) if layer.key in missing else layer for layer in layers)


def _fits(tensor: Any, count: int, axis: SampleAxis) -> bool:
    if axis.position is None:
        return True
    extents = tensor.shape.as_list()
    if axis.position >= len(extents):
        return False
    extent = extents[axis.position]
    return extent % count == 0 if axis.is_folded else extent == count


def _axes_by_passes(
    run: Callable[[Any, Selection], Batch], tensors: Any, wanted: Selection, keys: Collection[str], one: int, other: int
) -> dict[str, SampleAxis]:
    def tensors_of(samples: Any) -> dict[str, Any]:
        return _tensors_by_key(run(samples, wanted))

    try:
        first, both = (tensors_of(structure.some_of(tensors, samples)) for samples in ([one], [one, other]))
        second = first if one == other else tensors_of(structure.some_of(tensors, [other]))
    except LayerscopeError:
        # It takes another number of samples at once, and no other.
        count = structure.sample_count_of(tensors)
        values, rolled = tensors_of(tensors), tensors_of(structure.rolled(tensors))
        axes = {
            key: SampleAxis(None) if count == 1 else sample_axis_in_batch(values[key], rolled[key], count)
            for key in values.keys() & rolled.keys()
        }
        return {key: axes.get(key, REGULAR) for key in keys}
    # A model that looks at values may not have called a layer each time.
    axes = {
        key: sample_axis_of(first[key], second[key], both[key], are_equal=one == other)
        if key in first and key in second and key in both
        else REGULAR
        for key in keys
    }
    return with_order_of_neighbours(axes, are_equal=one == other)
