"""Records every layer call of one forward pass.

Keras has no forward hooks. ``keras.Layer.__call__`` and ``keras.Operation.__call__`` are wrapped once per process; the
wrapper does nothing unless a recorder is set in a context variable, so threads do not see each other's passes and no
model is ever changed. The tensors that are recorded may be symbolic: inside ``tf.function`` they become outputs of
the compiled graph.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from core.extraction import loops, wrapped_calls
from core.extraction.call_arguments import arguments_of_call
from core.extraction.layer_call import Internal, LayerCall, OutputReplacement, tensors_of
from core.extraction.layers import axes_of, input_key, type_names_of
from core.extraction.loop_recorder import INSIDE_LOOP, LoopRecorder
from core.extraction.recurrent_cells import cells_of, has_base, recurrent_layer
from core.extraction.tensor_sources import is_answer
from core.extraction.time_scopes import FoldedSteps, SingleSteps, TimeValue

__all__ = ["Internal", "LayerCall", "OutputReplacement", "Recorder", "current_recorder", "recording"]

_current: ContextVar[Recorder | None] = ContextVar("layerscope_recorder", default=None)
_log = logging.getLogger("layerscope")


@dataclass
class Recorder(LoopRecorder):
    """Collects the layer calls of one forward pass of one model.

    Attributes:
        model: The model whose own call is not recorded, only what happens inside.
        wants_internals: Whether to record what the layer of a call, by key, keeps to itself.
        keeps: Whether the answers of a call, by key, are asked for; what is called in loops then costs nothing else.
        replace_output: Called with each call and the key of an output that came; what it returns goes on
            instead of it. None leaves everything as it is.
        replaces_steps: Whether that can be done with what comes at each step of a loop, one after the other.
        keeps_arguments: Whether what each layer was called with is kept, so that the call can be made again.
    """

    model: Any
    wants_internals: Callable[[str], bool] = lambda key: False
    replace_output: OutputReplacement | None = None
    replaces_steps: bool = False
    keeps_arguments: bool = False
    keeps: Callable[[str], bool] = lambda key: True
    _masks_of_turned: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def name_inputs(self, inputs: Any, names: list[str]) -> None:
        """Remember which tensors are the model's inputs, so that layers can say where theirs come from."""
        for tensor, name in zip(tensors_of(inputs), names, strict=False):
            self._producers[id(tensor)] = (input_key(name), tensor)
            self.inputs[input_key(name)] = tensor

    def record(self, operation: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make the call and remember what came out."""
        inputs = self._inputs_to_record(operation, args, kwargs)
        if inputs is None:
            return call(operation, *args, **kwargs)
        masks_in = {
            id(tensor) for name, value in kwargs.items() if name.endswith("mask") for tensor in tensors_of(value)
        }
        sources = [source for tensor in inputs for source in self._sources_of(tensor, is_mask=id(tensor) in masks_in)]
        layer_call = self._begin(operation, sources)
        layer_call.takes_answers = all(
            id(tensor) in masks_in or is_answer(tensor, self._producers) for tensor in inputs
        )
        if self.keeps_arguments:
            layer_call.arguments = arguments_of_call(call, args, kwargs)
        try:
            output = call(operation, *args, **kwargs)
        except Exception:
            self.failed = self.failed or layer_call
            raise
        finally:
            self._frames.pop()
        if self._called_in_loop is not None:
            # A sample's or a step's own answer, of which there will be others, or which stands for all of them.
            layer_call.missing = INSIDE_LOOP
            return output
        output = self._told_apart(layer_call, output)
        masks = [self._mask_of(operation, tensor, inputs) for tensor in tensors_of(output)]
        if self._scopes:
            layer_call.returned = self._recorded_over_time(layer_call, output, masks)
            return layer_call.returned
        layer_call.output, layer_call.masks = output, masks
        if self.replace_output is not None:
            self._replace_outputs(layer_call)
        for key, tensor, _ in layer_call.outputs():
            self._producers[id(tensor)] = (key, tensor)
        layer_call.returned = layer_call.output
        return layer_call.output

    def _inputs_to_record(self, operation: Any, args: Any, kwargs: Any) -> list[Any] | None:
        """Return the tensors that go into a call; None for a call that is not recorded."""
        if not self._entered:
            # The model itself, or what Keras does to prepare it.
            self._entered = operation is self.model
            return None
        if self._frames and self._frames[-1].operation is operation:
            return None  # Layer.__call__ goes on to Operation.__call__
        if operation is self.model or self._is_left_to_cell(operation) or not self._is_node(operation):
            return None
        inputs = tensors_of((args, kwargs))
        if any(type(tensor).__name__ == "KerasTensor" for tensor in inputs):
            return None  # a layer that builds itself with symbolic inputs
        return None if self._is_called_again_in_loop(operation) else inputs

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Record nothing that is called inside the block."""
        token = _current.set(None)
        try:
            yield
        finally:
            _current.reset(token)

    def is_calling(self, operation: Any) -> bool:
        """Return whether the call that is being made, and recorded, is that of a layer."""
        is_called = bool(self._frames) and self._frames[-1].operation is operation
        return is_called and self._called_in_loop is None

    def enter(self) -> None:
        """Take what is called from now on for calls of the model, where its own call is gone round."""
        self._entered = True

    def offer(self, operation: Any, suffixes: Sequence[str], compute: Callable[[], Mapping[str, Internal]]) -> None:
        """Note what the layer that is being called keeps to itself, and record it if it is wanted.

        Args:
            operation: The layer.
            suffixes: What each internal is called behind the key of the call: ``":cell_state"``.
            compute: Works them out, by suffix; called at once or never.
        """
        frame = self._frames[-1] if self._frames else None
        if frame is None or not self._is_frame_of(frame, operation) or (frame.internal_keys and not self._scopes):
            return
        frame.internal_keys = tuple(frame.key + suffix for suffix in suffixes)
        if not self.wants_internals(frame.key):
            return
        token = _current.set(None)
        try:
            internals = {frame.key + suffix: internal for suffix, internal in compute().items()}
            if self._scopes:
                names = type_names_of(operation)
                self._note(
                    frame,
                    {
                        key: TimeValue(each.values, each.mask, each.axes or axes_of(names, len(each.values.shape)))
                        for key, each in internals.items()
                    },
                )
            else:
                frame.internals = internals
        except Exception:
            # A stranger's subclass may compute in a way that is not Keras' own. The pass itself goes on.
            _log.warning("What %s keeps to itself could not be worked out", frame.key, exc_info=True)
            frame.internal_keys = ()
        finally:
            _current.reset(token)

    def _is_frame_of(self, frame: LayerCall, operation: Any) -> bool:
        # A layer that is wrapped by another one is computed without being called.
        wrapped = getattr(frame.operation, "layer", None) if has_base(frame.operation, "TimeDistributed") else None
        return frame.operation is operation or wrapped is operation

    def _recorded_over_time(self, call: LayerCall, output: Any, masks: list[Any]) -> Any:
        """Note what a layer answered to timesteps, and return what the layers after it work on."""
        import keras

        tensors = tensors_of(output)
        around = recurrent_layer(self._frames[-1].operation) if self._frames else None
        if around is not None and any(cell is call.operation for cell in cells_of(around)):
            # What the cell answers; its states are what the layer around keeps to itself.
            tensors, masks = tensors[:1], masks[:1]
        is_stepwise = any(isinstance(scope, SingleSteps) for scope in self._scopes)
        if self.replace_output is not None and self.replaces_steps and is_stepwise:
            call.output, call.masks, call.loop_axes = tensors, masks, []
            self._replace_outputs(call)
            replaced = {id(tensor): new for tensor, new in zip(tensors, tensors_of(call.output), strict=True)}
            output = keras.tree.map_structure(lambda leaf: replaced.get(id(leaf), leaf), output)
            tensors = list(replaced.values())
        values = {
            str(number): TimeValue(tensor, mask)
            for number, (tensor, mask) in enumerate(zip(tensors, masks, strict=True))
        }
        self._note(call, values)
        if self.replace_output is not None and not is_stepwise:
            self._replace_outputs(call)
            replacements = {
                id(tensor): self._folded(tensor, new, len(loop_axes))
                for tensor, (_, new, _), loop_axes in zip(tensors, call.outputs(), call.loop_axes, strict=True)
            }
            output = keras.tree.map_structure(lambda leaf: replacements.get(id(leaf), leaf), output)
        for (key, *_), tensor in zip(call.outputs(), tensors_of(output), strict=False):
            self._producers[id(tensor)] = (key, tensor)
        return output

    def _folded(self, before: Any, tensor: Any, time_axes: int) -> Any:
        """Return a tensor with axes of time as the layers inside take it, in the place of another one."""
        if not time_axes:
            return tensor
        for scope in self._scopes[-time_axes:]:
            assert isinstance(scope, FoldedSteps)
            tensor = scope.fold(tensor)
        if getattr(before, "_keras_mask", None) is not None:
            tensor._keras_mask = before._keras_mask
        return tensor

    def _told_apart(self, layer_call: LayerCall, output: Any) -> Any:
        """Return an output in which no tensor is one that another layer answered, or that is another output's."""
        import keras
        import tensorflow as tf

        own = f"{layer_call.key}/"
        own_tensors: set[int] = set()

        def own_tensor(leaf: Any) -> Any:
            # What a layer inside answered is the answer of the layer around it too.
            producer = self._producers.get(id(leaf), ("", None))[0]
            is_anothers = bool(producer) and not producer.startswith(own)
            if not isinstance(leaf, tf.Tensor) or not (is_anothers or id(leaf) in own_tensors):
                own_tensors.add(id(leaf))
                return leaf
            copy = tf.identity(leaf)
            for name in ("_keras_mask", "_keras_logits"):
                if getattr(leaf, name, None) is not None:
                    setattr(copy, name, getattr(leaf, name))
            if id(leaf) in self._masks_of_turned:
                self._masks_of_turned[id(copy)] = (copy, self._masks_of_turned[id(leaf)][1])
            return copy

        return keras.tree.map_structure(own_tensor, output)

    def _mask_of(self, operation: Any, output: Any, inputs: list[Any]) -> Any:
        """Return which timesteps of an output are no padding: Keras' own mask, in the order that the output has."""
        import tensorflow as tf

        mask = getattr(output, "_keras_mask", None)
        if mask is None:
            return None
        if has_base(operation, "RNN") or has_base(operation, "Bidirectional"):
            # What it skips is what Keras tells it to, whatever went in. And Keras hands that on as it came, though what
            # went through backwards comes out backwards.
            is_turned = getattr(operation, "go_backwards", False) and mask.shape.rank == 2
            mask_in_order = tf.reverse(mask, [1]) if is_turned else None
        else:
            # The same mask of a sequence that was turned before.
            masks = (self._masks_of_turned[id(tensor)] for tensor in inputs if id(tensor) in self._masks_of_turned)
            is_same = any(getattr(tensor, "_keras_mask", None) is mask for tensor in inputs)
            mask_in_order = next((in_order for _, in_order in masks), None) if is_same else None
        if mask_in_order is None:
            return mask
        self._masks_of_turned[id(output)] = (output, mask_in_order)
        return mask_in_order

    def _replace_outputs(self, layer_call: LayerCall) -> None:
        import keras

        assert self.replace_output is not None
        replacements = {
            id(tensor): (self.replace_output(layer_call, key, tensor), mask)
            for key, tensor, mask in layer_call.outputs()
        }
        for new, mask in replacements.values():
            if mask is not None and getattr(new, "_keras_mask", None) is None:
                new._keras_mask = mask
        layer_call.output = keras.tree.map_structure(
            lambda leaf: replacements[id(leaf)][0] if id(leaf) in replacements else leaf, layer_call.output
        )

    def _begin(self, operation: Any, sources: list[str]) -> LayerCall:
        parent = self._frames[-1] if self._frames else None
        key, repeated = self._key(operation, parent)
        steps = [scope for scope in self._scopes if isinstance(scope, SingleSteps)]
        known = next((scope.calls[key] for scope in reversed(steps) if key in scope.calls), None)
        if known is not None:
            self._frames.append(known)
            return known
        layer_call = LayerCall(
            key,
            operation,
            inputs_from=tuple(source for source in dict.fromkeys(sources) if not source.startswith(f"{key}/")),
            parent=parent.key if parent else "",
            repeated=repeated,
        )
        if parent:
            parent.holds_layers = True
        if steps:
            steps[-1].calls[key] = layer_call
        self.calls.append(layer_call)
        self._frames.append(layer_call)
        return layer_call

    def _key(self, operation: Any, parent: LayerCall | None) -> tuple[str, bool]:
        path = f"{parent.key}/{operation.name}" if parent else operation.name
        layers = self._layer_of_path.setdefault(path, [])
        if id(operation) not in layers:
            layers.append(id(operation))
        position = layers.index(id(operation)) + 1
        key = path if position == 1 else f"{path}~{position}"
        self._times_called[key, id(operation)] += 1
        times = self._times_called[key, id(operation)]
        return (key, False) if times == 1 else (f"{key}#{times}", True)

    def _is_node(self, operation: Any) -> bool:
        # An operation such as x + y is a node of a functional model. Elsewhere it is a detail of how a layer computes:
        # keras.ops.pad makes one, most of keras.ops make none.
        around = self._frames[-1].operation if self._frames else self.model
        around = around.layer if has_base(around, "TimeDistributed") else around
        return has_base(operation, "Layer") or has_base(around, "Functional")


def current_recorder() -> Recorder | None:
    """Return the recorder of the forward pass that this thread is making, or None."""
    return _current.get()


@contextmanager
def recording(
    model: Any,
    wants_internals: Callable[[str], bool] = lambda key: False,
    replace_output: OutputReplacement | None = None,
    *,
    replaces_steps: bool = False,
    keeps_arguments: bool = False,
    keeps: Callable[[str], bool] = lambda key: True,
) -> Iterator[Recorder]:
    """Record every layer that is called inside the block, by this thread only.

    Args:
        model: The model whose forward pass is made inside the block.
        wants_internals: Whether to record what the layer of a call, by key, keeps to itself.
        replace_output: What changes the outputs of calls, see :class:`Recorder`.
        replaces_steps: Whether it can change what comes at each step of a loop.
        keeps_arguments: Whether what layers are called with is kept, see :class:`Recorder`.
        keeps: Whether the answers of a call, by key, are asked for.
    """
    wrapped_calls.install(current_recorder)
    loops.install(current_recorder)
    recorder = Recorder(
        model,
        wants_internals,
        replace_output,
        replaces_steps=replaces_steps,
        keeps_arguments=keeps_arguments,
        keeps=keeps,
    )
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)
