"""What saved_model.pb holds, as far as it must be known before TensorFlow may load it.

The numbers of the fields are those of TensorFlow's saved_model.proto, meta_graph.proto, graph.proto, function.proto and
saved_object_graph.proto, which never change.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from core.models.saved_model.nodes import Node, References, read_attribute, read_node, read_shape
from core.models.saved_model.protobuf import Kind, ProtobufReader, Schema, Span

__all__ = ["Body", "SavedGraph", "SavedObject", "read_nodes", "read_saved_graph"]

_NUMBER, _NUMBERS, _SPAN, _SPANS = Kind.NUMBER, Kind.NUMBERS, Kind.SPAN, Kind.SPANS

_SAVED_MODEL: Final[Schema] = {2: _SPANS}
_META_GRAPH: Final[Schema] = {2: _SPAN, 3: _SPAN, 4: _SPANS, 5: _SPANS, 6: _SPANS, 7: _SPAN}
_GRAPH: Final[Schema] = {1: _SPANS, 2: _SPAN}
_LIBRARY: Final[Schema] = {1: _SPANS, 2: _SPANS, 3: _SPANS}
_FUNCTION: Final[Schema] = {1: _SPAN, 3: _SPANS, 5: _SPANS, 7: _SPANS}
_FUNCTION_SIGNATURE: Final[Schema] = {1: _SPAN, 2: _SPANS}
_ENTRY: Final[Schema] = {1: _SPAN, 2: _SPAN}
_NUMBERED_ENTRY: Final[Schema] = {1: _NUMBER, 2: _SPAN}
_FIRST_TEXT: Final[Schema] = {1: _SPAN}
_TEXTS: Final[Schema] = {1: _SPANS}
_SAVER: Final[Schema] = {2: _SPAN, 3: _SPAN}
_SIGNATURE: Final[Schema] = {2: _SPANS}
_TENSOR_INFO: Final[Schema] = {1: _SPAN, 4: _SPAN, 5: _SPAN}
_SPARSE_INFO: Final[Schema] = {1: _SPAN, 2: _SPAN, 3: _SPAN}
_COMPOSITE_INFO: Final[Schema] = {2: _SPANS}
_OBJECT_GRAPH: Final[Schema] = {1: _SPANS, 2: _SPANS}
_OBJECT_KINDS: Final = (4, 5, 6, 7, 8, 9, 10, 12)
_OBJECT: Final[Schema] = {1: _SPANS, 13: _SPAN, **dict.fromkeys(_OBJECT_KINDS, _SPAN)}
_VARIABLE: Final[Schema] = {2: _SPAN, 7: _SPAN}
_CONCRETE_FUNCTION: Final[Schema] = {2: _NUMBERS}

_MAX_DEPTH: Final = 20


@dataclass(frozen=True)
class Body:
    """The graph itself (with no name) or one function of its library.

    Args:
        name: The function's name; empty for the graph.
        spans: Where its nodes are in the file.
        arguments: Names of the function's arguments.
        strings: What its attributes say in words, which may be the name of another function.
        functions: Functions that its attributes name.
    """

    name: str
    spans: tuple[Span, ...]
    arguments: tuple[str, ...] = ()
    strings: tuple[bytes, ...] = ()
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedObject:
    """One Python object of the model: a layer, a variable, a table, an asset, a function.

    Args:
        is_asset: Whether it stands for a file, and for nothing else: no class of its own, no attributes.
        elements: How many values a variable holds, 0 for all others and where a dimension is not known.
        device: Where it is to be placed.
        functions: Functions that it names.
    """

    is_asset: bool = False
    elements: int = 0
    device: str = ""
    functions: tuple[str, ...] = ()


@dataclass
class SavedGraph:
    """The parts of a SavedModel.

    Args:
        graph: The nodes outside of functions.
        functions: The library, by name.
        gradients: Functions that TensorFlow calls for the gradient of others.
        signatures: For each signature the tensors that it returns, as ``"node:0"``.
        initializers: Nodes that are run while it is loaded.
        savers: Nodes that write and read the variables.
        assets: For each asset its node in the graph and its file name.
        objects: The Python objects.
        bound_inputs: For each function that Python can call, the objects behind its last arguments.
    """

    graph: Body
    functions: dict[str, Body] = field(default_factory=dict)
    gradients: set[str] = field(default_factory=set)
    signatures: dict[str, set[str]] = field(default_factory=dict)
    initializers: set[str] = field(default_factory=set)
    savers: set[str] = field(default_factory=set)
    assets: list[tuple[str, str]] = field(default_factory=list)
    objects: list[SavedObject] = field(default_factory=list)
    bound_inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)


def read_saved_graph(reader: ProtobufReader) -> tuple[SavedGraph, int]:
    """Return the first graph of a saved_model.pb, and how many graphs there are that Python objects go with.

    Raises:
        ModelRefused: The file is damaged.
    """
    metas = []
    for _, begin, end in reader.fields((0, len(reader.data)), _SAVED_MODEL):
        reader.count()
        metas.append((begin, end))
    if not metas:
        raise reader.damaged("it holds no graph")
    has_objects = False
    saved = SavedGraph(Body("", ()))
    for number, begin, end in reader.fields(metas[0], _META_GRAPH):
        has_objects |= number == 7
        _META_READERS[number](reader, (begin, end), saved)
    return saved, len(metas) if has_objects else 0


def read_nodes(reader: ProtobufReader, body: Body) -> Iterator[Node]:
    """Yields the nodes of a graph or a function.

    Raises:
        ModelRefused: One of them is damaged.
    """
    for span in body.spans:
        yield read_node(reader, span)


def _first_text(reader: ProtobufReader, span: Span) -> str:
    return next((reader.text(begin, end) for _, begin, end in reader.fields(span, _FIRST_TEXT)), "")


def _entry(reader: ProtobufReader, span: Span) -> tuple[str, Span]:
    """Key and value of an entry in a map from text to messages."""
    key, value = "", (span[1], span[1])
    for number, begin, end in reader.fields(span, _ENTRY):
        if number == 1:
            key = reader.text(begin, end)
        else:
            value = (begin, end)
    return key, value


def _read_graph(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    spans = []
    for number, begin, end in reader.fields(span, _GRAPH):
        if number == 1:
            reader.count()
            spans.append((begin, end))
            continue
        for part, part_begin, part_end in reader.fields((begin, end), _LIBRARY):
            if part == 1:
                _read_function(reader, (part_begin, part_end), saved)
            else:
                # A gradient of a function names both; one that was registered says its own name first.
                for place, text_begin, text_end in reader.fields((part_begin, part_end), _ENTRY):
                    if place == (2 if part == 2 else 1):
                        saved.gradients.add(reader.text(text_begin, text_end))
    saved.graph = Body("", tuple(spans))


def _read_function(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    name, arguments, spans = "", [], []
    found = References([], [], [])
    for number, begin, end in reader.fields(span, _FUNCTION):
        if number == 3:
            reader.count()
            spans.append((begin, end))
        elif number == 5:
            read_attribute(reader, (begin, end), found)
        elif number == 7:
            for place, entry_begin, entry_end in reader.fields((begin, end), _NUMBERED_ENTRY):
                if place == 2:
                    for _, attr_begin, attr_end in reader.fields((entry_begin, entry_end), _TEXTS):
                        read_attribute(reader, (attr_begin, attr_end), found)
        else:
            for place, part_begin, part_end in reader.fields((begin, end), _FUNCTION_SIGNATURE):
                if place == 1:
                    name = reader.text(part_begin, part_end)
                else:
                    arguments.append(_first_text(reader, (part_begin, part_end)))
    if not name or name in saved.functions:
        raise reader.damaged("two functions have the same name" if name else "a function has no name")
    saved.functions[name] = Body(name, tuple(spans), tuple(arguments), tuple(found.strings), tuple(found.functions))


def _read_saver(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    for _, begin, end in reader.fields(span, _SAVER):
        saved.savers.add(reader.text(begin, end).partition(":")[0])


def _read_collection(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    # A collection that is a list of nodes; the ones to run at loading are among them.
    for _, begin, end in reader.fields(_entry(reader, span)[1], _FIRST_TEXT):
        for _, text_begin, text_end in reader.fields((begin, end), _TEXTS):
            saved.initializers.add(reader.text(text_begin, text_end).partition(":")[0])


def _read_signature(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    name, value = _entry(reader, span)
    tensors = saved.signatures.setdefault(name, set())
    for _, begin, end in reader.fields(value, _SIGNATURE):
        tensors.update(_tensor_names(reader, _entry(reader, (begin, end))[1]))


def _tensor_names(reader: ProtobufReader, span: Span, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise reader.damaged("a signature is nested too deep")
    for number, begin, end in reader.fields(span, _TENSOR_INFO):
        if number == 1:
            yield reader.text(begin, end)
        elif number == 4:
            for _, text_begin, text_end in reader.fields((begin, end), _SPARSE_INFO):
                yield reader.text(text_begin, text_end)
        else:
            for _, part_begin, part_end in reader.fields((begin, end), _COMPOSITE_INFO):
                yield from _tensor_names(reader, (part_begin, part_end), depth + 1)


def _read_asset(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    node = file_name = ""
    for number, begin, end in reader.fields(span, _ENTRY):
        if number == 2:
            file_name = reader.text(begin, end)
        else:
            node = next(_tensor_names(reader, (begin, end)), "").partition(":")[0]
    saved.assets.append((node, file_name))


def _read_objects(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    for number, begin, end in reader.fields(span, _OBJECT_GRAPH):
        if number == 1:
            reader.count()
            saved.objects.append(_read_object(reader, (begin, end)))
            continue
        name, value = _entry(reader, (begin, end))
        if name in saved.bound_inputs:
            raise reader.damaged("two functions have the same name")
        saved.bound_inputs[name] = tuple(number for _, number, _ in reader.fields(value, _CONCRETE_FUNCTION))


def _read_object(reader: ProtobufReader, span: Span) -> SavedObject:
    kinds: dict[int, Span] = {}
    is_plain = True
    for number, begin, end in reader.fields(span, _OBJECT):
        if number in _OBJECT_KINDS:
            kinds[number] = (begin, end)
        elif number == 1 or end > begin:
            is_plain = False
    if len(kinds) > 1:
        raise reader.damaged("an object is of two kinds")
    kind, value = next(iter(kinds.items()), (0, (0, 0)))
    if kind == 5:
        return SavedObject(is_asset=is_plain)
    if kind == 7:
        return _read_variable(reader, value)
    if kind == 10:
        return SavedObject(device=_first_text(reader, value))
    # A function lists the names of its traces, one trace gives its own, and a captured tensor says whose it is.
    schema: Schema = {6: {1: _SPANS}, 8: {1: _SPAN}, 12: {2: _SPAN}}.get(kind, {})
    return SavedObject(functions=tuple(reader.text(begin, end) for _, begin, end in reader.fields(value, schema)))


def _read_variable(reader: ProtobufReader, span: Span) -> SavedObject:
    elements, device = 0, ""
    for number, begin, end in reader.fields(span, _VARIABLE):
        if number == 2:
            elements = read_shape(reader, (begin, end))
        else:
            device = reader.text(begin, end)
    return SavedObject(elements=elements, device=device)


_META_READERS: Final = {
    2: _read_graph,
    3: _read_saver,
    4: _read_collection,
    5: _read_signature,
    6: _read_asset,
    7: _read_objects,
}
