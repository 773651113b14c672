"""Extractor: a model and inputs in, what every layer answered out, in one forward pass.

The pass is compiled once per kind of input (``tf.function``) with the recorded tensors as outputs of the graph, so it
runs at the speed of the plain model. A model that cannot be traced, because Python decides on its values, runs eagerly
under the same recorder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.common.cache import OnceCache
from core.common.memory import ran_out_of_memory
from core.common.nested_layers import all_layers
from core.errors import ExtractionFailed
from core.extraction import internals as layer_internals
from core.extraction.activation import Activations
from core.extraction.batches import joined
from core.extraction.failures import failure
from core.extraction.graph_rows import may_fold
from core.extraction.layers import LayerInfo
from core.extraction.memory_plan import bytes_of
from core.extraction.recorded_pass import (
    Batch,
    Recording,
    Selection,
    activations_of,
    collect,
    random_states,
    recorded_pass,
    seed_states,
)
from core.extraction.recorder import recording
from core.extraction.reduction import Reduction, can_be_reduced, reduced
from core.extraction.sample_axes import REGULAR, SampleAxis
from core.extraction.sample_rows import SampleAxes, doubtful_layers, in_rows_by_sample, rows_that_follow
from core.extraction.tokens import tokens_of
from core.inputs import structure
from core.inputs.model_inputs import input_specs, input_structure
from core.inputs.sample_context import SampleContext
from core.inputs.sources import read_inputs
from core.inputs.spec import InputSpec
from core.inputs.structures import misfits_told

if TYPE_CHECKING:
    from core.models.inspection import ModelFile
    from core.models.loading import LoadedModel

__all__ = ["Extractor", "extract", "refuse_unknown_layers"]

_DERIVED_KEPT = 64
_SEEDS = 2**31 - 1


@dataclass(frozen=True)
class _Trace:
    """A compiled pass, and what its outputs are; the tensors of ``recording`` are those of the graph."""

    function: Any
    recording: Recording
    may_fold: bool


class Extractor:
    """Runs inputs through a model and keeps what every layer answered.

    Compiled passes are kept, so a second extraction with inputs of the same kind only computes. Safe to share between
    threads. The model is left as it was: states and statistics that a pass would update are not updated.

    Args:
        model: Any callable ``keras.Model``.
        file: What the file said of itself that the model is from; None for a model that was made in Python.
        trusted: What the model uses beyond Keras because somebody trusts it, see
            :class:`core.models.loading.LoadedModel`.

    Attributes:
        derived: What others compiled for this model, such as passes with a gradient; it is let go with the model.
    """

    def __init__(self, model: Any, *, file: ModelFile | None = None, trusted: tuple[str, ...] = ()) -> None:
        layer_internals.install()
        self.model = model
        self.file = file
        self.trusted = trusted
        self.derived: OnceCache[Any] = OnceCache(_DERIVED_KEPT)
        self._positions = {id(layer): index for index, layer in enumerate(getattr(model, "layers", ()))}
        self._traces: dict[Any, _Trace | None] = {}
        self._sample_axes = SampleAxes()
        self._reduced_axes: dict[Any, Mapping[str, SampleAxis]] = {}
        self._lock = threading.RLock()

    @classmethod
    def of_file(cls, loaded: LoadedModel) -> Extractor:
        """Return what records the layers of a model that :func:`core.models.loading.load_model_file` opened."""
        return cls(loaded.model, file=loaded.file, trusted=loaded.trusted)

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer in call order, known without running anything; empty for a model whose inputs are not known yet.

        Raises:
            ExtractionFailed: If the model raises on symbolic inputs.
        """
        structure = input_structure(self.model)
        if structure is None:
            with self._lock:
                traces = [trace for trace in self._traces.values() if trace]
            return traces[-1].recording.layers if traces else ()
        import keras
        import tensorflow as tf

        signature = keras.tree.map_structure(
            lambda spec: tf.TensorSpec((None, *spec.shape[1:]), "string" if spec.dtype == "string" else spec.dtype),
            structure,
        )
        trace = self._trace(signature, Selection(), False)
        if trace is None:
            raise ExtractionFailed(
                f"{self.model.name!r} cannot be followed without values.",
                remedy="Give it an input: its layers are listed from a real pass.",
            )
        return trace.recording.layers

    def extract(
        self,
        inputs: Any,
        *,
        layers: Collection[str] | None = None,
        internals: bool = False,
        training: bool = False,
        batch_size: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        labels: np.ndarray | None = None,
        class_names: tuple[str, ...] = (),
        first: int = 0,
        specs: Sequence[InputSpec] | None = None,
        known: SampleContext | None = None,
        seed: int | None = None,
    ) -> Activations:
        """Run inputs through the model once and return what the layers answered.

        Args:
            inputs: What the model takes, the sample axis first: an array, or a list or dict of arrays. In the place of
                an array also lists, a tensor, a DataFrame or a Series; in that of all a DataFrame with a column for
                each input, a ``tf.data.Dataset``, a ``keras.utils.PyDataset``, a generator or a loader, batched or
                not, with labels or without, which are left out.
            layers: Keys of the layers to keep; None keeps all. Fewer layers take less memory. The key of an internal
                such as ``"lstm:cell_state"`` keeps that one.
            internals: Whether to keep what these layers keep to themselves too: the states and gates of recurrent
                layers over time, the scores of attention layers, each under ``"layer:part"``.
            training: Whether layers such as Dropout behave as in training.
            batch_size: How many samples to run at once; None runs all at once.
            progress: Called with how many samples are done, and of how many, after each batch.
            labels: True class per sample, shape ``(sample,)``; goes with the activations.
            class_names: Name of each class; goes with the activations.
            first: Number of the first sample, where these are some of many.
            specs: What each input is taken for; by default what the layers say. Goes with the activations.
            known: What else is known about the samples, in the place of labels, class names and specs.
            seed: By which layers such as Dropout draw their random numbers in training; None draws others in each pass.

        Returns:
            Activations by key, in call order.

        Raises:
            InputRejected: If the inputs do not fit what the model takes, make no arrays, or hold no sample; or if a
                dataset or generator has no end, or needs more memory than the limit ``input_bytes``.
            ExtractionFailed: If the model raises; the message names the layer.
            KeyError: If a key in ``layers`` is not there; the message lists those that are.
        """
        import keras

        inputs = read_inputs(self.model, inputs)
        tensors = structure.to_tensors(self.model, inputs)
        sample_count = structure.sample_count_of(tensors)
        wanted = Selection(None if layers is None else frozenset(layers), internals)
        with misfits_told(self.model, inputs):
            self.build(tensors)
            passes = self._batches(tensors, sample_count, batch_size or sample_count, wanted, training, seed)
            batch = joined(passes, sample_count, progress)
        if wanted.layers is not None:
            refuse_unknown_layers(wanted.layers, batch.recording.layers)
        named = structure.named_arrays(self.model, inputs)
        described = known or SampleContext(labels=labels, class_names=tuple(class_names))
        taken_for = described.specs or tuple(input_specs(self.model) if specs is None else specs)
        others = {spec.name for spec in taken_for if spec.kind != "tokens"}
        rows = {name: array for name, array in named.items() if name not in others}
        tokens = tokens_of(batch.recording.tokenizer, batch.tokens, rows)
        context = replace(described, inputs=named, first=first, tokens=tokens, specs=taken_for)
        answer = keras.tree.map_structure(_to_numpy, batch.answer)
        return Activations(activations_of(batch, sample_count, context), answer, batch.recording.layers)

    def reduce(
        self, inputs: Any, *, layers: Collection[str] | None = None
    ) -> tuple[dict[str, tuple[LayerInfo, Reduction]], Any]:
        """Run inputs through the model at once, and return what is left of each layer's answer after reducing it.

        The reductions are part of the compiled pass, so no layer's values leave it.

        Args:
            inputs: What the model takes, few enough samples for one pass; the fewer, the less memory.
            layers: Keys of the layers; None takes all whose answers are numbers.

        Returns:
            By key in call order the layer with its reduction; and what the model answered, in its own structure.

        Raises:
            InputRejected: If the inputs do not fit what the model takes, or hold no sample.
            ExtractionFailed: If the model raises; the message names the layer.
            KeyError: If a key in ``layers`` is not there; the message lists those that are.
        """
        inputs = read_inputs(self.model, inputs)
        tensors = structure.to_tensors(self.model, inputs)
        wanted = Selection(None if layers is None else frozenset(layers), is_reduced=True)
        with misfits_told(self.model, inputs):
            self.build(tensors)
            batch = self._reduced_by_sample(tensors, wanted)
        if wanted.layers is not None:
            refuse_unknown_layers(wanted.layers, batch.recording.layers)
        described = batch.recording.described
        found = {
            each.key: (each.layer, Reduction(*parts)) for each, parts in zip(described, batch.tensors, strict=True)
        }
        return found, batch.answer

    def cost(self, inputs: Any) -> Mapping[str, int | None]:
        """Return how many bytes the answer of each layer to these inputs takes, by key.

        None where that is not known before the model ran. A model that cannot be traced gives an empty mapping. The
        model is run, with one sample, only where parts of a sample may be folded into the axis of the samples.

        Raises:
            InputRejected: If the inputs do not fit what the model takes, or hold no sample.
            ExtractionFailed: If the model has to be built first, and raises; or raises then.
        """
        tensors = structure.to_tensors(self.model, read_inputs(self.model, inputs))
        self.build(tensors)
        trace = self._trace(structure.open_signature(tensors), Selection(), False)
        if trace is None:
            return {}
        layers = trace.recording.layers
        if trace.may_fold:
            try:
                layers = self._run(structure.some_of(tensors, [0]), Selection(), False).recording.layers
            except ExtractionFailed:
                # It takes another number of samples at once, and no other.
                layers = self._run(tensors, Selection(), False).recording.layers
        count = structure.sample_count_of(tensors)
        return {layer.key: bytes_of(layer, count) for layer in layers}

    def sample_axis(self, tensors: Any, key: str) -> SampleAxis:
        """Return how samples lie in what a layer answers.

        Args:
            tensors: What :func:`core.inputs.structure.to_tensors` makes of inputs.
            key: Key of the layer.

        Raises:
            ExtractionFailed: If the model raises.
        """
        known = self._sample_axes.known(tensors)
        if key not in known:
            trace = self._trace(structure.open_signature(tensors), Selection(), False)
            if trace is None or trace.may_fold:
                self._run(tensors, Selection(frozenset({key})), False)
                known = {key: REGULAR, **self._sample_axes.known(tensors)}
                self._sample_axes.note(tensors, {key: known[key]})
        return known.get(key, REGULAR)

    def build(self, tensors: Any) -> None:
        """Build a model that is not built yet, which a real pass does.

        Args:
            tensors: What :func:`core.inputs.structure.to_tensors` makes of inputs.

        Raises:
            ExtractionFailed: If the model raises.
        """
        if getattr(self.model, "built", True) and all(layer.built for layer in all_layers(self.model)):
            return
        with self._lock, recording(self.model) as recorder:
            try:
                # All samples, since a stateful layer keeps a state for each.
                self.model(tensors, training=False)
            except Exception as error:
                raise failure(self.model, recorder, error) from error
            for layer in all_layers(self.model):
                if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                    layer.reset_states()

    def _batches(
        self, tensors: Any, sample_count: int, size: int, wanted: Selection, training: bool, seed: int | None
    ) -> Iterator[tuple[int, Batch]]:
        seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        for start in range(0, sample_count, size):
            end = min(start + size, sample_count)
            part = tensors if end - start == sample_count else structure.slice_of(tensors, start, end)
            yield end, self._run(part, wanted, training, seed + start)

    def _run(self, tensors: Any, wanted: Selection, training: bool, seed: int = 0) -> Batch:
        """Make a pass and return what was kept of it, with a row per sample wherever there is one."""
        batch = self._pass(tensors, wanted, training, seed=seed)
        count = structure.sample_count_of(tensors)
        recorded = replace(batch.recording, tensors=batch.tensors, masks=batch.masks)
        doubtful = doubtful_layers(recorded, count)
        if not doubtful:
            return batch
        by_values = [each.key for each in recorded.described if each.rows_by_values and count > 1]
        known = [key for key in doubtful if key not in by_values]
        axes = dict(self._sample_axes.of(self._pass, tensors, wanted, known)) if known else {}
        if by_values:
            plain = self._pass(tensors, wanted) if training else batch
            axes |= rows_that_follow(self._pass, tensors, wanted, plain, by_values)
        rows = in_rows_by_sample(recorded, count, axes)
        return replace(batch, tensors=rows.tensors, masks=rows.masks, recording=rows)

    def _reduced_by_sample(self, tensors: Any, wanted: Selection) -> Batch:
        kind = (repr(structure.open_signature(tensors)), wanted)
        count = structure.sample_count_of(tensors)
        known = self._reduced_axes.get(kind)
        batch = self._pass(tensors, wanted, False, known)
        recording = batch.recording
        doubtful = [
            each.key
            for each, parts in zip(recording.described, batch.tensors, strict=True)
            if Reduction(*parts).total.shape[0] != count
        ]
        if known is None:
            doubtful += recording.without_samples
        if not doubtful:
            return batch
        axes = self._sample_axes.of(self._pass, tensors, Selection(frozenset(doubtful)), doubtful)
        tables = {key for key, axis in axes.items() if axis.position is None and not axis.missing}
        others = {key: axes[key] for key in doubtful if key not in tables and not axes[key].is_regular}
        if all(axes[key].is_certain for key in doubtful):
            self._reduced_axes[kind] = {**(known or {}), **others}
        return self._pass(tensors, wanted, False, {**(known or {}), **others}) if others else batch

    def _pass(
        self,
        tensors: Any,
        wanted: Selection,
        training: bool = False,
        axes: Mapping[str, SampleAxis] | None = None,
        seed: int = 0,
    ) -> Batch:
        import tensorflow as tf

        # The number changes with the pass and not with the graph.
        seeds = [tf.constant(seed % _SEEDS, tf.int64)] if training else []
        for signature in (structure.open_signature(tensors), structure.exact_signature(tensors)):
            trace = self._trace(signature, wanted, training, axes)
            if trace is None:
                continue
            try:
                kept, masks, tokens, answer = trace.function(*structure.flat(tensors), *seeds)
            except Exception as error:
                if ran_out_of_memory(error):
                    # TensorFlow has waited for memory long enough; another pass would wait as long.
                    raise failure(self.model, None, error) from error
                # The eager pass at the end knows which layer it was.
                continue
            return Batch(kept, masks, tokens, answer, trace.recording)
        return self._run_eagerly(tensors, wanted, training, axes, *seeds)

    def _trace(
        self, signature: Any, wanted: Selection, training: bool, axes: Mapping[str, SampleAxis] | None = None
    ) -> _Trace | None:
        key = (repr(signature), wanted, training, frozenset((axes or {}).items()))
        with self._lock:
            if key not in self._traces:
                try:
                    self._traces[key] = self._compile(signature, wanted, training, axes or {})
                except Exception:
                    # Python that looks at values cannot be traced; the eager pass will say if it is anything else.
                    self._traces[key] = None
            return self._traces[key]

    def _compile(self, signature: Any, wanted: Selection, training: bool, axes: Mapping[str, SampleAxis]) -> _Trace:
        import tensorflow as tf

        flat = structure.flat(signature)
        states = random_states(self.model) if training else []
        found: list[Recording] = []

        def forward(*tensors: Any) -> Any:
            inputs, seeds = tensors[: len(flat)], tensors[len(flat) :]
            weights = seed_states(states, *seeds) if seeds else ()
            answer, recorder = recorded_pass(
                self.model, structure.packed(signature, inputs), training, wanted, weights=weights
            )
            graph = tf.compat.v1.get_default_graph()
            recorded = collect(
                recorder,
                wanted,
                positions=self._positions,
                is_readable=lambda tensor: getattr(tensor, "graph", graph) is graph,
                sample_counts=(None, _fixed_sample_count(self.model, flat)),
            )
            if wanted.is_reduced:
                recorded = _reduced(in_rows_by_sample(recorded, tf.shape(tensors[0])[0], axes))
            # The tensors belong to the graph, which keeps them; what is needed later is what they are.
            found.append(replace(recorded, tensors=[], masks=[], tokens=None))
            return recorded.tensors, recorded.masks, recorded.tokens, answer

        function = tf.function(forward, autograph=False).get_concrete_function(
            *flat, *([tf.TensorSpec((), tf.int64)] if training else [])
        )
        return _Trace(function, found[-1], may_fold(function.graph))

    def _run_eagerly(
        self, tensors: Any, wanted: Selection, training: bool, axes: Mapping[str, SampleAxis] | None, *seeds: Any
    ) -> Batch:
        weights = seed_states(random_states(self.model), *seeds) if seeds else ()
        answer, recorder = recorded_pass(self.model, tensors, training, wanted, weights=weights)
        recorded = collect(
            recorder,
            wanted,
            positions=self._positions,
            is_readable=lambda tensor: hasattr(tensor, "numpy"),
            sample_counts=(structure.sample_count_of(tensors),),
        )
        if wanted.is_reduced:
            recorded = _reduced(in_rows_by_sample(recorded, structure.sample_count_of(tensors), axes or {}))
        return Batch(recorded.tensors, recorded.masks, recorded.tokens, answer, recorded)


