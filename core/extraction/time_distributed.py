"""What runs under ``keras.layers.TimeDistributed``: one row for each layer, with an axis of time behind the samples.

Keras calls the layer that is wrapped once for each timestep: in a Python loop where the length is known, else in
``vectorized_map``, whose tensors cannot leave it. While a pass is recorded, the wrapper is called in one of two ways:

- **All timesteps at once**, laid beside the samples, where each row is worked out on its own: not in training, and
  nothing inside but layers of Keras that look at one row. So each layer inside is called once, and what it answers can
  be changed, and derived by, like that of any other.
- **Step by step**, as Keras does, wherever the other way could differ: in training (statistics and random numbers
  of each step), around layers that keep a state, around code of others. What the steps answered is put together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from core.common.wrapping import wrap_once
from core.extraction.recorder import Recorder, current_recorder
from core.extraction.time_scopes import FoldedSteps, SingleSteps

__all__ = ["install"]

_CODE_OF_OTHERS: Final = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
_BY_ELEMENT: Final = frozenset(
    {"Absolute", "Add", "Clip", "Divide", "Exp", "Log", "Maximum", "Minimum", "Multiply", "Negative", "Power"}
    | {"Sqrt", "Square", "Subtract", "Tanh", "TrueDivide", "Relu", "Sigmoid", "Silu", "Gelu", "Cast"}
)
"""Operations of a functional model that look at one number of each tensor."""


def install() -> None:
    """Wrap the call of ``TimeDistributed`` once per process; it acts only where a recorder is set."""
    import keras

    wrap_once(keras.layers.TimeDistributed, "call", _recorded)


def _recorded(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        recorder = current_recorder()
        if recorder is None or not recorder.is_calling(self):
            return original(self, inputs, training=training, mask=mask)
        has_steps = mask is None or mask.shape.rank == 2
        if not training and has_steps and looks_at_one_row(self.layer):
            return _all_at_once(recorder, self.layer, inputs, mask)
        return _step_by_step(recorder, original, self, inputs, training, mask)

    return call


def _all_at_once(recorder: Recorder, layer: Any, inputs: Any, mask: Any) -> Any:
    scope = FoldedSteps(inputs, mask)
    settings: dict[str, Any] = {}
    if layer._call_has_mask_arg and mask is not None:
        settings["mask"] = scope.fold(mask)
    if layer._call_has_training_arg:
        settings["training"] = False
    rows = scope.fold(inputs)
    with recorder.over_time(scope, rows):
        output = layer.call(rows, **settings)
    whole = scope.unfold(output)
    if getattr(output, "_keras_logits", None) is not None:
        whole._keras_logits = scope.unfold(output._keras_logits)
    return whole


def _step_by_step(
    recorder: Recorder, original: Callable[..., Any], wrapper: Any, inputs: Any, training: Any, mask: Any
) -> Any:
    scope = SingleSteps(mask, (inputs.shape[0], _declared_rows(wrapper.layer)))
    with recorder.over_time(scope):
        stepping = _Stepping(wrapper, recorder, scope)
        call = _mapped if inputs.shape[1] is None else original
        output = call(stepping, inputs, training=training, mask=mask)
    recorder.note_joined(scope)
    return output


def _mapped(stepping: _Stepping, inputs: Any, training: Any, mask: Any) -> Any:
    """Call a layer for each of so many timesteps as are known when the graph runs.

    Keras 3.15 goes through as many steps there as there are samples (it asks for the extent before it puts time first).
    """
    import tensorflow as tf

    layer, settings = stepping.layer, {"training": training} if stepping.layer._call_has_training_arg else {}
    by_time = tf.transpose(inputs, [1, 0, *range(2, inputs.shape.rank)])
    masks = None if mask is None or not layer._call_has_mask_arg else tf.transpose(mask, [1, 0])

    def step(number: Any) -> Any:
        told = settings if masks is None else settings | {"mask": masks[number]}
        return layer.call(by_time[number], **told)

    outputs = tf.vectorized_map(step, tf.range(tf.shape(by_time)[0]))
    return tf.transpose(outputs, [1, 0, *range(2, outputs.shape.rank)])


class _Stepping:
    """Stands for the wrapper in Keras' own code, which goes on to what is wrapped once for each timestep."""

    def __init__(self, wrapper: Any, recorder: Recorder, scope: SingleSteps) -> None:
        self._wrapper = wrapper
        self.layer = _SteppedLayer(wrapper.layer, recorder, scope)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapper, name)


