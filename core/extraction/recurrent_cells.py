"""Which layers are recurrent, and which cells are code of others."""

from __future__ import annotations

from typing import Any

__all__ = ["cells_of", "has_base", "is_plain_cell", "recurrent_layer"]


def has_base(operation: Any, name: str) -> bool:
    """Return whether a layer is of a class of a name, or of one that is made of it."""
    return any(cls.__name__ == name for cls in type(operation).__mro__)


def recurrent_layer(operation: Any) -> Any:
    """Return the recurrent layer that a layer is, or that it applies to each timestep; None for another one."""
    layer = operation
    while has_base(layer, "TimeDistributed"):
        layer = layer.layer
    return layer if has_base(layer, "RNN") else None


def cells_of(layer: Any) -> list[Any]:
    """Return the cells that a recurrent layer goes through at each step."""
    cell: Any = getattr(layer, "cell", None)
    return list(cell.cells) if has_base(cell, "StackedRNNCells") else [cell]


def is_plain_cell(cell: Any) -> bool:
    """Return whether what a cell computes is known: it is one of Keras, not of others."""
    return str(type(cell).__module__).startswith("keras.") and hasattr(cell, "state_size")
