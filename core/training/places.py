"""Where in the folder of a run each thing stands."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

__all__ = [
    "ACTIVATIONS",
    "INPUTS",
    "LABELS",
    "LAYERS",
    "LOGS",
    "MODEL",
    "MOMENTS",
    "PROGRESS",
    "UNITS",
    "WEIGHTS",
    "array_folder",
    "step_folder",
]

PROGRESS: Final = "progress"
"""A group whose attributes say how far the run is."""
MOMENTS: Final = "moments"
"""Step, epoch and seconds of each row, shape ``(row, 3)``."""
LAYERS: Final = "layers"
"""Shape ``(row, layer, measure)``."""
UNITS: Final = "units"
"""Shape ``(row, unit, measure)``, the units of one layer behind those of another."""
LOGS: Final = "logs"
"""Shape ``(row, log)``."""
WEIGHTS: Final = "weights"
"""The bytes of all weights at a step, one array each."""
ACTIVATIONS: Final = "activations"
"""A group for each step, with an array for each layer."""
INPUTS: Final = "samples"
LABELS: Final = "labels"
MODEL: Final = "model.keras"


def step_folder(folder: str, step: int) -> str:
    """Return where what is kept of one step stands, or the input of that number."""
    return f"{folder}/{step}"


def array_folder(folder: str, key: str) -> str:
    """Return where an array stands: named by the key of its layer, without what would be a folder."""
    name = quote(key, safe="")
    # A key of nothing but points would be another folder.
    return f"{folder}/{name.replace('.', '%2E', 1) if name.startswith('.') else name}"
