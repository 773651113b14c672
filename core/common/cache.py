"""A cache that makes each thing once, so that visitors and reruns who open the same file share one model."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = ["OnceCache"]

Value = TypeVar("Value")


@dataclass
class _Turn:
    """Who may make a thing: whoever holds the lock, while the others that want it wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: int = 0


class OnceCache(Generic[Value]):
    """A bounded store that makes each thing once, however many threads ask for it at the same time.

    Args:
        capacity: How many to keep; the one that was not asked for the longest goes first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Any, Value] = OrderedDict()
        self._turns: dict[Any, _Turn] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """Return what is kept under a key, made now if it is not there; what ``make`` raises is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        with self._turn(key):
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._capacity:
                    self._values.popitem(last=False)
            return value

    @contextmanager
    def _turn(self, key: Any) -> Iterator[None]:
        """Wait until no other thread makes the thing; one lock per key, so that a slow one keeps only its own."""
        with self._lock:
            turn = self._turns.setdefault(key, _Turn())
            turn.threads += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.threads -= 1
                # Who waits must find the same lock as who comes now, so the last one takes it away.
                if not turn.threads:
                    del self._turns[key]
