"""Units that are set to a value while a model runs: what comes after their layer works on that.

One compiled pass serves every clamp: which layers, units and values are meant are tensors that go in beside the inputs,
so a slider traces nothing anew, nor does another unit or layer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from core.common.text import number_text, safe_name
from core.errors import InputRejected
from core.extraction.layers import LayerInfo
from core.extraction.recorded_pass import has_channels_first, static_shape
from core.extraction.recorder import LayerCall

__all__ = ["Clamp", "ClampTensors", "ClampedOutputs", "check_clamp"]

Clamp: TypeAlias = Mapping[str, Mapping[int, float]]
"""The value that each unit is set to, by key of its layer and number of the unit: ``{"dense": {3: 0.0}}``."""


class ClampTensors(NamedTuple):
    """A clamp as a pass takes it: an entry for each unit.

    Attributes:
        keys: Key of its layer, strings of shape ``(unit,)``.
        units: Its number, shape ``(unit,)``.
        values: What it is set to, shape ``(unit,)``.
    """

    keys: Any
    units: Any
    values: Any

    @staticmethod
    def of(clamp: Clamp) -> ClampTensors:
        """Return the tensors of a clamp.

        Raises:
            InputRejected: If a unit is no whole number from 0 on, or a value no number.
        """
        import tensorflow as tf

        entries = [(key, unit, value) for key, units in clamp.items() for unit, value in units.items()]
        for key, unit, value in entries:
            _refuse_no_number(key, unit, value)
        return ClampTensors(
            tf.constant([key for key, *_ in entries], tf.string),
            tf.constant([int(unit) for _, unit, _ in entries], tf.int32),
            tf.constant([float(value) for *_, value in entries], tf.float32),
        )


class ClampedOutputs:
    """Sets units in what layers answer, as it comes; see :class:`core.extraction.recorder.Recorder`.

    Args:
        clamp: The units.

    Attributes:
        keys: Of the outputs in which units can be set.
    """

    def __init__(self, clamp: ClampTensors) -> None:
        self._clamp = clamp
        self._channels_first: dict[str, list[int | None]] = {}
        self.keys: set[str] = set()

    def replace_output(self, call: LayerCall, key: str, tensor: Any) -> Any:
        """Return what a layer answered with its units set."""
        import tensorflow as tf

        if not isinstance(tensor, tf.Tensor) or not (tensor.dtype.is_floating or tensor.dtype.is_integer):
            return tensor
        if tensor.shape.rank is None or tensor.shape.rank < 2:
            return tensor
        self.keys.add(key)
        shape = static_shape(tensor)
        axis = tensor.shape.rank - 1
        if has_channels_first(call, shape, self._channels_first):
            self._channels_first[key], axis = shape, 1
        return self._with_units_set(tensor, key, axis)

    def _with_units_set(self, tensor: Any, key: str, axis: int) -> Any:
        import tensorflow as tf

        count = tf.shape(tensor)[axis]
        is_here = tf.equal(self._clamp.keys, key)  # (entry,)
        is_meant = is_here[:, tf.newaxis] & tf.equal(self._clamp.units[:, tf.newaxis], tf.range(count))  # (entry, unit)
        values = tf.reduce_sum(tf.where(is_meant, self._clamp.values[:, tf.newaxis], 0.0), axis=0)
        extents = [1] * tensor.shape.rank
        extents[axis] = -1
        is_set = tf.reshape(tf.reduce_any(is_meant, axis=0), extents)
        new = tf.where(is_set, tf.cast(tf.reshape(values, extents), tensor.dtype), tensor)
        new.set_shape(tensor.shape)
        return new


def check_clamp(clamp: Clamp, layers: Sequence[LayerInfo], can_be_set: Collection[str]) -> None:
    """Refuse a clamp of what there is not, or what cannot be set.

    Args:
        clamp: The clamp.
        layers: Every layer of the pass.
        can_be_set: Keys of the outputs in which units were set.

    Raises:
        InputRejected: If a layer or unit is not there, or cannot be set; the message says why.
    """
    by_key = {layer.key: layer for layer in layers}
    for key, units in clamp.items():
        layer = by_key.get(key)
        if layer is None:
            raise _no_layer(key, layers)
        if layer.missing or key not in can_be_set:
            why = layer.missing or f"it answers {layer.dtype} without an axis of units"
            raise InputRejected(f"Layer {key!r} cannot be clamped: {why}.", remedy="Choose another layer.")
        count = layer.output_shape[-1]
        for unit, value in units.items():
            if count is not None and unit >= count:
                raise InputRejected(f"{key!r} has no unit {unit}.", remedy=f"It has units 0 to {count - 1}.")
            _refuse_beyond_type(key, value, layer.dtype)


def _refuse_no_number(key: str, unit: Any, value: Any) -> None:
    try:
        fits = int(unit) == unit and unit >= 0 and not math.isnan(float(value))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputRejected(
            f"Unit {safe_name(unit)} of {key!r} cannot be set to {safe_name(value)}.",
            remedy='Give the number of a unit, from 0 on, and a value: {"dense": {3: 0.0}}.',
        )


def _refuse_beyond_type(key: str, value: float, dtype: str) -> None:
    import tensorflow as tf

    kind = tf.dtypes.as_dtype(dtype)
    lowest, highest = float(kind.min), float(kind.max)
    if math.isfinite(value) and not lowest <= value <= highest:
        raise InputRejected(
            f"{key!r} cannot answer {number_text(value)}: it answers {dtype}.",
            remedy=f"Give a value from {number_text(lowest)} to {number_text(highest)}.",
        )


def _no_layer(key: str, layers: Sequence[LayerInfo]) -> InputRejected:
    owner = next((layer for layer in layers if key in layer.internals), None)
    if owner is not None:
        return InputRejected(
            f"{key!r} is what layer {owner.key!r} keeps to itself, and cannot be clamped.",
            remedy=f"Clamp {owner.key!r}, which sets what the layer answers.",
        )
    return InputRejected(
        f"There is no layer {safe_name(key)!r} to clamp.",
        remedy=f"There are: {', '.join(layer.key for layer in layers)}.",
    )
