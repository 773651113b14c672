"""What is run at a step that is recorded: the fixed samples through the model, to a few numbers of each of its units.

It is a graph of its own, compiled once, so that what the training compiled stays as it is; and it runs where nothing
can be written, so that statistics, states, seeds and metrics do too. What is left of all layers leaves it as one array.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from core.common.text import first_line
from core.errors import LayerscopeError
from core.extraction.compiled import CompiledFunction, compile_function
from core.extraction.failures import failure
from core.extraction.layers import LayerInfo
from core.extraction.model_state import pass_scope
from core.extraction.recorded_pass import Recording, Selection, collect
from core.extraction.recorder import Recorder, recording
from core.extraction.reduction import NO_NUMBERS, Reduction, reduced
from core.inputs import structure

__all__ = ["AnswerNumbers", "WatchedLayer", "WatchedPass"]

_ALL: Final = Selection()


@dataclass(frozen=True)
class WatchedLayer:
    """A layer of which numbers are recorded.

    Attributes:
        info: What it is.
        unit_count: How many units or channels it has.
        weights: Its own, without those of layers inside it that are recorded too.
        statistics: Those of them that no optimizer changes, whether the layer is frozen or not: moving means and such.
    """

    info: LayerInfo
    unit_count: int
    weights: tuple[Any, ...]
    statistics: tuple[Any, ...] = ()

    @property
    def trained_weights(self) -> tuple[Any, ...]:
        """The others: kernels, biases and such."""
        statistics = set(map(id, self.statistics))
        return tuple(weight for weight in self.weights if id(weight) not in statistics)


class AnswerNumbers(NamedTuple):
    """What is left of a pass.

    Attributes:
        units: Shape ``(unit, measure)``, float32, the units of one layer behind those of another, see
            :data:`core.training.measures.UNIT_MEASURES`; NaN where a unit answers numbers that are not finite.
        gradients: Of each trainable weight the squared norm of the loss' gradient by it, and how many of its numbers
            are not finite, shape ``(weight, 2)``; no rows where there is no loss.
        loss: Of the samples; NaN where there is none.
    """

    units: np.ndarray
    gradients: np.ndarray
    loss: float


@dataclass(frozen=True)
class _Traced:
    layers: tuple[WatchedLayer, ...]


class WatchedPass:
    """Runs fixed samples through a model that is being trained.

    Args:
        model: The model, built.
        inputs: The samples, in its own structure.
        labels: What they are to be answered with, as the loss takes it.
        loss: Takes labels, and what the model answers; None takes the loss that the model was compiled with.

    Attributes:
        why_no_gradients: Why there are none, as the end of a sentence; empty where there are.
        trainable: The weights by which gradients are taken.
    """

    def __init__(self, model: Any, inputs: Any, labels: Any, loss: Callable[[Any, Any], Any] | None) -> None:
        import keras

        self._model = model
        self._inputs = structure.to_tensors(model, inputs)
        is_missing = labels is None
        self._labels = None if is_missing else keras.tree.map_structure(keras.ops.convert_to_tensor, labels)
        self._loss = loss
        self.why_no_gradients = "the labels of the samples are missing" if is_missing else _why_no_loss(model, loss)
        self._own_loss = None
        if not self.why_no_gradients and loss is None:
            self._prepare_loss()
        self.trainable = _floats_trained(model)
        self._compiled_loss = getattr(model, "_compile_loss", None)
        self._compiled: CompiledFunction[_Traced] | None = None
        self._traced = _Traced(())
        self._compile()

    @property
    def layers(self) -> tuple[WatchedLayer, ...]:
        """The layers, in call order."""
        return self._traced.layers

    @property
    def is_current(self) -> bool:
        """Whether the model is still trained by the same loss, and the same weights of it."""
        is_same_loss = getattr(self._model, "_compile_loss", None) is self._compiled_loss
        return is_same_loss and list(map(id, _floats_trained(self._model))) == list(map(id, self.trainable))

    def run(self) -> AnswerNumbers:
        """Run the samples through the model as it is now.

        Raises:
            ExtractionFailed: If the model raises.
        """
        if self._compiled is not None:
            outputs = self._compiled.function(*structure.flat(self._inputs), *self._flat_labels())
        else:
            outputs, _ = self._forward(self._inputs, self._labels)
        units, gradients, loss = outputs
        return AnswerNumbers(np.asarray(units), np.asarray(gradients), float(loss))

    def _prepare_loss(self) -> None:
        """Make a loss as the model's own, where that was not used yet: Keras would build it in the first batch."""
        compiled = getattr(self._model, "_compile_loss", None)
        if compiled is None or compiled.built:
            return
        with pass_scope(self._model, _ALL.keeps), recording(self._model) as recorder:
            answer = self._answer(self._inputs, recorder)
        try:
            own = type(compiled)(
                compiled._user_loss, compiled._user_loss_weights, compiled.reduction, compiled.output_names
            )
            own(self._labels, answer)
        except Exception as error:
            self._give_up_gradients(error)
        else:
            self._own_loss = own

    def _give_up_gradients(self, error: Exception) -> None:
        self.why_no_gradients = f"the loss of the samples could not be computed ({first_line(error)[:200]})"

    def _compile(self) -> None:
        """Compile the pass, without gradients where the loss cannot be computed; else it is run eagerly."""
        self._compiled = self._compile_once()
        if self._compiled is not None:
            self._traced = self._compiled.description
            return
        try:
            _, self._traced = self._forward(self._inputs, self._labels)
        except LayerscopeError:
            raise
        except Exception as error:
            if self.why_no_gradients:
                raise
            self._give_up_gradients(error)
            self._compile()

    def _compile_once(self) -> CompiledFunction[_Traced] | None:
        import tensorflow as tf

        leaves = structure.flat(self._inputs)
        labels = self._flat_labels()

        def forward(*tensors: Any) -> tuple[Any, _Traced]:
            import keras

            inputs = structure.packed(self._inputs, tensors[: len(leaves)])
            packed = None
            if labels:
                packed = keras.tree.pack_sequence_as(self._labels, list(tensors[len(leaves) :]))
            return self._forward(inputs, packed)

        return compile_function(forward, [tf.type_spec_from_value(leaf) for leaf in (*leaves, *labels)])

    def _flat_labels(self) -> list[Any]:
        import keras

        return [] if self._labels is None or self.why_no_gradients else keras.tree.flatten(self._labels)

    def _forward(self, inputs: Any, labels: Any) -> tuple[tuple[Any, Any, Any], _Traced]:
        """Make the pass, inside a graph or not."""
        import tensorflow as tf

        has_loss = not self.why_no_gradients
        loss, gradients = tf.constant(float("nan")), tf.zeros([0, 2])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            # Tensors in the place of weights: so it does not matter how variables are spread over devices.
            weights = [tf.convert_to_tensor(weight.value) for weight in self.trainable] if has_loss else []
            tape.watch(weights)
            mapping = list(zip(self.trainable, weights, strict=True)) if has_loss else []
            recorded = recording(self._model)
            with pass_scope(self._model, _ALL.keeps, mapping, collects_losses=True), recorded as recorder:
                recorder.name_inputs(inputs, structure.input_names(self._model, inputs))
                answer = self._answer(inputs, recorder)
                with tape.stop_recording():
                    layers, units = self._reduced(recorder, structure.sample_count_of(inputs))
                if has_loss:
                    if self._own_loss is not None:
                        # Not by setattr, which Keras follows; it is put back with the block's end.
                        vars(self._model)["_compile_loss"] = self._own_loss
                    loss = _loss_of(self._model, self._loss, inputs, labels, answer)
        if has_loss and weights:
            gradients = tf.stack([_norm_and_faults(each) for each in tape.gradient(loss, weights)])
        return (units, gradients, loss), _Traced(layers)

    def _answer(self, inputs: Any, recorder: Recorder) -> Any:
        try:
            return self._model(inputs, training=False)
        except Exception as error:
            raise failure(self._model, recorder, error, structure.known_sample_count_of(inputs)) from error

    def _reduced(self, recorder: Recorder, sample_count: int) -> tuple[tuple[WatchedLayer, ...], Any]:
        import tensorflow as tf

        kept = collect(recorder, _ALL, positions={}, sample_counts=(sample_count,))
        owned = _weights_of_calls(recorder)
        layers, units = [], []
        for place, described in enumerate(kept.described):
            info = described.layer
            # Whose rows are whose is asked of nobody: numbers are of all samples together.
            if info.dtype in NO_NUMBERS or described.part != "output":
                continue
            tensor = kept.tensors[place]
            tensor = tf.reshape(tensor, [1]) if tensor.shape.rank == 0 else tensor
            reduction = reduced(tensor, _mask(kept, place), described, counts_zeros=True)
            count = reduction.total.shape[-1]
            if not count:
                continue
            layers.append(WatchedLayer(info, count, *owned.get(info.call_key, ((), ()))))
            units.append(_units_of(reduction))
        return tuple(layers), tf.concat(units, axis=0) if units else tf.zeros([0, 6])


