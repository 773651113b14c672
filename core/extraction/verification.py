"""Runs every layer of a recorded pass again, alone, on what it was called with, and compares that with what is shown.

What is recorded comes out of one compiled graph, in which TensorFlow joins operations and orders sums as it likes; a
layer is run again eagerly, outside of that graph and of the recorder. So where both agree, what is shown is what the
layer answers to what went in. A chain of three comparisons, of which the worst counts: what the layer answers again,
what the pass that kept its arguments recorded, what the activation holds.

Layers are taken in groups whose answers and arguments fit in a budget of memory, each group in a pass of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Final, Protocol, TypeAlias

import numpy as np

from core.common.text import count_text
from core.errors import ExtractionFailed
from core.extraction.compiled import CompiledPass
from core.extraction.failures import failure, fixed_sample_count
from core.extraction.layers import LayerInfo
from core.extraction.memory_plan import in_groups
from core.extraction.model_state import restored_afterwards
from core.extraction.pass_kinds import PassKind, PassNumbers, PassSettings
from core.extraction.recorded_pass import Batch, Selection, activations_of, random_states, seed_states
from core.extraction.repeated_calls import Comparison, RepeatedCalls, difference_of, tolerance_of
from core.extraction.verified import Verification, VerifiedLayer
from core.inputs import structure
from core.inputs.sample_context import SampleContext

__all__ = ["RecordsCalls", "StepProgress", "verify"]

_BUDGET: Final = 512 * 2**20
"""Bytes of answers and arguments that a group may take."""
_WITH_OTHERS: Final = "what it answers depends on the samples beside, and {} of them need more memory than is taken"
_OTHERWISE: Final = "it was not called when the same samples went through the model again"
_OTHER_INPUT: Final = "what goes into it is random, and is something else in each pass"
_NO_ROWS: Final = "it does not answer one row per sample"
_BY_CLAMP: Final = "units of it were set to values"

StepProgress: TypeAlias = Callable[[int, int], None]
"""Called with how many layers are done, and of how many."""


class RecordsCalls(Protocol):
    """What :class:`core.extraction.extractor.Extractor` is to who verifies."""

    model: Any

    def recorded_calls(self, tensors: Any, kind: PassKind, numbers: PassNumbers) -> Batch:
        """Make one pass and return what was kept of it."""


def verify(
    extractor: RecordsCalls,
    activations: Any,
    settings: PassSettings,
    samples: int = 4,
    progress: StepProgress | None = None,
) -> Verification:
    """Run each layer whose answer is recorded again, and the model without recording.

    Args:
        extractor: Made the pass.
        activations: What was recorded, :class:`core.extraction.activation.Activations`.
        settings: How they came about.
        samples: How many of the first samples each layer is run with.
        progress: Called with how many layers are done, and of how many.

    Raises:
        ExtractionFailed: If the model raises.
        ValueError: If ``samples`` is less than 1.
    """
    if samples < 1:
        raise ValueError(f"samples is {samples}; at least 1 is needed")
    return _Verifying(extractor, activations, settings, progress).verification(samples)


@dataclass(frozen=True)
class _Call:
    """A call whose answers are recorded: its key, the layer, and the keys of its answers."""

    key: str
    layer: LayerInfo
    answers: tuple[str, ...]


class _Verifying:
    def __init__(
        self, extractor: RecordsCalls, activations: Any, settings: PassSettings, progress: StepProgress | None
    ) -> None:
        self._extractor = extractor
        self._model = extractor.model
        self._activations = activations
        self._settings = settings
        self._progress = progress
        self._numbers = PassNumbers(settings.seed, settings.clamp or {})
        self._seed = self._numbers.seed_in_graph if settings.training else None
        # Layers whose answers are others in each pass.
        self._unsettled: set[str] = set()
        self._tensors = structure.to_tensors(self._model, settings.inputs)
        self._batch_size = settings.batch_size
        # In training too: Keras makes the state of its own generator where it is asked for.
        self._states = random_states(self._model)

    def verification(self, samples: int) -> Verification:
        whole = self._settings.training or fixed_sample_count(self._model) is not None
        count = self._batch_size if whole else min(samples, self._batch_size)
        calls = self._calls()
        found = self._verified(calls, count)
        again = [call for call in calls if found[call.key].note == _OTHERWISE]
        if again and count < self._batch_size:
            # What depends on the other samples of a batch is only the same with all of them.
            fitting = [call for call in again if self._bytes_of(call, self._batch_size) <= _BUDGET]
            found |= self._verified(fitting, self._batch_size)
            note = _WITH_OTHERS.format(count_text(self._batch_size, "sample"))
            for call in again:
                if call not in fitting:
                    found[call.key] = replace(found[call.key], note=note)
        layers = [found[call.key] for call in calls]
        parts = tuple(key for key, activation in self._activations.items() if activation.part != "output")
        return Verification((*layers, *self._without_values(found)), self._model_itself(), count, parts)

    def _calls(self) -> list[_Call]:
        answers: dict[str, list[str]] = defaultdict(list)
        for key, activation in self._activations.items():
            if activation.part == "output":
                answers[activation.layer.call_key].append(key)
        return [_Call(key, self._activations[keys[0]].layer, tuple(keys)) for key, keys in answers.items()]

    def _without_values(self, found: Mapping[str, VerifiedLayer]) -> Iterator[VerifiedLayer]:
        for layer in self._activations.layers:
            if layer.missing and layer.call_key not in found:
                yield VerifiedLayer(layer.key, layer.type_name, "not checked", note=layer.missing)

    def _verified(self, calls: Sequence[_Call], count: int) -> dict[str, VerifiedLayer]:
        repeated = RepeatedCalls(self._model, self._states, self._seed)
        found: dict[str, VerifiedLayer] = {}
        for group in in_groups(calls, [self._bytes_of(call, count) for call in calls], _BUDGET):
            batch, recorded = self._recorded(group, count)
            recorded_again = cache(partial(self._values_again, tuple(group), count))
            kept = {call.key: call for call in batch.calls}
            for call in group:
                comparison = (
                    repeated.compare(kept[call.key], batch.called_with)
                    if call.key in kept
                    else Comparison("not checked", note=_OTHERWISE)
                )
                comparison = self._with_what_is_held(call, comparison, recorded, recorded_again, count)
                found[call.key] = self._told(call, comparison)
                if comparison.outcome == "random" or comparison.note == _OTHER_INPUT:
                    self._unsettled.update(call.answers)
                if self._progress:
                    self._progress(len(found), len(calls))
        return found

    def _bytes_of(self, call: _Call, count: int) -> int:
        activations = [self._activations[key] for key in call.answers]
        # Once as the pass keeps it, once as it is answered again.
        sizes = [2 * each.byte_count for each in activations]
        sizes += [source.byte_count for each in activations for source in each.inputs]
        return sum(sizes) * count // max(len(activations[0].values), 1)

    def _recorded(self, group: Sequence[_Call], count: int) -> tuple[Batch, dict[str, Any]]:
        """Return a pass over the first samples, and what activations would hold of it by key."""
        selection = Selection(frozenset(key for call in group for key in call.answers))
        clamped = self._settings.clamp is not None
        kind = PassKind(selection, self._settings.training, is_clamped=clamped, keeps_arguments=True)
        batch = self._extractor.recorded_calls(self._first(count), kind, self._numbers)
        made = activations_of(batch, count, SampleContext())
        return batch, {activation.key: activation.values for activation in made}

    def _values_again(self, group: Sequence[_Call], count: int) -> dict[str, Any]:
        return self._recorded(group, count)[1]

    def _first(self, count: int) -> Any:
        has_more = count < structure.sample_count_of(self._tensors)
        return structure.slice_of(self._tensors, 0, count) if has_more else self._tensors

    def _with_what_is_held(
        self,
        call: _Call,
        comparison: Comparison,
        recorded: Mapping[str, np.ndarray],
        recorded_again: Callable[[], Mapping[str, np.ndarray]],
        count: int,
    ) -> Comparison:
        """Return what a call comes to when what its activations hold is compared too, with what the pass recorded."""
        if comparison.outcome not in ("exact", "close", "differs"):
            return comparison
        if not set(call.answers) <= recorded.keys():
            return Comparison("not checked", note=_OTHERWISE)
        held = [self._activations[key].values[:count] for key in call.answers]
        difference = difference_of(held, [recorded[key] for key in call.answers])
        if difference is not None and difference <= comparison.tolerance:
            worst = max(difference, comparison.difference or 0.0)
            is_exact = comparison.outcome == "exact" and difference == 0
            outcome = "close" if comparison.outcome == "exact" and not is_exact else comparison.outcome
            return replace(comparison, outcome=outcome, difference=worst if comparison.difference is not None else None)
        if count < self._batch_size:
            return Comparison("not checked", note=_OTHERWISE)
        again = recorded_again()
        is_moving = any(difference_of([recorded[key]], [again[key]]) != 0 for key in call.answers if key in again)
        if is_moving or self._unsettled.intersection(call.layer.inputs_from):
            return Comparison("not checked", note=_OTHER_INPUT)
        return replace(comparison, outcome="differs", difference=difference)

    def _told(self, call: _Call, comparison: Comparison) -> VerifiedLayer:
        is_set = comparison.outcome == "differs" and any(key in (self._settings.clamp or {}) for key in call.answers)
        return VerifiedLayer(
            call.key,
            call.layer.type_name,
            comparison.outcome,
            comparison.difference,
            comparison.tolerance,
            _BY_CLAMP if is_set else comparison.note,
        )

    def _model_itself(self) -> VerifiedLayer:
        """Compare what the model answers to the first batch without a recorder, compiled, with what was recorded."""
        import keras

        count, total = self._batch_size, structure.sample_count_of(self._tensors)
        name = str(getattr(self._model, "name", type(self._model).__name__))
        row = VerifiedLayer(name, type(self._model).__name__, "not checked")
        held = [np.asarray(leaf) for leaf in keras.tree.flatten(self._activations.output) if hasattr(leaf, "shape")]
        if count < total:
            if any(leaf.ndim == 0 or len(leaf) != total for leaf in held):
                return replace(row, note=_NO_ROWS)
            held = [leaf[:count] for leaf in held]
        try:
            answer = self._plain_answer(count)
        except ExtractionFailed as error:
            return replace(row, note=f"without recording it is not computed ({error.message.rstrip('.')})")
        difference = difference_of(held, answer)
        tolerance = tolerance_of(held, self._model)
        row = replace(row, difference=difference, tolerance=tolerance)
        if difference is not None and difference <= tolerance:
            return replace(row, outcome="close" if difference else "exact")
        if difference_of(answer, self._plain_answer(count)) != 0:
            return replace(row, outcome="random", note="two passes differ")
        return replace(row, outcome="differs", note=_BY_CLAMP if self._settings.clamp else "")

    def _plain_answer(self, count: int) -> list[np.ndarray]:
        import keras
        import tensorflow as tf

        training = self._settings.training
        numbers = () if self._seed is None else (tf.constant(self._seed, tf.int64),)

        def forward(tensors: Any, *seeds: Any) -> tuple[Any, None]:
            mapping = seed_states(self._states, seeds[0]) if seeds else []
            with restored_afterwards(self._model), keras.StatelessScope(state_mapping=mapping):
                try:
                    return self._model(tensors, training=training), None
                except Exception as error:
                    raise failure(self._model, None, error) from error

        plain = CompiledPass(self._model, forward, lambda signature, compile_now: compile_now())
        answer, _ = plain.run(self._first(count), *numbers)
        return [structure.dense_array(leaf) for leaf in keras.tree.flatten(answer) if hasattr(leaf, "shape")]
