"""Reads a TensorFlow Lite file as data.

It is a flatbuffer: tables whose fields are offsets into the file. Python reads them by the format's own schema, which
comes with the interpreter; an offset that leads out of the file is an error there and no access to memory. Offsets may
lead to one place from many, so that a small file could describe a large one: what was read is counted against what
the file has bytes for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np

from core.common import file_signatures
from core.common.limits import Limits, raised_by
from core.common.text import safe_name
from core.errors import ModelRefused
from core.models.tflite.graph import LiteFile, LiteGraph, LiteOperator, LiteSignature, LiteTensor

__all__ = ["read_lite_file"]

_MOST_GRAPHS: Final = 1_000
_MOST_BYTES: Final = (1 << 31) - 1
"""Offsets are signed numbers of 32 bits."""
_TIMES_READ: Final = 2
_SMALLEST_TABLE: Final = 16
_TENSORS_FOR_OPERATOR: Final = 20
_OPEN_ORIGINAL: Final = "Open the Keras model that it was converted from."
_AGAIN: Final = "Copy or download it again, or convert the model again."


def read_lite_file(content: bytes, name: str, limits: Limits) -> LiteFile:
    """Return what a TensorFlow Lite file holds.

    Args:
        content: The file.
        name: What to call it in messages.
        limits: How large it may be.

    Raises:
        ModelRefused: If it is damaged, is none, or keeps its weights elsewhere.
    """
    if not file_signatures.is_lite(content):
        raise ModelRefused(f"{name} does not begin like a TensorFlow Lite file.", remedy=_AGAIN)
    if len(content) > _MOST_BYTES:
        raise ModelRefused(
            f"{name} takes {len(content):,} bytes; a TensorFlow Lite file has less than 2 GB.", remedy=_OPEN_ORIGINAL
        )
    try:
        return _Reader(content, name, limits).read()
    except ModelRefused:
        raise
    except Exception as error:  # what a reader of flatbuffers raises about damaged ones is not documented
        raise ModelRefused(f"{name} is a TensorFlow Lite file that is cut off or damaged.", remedy=_AGAIN) from error


class _Reader:
    """Reads one file, and counts what it reads."""

    def __init__(self, content: bytes, name: str, limits: Limits) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self._content, self._name, self._limits = content, name, limits
        self._left = _TIMES_READ * len(content)
        self._model = schema.Model.GetRootAs(content, 0)

    def read(self) -> LiteFile:
        model = self._model
        if model.ExternalBuffersLength() or model.ExternalBufferGroupsLength():
            raise ModelRefused(f"{self._name} keeps its weights in files of their own.", remedy=_OPEN_ORIGINAL)
        codes = self._listed(model.OperatorCodes, model.OperatorCodesLength())
        named_codes = [self._code_name(code) for code in codes]
        self._check_count(model.SubgraphsLength(), _MOST_GRAPHS, "graphs")
        subgraphs = self._listed(model.Subgraphs, model.SubgraphsLength())
        self._check_count(sum(each.OperatorsLength() for each in subgraphs), self._limits.layers, "operators")
        most_tensors = _TENSORS_FOR_OPERATOR * self._limits.layers
        self._check_count(sum(each.TensorsLength() for each in subgraphs), most_tensors, "tensors")
        graphs = tuple(self._graph(subgraph, named_codes) for subgraph in subgraphs)
        signatures = {
            _text(each.SignatureKey()): LiteSignature(
                int(each.SubgraphIndex()),
                _text(each.SignatureKey()),
                self._tensor_names(each.Inputs, each.InputsLength()),
                self._tensor_names(each.Outputs, each.OutputsLength()),
            )
            for each in self._listed(model.SignatureDefs, model.SignatureDefsLength())
        }
        return LiteFile(graphs, signatures, safe_name(_text(model.Description())), self._content)

    def _check_count(self, count: int, most: int, what: str) -> None:
        if count > most:
            raise ModelRefused(
                f"{self._name} has {count:,} {what}; at most {most:,} are allowed.",
                remedy=f"{_OPEN_ORIGINAL} {raised_by('layers')}",
            )

    def _counted(self, count: int, size: int) -> int:
        """Note that so many numbers of a size are about to be read."""
        self._left -= count * size
        if self._left < 0:
            raise ModelRefused(
                f"{self._name} describes more than it has bytes for: its parts lie on each other.", remedy=_AGAIN
            )
        return count

    def _listed(self, item: Callable[[int], Any], count: int) -> list[Any]:
        return [item(position) for position in range(self._counted(count, _SMALLEST_TABLE))]

    def _numbers(self, table: Any, field: str) -> tuple[Any, ...]:
        """Return a vector of numbers of a table."""
        if getattr(table, f"{field}IsNone")():
            return ()
        array = np.asarray(getattr(table, f"{field}AsNumpy")())
        self._counted(array.size, array.itemsize)
        return tuple(array.tolist())

    def _tensor_names(self, item: Callable[[int], Any], count: int) -> dict[str, int]:
        return {_text(each.Name()): int(each.TensorIndex()) for each in self._listed(item, count)}

    def _graph(self, subgraph: Any, codes: Sequence[tuple[str, bool]]) -> LiteGraph:
        tensors = self._listed(subgraph.Tensors, subgraph.TensorsLength())
        operators = self._listed(subgraph.Operators, subgraph.OperatorsLength())
        return LiteGraph(
            tuple(self._tensor(index, tensor) for index, tensor in enumerate(tensors)),
            tuple(self._operator(operator, codes) for operator in operators),
            self._numbers(subgraph, "Inputs"),
            self._numbers(subgraph, "Outputs"),
        )

    def _tensor(self, index: int, tensor: Any) -> LiteTensor:
        shape = self._numbers(tensor, "Shape")
        signature = self._numbers(tensor, "ShapeSignature") or shape
        quantization = tensor.Quantization()
        scale: tuple[float, ...] = ()
        zero_point: tuple[int, ...] = ()
        axis = 0
        if quantization is not None:
            scale = self._numbers(quantization, "Scale")
            zero_point = self._numbers(quantization, "ZeroPoint")
            axis = int(quantization.QuantizedDimension())
        # A scale of 0 says that there is none.
        is_real = all(math.isfinite(step) and step > 0 for step in scale)
        return LiteTensor(
            index,
            _text(tensor.Name()),
            shape,
            tuple(axis for axis, extent in enumerate(signature) if extent == -1),
            _names_of(self._schema.TensorType)[tensor.Type()],
            scale if is_real else (),
            zero_point if is_real else (),
            axis,
            self._data(tensor.Buffer()),
            bool(tensor.IsVariable()),
            tensor.Sparsity() is not None,
        )

    def _data(self, number: int) -> np.ndarray | None:
        if not number:
            return None
        if number >= self._model.BuffersLength():
            raise IndexError(number)
        buffer = self._model.Buffers(number)
        if buffer.Offset() > 1:
            # Beside the flatbuffer, as in files beyond 2 GB.
            raise ModelRefused(f"{self._name} keeps weights behind its graph.", remedy=_OPEN_ORIGINAL)
        # A view: however many tensors share one, nothing is copied.
        return None if not buffer.DataLength() else buffer.DataAsNumpy()

    def _operator(self, operator: Any, codes: Sequence[tuple[str, bool]]) -> LiteOperator:
        name, is_custom = codes[operator.OpcodeIndex()]
        table = operator.BuiltinOptions()
        options = None if table is None else self._schema.BuiltinOptionsCreator(operator.BuiltinOptionsType(), table)
        settings = {} if options is None else vars(options)
        return LiteOperator(
            name,
            is_custom,
            self._numbers(operator, "Inputs"),
            self._numbers(operator, "Outputs"),
            {field: value for field, value in settings.items() if isinstance(value, int | float)},
        )

    def _code_name(self, code: Any) -> tuple[str, bool]:
        """Return what an operator is called, and whether it is a custom one."""
        # Files from before there were more than 127 keep the number in a field of its own.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _names_of(self._schema.BuiltinOperator).get(number, f"OPERATOR_{number}")
        return (_text(code.CustomCode()) or "CUSTOM", True) if name == "CUSTOM" else (name, False)


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace")


@cache
def _names_of(enumeration: type) -> dict[int, str]:
    """Return what the numbers of an enumeration of the schema are called."""
    return {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}
