"""The plain numbers of what a layer answers to one sample, for who reads numbers and looks at no picture."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ActivationSummary", "UnitAnswer"]


@dataclass(frozen=True)
class UnitAnswer:
    """What one unit or channel answers to a sample: over its places or steps, those of padding left out.

    Attributes:
        unit: Its number.
        name: What a person knows it by, such as ``"channel 5 of conv_2"`` or ``"class cat"``.
        mean: Of its finite answers; None where there are none. So are the others.
        minimum: The smallest.
        maximum: The largest.
    """

    unit: int
    name: str
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class ActivationSummary:
    """What a layer answers to one sample, in numbers.

    Attributes:
        layer: Key of the layer, or of a part of it.
        type_name: Class of the layer.
        axes: What each axis is, without that of the samples.
        shape: Their extents.
        dtype: Type of the values.
        value_count: How many values there are.
        minimum: Of the finite ones; None where there are none. So are mean and deviation.
        maximum: Likewise.
        mean: Likewise.
        deviation: Their standard deviation.
        zeros: How many are exactly zero.
        negatives: How many are below zero.
        nans: How many are NaN.
        infinities: How many are infinite.
        unit_count: How many units or channels there are; 0 where the last axis is none of them.
        strongest_units: Those that answer the most, the strongest first: inside the model by the mean of the absolute
            values, of the last layer by the mean.
        parts: What the layer keeps to itself, such as states and gates, by key.
        note: Why there are no numbers; empty where there are.
    """

    layer: str
    type_name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    value_count: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    zeros: int = 0
    negatives: int = 0
    nans: int = 0
    infinities: int = 0
    unit_count: int = 0
    strongest_units: tuple[UnitAnswer, ...] = ()
    parts: tuple[str, ...] = ()
    note: str = ""
