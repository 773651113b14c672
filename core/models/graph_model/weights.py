"""The weights of a graph: the variables and constants that its layers take, under the names that Keras gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from core.models.graph_model.data_flow import DataFlow
from core.models.graph_model.operation_groups import BATCH_NORMALIZATIONS, CONVOLUTIONS, LOOKUPS

__all__ = ["LayerSources", "WeightSources"]

_READ: Final = "ReadVariableOp"
_SAME_NUMBERS: Final = frozenset({"Identity", "Cast", "Reshape", "ExpandDims", "Squeeze"})
"""Operations that hand on the numbers of a weight in their order."""
_ROLES: Final[dict[str, dict[int, str]]] = {
    **{name: {1: "kernel"} for name in CONVOLUTIONS},
    **{name: {0: "embeddings"} for name in LOOKUPS},
    **{name: {1: "gamma", 2: "beta", 3: "moving_mean", 4: "moving_variance"} for name in BATCH_NORMALIZATIONS},
    "Einsum": {0: "kernel", 1: "kernel"},
    "BiasAdd": {1: "bias"},
}
"""What an operation takes at which place, in the words of Keras."""
_PRODUCTS: Final = {
    "MatMul": "transpose_", "BatchMatMul": "adj_", "BatchMatMulV2": "adj_", "BatchMatMulV3": "adj_",
}  # fmt: skip
"""What says of a product whether its factors are turned before."""
_LEAST_VALUES: Final = 2
"""A single number is a setting, such as the epsilon of a normalization."""


@dataclass
class LayerSources:
    """What a layer takes that does not come from other layers.

    Attributes:
        weights: Weights as ``keras.Variable``, by the name of the tensor that each stands for.
        captures: What is taken as it is, by the name of the tensor that it stands for.
        variables: All weights by their names in the layer, those too that a loop reads through their handles.
        replaced: Names of operations that the weights stand for.
    """

    weights: dict[str, Any] = field(default_factory=dict)
    captures: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)

    @property
    def extents(self) -> Mapping[str, tuple[int, ...]]:
        """The extents of each weight, by its name."""
        return {name: tuple(variable.shape) for name, variable in self.variables.items()}


class WeightSources:
    """Makes the weights of each layer once, however many take them.

    Args:
        flow: The graph.
        variables: The ``tf.Variable`` objects whose handles it captures.
    """

    def __init__(self, flow: DataFlow, variables: Sequence[Any]) -> None:
        self._flow = flow
        by_handle = {id(variable.handle): variable for variable in variables}
        self._captured = {name: by_handle.get(id(value), value) for name, value in flow.flat.captures.items()}
        self._weights: dict[str, Any] = {}

    def of_layer(self, operations: Sequence[Any], helpers: Iterable[Any]) -> LayerSources:
        """Return what some operations take that no other layer answers.

        Args:
            operations: What computes values in the layer.
            helpers: What works out their constants and extents.
        """
        sources = LayerSources()
        roles = self._roles(operations)
        for helper in helpers:
            for tensor in helper.outputs:
                self._add(helper, tensor, roles.get(tensor.name, ""), sources)
        return sources

    def _add(self, helper: Any, tensor: Any, role: str, sources: LayerSources) -> None:
        captured = self._captured.get(tensor.name)
        if helper.type == _READ and helper.inputs[0].name in self._captured:
            source = helper.inputs[0].name
            variable = self._captured[source]
            if hasattr(variable, "handle"):
                weight = self._weight_of(source, variable, role)
                sources.weights[tensor.name] = weight
                sources.replaced.add(helper.name)
                _name(sources, weight, weight.name)
                return
        if captured is not None:
            sources.replaced.add(helper.name)
            if hasattr(captured, "handle"):
                sources.captures[tensor.name] = captured
                weight = self._weight_of(tensor.name, captured, role)
                _name(sources, weight, weight.name)
            elif _is_weight(captured):
                self._add_constant(tensor, captured, role, sources)
            else:
                sources.captures[tensor.name] = captured
        elif helper.type == "Const" and role and _is_weight(tensor):
            import tensorflow as tf

            sources.replaced.add(helper.name)
            self._add_constant(tensor, tf.make_ndarray(helper.get_attr("value")), role, sources)

    def _add_constant(self, tensor: Any, value: Any, role: str, sources: LayerSources) -> None:
        name = role or tensor.name.partition(":")[0].rpartition("/")[2]
        if tensor.name not in self._weights:
            self._weights[tensor.name] = _variable(value, name, tensor.name.split("/")[:-1], is_trainable=False)
        weight = self._weights[tensor.name]
        sources.weights[tensor.name] = weight
        _name(sources, weight, name)

    def _weight_of(self, source: str, variable: Any, role: str) -> Any:
        if source not in self._weights:
            *scopes, name = variable.name.partition(":")[0].split("/")
            # What is multiplied is told by that more than by what somebody called it.
            name = role if role in ("kernel", "transposed_kernel", "embeddings") else name
            weight = _variable(variable, name, scopes, is_trainable=variable.trainable)
            # The same memory, and not a copy of it.
            weight._value = variable
            self._weights[source] = weight
        return self._weights[source]

    def _roles(self, operations: Sequence[Any]) -> dict[str, str]:
        """Return what the constants are that operations take, by the name of the tensor where each comes from."""
        roles: dict[str, str] = {}
        for operation in operations:
            places = _ROLES.get(operation.type, {})
            if operation.type in ("Add", "AddV2") and len(operations) > 1:
                places = {0: "bias", 1: "bias"}
            elif operation.type in _PRODUCTS:
                places = _places_of_kernel(operation)
            for place, tensor in enumerate(operation.inputs):
                if place in places and self._flow.is_constant(tensor):
                    roles.setdefault(_origin(tensor).name, places[place])
        return roles


def _origin(tensor: Any) -> Any:
    """Return the tensor that a constant was worked out from by bringing it into another shape or type."""
    while tensor.op.type in _SAME_NUMBERS:
        tensor = tensor.op.inputs[0]
    return tensor


def _places_of_kernel(operation: Any) -> dict[int, str]:
    """Return what the factors of a product are called: a kernel of Keras is the right one, a row for what goes in."""
    prefix = _PRODUCTS[operation.type]
    letters = "ab" if prefix == "transpose_" else "xy"
    is_turned = [operation.get_attr(f"{prefix}{letter}") for letter in letters]
    return {
        0: "kernel" if is_turned[0] else "transposed_kernel",
        1: "transposed_kernel" if is_turned[1] else "kernel",
    }


def _name(sources: LayerSources, weight: Any, name: str) -> None:
    number, candidate = 2, name
    while sources.variables.get(candidate, weight) is not weight:
        candidate, number = f"{name}_{number}", number + 1
    sources.variables[candidate] = weight


def _variable(value: Any, name: str, scopes: Sequence[str], *, is_trainable: bool) -> Any:
    import keras

    with ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope or "_"))
        return keras.Variable(
            value, dtype=value.dtype.name, shape=tuple(value.shape), trainable=is_trainable, autocast=False, name=name
        )


def _is_weight(value: Any) -> bool:
    return value.dtype.is_floating and (value.shape.num_elements() or 0) >= _LEAST_VALUES
