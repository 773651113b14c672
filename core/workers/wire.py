"""What crosses between a page and a worker: plain values as JSON, checked against the Workspace's declared types.

The page trusts nothing that a worker sends, since a model may have taken the worker over: nothing is ever unpickled,
and what does not have the declared shape is refused. The other way round a request may be pickled, as the worker trusts
the page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeAlias, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from core import errors
from core.errors import LayerscopeError, PluginFailed, WorkerLost
from core.workspace import Workspace

__all__ = ["MAXIMUM_REPLY", "Reply", "decode", "encode_error", "encode_progress", "encode_value"]

MAXIMUM_REPLY: Final = 1 << 30
"""Most bytes that a page takes from a worker at once; a file to be saved is the largest."""

Kind: TypeAlias = Literal["value", "bytes", "error", "progress"]
_MARKS: Final[dict[bytes, Kind]] = {b"v": "value", b"b": "bytes", b"e": "error", b"p": "progress"}


@dataclass(frozen=True)
class Reply:
    """One message from a worker.

    Attributes:
        value: What the Workspace returned, where it returned.
        error: What it raised instead.
        progress: How many samples are done, and of how many, where the answer is still to come.
    """

    value: Any = None
    error: LayerscopeError | None = None
    progress: tuple[int, int] | None = None


def encode_value(value: Any) -> bytes:
    """Return what a method of the Workspace returned, as a message."""
    if isinstance(value, bytes):
        return b"b" + value
    return b"v" + to_json(value, bytes_mode="base64", inf_nan_mode="constants", fallback=_from_numpy)


def encode_error(error: LayerscopeError) -> bytes:
    """Return an error of ours as a message."""
    told = {name: text for name, text in vars(error).items() if isinstance(text, str)}
    return b"e" + json.dumps({"type": type(error).__name__, **told}).encode()


def encode_progress(done: int, count: int) -> bytes:
    """Return how far a request is, as a message."""
    return b"p" + json.dumps([done, count]).encode()


def decode(message: bytes, name: str) -> Reply:
    """Return what a message says.

    Args:
        message: As it came from the worker.
        name: Method or property of the Workspace that was asked.

    Raises:
        WorkerLost: If the message is none that a worker of ours would send.
    """
    kind, content = _MARKS.get(message[:1]), message[1:]
    try:
        if kind == "bytes" and _returned(name) is bytes:
            return Reply(value=content)
        if kind == "value":
            return Reply(value=_adapter(name).validate_json(content))
        if kind == "error":
            return Reply(error=_error(json.loads(content)))
        if kind == "progress":
            done, count = json.loads(content)
            return Reply(progress=(int(done), int(count)))
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unexpected() from error
    raise _unexpected()


def _from_numpy(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _returned(name: str) -> Any:
    asked = getattr(Workspace, name)
    return get_type_hints(asked.fget if isinstance(asked, property) else asked)["return"]


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_returned(name))


def _error(told: dict[str, str]) -> LayerscopeError:
    kind = getattr(errors, told["type"]) if told["type"] in errors.__all__ else LayerscopeError
    texts = {name: str(text) for name, text in told.items() if name != "type"}
    message, remedy = texts.pop("message"), texts.pop("remedy", "")
    if kind is PluginFailed:
        known = {name: texts.get(name, "") for name in ("plugin", "package", "version", "traceback")}
        return PluginFailed(message, remedy=remedy, **known)
    error: LayerscopeError = kind(message, remedy=remedy)
    return error


def _unexpected() -> WorkerLost:
    return WorkerLost(
        "What the model's own process answered was not what a picture or a table is made of.",
        remedy="Try again; if it stays so, do not trust the file or the plugin.",
    )
