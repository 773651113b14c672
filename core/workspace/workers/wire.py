"""What crosses between a page and a worker: plain values as JSON, checked against the types that are declared.

The page trusts nothing that a worker sends, since a model may have taken the worker over: nothing is ever unpickled,
and what does not have the declared shape is refused. The other way round a request may be pickled, as the worker trusts
the page.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from struct import Struct
from typing import Any, Final, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from core import errors
from core.common.text import safe_name
from core.errors import (
    CodeNeeded,
    InputRejected,
    LayerscopeError,
    MissingObject,
    PluginFailed,
    SeveralModels,
    WorkerLost,
)
from core.workspace.interface import declared
from core.workspace.marks import declaration_of

__all__ = [
    "Incoming",
    "Reply",
    "decode",
    "encode_error",
    "encode_progress",
    "encode_value",
    "largest_reply",
    "send",
]

_LARGEST_FILE: Final = 1 << 30
_LARGEST_VALUE: Final = 1 << 26

# What a message begins with.
_VALUE, _FILE, _ERROR, _PROGRESS = b"v", b"b", b"e", b"p"
# What an error carries besides texts, and its type.
_LISTS: Final = frozenset({"type", "choices", "objects", "lambdas"})
_SHORT: Final = Struct("!i")
_LONG: Final = Struct("!Q")
_LONGEST_SHORT: Final = (1 << 31) - 1
_LITTLE: Final = 1 << 14


@dataclass(frozen=True)
class Reply:
    """One message from a worker.

    Attributes:
        value: What the Workspace returned, where it returned.
        error: What it raised instead.
        progress: How far it is, from 0 to 1, and with what, where the answer is still to come.
    """

    value: Any = None
    error: LayerscopeError | None = None
    progress: tuple[float, str] | None = None


def send(pipe: Any, message: bytes) -> None:
    """Send a message to the page: its length in four bytes, or -1 and the length in eight, then the message.

    Args:
        pipe: Connection to the page, whose other end :class:`Incoming` reads.
        message: What to send.

    Raises:
        OSError: If the page is gone.
    """
    length = len(message)
    head = _SHORT.pack(length) if length <= _LONGEST_SHORT else _SHORT.pack(-1) + _LONG.pack(length)
    # A file is not copied for its head.
    for part in (head + message,) if length < _LITTLE else (head, message):
        unsent = memoryview(part)
        while unsent:
            unsent = unsent[os.write(pipe.fileno(), unsent) :]


class Incoming:
    """Puts together what :func:`send` sends, bit by bit, so that half a message holds nobody up."""

    def __init__(self) -> None:
        self._content = bytearray()

    def add(self, content: bytes) -> None:
        """Take in what came."""
        self._content += content

    def next_message(self, maximum: int) -> bytes | None:
        """Return the next message; None if it has not come whole.

        Raises:
            WorkerLost: If it is to be longer than ``maximum`` bytes.
        """
        if len(self._content) < _SHORT.size:
            return None
        start = _SHORT.size
        (length,) = _SHORT.unpack_from(self._content)
        if length == -1:
            if len(self._content) < start + _LONG.size:
                return None
            (length,) = _LONG.unpack_from(self._content, start)
            start += _LONG.size
        if not 0 <= length <= maximum:
            raise _unexpected()
        if len(self._content) < start + length:
            return None
        message = bytes(self._content[start : start + length])
        del self._content[: start + length]
        return message


def largest_reply(name: str) -> int:
    """Return how many bytes a page takes as the answer of a method or property of the Workspace.

    What is no file is made into objects of Python, which take many times as much memory.
    """
    return _LARGEST_FILE if _returned(name) is bytes else _LARGEST_VALUE


def encode_value(value: Any) -> bytes:
    """Return what a method of the Workspace returned, as a message."""
    if isinstance(value, bytes):
        return _FILE + value
    return _VALUE + to_json(value, bytes_mode="base64", inf_nan_mode="constants", fallback=_from_numpy)


def encode_error(error: LayerscopeError) -> bytes:
    """Return an error of ours as a message."""
    told = {name: value for name, value in vars(error).items() if isinstance(value, str | tuple)}
    return _ERROR + json.dumps({"type": type(error).__name__, **told}).encode()


def encode_progress(fraction: float, text: str) -> bytes:
    """Return how far a request is, as a message."""
    return _PROGRESS + json.dumps([fraction, text]).encode()


def decode(message: bytes, name: str) -> Reply:
    """Return what a message says.

    Args:
        message: As it came from the worker.
        name: Method or property of the Workspace that was asked.

    Raises:
        WorkerLost: If the message is none that a worker of ours would send.
    """
    kind, content = message[:1], message[1:]
    try:
        if kind == _FILE and _returned(name) is bytes:
            return Reply(value=content)
        if kind == _VALUE:
            return Reply(value=_adapter(name).validate_json(content))
        if kind == _ERROR:
            return Reply(error=_error(json.loads(content)))
        if kind == _PROGRESS:
            fraction, text = json.loads(content)
            if isinstance(text, str) and 0 <= float(fraction) <= 1:
                return Reply(progress=(float(fraction), safe_name(text)))
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise _unexpected() from error
    raise _unexpected()


def _from_numpy(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


@cache
def _returned(name: str) -> Any:
    return get_type_hints(declaration_of(declared(name)))["return"]


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_returned(name))


def _error(told: dict[str, Any]) -> LayerscopeError:
    kind = getattr(errors, told["type"]) if told["type"] in errors.__all__ else LayerscopeError
    texts = {name: str(text) for name, text in told.items() if name not in _LISTS}
    message, remedy, code = texts["message"], texts.get("remedy", ""), texts.get("code", "")
    if kind is PluginFailed:
        known = {name: texts.get(name, "") for name in ("plugin", "package", "version", "traceback")}
        return PluginFailed(message, remedy=remedy, code=code, **known)
    if kind is InputRejected:
        return InputRejected(message, remedy=remedy, code=code, file=texts.get("file", ""))
    if kind is SeveralModels:
        return SeveralModels(message, choices=[str(path) for path in told["choices"]], remedy=remedy, code=code)
    if kind is CodeNeeded:
        objects = [MissingObject(*map(safe_name, each)) for each in told["objects"]]
        lambdas = [safe_name(name) for name in told["lambdas"]]
        return CodeNeeded(message, objects=objects, lambdas=lambdas, remedy=remedy, code=code)
    error: LayerscopeError = kind(message, remedy=remedy, code=code)
    return error


def _unexpected() -> WorkerLost:
    return WorkerLost(
        "What the model's own process answered was not what a picture or a table is made of.",
        remedy="Try again; if it stays so, do not trust the file or the plugin.",
    )
