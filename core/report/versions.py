"""The versions of what made a report."""

from __future__ import annotations

import platform
from typing import Final

from core.common.versions import installed_version

__all__ = ["versions", "versions_in_words"]

_TITLES: Final = {"layerscope": "Layerscope", "keras": "Keras", "tensorflow": "TensorFlow"}


def versions() -> dict[str, str]:
    """Return the version of each, by the name of its package."""
    return {
        **{package: installed_version(package) or "from a checkout" for package in _TITLES},
        "python": platform.python_version(),
    }


def versions_in_words() -> str:
    """Return them as a list for people."""
    titles = {**_TITLES, "python": "Python"}
    return ", ".join(f"{titles[package]} {version}" for package, version in versions().items())
