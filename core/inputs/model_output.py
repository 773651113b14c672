"""What an output of a model is: what labels are set against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = [
    "BETWEEN_0_AND_1",
    "LEAST_PROBABILITY",
    "ModelOutput",
    "are_distributions",
    "are_sound",
    "is_distribution",
    "outputs_named",
]

_SUM_OF_PROBABILITIES: Final = 1e-3
BETWEEN_0_AND_1: Final = frozenset({"sigmoid", "hard_sigmoid"})
"""Activation functions of which each number is a probability of its own."""
LEAST_PROBABILITY: Final = 1e-7
"""What Keras' losses take for the logarithm of a probability of zero."""


@dataclass(frozen=True)
class ModelOutput:
    """An output of a model.

    Attributes:
        count: How many numbers it has for each sample; None where they are no list of a known length.
        function: Activation function of the layer that it comes from; empty if it has none, or that is not known.
        layer: Key of that layer; empty if that is not known.
        name: What the output is called; empty if that is not known.
        is_text: Whether it is text, as behind a StringLookup.
        position: Which of the model's outputs it is, in the order in which they are answered.
        shape: Extents of one sample's answer, None for what is of any size; None if that is not known.
    """

    count: int | None = None
    function: str = ""
    layer: str = ""
    name: str = ""
    is_text: bool = False
    position: int = 0
    shape: tuple[int | None, ...] | None = None

    @property
    def key(self) -> str:
        """What its true values are kept by, and what it is called in sentences: its name, else its layer's."""
        return self.name or self.layer

    @property
    def class_count(self) -> int | None:
        """Between how many classes it could tell: a single number tells two apart. None if it is no list of numbers."""
        return 2 if self.count == 1 else self.count

    @property
    def is_one_probability(self) -> bool:
        """Whether it is a single number from 0 to 1, as of a sigmoid."""
        return self.count == 1 and self.function in BETWEEN_0_AND_1

    @property
    def tells_classes(self) -> bool:
        """Whether it is known to tell classes apart: a softmax over several, or a single probability."""
        return self.is_one_probability or (self.function == "softmax" and (self.count or 0) > 1)

    @property
    def is_one_number(self) -> bool:
        """Whether it is a single number of any size, as of a regression."""
        return self.count == 1 and not self.is_one_probability


def is_distribution(values: np.ndarray) -> bool:
    """Return whether numbers are probabilities of several classes along their last axis, whatever the shape."""
    if values.ndim == 0 or values.shape[-1] < 2:
        return False
    probabilities = values.astype(np.float64)
    return bool((probabilities >= 0).all() and (np.abs(probabilities.sum(axis=-1) - 1) < _SUM_OF_PROBABILITIES).all())


def are_sound(values: np.ndarray) -> np.ndarray:
    """Return where all numbers along the last axis are such that they tell a class, boolean, without that axis.

    The logit of a class that a model rules out may be minus infinity; NaN and infinity tell none.
    """
    return np.asarray(~(np.isnan(values) | np.isposinf(values)).any(axis=-1))


def are_distributions(values: np.ndarray, sound: np.ndarray) -> bool:
    """Return whether numbers are probabilities of classes along their last axis wherever they are sound, if they are.

    Args:
        values: Shape ``(…, class)``.
        sound: Of them, see :func:`are_sound`, shape ``(…)``; where there is none, the numbers say nothing.
    """
    return bool(sound.any()) and is_distribution(values if sound.all() else values[sound])


def outputs_named(model: Any) -> tuple[ModelOutput, ...]:
    """Return the outputs of a Keras model with what their tensors say, the one that labels are set against first.

    Args:
        model: A Keras model; of one that does not say what it answers nothing is returned.
    """
    outputs: list[ModelOutput] = []
    for position, tensor in enumerate(getattr(model, "outputs", None) or ()):
        layer, shape = tensor._keras_history.operation, tuple(tensor.shape)[1:]
        function = getattr(getattr(layer, "activation", None), "__name__", "")
        outputs.append(
            ModelOutput(
                shape[0] if len(shape) == 1 else None,
                "" if function == "linear" else function,
                name=layer.name,
                is_text=str(tensor.dtype) == "string",
                position=position,
                shape=shape,
            )
        )
    return tuple(sorted(outputs, key=lambda output: not output.tells_classes))
