"""Which version of a package is installed."""

from __future__ import annotations

from importlib import metadata

__all__ = ["installed_version"]


def installed_version(package: str) -> str:
    """Return the version of a package; empty where it is not installed, as Layerscope is not in a bare checkout."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
