"""What is explained, or driven to its most: a unit of a layer, at one place or everywhere, or a whole layer.

What a person asks is more than "this class": this class over these pixels, this step or box of an answer that has
several, not this class, this class rather than that one. Each is a :class:`Target`, and one number for each sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.analysis.units import shown_unit
from core.errors import InputRejected
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.extraction.layers import LayerInfo, unit_name
from core.extraction.squashing import logits_behind, operation_behind

__all__ = [
    "Target",
    "explained_answer",
    "objective_of",
    "place_and_region",
    "places_in_words",
    "ranges_of",
    "target_at",
    "target_name",
    "units_in_words",
    "values_before_softmax",
    "with_a_way_up",
]

_ROWS_AND_COLUMNS: Final = 2


@dataclass(frozen=True)
class Target:
    """What is explained.

    Attributes:
        layer: Key of the layer.
        unit: Unit or channel; None takes the whole layer, as the mean of its squares (the objective of DeepDream).
        place: Position on each axis between the samples and the units, such as row and column, or the number of a step
            or box; empty takes the mean over all places, or over the timesteps that are no padding.
        before_softmax: Whether a layer that ends in a softmax or sigmoid is taken before it: the logit of a class,
            which does not rise because the others fall.
        region: Where the mean is taken instead: for each axis of places the first and the last position plus one, such
            as ``((rows from, to), (columns from, to))`` of a mask. Without effect where there is a place.
        versus: Another unit, which is subtracted: what speaks for the one rather than for the other.
        sign: -1 turns all of it round: what speaks against it, "not this class".
    """

    layer: str
    unit: int | None = None
    place: tuple[int, ...] = ()
    before_softmax: bool = True
    region: tuple[tuple[int, int], ...] = ()
    versus: int | None = None
    sign: int = 1

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The region, or the place as one of a single position; empty for everywhere."""
        return tuple((position, position + 1) for position in self.place) or self.region


def target_at(
    answer: Activation,
    unit: int | None,
    *,
    versus: int | None = None,
    position: int | None = None,
    region: Sequence[float] | None = None,
    against: bool = False,
) -> Target:
    """Return the target that is meant by what a person chose of a layer's answer.

    Args:
        answer: What the layer answered, the sample axis first.
        unit: Unit or channel.
        versus: Another one; one that is not there, or the same one, is none.
        position: A step, token or box, where the answer has one axis of them; the last one where there are fewer.
        region: Left, right, top and bottom of what was dragged over a picture of its places, in places, see
            :data:`core.plugins.visualizer.Region`; where they are in a row, left and right. None, or what lies beside
            them, takes all.
        against: Whether it is asked what speaks against it.
    """
    other = versus if versus is not None and versus != unit and 0 <= versus < answer.shape[-1] else None
    place, ranges = place_and_region(answer.shape[1:-1], position, region)
    return Target(
        answer.key,
        unit,
        place,
        region=ranges,
        versus=other,
        sign=-1 if against else 1,
    )


