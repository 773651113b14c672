"""Translates the configuration of a Keras 2 model into one that Keras 3 reads.

Keras 3 reads the .h5 files of Keras 2 except where it dropped an option, renamed one, or counts the calls of a nested
model differently. Each such difference has its place below. An option that Keras 3 dropped is left out only where it
holds the value that Keras 3 always has; otherwise the model would load and answer something else, so it is refused.
Weights need no translation: they are stored in the order of the layers, and that order is kept.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from core.errors import MissingObject, ModelRefused
from core.models.code_needs import code_needed
from core.models.connections import tensors_in
from core.models.keras2_operations import OPERATIONS, operation_refused, translate_operations

__all__ = ["HARD_SIGMOID", "hard_sigmoid", "translate_config"]

REMEDY: Final = "Load it with tf_keras yourself, rebuild the model in Keras 3, and pass it to layerscope.show."
HARD_SIGMOID: Final = "layerscope_keras2_hard_sigmoid"

# Values that change nothing: the option can be left out.
_ANY: Final = object()
_RECURRENT: Final = {"time_major": False, "implementation": _ANY, "input_length": _ANY, "input_dim": _ANY}
_CONVOLUTION: Final = {"groups": 1}
_SEPARABLE: Final = {
    **_CONVOLUTION,
    "kernel_initializer": _ANY,
    "kernel_regularizer": _ANY,
    "kernel_constraint": _ANY,
}
_RANDOM: Final = {"rng_type": _ANY}
_LOOKUP: Final = {"vocabulary_size": _ANY}

DROPPED: Final[Mapping[str, Mapping[str, Any]]] = {
    "BatchNormalization": {"renorm": False, "virtual_batch_size": None, "fused": _ANY},
    "Conv1DTranspose": _CONVOLUTION,
    "Conv2DTranspose": _CONVOLUTION,
    "Conv3DTranspose": _CONVOLUTION,
    "ConvLSTM1D": _RECURRENT,
    "ConvLSTM2D": _RECURRENT,
    "ConvLSTM3D": _RECURRENT,
    "DepthwiseConv1D": _SEPARABLE,
    "DepthwiseConv2D": _SEPARABLE,
    "Discretization": {"trainable": _ANY, "bins": _ANY},
    "Embedding": {"input_length": _ANY},
    "GRU": _RECURRENT,
    "GRUCell": {"implementation": _ANY},
    "IntegerLookup": _LOOKUP,
    "LSTM": _RECURRENT,
    "LSTMCell": {"implementation": _ANY},
    "MultiHeadAttention": {
        "query_shape": _ANY,
        "key_shape": _ANY,
        "value_shape": _ANY,
        "softmax_robust_masking": False,
    },
    "RNN": _RECURRENT,
    "RandomBrightness": _RANDOM,
    "RandomContrast": _RANDOM,
    "RandomCrop": _RANDOM,
    "RandomFlip": _RANDOM,
    "RandomRotation": _RANDOM,
    "RandomTranslation": _RANDOM,
    "RandomZoom": _RANDOM,
    "SeparableConv1D": _SEPARABLE,
    "SeparableConv2D": _SEPARABLE,
    "SimpleRNN": _RECURRENT,
    "SpatialDropout1D": {"noise_shape": _ANY, "trainable": _ANY},
    "SpatialDropout2D": {"noise_shape": _ANY, "trainable": _ANY},
    "SpatialDropout3D": {"noise_shape": _ANY, "trainable": _ANY},
    "StringLookup": _LOOKUP,
    "TextVectorization": _LOOKUP,
}
RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "ThresholdedReLU": {"theta": "threshold"},
}
# The same layer under another name. ReLU(threshold=theta) is what ThresholdedReLU(theta) computed.
REPLACED: Final = {"BatchNormalizationV1": "BatchNormalization", "ThresholdedReLU": "ReLU"}
MODELS: Final = frozenset({"Functional", "Model", "Sequential"})
# Layers that take the tensors after the first as their initial state.
STATEFUL: Final = frozenset(
    {"Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"}
)
ACTIVATION_OPTIONS: Final = frozenset({"activation", "recurrent_activation"})


def hard_sigmoid(x: Any) -> Any:
    """Keras 2's ``hard_sigmoid``, ``clip(0.2 x + 0.5, 0, 1)``; Keras 3 has another slope under the same name."""
    from keras import ops

    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def translate_config(
    config: Mapping[str, Any], known: Collection[str], *, custom: Collection[str] = ()
) -> dict[str, Any]:
    """Rewrites the configuration of a Keras 2 model for Keras 3.

    Args:
        config: The model's configuration, as an .h5 file holds it.
        known: Names of the layers and models that Keras 3 has.
        custom: Names of layers that the caller brings; their options are left as they are.

    Raises:
        ModelRefused: A layer, or the value of an option, has no counterpart in Keras 3.
    """
    return _object(config, known, custom)


