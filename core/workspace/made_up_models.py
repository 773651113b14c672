"""Small models of what there is no trained example of, with samples, for pictures of what visualizers draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import keras

__all__ = ["MADE_UP_MODELS", "MadeUpModel"]

_VOLUME: Final = (8, 16, 16)
_STEPS: Final = 40
_RATE: Final = 4_000
_WORDS: Final = 12
_SHARPNESS: Final = 14.0


@dataclass(frozen=True)
class MadeUpModel:
    """A model whose weights are set, not trained.

    Attributes:
        model: Makes it.
        samples: Makes so many samples, the sample axis first.
    """

    model: Callable[[], keras.Model]
    samples: Callable[[int], np.ndarray]


def _volume_model() -> keras.Model:
    """Return a model of volumes: blurred, and its edges along each axis."""
    import keras

    layer = keras.layers.Conv3D(4, 3, padding="same", activation="relu", use_bias=False, name="edges")
    model = keras.Sequential([keras.Input((*_VOLUME, 1), name="volume"), layer])
    kernel = np.zeros((3, 3, 3, 1, 4), np.float32)
    kernel[..., 0, 0] = 1 / 27
    for axis in range(3):
        before, after = [1, 1, 1], [1, 1, 1]
        before[axis], after[axis] = 0, 2
        kernel[(*before, 0, axis + 1)], kernel[(*after, 0, axis + 1)] = -1, 1
    layer.set_weights([kernel])
    return model


def _tag_model() -> keras.Model:
    """Return a model that answers classes at each step."""
    import keras

    layer = keras.layers.Dense(3, activation="softmax", name="tags")
    model = keras.Sequential([keras.Input((_STEPS, 2), name="waves"), layer])
    turns = np.arange(3) * 2 * np.pi / 3
    layer.set_weights([3 * np.stack([np.sin(turns), np.cos(turns)]), np.zeros(3)])
    return model


def _waves(count: int) -> np.ndarray:
    """Return points that go round, one sample ahead of the other, shape ``(sample, time, 2)``."""
    turns = np.linspace(0, 4 * np.pi, _STEPS) + np.linspace(0, 1, count)[:, np.newaxis]
    return np.stack([np.sin(turns), np.cos(turns)], axis=-1).astype(np.float32)


def _sound_model() -> keras.Model:
    """Return a model that makes spectrograms."""
    import keras

    layer = keras.layers.MelSpectrogram(
        fft_length=256, sequence_stride=64, num_mel_bins=48, sampling_rate=_RATE, min_freq=40, name="mel"
    )
    return keras.Sequential([keras.Input((_RATE,), name="sound"), layer])


def _chirps(count: int) -> np.ndarray:
    """Return tones that rise through one second, each sample a little higher, shape ``(sample, time)``."""
    seconds = np.arange(_RATE) / _RATE
    hertz = np.linspace(200, 400, count)[:, np.newaxis] * (1 + 3 * seconds)
    return np.sin(2 * np.pi * np.cumsum(hertz, axis=1) / _RATE).astype(np.float32)


def _position_model() -> keras.Model:
    """Return a model with two heads of attention: one looks at the position before, one at that from the other end."""
    import keras

    words = keras.Input((_WORDS, _WORDS), name="positions")
    layer = keras.layers.MultiHeadAttention(2, _WORDS, name="attention")
    mean = keras.layers.GlobalAveragePooling1D(name="mean_over_positions")(layer(words, words))
    model = keras.Model(words, mean)
    same = np.eye(_WORDS)
    # Of a query the row is the position that asks, the column the one that is asked for.
    queries = _SHARPNESS * np.stack([np.eye(_WORDS, k=-1), np.fliplr(same)], axis=1)
    twice = np.stack([same, same], axis=1)
    none, nothing = np.zeros((2, _WORDS)), np.zeros(_WORDS)
    layer.set_weights([queries, none, twice, none, twice, none, twice.transpose(1, 0, 2) / 2, nothing])
    return model


def _positions(count: int) -> np.ndarray:
    """Return positions that are told a little less clearly by each sample, shape ``(sample, position, position)``."""
    clearness = np.linspace(1, 0.5, count)[:, np.newaxis, np.newaxis]
    return (clearness * np.eye(_WORDS)).astype(np.float32)


def _volumes(count: int) -> np.ndarray:
    """Return ellipsoids that wander through their volumes, shape ``(sample, depth, height, width, channel)``."""
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, extent) for extent in _VOLUME), indexing="ij"))
    centres = np.linspace(-0.3, 0.3, count)
    distances = [np.sqrt((((places - centre) / 0.7) ** 2).sum(axis=0)) for centre in centres]
    return np.clip(1.5 - np.stack(distances), 0, 1)[..., np.newaxis].astype(np.float32)


MADE_UP_MODELS: Final[Mapping[str, MadeUpModel]] = {
    "volumes": MadeUpModel(_volume_model, _volumes),
    "tags": MadeUpModel(_tag_model, _waves),
    "sounds": MadeUpModel(_sound_model, _chirps),
    "positions": MadeUpModel(_position_model, _positions),
}
"""By name: volumes that are blurred, points that go round with a class at each step, rising tones, and positions that
attend to each other."""
