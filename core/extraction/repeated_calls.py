"""One layer, called again on what it was called with in a recorded pass, and what that says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from core.common.nested_layers import all_layers
from core.extraction.call_arguments import KeptCall
from core.extraction.layer_call import tensors_of
from core.extraction.model_state import restored_afterwards
from core.extraction.recorded_pass import seed_states
from core.extraction.verified import Outcome
from core.inputs.structure import dense_array

__all__ = ["Comparison", "RepeatedCalls", "difference_of", "tolerance_of"]

_TOLERANCES: Final = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}
_OTHER_SEED: Final = 918_273_645
_WITHOUT_SEED: Final = "it answers otherwise each time: by random numbers without a seed, or a state outside of it"


@dataclass(frozen=True)
class Comparison:
    """What came of calling a layer again: the same as in :class:`core.extraction.verified.VerifiedLayer`."""

    outcome: Outcome
    difference: float | None = None
    tolerance: float = 0.0
    note: str = ""


class RepeatedCalls:
    """Calls layers of a model again, each alone, eagerly, and without changing anything of the model.

    Args:
        model: The model.
        states: The states of its generators of random numbers, see :func:`core.extraction.recorded_pass.random_states`.
        seed: By which the pass drew random numbers; None where its generators stood as they do now.
    """

    def __init__(self, model: Any, states: Sequence[Any], seed: int | None) -> None:
        self._model = model
        self._states = states
        self._seed = seed

    def compare(self, call: KeptCall, tensors: Sequence[Any]) -> Comparison:
        """Call a layer again and compare what it answers with what was recorded.

        Args:
            call: The call, as it was made.
            tensors: What was kept of the pass, by place.
        """
        if call.reason:
            return Comparison("not checked", note=call.reason)
        recorded = [dense_array(tensors[place]) for place in call.outputs]
        tolerance = tolerance_of(recorded, call.operation)

        def is_same(difference: float | None) -> bool:
            return difference is not None and difference <= tolerance

        try:
            first = self._called(call, tensors, self._seed, lambda answer: is_same(difference_of(recorded, answer)))
            difference = difference_of(recorded, first.answer)
            outcome, note = self._judged(call, tensors, first, is_same(difference))
            if outcome in ("close", "differs") and difference != 0:
                # TensorFlow joins operations in a graph, and rounds otherwise then, or hands NaN on otherwise.
                alone = difference_of(recorded, self._compiled(call, tensors))
                if alone is not None and (difference is None or alone < difference):
                    outcome, difference = ("close" if alone <= tolerance else "differs"), alone
        except NotImplementedError as error:
            return Comparison("not checked", note=str(error) or "it cannot be called alone")
        except Exception as error:
            # Whatever a stranger's layer does when it is called alone: it was not checked then.
            reason = str(error).strip().partition("\n")[0]
            return Comparison("not checked", note=f"called alone it raised {type(error).__name__}: {reason}")
        return Comparison("exact" if outcome == "close" and not difference else outcome, difference, tolerance, note)

    def _judged(self, call: KeptCall, tensors: Sequence[Any], first: _Answer, is_same: bool) -> tuple[Outcome, str]:
        if first.drew_random_numbers:
            other = self._called(call, tensors, _OTHER_SEED)
            if not _are_equal(first.answer, other.answer):
                return "random", "by the same seed it answers the same" if is_same else ""
        if first.once_more is not None and not _are_equal(first.answer, first.once_more):
            if not _are_equal(first.answer, self._called(call, tensors, self._seed).answer):
                return "random", _WITHOUT_SEED
            return "stateful", "from the same state it answers the same" if is_same else ""
        return ("close" if is_same else "differs"), ""

    def _compiled(self, call: KeptCall, tensors: Sequence[Any]) -> list[np.ndarray]:
        """Return what a layer answers where it is compiled alone."""
        import tensorflow as tf

        places = call.places

        def answer(*arguments: Any) -> list[Any]:
            with self._calling(call, dict(zip(places, arguments, strict=True)), self._seed) as (make, _):
                return tensors_of(make())

        arguments = [tensors[place] for place in places]
        # TensorFlow warns of functions that are called once each, and not of those that are asked for.
        function = tf.function(answer, autograph=False).get_concrete_function(*map(tf.type_spec_from_value, arguments))
        return _arrays(function(*arguments))

    @contextmanager
    def _calling(
        self, call: KeptCall, tensors: Sequence[Any] | Mapping[int, Any], seed: int | None
    ) -> Iterator[tuple[Callable[[], Any], Any]]:
        """Yield what makes the call, and the scope that takes what it would write into variables."""
        import keras
        import tensorflow as tf

        assert call.arguments is not None
        positional, named = call.arguments_of(tensors)
        seeds = [] if seed is None else seed_states(self._states, tf.constant(seed, tf.int64))
        with (
            restored_afterwards(call.operation),
            _within(self._model, call.arguments.context),
            keras.StatelessScope(state_mapping=seeds) as scope,
        ):
            yield partial(call.arguments.method, call.operation, *positional, **named), scope

    def _called(
        self,
        call: KeptCall,
        tensors: Sequence[Any],
        seed: int | None,
        is_same: Callable[[Sequence[np.ndarray]], bool] = lambda answer: True,
    ) -> _Answer:
        layers = [call.operation, *all_layers(call.operation)]
        seed_ids = {id(state) for state in self._states}
        with self._calling(call, tensors, seed) as (make, scope):
            before = [dict(vars(layer)) for layer in layers]
            seeds_before = dict(scope.state_mapping)
            answer = _arrays(make())
            drew = any(scope.state_mapping.get(each) is not seeds_before.get(each) for each in seed_ids)
            wrote = bool(scope.state_mapping.keys() - seed_ids)
            changed = wrote or any(_differ(vars(layer), old) for layer, old in zip(layers, before, strict=True))
            # Code of others may remember something where nobody sees it.
            changed = changed or not all(map(_is_of_keras, layers))
            once_more = None
            if changed or not is_same(answer):
                # On the same input and by the same seed, with what the first call left behind.
                for each in seed_ids:
                    scope.state_mapping.pop(each, None)
                scope.state_mapping.update(seeds_before)
                once_more = _arrays(make())
        return _Answer(answer, once_more, drew)


@dataclass(frozen=True)
class _Answer:
    """What a layer answered, and then once more where that may tell something; and whether it drew random numbers."""

    answer: list[np.ndarray]
    once_more: list[np.ndarray] | None
    drew_random_numbers: bool


@contextmanager
def _within(model: Any, context: Mapping[str, Any]) -> Iterator[None]:
    """Call layers inside the block as the calls around them would, such as in training."""
    from keras.src.backend.common import global_state
    from keras.src.layers.layer import CallContext

    around = CallContext(entry_layer=model)
    for name, value in context.items():
        around.set_value(name, value)
    before = global_state.get_global_attribute("current_call_ctx")
    global_state.set_global_attribute("current_call_ctx", around)
    try:
        yield
    finally:
        global_state.set_global_attribute("current_call_ctx", before)


def _is_of_keras(layer: Any) -> bool:
    return type(layer).__module__.startswith("keras.") and type(layer).__name__ != "Lambda"


def _differ(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return now.keys() != before.keys() or any(now[name] is not value for name, value in before.items())


def _arrays(answer: Any) -> list[np.ndarray]:
    return [dense_array(tensor) for tensor in tensors_of(answer)]


def _are_equal(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    return difference_of(one, other) == 0


def tolerance_of(arrays: Sequence[np.ndarray], operation: Any = None) -> float:
    """Return the largest difference that counts as rounding, by the coarsest type of numbers that is worked in.

    Args:
        arrays: What was answered.
        operation: What answered it, with all layers inside.
    """
    layers = () if operation is None else (operation, *all_layers(operation))
    names = [str(array.dtype) for array in arrays]
    names += [str(getattr(layer, "compute_dtype", "")) for layer in layers]
    return max((_TOLERANCES[name] for name in names if name in _TOLERANCES), default=0.0)


def difference_of(recorded: Sequence[np.ndarray], answer: Sequence[np.ndarray]) -> float | None:
    """Return the largest difference in units of the largest number that was recorded; of several arrays the largest.

    0 only where every number is the same, NaN in the same places; None where shapes, or what is no number, differ.
    """
    if len(recorded) != len(answer):
        return None
    differences = [_difference(*pair) for pair in zip(recorded, answer, strict=True)]
    known = [each for each in differences if each is not None]
    return None if len(known) < len(differences) else max(known, default=0.0)


def _difference(recorded: np.ndarray, answer: np.ndarray) -> float | None:
    if recorded.size != answer.size:
        return None
    recorded, answer = recorded.reshape(-1), answer.reshape(-1)
    if recorded.dtype.kind in "OSU" or answer.dtype.kind in "OSU":
        return 0.0 if np.array_equal(recorded, answer) else None
    kind = np.complex128 if "c" in (recorded.dtype.kind, answer.dtype.kind) else np.float64
    # bfloat16 is no number to NumPy's own comparisons.
    recorded, answer = recorded.astype(kind), answer.astype(kind)
    if np.array_equal(recorded, answer, equal_nan=True):
        return 0.0
    finite = np.isfinite(recorded)
    if not np.array_equal(recorded[~finite], answer[~finite], equal_nan=True) or not np.isfinite(answer[finite]).all():
        return float("inf")
    largest = float(np.abs(recorded[finite]).max(initial=0.0))
    apart = float(np.abs(recorded[finite] - answer[finite]).max(initial=0.0))
    return apart / largest if largest else float("inf")
