"""Extractor: a model and inputs in, what every layer answered out, in one forward pass.

The pass is compiled once per kind of input (``tf.function``) with the recorded tensors as outputs of the graph, so it
runs at the speed of the plain model. A model that cannot be traced, because Python decides on its values, runs eagerly
under the same recorder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from core.common.cache import OnceCache
from core.common.nested_layers import all_layers
from core.errors import ExtractionFailed
from core.extraction import internals as layer_internals
from core.extraction import time_distributed
from core.extraction.activation import Activations
from core.extraction.batches import joined
from core.extraction.call_arguments import keep_calls
from core.extraction.clamping import Clamp, ClampedOutputs, ClampTensors, check_clamp
from core.extraction.compiled import CompiledFunction, CompiledPass
from core.extraction.failures import failure, fixed_sample_count
from core.extraction.graph_rows import may_fold
from core.extraction.layers import LayerInfo
from core.extraction.lite_models import refuse_lite_change
from core.extraction.memory_plan import bytes_of
from core.extraction.model_output import outputs_of
from core.extraction.pass_end import handed_out_together
from core.extraction.pass_kinds import NO_NUMBERS, PassDescription, PassKind, PassNumbers, PassOutputs, PassSettings
from core.extraction.recorded_pass import (
    Batch,
    Selection,
    activations_of,
    collect,
    is_readable_here,
    random_states,
    recorded_pass,
    seed_states,
)
from core.extraction.recorder import recording
from core.extraction.reduced_recording import reduced_recording
from core.extraction.reduction import Reduction
from core.extraction.sample_axes import REGULAR, SampleAxis
from core.extraction.sample_rows import (
    SampleAxes,
    doubtful_layers,
    in_rows_by_sample,
    rows_that_follow,
    with_steps_made,
    without_empty_loops,
)
from core.extraction.tokens import tokens_of
from core.extraction.verification import StepProgress, verify
from core.extraction.verified import Verification
from core.inputs import structure
from core.inputs.model_inputs import input_specs
from core.inputs.sample_context import SampleContext
from core.inputs.sources import read_inputs
from core.inputs.spec import InputSpec
from core.inputs.structures import misfits_told

if TYPE_CHECKING:
    from core.models.inspection import ModelFile
    from core.models.loading import LoadedModel

__all__ = ["Extractor", "extract", "refuse_unknown_layers"]

_DERIVED_KEPT: Final = 64


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
        time_distributed.install()
        self.model = model
        self.file = file
        self.trusted = trusted
        self.derived: OnceCache[Any] = OnceCache(_DERIVED_KEPT)
        self._positions = {id(layer): index for index, layer in enumerate(getattr(model, "layers", ()))}
        self._traces: dict[Any, CompiledFunction[PassDescription] | None] = {}
        self._sample_axes = SampleAxes()
        self._reduced_axes: dict[Any, Mapping[str, SampleAxis]] = {}
        # Asked of all layers until they say so: it would be asked in every pass.
        self._is_built = False
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
        signature = structure.declared_signature(self.model)
        if signature is None:
            with self._lock:
                traces = [trace for trace in self._traces.values() if trace]
            return traces[-1].description.recording.layers if traces else ()
        description = self._described(signature)
        if description is None:
            raise ExtractionFailed(
                f"{self.model.name!r} cannot be followed without values.",
                remedy="Give it an input: its layers are listed from a real pass.",
            )
        return description.recording.layers

    def extract(  # noqa: PLR0913 - public: what is asked of an extraction, each by its name
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
        clamp: Clamp | None = None,
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
            clamp: Units that are set to a value while the model runs, by key of their layer and number:
                ``{"dense": {3: 0.0}}``. The unit is a position on the layer's last axis, of images a channel, and is
                set for every sample, timestep and place: of ``(sample, height, width, channel)`` all of
                ``[:, :, :, 3]``. What comes after the layer works on that, and so do its own values here. A layer
                that is called several times is set where it is named, ``"dense#2"`` its second call; states within a
                recurrent layer stay what they are. An empty one compiles what others will run by.

        Returns:
            Activations by key, in call order.

        Raises:
            InputRejected: If the inputs do not fit what the model takes, make no arrays, or hold no sample; or if a
                dataset or generator has no end, or needs more memory than the limit ``input_bytes``; or if a layer or
                unit to clamp is not there or cannot be set.
            ExtractionFailed: If the model raises; the message names the layer.
            KeyError: If a key in ``layers`` is not there; the message lists those that are.
        """
        import keras

        inputs = read_inputs(self.model, inputs)
        tensors = structure.to_tensors(self.model, inputs)
        sample_count = structure.sample_count_of(tensors)
        selection = Selection(None if layers is None else frozenset(layers), internals)
        with misfits_told(self.model, inputs):
            self.build(tensors)
            kind = PassKind(selection, training, is_clamped=clamp is not None)
            seed = int.from_bytes(os.urandom(4)) if seed is None else seed
            batches = self._batches(tensors, batch_size or sample_count, kind, PassNumbers(seed, clamp or {}))
            batch = joined(batches, sample_count, progress)
        if selection.layers is not None:
            refuse_unknown_layers(selection.layers, batch.recording.layers)
        samples = known or SampleContext(labels=labels, class_names=tuple(class_names))
        context = replace(
            samples,
            inputs=structure.named_arrays(self.model, inputs),
            first=first,
            specs=samples.specs or tuple(input_specs(self.model) if specs is None else specs),
            outputs=samples.outputs or outputs_of(self.model, batch.recording.layers),
        )
        context = replace(context, tokens=_tokens(batch, context))
        answer = keras.tree.map_structure(_to_numpy, batch.answer)
        return Activations(
            activations_of(batch, sample_count, context),
            answer,
            batch.recording.layers,
            extractor=self,
            settings=PassSettings(inputs, training, seed, clamp, min(batch_size or sample_count, sample_count)),
        )

    def recorded_calls(self, tensors: Any, kind: PassKind, numbers: PassNumbers) -> Batch:
        """Make one pass and return what was kept of it, each layer's answer in the form that activations have it in.

        Args:
            tensors: What :func:`core.inputs.structure.to_tensors` makes of inputs.
            kind: What is kept, such as what layers were called with.
            numbers: What goes in beside the inputs.

        Raises:
            ExtractionFailed: If the model raises.
        """
        return self._run(tensors, kind, numbers)

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
        selection = Selection(None if layers is None else frozenset(layers), is_reduced=True)
        with misfits_told(self.model, inputs):
            self.build(tensors)
            batch = self._reduced_by_sample(tensors, selection)
        if selection.layers is not None:
            refuse_unknown_layers(selection.layers, batch.recording.layers)
        reductions = {
            described.key: (described.layer, reduction)
            for described, reduction in zip(batch.recording.described, batch.tensors, strict=True)
        }
        return reductions, batch.answer

    def verify_activations(
        self, activations: Activations, settings: PassSettings, samples: int, progress: StepProgress | None
    ) -> Verification:
        """Run each layer of a pass again, see :meth:`core.extraction.activation.Activations.verify`."""
        return verify(self, activations, settings, samples, progress)

    def cost(self, inputs: Any) -> Mapping[str, int | None]:
        """Return how many bytes the answer of each layer to these inputs takes, by key.

        None where that is not known before the model ran. A model that cannot be traced gives an empty mapping. The
        model is run, with one sample, only where parts of a sample may be folded into the axis of the samples, or
        where only a loop itself says how many steps it makes.

        Raises:
            InputRejected: If the inputs do not fit what the model takes, or hold no sample.
            ExtractionFailed: If the model has to be built first, and raises; or raises then.
        """
        tensors = structure.to_tensors(self.model, read_inputs(self.model, inputs))
        self.build(tensors)
        description = self._described(structure.open_signature(tensors))
        if description is None:
            return {}
        layers = description.recording.layers
        if description.may_fold or any(layer.is_stepwise and None in layer.output_shape[1:] for layer in layers):
            every_layer = PassKind(Selection())
            try:
                batch = self._run(structure.some_of(tensors, [0]), every_layer)
            except ExtractionFailed:
                # It takes another number of samples at once, and no other.
                batch = self._run(tensors, every_layer)
            layers = with_steps_made(batch)
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
        axes = self._sample_axes.known(tensors)
        if key not in axes:
            description = self._described(structure.open_signature(tensors))
            if description is None or description.may_fold:
                self._run(tensors, PassKind(Selection(frozenset({key}))))
                axes = {key: REGULAR, **self._sample_axes.known(tensors)}
                self._sample_axes.note(tensors, {key: axes[key]})
        return axes.get(key, REGULAR)

    def build(self, tensors: Any) -> None:
        """Build a model that is not built yet, which a real pass does.

        Args:
            tensors: What :func:`core.inputs.structure.to_tensors` makes of inputs.

        Raises:
            ExtractionFailed: If the model raises.
        """
        if self._is_built:
            return
        if getattr(self.model, "built", True) and all(layer.built for layer in all_layers(self.model)):
            self._is_built = True
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

    def _batches(self, tensors: Any, size: int, kind: PassKind, numbers: PassNumbers) -> Iterator[tuple[int, Batch]]:
        sample_count = structure.sample_count_of(tensors)
        for start in range(0, sample_count, size):
            end = min(start + size, sample_count)
            part = tensors if end - start == sample_count else structure.slice_of(tensors, start, end)
            yield end, self._run(part, kind, numbers._replace(seed=numbers.seed + start))

    def _run(self, tensors: Any, kind: PassKind, numbers: PassNumbers = NO_NUMBERS) -> Batch:
        """Make a pass and return what was kept of it, with a row per sample wherever there is one."""
        batch = self._pass(tensors, kind, numbers)
        count = structure.sample_count_of(tensors)
        recording = without_empty_loops(replace(batch.recording, tensors=batch.tensors, masks=batch.masks))
        batch = replace(batch, tensors=recording.tensors, recording=recording)
        doubtful = doubtful_layers(recording, count)
        if not doubtful:
            return batch
        by_values = [described.key for described in recording.described if described.rows_by_values and count > 1]
        regular = [key for key in doubtful if key not in by_values]
        axes = dict(self._sample_axes.of(self._plain_pass, tensors, kind.selection, regular)) if regular else {}
        if by_values:
            is_plain = not (kind.training or kind.is_clamped)
            plain = batch if is_plain else self._plain_pass(tensors, kind.selection)
            axes |= rows_that_follow(self._plain_pass, tensors, kind.selection, plain, by_values)
        rows = in_rows_by_sample(recording, count, axes)
        return replace(batch, tensors=rows.tensors, masks=rows.masks, recording=rows)

    def _reduced_by_sample(self, tensors: Any, selection: Selection) -> Batch:
        key = (repr(structure.open_signature(tensors)), selection)
        count = structure.sample_count_of(tensors)
        known_axes = self._reduced_axes.get(key)
        batch = self._pass(tensors, PassKind(selection, sample_axes=frozenset((known_axes or {}).items())))
        doubtful = [
            described.key
            for described, reduction in zip(batch.recording.described, batch.tensors, strict=True)
            if reduction.total.shape[0] != count
        ]
        if known_axes is None:
            doubtful += batch.recording.without_samples
        if not doubtful:
            return batch
        axes = self._sample_axes.of(self._plain_pass, tensors, Selection(frozenset(doubtful)), doubtful)
        tables = {key for key, axis in axes.items() if axis.position is None and not axis.missing}
        others = {key: axes[key] for key in doubtful if key not in tables and not axes[key].is_regular}
        all_axes = {**(known_axes or {}), **others}
        if all(axes[layer_key].is_certain for layer_key in doubtful):
            self._reduced_axes[key] = all_axes
        return self._pass(tensors, PassKind(selection, sample_axes=frozenset(all_axes.items()))) if others else batch

    def _plain_pass(self, tensors: Any, selection: Selection) -> Batch:
        return self._pass(tensors, PassKind(selection))

    def _pass(self, tensors: Any, kind: PassKind, numbers: PassNumbers = NO_NUMBERS) -> Batch:
        if numbers.clamp:
            refuse_lite_change(self.model)
        # The numbers change with the pass and not with the graph.
        outputs, description = self._compiled_pass(kind).run(tensors, *numbers.tensors(kind))
        if kind.is_clamped:
            layers = description.recording.layers
            check_clamp(numbers.clamp, layers, description.can_be_clamped)
        return Batch(**outputs._asdict(), recording=description.recording, calls=description.calls)

    def _described(self, signature: Any) -> PassDescription | None:
        """Return what a pass over all layers is like; None where only real values tell."""
        compiled = self._compiled_pass(PassKind(Selection())).compiled_for(signature)
        return compiled.description if compiled else None

    def _compiled_pass(self, kind: PassKind) -> CompiledPass[PassDescription]:
        def cached(
            signature: Any, compile_now: Callable[[], CompiledFunction[PassDescription] | None]
        ) -> CompiledFunction[PassDescription] | None:
            key = (repr(signature), kind)
            with self._lock:
                if key not in self._traces:
                    self._traces[key] = compile_now()
                return self._traces[key]

        # Keras makes the state of its own generator where it is asked for, which must not be inside of a graph.
        states = random_states(self.model) if kind.training else []
        return CompiledPass(self.model, partial(self._forward, kind, states), cached)

    def _forward(
        self, kind: PassKind, states: Sequence[Any], inputs: Any, *numbers: Any
    ) -> tuple[PassOutputs, PassDescription]:
        """Make a pass, inside a graph or not."""
        import tensorflow as tf

        leaves = structure.flat(inputs)
        is_eager = tf.executing_eagerly()
        weights = seed_states(states, numbers[0]) if kind.training else ()
        clamped = ClampedOutputs(ClampTensors(*numbers[-3:])) if kind.is_clamped else None
        replace_output = clamped.replace_output if clamped else None
        answer, recorder = recorded_pass(
            self.model,
            inputs,
            kind.training,
            kind.selection,
            replace_output=replace_output,
            replaces_steps=kind.is_clamped,
            weights=weights,
            keeps_arguments=kind.keeps_arguments,
        )
        sample_counts = (
            (structure.sample_count_of(inputs),) if is_eager else (None, fixed_sample_count(self.model, leaves))
        )
        recording = collect(recorder, kind.selection, positions=self._positions, sample_counts=sample_counts)
        if kind.selection.is_reduced:
            count = structure.sample_count_of(inputs) if is_eager else tf.shape(leaves[0])[0]
            recording = reduced_recording(in_rows_by_sample(recording, count, dict(kind.sample_axes)))
        elif not is_eager:
            recording = replace(recording, tensors=handed_out_together(recording.tensors))
        calls = recorder.calls if kind.keeps_arguments else ()
        kept = keep_calls(calls, kind.selection.keeps, is_readable_here())
        description = PassDescription(
            replace(recording, tensors=[], masks=[], tokens=None),
            not is_eager and may_fold(tf.compat.v1.get_default_graph()),
            frozenset(clamped.keys if clamped else ()),
            kept.calls,
        )
        return PassOutputs(recording.tensors, recording.masks, recording.tokens, answer, kept.tensors), description


def extract(  # noqa: PLR0913 - public: the arguments of Extractor.extract
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
    clamp: Clamp | None = None,
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
        clamp=clamp,
    )


def _tokens(batch: Batch, context: SampleContext) -> np.ndarray | None:
    """Return what stands at each position, where an input is text or may be numbers of a vocabulary."""
    others = {spec.name for spec in context.specs if spec.kind != "tokens"}
    rows = {name: array for name, array in context.inputs.items() if name not in others}
    return tokens_of(batch.recording.tokenizer, batch.tokens, rows)


def _to_numpy(tensor: Any) -> Any:
    return tensor.numpy() if hasattr(tensor, "numpy") else tensor


def refuse_unknown_layers(layers_asked_for: frozenset[str], layers: tuple[LayerInfo, ...]) -> None:
    """Say which layers there are.

    Raises:
        KeyError: If one that is asked for is not among them, nor a part that one of them keeps to itself.
    """
    keys = [key for layer in layers for key in (layer.key, *layer.internals)]
    unknown = sorted(layers_asked_for - set(keys))
    if unknown:
        raise KeyError(f"no layer {', '.join(map(repr, unknown))}; there are: {', '.join(keys)}")
