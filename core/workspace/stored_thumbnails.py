"""The thumbnails of the visualizers that ship, as files; :mod:`core.workspace.thumbnails` makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "stored_thumbnail"]

FOLDER: Final = Path(__file__).parent / "thumbnail_store"


def stored_thumbnail(visualizer: str) -> bytes:
    """Return the thumbnail that ships with a visualizer, a WebP; empty where there is none.

    Args:
        visualizer: Name of a visualizer that ships with Layerscope.
    """
    path = FOLDER / f"{visualizer}.webp"
    return path.read_bytes() if path.is_file() else b""
