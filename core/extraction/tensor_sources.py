"""From which tensors another one was computed, as far as a graph can be followed back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_answer", "traced_back"]

_ONLY_EXTENTS: Final = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
"""Operations of a graph whose results hold nothing of the values that go in."""


def traced_back(tensor: Any, producers: Mapping[int, tuple[str, Any]]) -> list[str]:
    """Return the keys of what a tensor was computed from, nearest first.

    Args:
        tensor: Of a graph; nothing is known of another one.
        producers: Key and tensor by the ``id`` of the tensor.
    """
    sources: list[str] = []
    waiting, visited = _parts(tensor), set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in visited:
            continue
        visited.add(id(part))
        if id(part) in producers:
            sources.append(producers[id(part)][0])
            continue
        operation = None if hasattr(part, "numpy") else getattr(part, "op", None)
        if operation is not None and operation.type == "Placeholder":
            waiting.extend(_outside_of_loop(part))
        elif operation is not None and operation.type not in _ONLY_EXTENTS:
            waiting.extend(reversed(operation.inputs))
    return sources


def _outside_of_loop(tensor: Any) -> list[Any]:
    """Return what a tensor inside a loop of the graph stands for, where that is one of the graph around."""
    if getattr(tensor.graph, "outer_graph", None) is None or tensor.dtype.name == "resource":
        return []
    return [outer for outer, inner in getattr(tensor.graph, "captures", ()) if inner is tensor]


def is_answer(tensor: Any, producers: Mapping[int, tuple[str, Any]]) -> bool:
    """Return whether a tensor is what a layer answered, or an input, as it is or in another type of numbers.

    Args:
        tensor: Any.
        producers: As for :func:`traced_back`.
    """
    while id(tensor) not in producers:
        operation = None if hasattr(tensor, "numpy") else getattr(tensor, "op", None)
        if operation is None or operation.type not in ("Identity", "Cast"):
            return False
        tensor = operation.inputs[0]
    return True


def _parts(tensor: Any) -> list[Any]:
    import tensorflow as tf

    # Rows of different lengths are made of several tensors.
    return list(tf.nest.flatten(tensor, expand_composites=True))
