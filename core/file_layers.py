"""The layers that a model's file tells of, in its configuration and by its weights; nothing of it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.charts import count_in_bins, format_shape
from core.connections import calls_of, layers_in, own_name
from core.file_weights import BINS, StoredWeight, WeightRow
from core.layers import input_key, kind_of_class
from core.model_sizes import layer_shapes
from core.naming import shown
from core.shape_rules import Shape
from core.summaries import LayerRow

__all__ = ["layers_of_file"]

_MOST_LAYERS: Final = 5_000
_NOT_RUN: Final = "nothing of the file was run"


@dataclass(frozen=True)
class _Layer:
    key: str
    parent: str
    type_name: str
    shape: Shape | None
    inputs_from: tuple[str, ...] = ()
    holds_code: bool = False

    @property
    def depth(self) -> int:
        return self.key.count("/")


def layers_of_file(
    config: Mapping[str, Any], weights: Sequence[StoredWeight]
) -> tuple[tuple[LayerRow, ...], tuple[WeightRow, ...], tuple[str, ...]]:
    """Return a row per layer, a row per weight, and the names of the inputs.

    Args:
        config: The configuration; empty for weights alone.
        weights: What the file stores.

    Returns:
        Rows in the order of the file, nested layers after what they are nested in. A layer that only the weights tell
        of, as one inside a class that is not Keras', has no type and no shape.
    """
    layers = {layer.key: layer for layer in _declared(config)} if config else {}
    inputs = tuple(layer.key for layer in layers.values() if layer.type_name == "InputLayer")
    owned: dict[str, list[StoredWeight]] = {}
    # In an .h5 file it stands on the way to what a class that is not Keras' holds.
    model_name = shown(own_name(config)) if config else ""
    for weight in weights:
        owned.setdefault(_owner(weight, layers, model_name), []).append(weight)
    layers = _with_stored(layers, owned)
    inside = _inside(layers, owned)
    holders = {layer.parent for layer in layers.values()}
    shown_layers = [layer for layer in layers.values() if layer.key not in inputs][:_MOST_LAYERS]
    rows = [
        _row(layer, number, inside.get(layer.key, ()), layer.key in holders, inputs)
        for number, layer in enumerate(shown_layers, start=1)
    ]
    weight_rows = [
        weight.row(key, layers[key].type_name if key in layers else "")
        for key in [*layers, *(key for key in owned if key not in layers)]
        for weight in owned.get(key, ())
    ]
    return tuple(rows), tuple(weight_rows), inputs


def _inside(layers: Mapping[str, _Layer], owned: Mapping[str, Sequence[StoredWeight]]) -> dict[str, list[StoredWeight]]:
    """By layer, its weights and those of the layers in it."""
    inside: dict[str, list[StoredWeight]] = {}
    for key, weights in owned.items():
        while key:
            inside.setdefault(key, []).extend(weights)
            key = layers[key].parent if key in layers else ""
    return inside


def _declared(model: Mapping[str, Any], parent: str = "") -> Iterator[_Layer]:
    """Yields the layers of a model's configuration, each followed by those inside it."""
    shapes = layer_shapes(model) if not parent else {}
    yield from _declared_in(model, parent, shapes)


def _declared_in(model: Mapping[str, Any], parent: str, shapes: Mapping[str, Shape]) -> Iterator[_Layer]:
    layers = layers_in(model)
    sources = _sources(model, layers)
    told = _told_shapes(layers)
    names = [shown(own_name(layer)) for layer in layers]
    counts = Counter(names)
    for position, layer in enumerate(layers):
        name = names[position] or f"layer {position}"
        if counts[names[position]] > 1:
            name = f"{name} ({position})"
        key = f"{parent}/{name}" if parent else name
        type_name = shown(str(layer.get("class_name")).rpartition(">")[2])
        shape = told.get(names[position]) or shapes.get(names[position])
        if shape is None and position + 1 < len(layers) and not sources:
            shape = _input_shape(layers[position + 1])
        if shape is None and type_name == "InputLayer":
            shape = _batch_shape(layer)
        before = sources.get(names[position]) if sources else ([names[position - 1]] if position else [])
        inner_sources = tuple(f"{parent}/{source}" if parent else source for source in before or ())
        yield _Layer(key, parent, type_name, shape, inner_sources, type_name == "Lambda")
        for inner in _inner_models(layer):
            yield from _declared_in(inner, key, shapes)


