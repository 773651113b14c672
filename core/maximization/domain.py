"""What inputs of a model look like: the range, the middle and the spread that a found input keeps to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

__all__ = ["Domain", "domain_of"]

_MOST_SAMPLES: Final = 512


@dataclass(frozen=True)
class Domain:
    """Where found inputs stay.

    Attributes:
        kind: ``"image"`` for ``(height, width, channel)``, ``"sequence"`` for ``(time, feature)``, else ``"vector"``.
        shape: Of one sample, the channels last.
        channels_first: Whether the model takes images with the channels before height and width.
        low: Least value of each channel or feature, shape ``(channel,)``.
        high: Largest value, likewise.
        mean: Mean, likewise.
        usual: Median, likewise: the background of drawings, a middling grey of photographs.
        spread: Standard deviation, likewise; 0 for a feature that is always the same.
        radius: How far the farthest sample lies from the mean, in standard deviations of each number.
    """

    kind: Literal["image", "sequence", "vector"]
    shape: tuple[int, ...]
    channels_first: bool
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    usual: np.ndarray
    spread: np.ndarray
    radius: float


def domain_of(samples: np.ndarray, *, channels_first: bool = False) -> Domain:
    """Return where samples lie.

    Args:
        samples: Shape ``(sample, …)``, real numbers. A timestep of nothing but zeros is taken for padding.
        channels_first: Whether images have the channels before height and width.
    """
    array = np.nan_to_num(np.asarray(samples[:_MOST_SAMPLES], np.float64))
    if channels_first and array.ndim == 4:
        array = np.moveaxis(array, 1, -1)
    shape = array.shape[1:]
    kind: Literal["image", "sequence", "vector"] = (
        "image" if len(shape) == 3 else "sequence" if len(shape) == 2 and shape[0] > 1 else "vector"
    )
    if kind == "vector":
        rows = array.reshape(len(array), -1)
    else:
        rows = array.reshape(-1, shape[-1])  # (sample, *places, channel) -> (place, channel)
        rows = rows[rows.any(axis=1)] if kind == "sequence" and rows.any() else rows
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    low, high = rows.min(axis=0), rows.max(axis=0)
    if kind == "image":
        # One range for all channels, or a sample that lacks red would forbid it.
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
        high = np.where(high > low, high, low + 1)
    scaled = ((array.reshape(len(array), -1, len(mean)) - mean) / np.where(spread > 0, spread, 1)).reshape(
        len(array), -1
    )
    radius = float(np.linalg.norm(scaled, axis=1).max())
    if len(array) < 2 or radius == 0:
        spread, radius = np.where(spread > 0, spread, 1.0), math.sqrt(math.prod(shape))
        low, high = np.minimum(low, mean - 3 * spread), np.maximum(high, mean + 3 * spread)
    usual = np.median(rows, axis=0)
    return Domain(kind, tuple(shape), channels_first, low, high, mean, usual, spread, radius)
