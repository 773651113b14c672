"""What a TensorFlow Lite file holds, as plain values: tensors, operators, signatures. Nothing here runs any of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

__all__ = ["LiteFile", "LiteGraph", "LiteOperator", "LiteSignature", "LiteTensor"]

_NUMPY_TYPES: Final = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
    "COMPLEX64": "complex64",
    "COMPLEX128": "complex128",
}
_BITS_OF_PACKED: Final = {"INT4": 4, "INT2": 2, "UINT4": 4}
_UNPACKED_WITH_SIGN: Final = "INT4"


@dataclass(frozen=True, eq=False)
class LiteTensor:
    """A tensor of a file.

    Attributes:
        index: Its number in its graph.
        name: As the file calls it, often several names with ``;`` between them.
        shape: Extent of each axis; one that may be of any size is declared as 1.
        open_axes: Axes that may be of any size.
        type_name: As the format calls it: ``"FLOAT32"``, ``"INT8"``, ``"INT4"``, …
        scale: What a step of its whole numbers is worth: one number, one for each position on ``quantized_axis``, or
            none where they stand for themselves.
        zero_point: Which whole number stands for zero, likewise.
        quantized_axis: Along which axis scales differ.
        data: The bytes of a constant, as the file holds them; None for what is computed.
        is_variable: Whether it is a state that operators write.
        is_sparse: Whether its bytes leave zeros out.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    open_axes: tuple[int, ...]
    type_name: str
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    quantized_axis: int = 0
    data: np.ndarray | None = None
    is_variable: bool = False
    is_sparse: bool = False

    @property
    def count(self) -> int:
        """How many numbers it holds; an open axis counts as one."""
        return math.prod(self.shape)

    @property
    def byte_count(self) -> int | None:
        """Bytes that its numbers take; None where the type does not say, as of texts."""
        if self.type_name in _BITS_OF_PACKED:
            return math.ceil(self.count * _BITS_OF_PACKED[self.type_name] / 8)
        if self.type_name == "BFLOAT16":
            return 2 * self.count
        name = _NUMPY_TYPES.get(self.type_name)
        return None if name is None else np.dtype(name).itemsize * self.count

    @property
    def is_quantized(self) -> bool:
        """Whether its whole numbers stand for others, by a scale and a zero point."""
        return bool(self.scale) and (self.type_name.startswith(("INT", "UINT")))

    @property
    def value_type(self) -> str:
        """Type of what it stands for, as Keras calls it: float32 for what is quantized and for short floats."""
        if self.is_quantized or self.type_name in ("FLOAT16", "BFLOAT16"):
            return "float32"
        return "string" if self.type_name == "STRING" else _NUMPY_TYPES.get(self.type_name, "")

    @property
    def stored_type(self) -> np.dtype[Any]:
        """NumPy's type of what the interpreter takes and gives."""
        return np.dtype(_NUMPY_TYPES.get(self.type_name, "int8"))

    def stored(self) -> np.ndarray | None:
        """Return the numbers of a constant as the file holds them; None for one that is not read here."""
        if self.data is None or self.is_sparse:
            return None
        if self.type_name == _UNPACKED_WITH_SIGN:
            # Two numbers a byte, the lower half first.
            halves = np.stack([self.data & 15, self.data >> 4], axis=-1).reshape(-1)[: self.count].astype(np.int8)
            return np.where(halves > 7, halves - 16, halves).astype(np.int8).reshape(self.shape)
        if self.type_name == "BFLOAT16":
            return (self.data.view("<u2").astype("<u4") << 16).view("<f4").reshape(self.shape)
        name = _NUMPY_TYPES.get(self.type_name)
        return None if name is None else self.data.view(np.dtype(name).newbyteorder("<")).reshape(self.shape)

    def values(self) -> np.ndarray | None:
        """Return what a constant stands for, dequantized; None for one that is not read here."""
        stored = self.stored()
        return None if stored is None else self.dequantized(stored)

    def dequantized(self, stored: np.ndarray) -> np.ndarray:
        """Return what its whole numbers stand for, float32; other numbers as they are.

        Args:
            stored: In the shape of the tensor, or with more rows.
        """
        if not self.is_quantized:
            return stored.astype(self.value_type) if self.value_type else stored
        scale, zero_point = np.array(self.scale, np.float32), np.array(self.zero_point or (0,), np.int64)
        if len(scale) > 1:
            along = [1] * stored.ndim
            along[self.quantized_axis] = -1
            scale = scale.reshape(along)
            zero_point = zero_point.reshape(along if len(zero_point) > 1 else [1] * stored.ndim)
        return ((stored.astype(np.int64) - zero_point) * scale).astype(np.float32)

    def quantized(self, values: np.ndarray) -> np.ndarray:
        """Return numbers as the interpreter takes them: rounded to steps of the scale, and cut off at the type's ends.

        Args:
            values: What they stand for.
        """
        if not self.is_quantized:
            return values.astype(self.stored_type, copy=False) if self.type_name != "STRING" else values
        ends = np.iinfo(self.stored_type)
        zero_point = self.zero_point[0] if self.zero_point else 0
        steps = np.rint(values.astype(np.float32) / np.float32(self.scale[0])) + zero_point
        return np.clip(np.nan_to_num(steps), ends.min, ends.max).astype(self.stored_type)


@dataclass(frozen=True, eq=False)
class LiteOperator:
    """An operator of a graph.

    Attributes:
        name: As the format calls it, such as ``"CONV_2D"``; a custom one bears its own name.
        is_custom: Whether it did not come with TensorFlow Lite.
        inputs: Numbers of the tensors that go in; -1 where one is left out.
        outputs: Of those that come out.
        options: Numbers that set it, by the format's name: ``{"strideH": 2}``.
    """

    name: str
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LiteGraph:
    """A graph of a file: the main one, or one that an operator such as WHILE calls.

    Attributes:
        tensors: By their number.
        operators: In the order in which they run.
        inputs: Numbers of the tensors that are given.
        outputs: Of those that are the answer.
    """

    tensors: tuple[LiteTensor, ...]
    operators: tuple[LiteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class LiteSignature:
    """A named way to call a graph.

    Attributes:
        graph: Number of the graph.
        name: What it is called; empty for what stands for one.
        inputs: Number of the tensor of each input, by its name.
        outputs: Of each output.
    """

    graph: int
    name: str = ""
    inputs: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LiteFile:
    """All that a file holds.

    Attributes:
        graphs: The first is the main one.
        signatures: By name.
        description: What wrote it, in its own words.
        content: The file itself.
    """

    graphs: tuple[LiteGraph, ...]
    signatures: Mapping[str, LiteSignature]
    description: str
    content: bytes = field(repr=False)
