"""Runs a TensorFlow Lite file, sample by sample, and hands out what its operators answered.

Sample by sample because a file may say of an operator for how many samples it was made: one, as a phone has it. So
every file can be run, and an answer does not depend on the samples beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.common.text import safe_name
from core.errors import ExtractionFailed, ModelRefused
from core.models.tflite.graph import LiteFile, LiteGraph, LiteSignature, LiteTensor

__all__ = ["LiteRunner", "row_shape"]


def row_shape(tensor: LiteTensor) -> tuple[int | None, ...]:
    """Return the shape of what a tensor holds for one sample, None where that depends on the sample.

    The axis of the samples, of extent 1, is left out: the first one, or that behind the time where time comes first.

    Args:
        tensor: A tensor as the file declares it.
    """
    shape = tuple(None if axis in tensor.open_axes else extent for axis, extent in enumerate(tensor.shape))
    axis = _sample_axis(tensor)
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])


def _sample_axis(tensor: LiteTensor) -> int | None:
    if tensor.shape and (tensor.shape[0] == 1 or 0 in tensor.open_axes):
        return 0
    return 1 if len(tensor.shape) > 2 and tensor.shape[1] == 1 else None


class LiteRunner:
    """An interpreter of one file, with the values of all tensors kept; safe to share between threads.

    Args:
        file: What the file holds, checked.
        signature: Which of its graphs is run.
        name: What to call the file in messages.

    Raises:
        ModelRefused: If the interpreter does not take it.
    """

    def __init__(self, file: LiteFile, signature: LiteSignature, name: str) -> None:
        self._file, self._signature = file, signature
        self._graph: LiteGraph = file.graphs[signature.graph]
        self._name = name
        self._lock = threading.Lock()
        self._shapes: list[tuple[int, ...]] = []
        try:
            self._interpreter = self._made()
            # The interpreter itself runs the first graph alone.
            self._signature_runner = self._interpreter.get_signature_runner(signature.name) if signature.graph else None
            # An open size is declared as 1, which may be too small for an operator.
            if all(None not in row_shape(self._graph.tensors[index]) for index in self._graph.inputs):
                self._fit([self._graph.tensors[index].shape for index in self._graph.inputs])
        except Exception as error:
            raise ModelRefused(
                f"The interpreter of TensorFlow Lite does not take {name}: {_first_line(error)}.",
                remedy="Convert the model again, or open the Keras model that it was made from.",
            ) from error

    def run(self, inputs: Sequence[np.ndarray], wanted: Sequence[int]) -> list[np.ndarray]:
        """Return what tensors hold for each sample, dequantized, the sample axis first.

        Args:
            inputs: One array for each input of the graph, the sample axis first.
            wanted: Numbers of the tensors.

        Raises:
            ExtractionFailed: If an operator fails, or answers another shape to one sample than to another.
        """
        rows: list[list[np.ndarray]] = [[] for _ in wanted]
        with self._lock:
            for number in range(len(inputs[0])):
                self._invoke([array[number] for array in inputs])
                for kept, index in zip(rows, wanted, strict=True):
                    kept.append(self._row(index))
        return [self._stacked(kept, index) for kept, index in zip(rows, wanted, strict=True)]

    def _made(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        # A delegate would compute several operators as one, and keep nothing of what is between them.
        return Interpreter(
            model_content=self._file.content,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )

    def _fit(self, shapes: list[tuple[int, ...]]) -> None:
        """Bring the inputs to shapes, which the interpreter keeps until others come."""
        if shapes == self._shapes or self._signature_runner is not None:
            return
        for index, shape in zip(self._graph.inputs, shapes, strict=True):
            self._interpreter.resize_tensor_input(index, shape)
        self._interpreter.allocate_tensors()
        self._shapes = shapes

    def _invoke(self, sample: Sequence[np.ndarray]) -> None:
        interpreter = self._interpreter
        arrays = []
        for index, values in zip(self._graph.inputs, sample, strict=True):
            tensor = self._graph.tensors[index]
            axis = _sample_axis(tensor)
            stored = tensor.quantized(values)
            arrays.append(stored if axis is None else np.expand_dims(stored, axis))
        try:
            self._fit([array.shape for array in arrays])
        except (RuntimeError, ValueError) as error:
            raise self._failure(error) from error
        # What recurrent operators remember is of the sample before.
        interpreter.reset_all_variables()
        try:
            if self._signature_runner is not None:
                names = {index: name for name, index in self._signature.inputs.items()}
                given = zip(self._graph.inputs, arrays, strict=True)
                self._signature_runner(**{names[index]: array for index, array in given})
                return
            for index, array in zip(self._graph.inputs, arrays, strict=True):
                interpreter.set_tensor(index, np.ascontiguousarray(array))
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> ExtractionFailed:
        return ExtractionFailed(
            f"TensorFlow Lite could not run {self._name}: {_first_line(error)}.",
            remedy="Compare the shape and range of the input with what the model was converted for.",
        )

    def _row(self, index: int) -> np.ndarray:
        tensor = self._graph.tensors[index]
        try:
            stored = self._interpreter.get_tensor(index, self._signature.graph)
        except ValueError as error:
            raise ExtractionFailed(
                f"TensorFlow Lite keeps nothing of what an operator of {self._name} answers: {_first_line(error)}.",
                remedy="Open the Keras model that it was made from.",
            ) from error
        values = tensor.dequantized(stored)
        axis, declared = _sample_axis(tensor), row_shape(tensor)
        is_one = axis is None or (values.ndim > axis and values.shape[axis] == 1)
        row = np.squeeze(values, axis) if axis is not None and is_one else values
        fits = row.ndim == len(declared) and all(
            extent in (None, own) for extent, own in zip(declared, row.shape, strict=True)
        )
        if not (is_one and fits):
            raise ExtractionFailed(
                f"The operator that answers {safe_name(tensor.name)!r} in {self._name} answers {values.shape} to one "
                f"sample, where the file declares {tensor.shape}.",
                remedy="Convert the model for one sample, batch_shape=(1, …).",
            )
        return row

    def _stacked(self, rows: list[np.ndarray], index: int) -> np.ndarray:
        tensor = self._graph.tensors[index]
        if not rows:
            shape = tuple(extent or 0 for extent in row_shape(tensor))
            return np.zeros((0, *shape), tensor.value_type)
        if len({row.shape for row in rows}) > 1:
            other = next(row.shape for row in rows if row.shape != rows[0].shape)
            raise ExtractionFailed(
                f"An operator of {self._name} answers {rows[0].shape} to one sample and {other} to another.",
                remedy="Look at one sample at a time.",
            )
        return np.stack(rows)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300].rstrip(".")