def _inner_models(layer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if layers_in(layer):
        yield layer
        return
    config = layer.get("config")
    wrapped = [value for value in config.values() if isinstance(value, Mapping)] if isinstance(config, Mapping) else []
    for value in wrapped:
        is_layer = isinstance(value.get("class_name"), str) and isinstance(value.get("config"), Mapping)
        if is_layer and ("name" in value["config"] or layers_in(value)) and value["class_name"] != "DTypePolicy":
            yield {"class_name": "Sequential", "config": {"layers": [value]}}


def _sources(model: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By layer, what feeds it; empty for a Sequential, whose layers follow each other."""
    if not any(layer.get("inbound_nodes") for layer in layers):
        return {}
    sources: dict[str, list[str]] = {}
    for (name, _), tensors in calls_of(layers).items():
        known = sources.setdefault(shown(name), [])
        known += [shown(source) for source, _, _ in tensors if shown(source) not in known]
    return sources


def _told_shapes(value: Any) -> dict[str, Shape]:
    """What Keras 3 writes of each tensor that a layer takes: the shape, and which layer answered it."""
    told: dict[str, Shape] = {}
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, Mapping):
            config = value.get("config")
            if value.get("class_name") == "__keras_tensor__" and isinstance(config, Mapping):
                history, shape = config.get("keras_history"), _shape(config.get("shape"))
                if isinstance(history, list) and len(history) == 3 and history[2] == 0 and shape is not None:
                    told.setdefault(shown(str(history[0])), shape)
            elif not layers_in(value):
                waiting += value.values()
            elif "inbound_nodes" in value:
                waiting.append(value["inbound_nodes"])
    return told


def _shape(value: Any) -> Shape | None:
    if isinstance(value, list) and value and all(each is None or isinstance(each, int) for each in value):
        return tuple(value[1:])
    return None


def _input_shape(layer: Mapping[str, Any]) -> Shape | None:
    build = layer.get("build_config")
    return _shape(build.get("input_shape")) if isinstance(build, Mapping) else None


def _batch_shape(layer: Mapping[str, Any]) -> Shape | None:
    config = layer.get("config")
    config = config if isinstance(config, Mapping) else {}
    return _shape(config.get("batch_shape")) or _shape(config.get("batch_input_shape"))


def _owner(weight: StoredWeight, layers: Mapping[str, _Layer], model_name: str) -> str:
    """Key of the layer that a weight belongs to: the longest way through declared layers, then its own names."""
    names = list(weight.owner)
    key = ""
    while names:
        # Keras 2 repeats the names of models and layers on the way.
        position = next((at for at, name in enumerate(names) if _below(key, name) in layers), None)
        if position is None:
            break
        key = _below(key, names[position])
        names = names[position + 1 :]
    rest = [name for name in names if name not in (key.rpartition("/")[2], model_name)]
    if key and layers[key].type_name and kind_of_class(layers[key].type_name) not in ("other", "model"):
        # What is inside a layer of Keras, such as the cell of an LSTM, is told by that layer's row.
        return key
    return "/".join(filter(None, (key, *rest)))


def _below(key: str, name: str) -> str:
    return f"{key}/{name}" if key else name


def _with_stored(layers: Mapping[str, _Layer], owned: Mapping[str, Any]) -> dict[str, _Layer]:
    """Adds the layers that only weights tell of, each after what is around it."""
    complete = dict(layers)
    for key in owned:
        if key in complete:
            continue
        parts = key.split("/")
        for depth in range(1, len(parts) + 1):
            inner = "/".join(parts[:depth])
            if inner and inner not in complete:
                complete[inner] = _Layer(inner, "/".join(parts[: depth - 1]), "", None)
    ordered: dict[str, _Layer] = {}

    def place(parent: str) -> None:
        for layer in children.get(parent, ()):
            ordered[layer.key] = layer
            place(layer.key)

    children: dict[str, list[_Layer]] = {}
    for layer in complete.values():
        children.setdefault(layer.parent, []).append(layer)
    place("")
    return ordered


def _row(
    layer: _Layer, number: int, weights: Sequence[StoredWeight], holds_layers: bool, inputs: Sequence[str]
) -> LayerRow:
    values = [weight.values.astype(np.float64).reshape(-1) for weight in weights if weight.values.size]
    counts = count_in_bins(np.concatenate(values), BINS)[0] if values else ()
    notes = ["holds Python code, which is not shown and was not run"] if layer.holds_code else []
    if any(not np.isfinite(each).all() for each in values):
        notes.append("NaN or Inf")
    return LayerRow(
        key=layer.key,
        name=layer.key.removeprefix(f"{layer.parent}/"),
        number=number,
        depth=layer.depth,
        type_name=layer.type_name,
        kind=kind_of_class(layer.type_name),
        shape="" if layer.shape is None else format_shape(layer.shape),
        parameter_count=sum(weight.count for weight in weights),
        distribution=tuple(map(int, counts)),
        notes=tuple(notes),
        holds_layers=holds_layers,
        parent=layer.parent,
        inputs_from=tuple(input_key(name) if name in inputs else name for name in layer.inputs_from),
        missing=_NOT_RUN,
    )
