"""Noise for all inputs of an open model, in sizes that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.errors import InputRejected
from core.extraction.fitting_sizes import shapes_that_fit
from core.inputs.files import Samples
from core.inputs.noise import noise, usual_shape
from core.inputs.open_sizes import is_open, open_extents, shape_with
from core.inputs.scaling_check import pixel_range
from core.inputs.spec import InputSpec
from core.workspace.open_model import OpenModel
from core.workspace.results import NoiseSizes

__all__ = ["noise_samples", "noise_sizes"]


def noise_sizes(model: OpenModel, sizes: Mapping[str, Sequence[int]]) -> NoiseSizes:
    """Return how large noise is along axes of any size; see :meth:`.WorkspaceInterface.noise_sizes`."""
    asked = _asked_shapes(model, sizes)
    shapes, refusal = {spec.name: asked.get(spec.name) or usual_shape(spec) for spec in model.specs}, ""
    try:
        shapes = shapes_that_fit(model.extractor, model.specs, asked)
    except InputRejected as error:
        refusal = error.message
    return NoiseSizes(
        {spec.name: open_extents(spec, shapes[spec.name]) for spec in model.specs if is_open(spec)}, refusal
    )


def noise_samples(model: OpenModel, count: int, seed: int, sizes: Mapping[str, Sequence[int]]) -> Samples:
    """Return samples of noise; see :meth:`.WorkspaceInterface.take_noise`.

    Raises:
        InputRejected: If no size was found that the model takes, or the model does not say what it expects.
    """
    if not model.specs:
        raise InputRejected(
            f"{model.summary.name} does not say what it expects, so no noise can be made for it.",
            remedy="Build the model with keras.Input, or call it once before it is saved.",
        )
    shapes = shapes_that_fit(model.extractor, model.specs, _asked_shapes(model, sizes))
    arrays = {
        spec.name: _as_pixels(
            noise(spec, count, seed + place, shapes[spec.name]), spec, model.summary.suggested_scaling
        )
        for place, spec in enumerate(model.specs)
    }
    return Samples(arrays, None, tuple(f"noise {number}" for number in range(count)), are_noise=True)


def _as_pixels(values: np.ndarray, spec: InputSpec, scaling: str) -> np.ndarray:
    """Bring noise from 0 to 1 to where the model expects pixels, as one that divides by 255 itself does."""
    if spec.kind != "image" or values.dtype.kind != "f":
        return values
    low, high = pixel_range(scaling)
    return (low + (high - low) * values).astype(values.dtype)


def _asked_shapes(model: OpenModel, sizes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    return {
        spec.name: shape_with(spec, sizes[spec.name])
        for spec in model.specs
        if len(sizes.get(spec.name, ())) == len(spec.open_axes) > 0
    }
