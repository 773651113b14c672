"""Records every layer call of one forward pass.

Keras has no forward hooks. ``keras.Layer.__call__`` and ``keras.Operation.__call__`` are wrapped once per process; the
wrapper does nothing unless a recorder is set in a context variable, so threads do not see each other's passes and no
model is ever changed. The tensors that are recorded may be symbolic: inside ``tf.function`` they become outputs of
the compiled graph.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from core.extraction.layers import input_key

__all__ = ["INSIDE_LOOP", "Internal", "LayerCall", "OutputReplacement", "Recorder", "current_recorder", "recording"]

INSIDE_LOOP: Final = "it runs inside a loop of the graph, and values cannot leave that loop"
"""Why a layer has no values that is called once for each sample or step, in a place that a pass does not see."""

_current: ContextVar[Recorder | None] = ContextVar("layerscope_recorder", default=None)
_install_lock = threading.Lock()
_log = logging.getLogger("layerscope")
_MARK = "_layerscope_wrapped"
_ONLY_EXTENTS: Final = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
"""Operations of a graph whose results hold nothing of the values that go in."""


@dataclass(frozen=True)
class Internal:
    """A tensor that a layer keeps to itself, such as its states over time.

    Attributes:
        values: The tensor, the sample axis first.
        axes: Names of its axes; empty for those that the layer's own answer would have.
        mask: Which timesteps are none of padding, shape ``(sample, time)``, or None.
    """

    values: Any
    axes: tuple[str, ...] = ()
    mask: Any = None


@dataclass
class LayerCall:
    """One call of one layer, as it was recorded.

    Attributes:
        key: Key of the call.
        operation: The ``keras.Layer`` or ``keras.Operation``.
        output: What it returned, in its own structure.
        inputs_from: Keys of the calls whose outputs went in.
        parent: Key of the call around it; empty at the top.
        repeated: True for the second and later calls of a shared layer.
        holds_layers: True where other layers were recorded inside.
        missing: Why there are no values, or empty.
        masks: The Keras mask of each tensor in ``output``, or None: a later layer may take it away again.
        internal_keys: Keys of what the layer keeps to itself and could be recorded.
        internals: Those of them that were recorded.
    """

    key: str
    operation: Any
    output: Any = None
    inputs_from: tuple[str, ...] = ()
    parent: str = ""
    repeated: bool = False
    holds_layers: bool = False
    missing: str = ""
    masks: list[Any] = field(default_factory=list)
    internal_keys: tuple[str, ...] = ()
    internals: dict[str, Internal] = field(default_factory=dict)

    def outputs(self) -> list[tuple[str, Any, Any]]:
        """Return key, tensor and mask of each output: ``"name"`` for a single one, ``"name[0]"`` for one of several."""
        tensors = _tensors(self.output)
        masks = self.masks or [None] * len(tensors)
        if len(tensors) == 1:
            return [(self.key, tensors[0], masks[0])]
        numbered = enumerate(zip(tensors, masks, strict=True))
        return [(f"{self.key}[{number}]", tensor, mask) for number, (tensor, mask) in numbered]


OutputReplacement: TypeAlias = Callable[[LayerCall, str, Any], Any]


@dataclass
class Recorder:
    """Collects the layer calls of one forward pass of one model.

    Attributes:
        model: The model whose own call is not recorded, only what happens inside.
        calls: The layer calls in the order in which they were made.
        failed: The innermost call that raised, or None.
        wants_internals: Whether to record what the layer of a call, by key, keeps to itself.
        replace_output: Called with each call and the key of an output that came; what it returns goes on
            instead of it. None leaves everything as it is.
    """

    model: Any
    wants_internals: Callable[[str], bool] = lambda key: False
    replace_output: OutputReplacement | None = None
    calls: list[LayerCall] = field(default_factory=list)
    failed: LayerCall | None = None
    _frames: list[LayerCall] = field(default_factory=list)
    _times_called: Counter[tuple[str, int]] = field(default_factory=Counter)
    _layer_of_path: dict[str, list[int]] = field(default_factory=dict)
    _producers: dict[int, tuple[str, Any]] = field(default_factory=dict)
    _masks_of_turned: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    _loops: list[set[tuple[int, int]]] = field(default_factory=list)
    _entered: bool = False

    def name_inputs(self, inputs: Any, names: list[str]) -> None:
        """Remember which tensors are the model's inputs, so that layers can say where theirs come from."""
        for tensor, name in zip(_tensors(inputs), names, strict=False):
            self._producers[id(tensor)] = (input_key(name), tensor)

    def record(self, operation: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make the call and remember what came out."""
        inputs = self._inputs_to_record(operation, args, kwargs)
        if inputs is None:
            return call(operation, *args, **kwargs)
        masks = {id(tensor) for name, value in kwargs.items() if name.endswith("mask") for tensor in _tensors(value)}
        sources = [source for tensor in inputs for source in self._sources_of(tensor, is_mask=id(tensor) in masks)]
        layer_call = self._begin(operation, sources)
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
        layer_call.output = self._told_apart(layer_call, output)
        layer_call.masks = [self._mask_of(operation, tensor, inputs) for tensor in _tensors(layer_call.output)]
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
        inputs = _tensors((args, kwargs))
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

    def note_results_of_loop(self, results: Any) -> None:
        """Remember that what a loop returned comes from the layer that was called last inside."""
        around = self._frames[-1].key if self._frames else ""
        last = next((call for call in reversed(self.calls) if call.parent == around), None)
        if self._loops or last is None or last.missing != INSIDE_LOOP:
            return
        for tensor in _tensors(results):
            self._producers.setdefault(id(tensor), (last.key, tensor))

    def offer(self, operation: Any, suffixes: Sequence[str], compute: Callable[[], Mapping[str, Internal]]) -> None:
        """Note what the layer that is being called keeps to itself, and record it if it is wanted.

        Args:
            operation: The layer.
            suffixes: What each internal is called behind the key of the call: ``":cell_state"``.
            compute: Works them out, by suffix; called at once or never.
        """
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.operation is not operation or frame.internal_keys:
            return
        frame.internal_keys = tuple(frame.key + suffix for suffix in suffixes)
        if not self.wants_internals(frame.key):
            return
        token = _current.set(None)
        try:
            frame.internals = {frame.key + suffix: internal for suffix, internal in compute().items()}
        except Exception:
            # A stranger's subclass may compute in a way that is not Keras' own. The pass itself goes on.
            _log.warning("What %s keeps to itself could not be worked out", frame.key, exc_info=True)
            frame.internal_keys = ()
        finally:
            _current.reset(token)

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
        if is_mask:
            return []
        sources: list[str] = []
        waiting, visited = _parts(tensor), set[int]()
        while waiting:
            part = waiting.pop()
            if id(part) in visited:
                continue
            visited.add(id(part))
            if id(part) in self._producers:
                sources.append(self._producers[id(part)][0])
                continue
            operation = None if hasattr(part, "numpy") else getattr(part, "op", None)
            if operation is not None and operation.type not in _ONLY_EXTENTS:
                waiting.extend(reversed(operation.inputs))
        return sources

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
        layer_call = LayerCall(
            key,
            operation,
            inputs_from=tuple(source for source in dict.fromkeys(sources) if not source.startswith(f"{key}/")),
            parent=parent.key if parent else "",
            repeated=repeated,
        )
        if parent:
            parent.holds_layers = True
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
    _install()
    recorder = Recorder(model, wants_internals, replace_output)
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)


def _install() -> None:
    import keras
    import tensorflow as tf

    with _install_lock:
        _inline_graph_functions(type(tf.function(lambda: None)))
        _note_loops()
        for owner in (keras.Layer, keras.Operation):
            original = owner.__call__
            if not getattr(original, _MARK, False):
                owner.__call__ = _wrapped(original)


def _inline_graph_functions(owner: Any) -> None:
    # What a tf.function inside a model computes stays in a graph of its own. Where a recorder is set, the Python
    # function behind it is called instead, so that its tensors are in the graph that is recorded.
    original = owner.__call__
    if getattr(original, _MARK, False):
        return

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _current.get() is None or type(self) is not owner or _is_of_tensorflow(self.python_function):
            return original(self, *args, **kwargs)
        return self.python_function(*args, **kwargs)

    setattr(call, _MARK, True)
    owner.__call__ = call


def _is_of_tensorflow(function: Any) -> bool:
    # What it compiles for itself, such as the loop of a Jacobian, cannot run otherwise.
    return str(getattr(function, "__module__", "")).startswith("tensorflow.")


def _note_loops() -> None:
    # Each calls its function once, outside of the loop or for any one element, to see what it returns.
    import tensorflow as tf
    from keras.src.backend.tensorflow import core as keras_core
    from tensorflow.python.ops.parallel_for import control_flow_ops

    for owner, name in (
        (keras_core, "map"),
        (keras_core, "vectorized_map"),
        (tf, "map_fn"),
        (tf, "vectorized_map"),
        (control_flow_ops, "pfor"),
    ):
        _note_loop(owner, name)


def _note_loop(owner: Any, name: str) -> None:
    original = getattr(owner, name)
    if getattr(original, _MARK, False):
        return

    @functools.wraps(original)
    def loop(*args: Any, **kwargs: Any) -> Any:
        recorder = _current.get()
        if recorder is None:
            return original(*args, **kwargs)
        with recorder.inside_loop():
            results = original(*args, **kwargs)
        recorder.note_results_of_loop(results)
        return results

    setattr(loop, _MARK, True)
    setattr(owner, name, loop)


def _wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = _current.get()
        if recorder is None:
            return original(self, *args, **kwargs)
        return recorder.record(self, original, args, kwargs)

    setattr(call, _MARK, True)
    return call


def _parts(tensor: Any) -> list[Any]:
    import tensorflow as tf

    # Rows of different lengths are made of several tensors.
    return list(tf.nest.flatten(tensor, expand_composites=True))


def _tensors(structure: Any) -> list[Any]:
    import keras

    return [leaf for leaf in keras.tree.flatten(structure) if hasattr(leaf, "shape") and hasattr(leaf, "dtype")]
