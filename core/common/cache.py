"""Keeps opened models by their content, so that visitors and reruns who open the same file share one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    pass

__all__ = ["OnceCache"]

Kept = TypeVar("Kept")


class OnceCache(Generic[Kept]):
    """A bounded store that makes each thing once, however many threads ask for it at the same time.

    Args:
        capacity: How many to keep; the one that was not asked for the longest goes first.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Any, Kept] = OrderedDict()
        self._making: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under a key, made now if it is not there; what ``make`` raises is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            # One lock per key, so that a slow model does not keep others waiting.
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            made = make()
            with self._lock:
                self._kept[key] = made
                self._making.pop(key, None)
                while len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
            return made
