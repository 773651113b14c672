"""One pass through a model that is changed on its way, or that gradients are taken through; compiled once and kept.

The recorder of :mod:`core.extraction.recorder` sees each answer of a layer as it comes. Here it also hands something
else on in its place (a unit switched off, an embedding moved towards zero) and lets a gradient tape watch it. So
everything that is recorded of any model can be changed, and derived by: no second model is built, and none is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from core.analysis.attribution.targets import Target, objective_of, values_before_softmax, with_a_way_up
from core.errors import InputRejected
from core.extraction.channel_order import channels_first, channels_last
from core.extraction.compiled import CompiledFunction, CompiledPass
from core.extraction.extractor import Extractor, refuse_unknown_layers
from core.extraction.known_layers import known_layers
from core.extraction.layers import input_key
from core.extraction.lite_models import refuse_lite_change, refuse_lite_gradient
from core.extraction.recorded_pass import (
    RecordedTensor,
    Recording,
    Selection,
    collect,
    has_channels_first,
    recorded_pass,
    static_shape,
)
from core.extraction.recorder import LayerCall, Recorder
from core.extraction.sample_axes import REGULAR, SampleAxis, by_sample
from core.inputs import structure

__all__ = ["Change", "PassArguments", "PassResult", "PassSpec", "PassTensors", "run_pass", "trace_pass"]

_SHUFFLED: Final = "shuffled weights"


@dataclass(frozen=True)
class Change:
    """What a layer answers, changed before it goes on: multiplied, then added to.

    Attributes:
        layer: Key of the layer.
        scale: Factor, of a shape that broadcasts to the layer's answer with the channels last.
        shift: Added to it, likewise.
    """

    layer: str
    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class PassSpec:
    """What is asked of a pass; passes with the same are compiled once.

    Attributes:
        target: Key of the layer that is explained; empty for none.
        whole: Whether all of that layer is taken, not one unit.
        before_softmax: Whether it is taken before its softmax or sigmoid.
        place_axes: Along how many axes it is taken in a part of its places; 0 takes all places.
        is_difference: Whether another unit is subtracted.
        sign: -1 turns it round.
        points: Keys of layers and inputs to take the gradient at.
        kept: Keys of layers whose answers are returned.
        changed: Keys of the layers whose answers are changed.
        shuffled: Seed by which all weights are shuffled within each variable; None leaves them as they are.
        with_answer: Whether what the model answers is returned.
        uphill: Whether ReLUs that answer nothing have a gradient all the same, see :func:`with_a_way_up`.
        samples: How the samples lie in what the target answers.
    """

    target: str = ""
    whole: bool = False
    before_softmax: bool = True
    place_axes: int = 0
    is_difference: bool = False
    sign: int = 1
    points: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    shuffled: int | None = None
    with_answer: bool = False
    uphill: bool = False
    samples: SampleAxis = REGULAR

    @staticmethod
    def of(target: Target, **more: Any) -> PassSpec:
        """Return what is asked of a pass that explains a target."""
        return PassSpec(
            target.layer,
            target.unit is None,
            target.before_softmax,
            len(target.ranges),
            target.versus is not None,
            target.sign,
            **more,
        )


@dataclass(frozen=True)
class PassResult:
    """What a pass gave, the channels always last.

    Attributes:
        objective: What the target amounts to, shape ``(sample,)``.
        values: What came at the points and from the layers that were kept, by key.
        gradients: The objective's gradient by what came at each point; None where there is none.
        answer: What the model answered, in its own structure, where that was asked for.
    """

    objective: np.ndarray
    values: Mapping[str, np.ndarray]
    gradients: Mapping[str, np.ndarray | None]
    answer: Any = None


class PassArguments(NamedTuple):
    """What differs from pass to pass of one kind, as tensors that go in beside the inputs.

    Attributes:
        units: Unit of the target for each sample, shape ``(sample,)``.
        others: Unit that is subtracted, likewise; without effect where none is.
        ranges: Where the target is taken, shape ``(axis, 2)``, see :func:`objective_of`.
        scales: What the answer of each changed layer is multiplied by.
        shifts: What is added to it, likewise.
    """

    units: Any
    others: Any
    ranges: Any
    scales: tuple[Any, ...] = ()
    shifts: tuple[Any, ...] = ()

    @property
    def tensors(self) -> tuple[Any, ...]:
        """All of them, in order; the inverse of :meth:`of_tensors`."""
        return (self.units, self.others, self.ranges, *self.scales, *self.shifts)

    @staticmethod
    def of_tensors(tensors: Sequence[Any]) -> PassArguments:
        """Return what :attr:`tensors` says."""
        units, others, ranges, *changes = tensors
        half = len(changes) // 2
        return PassArguments(units, others, ranges, tuple(changes[:half]), tuple(changes[half:]))

    @staticmethod
    def of(target: Target | None, units: np.ndarray) -> PassArguments:
        """Return the numbers of a target, nothing changed.

        Args:
            target: What is explained; None for nothing.
            units: Unit for each sample.
        """
        import tensorflow as tf

        other = (target.versus if target else None) or 0
        ranges = np.array(target.ranges if target else (), np.int32).reshape(-1, 2)
        return PassArguments(
            tf.constant(units, tf.int32), tf.fill([len(units)], np.int32(other)), tf.constant(ranges, tf.int32)
        )


class PassTensors(NamedTuple):
    """The tensors of one pass, of a graph or real; see :class:`PassResult`."""

    objective: Any
    values: dict[str, Any]
    gradients: dict[str, Any]
    answer: Any


def run_pass(
    extractor: Extractor,
    inputs: Any,
    spec: PassSpec,
    *,
    target: Target | None = None,
    units: np.ndarray | int | None = None,
    changes: Sequence[Change] = (),
) -> PassResult:
    """Run inputs through a model and return what was asked for.

    Args:
        extractor: Holds the model, and keeps what is compiled here.
        inputs: What the model takes, the sample axis first.
        spec: What is asked for.
        target: What is explained, where ``spec`` asks for it.
        units: Unit for each sample, instead of the target's for all.
        changes: What is changed; ``spec.changed`` names the same layers, in that order.

    Raises:
        InputRejected: If there is no such layer, or it has no values; or if what is asked for cannot be had of a model
            that TensorFlow Lite runs.
        NoGradient: If that is a gradient.
        ExtractionFailed: If the model raises; the message names the layer.
    """
    import keras

    if spec.points:
        refuse_lite_gradient(extractor.model)
    if spec.changed or spec.shuffled is not None:
        refuse_lite_change(extractor.model)
    tensors = structure.to_tensors(extractor.model, inputs)
    count = structure.sample_count_of(tensors)
    extractor.build(tensors)
    if spec.target:
        samples = extractor.sample_axis(tensors, spec.target)
        spec = replace(spec, samples=samples.of_one() if count == 1 else samples)
    if target:
        _refuse_missing_units(extractor, target)
    unit = (target.unit if target else None) or 0
    arguments = _arguments(target, np.broadcast_to(unit if units is None else units, (count,)), changes)
    outputs, _ = _compiled_pass(extractor, spec, arguments).run(tensors, *arguments.tensors)
    gradients = {point: np.asarray(gradient) for point, gradient in outputs.gradients.items()}
    return PassResult(
        np.asarray(outputs.objective),
        {key: np.asarray(values) for key, values in outputs.values.items()},
        {point: gradients.get(point) for point in spec.points},
        keras.tree.map_structure(np.asarray, outputs.answer),
    )


def trace_pass(extractor: Extractor, tensors: Any, spec: PassSpec, arguments: PassArguments) -> PassTensors:
    """Make one pass, inside a graph or not, and return its tensors.

    Args:
        extractor: Holds the model.
        tensors: What the model is given, in its own structure.
        spec: What is asked for.
        arguments: The numbers that it is asked with.

    Raises:
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises; the message names the layer.
    """
    import tensorflow as tf

    model = extractor.model
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        outputs = _WatchedOutputs(tape, spec, arguments)
        outputs.watch_inputs(structure.input_names(model, tensors), structure.flat(tensors))
        weights = _shuffled(extractor, spec.shuffled) if spec.shuffled is not None else ()
        selection = Selection(_layers_asked_for(spec))
        answer, recorder = recorded_pass(
            model, tensors, False, selection, replace_output=outputs.replace_output, weights=weights
        )
        _refuse_single_steps(recorder, spec)
        sample_counts = (None, structure.flat(tensors)[0].shape[0])
        recording = collect(recorder, selection, positions={}, sample_counts=sample_counts)
        _refuse_without_values(recording, spec)
        layers = {
            described.key: _KeptTensor(described, tensor)
            for described, tensor in zip(recording.described, recording.tensors, strict=True)
        }
        objective = _objective(layers, recording.masks, spec, arguments)
    watched = {point: outputs.watched[point] for point in spec.points if point in outputs.watched}
    gradients = tape.gradient(objective, watched) if watched else {}
    with_channels_first = {key for key, (described, _) in layers.items() if described.channels_first}
    with_channels_first |= set(outputs.channels_first)

    def plain(tensors: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: _plain(tensor, key in with_channels_first) for key, tensor in tensors.items() if tensor is not None
        }

    values = {key: layers[key].tensor for key in spec.kept} | watched
    return PassTensors(objective, plain(values), plain(gradients), answer if spec.with_answer else None)


class _KeptTensor(NamedTuple):
    described: RecordedTensor
    tensor: Any


class _WatchedOutputs:
    """Changes what a layer answers on its way, and lets a tape watch what gradients are taken by.

    Args:
        tape: Watches.
        spec: Which layer is changed, and which are watched.
        arguments: What it is changed by.

    Attributes:
        watched: What came at the points, by key.
        channels_first: Extents of what layers answered with the channels before the axes of space, by key.
    """

    def __init__(self, tape: Any, spec: PassSpec, arguments: PassArguments) -> None:
        self._tape = tape
        self._spec = spec
        self._arguments = arguments
        self.watched: dict[str, Any] = {}
        self.channels_first: dict[str, list[int | None]] = {}

    def watch_inputs(self, names: Sequence[str], tensors: Sequence[Any]) -> None:
        for name, tensor in zip(names, tensors, strict=True):
            self._watch(input_key(name), tensor)

    def replace_output(self, call: LayerCall, key: str, tensor: Any) -> Any:
        if has_channels_first(call, static_shape(tensor), self.channels_first):
            self.channels_first[key] = static_shape(tensor)
        if key in self._spec.changed:
            position = self._spec.changed.index(key)
            scale, shift = self._arguments.scales[position], self._arguments.shifts[position]
            tensor = _changed(tensor, scale, shift, key in self.channels_first)
        if self._spec.uphill:
            tensor = with_a_way_up(tensor, self._arguments.units.shape[0])
        self._watch(key, tensor)
        return tensor

    def _watch(self, key: str, tensor: Any) -> None:
        if key in self._spec.points and tensor.dtype.is_floating:
            self._tape.watch(tensor)
            self.watched[key] = tensor


def _arguments(target: Target | None, units: np.ndarray, changes: Sequence[Change]) -> PassArguments:
    import tensorflow as tf

    return PassArguments.of(target, units)._replace(
        scales=tuple(tf.constant(np.float32(change.scale)) for change in changes),
        shifts=tuple(tf.constant(np.float32(change.shift)) for change in changes),
    )


def _compiled_pass(extractor: Extractor, spec: PassSpec, arguments: PassArguments) -> CompiledPass[None]:
    ranks = tuple(tensor.shape.rank for tensor in arguments.tensors)

    def forward(inputs: Any, *others: Any) -> tuple[PassTensors, None]:
        return trace_pass(extractor, inputs, spec, PassArguments.of_tensors(others)), None

    def cached(
        signature: Any, compile_now: Callable[[], CompiledFunction[None] | None]
    ) -> CompiledFunction[None] | None:
        compiled: CompiledFunction[None] | None = extractor.derived.get((spec, repr(signature), ranks), compile_now)
        return compiled

    return CompiledPass(extractor.model, forward, cached)


def _layers_asked_for(spec: PassSpec) -> frozenset[str]:
    return frozenset(filter(None, (spec.target, *spec.kept)))


def _objective(
    layers: Mapping[str, _KeptTensor], masks: Sequence[Any], spec: PassSpec, arguments: PassArguments
) -> Any:
    import tensorflow as tf

    if not spec.target:
        return tf.zeros_like(arguments.units, tf.float32)
    described, tensor = layers[spec.target]
    if tensor.dtype == tf.string:
        raise InputRejected(f"Layer {spec.target!r} answers text, not numbers.", remedy="Choose another layer.")
    values = values_before_softmax(tensor) if spec.before_softmax else tensor
    mask = None if described.mask is None else masks[described.mask]

    # What goes into a compiled pass is of any extent there, but how many axes there are is known.
    ranges = tf.reshape(arguments.ranges, [spec.place_axes, 2])

    def amount(tensor: Any) -> Any:
        if not spec.samples.is_regular:
            tensor = _by_sample(tensor, tf.shape(arguments.units)[0], spec)
        tensor = channels_last(tensor) if described.channels_first else tensor
        told = mask if spec.samples.is_regular else None
        return objective_of(
            tensor,
            arguments.units,
            ranges,
            whole=spec.whole,
            mask=told,
            others=arguments.others if spec.is_difference else None,
            sign=spec.sign,
        )

    return amount(values)


def _by_sample(tensor: Any, count: Any, spec: PassSpec) -> Any:
    import tensorflow as tf

    if spec.samples.missing:
        raise InputRejected(
            f"Layer {spec.target!r} has no values of its own for each sample: {spec.samples.missing}.",
            remedy="Choose another layer, or one sample.",
        )
    rows = by_sample(tensor, count, spec.samples)
    return rows if spec.samples.position is not None else tf.repeat(rows[None], count, axis=0)


def _refuse_without_values(recording: Recording, spec: PassSpec) -> None:
    keys = _layers_asked_for(spec)
    try:
        refuse_unknown_layers(keys, recording.layers)
    except KeyError as error:
        raise InputRejected(str(error.args[0]), remedy="Name layers by their key.") from error
    with_values = {described.key for described in recording.described}
    for layer in recording.layers:
        if layer.key in keys - with_values:
            raise InputRejected(
                f"Layer {layer.key!r} has no values: {layer.missing}.", remedy="Choose the layer around it."
            )


def _refuse_missing_units(extractor: Extractor, target: Target) -> None:
    layer = next((each for each in known_layers(extractor) if each.key == target.layer), None)
    count = layer.output_shape[-1] if layer and len(layer.output_shape) > 1 else None
    for unit in (target.unit, target.versus):
        if count is not None and unit is not None and not 0 <= unit < count:
            raise InputRejected(f"{target.layer!r} has no unit {unit}.", remedy=f"It has units 0 to {count - 1}.")


def _refuse_single_steps(recorder: Recorder, spec: PassSpec) -> None:
    around: dict[str, str] = {}  # the nearest layer around each call that was called at once
    for call in recorder.calls:
        around[call.key] = around.get(call.parent, "") if call.is_stepwise else call.key
        stepwise = [key for key, *_ in call.outputs() if call.is_stepwise and key in spec.changed]
        if stepwise:
            raise InputRejected(
                f"Layer {stepwise[0]!r} is called at each step of a loop alone, and cannot be changed at all of them.",
                remedy=f"Choose {around[call.key]!r}, which it is in." if around[call.key] else "Choose another layer.",
            )


def _changed(tensor: Any, scale: Any, shift: Any, is_channels_first: bool) -> Any:
    import tensorflow as tf

    if is_channels_first:
        scale, shift = (channels_first(values, tensor.shape.rank) for values in (scale, shift))
    output = tensor * tf.cast(scale, tensor.dtype) + tf.cast(shift, tensor.dtype)
    output.set_shape(tensor.shape)
    return output


def _plain(tensor: Any, is_channels_first: bool) -> Any:
    import tensorflow as tf

    tensor = channels_last(tensor) if is_channels_first else tf.convert_to_tensor(tensor)
    return tf.cast(tensor, tf.float32) if tensor.dtype.is_floating else tensor


def _shuffled(extractor: Extractor, seed: int) -> list[tuple[Any, Any]]:
    """Return the model's weights, each with its numbers in another order: as large, and without what they learned."""

    def make() -> list[tuple[Any, Any]]:
        import tensorflow as tf

        random = np.random.default_rng(seed)
        shuffled = []
        with tf.init_scope():
            for variable in extractor.model.weights:
                values = np.asarray(variable)
                if values.dtype.kind == "f" and values.size > 1:
                    mixed = random.permutation(values.reshape(-1)).reshape(values.shape)
                    shuffled.append((variable, tf.constant(mixed)))
        return shuffled

    weights: list[tuple[Any, Any]] = extractor.derived.get((_SHUFFLED, seed), make)
    return weights
