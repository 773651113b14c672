"""Files that are one sample each, beside pictures: sounds and films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.inputs.films import holds_film, read_film, takes_films
from core.inputs.preparation import Preparation
from core.inputs.sounds import guessed_rate, holds_sound, read_sound
from core.inputs.spec import InputSpec

__all__ = ["Recording", "read_recording"]


@dataclass(frozen=True)
class Recording:
    """A sound or a film as one sample of an input.

    Attributes:
        values: In the input's shape.
        note: What was done to it, in words.
        sampling_rate: Of a sound, how many numbers are a second; else 0.
        scaling: Of a film, how pixels became numbers, a key of :data:`core.inputs.images.SCALINGS`; else empty.
    """

    values: np.ndarray
    note: str
    sampling_rate: int = 0
    scaling: str = ""


def read_recording(data: bytes, name: str, spec: InputSpec, preparation: Preparation) -> Recording | None:
    """Return what a file of a sound or a film holds for an input; None where it is neither.

    A sound is brought to the rate that is known of the input, or at which the input would be a second long; a GIF for
    an input of no films, and what is given for an input of text, are neither.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        spec: What the input expects.
        preparation: How files are made into numbers.

    Raises:
        InputRejected: If it is damaged or too large, or does not fit the input.
    """
    if spec.dtype == "string":
        return None
    if holds_sound(data):
        guess = 0 if spec.sampling_rate else guessed_rate(spec)
        sound = read_sound(data, name, spec, spec.sampling_rate or guess)
        unknown = " (taken for one second)" if guess else "; at which rate the model takes sound is not said"
        return Recording(sound.values, sound.note + ("" if spec.sampling_rate else unknown), sound.sampling_rate)
    if holds_film(data) and takes_films(spec):
        values, note = read_film(data, name, spec, preparation.picture)
        return Recording(values, note, scaling=preparation.scaling)
    return None
