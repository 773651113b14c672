"""The recorded training that ships with Layerscope: ``layerscope.open_run(EXAMPLE_RUN)``.

A zip archive of what ``layerscope.Record`` wrote. ``python -m core.training.example`` records it again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.examples.catalogue import FOLDER

__all__ = ["ABOUT_EXAMPLE_RUN", "EXAMPLE_RUN"]

EXAMPLE_RUN: Final[Path] = FOLDER / "digits-training.zip"
ABOUT_EXAMPLE_RUN: Final = (
    "A small convolutional network learns to tell handwritten digits for nine epochs. Then, for eight batches, its "
    "learning rate is thirty times too high, as by a slip in a schedule: find the layers that do not come back."
)
"""What a person should know of it."""
