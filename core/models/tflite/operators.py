"""Which layer of Keras an operator of TensorFlow Lite is like: its class, what sets it, its activation, its weights.

Weights are brought into the axes that Keras keeps them in, so that what is drawn of a Keras layer can be drawn of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from core.models.tflite.graph import LiteGraph, LiteOperator, LiteTensor

__all__ = ["OperatorLayer", "layers_of_graph"]

_CLASSES: Final[Mapping[str, str]] = {
    "ADD": "Add",
    "AVERAGE_POOL_2D": "AveragePooling2D",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "Bidirectional",
    "CONCATENATION": "Concatenate",
    "CONV_2D": "Conv2D",
    "CONV_3D": "Conv3D",
    "CONV_3D_TRANSPOSE": "Conv3DTranspose",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "ELU": "ELU",
    "EMBEDDING_LOOKUP": "Embedding",
    "EXPAND_DIMS": "Reshape",
    "FULLY_CONNECTED": "Dense",
    "L2_NORMALIZATION": "UnitNormalization",
    "LEAKY_RELU": "LeakyReLU",
    "MAXIMUM": "Maximum",
    "MAX_POOL_2D": "MaxPooling2D",
    "MINIMUM": "Minimum",
    "MUL": "Multiply",
    "PRELU": "PReLU",
    "RELU": "ReLU",
    "RELU6": "ReLU",
    "RELU_0_TO_1": "ReLU",
    "RELU_N1_TO_1": "ReLU",
    "RESHAPE": "Reshape",
    "SOFTMAX": "Softmax",
    "SQUEEZE": "Reshape",
    "SUB": "Subtract",
    "TRANSPOSE": "Permute",
    "TRANSPOSE_CONV": "Conv2DTranspose",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SimpleRNN",
}
_ACTIVATIONS: Final[Mapping[str, str]] = {
    "ELU": "elu",
    "GELU": "gelu",
    "HARD_SWISH": "hard_silu",
    "LEAKY_RELU": "leaky_relu",
    "LOGISTIC": "sigmoid",
    "LOG_SOFTMAX": "log_softmax",
    "RELU": "relu",
    "RELU6": "relu6",
    "RELU_0_TO_1": "relu_0_to_1",
    "RELU_N1_TO_1": "relu_n1_to_1",
    "SOFTMAX": "softmax",
    "TANH": "tanh",
}
_FUSED: Final = ("", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit")
_PADDINGS: Final = ("same", "valid")
# What is the same numbers, kept otherwise, is as much a softmax as what went in.
_SAME_VALUES: Final = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "CAST"})
_MEANS: Final = {"MEAN": "GlobalAveragePooling", "REDUCE_MAX": "GlobalMaxPooling"}
# By operator the number of the input that holds each weight.
_WEIGHTS: Final[Mapping[str, Mapping[str, int]]] = {
    "CONV_2D": {"kernel": 1, "bias": 2},
    "CONV_3D": {"kernel": 1, "bias": 2},
    "DEPTHWISE_CONV_2D": {"kernel": 1, "bias": 2},
    "EMBEDDING_LOOKUP": {"embeddings": 1},
    "FULLY_CONNECTED": {"kernel": 1, "bias": 2},
    "GATHER": {"embeddings": 0},
    "PRELU": {"alpha": 1},
    "TRANSPOSE_CONV": {"kernel": 1, "bias": 3},
    "UNIDIRECTIONAL_SEQUENCE_RNN": {"kernel": 1, "recurrent_kernel": 2, "bias": 3},
}
_ARITHMETIC: Final[Mapping[str, str]] = {
    "ADD": "bias",
    "BATCH_MATMUL": "kernel",
    "DIV": "divisor",
    "MAXIMUM": "constant",
    "MINIMUM": "constant",
    "MUL": "scale",
    "SUB": "offset",
}
_KERNELS: Final[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {
    "CONV_2D": lambda values: values.transpose(1, 2, 3, 0),  # (out, height, width, in) -> (height, width, in, out)
    "TRANSPOSE_CONV": lambda values: values.transpose(1, 2, 0, 3),  # (out, h, w, in) -> (h, w, out, in)
    "FULLY_CONNECTED": lambda values: values.T,  # (unit, in) -> (in, unit)
    "UNIDIRECTIONAL_SEQUENCE_RNN": lambda values: values.T,
}
_GATES: Final = {"kernel": (1, 2, 3, 4), "recurrent_kernel": (5, 6, 7, 8), "bias": (12, 13, 14, 15)}
"""Inputs of an LSTM: for the input gate, the forget gate, the cell and the output gate, which is Keras' order too."""
_SIDES: Final = 2
_EXPORTED: Final = "_1"
_LONGEST_NAME: Final = 60


