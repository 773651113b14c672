"""Wrappers in the place of functions of a library that has no hook for what is needed, put there once per process."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final

__all__ = ["wrap_once"]

_MARK: Final = "_layerscope_wrapped"
_lock = threading.Lock()


def wrap_once(owner: Any, name: str, wrapper_of: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put a wrapper in the place of a function, unless one is there already.

    Args:
        owner: The class or module that the function belongs to.
        name: What it is called there.
        wrapper_of: Returns the wrapper of the function.
    """
    with _lock:
        original = getattr(owner, name)
        if getattr(original, _MARK, False):
            return
        wrapper = functools.wraps(original)(wrapper_of(original))
        setattr(wrapper, _MARK, True)
        setattr(owner, name, wrapper)
