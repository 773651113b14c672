"""What layers of small real models answer over the steps of a training, for pictures over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from core.common.cache import OnceCache
from core.extraction.activation import STEP_AXIS, Activation
from core.plugins.testing.models import small_activations, small_inputs, small_model

__all__ = ["small_activations_over_steps"]

_KEPT: Final = 48
_STEPS_BETWEEN: Final = 100
_RECORDED: Final = 5
"""So many moments are answers of the model with other weights each; between them lies what changes evenly."""
_PART: Final = "mean"

_recorded: OnceCache[Mapping[str, Activation]] = OnceCache(_KEPT)


def small_activations_over_steps(
    kind: str, *, width: int = 8, steps: int = 12, samples: int = 6, moments: int = 5
) -> Mapping[str, Activation]:
    """Return what the layer of a small model answers while its weights grow, as :attr:`layerscope.Run` keeps it.

    Args:
        kind: One of :data:`LAYER_KINDS`.
        width: Units or channels.
        steps: Timesteps of sequences.
        samples: How many samples, drawn at random, with labels and class names.
        moments: How many steps of the training are kept, one in a hundred.

    Returns:
        ``"layer"``, all that it answered, with the axes ``("step", "sample", …)``; and, where its last axis is units or
        channels and it answers numbers, ``"layer:mean"``, the mean of each unit, ``("step", "unit")``.
    """
    return _recorded.get((kind, width, steps, samples, moments), lambda: _record(kind, width, steps, samples, moments))


def _record(kind: str, width: int, steps: int, samples: int, moments: int) -> Mapping[str, Activation]:
    at_first = small_activations(kind, width=width, steps=steps, samples=samples)["layer"]
    numbers = [_STEPS_BETWEEN * moment for moment in range(moments)]
    values = _values_over_steps(at_first, kind, width, steps, samples, moments)

    def over_steps(values: np.ndarray, axes: tuple[str, ...], part: str) -> Activation:
        key = "layer" if part == "output" else f"layer:{part}"
        context = at_first.context
        return Activation(key, values, axes, at_first.layer, part=part, context=context, steps=numbers)

    whole = over_steps(values, (STEP_AXIS, *at_first.axes), "output")
    found = {whole.key: whole}
    if at_first.is_numeric and at_first.axes[-1] in ("unit", "channel"):
        places = tuple(range(1, values.ndim - 1))  # (step, sample, …, unit) -> (step, unit)
        means = values.astype(np.float32).mean(axis=places)
        unit_means = over_steps(means, (STEP_AXIS, "unit"), _PART)
        found[unit_means.key] = unit_means
    return found


def _values_over_steps(
    at_first: Activation, kind: str, width: int, steps: int, samples: int, moments: int
) -> np.ndarray:
    if not at_first.is_numeric:
        return np.repeat(at_first.values[np.newaxis], moments, axis=0)
    from core.extraction.extractor import Extractor

    model = small_model(kind, width=width, steps=steps)
    extractor, inputs = Extractor(model), small_inputs(model, samples)
    weights = model.get_weights()
    recorded = []
    for growth in np.linspace(1, 2, min(_RECORDED, moments)):
        model.set_weights([(growth * each).astype(each.dtype) for each in weights])
        recorded.append(np.array(extractor.extract(inputs, layers=["layer"])["layer"].values))
    if moments <= _RECORDED:
        return np.stack(recorded)
    at = np.linspace(0, _RECORDED - 1, moments)
    before = np.minimum(at.astype(int), _RECORDED - 2)
    share = (at - before).reshape(-1, *[1] * at_first.rank)
    stacked = np.stack(recorded)  # (recorded, sample, …)
    return ((1 - share) * stacked[before] + share * stacked[before + 1]).astype(at_first.values.dtype)
