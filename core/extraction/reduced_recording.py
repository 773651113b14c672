"""What a pass kept, each tensor reduced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.extraction.recorded_pass import RecordedTensor, Recording
from core.extraction.reduction import Reduction, can_be_reduced, pays_to_read_once, reduced

__all__ = ["reduced_recording"]


def reduced_recording(recording: Recording) -> Recording:
    """Return what a pass kept with a reduction of each tensor that has numbers, inside a graph or not.

    Args:
        recording: With its tensors, in rows by sample.
    """
    pairs = [
        (described, tensor)
        for described, tensor in zip(recording.described, recording.tensors, strict=True)
        if can_be_reduced(described) and not described.rows_by_values
    ]
    reads_once = pays_to_read_once([tensor for _, tensor in pairs])

    def reduction_of(described: RecordedTensor, tensor: Any) -> Reduction:
        mask = None if described.mask is None else recording.masks[described.mask]
        return reduced(tensor, mask, described, reads_once=reads_once)

    reductions = [(described, reduction_of(described, tensor)) for described, tensor in pairs]
    without_samples = tuple(
        described.key
        for described in recording.described
        if not described.has_sample_axis and not described.rows_by_values
    )
    return replace(
        recording,
        tensors=[reduction for _, reduction in reductions],
        masks=[],
        described=tuple(described for described, _ in reductions),
        without_samples=without_samples,
    )
