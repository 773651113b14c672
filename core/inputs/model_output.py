"""What an output of a model is: what labels are set against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

__all__ = ["ModelOutput", "is_distribution"]

_SUM_OF_PROBABILITIES: Final = 1e-3
_BETWEEN_0_AND_1: Final = frozenset({"sigmoid", "hard_sigmoid"})


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
    """

    count: int | None = None
    function: str = ""
    layer: str = ""
    name: str = ""
    is_text: bool = False
    position: int = 0

    @property
    def class_count(self) -> int | None:
        """Between how many classes it could tell: a single number tells two apart. None if it is no list of numbers."""
        return 2 if self.count == 1 else self.count

    @property
    def is_one_probability(self) -> bool:
        """Whether it is a single number from 0 to 1, as of a sigmoid."""
        return self.count == 1 and self.function in _BETWEEN_0_AND_1

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
