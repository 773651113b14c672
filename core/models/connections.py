"""How the layers of a functional model are connected, as Keras 3 writes it in dicts, and Keras 2 in lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

__all__ = ["CONSTANT", "Call", "Tensor", "calls_of", "in_order", "own_name", "tensors_in"]

CONSTANT: Final = "_CONSTANT_VALUE"
"""Where Keras 2 would name a layer: the number that follows is no tensor, but stands for itself."""
Call: TypeAlias = tuple[str, int]
"""A layer, and which of its calls."""
Tensor: TypeAlias = tuple[str, int, int]
"""A layer, which of its calls, and which of the tensors that the call answered."""


def own_name(layer: Mapping[str, Any]) -> str:
    """Return the name of a layer of a configuration, or its class where it has none."""
    config = layer.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return str(layer.get("name") or inner or layer.get("class_name"))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield every tensor that a part of a configuration names, in order; keywords of a Keras 2 call come last."""
    if isinstance(value, dict):
        config = value.get("config")
        history = config.get("keras_history") if isinstance(config, dict) else None
        if isinstance(history, list) and len(history) == 3 and isinstance(history[0], str):
            call, tensor = (place if isinstance(place, int) else 0 for place in history[1:])
            yield history[0], call, tensor
        else:
            for part in value.values():
                yield from tensors_in(part)
    elif isinstance(value, list):
        is_one = len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int)
        if is_one and value[0] == CONSTANT:
            value = value[3:]
        elif is_one and isinstance(value[2], int):
            yield value[0], value[1], value[2]
            value = value[3:]
        for part in value:
            yield from tensors_in(part)


def calls_of(layers: Sequence[Mapping[str, Any]]) -> dict[Call, list[Tensor]]:
    """Return what each call of each layer takes; an input, which is not called, has one call that takes nothing."""
    calls: dict[Call, list[Tensor]] = {}
    for layer in layers:
        nodes = layer.get("inbound_nodes")
        for number, node in enumerate(nodes if isinstance(nodes, list) and nodes else [[]]):
            calls[str(layer.get("name", "")), number] = list(tensors_in(node))
    return calls


def in_order(calls: Mapping[Call, Sequence[Tensor]]) -> list[Call]:
    """Return the calls so that each comes after those that it takes something from (Kahn's algorithm).

    Calls that wait for each other are left out. What a call takes from one that is not among these does not hold it up.
    """
    waiting = {
        call: {(layer, number) for layer, number, _ in tensors if (layer, number) in calls}
        for call, tensors in calls.items()
    }
    takers: dict[Call, list[Call]] = {}
    for call, sources in waiting.items():
        for source in sources:
            takers.setdefault(source, []).append(call)
    ordered = [call for call, sources in waiting.items() if not sources]
    for call in ordered:  # it grows meanwhile
        for taker in takers.get(call, ()):
            waiting[taker].discard(call)
            if not waiting[taker]:
                ordered.append(taker)
    return ordered
