"""How far something is that takes long, as whoever waits for it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress", "counted"]

Progress: TypeAlias = Callable[[float, str], None]
"""What is told how far something is: a fraction from 0 to 1, and what is being done."""


def counted(progress: Progress | None) -> Callable[[int, int], None] | None:
    """Return what tells a progress in samples: called with how many are done, and of how many."""
    if progress is None:
        return None
    return lambda done, count: progress(done / count, f"{done:,} of {count:,} samples")
