"""What is to be known of a layer's weights before they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo

__all__ = ["GATES", "float_arrays", "gates_of", "not_what_multiplies", "refuse_without_weights", "types_of"]

GATES: Final[Mapping[str, tuple[str, ...]]] = {
    "LSTM": ("input gate", "forget gate", "candidate", "output gate"),
    "GRU": ("update gate", "reset gate", "candidate"),
    "SimpleRNN": ("state",),
}
"""What the parts of a recurrent kernel ``(incoming, gate × unit)`` are, in Keras' order, by class of the layer."""


def types_of(layer: LayerInfo) -> set[str]:
    """Return the class of a layer and its bases, and those of the layer that it applies to each timestep."""
    return {*layer.type_names, *layer.wrapped_type_names}


def gates_of(layer: LayerInfo) -> tuple[str, ...]:
    """Return what the parts of a recurrent layer's kernels are, see :data:`GATES`; none where it has no such parts."""
    types = types_of(layer)
    return next((gates for name, gates in GATES.items() if name in types), ())


def refuse_without_weights(activation: Activation) -> str:
    """Return why a layer's weights cannot be drawn, for ``Handles(when=…)``; empty if it has some."""
    return "" if activation.layer.parameter_count else "takes layers that have weights"


def float_arrays(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return those of a layer's weights that are fractions, by name; without whole numbers and what has no value."""
    # Halves of other makes than NumPy's, such as bfloat16, have a kind of their own there.
    return {name: array for name, array in weights.items() if array.size and array.dtype.kind in "fV"}


def not_what_multiplies(names: Iterable[str], array: np.ndarray) -> str:
    """Return why an array is not what a layer multiplies by, in a sentence; empty where it is.

    Args:
        names: Names of all weights of the layer.
        array: One of them.
    """
    if array.dtype.kind in "iu":
        return "The weights are quantized: whole numbers on scales of their own, not what the layer multiplies by."
    if any("lora" in name for name in names):
        return "The layer has LoRA weights beside its kernel. Save the model and open the file: saving merges them."
    return ""
