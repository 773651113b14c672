"""Which installed packages may bring anything of theirs, as whoever runs Layerscope says it in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import Final

from core.common.limits import PREFIX

__all__ = ["ALLOWED_VARIABLE", "NONE_VARIABLE", "allowed_names", "are_plugins_enabled", "is_named"]

NONE_VARIABLE: Final = f"{PREFIX}NO_PLUGINS"
ALLOWED_VARIABLE: Final = f"{PREFIX}ALLOWED_PLUGINS"


def are_plugins_enabled() -> bool:
    """Return whether packages and files may bring anything at all."""
    return os.environ.get(NONE_VARIABLE, "") in ("", "0")


def allowed_names() -> frozenset[str] | None:
    """Return the distributions, entry points and files that are allowed; None allows all."""
    allowed = os.environ.get(ALLOWED_VARIABLE)
    return None if allowed is None else frozenset(name.strip() for name in allowed.split(",") if name.strip())


def is_named(names: Collection[str], allowed: frozenset[str] | None) -> bool:
    """Return whether one of some names is allowed, however it is written.

    Args:
        names: What something is called: its distribution, its entry point.
        allowed: See :func:`allowed_names`.
    """
    return allowed is None or bool({_normal(name) for name in names if name} & {_normal(name) for name in allowed})


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
