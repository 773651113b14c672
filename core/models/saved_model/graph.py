"""What saved_model.pb holds, as far as it must be known before TensorFlow may load it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from core.models.saved_model import messages
from core.models.saved_model.nodes import Node, References, read_attribute, read_node, read_shape
from core.models.saved_model.protobuf import Kind, ProtobufReader, Schema, Span

__all__ = ["Body", "SavedGraph", "SavedObject", "read_frozen_graph", "read_nodes", "read_saved_graph"]

_META_GRAPH: Final[Schema] = {
    messages.MetaGraphDef.GRAPH_DEF: Kind.SPAN,
    messages.MetaGraphDef.SAVER_DEF: Kind.SPAN,
    messages.MetaGraphDef.COLLECTION_DEF: Kind.SPANS,
    messages.MetaGraphDef.SIGNATURE_DEF: Kind.SPANS,
    messages.MetaGraphDef.ASSET_FILE_DEF: Kind.SPANS,
    messages.MetaGraphDef.OBJECT_GRAPH_DEF: Kind.SPAN,
}
_GRAPH: Final[Schema] = {messages.GraphDef.NODE: Kind.SPANS, messages.GraphDef.LIBRARY: Kind.SPAN}
_FUNCTION: Final[Schema] = {
    messages.FunctionDef.SIGNATURE: Kind.SPAN,
    messages.FunctionDef.NODE_DEF: Kind.SPANS,
    messages.FunctionDef.ATTR: Kind.SPANS,
    messages.FunctionDef.ARG_ATTR: Kind.SPANS,
}
_FUNCTION_SIGNATURE: Final[Schema] = {messages.OpDef.NAME: Kind.SPAN, messages.OpDef.INPUT_ARG: Kind.SPANS}
_ENTRY: Final[Schema] = dict.fromkeys(messages.MapEntry, Kind.SPAN)
_NUMBERED_ENTRY: Final[Schema] = {messages.MapEntry.KEY: Kind.NUMBER, messages.MapEntry.VALUE: Kind.SPAN}
_TENSOR_INFO: Final[Schema] = dict.fromkeys(messages.TensorInfo, Kind.SPAN)
_OBJECT_GRAPH: Final[Schema] = dict.fromkeys(messages.SavedObjectGraph, Kind.SPANS)
_OBJECT_KINDS: Final = frozenset(
    set(messages.SavedObject) - {messages.SavedObject.CHILDREN, messages.SavedObject.REGISTERED_NAME}
)
_OBJECT: Final[Schema] = {
    **dict.fromkeys(messages.SavedObject, Kind.SPAN),
    messages.SavedObject.CHILDREN: Kind.SPANS,
}
_VARIABLE: Final[Schema] = dict.fromkeys(messages.SavedVariable, Kind.SPAN)
# A function lists the names of its traces, one trace gives its own, and a captured tensor says whose it is.
_FUNCTIONS_OF_KIND: Final[dict[int, Schema]] = {
    messages.SavedObject.FUNCTION: {messages.SavedFunction.CONCRETE_FUNCTIONS: Kind.SPANS},
    messages.SavedObject.BARE_CONCRETE_FUNCTION: {messages.SavedBareConcreteFunction.CONCRETE_FUNCTION_NAME: Kind.SPAN},
    messages.SavedObject.CAPTURED_TENSOR: {messages.CapturedTensor.CONCRETE_FUNCTION: Kind.SPAN},
}

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
    for _, begin, end in reader.fields((0, len(reader.data)), {messages.SavedModel.META_GRAPHS: Kind.SPANS}):
        reader.count()
        metas.append((begin, end))
    if not metas:
        raise reader.damaged("it holds no graph")
    has_objects = False
    saved = SavedGraph(Body("", ()))
    for number, begin, end in reader.fields(metas[0], _META_GRAPH):
        has_objects |= number == messages.MetaGraphDef.OBJECT_GRAPH_DEF
        _META_READERS[number](reader, (begin, end), saved)
    return saved, len(metas) if has_objects else 0


def read_frozen_graph(reader: ProtobufReader) -> SavedGraph:
    """Return what a file holds that is a graph alone, without signatures, variables and objects.

    Raises:
        ModelRefused: It is damaged.
    """
    saved = SavedGraph(Body("", ()))
    _read_graph(reader, (0, len(reader.data)), saved)
    if not saved.graph.spans:
        raise reader.damaged("it holds no operations")
    return saved


def read_nodes(reader: ProtobufReader, body: Body) -> Iterator[Node]:
    """Yields the nodes of a graph or a function.

    Raises:
        ModelRefused: One of them is damaged.
    """
    for span in body.spans:
        yield read_node(reader, span)


def _text_of(reader: ProtobufReader, span: Span, field_number: int) -> str:
    """The text in one field of a message, empty where there is none."""
    schema = {field_number: Kind.SPAN}
    return next((reader.text(begin, end) for _, begin, end in reader.fields(span, schema)), "")


def _entry(reader: ProtobufReader, span: Span) -> tuple[str, Span]:
    """Key and value of an entry in a map from text to messages."""
    key, value = "", (span[1], span[1])
    for number, begin, end in reader.fields(span, _ENTRY):
        if number == messages.MapEntry.KEY:
            key = reader.text(begin, end)
        else:
            value = (begin, end)
    return key, value


def _read_graph(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    spans = []
    for number, begin, end in reader.fields(span, _GRAPH):
        if number == messages.GraphDef.NODE:
            reader.count()
            spans.append((begin, end))
        else:
            _read_library(reader, (begin, end), saved)
    saved.graph = Body("", tuple(spans))


def _read_library(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    for number, begin, end in reader.fields(span, dict.fromkeys(messages.FunctionDefLibrary, Kind.SPANS)):
        if number == messages.FunctionDefLibrary.FUNCTION:
            _read_function(reader, (begin, end), saved)
        elif number == messages.FunctionDefLibrary.GRADIENT:
            _read_gradient(reader, (begin, end), messages.GradientDef.GRADIENT_FUNC, saved)
        else:
            _read_gradient(reader, (begin, end), messages.RegisteredGradient.GRADIENT_FUNC, saved)


def _read_gradient(
    reader: ProtobufReader,
    span: Span,
    gradient_field: messages.GradientDef | messages.RegisteredGradient,
    saved: SavedGraph,
) -> None:
    for number, begin, end in reader.fields(span, dict.fromkeys(type(gradient_field), Kind.SPAN)):
        if number == gradient_field:
            saved.gradients.add(reader.text(begin, end))


def _read_function(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    name, spans = "", []
    arguments: list[str] = []
    references = References([], [], [])
    for number, begin, end in reader.fields(span, _FUNCTION):
        if number == messages.FunctionDef.NODE_DEF:
            reader.count()
            spans.append((begin, end))
        elif number == messages.FunctionDef.ATTR:
            read_attribute(reader, (begin, end), references)
        elif number == messages.FunctionDef.ARG_ATTR:
            _read_argument_attributes(reader, (begin, end), references)
        else:
            name, arguments = _read_function_signature(reader, (begin, end))
    if not name or name in saved.functions:
        raise reader.damaged("two functions have the same name" if name else "a function has no name")
    saved.functions[name] = Body(
        name, tuple(spans), tuple(arguments), tuple(references.strings), tuple(references.functions)
    )


def _read_argument_attributes(reader: ProtobufReader, span: Span, references: References) -> None:
    # An entry of a map from the argument's number.
    for number, begin, end in reader.fields(span, _NUMBERED_ENTRY):
        if number == messages.MapEntry.VALUE:
            for _, attr_begin, attr_end in reader.fields((begin, end), {messages.ArgAttrs.ATTR: Kind.SPANS}):
                read_attribute(reader, (attr_begin, attr_end), references)


def _read_function_signature(reader: ProtobufReader, span: Span) -> tuple[str, list[str]]:
    """The function's name and those of its arguments."""
    name = ""
    arguments: list[str] = []
    for number, begin, end in reader.fields(span, _FUNCTION_SIGNATURE):
        if number == messages.OpDef.NAME:
            name = reader.text(begin, end)
        else:
            arguments.append(_text_of(reader, (begin, end), messages.ArgDef.NAME))
    return name, arguments


