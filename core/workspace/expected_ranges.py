"""Between which numbers the inputs of an open model are expected: by its example, its name, or what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from core.common.nested_layers import all_layers
from core.examples.catalogue import Example
from core.inputs.images import SCALINGS, declared_scaling
from core.inputs.scaling_check import ExpectedRange, pixel_range, scaling_that_gives
from core.inputs.spec import InputSpec

__all__ = ["expected_ranges"]

_USUAL: Final = next(iter(SCALINGS))
_SCALE_OF_PIXELS: Final = 1 / 100


def expected_ranges(model: Any, specs: Sequence[InputSpec], example: Example | None) -> dict[str, ExpectedRange]:
    """Return between which numbers each input is expected, by its name; inputs of which nothing is known are left out.

    Args:
        model: The Keras model.
        specs: What it takes.
        example: Where it is from, whose samples say it; None for a file.
    """
    if example is not None:
        arrays, _ = example.samples()
        return {spec.name: _of_samples(arrays[spec.name], spec) for spec in specs if _holds_numbers(arrays[spec.name])}
    images = [spec for spec in specs if spec.kind == "image" and not spec.is_integer]
    known = _of_model(model) if images else None
    return {} if known is None else {spec.name: known for spec in images}


def _of_samples(array: np.ndarray, spec: InputSpec) -> ExpectedRange:
    low, high = float(array.min()), float(array.max())
    scaling = scaling_that_gives(low, high) if spec.kind == "image" else ""
    return ExpectedRange(low, high, "Example samples lie in", scaling)


def _of_model(model: Any) -> ExpectedRange | None:
    scaling = declared_scaling(model)
    if scaling is None:
        return ExpectedRange(*pixel_range(_USUAL), "Most models are trained with", _USUAL, is_convention=True)
    if any(str(getattr(model, "name", "")).lower().startswith(family) for family in SCALINGS[scaling].families):
        return ExpectedRange(*pixel_range(scaling), "Models of this name are trained with", scaling)
    if not _divides_pixels(model):
        # What a Normalization was adapted to, or what arithmetic is for, is not known.
        return None
    return ExpectedRange(*pixel_range(scaling), "The model scales by itself what lies in", scaling)


def _divides_pixels(model: Any) -> bool:
    return any(
        isinstance(scale := getattr(layer, "scale", None), int | float) and 0 < scale <= _SCALE_OF_PIXELS
        for layer in all_layers(model)
        if type(layer).__name__ == "Rescaling"
    )


def _holds_numbers(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and bool(array.size) and bool(np.isfinite(array).all())