@dataclass(frozen=True, eq=False)
class OperatorLayer:
    """An operator as a layer.

    Attributes:
        operator: The operator.
        name: Of the layer, by what the converter kept of the names in the model that was converted.
        class_name: Class of Keras that it is like, or the operator's own name written like one.
        inputs: Numbers of the computed tensors that go in.
        outputs: Of those that come out, without what nothing takes of several.
        activation: Name of the activation function; empty if there is none.
        settings: What sets it, by the names that Keras uses.
        constants: Number of the tensor, or of those of an LSTM's gates, that each weight is made of, by its name.
    """

    operator: LiteOperator
    name: str
    class_name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    activation: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, tuple[LiteTensor, ...]] = field(default_factory=dict)

    def weights(self) -> dict[str, np.ndarray]:
        """Return its weights, dequantized and in the axes of Keras, float32; without those that cannot be read."""
        read: dict[str, np.ndarray] = {}
        for name, tensors in self.constants.items():
            parts = [values for tensor in tensors if (values := tensor.values()) is not None]
            if len(parts) == len(tensors):
                whole = np.concatenate([part.T for part in parts], axis=-1) if len(parts) > 1 else parts[0]
                read[name] = self._in_axes_of_keras(name, whole).astype(np.float32)
        return read

    def _in_axes_of_keras(self, name: str, values: np.ndarray) -> np.ndarray:
        if name not in ("kernel", "recurrent_kernel"):
            return values
        if self.operator.name == "DEPTHWISE_CONV_2D":
            multiplier = max(int(self.operator.options.get("depthMultiplier", 1)), 1)
            # (1, height, width, channel · multiplier) -> (height, width, channel, multiplier)
            return values.reshape(*values.shape[1:3], -1, multiplier)
        turned = _KERNELS.get(self.operator.name)
        return turned(values) if turned else values


def layers_of_graph(graph: LiteGraph) -> tuple[OperatorLayer, ...]:
    """Return the operators of a graph that depend on what goes in, as layers, in the order in which they run.

    Args:
        graph: The graph, checked.
    """
    computed = set(graph.inputs)
    producers: dict[int, LiteOperator] = {}
    taken = {index for operator in graph.operators for index in operator.inputs} | set(graph.outputs)
    shown: list[LiteOperator] = []
    for operator in graph.operators:
        producers |= dict.fromkeys(operator.outputs, operator)
        # What is made of constants alone is one: weights kept as float16, for instance.
        if computed & set(operator.inputs) and operator.outputs:
            computed |= set(operator.outputs)
            shown.append(operator)
    activations: dict[int, str] = {}
    constants = _Constants(graph, producers, computed)
    layers = []
    for operator, name in zip(shown, _names(graph, shown), strict=True):
        inputs = tuple(dict.fromkeys(index for index in operator.inputs if index in computed))
        activation = _activation(operator, activations)
        activations |= dict.fromkeys(operator.outputs, activation)
        weights = {name: tensors for name, tensors in constants.of(operator).items() if tensors}
        class_name = _class_name(graph, operator, weights)
        # Of what a loop hands on and nothing takes, no values are kept.
        outputs = tuple(index for index in operator.outputs if index in taken) or operator.outputs[:1]
        settings = _settings(graph, operator, class_name, weights) | _quantization(graph.tensors[outputs[0]])
        layers.append(OperatorLayer(operator, name, class_name, inputs, outputs, activation, settings, weights))
    return tuple(layers)


