"""How far what goes into a normalisation layer lies from what the layer saw in training.

Constraint that shaped this module: the table of layers asks for it for every such layer of a model, so large inputs
are looked at in part, evenly spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo

__all__ = [
    "ENOUGH_VALUES",
    "MOST_SHIFT",
    "SPREAD_LIMITS",
    "Drift",
    "drift",
    "drift_of_statistics",
    "keeps_statistics",
    "refuse_without_statistics",
]

MOST_SHIFT: Final = 1.0
"""Standard deviations of training that the mean of a batch may lie away."""
SPREAD_LIMITS: Final = (0.5, 2.0)
"""Share of the standard deviation of training that a batch may have."""
ENOUGH_VALUES: Final = 30
"""Values per channel from which on a standard deviation is worth comparing."""
VALUES_LOOKED_AT: Final = 2_000_000
# What the layers add to a variance before they divide by its root, unless they were told otherwise.
_EPSILON: Final = {"BatchNormalization": 1e-3, "Normalization": 1e-14}


@dataclass(frozen=True)
class Drift:
    """The statistics of a batch against those of training, per channel.

    Attributes:
        shift: Mean of the batch minus mean of training, in standard deviations of training; shape ``(channel,)``.
        spread: Standard deviation of the batch over that of training; shape ``(channel,)``.
        most_shift: Largest shift that does not count as drift: 1, and what chance adds where values are few.
        spread_limits: Spreads between which nothing counts as drift; 0 to infinity where values are too few to tell.
        sample_count: How many samples this rests on.
        values_per_channel: How many values of each channel it rests on.
        is_initial: True where the layer has the statistics that it began with: it was never trained, or never adapted.
    """

    shift: np.ndarray
    spread: np.ndarray
    most_shift: float
    spread_limits: tuple[float, float]
    sample_count: int
    values_per_channel: int
    is_initial: bool

    @property
    def drifts(self) -> np.ndarray:
        """Which channels drift; boolean, shape ``(channel,)``. A channel without a finite value does not count."""
        low, high = self.spread_limits
        with np.errstate(invalid="ignore"):
            return (np.abs(self.shift) > self.most_shift) | (self.spread < low) | (self.spread > high)


def drift(activation: Activation, most_values: int = VALUES_LOOKED_AT) -> Drift | None:
    """Compare what went into a normalisation layer with the statistics that the layer keeps.

    Args:
        activation: What a BatchNormalization or Normalization layer answered, with its inputs.
        most_values: How many values to look at, evenly spread over samples and positions.

    Returns:
        None where there is nothing to compare: another layer, no known input, statistics that were given by hand, or
        an input that does not have the layer's number of channels.
    """
    if len(activation.inputs) != 1 or not activation.inputs[0].is_numeric or refuse_without_statistics(activation):
        return None
    given, weights = activation.inputs[0], activation.weights
    kept = _statistics(weights)
    if kept is None or 0 in given.shape:
        return None
    mean = kept[0]
    rows = _rows(given, activation, mean.shape, most_values)
    if rows is None:
        return None
    mean = mean.reshape(-1).astype(np.float64)
    # From the mean of training on, so that large numbers lose nothing when they are squared.
    away = np.where(np.isfinite(rows), rows, np.nan) - mean  # (value, channel)
    counts = np.isfinite(away).sum(axis=0)
    some = np.where(counts, counts, np.nan)
    batch_mean = np.nansum(away, axis=0) / some
    batch_variance = np.nansum((away - batch_mean) ** 2, axis=0) / some
    return drift_of_statistics(
        mean + batch_mean, batch_variance, activation.layer, weights, sample_count=given.shape[0], values=len(rows)
    )


def drift_of_statistics(
    mean: np.ndarray,
    variance: np.ndarray,
    layer: LayerInfo,
    weights: Mapping[str, np.ndarray],
    *,
    sample_count: int,
    values: int,
) -> Drift | None:
    """Compare mean and variance of what went into a normalisation layer with the statistics that the layer keeps.

    Args:
        mean: Shape ``(channel,)``.
        variance: Likewise.
        layer: The layer.
        weights: Its weights by name.
        sample_count: How many samples they rest on.
        values: How many values of each channel.

    Returns:
        None where the layer keeps none, or for another number of channels.
    """
    kept = _statistics(weights)
    if kept is None or kept[0].size != mean.size:
        return None
    trained_mean, trained_variance = (each.reshape(-1).astype(np.float64) for each in kept)
    epsilon = _EPSILON["Normalization" if "Normalization" in layer.type_names else "BatchNormalization"]
    deviation = np.sqrt(trained_variance + epsilon)
    return Drift(
        shift=(mean - trained_mean) / deviation,
        spread=np.sqrt(variance + epsilon) / deviation,
        # Two standard errors of a mean: with few values some lie far off by chance.
        most_shift=MOST_SHIFT + 2 / math.sqrt(max(values, 1)),
        spread_limits=SPREAD_LIMITS if values >= ENOUGH_VALUES else (0.0, math.inf),
        sample_count=sample_count,
        values_per_channel=values,
        is_initial=bool((trained_mean == 0).all() and (trained_variance == 1).all()),
    )


def refuse_without_statistics(activation: Activation) -> str:
    """Return why there is no training to compare with, for ``Handles(when=…)``; empty if there is."""
    layer = activation.layer
    if not keeps_statistics(layer):
        return f"takes layers that keep statistics of training, {layer.type_name} keeps none"
    if not layer.parameter_count:
        return f"takes statistics of training, those of this {layer.type_name} were given by hand"
    return "" if layer.inputs_from else "compares what goes into the layer, and where that comes from is not known"


def keeps_statistics(layer: LayerInfo) -> bool:
    """Return whether a layer keeps the statistics of what it was trained on."""
    return bool({"BatchNormalization", "Normalization"} & set(layer.type_names))


def _statistics(weights: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    for mean, variance in (("moving_mean", "moving_variance"), ("mean", "variance")):
        if mean in weights and variance in weights:
            return weights[mean], weights[variance]
    return None


def _rows(given: Activation, activation: Activation, kept: tuple[int, ...], most_values: int) -> np.ndarray | None:
    """Return values of shape ``(value, channel)``; None where the axes do not fit the statistics."""
    axes = _normalised_axes(given, activation, kept)
    if axes is None:
        return None
    values = np.moveaxis(given.values, axes, range(-len(axes), 0)) if axes else given.values
    places = values.shape[: values.ndim - len(axes)]  # (*places, *channels)
    count = math.prod(places)
    channels = math.prod(kept)
    at = np.arange(count)
    mask = given.mask if given.mask is not None else activation.mask
    if mask is not None and mask.shape == places[:2]:
        # Padding is no part of what the layer learned.
        shown = np.broadcast_to(mask.reshape(*mask.shape, *([1] * (len(places) - 2))), places)
        at = np.flatnonzero(shown)
    most = max(ENOUGH_VALUES, most_values // max(channels, 1))
    if len(at) > most:
        at = at[np.linspace(0, len(at) - 1, most).astype(np.int64)]
    return values[np.unravel_index(at, places)].reshape(len(at), channels).astype(np.float64)


def _normalised_axes(given: Activation, activation: Activation, kept: tuple[int, ...]) -> list[int] | None:
    words = dict(activation.layer.settings).get("axis", "")
    axes = [int(word) % given.rank for word in words.split("×")] if words else []
    if given.layer.data_format == "channels_first" and given.rank >= 3:
        # The channels were put last: (sample, channel, *space) -> (sample, *space, channel)
        axes = [given.rank - 1 if axis == 1 else axis - 1 if axis > 1 else axis for axis in axes]
    axes.sort()
    extents = tuple(given.shape[axis] for axis in axes)
    return axes if 0 not in axes and extents == tuple(kept) else None
