"""What recording costs, known before anything is run, and how much of it is done at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from core.common.limits import get_limits
from core.extraction.layers import LayerInfo

__all__ = ["MemoryPlan", "bytes_of", "in_groups", "plan_memory"]

MOST_SAMPLES_AT_ONCE: Final = 128
_SAMPLES_PER_BATCH: Final = 16
_TEXT_BYTES: Final = 16
Item = TypeVar("Item")


@dataclass(frozen=True)
class MemoryPlan:
    """How samples are run through a model.

    Attributes:
        sample_count: How many there are.
        samples_at_once: How many are kept at the same time.
        batch_size: How many of those go through the model at once.
        all_layers: Whether every layer is kept, or only what is looked at because all would not fit.
        bytes_per_sample: What all layers answer to one sample; None where that is not known before the model ran.
        budget: Bytes that may be kept.
    """

    sample_count: int
    samples_at_once: int
    batch_size: int
    all_layers: bool
    bytes_per_sample: int | None
    budget: int

    @property
    def total_bytes(self) -> int | None:
        """What all layers answer to all samples; None where that is not known before the model ran."""
        return None if self.bytes_per_sample is None else self.bytes_per_sample * self.sample_count


def bytes_of(layer: LayerInfo, sample_count: int) -> int | None:
    """Return how many bytes a layer's answer takes; None where a size is not known, 0 where there are no values."""
    if layer.missing:
        return 0
    extents = layer.output_shape[1:]
    if not layer.dtype or any(extent is None for extent in extents):
        return None
    item = _TEXT_BYTES if layer.dtype == "string" else _item_size(layer.dtype)
    return sample_count * math.prod(int(extent or 0) for extent in extents) * item


def plan_memory(cost_of_one: Mapping[str, int | None], sample_count: int, budget: int | None = None) -> MemoryPlan:
    """Return how to run samples through a model within a budget of memory.

    Args:
        cost_of_one: Bytes that each layer answers to one sample, by key.
        sample_count: How many samples there are.
        budget: Bytes that may be kept, by default the limit ``kept_bytes``. Two blocks of samples are kept, the one in
            sight and the one before.
    """
    budget = get_limits().kept_bytes if budget is None else budget
    known = [size for size in cost_of_one.values() if size is not None]
    if not cost_of_one or len(known) < len(cost_of_one):
        # Nothing is known of some layer: one sample at a time takes no more than the model itself does.
        return MemoryPlan(sample_count, 1, 1, True, None, budget)
    per_sample = sum(known)
    fitting = budget // 2 // max(per_sample, 1)
    all_layers = fitting >= 1
    at_once = int(np.clip(fitting, 1, min(sample_count, MOST_SAMPLES_AT_ONCE)))
    return MemoryPlan(sample_count, at_once, min(at_once, _SAMPLES_PER_BATCH), all_layers, per_sample, budget)


def in_groups(items: Iterable[Item], sizes: Iterable[int | None], budget: int) -> Iterator[list[Item]]:
    """Yield items in order, as many together as fit in a budget; one that does not fit alone is alone.

    Args:
        items: What is to be grouped.
        sizes: Bytes that each takes; None for one that is alone because that is not known.
        budget: Bytes that a group may take.
    """
    group: list[Item] = []
    taken = 0
    for item, size in zip(items, sizes, strict=True):
        needed = budget if size is None else size
        if group and taken + needed > budget:
            yield group
            group, taken = [], 0
        group.append(item)
        taken += needed
    if group:
        yield group


def _item_size(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
