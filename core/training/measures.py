"""The numbers that are recorded of each layer at each step: what they are called, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["LAYER_MEASURES", "MEASURES", "SAMPLES_LOSS", "UNIT_MEASURES", "Measure"]

SAMPLES_LOSS: Final = "samples_loss"
"""Under what name the loss of the fixed samples stands beside the training's own numbers."""

Scale = Literal["values", "positive", "share", "count", "log"]


@dataclass(frozen=True)
class Measure:
    """Something that is recorded of each layer at each step.

    Attributes:
        name: What :meth:`core.training.run.Run.measure` knows it by.
        title: What people read.
        description: What it says, in a sentence.
        scale: ``"values"`` of either sign, ``"positive"`` ones, a ``"share"`` from 0 to 1, a ``"count"``, or positive
            ones over orders of magnitude (``"log"``).
    """

    name: str
    title: str
    description: str
    scale: Scale


_ALL: Final = (
    Measure("mean", "Mean", "Mean of all values that the layer answers to the fixed samples.", "values"),
    Measure("std", "Spread", "Standard deviation of all values that the layer answers.", "positive"),
    Measure("min", "Smallest value", "The smallest value that the layer answers.", "values"),
    Measure("max", "Largest value", "The largest value that the layer answers.", "values"),
    Measure("zeros", "Zeros", "Share of the layer's values that are exactly zero.", "share"),
    Measure(
        "dead",
        "Dead units",
        "Share of units that are never above zero; of layers that end in a ReLU, and from 8 samples on.",
        "share",
    ),
    Measure("died", "Units that died", "Units that are dead and were not at the recorded step before.", "count"),
    Measure("born", "Units that came alive", "Units that were dead at the recorded step before and are not.", "count"),
    Measure(
        "saturated",
        "Saturation",
        "Share of values near a bound of the activation function, where that has bounds: sigmoid, tanh and the like.",
        "share",
    ),
    Measure("not_finite", "Not finite", "Share of units that answer NaN or an infinite value somewhere.", "share"),
    Measure("weight_norm", "Weights", "Root of the sum of squares of the layer's own trainable weights.", "log"),
    Measure(
        "update_ratio",
        "Update ÷ weights",
        "How far the layer's weights moved since the recorded step before, by their norm then.",
        "log",
    ),
    Measure(
        "gradient_norm",
        "Gradient",
        "Norm of the gradient of the loss on the fixed samples by the layer's weights; not that of a training batch.",
        "log",
    ),
    Measure(
        "weights_not_finite", "Weights not finite", "How many of the layer's weights are NaN or infinite.", "count"
    ),
    Measure(
        "gradients_not_finite",
        "Gradients not finite",
        "How many numbers of the gradient by the layer's weights are NaN or infinite.",
        "count",
    ),
    Measure(
        "input_drift",
        "Drift of the input",
        "How far the means of what goes into the layer moved since the first recorded step, in standard deviations.",
        "positive",
    ),
)

MEASURES: Final = {measure.name: measure for measure in _ALL}
"""All that is recorded of a layer, by name, in the order in which a person looks through it."""
LAYER_MEASURES: Final = tuple(MEASURES)
"""Their names, in the order of the last axis of the array that keeps them."""
UNIT_MEASURES: Final = ("mean", "std", "min", "max", "zeros", "saturated")
"""What is kept of each unit, likewise."""
