"""The operations of a SavedModel's graph: what each is, what it refers to, and how large its constants are."""

from dataclasses import dataclass
from typing import Final

from core.models.saved_model import messages
from core.models.saved_model.protobuf import Kind, ProtobufReader, Schema, Span

__all__ = ["Constant", "Node", "References", "read_attribute", "read_node", "read_shape"]

_ENTRY: Final[Schema] = dict.fromkeys(messages.MapEntry, Kind.SPAN)
_NODE: Final[Schema] = {
    messages.NodeDef.NAME: Kind.SPAN,
    messages.NodeDef.OP: Kind.SPAN,
    messages.NodeDef.INPUT: Kind.SPANS,
    messages.NodeDef.DEVICE: Kind.SPAN,
    messages.NodeDef.ATTR: Kind.SPANS,
}
_ATTRIBUTE: Final[Schema] = dict.fromkeys(messages.AttrValue, Kind.SPAN)
_ATTRIBUTE_LIST: Final[Schema] = dict.fromkeys(messages.ListValue, Kind.SPANS)
_KIND_OF_LIST: Final[dict[int, messages.AttrValue]] = {
    messages.ListValue.S: messages.AttrValue.S,
    messages.ListValue.TENSOR: messages.AttrValue.TENSOR,
    messages.ListValue.FUNC: messages.AttrValue.FUNC,
}
_FUNCTION_REFERENCE: Final[Schema] = {messages.NameAttrList.NAME: Kind.SPAN, messages.NameAttrList.ATTR: Kind.SPANS}
_TENSOR: Final[Schema] = {
    messages.TensorProto.DTYPE: Kind.NUMBER,
    messages.TensorProto.TENSOR_SHAPE: Kind.SPAN,
    messages.TensorProto.TENSOR_CONTENT: Kind.SPAN,
    messages.TensorProto.INT_VAL: Kind.NUMBERS,
    messages.TensorProto.INT64_VAL: Kind.NUMBERS,
    messages.TensorProto.RESOURCE_HANDLE_VAL: Kind.SPANS,
    messages.TensorProto.VARIANT_VAL: Kind.SPANS,
}
_SHAPE: Final[Schema] = {messages.TensorShapeProto.DIM: Kind.SPANS}
_DIMENSION: Final[Schema] = {messages.Dim.SIZE: Kind.NUMBER}

_MAX_DEPTH: Final = 20
# A shape has a handful of dimensions; what holds more values than this is data.
_MAX_SHAPE_VALUES: Final = 32


