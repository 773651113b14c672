"""Where in the folder of a run each thing stands."""

from __future__ import annotations

from typing import Final

from core.extraction.dataset.array_names import array_name

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
    """Return where the array of a layer stands."""
    return f"{folder}/{array_name(key)}"
