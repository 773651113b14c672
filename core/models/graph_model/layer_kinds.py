"""What a layer of a graph is, told by its operations and by the names of its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from core.models.graph_model.data_flow import DataFlow
from core.models.graph_model.graph_axes import GraphAxes
from core.models.graph_model.operation_groups import (
    BATCH_NORMALIZATIONS,
    CONVOLUTIONS,
    LOOKUPS,
    MATRIX_PRODUCTS,
    POOLINGS,
    SCALINGS,
)

__all__ = ["LayerKind", "is_layer", "kind_of", "kind_of_scope"]

_LOOPS: Final = frozenset({"While", "StatelessWhile"})
_MAIN: Final = (
    CONVOLUTIONS
    | POOLINGS
    | BATCH_NORMALIZATIONS
    | MATRIX_PRODUCTS
    | _LOOPS
    | {"LRN", "ConcatV2", "TopKV2", "If", "StatelessIf", "Case", "StatelessCase"}
)
"""Operations that are what a layer is there for."""
_ACTIVATIONS: Final = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "Elu": "elu",
    "Selu": "selu", "LeakyRelu": "leaky_relu", "Softplus": "softplus", "Softsign": "softsign",
    "LogSoftmax": "log_softmax",
}  # fmt: skip
_NAMED_ACTIVATIONS: Final = frozenset(
    {"gelu", "silu", "swish", "mish", "hard_sigmoid", "hard_swish", "softmax", "relu6"}
)
_TENDERS: Final = frozenset({
    "BiasAdd", "Add", "AddV2", "Sub", "Mul", "Neg", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Cast",
    "Identity", "Pad", "PadV2", "MirrorPad", "SpaceToBatchND", "BatchToSpaceND", "Erf", "Erfc", "Less", "SelectV2",
    "Maximum", "Minimum", "Rsqrt", "Sqrt", "Mean", "SquaredDifference", "StopGradient", "Square", "RealDiv",
    "StridedSlice", "Exp", "Log1p", "Pow", "ClipByValue", "IdentityN", "Where", "Abs", "Sign", *_ACTIVATIONS,
})  # fmt: skip
"""Operations that stand around the main one in layers as Keras writes them."""
_NORMALIZING: Final = frozenset({"Rsqrt", "Sqrt"})
_AROUND_LOOPS: Final = frozenset({
    "Transpose", "StridedSlice", "ExpandDims", "Reverse", "ReverseV2", "Squeeze", "Cast", "Identity", "Max", "Min",
    "Pack", "SelectV2", "Tile", "Reshape", "Fill", "Range", "Mul", "Sub", "AddV2", "Sum", "ReverseSequence",
    "IdentityN",
})  # fmt: skip
"""Operations that bring what goes into a loop over steps, and what comes out, into order."""
_MOST_SCALINGS: Final = 3
_FILM_AXES: Final = 5
_SHAPE_CHANGES: Final = frozenset({"Reshape", "Squeeze", "ExpandDims", "Transpose", "Identity", "StridedSlice", "Cast"})
_SCOPES_OF_LAYERS: Final = frozenset({
    "", "tensordot", "einsum", "conv1d", "convolution", "embedding_lookup", "moments", "batchnorm", "gelu",
    "depthwise", "separable_conv2d", "conv2d_transpose", "conv1d_transpose", "matmul", "normalize", "silu",
    "tensorarrayunstack", "tensorarrayv2stack", "while", "partitionedcall", "statefulpartitionedcall",
})  # fmt: skip
"""Scopes that functions of Keras and TensorFlow make inside of one layer."""
_CONVOLUTION_NAMES: Final = {
    "Conv2D": ("Conv", ""),
    "Conv3D": ("Conv", ""),
    "DepthwiseConv2dNative": ("DepthwiseConv", ""),
    "Conv2DBackpropInput": ("Conv", "Transpose"),
    "Conv3DBackpropInputV2": ("Conv", "Transpose"),
}
_POOLING_NAMES: Final = {
    "MaxPool": "MaxPooling", "MaxPoolV2": "MaxPooling", "AvgPool": "AveragePooling", "MaxPool3D": "MaxPooling",
    "AvgPool3D": "AveragePooling",
}  # fmt: skip
_TYPE_OF_OPERATION: Final = {
    "Add": "Add", "AddV2": "Add", "AddN": "Add", "Mul": "Multiply", "Sub": "Subtract", "RealDiv": "Divide",
    "ConcatV2": "Concatenate", "Pack": "Stack", "StridedSlice": "Slice", "Transpose": "Permute",
    "Relu": "ReLU", "Relu6": "ReLU", "LeakyRelu": "LeakyReLU", "Elu": "ELU", "Sigmoid": "Activation",
    "Tanh": "Activation", "Selu": "Activation", "Softplus": "Activation", "Pad": "Padding", "PadV2": "Padding",
    "MirrorPad": "Padding",
}  # fmt: skip
"""Classes of Keras by the types of operations that do the same; another operation is called by its own type."""
_MOST_TENDERS: Final = 40


@dataclass(frozen=True)
class LayerKind:
    """What a layer is.

    Attributes:
        type_name: Class of Keras that does the same, or the type of its operation.
        settings: Attributes of a Keras layer with their values, such as ``kernel_size``.
        activation: Name of the function at its end; empty for none.
        axis_names: Names of the axes of what it answers, where they are told by more than its type.
    """

    type_name: str
    settings: dict[str, Any] = field(default_factory=dict)
    activation: str = ""
    axis_names: tuple[str, ...] = ()


def is_layer(flow: DataFlow, operations: Sequence[Any], depth: int) -> bool:
    """Return whether operations of one scope are one layer, as far as their types and their scopes tell.

    Args:
        flow: The graph that they are of.
        operations: What computes values in it.
        depth: How many names the scope's own path has.
    """
    if len(operations) == 1:
        return True
    if _holds_layers(flow, operations, depth):
        return False
    main = [operation for operation in operations if _is_main(flow, operation)]
    others = [operation for operation in operations if operation not in main]
    if len(main) > 1 or len(others) > _MOST_TENDERS:
        return False
    if main and main[0].type in _LOOPS:
        return all(other.type in _AROUND_LOOPS or other.type.startswith("TensorList") for other in others)
    if not all(other.type in _TENDERS for other in others):
        return False
    return _is_alone_behind(flow, main[0], operations) if main else _is_whole_without_main(flow, operations)


def _is_alone_behind(flow: DataFlow, main: Any, operations: Sequence[Any]) -> bool:
    """Return whether nothing from outside comes to what a main operation answers, as it does in a residual block."""
    inside = {operation.name: operation for operation in operations}
    before, waiting = {main.name}, [main]
    while waiting:
        sources = [flow.origin(tensor).op for tensor in waiting.pop().inputs]
        waiting += [source for source in sources if source.name in inside and source.name not in before]
        before.update(source.name for source in sources)
    return all(
        flow.origin(tensor).op.name in inside
        for name, operation in inside.items()
        if name not in before
        for tensor in operation.inputs
        if flow.is_value(flow.origin(tensor))
    )


def _holds_layers(flow: DataFlow, operations: Sequence[Any], depth: int) -> bool:
    """Return whether what a scope is there for stands in a scope inside, that is none which a layer of Keras makes."""
    inner = [_scope_inside(operation, depth) for operation in operations]
    main = {scope for scope, each in zip(inner, operations, strict=True) if _is_main(flow, each)}
    if main:
        return len({*inner}) > 1 and any(scope not in _SCOPES_OF_LAYERS for scope in main)
    return "" not in inner and len({*inner} - _SCOPES_OF_LAYERS) > 1


def _scope_inside(operation: Any, depth: int) -> str:
    """Return the name of the scope right inside of another one that an operation is in; empty for none."""
    parts = operation.name.split("/")[:-1]
    return re.sub(r"_\d+$", "", parts[depth]).lower() if len(parts) > depth else ""


def kind_of(
    flow: DataFlow, operations: Sequence[Any], weights: Mapping[str, tuple[int, ...]], axes: GraphAxes
) -> LayerKind:
    """Return what a layer is.

    Args:
        flow: The graph that it is of.
        operations: What computes values in it.
        weights: Extents of the weights that it reads, by name, such as ``"kernel"``.
        axes: What the axes of its values are.
    """
    kind = _kind_by_operations(flow, operations, weights)
    rank = len(flow.extents(operations[-1].outputs[0]) or ()) if operations[-1].outputs else 0
    if kind.type_name == "RNN" and rank == _FILM_AXES and any(len(extents) > 3 for extents in weights.values()):
        return replace(kind, axis_names=("sample", "time", "height", "width", "channel"))
    return replace(kind, axis_names=axes.names_for(operations, rank))


def kind_of_scope(steps: Sequence[Any]) -> str:
    """Return what a scope is, by the layers in it: attention where one weighs positions by each other."""
    names = [step.axis_names for step in steps]
    if ("sample", "head", "query", "key") in names:
        return "MultiHeadAttention"
    return "Attention" if ("sample", "query", "key") in names else "Scope"


def _kind_by_operations(flow: DataFlow, operations: Sequence[Any], weights: Mapping[str, tuple[int, ...]]) -> LayerKind:
    main = next((operation for operation in operations if _is_main(flow, operation)), None)
    if main is not None:
        if main.type in _LOOPS:
            return _loop_kind(flow, main, weights)
        main_kind = _main_kind(flow, main, operations, weights)
        return replace(main_kind, settings={**main_kind.settings, **_layout_behind(operations)})
    kind = _normalization(flow, operations, set(weights))
    if kind is not None:
        return kind
    activation = _activation(operations)
    if len(operations) > 1:
        return LayerKind("Activation" if activation else _many(operations), activation=activation)
    type_name = _type_of_single(flow, operations[0])
    # As in Keras a class that is an activation function says so by its name.
    return LayerKind(type_name, activation="" if type_name in ("ReLU", "LeakyReLU", "ELU") else activation)


def _type_of_single(flow: DataFlow, operation: Any) -> str:
    """Return what a layer of one operation is called."""
    import tensorflow as tf

    type_name = _TYPE_OF_OPERATION.get(operation.type, operation.type)
    if operation.type in ("Mean", "Max"):
        rank = len(flow.extents(operation.inputs[0]) or ())
        axes = tf.get_static_value(operation.inputs[1])
        if rank >= 3 and axes is not None and np.atleast_1d(axes).tolist() == list(range(1, rank - 1)):
            return f"Global{'Average' if operation.type == 'Mean' else 'Max'}Pooling{rank - 2}D"
    if operation.type == "Reshape":
        before, after = (len(flow.extents(each) or ()) for each in (operation.inputs[0], operation.outputs[0]))
        return "Flatten" if after == 2 < before else "Reshape"
    return type_name


def _is_main(flow: DataFlow, operation: Any) -> bool:
    if operation.type in LOOKUPS:
        return flow.is_constant(operation.inputs[0])
    return operation.type in _MAIN


def _is_whole_without_main(flow: DataFlow, operations: Sequence[Any]) -> bool:
    types = [operation.type for operation in operations]
    if _NORMALIZING & {*types, *(helper.type for helper in flow.helpers(operations))}:
        return True
    is_scaling = len(operations) <= _MOST_SCALINGS and all(
        operation.type in SCALINGS and sum(not flow.is_constant(tensor) for tensor in operation.inputs) == 1
        for operation in operations
    )
    return is_scaling or bool(_named_activation(operations)) or set(types) <= _SHAPE_CHANGES


def _main_kind(
    flow: DataFlow, main: Any, operations: Sequence[Any], weights: Mapping[str, tuple[int, ...]]
) -> LayerKind:
    types = {operation.type for operation in operations}
    activation = _activation(operations)
    if main.type in _CONVOLUTION_NAMES:
        return _convolution(flow, main, operations, weights, activation)
    if main.type in _POOLING_NAMES:
        name = f"{_POOLING_NAMES[main.type]}{_dimensions(flow, main, operations)}D"
        size, strides = _window(main, "ksize"), _window(main, "strides")
        return LayerKind(name, {"pool_size": size, "strides": strides, **_layout(main)})
    if main.type in MATRIX_PRODUCTS:
        weighs = any(flow.is_constant(tensor) for tensor in main.inputs)
        # A kernel of Keras stands behind what it weighs.
        if not weighs or (main.type != "Einsum" and flow.is_constant(main.inputs[0])):
            return LayerKind(main.type)
        is_plain = main.type != "Einsum" and all(len(extents) < 3 for extents in weights.values())
        return LayerKind("Dense" if is_plain else "EinsumDense", activation=activation)
    if main.type in LOOKUPS:
        table = next((extents for extents in weights.values() if len(extents) == 2), ())
        if not table:
            return LayerKind("Gather")
        return LayerKind("Embedding", settings={"input_dim": table[0], "output_dim": table[1]})
    if main.type in BATCH_NORMALIZATIONS and not {"Reshape", "Transpose"} & types:
        layout = _layout(main)
        axis = 1 if layout.get("data_format") == "channels_first" else -1
        return LayerKind("BatchNormalization", {"axis": axis, **layout}, activation)
    if main.type in BATCH_NORMALIZATIONS:
        # Keras 2 normalizes each sample as if it were a channel.
        return LayerKind("LayerNormalization", activation=activation)
    type_name = _TYPE_OF_OPERATION.get(main.type, main.type)
    return LayerKind(type_name, activation=activation)


def _convolution(
    flow: DataFlow, main: Any, operations: Sequence[Any], weights: Mapping[str, tuple[int, ...]], activation: str
) -> LayerKind:
    dimensions = _dimensions(flow, main, operations)
    prefix, suffix = _CONVOLUTION_NAMES[main.type]
    name = f"{prefix}{dimensions}D{suffix}"
    # What is multiplied may have been brought into another order on the way.
    kernel = flow.extents(main.inputs[1]) or ()
    if not kernel or None in kernel:
        kernel = next((extents for extents in weights.values() if len(extents) > 2), ())
    settings: dict[str, Any] = {"strides": _window(main, "strides")[-dimensions:], **_layout(main)}
    if kernel:
        settings["kernel_size"] = tuple(kernel[len(kernel) - 2 - dimensions : -2])
    if not suffix:
        settings["dilation_rate"] = _window(main, "dilations")[-dimensions:]
    padding = _attribute(main, "padding")
    settings["padding"] = padding.decode().lower() if isinstance(padding, bytes) else "valid"
    return LayerKind(name, settings, activation)


def _dimensions(flow: DataFlow, main: Any, operations: Sequence[Any]) -> int:
    """Return over how many axes an operation goes: a convolution in time is one over images of one row."""
    rank = len(flow.extents(main.outputs[0]) or (None,) * 4)
    squeezed = [
        int(axis) % rank
        for operation in operations
        if operation.type == "Squeeze"
        for axis in _attribute(operation, "squeeze_dims") or ()
    ]
    is_one_row = any(operation.type == "ExpandDims" for operation in operations)
    return rank - 3 if is_one_row and any(0 < axis < rank - 1 for axis in squeezed) else rank - 2


def _window(operation: Any, name: str) -> tuple[int, ...]:
    """Return extents of an attribute without those of samples and channels."""
    extents = list(_attribute(operation, name) or ())
    is_first = _layout(operation).get("data_format") == "channels_first"
    return tuple(int(extent) for extent in (extents[2:] if is_first else extents[1:-1]))


def _layout(operation: Any) -> dict[str, Any]:
    data_format = _attribute(operation, "data_format")
    if not isinstance(data_format, bytes):
        return {}
    return {"data_format": "channels_first" if data_format.startswith(b"NC") else "channels_last"}


def _layout_behind(operations: Sequence[Any]) -> dict[str, Any]:
    """Return where the channels of a layer are that brings its axes into another order; nothing if it does not."""
    import tensorflow as tf

    if not {"Transpose", "Reshape"} & {operation.type for operation in operations}:
        return {}
    order = tf.get_static_value(operations[-1].inputs[1]) if operations[-1].type == "Transpose" else None
    axes = [] if order is None else [int(axis) for axis in order]
    is_first = len(axes) > 2 and axes == [0, len(axes) - 1, *range(1, len(axes) - 1)]
    return {"data_format": "channels_first" if is_first else None}


def _attribute(operation: Any, name: str) -> Any:
    try:
        return operation.get_attr(name)
    except ValueError:
        return None


def _loop_kind(flow: DataFlow, loop: Any, weights: Mapping[str, tuple[int, ...]]) -> LayerKind:
    """Return which recurrent layer a loop is: what goes into a gate is as wide as the state, for each gate."""
    recurrent = next((extents for name, extents in weights.items() if name.endswith("recurrent_kernel")), None)
    if recurrent is not None and len(recurrent) == 2:
        name = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}.get(recurrent[1] // max(recurrent[0], 1), "")
        if name:
            return LayerKind(name)
    return LayerKind("RNN" if _has_state(flow, loop) else "While")


def _has_state(flow: DataFlow, loop: Any) -> bool:
    """Return whether a loop over lists hands numbers on from one step to the next that it has changed."""
    body = flow.flat.library.get(loop.get_attr("body").name)
    if body is None or not any(tensor.dtype.name == "variant" for tensor in loop.inputs):
        return False
    arguments = [argument.name for argument in body.signature.input_arg]
    results = [body.ret[result.name] for result in body.signature.output_arg]
    return any(
        tensor.dtype.is_floating and argument != result
        for tensor, argument, result in zip(loop.outputs, arguments, results, strict=True)
    )


def _normalization(flow: DataFlow, operations: Sequence[Any], names: set[str]) -> LayerKind | None:
    types = {operation.type for operation in operations}
    names = {name.rpartition("/")[2] for name in names}
    if {"moving_mean", "moving_variance"} <= names:
        return LayerKind("BatchNormalization", {"axis": -1}, _activation(operations))
    if {"mean", "variance"} <= names:
        return LayerKind("Normalization", {"axis": -1})
    if types & _NORMALIZING and _keeps_extents(flow, operations):
        if "SquaredDifference" in types:
            return LayerKind("LayerNormalization")
        if "Square" in types:
            return LayerKind("RMSNormalization")
    helpers = {helper.type for helper in flow.helpers(operations)}
    return LayerKind("BatchNormalization") if helpers & _NORMALIZING and len(names) > 1 else None


def _keeps_extents(flow: DataFlow, operations: Sequence[Any]) -> bool:
    """Return whether operations answer as many values as they get, which a spread alone does not."""
    own = {operation.name for operation in operations}
    sources = (tensor for operation in operations for tensor in flow.sources(operation) if tensor.op.name not in own)
    return flow.extents(operations[-1].outputs[0]) in [flow.extents(tensor) for tensor in sources]


def _activation(operations: Sequence[Any]) -> str:
    return _ACTIVATIONS.get(operations[-1].type, "") or _named_activation(operations)


def _named_activation(operations: Sequence[Any]) -> str:
    """Return the activation that the scope of the last operation is named after; empty where there is none."""
    last = operations[-1]
    # A model may be called so, and a layer that has none: that ends in what it multiplies or adds.
    if last.type in _MAIN or last.type in ("BiasAdd", "Add", "AddV2"):
        return ""
    scopes = [scope.rstrip("_0123456789").lower() for scope in last.name.split("/")[-2:]]
    return next((scope for scope in reversed(scopes) if scope in _NAMED_ACTIVATIONS), "")


def _many(operations: Sequence[Any]) -> str:
    types = {operation.type for operation in operations}
    if types <= _SHAPE_CHANGES:
        return "Reshape"
    return "Rescaling" if types <= SCALINGS else "Operations"
