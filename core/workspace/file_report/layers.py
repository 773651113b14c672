"""The layers that a configuration describes, in the order of their calls: classes, shapes, what feeds what.

Nothing is made of the configuration. Shapes are worked out by ``core.models.sizes``; behind a layer that is not
understood they are those that the file itself says, as Keras 3 writes the shape of every tensor that goes into a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias

from core.common.text import format_shape, safe_name
from core.extraction.layers import input_key, layer_kind
from core.models.configuration import keras_layer_names, keras_layer_package
from core.models.connections import Call, Tensor, calls_of, in_order, tensors_in
from core.models.foreign_programs import FOREIGN_PROGRAMS
from core.models.keras2 import MODELS
from core.models.shape_rules import Shape
from core.models.sizes import layer_sizes
from core.workspace.file_report.results import FileInput
from core.workspace.file_report.weights import WeightGroup

__all__ = ["FileLayer", "LayerOutline", "key_of", "kind_of_class", "layers_of"]

_CODE: Final = frozenset({"Lambda"})
_KIND_OF_PACKAGE: Final = {
    "convolutional": "convolution",
    "pooling": "pooling",
    "attention": "attention",
    "normalization": "normalization",
    "preprocessing": "preprocessing",
    "activations": "activation",
}
_RECURRENT: Final = frozenset({"ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "SimpleRNN"})
_LARGEST: Final = 1 << 53
Sources: TypeAlias = tuple[str, ...]


@dataclass
class FileLayer:
    """A call of a layer, as a file describes it.

    Attributes:
        key: Tells it from the others.
        name: The layer's own name.
        type_name: Its class, as the file calls it.
        kind: What it is coloured by.
        position: Its place in the list of layers around it.
        attribute: The option of the layer around it that holds it; empty for one in a list of layers.
        shape: What it answers, without the sample axis; empty where that is not known.
        parameters: Weights by arithmetic; None where they are not known.
        inputs_from: Keys of what feeds it.
        notes: What it holds that is not run.
        is_of_keras: Whether its class came with Keras, so that what is inside is a part of it.
        inner: The layers in it; none in a repeated call.
        repeats: The first call of the same layer, where this is another.
        group: What the file stores for it.
    """

    key: str
    name: str
    type_name: str
    kind: str
    position: int = 0
    attribute: str = ""
    shape: str = ""
    parameters: int | None = None
    inputs_from: Sources = ()
    notes: tuple[str, ...] = ()
    is_of_keras: bool = False
    inner: list[FileLayer] = field(default_factory=list)
    repeats: FileLayer | None = None
    group: WeightGroup | None = None


@dataclass
class LayerOutline:
    """All layers that a configuration describes.

    Attributes:
        layers: Those at the top; the others are inside them.
        inputs: What the model takes.
        count: How many calls there are in all.
        left_out: Whether there are more than may be shown.
    """

    layers: list[FileLayer] = field(default_factory=list)
    inputs: list[FileInput] = field(default_factory=list)
    count: int = 0
    left_out: bool = False


def kind_of_class(class_name: str) -> str:
    """Return the kind that a layer is coloured by, known from the name of its class alone."""
    if class_name in MODELS:
        return "model"
    if class_name in _RECURRENT:
        return "recurrent"
    kind = layer_kind((class_name, "Layer"))
    return _KIND_OF_PACKAGE.get(keras_layer_package(class_name), kind) if kind == "other" else kind


def key_of(parent: str, name: str, others: Collection[str]) -> str:
    """Return a key for a layer as :class:`core.extraction.layers.LayerInfo` has it, other than those that there are.

    Args:
        parent: Key of the layer around it; empty at the top.
        name: The layer's own name.
        others: The keys that there are.
    """
    # A slash in the name would look like a layer around it.
    own = name.replace("/", "_")
    base = f"{parent}/{own}" if parent else own
    return next(key for copy in count(1) if (key := f"{base}~{copy}" if copy > 1 else base) not in others)


def layers_of(config: Mapping[str, Any], most: int) -> LayerOutline:
    """Return the layers that a model's configuration describes; what is damaged in it is left out.

    Args:
        config: The configuration, parsed.
        most: How many calls are described at most.
    """
    reader = _Reader(most)
    inner = _model_config(config)
    if isinstance(inner.get("layers"), list) and _is_model(config, inner):
        reader.outline.layers, _ = reader.model(config, [], "", ())
    else:
        reader.outline.layers = reader.parts(inner, "")
    return reader.outline


class _Reader:
    """Walks through a configuration once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: set[str] = set()
        self.outline = LayerOutline()

    def model(
        self, node: Mapping[str, Any], shapes: Sequence[Shape], parent: str, sources: Sequence[Sources]
    ) -> tuple[list[FileLayer], list[Shape]]:
        """Return the layers of a model, and the shapes that it answers; none where they are not known."""
        config = _model_config(node)
        nodes = [layer for layer in config["layers"] if isinstance(layer, dict)]
        if "input_layers" in config:
            return self._graph(config, nodes, shapes, parent, sources)
        return self._sequence(node, nodes, shapes, parent, sources)

    def parts(self, config: Any, parent: str) -> list[FileLayer]:
        """Return the layers that are options of another layer, such as the one in a Bidirectional."""
        found = []
        for attribute, node in _parts_of(config):
            if self._is_full():
                break
            name = _name_of(node)
            layer, _ = self._layer(node, [], self._key(parent, name, 0), (), [])
            layer.attribute = attribute
            found.append(layer)
        return found

    def _graph(
        self,
        config: Mapping[str, Any],
        nodes: Sequence[Mapping[str, Any]],
        shapes: Sequence[Shape],
        parent: str,
        sources: Sequence[Sources],
    ) -> tuple[list[FileLayer], list[Shape]]:
        by_name = {_name_of(node): (position, node) for position, node in enumerate(nodes)}
        calls = _numbered_as_called(calls_of([{**node, "name": _name_of(node)} for node in nodes]))
        places = [name for name, _, _ in tensors_in(config["input_layers"])]
        outer = dict(zip(places, sources, strict=False))
        given = dict(zip(places, shapes, strict=False))
        stated = _stated_shapes([node.get("inbound_nodes") for node in nodes])
        known: dict[Call, list[Shape]] = {}
        keys: dict[Call, Sources] = {}
        layers: list[FileLayer] = []
        firsts: dict[str, FileLayer] = {}
        # Calls that wait for each other come last.
        for call in dict.fromkeys([*in_order(calls), *calls]):
            if self._is_full():
                break
            (name, number), tensors = call, calls[call]
            position, node = by_name[name]
            if node.get("class_name") == "InputLayer":
                known[call] = [given[name]] if name in given else _declared_input(node)
                keys[call] = outer.get(name, ()) if parent else (input_key(safe_name(name)),)
                if not parent:
                    self._add_input(node, name, known[call])
                continue
            taken = [_tensor_shape(tensor, known, stated) for tensor in tensors]
            feeding = [keys.get((source, at), ()) for source, at, _ in tensors]
            key = self._key(parent, name, number)
            whole = [shape for shape in taken if shape is not None]
            expected = [shape for at in range(8) if (shape := stated.get((name, number, at))) is not None]
            layer, answered = self._layer(
                node, whole if len(whole) == len(taken) else [], key, tuple(feeding), expected, is_first=number == 0
            )
            layer.position = position
            layer.repeats = firsts.setdefault(name, layer) if number else None
            firsts.setdefault(name, layer)
            known[call], keys[call] = answered, (key,)
            layers.append(layer)
        outputs = [_tensor_shape(tensor, known, stated) for tensor in tensors_in(config.get("output_layers"))]
        return layers, [] if None in outputs else [shape for shape in outputs if shape is not None]

    def _sequence(
        self,
        node: Mapping[str, Any],
        nodes: Sequence[Mapping[str, Any]],
        shapes: Sequence[Shape],
        parent: str,
        sources: Sequence[Sources],
    ) -> tuple[list[FileLayer], list[Shape]]:
        current = list(shapes) or _declared_input(node)
        feeding: Sources = tuple(key for each in sources for key in each)
        layers: list[FileLayer] = []
        for position, each in enumerate(nodes):
            if self._is_full():
                break
            name = _name_of(each)
            declared = _declared_input(each)
            if each.get("class_name") == "InputLayer":
                current = current or declared
                if not parent:
                    self._add_input(each, name, current)
                    feeding = (input_key(safe_name(name)),)
                continue
            if not parent and not feeding and not layers and declared:
                # Keras 2 leaves out the input where the first layer says what it takes.
                self._add_input(each, f"{name}_input", declared)
                feeding = (input_key(safe_name(f"{name}_input")),)
            following = nodes[position + 1] if position + 1 < len(nodes) else {}
            key = self._key(parent, name, 0)
            layer, current = self._layer(each, current or declared, key, (feeding,), _declared_input(following))
            layer.position = position
            feeding = (key,)
            layers.append(layer)
        return layers, current

    def _layer(
        self,
        node: Mapping[str, Any],
        shapes: Sequence[Shape],
        key: str,
        sources: Sequence[Sources],
        expected: Sequence[Shape],
        *,
        is_first: bool = True,
    ) -> tuple[FileLayer, list[Shape]]:
        """Describe one call; also return the shapes that it answers."""
        self.outline.count += 1
        class_name, config = node.get("class_name"), _model_config(node)
        type_name = str(class_name) if isinstance(class_name, str) else ""
        layer = FileLayer(
            key,
            safe_name(_name_of(node)),
            safe_name(type_name.rpartition(">")[2]),
            "operation" if _is_operation(node) else kind_of_class(type_name),
            inputs_from=tuple(dict.fromkeys(source for each in sources for source in each)),
            notes=_notes(type_name, config),
            is_of_keras=_is_of_keras(node),
        )
        answered: list[Shape] = []
        if isinstance(config.get("layers"), list) and _is_model(node, config):
            layer.kind = "model"
            if is_first:
                layer.inner, answered = self.model(node, shapes, key, sources)
            elif (sizes := layer_sizes(node, shapes)) is not None:
                answered = sizes[0]
        else:
            if (layer.is_of_keras or layer.kind == "operation") and (sizes := layer_sizes(node, shapes)) is not None:
                answered, parameters = sizes
                layer.parameters = parameters if 0 <= parameters < _LARGEST else None
            if is_first:
                layer.inner = self.parts(config, key)
        answered = answered or list(expected)
        layer.shape = _shape_text(answered)
        return layer, answered

    def _add_input(self, node: Mapping[str, Any], name: str, shapes: Sequence[Shape]) -> None:
        dtype = _model_config(node).get("dtype")
        text = dtype if isinstance(dtype, str) else ""
        self.outline.inputs.append(FileInput(safe_name(name), _shape_text(shapes), safe_name(text)))

    def _is_full(self) -> bool:
        self.outline.left_out = self.outline.left_out or self.outline.count >= self._most
        return self.outline.left_out

    def _key(self, parent: str, name: str, number: int) -> str:
        key = key_of(parent, f"{safe_name(name)}#{number + 1}" if number else safe_name(name), self._keys)
        self._keys.add(key)
        return key


