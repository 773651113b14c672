"""From parameters that ascent changes to an input: by frequencies, with colours that do not go together.

In the pixels themselves, gradient ascent finds noise. Where it changes the strength of each frequency instead, low ones
as easily as high ones, and colours along the directions in which those of photographs vary, it finds pictures (Olah,
Mordvintsev, Schubert, "Feature Visualization", Distill 2017; the colour matrix is that of their Lucid). Of sequences a
frequency counts by how strong it is in the samples: sounds and series are not all alike, as photographs are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from core.analysis.maximization.domain import Domain
from core.extraction.channel_order import channels_last

__all__ = ["distance_from", "inputs_at", "parameters_of", "starting_parameters"]

_START: Final = 0.01
_NOT_BLACK: Final = (0.02, 0.98)
_COLOURS: Final = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
_COLOURS_OF_PHOTOGRAPHS: Final = _COLOURS / np.linalg.norm(_COLOURS, axis=0).max()


def starting_parameters(domain: Domain, starts: int, seed: int, *, by_frequency: bool) -> np.ndarray:
    """Return random parameters to start from.

    Args:
        domain: Where inputs lie.
        starts: How many inputs are looked for at once.
        seed: Of the random numbers.
        by_frequency: Whether the parameters are strengths of frequencies.

    Returns:
        Shape ``(start, channel, …)`` with the real and the imaginary part as the last axis for frequencies, else
        ``(start, …)`` as the input.
    """
    random = np.random.default_rng(seed)
    if domain.kind == "vector" or not by_frequency:
        size = 0.1 if domain.kind == "vector" else 0.3
        return random.normal(size=(starts, *domain.shape)).astype(np.float32) * size
    *places, channels = domain.shape
    shape = (starts, channels, *places[:-1], places[-1] // 2 + 1, 2)
    return random.normal(size=shape).astype(np.float32) * _START


def distance_from(parameters: Any, domain: Domain, *, by_frequency: bool, is_coloured: bool) -> Any:
    """Return how far the inputs of some parameters are from the usual, the channels last; inside a graph or not.

    Images are squeezed into the range of the samples, and their distance is a share of that; vectors and sequences are
    steps from the mean, in standard deviations.

    Args:
        parameters: As :func:`starting_parameters` returns them.
        domain: Where inputs lie.
        by_frequency: Whether the parameters are strengths of frequencies.
        is_coloured: Whether the three channels are red, green and blue, to be mixed as in photographs.
    """
    import tensorflow as tf

    free = _by_place(parameters, domain) if by_frequency and domain.kind != "vector" else parameters
    if domain.kind != "image":
        return free
    if is_coloured:
        free = tf.einsum("shwc,dc->shwd", free, tf.constant(_COLOURS_OF_PHOTOGRAPHS))
    return tf.sigmoid(free + _middle_of(domain)) - _usual_share(domain)


def inputs_at(distance: Any, domain: Domain) -> Any:
    """Return the inputs at a distance from the usual, as :func:`distance_from` has it, within the range of samples."""
    import tensorflow as tf

    mean, spread, low, high = (
        statistic.astype(np.float32).reshape(_per_feature(domain))
        for statistic in (domain.mean, domain.spread, domain.low, domain.high)
    )
    if domain.kind == "image":
        return low + (high - low) * (distance + _usual_share(domain))
    return tf.clip_by_value(mean + spread * distance, low, high)


def parameters_of(sample: np.ndarray, domain: Domain, *, by_frequency: bool, is_coloured: bool) -> np.ndarray:
    """Return the parameters that a sample has, the inverse of :func:`inputs_from`, for one start: ``(1, …)``."""
    value = np.asarray(sample, np.float32)
    value = domain.as_drawn(value[np.newaxis])[0]
    if domain.kind == "image":
        share = np.clip((value - domain.low) / (domain.high - domain.low), *_NOT_BLACK)
        free = np.log(share / (1 - share)) - _middle_of(domain)
        free = free @ np.linalg.inv(_COLOURS_OF_PHOTOGRAPHS).T if is_coloured else free
    else:
        spread = np.where(domain.spread > 0, domain.spread, 1).reshape(_per_feature(domain))
        free = (value - domain.mean.reshape(_per_feature(domain))) / spread
    if not by_frequency or domain.kind == "vector":
        return free[None].astype(np.float32)
    *places, _ = domain.shape
    spectrum = np.fft.rfftn(np.moveaxis(free, -1, 0), axes=range(1, 1 + len(places)))
    spectrum = spectrum / _scale(domain) * (4.0 if len(places) == 2 else 1.0)
    return np.stack([spectrum.real, spectrum.imag], axis=-1)[None].astype(np.float32)


def _by_place(parameters: Any, domain: Domain) -> Any:
    """Return what frequencies of these strengths add up to: ``(start, *places, channel)``."""
    import tensorflow as tf

    *places, _ = domain.shape
    scaled = parameters * _scale(domain)[..., None]
    spectrum = tf.complex(scaled[..., 0], scaled[..., 1])
    if len(places) == 2:
        return channels_last(tf.signal.irfft2d(spectrum, fft_length=places) / 4.0)
    return channels_last(tf.signal.irfft(spectrum, fft_length=places))


def _scale(domain: Domain) -> np.ndarray:
    *places, _ = domain.shape
    last = np.fft.rfftfreq(places[-1])
    # The root undoes the inverse transform's own factor: a step is as long for few timesteps as for thousands.
    factor = np.sqrt(np.prod(places))
    if len(places) == 1:
        strength = np.ones(len(last)) if domain.spectrum is None else domain.spectrum
        return (factor * strength).astype(np.float32)
    # As in photographs, a frequency counts by one over itself.
    frequency = np.hypot(np.fft.fftfreq(places[0])[:, None], last)
    return (factor / np.maximum(frequency, 1 / max(places))).astype(np.float32)


def _middle_of(domain: Domain) -> np.ndarray:
    # What no parameters at all amount to: the mean of the samples.
    share = np.clip((domain.mean - domain.low) / (domain.high - domain.low), *_NOT_BLACK)
    return np.log(share / (1 - share)).astype(np.float32)


def _usual_share(domain: Domain) -> np.ndarray:
    return ((domain.usual - domain.low) / (domain.high - domain.low)).astype(np.float32)


def _per_feature(domain: Domain) -> tuple[int, ...]:
    return domain.shape if domain.kind == "vector" else (1, domain.shape[-1])