def _floats_trained(model: Any) -> list[Any]:
    return [weight for weight in model.trainable_weights if "float" in str(weight.dtype)]


def _mask(kept: Recording, place: int) -> Any:
    number = kept.described[place].mask
    return None if number is None else kept.masks[number]


def _units_of(reduction: Reduction) -> Any:
    """Return the numbers of each unit over all samples, shape ``(unit, measure)``."""
    import tensorflow as tf

    wide = tf.float64
    total, norm = tf.cast(reduction.total, wide), tf.cast(reduction.norm, wide)  # (sample, unit)
    places = tf.reshape(tf.cast(reduction.places, wide), [-1, 1])
    counts = tf.broadcast_to(places, tf.shape(total))
    count = tf.maximum(tf.reduce_sum(counts, axis=0), 1)
    mean = tf.reduce_sum(total, axis=0) / count
    spread = tf.sqrt(tf.maximum(tf.reduce_sum(norm**2, axis=0) / count - mean**2, 0))
    largest, smallest = tf.reduce_max(reduction.maximum, axis=0), tf.reduce_min(reduction.minimum, axis=0)

    def share(values: Any) -> Any:
        if values is None:
            return tf.fill(tf.shape(mean), tf.constant(float("nan"), tf.float32))
        return tf.cast(tf.reduce_sum(tf.cast(values, wide) * counts, axis=0) / count, tf.float32)

    columns = [tf.cast(mean, tf.float32), tf.cast(spread, tf.float32), smallest, largest]
    numbers = tf.stack([*columns, share(reduction.zeros), share(reduction.saturated)], axis=1)
    # A largest value need not be NaN where one of the values is.
    is_finite = tf.math.is_finite(mean) & tf.math.is_finite(spread)
    is_finite &= tf.math.is_finite(largest) & tf.math.is_finite(smallest)
    return tf.where(is_finite[:, None], numbers, float("nan"))