class _Constants:
    """Finds the constants that are an operator's weights."""

    def __init__(self, graph: LiteGraph, producers: Mapping[int, LiteOperator], computed: set[int]) -> None:
        self._graph, self._producers, self._computed = graph, producers, computed

    def of(self, operator: LiteOperator) -> dict[str, tuple[LiteTensor, ...]]:
        """Return the tensors of each weight by its name; none of one that is left out."""
        if operator.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            return {name: self._all(operator, positions) for name, positions in _GATES.items()}
        if operator.name in _ARITHMETIC:
            constants = [self._all(operator, (position,)) for position in range(len(operator.inputs))]
            real = [each for each in constants if each and (each[0].is_quantized or "FLOAT" in each[0].type_name)]
            return {_ARITHMETIC[operator.name]: real[0]} if real else {}
        roles = _WEIGHTS.get(operator.name, {})
        return {name: self._all(operator, (position,)) for name, position in roles.items()}

    def _all(self, operator: LiteOperator, positions: Sequence[int]) -> tuple[LiteTensor, ...]:
        found = [self._one(operator.inputs[each]) for each in positions if each < len(operator.inputs)]
        tensors = tuple(tensor for tensor in found if tensor is not None)
        return tensors if len(tensors) == len(positions) else ()

    def _one(self, index: int) -> LiteTensor | None:
        if index < 0 or index in self._computed:
            return None
        tensor = self._graph.tensors[index]
        producer = self._producers.get(index)
        if tensor.data is None and producer is not None and producer.name == "DEQUANTIZE":
            return self._graph.tensors[producer.inputs[0]] if producer.inputs else None
        return tensor if tensor.data is not None else None


def _class_name(graph: LiteGraph, operator: LiteOperator, weights: Mapping[str, Any]) -> str:
    name = operator.name
    if name == "GATHER" and _is_table(weights):
        return "Embedding"
    if name in _MEANS and (pooled := _pooled_sides(graph, operator)):
        return f"{_MEANS[name]}{pooled}D"
    if name in ("PAD", "PADV2", "MIRROR_PAD") and len(graph.tensors[operator.outputs[0]].shape) == 2 + _SIDES:
        return "ZeroPadding2D"
    if name in _ACTIVATIONS and name not in _CLASSES:
        return "Activation"
    own = name if operator.is_custom else "".join(part.capitalize() for part in name.split("_"))
    return _CLASSES.get(name, re.sub(r"\W", "", own) or "Custom")


def _is_table(weights: Mapping[str, tuple[LiteTensor, ...]]) -> bool:
    return any(len(tensor.shape) == _SIDES for tensor in weights.get("embeddings", ()))


def _pooled_sides(graph: LiteGraph, operator: LiteOperator) -> int:
    """Return over how many sides an operator takes the mean, where it leaves samples and channels as they are."""
    rank = len(graph.tensors[operator.inputs[0]].shape)
    axes = graph.tensors[operator.inputs[1]].stored() if len(operator.inputs) > 1 else None
    found = set() if axes is None else {int(axis) % max(rank, 1) for axis in axes.reshape(-1)}
    return rank - 2 if rank > _SIDES and found == set(range(1, rank - 1)) else 0


def _activation(operator: LiteOperator, before: Mapping[int, str]) -> str:
    if operator.name in _ACTIVATIONS:
        return _ACTIVATIONS[operator.name]
    if operator.name in _SAME_VALUES:
        return before.get(operator.inputs[0], "") if operator.inputs else ""
    fused = int(operator.options.get("fusedActivationFunction", 0))
    return _FUSED[fused] if 0 <= fused < len(_FUSED) else ""


