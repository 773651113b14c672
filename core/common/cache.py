"""Keeps what takes long to make, so that visitors and reruns who ask for the same share one."""

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
    """Who makes the value of a key, and how many threads are at it or wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    thread_count: int = 0


class OnceCache(Generic[Value]):
    """A bounded cache that makes each value once, however many threads ask for it at the same time.

    Args:
        capacity: How many to keep; the one that was not asked for the longest goes first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Any, Value] = OrderedDict()
        self._turns: dict[Any, _Turn] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made now if it is not there; what ``make`` raises is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        # One lock per key, so that a slow model does not keep others waiting.
        with self._turn_of(key):
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._capacity:
                    self._values.popitem(last=False)
            return value

    def clear(self) -> None:
        """Let all values go; what is being made now is kept."""
        with self._lock:
            self._values.clear()

    @contextmanager
    def _turn_of(self, key: Any) -> Iterator[None]:
        with self._lock:
            turn = self._turns.setdefault(key, _Turn())
            turn.thread_count += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.thread_count -= 1
                if not turn.thread_count:
                    del self._turns[key]
