"""One pass through a model that is changed on its way, or that gradients are taken through; compiled once and kept.

The recorder of :mod:`core.extraction.recorder` sees each answer of a layer as it comes. Here it also hands something
else on in its place (a unit switched off, an embedding moved towards zero) and lets a gradient tape watch it. So
everything that is recorded of any model can be changed, and derived by: no second model is built, and none is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from core.analysis.attribution.targets import EVERYWHERE, Target, objective_of
from core.common.memory import ran_out_of_memory
from core.errors import InputRejected
from core.extraction.extractor import Extractor, refuse_unknown_layers
from core.extraction.failures import failure
from core.extraction.layers import input_key
from core.extraction.recorded_pass import Recording, Selection, collect, has_channels_first, recorded_pass, static_shape
from core.extraction.sample_axes import REGULAR, SampleAxis, by_sample
from core.inputs import structure

__all__ = ["Change", "PassResult", "PassSpec", "run_pass", "trace_pass"]

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
        points: Keys of layers and inputs to take the gradient at.
        kept: Keys of layers whose answers are returned.
        changed: Key of the layer whose answer is changed; empty for none.
        shuffled: Seed by which all weights are shuffled within each variable; None leaves them as they are.
        with_answer: Whether what the model answers is returned.
        uphill: Whether a ReLU that answers nothing has a gradient all the same, see :func:`objective_of`.
        samples: How the samples lie in what the target answers.
    """

    target: str = ""
    whole: bool = False
    before_softmax: bool = True
    points: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    changed: str = ""
    shuffled: int | None = None
    with_answer: bool = False
    uphill: bool = False
    samples: SampleAxis = REGULAR

    @staticmethod
    def of(target: Target, **more: Any) -> PassSpec:
        """Return what is asked of a pass that explains a target."""
        return PassSpec(target.layer, target.unit is None, target.before_softmax, **more)


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


@dataclass
class _Found:
    """The tensors of one pass, of a graph or real."""

    objective: Any
    values: dict[str, Any]
    gradients: dict[str, Any]
    answer: Any
    recording: Recording


def run_pass(
    extractor: Extractor,
    inputs: Any,
    spec: PassSpec,
    *,
    units: np.ndarray | int = 0,
    place: tuple[int, ...] = (),
    change: Change | None = None,
) -> PassResult:
    """Run inputs through a model and return what was asked for.

    Args:
        extractor: Holds the model, and keeps what is compiled here.
        inputs: What the model takes, the sample axis first.
        spec: What is asked for.
        units: Unit of the target, one for all or one per sample.
        place: Where the target is taken, see :class:`Target`.
        change: What is changed; ``spec.changed`` names the same layer.

    Raises:
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises; the message names the layer.
    """
    import keras
    import tensorflow as tf

    tensors = structure.to_tensors(extractor.model, inputs)
    count = structure.sample_count_of(tensors)
    extractor.build(tensors)
    if spec.target:
        samples = extractor.sample_axis(tensors, spec.target)
        spec = replace(spec, samples=samples.of_one() if count == 1 else samples)
    changes = () if change is None else (np.float32(change.scale), np.float32(change.shift))
    # Places are told by one number per axis; how many axes there are is not known before the pass.
    extra = [
        tf.constant(np.broadcast_to(units, (count,)), tf.int32),
        tf.constant(place or (EVERYWHERE,), tf.int32),
        *(tf.constant(each) for each in changes),
    ]
    for signature in (structure.open_signature(tensors), structure.exact_signature(tensors)):
        compiled = extractor.derived.get(
            (spec, repr(signature), tuple(np.ndim(each) for each in changes), len(place)),
            partial(_compiled, extractor, signature, spec, extra),
        )
        if compiled is None:
            continue
        function, names, gradient_names = compiled
        try:
            objective, values, gradients, answer = function(*structure.flat(tensors), *extra)
        except Exception as error:
            if ran_out_of_memory(error):
                raise failure(extractor.model, None, error) from error
            continue  # the pass that is not compiled says which layer it was
        break
    else:
        found = trace_pass(extractor, tensors, spec, *extra)
        names, gradient_names = tuple(found.values), tuple(found.gradients)
        objective, values, gradients = found.objective, list(found.values.values()), list(found.gradients.values())
        answer = found.answer if spec.with_answer else None
    taken = dict(zip(gradient_names, map(np.asarray, gradients), strict=True))
    return PassResult(
        np.asarray(objective),
        dict(zip(names, map(np.asarray, values), strict=True)),
        {point: taken.get(point) for point in spec.points},
        keras.tree.map_structure(np.asarray, answer),
    )