def _settings(
    graph: LiteGraph, operator: LiteOperator, class_name: str, weights: Mapping[str, tuple[LiteTensor, ...]]
) -> dict[str, Any]:
    options = operator.options
    settings: dict[str, Any] = {}
    kernel = weights.get("kernel", ())
    if kernel and "CONV" in operator.name and len(kernel[0].shape) == 2 + _SIDES:
        settings["kernel_size"] = kernel[0].shape[1:3]
    if "filterHeight" in options:
        settings["pool_size"] = (int(options["filterHeight"]), int(options["filterWidth"]))
    if "strideH" in options:
        settings["strides"] = (int(options["strideH"]), int(options["strideW"]))
        settings["padding"] = _PADDINGS[int(options.get("padding", 0)) % len(_PADDINGS)]
        settings["data_format"] = "channels_last"
    if "dilationHFactor" in options:
        settings["dilation_rate"] = (int(options["dilationHFactor"]), int(options["dilationWFactor"]))
    if class_name == "Embedding":
        settings["input_dim"] = weights["embeddings"][0].shape[0] if weights.get("embeddings") else 0
    if operator.name in ("CONCATENATION", "PACK", "GATHER"):
        settings["axis"] = int(options.get("axis", 0))
    return settings


def _quantization(tensor: LiteTensor) -> dict[str, Any]:
    settings: dict[str, Any] = {"stored_as": tensor.type_name.lower()}
    if tensor.is_quantized and len(tensor.scale) == 1:
        settings["quantization_scale"] = float(f"{tensor.scale[0]:.6g}")
        settings["zero_point"] = int(tensor.zero_point[0]) if tensor.zero_point else 0
    return settings


def _names(graph: LiteGraph, operators: Sequence[LiteOperator]) -> list[str]:
    """Name layers by the paths that converters keep in the names of tensors: ``"cnn_1/conv_1/Relu;…"``.

    Where a layer became several operators, the last one bears its name, and the others say what they are besides.
    """
    paths = [_path(graph.tensors[operator.outputs[0]].name) for operator in operators]
    # Keras exports a model under its name with a number, and all its layers with the same.
    longer = [path for path in paths if len(path) > 1]
    has_number = bool(longer) and all(path[0].endswith(_EXPORTED) and _exported(path) for path in longer)
    layers = [_layer_name(path, has_number=has_number) for path in paths]
    left = Counter(layers)
    names: list[str] = []
    taken: set[str] = set()
    for layer, operator in zip(layers, operators, strict=True):
        left[layer] -= 1
        kind = _clean(operator.name.lower())
        base = kind if not layer else layer if not left[layer] else f"{layer}_{kind}"
        numbers = (base if number == 1 else f"{base}_{number}" for number in range(1, len(operators) + 2))
        names.append(next(name for name in numbers if name not in taken))
        taken.add(names[-1])
    return names


def _path(name: str) -> list[str]:
    """Return the names of the layers around an operation, outermost first; empty where none is told."""
    parts = name.partition(";")[0].split("/")[:-1]
    return [part for part in parts if part and not part.startswith(("StatefulPartitionedCall", "PartitionedCall"))]


def _exported(path: Sequence[str]) -> list[str]:
    return [part.removesuffix(_EXPORTED) for part in path[1:] if part.endswith(_EXPORTED)]


def _layer_name(path: Sequence[str], *, has_number: bool) -> str:
    if has_number:
        # What follows the last one are operations within the layer.
        return _clean(_exported(path)[-1]) if _exported(path) else ""
    return _clean(path[-1]) if path else ""


def _clean(name: str) -> str:
    return re.sub(r"[^\w.\-]", "_", name)[:_LONGEST_NAME] or "operator"
