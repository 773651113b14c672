"""The operations of a SavedModel's graph: what each is, what it refers to, and how large its constants are.

The numbers of the fields are those of TensorFlow's node_def.proto, attr_value.proto, tensor.proto and
tensor_shape.proto.
"""

from dataclasses import dataclass
from typing import Final

from core.models.saved_model.protobuf import Kind, ProtobufReader, Schema, Span

__all__ = ["Constant", "Node", "References", "read_attribute", "read_node", "read_shape"]

_NUMBER, _NUMBERS, _SPAN, _SPANS = Kind.NUMBER, Kind.NUMBERS, Kind.SPAN, Kind.SPANS

_ENTRY: Final[Schema] = {1: _SPAN, 2: _SPAN}
_NODE: Final[Schema] = {1: _SPAN, 2: _SPAN, 3: _SPANS, 4: _SPAN, 5: _SPANS}
_ATTRIBUTE: Final[Schema] = {1: _SPAN, 2: _SPAN, 8: _SPAN, 10: _SPAN}
_ATTRIBUTE_LIST: Final[Schema] = {2: _SPANS, 8: _SPANS, 9: _SPANS}
_FUNCTION_REFERENCE: Final[Schema] = {1: _SPAN, 2: _SPANS}
_TENSOR: Final[Schema] = {1: _NUMBER, 2: _SPAN, 4: _SPAN, 7: _NUMBERS, 10: _NUMBERS, 14: _SPANS, 15: _SPANS}
_SHAPE: Final[Schema] = {2: _SPANS}
_DIMENSION: Final[Schema] = {1: _NUMBER}

_MAX_DEPTH: Final = 20
# A shape has a handful of dimensions; what holds more values than this is data.
_MAX_SHAPE_VALUES: Final = 32
_INT32, _INT64, _RESOURCE, _VARIANT = 3, 9, 20, 21


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
    found = References([], [], [])
    for number, begin, end in reader.fields(span, _NODE):
        if number == 5:
            read_attribute(reader, (begin, end), found)
        elif number == 3:
            inputs.append(reader.text(begin, end))
        elif number == 1:
            name = reader.text(begin, end)
        elif number == 2:
            operation = reader.text(begin, end)
        else:
            device = reader.text(begin, end)
    return Node(
        name, operation, tuple(inputs), device, tuple(found.functions), tuple(found.strings), tuple(found.constants)
    )


def read_attribute(reader: ProtobufReader, span: Span, found: References, depth: int = 0) -> None:
    """Adds what one entry of a map from names to values refers to; a function in it can hold such a map in turn.

    Raises:
        ModelRefused: It is damaged, or nested deeper than TensorFlow writes.
    """
    if depth > _MAX_DEPTH:
        raise reader.damaged("attributes are nested too deep")
    for number, begin, end in reader.fields(span, _ENTRY):
        if number == 2:
            for kind, value_begin, value_end in reader.fields((begin, end), _ATTRIBUTE):
                value = (value_begin, value_end)
                if kind != 1:
                    _read_value(reader, kind, value, found, depth)
                    continue
                for item, item_begin, item_end in reader.fields(value, _ATTRIBUTE_LIST):
                    _read_value(reader, 10 if item == 9 else item, (item_begin, item_end), found, depth)


def _read_value(reader: ProtobufReader, kind: int, span: Span, found: References, depth: int) -> None:
    if kind == 2:
        reader.count()
        found.strings.append(reader.data[span[0] : min(span[1], span[0] + 1000)])
    elif kind == 8:
        found.constants.append(_read_tensor(reader, span))
    else:
        for number, begin, end in reader.fields(span, _FUNCTION_REFERENCE):
            if number == 1:
                found.functions.append(reader.text(begin, end))
            else:
                read_attribute(reader, (begin, end), found, depth + 1)


def _read_tensor(reader: ProtobufReader, span: Span) -> Constant:
    data_type, elements, is_handle = 0, 1, False
    content = b""
    values: list[int] = []
    for number, begin, end in reader.fields(span, _TENSOR):
        if number == 1:
            data_type = begin
        elif number == 2:
            elements = read_shape(reader, (begin, end))
        elif number == 4:
            content = reader.data[begin:end] if end - begin <= 8 * _MAX_SHAPE_VALUES else b""
        elif number in (7, 10):
            if len(values) < _MAX_SHAPE_VALUES:
                values.append(_signed(begin))
        else:
            is_handle = True
    if data_type > 255:
        raise reader.damaged("a tensor is of no known type")
    if content and data_type in (_INT32, _INT64):
        size = 4 if data_type == _INT32 else 8
        values = [int.from_bytes(content[at : at + size], "little", signed=True) for at in range(0, len(content), size)]
    if values and len(values) < elements <= _MAX_SHAPE_VALUES:
        values += values[-1:] * (elements - len(values))
    return Constant(elements, is_handle or data_type in (_RESOURCE, _VARIANT), tuple(values))


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
