"""Bytes are read as protocol buffers are, or refused."""

import pytest

from core.errors import ModelRefused
from core.models.saved_model.protobuf import Kind, ProtobufReader

SCHEMA = {1: Kind.SPAN, 2: Kind.SPANS, 3: Kind.NUMBER, 4: Kind.NUMBERS}


def read(data, max_steps=100):
    reader = ProtobufReader(data, "The file", max_steps)
    return [
        (number, begin if number > 2 else data[begin:end])
        for number, begin, end in reader.fields((0, len(data)), SCHEMA)
    ]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (b"\x0a\x02ab\x12\x00\x12\x01c", [(1, b"ab"), (2, b""), (2, b"c")]),
        (b"\x18\xac\x02", [(3, 300)]),
        (b"\x18" + b"\xff" * 9 + b"\x01", [(3, 2**64 - 1)]),
        # Numbers in a list stand one by one or packed, and both count.
        (b"\x20\x05\x22\x03\x01\xac\x02", [(4, 5), (4, 1), (4, 300)]),
        # A tag may take more bytes than it needs.
        (b"\x8a\x00\x01a", [(1, b"a")]),
        # Fields that are not asked for are passed over, whatever they hold.
        (b"\x7a\x01a\x78\x01\x7d1234\x7912345678\x0a\x01a", [(1, b"a")]),
    ],
)
def test_fields_are_read_in_their_order(data, found):
    assert read(data) == found


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x18\xff",
        b"\x18" + b"\xff" * 11,
        b"\x7d123",
        b"\x02\x00",
        b"\x0b\x0c",
        b"\x0e",
        b"\x0a\x00\x0a\x00",
        b"\x18\x01\x18\x01",
        b"\x08\x01",
        b"\x1a\x00",
    ],
)
def test_damaged_bytes_are_refused(data):
    with pytest.raises(ModelRefused, match="The file is empty or damaged"):
        read(data)


@pytest.mark.parametrize("data", [b"\x12\x00" * 200, b"\x22\xc8\x01" + b"\x00" * 200, b"\x78\x00" * 200])
def test_what_takes_too_long_to_read_is_refused(data):
    with pytest.raises(ModelRefused, match="more than 100 steps"):
        read(data)