def place_and_region(
    extents: Sequence[int], position: int | None, region: Sequence[float] | None
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the place and the region of a target; both empty for everywhere, and one of them at most.

    Args:
        extents: How many positions each axis between the samples and the units has.
        position: A step, token or box where there is one such axis; the last one where there are fewer.
        region: See :func:`target_at`; without effect where there is a place.
    """
    if position is not None and len(extents) == 1:
        return (min(max(position, 0), extents[0] - 1),), ()
    return (), () if region is None else ranges_of(region, extents)


def explained_answer(
    extractor: Extractor,
    activations: Activations,
    inputs: Mapping[str, np.ndarray],
    sample: int,
    *,
    layer: str | None = None,
    unit: int | None = None,
) -> tuple[Activation, int]:
    """Return what a later layer answered, and which unit of it is explained.

    Args:
        extractor: Holds the model.
        activations: The pass; a layer that it did not keep is run for the one sample.
        inputs: The sample by input name, the sample axis first.
        sample: Position of it in the pass.
        layer: Key of the layer; None takes the last one.
        unit: Unit, channel or class; None takes the one that answers the most to the sample.
    """
    key = layer or activations.layers[-1].key
    answer = activations.get(key) or extractor.extract(inputs, layers=[key])[key]
    return answer, shown_unit(answer, sample if answer.shape[0] > 1 else 0, unit)


def target_name(answer: Activation, target: Target) -> str:
    """Say what a target is: ``"channel 1 of mask minus channel 2, rows 3–9, columns 4–12"``, ``"not class cat"``."""
    units = units_in_words(target, answer.layer, answer.context.class_names, answer.context.class_layer)
    return ", ".join([units, *places_in_words(target, answer.axes[1:-1])])


def units_in_words(target: Target, layer: LayerInfo, class_names: Sequence[str], class_layer: str = "") -> str:
    """Say which units a target is of, wherever it is taken: ``"not (class cat minus class dog)"``.

    Args:
        target: What is explained.
        layer: The layer that it is of.
        class_names: Name of each class; empty if unknown.
        class_layer: Key of the layer that answers the classes, where that is known.
    """
    name = unit_name(layer, target.unit or 0, class_names, class_layer)
    if target.versus is not None:
        name = f"{name} minus {unit_name(layer, target.versus, class_names, class_layer)}"
    if target.sign > 0:
        return name
    return f"not {name}" if target.versus is None else f"not ({name})"


def places_in_words(target: Target, axes: Sequence[str]) -> list[str]:
    """Say where a target is taken: ``["rows 3–9", "columns 4–12"]``; empty for everywhere.

    Args:
        target: What is explained.
        axes: Name of each axis between the samples and the units.
    """
    return [_range_in_words(axis, *ends) for axis, ends in zip(axes, target.ranges, strict=False)]


def _range_in_words(axis: str, start: int, stop: int) -> str:
    name, several = {"height": ("row", "rows"), "width": ("column", "columns"), "time": ("position", "positions")}.get(
        axis, (axis, axis)
    )
    return f"{name} {start}" if stop - start == 1 else f"{several} {start}–{stop - 1}"


def ranges_of(region: Sequence[float], extents: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return which positions on each axis a region touches: the first and the last plus one.

    Empty where it lies beside them, or they have other axes than one or two.

    Args:
        region: Left, right, top and bottom in places, see :data:`core.plugins.visualizer.Region`.
        extents: How many positions each axis has.
    """
    if len(extents) not in (1, _ROWS_AND_COLUMNS):
        return ()
    across, down = sorted(region[:2]), sorted(region[2:])
    ends = [across] if len(extents) == 1 else [down, across]
    ranges = []
    for (low, high), extent in zip(ends, extents, strict=True):
        # A position is drawn from half before its number to half behind it.
        first, last = math.floor(low + 0.5), math.ceil(high + 0.5)
        start, stop = max(first, 0), min(max(last, first + 1), extent)
        if start >= stop:
            return ()
        ranges.append((start, stop))
    return tuple(ranges)


def values_before_softmax(tensor: Any) -> Any:
    """Return what went into the softmax or sigmoid that a layer ends in; what it answered where there is none."""
    logits = logits_behind(tensor)
    return tensor if logits is None else logits


def objective_of(
    values: Any,
    units: Any,
    ranges: Any,
    *,
    whole: bool,
    mask: Any = None,
    others: Any = None,
    sign: int = 1,
) -> Any:
    """Return what a target amounts to for each sample, shape ``(sample,)``, inside a graph or not.

    Args:
        values: What the layer answered, shape ``(sample, *places, unit)``, or ``(sample,)``.
        units: Unit for each sample, shape ``(sample,)``; without effect where all of the layer is taken.
        ranges: First and last position plus one on each axis of places, shape ``(axis, 2)``; of extent 0 for the mean
            over all of them.
        whole: Whether all of the layer is taken.
        mask: Which timesteps are no padding, shape ``(sample, time)``, or None.
        others: Unit for each sample whose answer is subtracted, shape ``(sample,)``, or None.
        sign: 1, or -1 to turn it round.

    Raises:
        InputRejected: If the layer has another number of axes of places than the ranges.
    """
    import tensorflow as tf

    values = tf.cast(values, tf.float32)
    rank = values.shape.rank
    if rank == 1:
        values = values[:, None]  # (sample,) -> (sample, unit)
    shape = tf.shape(values)
    rows = tf.reshape(values, [shape[0], -1, shape[-1]])  # (sample, *places, unit) -> (sample, place, unit)
    inside = _inside(shape, ranges, None if rank is None else max(rank - 2, 0))
    if whole:
        return sign * _mean_over(tf.reduce_mean(tf.square(rows), axis=2), inside)
    answers = tf.gather(rows, units, axis=2, batch_dims=1)  # (sample, place)
    if others is not None:
        answers -= tf.gather(rows, others, axis=2, batch_dims=1)
    if mask is not None and rank == 3 and mask.shape.rank == 2:
        shown = tf.cast(mask, tf.float32)
        # A step of padding that is asked for by its number is taken all the same.
        within = shown if inside is None else shown * inside
        is_any = tf.reduce_sum(within, axis=1, keepdims=True) > 0
        inside = within if inside is None else tf.where(is_any, within, tf.broadcast_to(inside, tf.shape(within)))
    return sign * _mean_over(answers, inside)


def _inside(shape: Any, ranges: Any, place_axes: int | None) -> Any:
    """Return 1 for each place that lies inside the ranges and 0 for others, shape ``(1, place)``; None for all."""
    import tensorflow as tf

    count = int(ranges.shape[0])
    if not count:
        return None
    if place_axes is not None and place_axes != count:
        raise InputRejected(
            f"The target is told by positions on {count} {'axis' if count == 1 else 'axes'}, and its layer has "
            f"{place_axes or 'none'}.",
            remedy="Choose a place or region that suits the layer.",
        )
    inside = tf.ones([1], tf.float32)
    for axis in range(count):
        positions = tf.range(shape[axis + 1])
        within = tf.cast((positions >= ranges[axis, 0]) & (positions < ranges[axis, 1]), tf.float32)
        inside = tf.reshape(inside[:, None] * within[None, :], [-1])
    return inside[None]


def _mean_over(numbers: Any, inside: Any) -> Any:
    """Return the mean over places of shape ``(sample, place)``, weighed by 1 and 0 where some are left out."""
    import tensorflow as tf

    if inside is None:
        return tf.reduce_mean(numbers, axis=1)
    # Not times zero: a NaN outside is none of the target's.
    counted = tf.where(tf.broadcast_to(inside, tf.shape(numbers)) > 0, numbers, tf.zeros_like(numbers))
    return tf.reduce_sum(counted, axis=1) / tf.maximum(tf.reduce_sum(inside, axis=1), 1.0)


def with_a_way_up(tensor: Any, count: int) -> Any:
    """Return the same numbers, with a gradient where a ReLU lets none of a sample through: that of what went in.

    For who looks for a way up, as Lucid does (Olah et al. 2017). Of a unit that answers somewhere, the way up is its
    own: one for all places where it is silent leads past that.

    Args:
        tensor: What a layer answered, in a graph; where no ReLU was the last that was done to it, it stays as it is.
        count: How many samples there are, one after another along the first axis, each with as many rows.
    """
    import tensorflow as tf

    operation = operation_behind(tensor, through_shapes=True)
    if operation is None or operation.type not in ("Relu", "Relu6"):
        return tensor

    @tf.custom_gradient
    def redirected(after: Any, before: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            through = tf.where(after > 0, upstream, tf.zeros_like(upstream))
            rows = through.shape[0]
            groups = count if rows and rows % count == 0 else tf.shape(through)[0]
            is_silent = tf.reduce_all(tf.reshape(through, [groups, -1]) == 0, axis=1, keepdims=True)
            as_if_open = tf.where(is_silent, tf.reshape(upstream, [groups, -1]), tf.zeros([], upstream.dtype))
            return upstream, tf.reshape(as_if_open, tf.shape(upstream))

        return tf.identity(after), gradients

    before = tf.reshape(tf.cast(operation.inputs[0], tensor.dtype), tf.shape(tensor))
    output = redirected(tensor, before)
    output.set_shape(tensor.shape)
    return output
