"""How wide a picture may be: narrower than usual where it is drawn beside others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["COLUMN", "room_across", "room_for"]

COLUMN: Final = 840
"""Screen pixels of the column of the page beside the list of layers on a common laptop."""
_room: Final[ContextVar[int]] = ContextVar("room", default=COLUMN)


@contextmanager
def room_for(width: int) -> Iterator[None]:
    """Let what is drawn within the block be so many screen pixels wide at most, as far as it asks."""
    token = _room.set(width)
    try:
        yield
    finally:
        _room.reset(token)


def room_across() -> int:
    """Return how many screen pixels wide a picture may be: 840 where it is alone, less beside others."""
    return _room.get()
