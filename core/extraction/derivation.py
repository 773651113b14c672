"""Activations that are made of others, such as one sample of each, with what is related to them when it is read."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["Derivation"]


class Derivation:
    """Makes activations of others, each once, so that a layer that is met on several paths is one object on all.

    What goes into a layer is made when it is read, or else a deep model with shortcuts, where paths double with every
    block, would never come to an end. Only who reads an activation keeps it: no cycle, and nothing outlives its use.

    Args:
        derive: Makes one activation of another, without what is related to it.
    """

    def __init__(self, derive: Callable[[Any], Any]) -> None:
        self._derive = derive
        self._lock = threading.RLock()
        self._by_source: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()

    def of(self, source: Any) -> Any:
        """Return what becomes of an activation."""
        with self._lock:
            derived = self._by_source.get(source)
            if derived is None:
                derived = self._derive(source)
                derived._inputs = derived._internals = None
                derived._derived = (self, source)
                derived._pass, derived._extractor = source._pass, source._extractor
                self._by_source[source] = derived
            return derived