def _value(value: Any, known: Collection[str], custom: Collection[str]) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict | list):
            return _object(value, known, custom)
        return {key: _value(item, known, custom) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, known, custom) for item in value]
    return value


def _object(node: Mapping[str, Any], known: Collection[str], custom: Collection[str]) -> dict[str, Any]:
    """Translates one layer, initializer, … with all that is inside it."""
    class_name = REPLACED.get(node["class_name"], node["class_name"])
    if class_name == "Sequential":
        node = {**node, "config": _with_input(node["config"])}
    name = node["config"].get("name", class_name) if isinstance(node["config"], dict) else class_name
    if class_name in OPERATIONS:
        # Those between the layers of a graph are translated with its connections.
        raise operation_refused(node)
    if class_name in custom:
        return dict(node)
    # An initializer, a policy or the like: it has no layer's name, and Keras 3 reads it as it is.
    is_layer = class_name in known
    looks_like_layer = "name" in node["config"] and class_name != "Policy"
    if not is_layer and looks_like_layer:
        raise code_needed(
            "model.h5",
            f"The layer {name!r} is of the class {class_name}, which Keras 3 does not have.",
            (MissingObject(class_name.rpartition(">")[2], "", class_name),),
            remedy="In Python, custom_objects takes it too. If it was a class of Keras 2, load the model with tf_keras "
            "and save it as a SavedModel folder, which Layerscope opens.",
        )

    is_graph = "input_layers" in node["config"] and "output_layers" in node["config"]
    config = {
        key: _layers(item, known, custom) if is_graph and key == "layers" else _value(item, known, custom)
        for key, item in node["config"].items()
    }
    if is_layer:
        config = _options(node["class_name"], config, name)
    if is_graph:
        config = _graph(config)
    translated: dict[str, Any] = dict(node)
    translated |= {"class_name": class_name, "config": config}
    if is_layer:
        # Functional has no public name, and Model makes one of a graph.
        if class_name == "Functional":
            translated["class_name"] = "Model"
        # With a module Keras takes its current reader; the one for old files loses a list of axes and takes an
        # option's value "dot" for the function of that name.
        translated["module"] = "keras" if class_name in MODELS else "keras.layers"
        translated["registered_name"] = None
        if class_name != "Sequential":
            # How Keras 2 called the layer's build; the connections say the same, and in Keras 3's terms.
            translated.pop("build_config", None)
        translated.pop("compile_config", None)
    return translated


def _layers(layers: Any, known: Collection[str], custom: Collection[str]) -> list[Any]:
    """Translates the layers of a graph, but not the operations between them."""
    return [
        layer if isinstance(layer, dict) and layer.get("class_name") in OPERATIONS else _value(layer, known, custom)
        for layer in layers
    ]


def _with_input(config: Any) -> dict[str, Any]:
    """Writes a Sequential as later versions of Keras 2 did: a dict, opening with an InputLayer."""
    config = {"name": "sequential", "layers": config} if isinstance(config, list) else config
    first = config["layers"][0] if config.get("layers") else {}
    shape = first["config"].get("batch_input_shape") if isinstance(first.get("config"), dict) else None
    if shape is None or first["class_name"] == "InputLayer":
        return dict(config)
    dtype = "float32" if first["class_name"] == "Embedding" else first["config"].get("dtype", "float32")
    opening = {"batch_input_shape": shape, "dtype": dtype, "name": f"{first['config'].get('name', 'layer')}_input"}
    return {**config, "layers": [{"class_name": "InputLayer", "config": opening}, *config["layers"]]}


def _options(class_name: str, config: dict[str, Any], name: str) -> dict[str, Any]:
    """Translates the options of one layer."""
    dropped, renamed = DROPPED.get(class_name, {}), RENAMED.get(class_name, {})
    options: dict[str, Any] = {}
    for key, value in config.items():
        if key in dropped:
            if dropped[key] is not _ANY and value != dropped[key]:
                raise ModelRefused(
                    f"The {class_name} layer {name!r} has {key}={value!r}, which Keras 3 no longer offers.",
                    remedy=REMEDY,
                )
        elif key == "name" and isinstance(value, str):
            options[key] = _without_slash(value)
        elif key in ACTIVATION_OPTIONS and value == "hard_sigmoid":
            options[key] = {
                "module": "builtins",
                "class_name": "function",
                "config": HARD_SIGMOID,
                "registered_name": "function",
            }
        elif key == "dtype" and isinstance(value, dict):
            options[key] = value.get("config", {}).get("name", "float32")
        elif key == "axis" and isinstance(value, list) and len(value) == 1:
            options[key] = value[0]
        else:
            options[renamed.get(key, key)] = value
    # What the first layer of a Sequential expects; the InputLayer before it says the same.
    options.pop("batch_input_shape", None)
    return options


def _without_slash(name: str) -> str:
    # Weights are matched by order, so a new name loses nothing; Keras 3 refuses the slash.
    return name.replace("/", "_")


