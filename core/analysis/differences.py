"""The difference of what a layer answered to one sample and to another, as an activation that any picture can draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from core.common.text import format_shape
from core.errors import InputRejected
from core.extraction.activation import Activation
from core.inputs.sample_context import SampleContext

__all__ = ["DifferenceOfAnswers", "squared_distances", "unit_that_differs_most"]


class DifferenceOfAnswers:
    """A second answer minus a first one, place by place; what went into the layer and its internals likewise.

    Args:
        first: One sample of an activation, without the sample axis.
        second: Another of the same shape: of another sample, layer or model.
        units: One unit or channel of each, where not all are subtracted; the difference has this one alone.
        is_same_input: Whether both are answers to the same sample, which may be drawn beside the difference then.
        is_same_model: Whether both layers have the same weights.

    Attributes:
        activation: The difference, a batch of one.
        has_read_weights: Whether somebody has looked at its weights, which are the difference of both layers' weights.

    Raises:
        InputRejected: If they differ in shape, or are no numbers.
    """

    def __init__(
        self,
        first: Activation,
        second: Activation,
        units: tuple[int, int] | None = None,
        *,
        is_same_input: bool,
        is_same_model: bool,
    ) -> None:
        if not (first.is_numeric and second.is_numeric):
            raise InputRejected("What the layer answers are no numbers, which could be subtracted.")
        if units is None and first.shape != second.shape:
            raise InputRejected(
                f"The answers have different shapes, {format_shape(first.shape)} and {format_shape(second.shape)}, so "
                "nothing can be subtracted."
            )
        self._first, self._second = first, second
        self._is_same_model = is_same_model
        self.has_read_weights = False
        context = _context(first, second, is_same_input)
        if units is not None:
            self.activation = self._of(_one_unit(first, units[0]), _one_unit(second, units[1]), context)
            return
        pairs = zip(first.inputs, second.inputs, strict=False)
        internals = {part: (each, second.internals.get(part)) for part, each in first.internals.items()}
        self.activation = self._of(
            first,
            second,
            context,
            tuple(self._of(*pair, context) for pair in pairs if _can_be_subtracted(*pair)),
            {
                part: self._of(one, other, context)
                for part, (one, other) in internals.items()
                if other is not None and _can_be_subtracted(one, other)
            },
        )

    def _of(
        self,
        first: Activation,
        second: Activation,
        context: SampleContext,
        inputs: tuple[Activation, ...] = (),
        internals: Mapping[str, Activation] | None = None,
    ) -> Activation:
        masks = [each.mask for each in (first, second) if each.mask is not None]
        return Activation(
            first.key,
            (_numbers(second.values) - _numbers(first.values))[None],
            ("sample", *first.axes),
            first.layer,
            part=first.part,
            mask=np.logical_and.reduce(masks)[None] if masks else None,
            context=context,
            inputs=inputs,
            internals=internals,
            weights=self._weights,
        )

    def _weights(self) -> dict[str, np.ndarray]:
        self.has_read_weights = True
        if self._is_same_model and self._first.key == self._second.key:
            return {}
        mine, theirs = self._first.weights, self._second.weights
        return {
            name: _numbers(theirs[name]) - _numbers(mine[name])
            for name in mine
            if name in theirs and theirs[name].shape == mine[name].shape
        }


def unit_that_differs_most(first: Activation, second: Activation) -> int | None:
    """Return the unit, or channel, of the last axis whose values are furthest apart; None where nothing differs.

    Args:
        first: One sample of an activation, without the sample axis.
        second: Another.
    """
    if first.shape != second.shape or not first.shape or not (first.is_numeric and second.is_numeric):
        return None
    by_unit = squared_distances(first.values, second.values)
    return int(by_unit.argmax()) if by_unit.any() else None


def squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far apart each unit, or channel, of the last axis is over all places, squared, shape ``(unit,)``.

    Args:
        first: Numbers, shape ``(…, unit)``.
        second: Others of the same shape; a difference that is NaN counts as none.
    """
    away = np.nan_to_num(_numbers(second) - _numbers(first))
    return np.square(away, dtype=np.float64).reshape(-1, first.shape[-1]).sum(axis=0)


def _one_unit(activation: Activation, unit: int) -> Activation:
    return Activation(
        activation.key,
        activation.values[..., [min(unit, activation.shape[-1] - 1)]],
        activation.axes,
        activation.layer,
        part=activation.part,
        mask=activation.mask,
        context=activation.context,
    )


def _numbers(values: np.ndarray) -> np.ndarray:
    """Return values that can be subtracted: small whole numbers would turn over, and booleans cannot be."""
    return values if values.dtype.kind == "f" and values.dtype.itemsize >= 4 else values.astype(np.float32)


def _can_be_subtracted(one: Activation, other: Activation) -> bool:
    return one.shape == other.shape and one.is_numeric and other.is_numeric


def _context(first: Activation, second: Activation, is_same_input: bool) -> SampleContext:
    """Return what is known of both samples: neither's input, class or words, where they are two."""
    if is_same_input:
        return first.context
    known = first.context
    words, others = known.tokens, second.context.tokens
    has_same_words = words is not None and others is not None and np.array_equal(words, others)
    return replace(
        known,
        inputs={},
        labels=None,
        groups=None,
        group_names=(),
        targets=None,
        tokens=words if has_same_words else None,
    )