def _norm_and_faults(gradient: Any) -> Any:
    import tensorflow as tf

    if gradient is None:
        return tf.zeros([2])
    values = tf.cast(tf.convert_to_tensor(gradient), tf.float32)
    faults = tf.reduce_sum(tf.cast(~tf.math.is_finite(values), tf.float32))
    return tf.stack([tf.reduce_sum(tf.square(values)), faults])


def _loss_of(model: Any, loss: Callable[[Any, Any], Any] | None, inputs: Any, labels: Any, answer: Any) -> Any:
    import tensorflow as tf

    if loss is not None:
        value = loss(labels, answer)
    elif getattr(model, "_compute_loss_has_training_arg", True):
        value = model.compute_loss(inputs, labels, answer, None, training=False)
    else:
        value = model.compute_loss(inputs, labels, answer, None)
    return tf.reduce_mean(tf.cast(value, tf.float32))


def _why_no_loss(model: Any, loss: Callable[[Any, Any], Any] | None) -> str:
    import keras

    if loss is not None or type(model).compute_loss is not keras.Model.compute_loss:
        return ""
    if getattr(model, "_compile_loss", None) is None:
        return "the model was compiled without a loss; layerscope.Record(…, loss=…) takes one"
    return ""


def _weights_of_calls(recorder: Recorder) -> dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return the weights of each layer by the key of its call, without those of layers recorded inside it.

    And those of them that are statistics.
    """
    weights = {call.key: list(getattr(call.operation, "weights", ())) for call in recorder.calls}
    inner: dict[str, set[int]] = {}
    for call in recorder.calls:
        parent = call.parent
        while parent:
            inner.setdefault(parent, set()).update(map(id, weights[call.key]))
            parent = parent.rpartition("/")[0]
    owned = {}
    for call in recorder.calls:
        own = tuple(weight for weight in weights[call.key] if id(weight) not in inner.get(call.key, ()))
        flatten = getattr(call.operation, "_flatten_layers", None)
        statistics = {id(each) for layer in (flatten() if flatten else ()) for each in layer._non_trainable_variables}
        owned[call.key] = (own, tuple(weight for weight in own if id(weight) in statistics))
    return owned
