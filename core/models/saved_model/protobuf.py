"""Reads protocol buffers field by field, without building the messages.

A parser that builds what a file declares can be made to take a hundred bytes of memory for two of the file. This one
walks over the file's bytes and hands out where each field begins and ends. It is stricter than protocol buffers ask
for: a field that may occur once and occurs twice, a field of the wrong type, or a group is what no library writes, and
is where two readers could understand a file differently; so it is refused as damage.

The wire format: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Final

from core.errors import ModelRefused

__all__ = ["Kind", "ProtobufReader", "Schema", "Span"]

Span = tuple[int, int]

_VARINT: Final = 0
_FIXED64: Final = 1
_DELIMITED: Final = 2
_FIXED32: Final = 5
_MAX_FIELD: Final = (1 << 29) - 1
# To open a message takes as long as to pass over several fields.
_OPENED: Final = 4
# A text or a span in a list takes some hundred bytes of memory; what is passed over takes none.
_KEPT: Final = 4


class Kind(Enum):
    """What a field holds: a number or a span of bytes (text, bytes, a message), once or any number of times."""

    NUMBER = auto()
    NUMBERS = auto()
    SPAN = auto()
    SPANS = auto()


Schema = Mapping[int, Kind]


class ProtobufReader:
    """Walks over the fields of a message and of the messages in it.

    Args:
        data: The whole file.
        called: What to call it in messages: ``"saved_model.pb in model.zip"``.
        max_steps: How much may be read altogether before the file counts as too large: a step for each field, two for
            one that is handed on, more for a message that is opened or a value that is kept.
    """

    def __init__(self, data: bytes, called: str, max_steps: int) -> None:
        self.data = data
        self.called = called
        self._max_steps = max_steps
        self._steps_left = max_steps

    # One loop on purpose: it runs for each field of a file with millions, and a call for each would double its time.
    def fields(  # noqa: C901, PLR0915 - see above
        self, span: Span, schema: Schema
    ) -> Iterator[tuple[int, int, int]]:
        """Yields the fields of one message that its schema knows, in the order of the file.

        Args:
            span: Where the message begins and ends.
            schema: What the fields of interest hold, by their numbers; all others are passed over.

        Yields:
            The field's number, and for a span its begin and end, for a number twice the number (as unsigned 64 bits).

        Raises:
            ModelRefused: The bytes are no message, or there are too many fields.
        """
        self.count(_OPENED)
        data = self.data
        at, end = span
        seen: set[int] = set()
        while at < end:
            # As count() does, without the call: this is run for each field of the file.
            self._steps_left -= 1
            if self._steps_left < 0:
                self.count()
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = self._varint(at - 1, end)
            number, wire = tag >> 3, tag & 7
            if not 0 < number <= _MAX_FIELD:
                raise self.damaged("a field has no number")
            begin = at
            if wire == _DELIMITED:
                # Most lengths and numbers are of one byte.
                small = at < end and data[at] < 128
                length, begin = (data[at], at + 1) if small else self._varint(at, end)
                at = begin + length
                value = at
            elif wire == _VARINT:
                small = at < end and data[at] < 128
                begin, at = (data[at], at + 1) if small else self._varint(at, end)
                value = begin
            elif wire in (_FIXED32, _FIXED64):
                at += 4 if wire == _FIXED32 else 8
                value = at
            else:
                raise self.damaged("a field is of no known type")
            if at > end:
                raise self.damaged("it ends in the middle of a field")
            kind = schema.get(number)
            if kind is None:
                continue
            if kind is Kind.NUMBERS and wire == _DELIMITED:
                yield from self._packed(number, begin, value)
                continue
            if wire != (_DELIMITED if kind in (Kind.SPAN, Kind.SPANS) else _VARINT):
                raise self.damaged("a field is of another type than TensorFlow writes")
            if kind in (Kind.SPAN, Kind.NUMBER):
                if number in seen:
                    raise self.damaged("a field that occurs once is there twice")
                seen.add(number)
            # To hand it on takes as long as to read it.
            self._steps_left -= 1
            yield number, begin, value

    def text(self, begin: int, end: int) -> str:
        """Return the text of a span.

        Raises:
            ModelRefused: It is not UTF-8.
        """
        self.count()
        try:
            return self.data[begin:end].decode()
        except UnicodeDecodeError as error:
            raise self.damaged("a name is not text") from error

    def count(self, steps: int = _KEPT) -> None:
        """Counts what is about to be kept.

        Raises:
            ModelRefused: That was too much.
        """
        self._steps_left -= steps
        if self._steps_left < 0:
            raise ModelRefused(
                f"{self.called} has too many entries: reading them takes more than {self._max_steps:,} steps.",
                remedy="Load it in Python yourself and pass the model to layerscope.show.",
            )

    def grant(self, steps: int) -> None:
        """Allow as many more steps, for what was read and is worth them."""
        self._max_steps += steps
        self._steps_left += steps

    def damaged(self, reason: str) -> ModelRefused:
        """Return the error that says that the file is damaged, and why."""
        return ModelRefused(
            f"{self.called} is empty or damaged: {reason}.", remedy="Copy it again, or export the model again."
        )

    def _packed(self, number: int, at: int, end: int) -> Iterator[tuple[int, int, int]]:
        while at < end:
            self.count()
            value, at = self._varint(at, end)
            yield number, value, value

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """The unsigned number that begins here, and where it ends."""
        data = self.data
        value = shift = 0
        while at < end and shift < 70:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & 0xFFFFFFFFFFFFFFFF, at
            shift += 7
        raise self.damaged("a number does not end")