def _model_config(node: Mapping[str, Any]) -> Mapping[str, Any]:
    config = node.get("config")
    # A Sequential of early Keras 2 has a list.
    return {"layers": config} if isinstance(config, list) else config if isinstance(config, dict) else {}


def _is_model(node: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether layers in a list are connected as in a model; in a class of somebody's own only a graph says so."""
    return node.get("class_name") in MODELS or "input_layers" in config


def _name_of(node: Mapping[str, Any]) -> str:
    config = node.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    name = next((each for each in (node.get("name"), own, node.get("class_name")) if isinstance(each, str)), "")
    return name or "unnamed"


def _module_of(node: Mapping[str, Any]) -> str:
    module = node.get("module")
    return module if isinstance(module, str) else ""


def _is_of_keras(node: Mapping[str, Any]) -> bool:
    name = node.get("class_name")
    is_registered = node.get("registered_name") not in (None, name)
    return (
        isinstance(name, str)
        and name in keras_layer_names()
        and not is_registered
        and _module_of(node).partition(".")[0] in ("", "keras")
    )


def _is_operation(node: Mapping[str, Any]) -> bool:
    return _module_of(node).startswith("keras.src.ops.")


def _parts_of(config: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what describes a layer among the options of another, with the option that holds it."""
    stack: list[tuple[str, Any]] = [("", config)]
    while stack:
        attribute, value = stack.pop()
        if isinstance(value, dict):
            if value is not config and _is_layer(value):
                yield attribute, value
            else:
                stack.extend((attribute or str(key), each) for key, each in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((attribute, each) for each in reversed(value) if isinstance(each, dict | list))


def _is_layer(node: Mapping[str, Any]) -> bool:
    name = node.get("class_name")
    if not isinstance(name, str) or "config" not in node:
        return False
    return name in keras_layer_names() or name in MODELS | _CODE | FOREIGN_PROGRAMS or "build_config" in node


def _numbered_as_called(calls: Mapping[Call, Sequence[Tensor]]) -> dict[Call, list[Tensor]]:
    """Return calls whose tensors name calls that are there: Keras 2 counts the construction of a nested model too."""
    counts = Counter(name for name, _ in calls)
    named: dict[str, set[int]] = {}
    for tensors in calls.values():
        for name, number, _ in tensors:
            named.setdefault(name, set()).add(number)
    ahead = {
        name: max(numbers) - counts[name] + 1
        for name, numbers in named.items()
        if counts[name] and counts[name] <= max(numbers) and min(numbers) >= max(numbers) - counts[name] + 1
    }
    return {
        call: [
            (name, max(0, min(number - ahead.get(name, 0), counts[name] - 1)), at)
            for name, number, at in tensors
            if counts[name]
        ]
        for call, tensors in calls.items()
    }


def _stated_shapes(value: Any) -> dict[Tensor, Shape]:
    """Return the shape of each tensor that goes into a call, as Keras 3 writes it there."""
    found: dict[Tensor, Shape] = {}
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            config = part.get("config")
            if part.get("class_name") == "__keras_tensor__" and isinstance(config, dict):
                shape = _shape(config.get("shape"))
                for tensor in tensors_in(part):
                    if shape is not None:
                        found[tensor] = shape
            else:
                stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    return found


def _tensor_shape(
    tensor: Tensor, known: Mapping[Call, Sequence[Shape]], stated: Mapping[Tensor, Shape]
) -> Shape | None:
    name, number, at = tensor
    answered = known.get((name, number), ())
    return answered[at] if 0 <= at < len(answered) else stated.get(tensor)


def _declared_input(node: Mapping[str, Any]) -> list[Shape]:
    """Return the shape that a layer says it takes, or was built for."""
    config, build = _model_config(node), node.get("build_config")
    built = build.get("input_shape") if isinstance(build, dict) else None
    for value in (config.get("batch_shape"), config.get("batch_input_shape"), config.get("build_input_shape"), built):
        shape = _shape(value)
        if shape is not None:
            return [shape]
    return []


def _shape(value: Any) -> Shape | None:
    """Return a shape without its sample axis; None for what is no shape."""
    if not isinstance(value, list) or not value:
        return None
    if not all(extent is None or (isinstance(extent, int) and not isinstance(extent, bool)) for extent in value):
        return None
    return tuple(value[1:])


def _shape_text(shapes: Sequence[Shape]) -> str:
    extents = [extent for shape in shapes for extent in shape if extent is not None]
    if any(not 0 <= extent < _LARGEST for extent in extents):
        return ""
    return ", ".join(format_shape(shape) for shape in shapes[:8])


def _notes(class_name: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    if class_name in FOREIGN_PROGRAMS:
        return ("a program of another framework, which is not run",)
    if class_name not in _CODE:
        return ()
    function = config.get("function")
    inner = function.get("config") if isinstance(function, dict) else function
    code = inner.get("code") if isinstance(inner, dict) else inner
    if isinstance(code, list):
        code = code[0] if code else ""
    if isinstance(function, dict) and function.get("class_name") == "function" and isinstance(inner, str):
        return (f"calls the function {safe_name(inner)}, which is not in the file",)
    if not isinstance(code, str):
        return ("holds code, which is not shown or run",)
    # As text, three bytes take four letters.
    size = len("".join(code.split()).rstrip("=")) * 3 // 4
    return (f"holds {size:,} bytes of code, which are not shown or run",)
