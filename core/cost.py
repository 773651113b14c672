"""What recording costs, known before anything is run."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.extractor import Extractor
from core.model_summary import known_layers

__all__ = ["format_bytes", "samples_per_block"]

BLOCK_BYTES: Final = 256_000_000
"""Activations of as many samples as fit in this are kept at once; the rest are run when they are looked at."""
MOST_SAMPLES_AT_ONCE: Final = 128


def samples_per_block(extractor: Extractor) -> int:
    """Return how many samples to record at once, from the shapes that the layers declare."""
    layers = known_layers(extractor)
    if not layers:
        return 1
    # Where a size depends on the input, 64 stands for it: pixels along a side, or timesteps.
    per_sample = sum(int(np.prod([extent or 64 for extent in layer.output_shape[1:]])) * 4 for layer in layers)
    return int(np.clip(BLOCK_BYTES // max(per_sample, 1), 1, MOST_SAMPLES_AT_ONCE))


def format_bytes(count: int) -> str:
    """Write a number of bytes as ``1.23 MB``."""
    amount = float(count)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"
