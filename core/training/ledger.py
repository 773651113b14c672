"""What a run says of itself: of what it is a record, and how far it is. Both are checked when they are read.

The description is written once and stands in the attributes of the Zarr group. How far the run is stands in those of a
group of its own, which Zarr replaces in one piece: rows of the arrays beyond what it says are not there yet.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.extraction.layers import LayerInfo

__all__ = [
    "ATTRIBUTE",
    "FORMAT",
    "MOST_LOGS",
    "ActivationEntry",
    "ArrayEntry",
    "LayerEntry",
    "Progress",
    "RunDescription",
]

ATTRIBUTE: Final = "layerscope run"
"""Under what name both stand in the attributes of their groups."""
FORMAT: Final = 1
MOST_LOGS: Final = 64
"""So many numbers of a training's own, such as its loss and metrics, are kept at each step."""
_MOST_STEPS: Final = 10_000_000
_LARGEST_STEP: Final = 2**53
"""Numbers of steps are kept among floats, which hold whole numbers up to this."""

Extent = Annotated[int, Field(ge=0, le=2**40)]
Name = Annotated[str, Field(max_length=1_000)]
Step = Annotated[int, Field(ge=0, le=_LARGEST_STEP)]
NumberType = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class LayerEntry(_Checked):
    """A layer, as :class:`core.extraction.layers.LayerInfo` has it, and how many units it has."""

    key: Name
    name: Name
    index: int | None = None
    type_name: Name
    type_names: Annotated[tuple[Name, ...], Field(max_length=100)]
    output_shape: Annotated[tuple[Extent | None, ...], Field(max_length=32)]
    parameter_count: int = 0
    trainable_count: int = 0
    dtype: Name = "float32"
    activation_function: Name = ""
    data_format: Name = ""
    inputs_from: Annotated[tuple[Name, ...], Field(max_length=10_000)] = ()
    parent: Name = ""
    holds_layers: bool = False
    axis_names: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    wrapped_type_names: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    unit_count: Extent

    @classmethod
    def of(cls, layer: LayerInfo, unit_count: int) -> LayerEntry:
        """Return what is kept of a layer."""
        known = {each.name: getattr(layer, each.name) for each in fields(layer) if each.name in cls.model_fields}
        return cls(**known, unit_count=unit_count)

    @property
    def info(self) -> LayerInfo:
        """The layer, as the rest of the engine knows it."""
        known: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields if name != "unit_count"}
        return LayerInfo(**known)


class ArrayEntry(_Checked):
    """An array: a weight of the model, or what an input was given.

    Attributes:
        name: Path of the weight, or name of the input.
        shape: Its extents.
        dtype: Type of its numbers, as they are kept; ``"text"`` for text.
    """

    name: Name
    shape: Annotated[tuple[Extent, ...], Field(max_length=32)]
    dtype: NumberType | Literal["text"]

    @property
    def byte_count(self) -> int:
        """Bytes that it takes; letters are bytes."""
        return math.prod(self.shape) * np.dtype("uint8" if self.dtype == "text" else self.dtype).itemsize


class ActivationEntry(_Checked):
    """A layer whose whole answers are kept at some steps.

    Attributes:
        key: Of the layer, or of what it keeps to itself.
        axes: Names of the axes.
        shape: Extents.
        dtype: Type of the numbers.
    """

    key: Name
    axes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=32)]
    shape: Annotated[tuple[Extent, ...], Field(max_length=32)]
    dtype: NumberType

    @model_validator(mode="after")
    def _has_a_name_for_each_axis(self) -> ActivationEntry:
        if len(self.axes) != len(self.shape):
            raise ValueError("each axis has a name")
        return self


class RunDescription(_Checked):
    """Of what a run is a record.

    Attributes:
        format: Number of the way in which it is kept.
        model_name: What the model calls itself.
        layers: In call order.
        weights: Of the model, in the order of ``model.weights``.
        inputs: The fixed samples.
        labels: What they are to be answered with; None where that is missing.
        class_names: What classes are called.
        sample_count: How many samples there are.
        samples_digest: Tells these samples from others.
        every: Batches between two steps.
        has_model: Whether the model's own file is in the run.
        notes: What could not be recorded, and why, a sentence each.
    """

    format: Literal[1] = FORMAT
    model_name: Name = ""
    layers: Annotated[tuple[LayerEntry, ...], Field(max_length=100_000)] = ()
    weights: Annotated[tuple[ArrayEntry, ...], Field(max_length=1_000_000)] = ()
    inputs: Annotated[tuple[ArrayEntry, ...], Field(max_length=1_000)] = ()
    labels: ArrayEntry | None = None
    class_names: Annotated[tuple[Name, ...], Field(max_length=100_000)] = ()
    sample_count: Extent = 0
    samples_digest: Name = ""
    every: Annotated[int, Field(ge=1)] = 1
    has_model: bool = False
    notes: Annotated[tuple[Name, ...], Field(max_length=1_000)] = ()

    @property
    def unit_count(self) -> int:
        """How many units all layers have."""
        return sum(layer.unit_count for layer in self.layers)


class Progress(_Checked):
    """How far a run is.

    Attributes:
        rows: How many steps are there.
        is_complete: Whether the training came to its end.
        log_names: Names of the training's own numbers, in the order of their columns.
        weight_steps: Steps at which the weights are kept, in ascending order.
        activation_steps: Steps at which whole answers are kept, likewise.
        activations: Whose answers those are.
        resumed: Steps at which a training that had ended went on.
        unit_rows: Rows in which single units are kept, ascending.
        weight_stride: Of so many steps at which weights could be kept, they are at one; so for the others.
    """

    rows: Annotated[int, Field(ge=0, le=_MOST_STEPS)] = 0
    is_complete: bool = False
    log_names: Annotated[tuple[Name, ...], Field(max_length=MOST_LOGS)] = ()
    weight_steps: Annotated[tuple[Step, ...], Field(max_length=100_000)] = ()
    activation_steps: Annotated[tuple[Step, ...], Field(max_length=100_000)] = ()
    activations: Annotated[tuple[ActivationEntry, ...], Field(max_length=10_000)] = ()
    resumed: Annotated[tuple[Step, ...], Field(max_length=100_000)] = ()
    unit_rows: Annotated[tuple[Step, ...], Field(max_length=100_000)] = ()
    weight_stride: Annotated[int, Field(ge=1, le=_MOST_STEPS)] = 1
    activation_stride: Annotated[int, Field(ge=1, le=_MOST_STEPS)] = 1
    unit_stride: Annotated[int, Field(ge=1, le=_MOST_STEPS)] = 1
