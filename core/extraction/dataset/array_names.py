"""What the array of a layer is called in a Zarr group."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["array_name"]


def array_name(key: str) -> str:
    """Return the name of a layer's array in the Zarr group: its key, without what would be a folder."""
    name = quote(key, safe="")
    # A key of nothing but points would be another folder.
    return name.replace(".", "%2E", 1) if name.startswith(".") else name