@dataclass(frozen=True)
class Constant:
    """A tensor that is written in the graph.

    Args:
        elements: How many values its shape declares; the file may hold fewer, which are then repeated.
        is_handle: Whether it holds resources or variants, which are objects of a running program and no data.
        values: Its integers where they are few enough to be a shape, otherwise empty.
    """

    elements: int
    is_handle: bool
    values: tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One operation of a graph: what it is, where its inputs come from, and which functions its attributes name."""

    name: str
    operation: str
    inputs: tuple[str, ...]
    device: str
    functions: tuple[str, ...]
    strings: tuple[bytes, ...]
    constants: tuple[Constant, ...]


@dataclass
class References:
    """What attributes refer to: functions by name, words that may be such a name, and tensors."""

    functions: list[str]
    strings: list[bytes]
    constants: list[Constant]


def read_node(reader: ProtobufReader, span: Span) -> Node:
    """Return one operation.

    Raises:
        ModelRefused: It is damaged.
    """
    name = operation = device = ""
    inputs: list[str] = []
    references = References([], [], [])
    for number, begin, end in reader.fields(span, _NODE):
        if number == messages.NodeDef.ATTR:
            read_attribute(reader, (begin, end), references)
        elif number == messages.NodeDef.INPUT:
            inputs.append(reader.text(begin, end))
        elif number == messages.NodeDef.NAME:
            name = reader.text(begin, end)
        elif number == messages.NodeDef.OP:
            operation = reader.text(begin, end)
        else:
            device = reader.text(begin, end)
    return Node(
        name=name,
        operation=operation,
        inputs=tuple(inputs),
        device=device,
        functions=tuple(references.functions),
        strings=tuple(references.strings),
        constants=tuple(references.constants),
    )


def read_attribute(reader: ProtobufReader, span: Span, references: References, depth: int = 0) -> None:
    """Adds what one entry of a map from names to values refers to; a function in it can hold such a map in turn.

    Raises:
        ModelRefused: It is damaged, or nested deeper than TensorFlow writes.
    """
    if depth > _MAX_DEPTH:
        raise reader.damaged("attributes are nested too deep")
    for number, begin, end in reader.fields(span, _ENTRY):
        if number == messages.MapEntry.VALUE:
            for kind, value_begin, value_end in reader.fields((begin, end), _ATTRIBUTE):
                value = (value_begin, value_end)
                if kind != messages.AttrValue.LIST:
                    _read_value(reader, kind, value, references, depth)
                    continue
                for list_kind, item_begin, item_end in reader.fields(value, _ATTRIBUTE_LIST):
                    item_kind = _KIND_OF_LIST[list_kind]
                    _read_value(reader, item_kind, (item_begin, item_end), references, depth)


def _read_value(reader: ProtobufReader, kind: int, span: Span, references: References, depth: int) -> None:
    if kind == messages.AttrValue.S:
        reader.count()
        references.strings.append(reader.data[span[0] : min(span[1], span[0] + 1000)])
    elif kind == messages.AttrValue.TENSOR:
        references.constants.append(_read_tensor(reader, span))
    else:
        for number, begin, end in reader.fields(span, _FUNCTION_REFERENCE):
            if number == messages.NameAttrList.NAME:
                references.functions.append(reader.text(begin, end))
            else:
                read_attribute(reader, (begin, end), references, depth + 1)


def _read_tensor(reader: ProtobufReader, span: Span) -> Constant:
    data_type, elements, is_handle = 0, 1, False
    content = b""
    values: list[int] = []
    for number, begin, end in reader.fields(span, _TENSOR):
        if number == messages.TensorProto.DTYPE:
            data_type = begin
        elif number == messages.TensorProto.TENSOR_SHAPE:
            elements = read_shape(reader, (begin, end))
        elif number == messages.TensorProto.TENSOR_CONTENT:
            content = reader.data[begin:end] if end - begin <= 8 * _MAX_SHAPE_VALUES else b""
        elif number in (messages.TensorProto.INT_VAL, messages.TensorProto.INT64_VAL):
            if len(values) < _MAX_SHAPE_VALUES:
                values.append(_signed(begin))
        else:
            is_handle = True
    if data_type > 255:
        raise reader.damaged("a tensor is of no known type")
    if content and data_type in (messages.DataType.DT_INT32, messages.DataType.DT_INT64):
        size = 4 if data_type == messages.DataType.DT_INT32 else 8
        values = [int.from_bytes(content[at : at + size], "little", signed=True) for at in range(0, len(content), size)]
    if values and len(values) < elements <= _MAX_SHAPE_VALUES:
        values += values[-1:] * (elements - len(values))
    is_handle |= data_type in (messages.DataType.DT_RESOURCE, messages.DataType.DT_VARIANT)
    return Constant(elements, is_handle, tuple(values))


def read_shape(reader: ProtobufReader, span: Span) -> int:
    """Return how many elements a shape declares; 0 where a dimension is not known.

    Raises:
        ModelRefused: It is damaged.
    """
    elements = 1
    for _, begin, end in reader.fields(span, _SHAPE):
        size = 0
        for _, value, _ in reader.fields((begin, end), _DIMENSION):
            size = max(_signed(value), 0)
        elements = min(elements * size, 1 << 62)
    return elements


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
