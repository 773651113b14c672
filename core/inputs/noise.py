"""Random samples that fit an input of a model, for a first look at it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from core.inputs.checking import check_memory
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec

__all__ = ["noise", "usual_shape"]

_SENTENCE_BYTES: Final = 300
_USUAL_EXTENTS: Final = {"image": 64, "volume": 32, "sequence": 32, "tokens": 32, "vector": 32}
_WORDS: Final = (
    "a",
    "again",
    "and",
    "bad",
    "but",
    "good",
    "light",
    "never",
    "one",
    "over",
    "river",
    "runs",
    "stone",
    "the",
)


def noise(spec: InputSpec, count: int, seed: int, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Return random samples that fit an input, the same ones for the same seed.

    Args:
        spec: What the input expects.
        count: Number of samples, at least 1.
        seed: Seed of the random numbers.
        shape: Of one sample, see :func:`core.inputs.open_sizes.sizes_that_fit`; by default the usual one.

    Returns:
        ``(sample, *axes)`` in the input's type: uniform in 0 to 1 for images (0 to 255 where they are whole numbers),
        standard normal for other numbers, ids from 1 below the vocabulary's size for tokens (0 is often the padding),
        short sentences for text.

    Raises:
        InputRejected: If that many samples would take more memory than the limit ``input_bytes``.
    """
    shape = (count, *(shape or usual_shape(spec)))
    item_size = _SENTENCE_BYTES if spec.kind == "text" else 8
    check_memory(math.prod(shape) * item_size, f"Noise of {shape_text(shape)} for the input '{spec.shown_name}'")
    random = np.random.default_rng(seed)
    if spec.kind == "text":
        lengths = random.integers(4, 12, size=shape)
        sentences = [" ".join(random.choice(_WORDS, size=length)) for length in lengths.reshape(-1)]
        return np.array(sentences, dtype=str).reshape(shape)
    if spec.dtype == "bool":
        return random.random(shape) < 0.5
    if spec.kind == "tokens":
        vocabulary_size = spec.vocabulary_size or 100
        return random.integers(min(1, vocabulary_size - 1), vocabulary_size, size=shape).astype(spec.numpy_dtype)
    if spec.is_integer:
        return random.integers(0, 256 if spec.kind == "image" else 100, size=shape).astype(spec.numpy_dtype)
    values = random.random(shape) if spec.kind == "image" else random.standard_normal(shape)
    return values.astype(spec.numpy_dtype)


def usual_shape(spec: InputSpec) -> tuple[int, ...]:
    """Return the shape of a sample with a usual extent for each axis of any size: 64 pixels, 32 steps, one text."""
    usual = 1 if spec.kind == "text" else _USUAL_EXTENTS.get(spec.kind, 8)
    extents = []
    for extent, name in zip(spec.shape, spec.axis_names, strict=True):
        if extent is not None:
            extents.append(extent)
        elif name == "channels":
            extents.append(3 if spec.kind == "image" else 1)
        elif name == "depth":
            extents.append(16)
        else:
            extents.append(8 if name == "features" and len(spec.shape) > 1 else usual)
    return tuple(extents)