def _read_saver(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    for _, begin, end in reader.fields(span, dict.fromkeys(messages.SaverDef, Kind.SPAN)):
        saved.savers.add(reader.text(begin, end).partition(":")[0])


def _read_collection(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    # A collection that is a list of nodes; the ones to run at loading are among them.
    _, collection = _entry(reader, span)
    for _, begin, end in reader.fields(collection, {messages.CollectionDef.NODE_LIST: Kind.SPAN}):
        for _, text_begin, text_end in reader.fields((begin, end), {messages.NodeList.VALUE: Kind.SPANS}):
            saved.initializers.add(reader.text(text_begin, text_end).partition(":")[0])


def _read_signature(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    name, value = _entry(reader, span)
    tensors = saved.signatures.setdefault(name, set())
    for _, begin, end in reader.fields(value, {messages.SignatureDef.OUTPUTS: Kind.SPANS}):
        tensors.update(_tensor_names(reader, _entry(reader, (begin, end))[1]))


def _tensor_names(reader: ProtobufReader, span: Span, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise reader.damaged("a signature is nested too deep")
    for number, begin, end in reader.fields(span, _TENSOR_INFO):
        if number == messages.TensorInfo.NAME:
            yield reader.text(begin, end)
        elif number == messages.TensorInfo.COO_SPARSE:
            for _, text_begin, text_end in reader.fields((begin, end), dict.fromkeys(messages.CooSparse, Kind.SPAN)):
                yield reader.text(text_begin, text_end)
        else:
            components: Schema = {messages.CompositeTensor.COMPONENTS: Kind.SPANS}
            for _, part_begin, part_end in reader.fields((begin, end), components):
                yield from _tensor_names(reader, (part_begin, part_end), depth + 1)


def _read_asset(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    node = file_name = ""
    for number, begin, end in reader.fields(span, dict.fromkeys(messages.AssetFileDef, Kind.SPAN)):
        if number == messages.AssetFileDef.FILENAME:
            file_name = reader.text(begin, end)
        else:
            node = next(_tensor_names(reader, (begin, end)), "").partition(":")[0]
    saved.assets.append((node, file_name))


def _read_objects(reader: ProtobufReader, span: Span, saved: SavedGraph) -> None:
    for number, begin, end in reader.fields(span, _OBJECT_GRAPH):
        if number == messages.SavedObjectGraph.NODES:
            reader.count()
            saved.objects.append(_read_object(reader, (begin, end)))
            continue
        name, value = _entry(reader, (begin, end))
        if name in saved.bound_inputs:
            raise reader.damaged("two functions have the same name")
        bound_inputs = reader.fields(value, {messages.SavedConcreteFunction.BOUND_INPUTS: Kind.NUMBERS})
        saved.bound_inputs[name] = tuple(place for _, place, _ in bound_inputs)


def _read_object(reader: ProtobufReader, span: Span) -> SavedObject:
    kinds: dict[int, Span] = {}
    is_plain = True
    for number, begin, end in reader.fields(span, _OBJECT):
        if number in _OBJECT_KINDS:
            kinds[number] = (begin, end)
        elif number == messages.SavedObject.CHILDREN or end > begin:
            is_plain = False
    if len(kinds) > 1:
        raise reader.damaged("an object is of two kinds")
    kind, value = next(iter(kinds.items()), (0, (0, 0)))
    if kind == messages.SavedObject.ASSET:
        return SavedObject(is_asset=is_plain)
    if kind == messages.SavedObject.VARIABLE:
        return _read_variable(reader, value)
    if kind == messages.SavedObject.RESOURCE:
        return SavedObject(device=_text_of(reader, value, messages.SavedResource.DEVICE))
    schema = _FUNCTIONS_OF_KIND.get(kind, {})
    return SavedObject(functions=tuple(reader.text(begin, end) for _, begin, end in reader.fields(value, schema)))


def _read_variable(reader: ProtobufReader, span: Span) -> SavedObject:
    elements, device = 0, ""
    for number, begin, end in reader.fields(span, _VARIABLE):
        if number == messages.SavedVariable.SHAPE:
            elements = read_shape(reader, (begin, end))
        else:
            device = reader.text(begin, end)
    return SavedObject(elements=elements, device=device)


_META_READERS: Final[dict[int, Callable[[ProtobufReader, Span, SavedGraph], None]]] = {
    messages.MetaGraphDef.GRAPH_DEF: _read_graph,
    messages.MetaGraphDef.SAVER_DEF: _read_saver,
    messages.MetaGraphDef.COLLECTION_DEF: _read_collection,
    messages.MetaGraphDef.SIGNATURE_DEF: _read_signature,
    messages.MetaGraphDef.ASSET_FILE_DEF: _read_asset,
    messages.MetaGraphDef.OBJECT_GRAPH_DEF: _read_objects,
}
