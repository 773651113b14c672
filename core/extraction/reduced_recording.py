"""What a pass kept, each tensor reduced."""

from __future__ import annotations

from dataclasses import replace

from core.extraction.recorded_pass import Recording
from core.extraction.reduction import can_be_reduced, reduced

__all__ = ["reduced_recording"]


def reduced_recording(recording: Recording) -> Recording:
    """Return what a pass kept with a reduction of each tensor that has numbers, inside a graph or not.

    Args:
        recording: With its tensors, in rows by sample.
    """
    reductions = [
        (described, reduced(tensor, None if described.mask is None else recording.masks[described.mask], described))
        for described, tensor in zip(recording.described, recording.tensors, strict=True)
        if can_be_reduced(described) and not described.rows_by_values
    ]
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
