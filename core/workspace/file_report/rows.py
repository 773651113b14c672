"""Sets what a file stores against the layers that its configuration describes: a row per layer, a row per array.

Keras 3 keeps layers in groups that are named after their classes, counted, and says each layer's own name besides since
3.6 or so; what the name does not tell, the count does. Layers inside a class of somebody's own stand in no
configuration: of those the groups tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from core.models.configuration import keras_layer_names
from core.models.keras2 import MODELS
from core.workspace.file_report.layers import FileLayer, key_of, kind_of_class
from core.workspace.file_report.results import MissingClass, WeightRow
from core.workspace.file_report.weights import StoredArray, WeightGroup, joint_distribution
from core.workspace.results import LayerRow

__all__ = ["add_stored_layers", "layer_rows", "parameters_in_all", "weight_rows"]

_FORWARD: Final = {"Bidirectional": {"layer": "forward_layer"}}
# To count the weights of what is nested at every depth again would take as many passes.
_DEEPEST_SUM: Final = 6


def add_stored_layers(layers: list[FileLayer], group: WeightGroup, most: int, *, is_own: bool) -> bool:
    """Find for each layer what a file stores for it, and add the layers of which only the stored weights tell.

    Args:
        layers: The layers of a model, or inside a layer; they are changed.
        group: What the file stores for that.
        most: How many layers may be added.
        is_own: Whether the class around them is somebody's own, or none is known.

    Returns:
        Whether layers were left out.
    """
    adder = _Adder(most, {layer.key for layer in _every(layers)})
    adder.place(layers, group, "", is_own=is_own)
    return adder.left_out


def layer_rows(layers: Sequence[FileLayer], missing: Sequence[MissingClass], most: int) -> tuple[LayerRow, ...]:
    """Return a row per layer, nested ones after what they are in.

    Args:
        layers: Those at the top, with what the file stores for them.
        missing: The classes that did not come with Keras.
        most: How many rows at most.
    """
    foreign = {each.name for each in missing}
    rows: list[LayerRow] = []
    stack = [(layer, "", 0) for layer in reversed(layers)]
    while stack and len(rows) < most:
        layer, parent, depth = stack.pop()
        first = layer.repeats or layer
        arrays = list(first.group.every_array()) if first.group else []
        rows.append(
            LayerRow(
                key=layer.key,
                name=layer.name,
                number=len(rows) + 1,
                depth=depth,
                type_name=layer.type_name,
                kind=layer.kind,
                shape=layer.shape,
                parameter_count=_parameter_count(first, arrays),
                distribution=joint_distribution(arrays if depth < _DEEPEST_SUM else ()),
                notes=(*layer.notes, *_notes(arrays)),
                holds_layers=bool(layer.inner),
                parent=parent,
                inputs_from=layer.inputs_from,
                missing="its class did not come with Keras"
                if layer.type_name in foreign and not layer.is_of_keras
                else "",
            )
        )
        stack.extend((inner, layer.key, depth + 1) for inner in reversed(layer.inner))
    return tuple(rows)


def parameters_in_all(layers: Sequence[FileLayer], root: WeightGroup) -> int | None:
    """Return how many parameters a model has: those that are stored, else those of its layers; None if unknown.

    Args:
        layers: The layers at the top.
        root: What the file stores for the whole model.
    """
    stored = [array.row.count for array in root.every_array() if not array.is_state]
    if stored:
        return sum(stored)
    counts = [_parameter_count(layer, []) for layer in layers if not layer.repeats]
    return None if None in counts or not counts else sum(count for count in counts if count is not None)


def weight_rows(layers: Sequence[FileLayer], root: WeightGroup) -> tuple[WeightRow, ...]:
    """Return a row per array, in the order of the layers; at the end those that belong to none that is known."""
    owners: dict[int, str] = {}
    rows: list[WeightRow] = []
    for layer in _every(layers):
        inner = {id(each.group) for each in layer.inner if each.group}
        for array in _own_arrays(layer.group, inner) if layer.group else ():
            owners[id(array)] = layer.key
            rows.append(replace(array.row, layer=layer.key))
    return (*rows, *(array.row for array in root.every_array() if id(array) not in owners))


class _Adder:
    """Walks through layers and groups together."""

    def __init__(self, most: int, keys: set[str]) -> None:
        self._most, self._keys = most, keys
        self.left_out = False

    def place(self, layers: list[FileLayer], group: WeightGroup, parent: str, *, is_own: bool, of: str = "") -> None:
        children = list(group.children.values())
        by_name = {child.name: child for child in reversed(children) if child.name}
        free = {id(child): child for child in children}
        parts = _parts_by_class([layer for layer in layers if not layer.attribute])
        for layer in layers:
            if layer.repeats:
                continue
            attribute = _FORWARD.get(of, {}).get(layer.attribute, layer.attribute)
            part = attribute or parts.get(layer.key, "")
            counted = next((each for each in children if each.part == part and bool(attribute) != each.in_list), None)
            named = by_name.get(layer.name)
            is_it = counted is not None and counted.name in ("", layer.name)
            layer.group = free.pop(id(counted if is_it else named), None)
            if layer.group is not None:
                is_known = layer.is_of_keras or layer.type_name in MODELS
                self.place(layer.inner, layer.group, layer.key, is_own=not is_known, of=layer.type_name)
        if is_own:
            for child in free.values():
                if not child.is_state and not child.is_input and (child.name or any(child.every_array())):
                    self._add(layers, child, parent)

    def _add(self, layers: list[FileLayer], group: WeightGroup, parent: str) -> None:
        if len(self._keys) >= self._most:
            self.left_out = True
            return
        name = group.name or group.part
        # Groups in a list of layers are called by the class, in another spelling.
        part = re.sub(r"_\d+\Z", "", group.part) if group.in_list else ""
        key = key_of(parent, name, self._keys)
        self._keys.add(key)
        layer = FileLayer(key, name, part, _kinds().get(part, "other"), group=group)
        layers.append(layer)
        self.place(layer.inner, group, layer.key, is_own=True)


def _parts_by_class(layers: Sequence[FileLayer]) -> dict[str, str]:
    """Return what Keras 3 calls the group of each layer in a list, by the layer's key."""
    counts: Counter[str] = Counter()
    parts = {}
    for layer in sorted(layers, key=lambda each: each.position):
        if layer.repeats or layer.kind == "operation":
            continue
        name = _snake_case(layer.type_name)
        parts[layer.key] = f"{name}_{counts[name]}" if counts[name] else name
        counts[name] += 1
    return parts


