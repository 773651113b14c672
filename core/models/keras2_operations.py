"""Translates the TensorFlow functions that Keras 2 recorded between two layers into operations of Keras 3.

``x * 2 + 1``, ``tf.nn.relu(x)`` and ``x[:, 0]`` stand in files of Keras 2 as layers of the classes TFOpLambda and
SlicingOpLambda, with the name of the function and its keywords. What Keras 3 gets instead is built from the table in
``core.models.keras2_functions``, from references to tensors, and from plain numbers; whatever is not in it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.errors import ModelRefused
from core.models.connections import CONSTANT
from core.models.keras2_functions import Counterpart, NoCounterpart, counterpart_of, whole_numbers

if TYPE_CHECKING:
    import keras

__all__ = ["OPERATIONS", "check_types", "operation_refused", "translate_operations"]

OPERATIONS: Final = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"})
"""Classes of the layers in which Keras 2 records what was computed between two layers."""

_REMEDY: Final = "Load it with tf_keras and save it as a SavedModel folder, which Layerscope opens."
_CODE: Final = 'model = tf_keras.models.load_model("model.h5")\nmodel.export("saved_model")'
_SHAPE: Final = frozenset({"shape", "compat.v1.shape"})

Reference = list[Any]
ToTensor = Callable[[Reference], dict[str, Any]]
# Operations that answer another type than they take, in TensorFlow as well.
_OTHER_TYPE: Final = frozenset({
    "All", "Any", "Argmax", "Argmin", "Cast", "Equal", "Greater", "GreaterEqual", "Isfinite", "Isinf", "Isnan", "Less",
    "LessEqual", "LogicalAnd", "LogicalNot", "LogicalOr", "LogicalXor", "NotEqual", "OneHot", "Take",
})  # fmt: skip
# Which Keras 3 computes otherwise for whole numbers, though in the type that it takes.
_FOR_FLOATS: Final = frozenset({"Norm", "Resize"})


def operation_refused(layer: Mapping[str, Any], what: str = "") -> ModelRefused:
    """Return the error that says that a TensorFlow operation between two layers cannot be rebuilt.

    Args:
        layer: The layer as Keras 2 wrote it.
        what: What of its call has no counterpart, such as ``"axis=None"``; empty where the function has none.
    """
    config = layer.get("config")
    config = config if isinstance(config, dict) else {}
    function = str(config.get("function", "a slice"))[:80]
    return ModelRefused(
        f"The layer {str(config.get('name', layer.get('class_name')))[:80]!r} is a TensorFlow operation ({function}) "
        f"that Keras 2 recorded between two layers; Keras 3 cannot rebuild it{what and f' with {what}'}.",
        remedy=_REMEDY,
        code=_CODE,
    )


def translate_operations(layers: Sequence[Mapping[str, Any]], to_tensor: ToTensor) -> dict[str, dict[str, Any]]:
    """Translate the TensorFlow operations among the layers of a functional model of Keras 2.

    Args:
        layers: All layers of the model, operations or not.
        to_tensor: Writes a reference ``[layer, call, tensor]`` of Keras 2 as Keras 3 does.

    Returns:
        The operations of Keras 3 by their names in Keras 2. What only told the shape of a tensor is left out: where
        Keras 3 rebuilds what was computed from it, that needs no such operation.

    Raises:
        ModelRefused: If Keras 3 has no exact counterpart of an operation.
    """
    calls = _Calls({str(layer.get("name")): layer for layer in layers}, to_tensor)
    return {
        name: calls.translated(layer)
        for name, layer in calls.layers.items()
        if layer["class_name"] in OPERATIONS and not calls.tells_shape(name)
    }


@dataclass(frozen=True)
class _Calls:
    layers: Mapping[str, Mapping[str, Any]]
    to_tensor: ToTensor

    def translated(self, layer: Mapping[str, Any]) -> dict[str, Any]:
        try:
            counterpart, nodes = self._operation(layer)
        except NoCounterpart as error:
            raise operation_refused(layer, str(error)) from None
        module, _, class_name = counterpart.place.rpartition(".")
        is_layer = module == "layers"
        return {
            "module": "keras.layers" if is_layer else f"keras.src.ops.{module}",
            "class_name": class_name,
            "config": {"name": layer["name"], **counterpart.fixed},
            "registered_name": None if is_layer else class_name,
            "name": layer["name"],
            "inbound_nodes": nodes,
        }

    def _operation(self, layer: Mapping[str, Any]) -> tuple[Counterpart, list[dict[str, Any]]]:
        """Returns the operation with all its options in ``fixed``, and what each call of it takes."""
        config, nodes = layer.get("config"), layer.get("inbound_nodes")
        function = config.get("function") if isinstance(config, dict) else None
        if not isinstance(nodes, list) or not nodes:
            raise NoCounterpart("no call")
        read: list[tuple[Counterpart, dict[str, Any]]] = []
        for node in nodes:
            first, keywords = self._call(node)
            if layer["class_name"] == "SlicingOpLambda":
                read.append((Counterpart("numpy.GetItem"), self._slice(first, keywords)))
            elif layer["class_name"] == "TFOpLambda" and isinstance(function, str):
                read.append(self._function(function, first, keywords))
            else:
                raise NoCounterpart
        if any(counterpart != read[0][0] for counterpart, _ in read):
            raise NoCounterpart("options that differ from call to call")
        return read[0][0], [call for _, call in read]

    def _call(self, node: Any) -> tuple[Any, dict[str, Any]]:
        """Returns the first operand, a list of references where it is a list of tensors, and the keywords."""
        is_single = self._is_reference(node) or _is_constant(node)
        references = [node] if is_single else node
        if not isinstance(references, list) or not references:
            raise NoCounterpart("such a call")
        for reference in references:
            if not (self._is_reference(reference) or _is_constant(reference)):
                raise NoCounterpart("such a call")
        keywords = references[0][3] if len(references[0]) == 4 else {}
        if not isinstance(keywords, dict):
            raise NoCounterpart("such a call")
        return (node if is_single else references), {key: item for key, item in keywords.items() if key != "name"}

    def _function(self, function: str, first: Any, keywords: Mapping[str, Any]) -> tuple[Counterpart, dict[str, Any]]:
        counterpart = counterpart_of(function, keywords)
        if function == "reshape" and (shape := self._after_batch(first, keywords.get("shape"))):
            counterpart, keywords = shape, {}
        is_list = not (self._is_reference(first) or _is_constant(first))
        if is_list != counterpart.takes_list:
            raise NoCounterpart("a list of tensors" if is_list else "a single tensor")
        operands = [[self._operand(item) for item in first] if is_list else self._operand(first)]
        for keyword in counterpart.operands:
            if keyword not in keywords or keywords[keyword] is None:
                raise NoCounterpart(f"{keyword} left out")
            operands.append(self._operand(keywords[keyword]))
        settled = Counterpart(counterpart.place, fixed=counterpart.options_for(keywords))
        return settled, {"args": operands, "kwargs": {}}

    def _slice(self, first: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
        if not self._is_reference(first) or set(keywords) != {"slice_spec"}:
            raise NoCounterpart("such a call")
        places = keywords["slice_spec"]
        return {
            "args": [
                self._operand(first),
                [_place(place) for place in places] if isinstance(places, list) else _place(places),
            ],
            "kwargs": {},
        }

    def _operand(self, value: Any) -> Any:
        if self._is_reference(value):
            return self.to_tensor(value)
        return _constant(value[2] if _is_constant(value) else value)

    def _is_reference(self, value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) in {3, 4}
            and isinstance(value[0], str)
            and value[0] in self.layers
            and all(isinstance(part, int) for part in value[1:3])
        )

    def _after_batch(self, first: Any, shape: Any) -> Counterpart | None:
        """Returns the counterpart of ``tf.reshape(x, (tf.shape(x)[0], …))``, which keeps the size of the batch."""
        if not (isinstance(shape, list) and shape and self._is_reference(shape[0])):
            return None
        measured, rest = self._batch_of(shape[0]), whole_numbers(shape[1:])
        if measured is None:
            return None
        if -1 not in rest:
            return Counterpart("numpy.Reshape", fixed={"newshape": [-1, *rest]})
        if measured != list(first[:3]):
            return None
        return Counterpart("layers.Reshape", fixed={"target_shape": rest, "autocast": False})

    def _batch_of(self, reference: Reference) -> list[Any] | None:
        """Returns the tensor of which a reference is ``tf.shape(tensor)[0]``."""
        keywords, shape = self._single_call(self.layers[reference[0]], "SlicingOpLambda")
        if shape is None or keywords.get("slice_spec") not in (0, [0]):
            return None
        _, measured = self._single_call(self.layers[shape[0]], "TFOpLambda", _SHAPE)
        return measured

    def _single_call(
        self, layer: Mapping[str, Any], class_name: str, functions: Collection[str] = ()
    ) -> tuple[dict[str, Any], list[Any] | None]:
        """Returns the keywords and the tensor of the only call of an operation, None where it is another one."""
        nodes, config = layer.get("inbound_nodes"), layer.get("config")
        if layer.get("class_name") != class_name or not isinstance(nodes, list) or len(nodes) != 1:
            return {}, None
        if functions and (not isinstance(config, dict) or config.get("function") not in functions):
            return {}, None
        node = nodes[0]
        if not self._is_reference(node):
            return {}, None
        return node[3] if len(node) == 4 and isinstance(node[3], dict) else {}, list(node[:3])

    def tells_shape(self, name: str) -> bool:
        layer = self.layers[name]
        if self._single_call(layer, "TFOpLambda", _SHAPE)[1]:
            return True
        _, source = self._single_call(layer, "SlicingOpLambda")
        return source is not None and bool(self._single_call(self.layers[source[0]], "TFOpLambda", _SHAPE)[1])


def _is_constant(value: Any) -> bool:
    return isinstance(value, list) and len(value) in {3, 4} and value[0] == CONSTANT


def _constant(value: Any) -> Any:
    """Writes a number, or an array of numbers, as Keras 3 does."""
    import numpy as np

    if isinstance(value, int | float):
        return value
    try:
        array = np.array(value if isinstance(value, list) else None)
    except (ValueError, OverflowError):
        raise NoCounterpart("such a constant") from None
    types = {"b": "bool", "i": "int32", "f": "float32"}
    if array.dtype.kind not in types or (array.dtype.kind == "i" and abs(array).max(initial=0) >= 2**31):
        raise NoCounterpart("such a constant")
    return {"class_name": "__tensor__", "config": {"value": value, "dtype": types[array.dtype.kind]}}


def _place(place: Any) -> Any:
    """Writes one part of ``x[…]`` as Keras 3 does."""
    if place in ("Ellipsis", {"class_name": "__ellipsis__"}):
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(place, dict) and set(place) == {"start", "stop", "step"}:
        for end in place.values():
            if end is not None and type(end) is not int:
                raise NoCounterpart("a slice of an extent that is computed")
        return {"class_name": "__slice__", "config": dict(place)}
    if place is not None and type(place) is not int:
        raise NoCounterpart("an index that is computed")
    return place


def check_types(model: keras.Model) -> None:
    """Check that the operations of a translated model compute in the types of Keras 2.

    TensorFlow keeps the type of what it computes with; Keras 3 turns whole numbers into others where that is usual in
    NumPy: the mean of two of them, or one divided by the other.

    Raises:
        ModelRefused: If an operation answers another type.
    """
    import keras

    for operation in _operations_of(model):
        kind = type(operation).__name__
        taken = [tensor.dtype for tensor in keras.tree.flatten(operation.input)]
        answered = [tensor.dtype for tensor in keras.tree.flatten(operation.output)]
        if kind == "Where":
            taken = taken[1:]
        is_other = kind not in _OTHER_TYPE and bool(taken) and {taken[0]} != set(answered)
        if is_other or (kind in _FOR_FLOATS and "float" not in taken[0]):
            raise operation_refused(
                {"config": {"name": operation.name, "function": kind}}, f"numbers of the type {taken[0]}"
            )


def _operations_of(model: Any) -> Iterator[Any]:
    import keras

    for operation in getattr(model, "operations", None) or model.layers:
        if isinstance(operation, keras.Model):
            yield from _operations_of(operation)
        elif not isinstance(operation, keras.Layer):
            yield operation