def extract(
    model: Any,
    inputs: Any,
    *,
    layers: Collection[str] | None = None,
    internals: bool = False,
    training: bool = False,
    batch_size: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    labels: np.ndarray | None = None,
    class_names: tuple[str, ...] = (),
    specs: Sequence[InputSpec] | None = None,
    seed: int | None = None,
) -> Activations:
    """Run inputs through a model and return what every layer answered, in one forward pass.

    For several extractions from one model keep an :class:`Extractor`: it keeps what it compiled. The arguments and
    errors are those of :meth:`Extractor.extract`.
    """
    return Extractor(model).extract(
        inputs,
        layers=layers,
        internals=internals,
        training=training,
        batch_size=batch_size,
        progress=progress,
        labels=labels,
        class_names=class_names,
        specs=specs,
        seed=seed,
    )


def _reduced(recorded: Recording) -> Recording:
    kept = [
        (each, reduced(tensor, None if each.mask is None else recorded.masks[each.mask], each))
        for each, tensor in zip(recorded.described, recorded.tensors, strict=True)
        if can_be_reduced(each) and not each.rows_by_values
    ]
    # As tuples, which a graph can have as its outputs.
    tensors = [tuple(vars(reduction).values()) for _, reduction in kept]
    without = tuple(each.key for each in recorded.described if not each.has_sample_axis and not each.rows_by_values)
    return replace(
        recorded, tensors=tensors, masks=[], described=tuple(each for each, _ in kept), without_samples=without
    )


def _to_numpy(tensor: Any) -> Any:
    return tensor.numpy() if hasattr(tensor, "numpy") else tensor


def _fixed_sample_count(model: Any, signature: list[Any]) -> int | None:
    # How many samples a graph takes where it does not take any number: states are kept per sample.
    import keras

    sources = [*signature, *(getattr(model, "inputs", None) or ())]
    for layer in all_layers(model):
        if getattr(layer, "stateful", False):
            sources += keras.tree.flatten(getattr(layer, "states", None) or ())
    return next((int(source.shape[0]) for source in sources if len(source.shape) and source.shape[0]), None)


def refuse_unknown_layers(wanted: frozenset[str], layers: tuple[LayerInfo, ...]) -> None:
    """Say which layers there are.

    Raises:
        KeyError: If one that is wanted is not among them, nor a part that one of them keeps to itself.
    """
    keys = [key for layer in layers for key in (layer.key, *layer.internals)]
    unknown = sorted(wanted - set(keys))
    if unknown:
        raise KeyError(f"no layer {', '.join(map(repr, unknown))}; there are: {', '.join(keys)}")
