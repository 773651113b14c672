import inspect
from enum import IntEnum

import pytest

from core.models.saved_model import messages

MESSAGES = [
    kind
    for _, kind in inspect.getmembers(messages, inspect.isclass)
    if issubclass(kind, IntEnum) and kind is not IntEnum
]


@pytest.fixture(scope="module")
def descriptors():
    """Every message of the files that hold what is read, those within messages too, by name; some share one."""
    from tensorflow.core.protobuf import saved_model_pb2

    files, by_name = [saved_model_pb2.DESCRIPTOR], {}
    for file in files:
        files.extend(other for other in file.dependencies if other not in files)
        inside = list(file.message_types_by_name.values())
        for message in inside:
            inside.extend(message.nested_types)
            by_name.setdefault(message.name, []).append(message)
    return by_name


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if kind not in (messages.DataType, messages.MapEntry)])
def test_the_fields_have_tensorflows_numbers(kind, descriptors):
    own = {field.name: field.value for field in kind}

    assert any(own.items() <= numbers_in(message).items() for message in descriptors[kind.__name__])


def test_a_map_is_a_message_of_key_and_value(descriptors):
    (node,) = descriptors["NodeDef"]

    assert numbers_in(node.fields_by_name["attr"].message_type) == {entry.name: entry for entry in messages.MapEntry}


def numbers_in(message):
    return {field.name.upper(): field.number for field in message.fields}


def test_the_types_have_tensorflows_numbers():
    from tensorflow.core.framework import types_pb2

    assert all(types_pb2.DataType.Value(kind.name) == kind for kind in messages.DataType)
