"""Where a page finds the process that has models in memory; importing this costs nothing."""

from __future__ import annotations

from typing import Final

__all__ = ["ADDRESS_VARIABLE", "KEY_VARIABLE"]

ADDRESS_VARIABLE: Final = "LAYERSCOPE_SESSION"
"""Variable of the environment that holds a path, or host and port."""
KEY_VARIABLE: Final = "LAYERSCOPE_SESSION_KEY"
"""Variable that holds the key, for this process alone: it is set after the process has started."""