class _SteppedLayer:
    def __init__(self, layer: Any, recorder: Recorder, scope: SingleSteps) -> None:
        self._layer = layer
        self._recorder = recorder
        self._scope = scope

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def call(self, inputs: Any, **settings: Any) -> Any:
        with self._recorder.one_step(self._scope, inputs):
            return self._layer.call(inputs, **settings)


def looks_at_one_row(layer: Any) -> bool:
    """Return whether what a layer answers to a row, outside of training, is the same whatever rows are beside it.

    False where it cannot be said, as of code that is not Keras' own.

    Args:
        layer: The layer or model, with all that is inside.
    """
    return all(
        _is_of_keras(each)
        and not _keeps_or_mixes_rows(each)
        and _takes_any_number(each)
        and all(map(_looks_at_one_number, _operations_of(each)))
        for each in layer._flatten_layers()
    )


def _is_of_keras(layer: Any) -> bool:
    functions = [getattr(layer, name, None) for name in ("activation", "recurrent_activation")]
    parts = [type(layer), *(function for function in functions if hasattr(function, "__name__"))]
    is_own = all(str(part.__module__).startswith("keras.") for part in parts)
    return is_own and type(layer).__name__ not in _CODE_OF_OTHERS


def _keeps_or_mixes_rows(layer: Any) -> bool:
    import keras

    ranks = _ranks_of_inputs(layer)
    axes = keras.tree.flatten([getattr(layer, name, None) for name in ("axis", "axes")])
    keeps_state = getattr(layer, "stateful", False) or getattr(layer, "return_state", False)
    return bool(keeps_state) or any(isinstance(each, int) and _may_be_rows(each, ranks) for each in axes)


def _may_be_rows(axis: int, ranks: set[int]) -> bool:
    """Return whether an axis is that of the rows for inputs of some rank; counted from the end, of an unknown one."""
    if axis >= -1 and not ranks:
        return axis == 0
    return any(axis in (0, -rank) for rank in ranks) if ranks else True


def _ranks_of_inputs(layer: Any) -> set[int]:
    """Return how many axes what goes into a layer has, wherever it was called in a graph; empty where it was not."""
    nodes = getattr(layer, "_inbound_nodes", None) or ()
    return {len(tensor.shape) for node in nodes for tensor in node.input_tensors if hasattr(tensor, "shape")}


def _takes_any_number(layer: Any) -> bool:
    # A model that was declared for one number of rows, or that has several answers.
    inputs, outputs = (getattr(layer, name, None) or () for name in ("inputs", "outputs"))
    is_open = all(tensor.shape[0] is None for tensor in inputs if hasattr(tensor, "shape") and len(tensor.shape))
    return is_open and len(outputs) <= 1


def _declared_rows(layer: Any) -> int | None:
    """Return how many rows a layer takes, where it takes no other number: states are kept for each."""
    import keras

    kept = [getattr(each, name, None) or () for each in layer._flatten_layers() for name in ("inputs", "states")]
    sources = [tensor.shape for tensor in keras.tree.flatten(kept) if hasattr(tensor, "shape")]
    return next((int(shape[0]) for shape in sources if len(shape) and shape[0]), None)


def _operations_of(layer: Any) -> list[Any]:
    return [
        (node.operation, node.arguments)
        for nodes in (getattr(layer, "_nodes_by_depth", None) or {}).values()
        for node in nodes
    ]


def _looks_at_one_number(node: tuple[Any, Any]) -> bool:
    """Return whether a node of a functional model is a layer, not in training, or takes rows number by number."""
    import keras

    operation, arguments = node
    if isinstance(operation, keras.Layer):
        return not arguments.kwargs.get("training")
    constants = [each for each in keras.tree.flatten((arguments.args, arguments.kwargs)) if not _is_symbolic(each)]
    is_plain = all(not getattr(each, "shape", ()) for each in constants)
    return type(operation).__name__ in _BY_ELEMENT and _is_of_keras(operation) and is_plain


def _is_symbolic(each: Any) -> bool:
    return type(each).__name__ == "KerasTensor"