def _snake_case(class_name: str) -> str:
    """As ``keras.src.utils.naming.to_snake_case`` spells a class, which is how its groups are called."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


@cache
def _kinds() -> dict[str, str]:
    return {_snake_case(name): kind_of_class(name) for name in keras_layer_names() | MODELS}


def _every(layers: Sequence[FileLayer]) -> Iterator[FileLayer]:
    stack = list(reversed(layers))
    while stack:
        layer = stack.pop()
        yield layer
        stack.extend(reversed(layer.inner))


def _own_arrays(group: WeightGroup, inner: set[int]) -> Iterator[StoredArray]:
    yield from group.arrays
    for child in group.children.values():
        if id(child) not in inner:
            yield from _own_arrays(child, inner)


def _parameter_count(layer: FileLayer, arrays: Sequence[StoredArray]) -> int | None:
    if layer.group is not None:
        return sum(array.row.count for array in arrays if not array.is_state)
    if layer.inner and layer.parameters is None:
        inner = [_parameter_count(each, []) for each in layer.inner]
        return None if None in inner else sum(each for each in inner if each is not None)
    return layer.parameters


def _notes(arrays: Sequence[StoredArray]) -> tuple[str, ...]:
    not_finite = sum(array.row.not_finite for array in arrays)
    notes = (f"{not_finite:,} NaN or infinite",) if not_finite else ()
    values = [array for array in arrays if array.values.size and not array.is_state]
    if values and all(array.row.minimum == array.row.maximum for array in values):
        notes = (*notes, "constant weights")
    return notes
