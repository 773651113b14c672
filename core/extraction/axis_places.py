"""Where the positions along an axis lie in the time, or on the frequencies, of a series that went into a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

__all__ = ["AxisPlaces", "Quantity"]

Quantity: TypeAlias = Literal["time", "frequency"]


@dataclass(frozen=True)
class AxisPlaces:
    """Where the positions of one axis lie, in steps of an input: what they are in seconds, a sampling rate tells.

    Attributes:
        quantity: What the axis is.
        input: Name of the input.
        step: How far the middles of two neighbours lie apart: for time in steps of the input, for frequency in bands of
            the spectrogram.
        first: Where the middle of what position 0 sees lies, likewise. Where the layer pads at the beginning alone
            (``padding="causal"``), the last step that it sees, to which Keras puts its answer.
        bands: For frequency, the middle of each band of the spectrogram, in cycles per step of the input.
        sampling_rate: Which rate the layer that makes the spectrogram was made for, where it says so; else 0.
    """

    quantity: Quantity
    input: str
    step: float = 1.0
    first: float = 0.0
    bands: tuple[float, ...] = ()
    sampling_rate: int = 0

    def at(self, positions: np.ndarray, rate: float) -> np.ndarray:
        """Return where positions lie, in seconds or hertz.

        Args:
            positions: Numbers of any shape; between two positions a line is drawn.
            rate: How many steps of the input are a second.
        """
        places = self.first + self.step * np.asarray(positions, np.float64)
        if self.quantity == "time":
            return places / rate
        known = np.arange(len(self.bands))
        bands = np.asarray(self.bands)
        # Beyond the ends, where a padded window has its middle, as steeply as between the last two.
        below, above = np.minimum(places, 0), np.maximum(places - known[-1], 0)
        steep = (bands[1] - bands[0], bands[-1] - bands[-2]) if len(bands) > 1 else (0, 0)
        return (np.interp(places, known, bands) + below * steep[0] + above * steep[1]) * rate
