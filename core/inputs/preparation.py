"""How files are made into the numbers of a model, as a person chooses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.images import SCALINGS, Fit, read_image
from core.inputs.picture_files import PictureFiles
from core.inputs.spec import InputSpec

__all__ = ["Preparation"]


@dataclass(frozen=True)
class Preparation:
    """How files are made into the model's numbers; images see :func:`core.inputs.images.read_image`.

    Attributes:
        scaling: Key of ``core.inputs.images.SCALINGS``.
        fit: ``"stretch"``, ``"crop"`` or ``"pad"``.
        invert: Makes dark what was light.
        scale_arrays: Whether the numbers of arrays and tables are pixels 0 to 255 too, that are to be scaled.
        sampling_rate: How many numbers a second of sound the model takes; 0 where that is not said.
        letters: What the places of the last axis stand for where each step is one letter (one-hot), such as ``"ACGT"``;
            empty where they do not.
    """

    scaling: str = next(iter(SCALINGS))
    fit: Fit = "stretch"
    invert: bool = False
    scale_arrays: bool = False
    sampling_rate: int = 0
    letters: str = ""

    def scaled(self, values: np.ndarray, spec: InputSpec) -> np.ndarray:
        """Return an array of samples, shape ``(sample, *input)``, scaled like images where that is asked for.

        Raises:
            InputRejected: If the scaling is per colour and the samples have other channels.
        """
        if not self.scale_arrays or spec.kind != "image" or not spec.frame or spec.is_integer:
            return values
        images = SCALINGS[self.scaling].apply(spec.as_images(values))
        return spec.from_images(images).astype(values.dtype)

    def picture(self, data: bytes, name: str, spec: InputSpec) -> np.ndarray:
        """Return an image file as one sample of an input, see :func:`core.inputs.images.read_image`.

        Raises:
            InputRejected: If it is damaged, or the input takes no pictures.
        """
        return read_image(data, name, spec, scaling=self.scaling, fit=self.fit, invert=self.invert)

    def pictures(self, files: PictureFiles, positions: Iterable[int], spec: InputSpec) -> np.ndarray:
        """Return several image files as samples of an input, shape ``(sample, *input)``.

        Raises:
            InputRejected: If one is damaged, if they differ in size, or take too much memory together.
        """
        samples: list[np.ndarray] = []
        most = get_limits().input_bytes
        for position in positions:
            samples.append(self.picture(files.read(position), files.names[position], spec))
            if samples[-1].shape != samples[0].shape:
                raise InputRejected(
                    f"{safe_name(files.names[position])} differs in size from the images before it.",
                    remedy="The model takes images as they are: bring them to one size first.",
                )
            if samples[0].nbytes * len(samples) > most:
                raise InputRejected(
                    f"The images need more than {format_limit(most)} of memory together.",
                    remedy=f"Give fewer. {raised_by('input_bytes')}",
                )
        return np.stack(samples)
