"""A small TensorFlow Lite file put together by hand: one Dense layer, then a softmax. TensorFlow is not needed."""

from collections.abc import Callable

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

__all__ = ["KERNEL", "changed_lite", "small_lite"]

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3) / 10


def small_lite() -> bytes:
    """The file: ``(1, 3)`` in, ``(1, 2)`` out."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT(), _buffer(KERNEL.tobytes())]
    model.operatorCodes = [
        _code(schema.BuiltinOperator.FULLY_CONNECTED),
        _code(schema.BuiltinOperator.SOFTMAX),
    ]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor("numbers", (1, 3)), _tensor("kernel", (2, 3), 1), _tensor("m/dense/MatMul", (1, 2))]
    graph.tensors.append(_tensor("answer", (1, 2)))
    graph.inputs, graph.outputs = [0], [3]
    graph.operators = [_operator(0, [0, 1, -1], [2]), _operator(1, [2], [3])]
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    graph.operators[1].builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    graph.operators[1].builtinOptions = options
    graph.operators[0].builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    graph.operators[0].builtinOptions = schema.FullyConnectedOptionsT()
    model.subgraphs = [graph]
    return _packed(model)


def changed_lite(content: bytes, change: Callable[[schema.ModelT], object]) -> bytes:
    """A file with something in it changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    change(model)
    return _packed(model)


def _packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(data: bytes) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    return buffer


def _code(number: int) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 1
    return code


def _tensor(name: str, shape: tuple[int, ...], buffer: int = 0) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer, tensor.type = name, list(shape), buffer, schema.TensorType.FLOAT32
    return tensor


def _operator(code: int, inputs: list[int], outputs: list[int]) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    return operator
