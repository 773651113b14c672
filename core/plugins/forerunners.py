"""What a class was before it was defined anew, as by a cell of a notebook that is run again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import reduce
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

from core.plugins.plugin import Origin

__all__ = ["RefusedPlugin", "all_but", "forerunners", "is_defined_anew", "is_same_source"]

_Entry = TypeVar("_Entry")


class RefusedPlugin(UserWarning):
    """Says what was wrong with a plugin that somebody registered, where nobody may look at what that returned."""


def forerunners(entries: Mapping[str, _Entry], kind: str, brought: Any, origin: Origin) -> dict[str, _Entry]:
    """Return what something takes the place of that is registered by itself: the same class, as it was before.

    Args:
        entries: What there is, by name.
        kind: The attribute of an entry that holds the picture, the meaning or the reader.
        brought: What is registered.
        origin: Where it comes from. A file or package is loaded again as a whole.
    """
    try:
        name = brought.name
    except Exception:
        # What is declared may be a property, and raise; it is told when it is registered.
        return {}
    if origin.source != "registered":
        return {}
    return {
        earlier: entry
        for earlier, entry in entries.items()
        if entry.origin.key == origin.key  # type: ignore[attr-defined]
        and _is_forerunner(getattr(entry, kind), brought, is_renamed=earlier != name)
    }


def all_but(entries: Mapping[str, _Entry], left_out: Mapping[str, _Entry]) -> dict[str, _Entry]:
    """Return entries but some, in their order."""
    return {name: entry for name, entry in entries.items() if name not in left_out}


def is_same_source(earlier: Any, plugin: Any) -> bool:
    """Return whether a plugin with hooks is the same module as one before, or of the same class, maybe defined anew."""
    if isinstance(plugin, (ModuleType, SimpleNamespace)):
        return earlier is plugin
    return _named(type(earlier)) == _named(type(plugin))


def is_defined_anew(brought: Any) -> bool:
    """Return whether the name of a class stands for it: whatever was called so before is no more."""
    module, qualified = _named(type(brought))
    try:
        return reduce(getattr, qualified.split("."), sys.modules[module]) is type(brought)
    except (AttributeError, KeyError):
        # A class that a function made: there may be many of one name.
        return False


def _is_forerunner(earlier: Any, brought: Any, *, is_renamed: bool) -> bool:
    if _named(type(earlier)) != _named(type(brought)):
        return False
    # One class may have instances of several names.
    return not is_renamed or (type(earlier) is not type(brought) and is_defined_anew(brought))


def _named(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
