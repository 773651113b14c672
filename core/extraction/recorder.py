"""Records every layer call of one forward pass.

Keras has no forward hooks. ``keras.Layer.__call__`` and ``keras.Operation.__call__`` are wrapped once per process; the
wrapper does nothing unless a recorder is set in a context variable, so threads do not see each other's passes and no
model is ever changed. The tensors that are recorded may be symbolic: inside ``tf.function`` they become outputs of
the compiled graph.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from core.extraction import wrapped_calls
from core.extraction.layer_call import Internal, LayerCall, OutputReplacement, tensors_of
from core.extraction.layers import axes_of, input_key, type_names_of
from core.extraction.tensor_sources import is_answer, traced_back
from core.extraction.time_scopes import FoldedSteps, SingleSteps, TimeValue

__all__ = ["INSIDE_LOOP", "Internal", "LayerCall", "OutputReplacement", "Recorder", "current_recorder", "recording"]

INSIDE_LOOP: Final = "it runs inside a loop of the graph, and values cannot leave that loop"
"""Why a layer has no values that is called once for each sample or step, in a place that a pass does not see."""

_current: ContextVar[Recorder | None] = ContextVar("layerscope_recorder", default=None)
_log = logging.getLogger("layerscope")


@dataclass
class Recorder:
    """Collects the layer calls of one forward pass of one model.

    Attributes:
        model: The model whose own call is not recorded, only what happens inside.
        calls: The layer calls in the order in which they were made.
        inputs: The model's inputs by their keys.
        failed: The innermost call that raised, or None.
        wants_internals: Whether to record what the layer of a call, by key, keeps to itself.
        replace_output: Called with each call and the key of an output that came; what it returns goes on
            instead of it. None leaves everything as it is.
    """

    model: Any
    wants_internals: Callable[[str], bool] = lambda key: False
    replace_output: OutputReplacement | None = None
    calls: list[LayerCall] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    failed: LayerCall | None = None
    _frames: list[LayerCall] = field(default_factory=list)
    _times_called: Counter[tuple[str, int]] = field(default_factory=Counter)
    _layer_of_path: dict[str, list[int]] = field(default_factory=dict)
    _producers: dict[int, tuple[str, Any]] = field(default_factory=dict)
    _masks_of_turned: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    _loops: list[set[tuple[int, int]]] = field(default_factory=list)
    _scopes: list[FoldedSteps | SingleSteps] = field(default_factory=list)
    _mapped: SingleSteps | None = None
    _entered: bool = False

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
        try:
            output = call(operation, *args, **kwargs)
        except Exception:
            self.failed = self.failed or layer_call
            raise
        finally:
            self._frames.pop()
        if self._loops:
            # A sample's or a step's own answer, of which there will be others, or which stands for all of them.
            layer_call.missing = INSIDE_LOOP
            return output
        output = self._told_apart(layer_call, output)
        masks = [self._mask_of(operation, tensor, inputs) for tensor in tensors_of(output)]
        if self._scopes:
            return self._recorded_over_time(layer_call, output, masks)
        layer_call.output, layer_call.masks = output, masks
        if self.replace_output is not None:
            self._replace_outputs(layer_call)
        for key, tensor, _ in layer_call.outputs():
            self._producers[id(tensor)] = (key, tensor)
        return layer_call.output

    def _inputs_to_record(self, operation: Any, args: Any, kwargs: Any) -> list[Any] | None:
        """Return the tensors that go into a call; None for a call that is not recorded."""
        if not self._entered:
            # The model itself, or what Keras does to prepare it.
            self._entered = operation is self.model
            return None
        if self._frames and self._frames[-1].operation is operation:
            return None  # Layer.__call__ goes on to Operation.__call__
        if operation is self.model or self._inside_step_loop() or not self._is_node(operation):
            return None
        inputs = tensors_of((args, kwargs))
        if any(type(tensor).__name__ == "KerasTensor" for tensor in inputs):
            return None  # a layer that builds itself with symbolic inputs
        return inputs if not self._loops or self._is_first_in_loop(operation) else None

    @contextmanager
    def inside_loop(self) -> Iterator[None]:
        """Take what is called inside the block for calls that happen once for each sample or step."""
        # A loop may be made of another one, as Keras' own is: what both call is called in one.
        self._loops.append(self._loops[-1] if self._loops else set())
        try:
            yield
        finally:
            self._loops.pop()

    def is_calling(self, operation: Any) -> bool:
        """Return whether the call that is being made, and recorded, is that of a layer."""
        return bool(self._frames) and self._frames[-1].operation is operation and not self._loops

    def enter(self) -> None:
        """Take what is called from now on for calls of the model, where its own call is gone round."""
        self._entered = True

    @contextmanager
    def over_time(self, scope: FoldedSteps | SingleSteps, rows: Any = None) -> Iterator[None]:
        """Take what is called inside the block for calls to the timesteps of what went into the layer around.

        Args:
            scope: How the timesteps lie in the tensors.
            rows: What goes into the layers inside; None where that is told by :meth:`one_step`.
        """
        if rows is not None:
            self._note_source_of(rows)
        self._scopes.append(scope)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def one_step(self, scope: SingleSteps, inputs: Any) -> Iterator[None]:
        """Take what is called inside the block for calls to one timestep."""
        self._note_source_of(inputs)
        times, mapped = self._times_called.copy(), self._mapped
        self._mapped = None
        scope.steps.append({})
        try:
            yield
        finally:
            self._times_called, self._mapped = times, mapped

    def map_steps(self, function: Callable[[Any], Any]) -> tuple[SingleSteps, Callable[[Any], Any]] | None:
        """Return what to call in the place of a loop's function where the loop goes through timesteps, with these."""
        scope = self._scopes[-1] if self._scopes else None
        if self._loops or not isinstance(scope, SingleSteps) or scope.steps:
            return None
        self._mapped = scope
        return scope, scope.mapped(function)

    def end_mapping(self) -> None:
        """Note that the loop that :meth:`map_steps` was asked for is done."""
        self._mapped = None

    @property
    def is_mapping_steps(self) -> bool:
        """Whether a loop through timesteps is being made, and none of its steps is."""
        return self._mapped is not None

    def note_joined(self, scope: SingleSteps) -> None:
        """Note what layers answered to all timesteps of a scope that is left."""
        values: dict[str, dict[str, TimeValue]] = {}
        for (key, name), value in scope.joined().items():
            values.setdefault(key, {})[name] = value
        for key, named in values.items():
            call = scope.calls[key]
            call.is_stepwise = call.is_stepwise or any(map(str.isdigit, named))
            self._note(call, named)

    def note_results_of_loop(self, results: Any) -> None:
        """Remember that what a loop returned comes from the layer that was called last inside."""
        around = self._frames[-1].key if self._frames else ""
        last = next((call for call in reversed(self.calls) if call.parent == around), None)
        if self._loops or last is None or last.missing != INSIDE_LOOP:
            return
        for tensor in tensors_of(results):
            self._producers.setdefault(id(tensor), (last.key, tensor))

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
        wrapped = getattr(frame.operation, "layer", None) if _has_base(frame.operation, "TimeDistributed") else None
        return frame.operation is operation or wrapped is operation

    def _note_source_of(self, tensor: Any) -> None:
        # What went into the wrapper; in a graph of its own, or outside of any, it could not be followed back.
        sources = self._frames[-1].inputs_from
        if sources:
            self._producers.setdefault(id(tensor), (sources[0], tensor))

    def _recorded_over_time(self, call: LayerCall, output: Any, masks: list[Any]) -> Any:
        """Note what a layer answered to timesteps, and return what the layers after it work on."""
        import keras

        tensors = tensors_of(output)
        values = {
            str(number): TimeValue(tensor, mask)
            for number, (tensor, mask) in enumerate(zip(tensors, masks, strict=True))
        }
        self._note(call, values)
        is_stepwise = any(isinstance(scope, SingleSteps) for scope in self._scopes)
        if self.replace_output is not None and not is_stepwise:
            self._replace_outputs(call)
            replacements = {
                id(tensor): self._folded(tensor, new, count)
                for tensor, (_, new, _), count in zip(tensors, call.outputs(), call.time_axes, strict=True)
            }
            output = keras.tree.map_structure(lambda leaf: replacements.get(id(leaf), leaf), output)
        for (key, *_), tensor in zip(call.outputs(), tensors_of(output), strict=True):
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

    def _note(self, call: LayerCall, values: Mapping[str, TimeValue]) -> None:
        """Note tensors of a call as they are seen from outside of all scopes, or leave them to the one that is open."""
        for scope in reversed(self._scopes):
            if isinstance(scope, SingleSteps):
                scope.calls[call.key] = call
                for name, value in values.items():
                    scope.add(call.key, name, value)
                values = {name: value for name, value in values.items() if name.isdigit()}
                break
            values = {name: scope.unfolded(value) for name, value in values.items()}
        outputs = [value for name, value in values.items() if name.isdigit()]
        if outputs:
            call.output = [value.tensor for value in outputs]
            call.masks = [value.mask for value in outputs]
            call.time_axes = [value.time_axes for value in outputs]
            call.missing = next((value.missing for value in outputs if value.missing), "")
        for name, value in values.items():
            if not name.isdigit() and not value.missing:
                call.internals[name] = Internal(value.tensor, value.axes, value.mask)

    def _is_first_in_loop(self, operation: Any) -> bool:
        around = id(self._frames[-1].operation) if self._frames else 0
        called = self._loops[-1]
        is_first = (around, id(operation)) not in called
        called.add((around, id(operation)))
        return is_first

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
        if _has_base(operation, "RNN") or _has_base(operation, "Bidirectional"):
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

    def _sources_of(self, tensor: Any, *, is_mask: bool) -> list[str]:
        """Return the keys of the layers and inputs whose answers a tensor was computed from, nearest first.

        Between two layers a model may compute what it likes; in a graph that can be followed back. A mask that Keras
        hands on beside the values says nothing of where these come from.
        """
        if id(tensor) in self._producers:
            return [self._producers[id(tensor)][0]]
        return [] if is_mask else traced_back(tensor, self._producers)

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
        scope = self._scopes[-1] if self._scopes else None
        if isinstance(scope, SingleSteps) and key in scope.calls:
            self._frames.append(scope.calls[key])
            return scope.calls[key]
        layer_call = LayerCall(
            key,
            operation,
            inputs_from=tuple(source for source in dict.fromkeys(sources) if not source.startswith(f"{key}/")),
            parent=parent.key if parent else "",
            repeated=repeated,
        )
        if parent:
            parent.holds_layers = True
        if isinstance(scope, SingleSteps):
            scope.calls[key] = layer_call
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
        around = around.layer if _has_base(around, "TimeDistributed") else around
        return _has_base(operation, "Layer") or _has_base(around, "Functional")

    def _inside_step_loop(self) -> bool:
        # A cell runs once per timestep, inside a loop whose tensors cannot leave it.
        return any(_has_base(frame.operation, "RNN") for frame in self._frames)


def _has_base(operation: Any, name: str) -> bool:
    return any(cls.__name__ == name for cls in type(operation).__mro__)


def current_recorder() -> Recorder | None:
    """Return the recorder of the forward pass that this thread is making, or None."""
    return _current.get()


@contextmanager
def recording(
    model: Any,
    wants_internals: Callable[[str], bool] = lambda key: False,
    replace_output: OutputReplacement | None = None,
) -> Iterator[Recorder]:
    """Record every layer that is called inside the block, by this thread only.

    Args:
        model: The model whose forward pass is made inside the block.
        wants_internals: Whether to record what the layer of a call, by key, keeps to itself.
        replace_output: What changes the outputs of calls, see :class:`Recorder`.
    """
    wrapped_calls.install(current_recorder)
    recorder = Recorder(model, wants_internals, replace_output)
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)
