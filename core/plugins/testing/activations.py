"""Activations without a model: of named axes with values drawn at random, or of values of your own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from core.extraction.activation import STEP_AXIS, Activation
from core.extraction.layers import LayerInfo, axes_of
from core.inputs.sample_context import SampleContext

__all__ = ["make_activation"]

_EXTENTS: Final = {
    "sample": 3,
    "unit": 8,
    "time": 12,
    "frequency": 10,
    "height": 8,
    "width": 8,
    "depth": 4,
    "channel": 6,
    "head": 2,
    "query": 7,
    "key": 7,
    STEP_AXIS: 5,
}
_STEPS_BETWEEN: Final = 100
_OTHER_EXTENT: Final = 5
_WORD: Final = re.compile(r"(?P<axis>[a-z]\w*)(=(?P<extent>\d+))?\Z")


def make_activation(
    given: Any = "sample unit",
    *,
    key: str = "layer",
    bases: Sequence[str] = ("Dense", "Layer"),
    axes: Sequence[str] = (),
    part: str = "output",
    mask: np.ndarray | None = None,
    context: SampleContext | None = None,
    seed: int = 0,
    **layer: Any,
) -> Activation:
    """Make an activation as a model would answer it.

    Args:
        given: Axes as words, each with a number if that matters: ``"sample height width channel"``,
            ``"sample=2 time=50 unit"``, or over the steps of a training ``"step=5 sample unit"``, one in a hundred; the
            values are then drawn from a normal distribution. Or the values themselves.
        key: Key of the layer.
        bases: The layer's class and its bases by name, nearest first, such as ``("LSTM", "RNN", "Layer")``.
        axes: Names of the axes, where values are given whose axes do not follow from the layer's class.
        part: ``"output"``, or an internal such as ``"cell_state"``.
        mask: Which positions are no padding: boolean, shape ``(sample, time)``.
        context: What is known about the samples.
        seed: Of the values that are drawn; the same seed gives the same values.
        layer: What else the layer is, see :class:`core.extraction.layers.LayerInfo`.

    Raises:
        ValueError: If a word is no axis.
    """
    if isinstance(given, str):
        extents = [_extent(word) for word in given.split()]
        axes = [axis for axis, _ in extents]
        shape = tuple(extent for _, extent in extents)
        given = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    values = np.asarray(given)
    named = tuple(axes) or axes_of(tuple(bases), values.ndim)
    is_over_steps = named[:1] == (STEP_AXIS,)
    before = [axis for axis in named[:2] if axis in ("sample", STEP_AXIS)]
    info = LayerInfo(
        key=key,
        name=key.rpartition("/")[2],
        index=layer.pop("index", None),
        type_name=bases[0],
        type_names=tuple(bases),
        output_shape=(None, *values.shape[len(before) or 1 :]),
        **layer,
    )
    steps = range(0, _STEPS_BETWEEN * len(values), _STEPS_BETWEEN) if is_over_steps else None
    return Activation(key, values, named, info, part=part, mask=mask, context=context or SampleContext(), steps=steps)


def _extent(word: str) -> tuple[str, int]:
    found = _WORD.match(word)
    if not found:
        raise ValueError(f"{word!r} is no axis; write words such as 'sample=3 time unit'")
    return found["axis"], int(found["extent"] or _EXTENTS.get(found["axis"], _OTHER_EXTENT))
