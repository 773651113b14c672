"""What inputs of a model look like: the range, the middle and the spread that a found input keeps to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from core.extraction.channel_order import channels_first
from core.inputs.datasets import Dataset
from core.inputs.spec import InputSpec

__all__ = ["Domain", "domain_in", "domain_of"]

_MOST_SAMPLES: Final = 512
_MOST_SPECTRA: Final = 64
_FAINTEST: Final = 0.1


@dataclass(frozen=True)
class Domain:
    """Where found inputs stay.

    Attributes:
        kind: ``"image"`` for ``(height, width, channel)``, ``"sequence"`` for ``(time, feature)``, else ``"vector"``.
        shape: Of one sample, an image as ``(height, width, channel)``.
        taken_shape: Of one sample as the model takes it.
        channels_first: Whether the model takes images with the channels before height and width.
        low: Least value of each channel or feature, shape ``(channel,)``.
        high: Largest value, likewise.
        mean: Mean, likewise.
        usual: Median, likewise: the background of drawings, a middling grey of photographs.
        spread: Standard deviation, likewise; 0 for a feature that is always the same.
        radius: How far the farthest sample lies from the mean, in standard deviations of each number.
        spectrum: Of sequences, how strong each frequency is in the samples, shape ``(frequency,)``, its mean square 1;
            None elsewhere, or where that is not known.
    """

    kind: Literal["image", "sequence", "vector"]
    shape: tuple[int, ...]
    taken_shape: tuple[int, ...]
    channels_first: bool
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    usual: np.ndarray
    spread: np.ndarray
    radius: float
    spectrum: np.ndarray | None = None

    def as_taken(self, images: Any) -> Any:
        """Return what was found as the model takes it, ``(start, *taken_shape)``: in a graph, or as a NumPy array."""
        if isinstance(images, np.ndarray):
            samples = np.moveaxis(images, -1, 1) if self.channels_first else images
            return samples.reshape(len(samples), *self.taken_shape)
        import tensorflow as tf

        samples = channels_first(images, 4) if self.channels_first else images
        return tf.reshape(samples, [samples.shape[0], *self.taken_shape])

    def as_drawn(self, samples: np.ndarray) -> np.ndarray:
        """Return samples ``(sample, *taken_shape)`` with the axes of ``shape``, the inverse of :meth:`as_taken`."""
        if not self.channels_first:
            return samples.reshape(len(samples), *self.shape)
        height, width, channels = self.shape
        return np.moveaxis(samples.reshape(len(samples), channels, height, width), 1, -1)


def domain_in(dataset: Dataset, entry: str, specs: Sequence[InputSpec]) -> Domain:
    """Return where the samples of a dataset lie; of very many, some that are spread over all of it are looked at.

    Args:
        dataset: The samples.
        entry: Name of the input.
        specs: What each input is taken for.
    """
    spec = next((spec for spec in specs if spec.name == entry), None)
    spread = np.linspace(0, dataset.sample_count - 1, _MOST_SAMPLES)
    return domain_of(dataset.take(np.unique(spread.astype(int)).tolist())[entry], spec)


def domain_of(samples: np.ndarray, spec: InputSpec | None = None) -> Domain:
    """Return where samples lie.

    Args:
        samples: Shape ``(sample, …)``, real numbers. A timestep of nothing but zeros is taken for padding.
        spec: What the input is taken for; by default what the axes say: three are an image, two a sequence.
    """
    array = np.nan_to_num(np.asarray(samples[:_MOST_SAMPLES], np.float64))
    taken_shape = array.shape[1:]
    rank = len(spec.layout) if spec else len(taken_shape)
    is_image = spec.kind == "image" and spec.frame is not None if spec else rank == 3
    is_sequence = rank == 2 and not is_image and (spec is None or spec.kind == "sequence")
    if spec:
        array = spec.as_images(array) if is_image else spec.laid_out(array)
    shape = array.shape[1:]
    kind: Literal["image", "sequence", "vector"] = (
        "image" if is_image else "sequence" if is_sequence and shape[0] > 1 else "vector"
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
    has_channels_first = is_image and spec is not None and spec.channels_first
    spectrum = _spectrum(array, mean, spread) if kind == "sequence" and len(array) > 1 else None
    return Domain(
        kind, tuple(shape), tuple(taken_shape), has_channels_first, low, high, mean, usual, spread, radius, spectrum
    )


def _spectrum(samples: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray | None:
    """Return how strong each frequency is in samples of shape ``(sample, time, feature)``; None if nothing moves."""
    chosen = samples[np.unique(np.linspace(0, len(samples) - 1, _MOST_SPECTRA).astype(int))]
    is_padding = ~chosen.any(axis=-1, keepdims=True)
    scaled = np.where(is_padding, 0, (chosen - mean) / np.where(spread > 0, spread, 1))
    power = (np.abs(np.fft.rfft(scaled, axis=1)) ** 2).mean(axis=(0, 2))
    if not power.any():
        return None
    # None is quite without: what no sample holds may be what a unit answers to.
    strength = np.maximum(np.sqrt(power / power.mean()), _FAINTEST)
    return np.asarray(strength / np.sqrt((strength**2).mean()))