class _Connections:
    """The references between the layers of a functional model, ``[layer, call, tensor]``, as Keras 3 counts them.

    Keras 2 counts the construction of a nested model as its call 0, Keras 3 does not, except that its reader of
    ``output_layers`` still expects that for functional models.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        layers = config["layers"]
        self.inbound = {layer["name"]: layer.get("inbound_nodes", []) for layer in layers}
        self._models = {layer["name"]: layer["class_name"] for layer in layers if "layers" in layer["config"]}
        self._last_calls: dict[str, int] = {}
        self._note_calls([list(self.inbound.values()), config["output_layers"]])
        # The last call of a model is always used by something, which tells where the counting starts.
        self._first_calls = {
            name: int(self._last_calls.get(name, 0) >= len(self.inbound[name]) > 0) for name in self._models
        }

    def _note_calls(self, value: Any) -> None:
        def note(reference: list[Any]) -> None:
            name, call, _, *keywords = reference
            self._last_calls[name] = max(self._last_calls.get(name, 0), call)
            self._note_calls(keywords)

        self.replace(value, note)

    def replace(self, value: Any, replacement: Callable[[list[Any]], Any]) -> Any:
        """Return a value with each reference in it replaced by what a function makes of it."""
        if _is_reference(value, self.inbound):
            return replacement(value)
        if isinstance(value, dict):
            return {key: self.replace(item, replacement) for key, item in value.items()}
        if isinstance(value, list):
            return [self.replace(item, replacement) for item in value]
        return value

    def renumbered(self, reference: list[Any]) -> list[Any]:
        """Return a reference with the number that Keras 3 gives to the call."""
        name, call, tensor, *keywords = reference
        return [_without_slash(name), call - self._first_calls.get(name, 0), tensor, *keywords]

    def output(self, reference: list[Any]) -> list[Any]:
        """Return a reference as Keras 3 reads it in ``output_layers``."""
        name, call, tensor = self.renumbered(reference)[:3]
        return [name, call + (self._models.get(reference[0], "Sequential") != "Sequential"), tensor]

    def tensor(self, reference: list[Any]) -> dict[str, Any]:
        """Return a reference as Keras 3 reads it among the arguments of a call."""
        # The shape is a placeholder: Keras replaces the tensor by the one its history names.
        history = self.renumbered(reference)[:3]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": [1], "dtype": "float32", "keras_history": history},
        }

    def call(self, node: Any, class_name: str) -> Any:
        """Return one call of a layer: ``[[layer, call, tensor, keywords], …]``, or the inner list alone."""
        if isinstance(node, dict):
            return node
        if _is_reference(node, self.inbound):
            node = [node]
        if not (isinstance(node, list) and all(_is_reference(item, self.inbound) for item in node)):
            # A layer called with a dict of tensors.
            return {"args": [self.replace(node, self.tensor)], "kwargs": {}}
        keywords: dict[str, Any] = {}
        for item in node:
            keywords |= item[3] if len(item) > 3 and isinstance(item[3], dict) else {}
        keywords = self.replace(keywords, self.tensor)
        arguments = [self.tensor(item) for item in node]
        if class_name in STATEFUL and len(arguments) > 1:
            return {"args": arguments[:1], "kwargs": {**keywords, "initial_state": arguments[1:]}}
        return {"args": arguments if len(arguments) == 1 else [arguments], "kwargs": keywords}


def _graph(config: dict[str, Any]) -> dict[str, Any]:
    """Translates the connections of a functional model."""
    layers = config["layers"]
    connections = _Connections(config)
    operations = translate_operations(layers, connections.tensor)
    translated = []
    for layer in layers:
        name = _without_slash(layer["name"])
        if layer["class_name"] not in OPERATIONS:
            calls = [connections.call(node, layer["class_name"]) for node in connections.inbound[layer["name"]]]
            translated.append({**layer, "name": name, "inbound_nodes": calls})
        elif operation := operations.get(layer["name"]):
            translated.append({**operation, "name": name, "config": {**operation["config"], "name": name}})
    outputs = _single(connections.replace(config["output_layers"], connections.output))
    used = {name for name, _, _ in tensors_in([[layer["inbound_nodes"] for layer in translated], outputs])}
    for layer in layers:
        if layer["class_name"] in OPERATIONS and layer["name"] not in operations and layer["name"] in used:
            raise operation_refused(layer)
    return {
        **config,
        "layers": translated,
        "input_layers": _single(connections.replace(config["input_layers"], connections.renumbered)),
        "output_layers": outputs,
    }


def _single(references: Any) -> Any:
    # Keras 2 writes one tensor as a list of one and means the tensor; Keras 3 means the list.
    return references[0] if isinstance(references, list) and len(references) == 1 else references


def _is_reference(value: Any, layers: Collection[str]) -> bool:
    """Whether a value is ``[layer, call, tensor]`` or ``[layer, call, tensor, keywords]``."""
    return (
        isinstance(value, list)
        and len(value) in {3, 4}
        and isinstance(value[0], str)
        and value[0] in layers
        and isinstance(value[1], int)
        and isinstance(value[2], int)
    )