def trace_pass(
    extractor: Extractor,
    tensors: Any,
    spec: PassSpec,
    units: Any,
    place: Any,
    scale: Any = None,
    shift: Any = None,
) -> _Found:
    """Make one pass, inside a graph or not, and return its tensors.

    Args:
        extractor: Holds the model.
        tensors: What the model is given, in its own structure.
        spec: What is asked for.
        units: Unit of the target for each sample, shape ``(sample,)``.
        place: See :func:`objective_of`.
        scale: What the answer of the changed layer is multiplied by.
        shift: What is added to it.

    Raises:
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises; the message names the layer.
    """
    import tensorflow as tf

    model = extractor.model
    watched: dict[str, Any] = {}
    first: dict[str, list[int | None]] = {}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for name, tensor in zip(structure.input_names(model, tensors), structure.flat(tensors), strict=True):
            if input_key(name) in spec.points and tensor.dtype.is_floating:
                tape.watch(tensor)
                watched[input_key(name)] = tensor

        def replace_output(call: Any, key: str, tensor: Any) -> Any:
            if has_channels_first(call, static_shape(tensor), first):
                first[key] = static_shape(tensor)
            if key == spec.changed and scale is not None:
                tensor = _changed(tensor, scale, shift, key in first)
            if key in spec.points and tensor.dtype.is_floating:
                tape.watch(tensor)
                watched[key] = tensor
            return tensor

        weights = _shuffled(extractor, spec.shuffled) if spec.shuffled is not None else ()
        wanted = Selection(frozenset(filter(None, (spec.target, *spec.kept))))
        answer, recorder = recorded_pass(model, tensors, False, wanted, replace_output=replace_output, weights=weights)
        recording = collect(
            recorder,
            wanted,
            positions={},
            is_readable=_readable_here(),
            sample_counts=(None, structure.flat(tensors)[0].shape[0]),
        )
        kept = {each.key: (tensor, each) for each, tensor in zip(recording.described, recording.tensors, strict=True)}
        _refuse_without_values(recording, spec)
        objective = _objective(kept, recording, spec, units, place)
    points = [point for point in spec.points if point in watched]
    taken = tape.gradient(objective, [watched[point] for point in points]) if points else []
    gradients = {point: each for point, each in zip(points, taken, strict=True) if each is not None}
    values = {key: kept[key][0] for key in spec.kept} | {point: watched[point] for point in points}
    last = {key for key, (_, described) in kept.items() if described.channels_first} | set(first)
    return _Found(
        objective,
        {key: _plain(tensor, key in last) for key, tensor in values.items()},
        {key: _plain(tensor, key in last) for key, tensor in gradients.items()},
        answer,
        recording,
    )


def _compiled(extractor: Extractor, signature: Any, spec: PassSpec, extra: list[Any]) -> Any:
    import tensorflow as tf

    flat = structure.flat(signature)
    names: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def forward(*tensors: Any) -> Any:
        found = trace_pass(extractor, structure.packed(signature, tensors[: len(flat)]), spec, *tensors[len(flat) :])
        names.append((tuple(found.values), tuple(found.gradients)))
        answer = found.answer if spec.with_answer else None
        return found.objective, list(found.values.values()), list(found.gradients.values()), answer

    open_specs = [tf.TensorSpec([None] * each.shape.rank, each.dtype) for each in extra]
    try:
        function = tf.function(forward, autograph=False).get_concrete_function(*flat, *open_specs)
    except InputRejected:
        raise
    except Exception:
        # Python that looks at values cannot be traced; the pass that is not compiled says if it is anything else.
        return None
    return function, *names[-1]


def _objective(kept: Mapping[str, Any], recording: Recording, spec: PassSpec, units: Any, place: Any) -> Any:
    import tensorflow as tf

    if not spec.target:
        return tf.zeros_like(units, tf.float32)
    tensor, described = kept[spec.target]
    mask = None if described.mask is None else recording.masks[described.mask]
    if tensor.dtype == tf.string:
        raise InputRejected(f"Layer {spec.target!r} answers text, not numbers.", remedy="Choose another layer.")
    rows = None if spec.samples.is_regular else partial(_by_sample, count=tf.shape(units)[0], spec=spec)
    return objective_of(
        tensor,
        mask if rows is None else None,
        described,
        units,
        place,
        whole=spec.whole,
        before_softmax=spec.before_softmax,
        uphill=spec.uphill,
        rows=rows,
    )


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
    asked = frozenset(filter(None, (spec.target, *spec.kept)))
    try:
        refuse_unknown_layers(asked, recording.layers)
    except KeyError as error:
        raise InputRejected(str(error.args[0]), remedy="Name layers by their key.") from error
    there = {each.key for each in recording.described}
    for layer in recording.layers:
        if layer.key in asked - there:
            raise InputRejected(
                f"Layer {layer.key!r} has no values: {layer.missing}.", remedy="Choose the layer around it."
            )


def _changed(tensor: Any, scale: Any, shift: Any, channels_first: bool) -> Any:
    import tensorflow as tf

    rank = tensor.shape.rank
    if channels_first:
        turned = [0, rank - 1, *range(1, rank - 1)]  # (sample, *space, channel) -> (sample, channel, *space)
        scale, shift = tf.transpose(scale, turned), tf.transpose(shift, turned)
    changed = tensor * tf.cast(scale, tensor.dtype) + tf.cast(shift, tensor.dtype)
    changed.set_shape(tensor.shape)
    return changed


def _plain(tensor: Any, channels_first: bool) -> Any:
    import tensorflow as tf

    tensor = tf.convert_to_tensor(tensor)
    rank = tensor.shape.rank
    if channels_first and rank is not None and rank > 2:
        tensor = tf.transpose(tensor, [0, *range(2, rank), 1])  # (sample, channel, *space) -> (sample, *space, channel)
    return tf.cast(tensor, tf.float32) if tensor.dtype.is_floating else tensor


def _readable_here() -> Callable[[Any], bool]:
    import tensorflow as tf

    if tf.executing_eagerly():
        return lambda tensor: hasattr(tensor, "numpy")
    graph = tf.compat.v1.get_default_graph()
    return lambda tensor: getattr(tensor, "graph", graph) is graph


def _shuffled(extractor: Extractor, seed: int) -> list[tuple[Any, Any]]:
    """Return the model's weights, each with its numbers in another order: as large, and without what they learned."""

    def make() -> list[tuple[Any, Any]]:
        import tensorflow as tf

        random = np.random.default_rng(seed)
        found = []
        with tf.init_scope():
            for variable in extractor.model.weights:
                values = np.asarray(variable)
                if values.dtype.kind == "f" and values.size > 1:
                    mixed = random.permutation(values.reshape(-1)).reshape(values.shape)
                    found.append((variable, tf.constant(mixed)))
        return found

    kept: list[tuple[Any, Any]] = extractor.derived.get((_SHUFFLED, seed), make)
    return kept
