"""Loops of the graph: what layers inside answered at each step leaves the loop beside its own results.

Tensors of the graph inside a loop cannot leave it, but for what its function returns. While a pass is recorded, that
returns more: of ``vectorized_map`` a list beside its result, of ``while_loop`` (of which ``map``, ``fori_loop``,
``scan`` and the steps of a recurrent layer are made) arrays among its variables. What these hold is known only when the
function was traced, so a loop in which layers are called is traced once beforehand, in a graph that is thrown away.
What the loop computes itself is left as it is.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from core.common.limits import get_limits
from core.common.wrapping import wrap_once
from core.extraction.layers import BACKWARDS, PIECE_AXIS, SEQUENCE, STEPS, TIME_AXIS
from core.extraction.time_scopes import SingleSteps
from core.extraction.wrapped_calls import CurrentRecorder

__all__ = ["LoopPlan", "install"]


@dataclass(frozen=True)
class LoopPlan:
    """What is known of a loop before it is made.

    Attributes:
        step_count: How many steps it makes, a number or a tensor; None where only the loop itself says.
        steps_are_samples: Whether it seems to go through the samples.
        mask: Which steps are none of padding, shape ``(sample, time)``, or None.
        is_turned: Whether its last step goes first in what it returns.
        row_counts: Extents of a first axis that make it the axis of samples; None for those of the model's inputs.
        axis: What the axis of the steps is called.
        kind: What steps they are, see :class:`core.extraction.layers.LayerInfo`.
    """

    step_count: Any = None
    steps_are_samples: bool = False
    mask: Any = None
    is_turned: bool = False
    row_counts: tuple[int | None, ...] | None = None
    axis: str = TIME_AXIS
    kind: str = STEPS

    def scope(self, recorder: Any) -> SingleSteps:
        """Return what collects the steps of the loop."""
        is_known = isinstance(self.step_count, int)
        return SingleSteps(
            mask=self.mask,
            row_counts=recorder.row_counts if self.row_counts is None else self.row_counts,
            is_loop=True,
            axis=self.axis,
            kind=self.kind,
            steps_are_samples=self.steps_are_samples,
            step_count=self.step_count if is_known else None,
            is_turned=self.is_turned,
            most_bytes=get_limits().kept_bytes if self.step_count is None else None,
            keeps=recorder.keeps,
            depth=recorder.depth,
        )


def install(current_recorder: CurrentRecorder) -> None:
    """Wrap the loops that layers may be called in, once per process; they act only where a recorder is set.

    Args:
        current_recorder: Returns what records the pass that this thread is making, or None.
    """
    import tensorflow as tf
    from keras.src import backend
    from keras.src.backend.tensorflow import core as keras_core
    from tensorflow.python.ops import while_loop
    from tensorflow.python.ops.parallel_for import control_flow_ops

    for owner, name, follow in (
        (while_loop, "while_loop", _while_loop),
        (tf, "map_fn", _map_fn),
        (keras_core, "map", _keras_map),
        (keras_core, "fori_loop", _fori_loop),
        (keras_core, "scan", _scan),
        (control_flow_ops, "pfor", _parallel_steps),
        (backend, "rnn", _recurrent_steps),
    ):
        wrap_once(owner, name, functools.partial(_following, follow, current_recorder))


_Loop: TypeAlias = Callable[..., Any]


class _Call(NamedTuple):
    """A call of a loop: the function as it is, and the arguments by their names."""

    original: _Loop
    arguments: dict[str, Any]

    def make(self, **changed: Any) -> Any:
        return self.original(**(self.arguments | changed))


def _following(follow: Callable[[Any, _Call], Any], current_recorder: CurrentRecorder, original: _Loop) -> _Loop:
    signature = inspect.signature(original)

    def loop(*args: Any, **kwargs: Any) -> Any:
        recorder = current_recorder()
        if recorder is None or not recorder.follows_loops:
            return original(*args, **kwargs)
        return follow(recorder, _Call(original, signature.bind(*args, **kwargs).arguments))

    return loop


def _unfollowed(recorder: Any, loop: _Call) -> Any:
    with recorder.inside_loop():
        results = loop.make()
    recorder.note_results_of_loop(results)
    return results


def _keras_map(recorder: Any, loop: _Call) -> Any:
    return loop.make(f=_without_the_first(recorder, loop.arguments["f"]))


def _without_the_first(recorder: Any, function: _Loop) -> _Loop:
    """Return a loop's function, which Keras calls once outside of the loop, to see what comes out."""
    calls = itertools.count()

    def recorded(*arguments: Any) -> Any:
        is_first = next(calls) == 0
        with recorder.unrecorded() if is_first else nullcontext():
            return function(*arguments)

    return recorded


def _map_fn(recorder: Any, loop: _Call) -> Any:
    with recorder.planned(_plan_of_elements(recorder, loop.arguments["elems"])):
        return loop.make()


def _plan_of_elements(recorder: Any, elements: Any) -> LoopPlan:
    import tensorflow as tf

    first = tf.nest.flatten(elements)[0]
    known = first.shape[0] if hasattr(first, "shape") and len(first.shape) else None
    count = tf.shape(first)[0] if known is None and isinstance(first, tf.Tensor) else known
    # What it goes through may be pieces of any kind, in any order.
    return LoopPlan(count, known in recorder.row_counts, axis=PIECE_AXIS)


def _fori_loop(recorder: Any, loop: _Call) -> Any:
    lower, upper = loop.arguments["lower"], loop.arguments["upper"]
    is_known = isinstance(lower, int) and isinstance(upper, int)
    with recorder.planned(LoopPlan(max(upper - lower, 0)) if is_known else LoopPlan()):
        return loop.make()


def _scan(recorder: Any, loop: _Call) -> Any:
    import keras
    import tensorflow as tf

    elements, count = loop.arguments.get("xs"), loop.arguments.get("length")
    if count is None and elements is not None:
        count = keras.ops.shape(tf.nest.flatten(elements)[0])[0]
    plan = LoopPlan(count, is_turned=bool(loop.arguments.get("reverse")))
    with recorder.planned(plan):
        return loop.make()


def _recurrent_steps(recorder: Any, loop: _Call) -> Any:
    """Go through the timesteps of a recurrent layer whose cell is code of others."""
    import keras
    import tensorflow as tf

    if not recorder.follows_cell:
        return loop.make()
    inputs, mask = loop.arguments["inputs"], loop.arguments.get("mask")
    step = loop.arguments["step_function"]
    is_backwards = bool(loop.arguments.get("go_backwards"))
    if mask is not None and is_backwards:
        mask = tf.reverse(mask, [1])
    count = keras.ops.shape(inputs)[1]
    rows = [tensor.shape[0] for tensor in tf.nest.flatten([inputs, loop.arguments["initial_states"]])]
    plan = LoopPlan(count, mask=mask, row_counts=tuple(rows), kind=BACKWARDS if is_backwards else SEQUENCE)
    if loop.arguments.get("unroll"):
        scope = plan.scope(recorder)
        with recorder.looping(scope):
            return loop.make(step_function=_recorded_step(recorder, scope, step, (inputs,)))

    def of_inputs(now: Any, states: Any) -> Any:
        recorder.note_sources((now,), (inputs,))
        return step(now, states)

    with recorder.planned(plan):
        return loop.make(step_function=_without_the_first(recorder, of_inputs))


def _parallel_steps(recorder: Any, loop: _Call) -> Any:
    """Make the loop that ``vectorized_map`` is made of: its function is called once, for all numbers of steps."""
    import tensorflow as tf

    function, count = loop.arguments["loop_fn"], loop.arguments["iters"]
    timesteps = recorder.awaited_steps
    if timesteps is not None:
        return _made_for_all_steps(recorder, loop, timesteps, function)
    if "vectorized_map" not in function.__qualname__:
        return _unfollowed(recorder, loop)  # such as that of a Jacobian, in which TensorFlow calls no layer
    known = tf.get_static_value(count)
    known = None if known is None else int(known)
    plan = LoopPlan(count if known is None else known, known in recorder.row_counts, axis=PIECE_AXIS)
    scope = plan.scope(recorder)

    def follow() -> Any:
        with recorder.looping(scope):
            results = _made_for_all_steps(recorder, loop, scope, _recorded_step(recorder, scope, function, ()))
        recorder.note_results_of_loop(results, scope)
        return results

    return _followed(recorder, loop, follow)


def _recorded_step(recorder: Any, scope: SingleSteps, function: _Loop, outside: Any) -> _Loop:
    """Return a loop's function that notes what layers inside answer; ``outside`` is what goes into the loop."""

    def step(*now: Any) -> Any:
        with recorder.step_of_loop(scope, now, outside):
            return function(*now)

    return step


def _made_for_all_steps(recorder: Any, loop: _Call, scope: SingleSteps, step: _Loop) -> Any:
    with recorder.mapping():
        results, tensors = loop.make(loop_fn=scope.mapped(step))
    scope.note_mapped(tensors)
    return results


def _followed(recorder: Any, loop: _Call, follow: Callable[[], Any]) -> Any:
    """Make a loop with what layers inside answer, or as it is where that fails: the model's own pass goes on."""
    undo = recorder.checkpoint()
    try:
        return follow()
    except Exception:
        undo()
        return _unfollowed(recorder, loop)


def _while_loop(recorder: Any, loop: _Call) -> Any:
    import tensorflow as tf

    plan = recorder.take_plan() or LoopPlan()
    if tf.executing_eagerly():
        return _made_step_by_step(recorder, loop, plan)
    return _followed(recorder, loop, lambda: _made_with_arrays(recorder, loop, plan))


def _made_step_by_step(recorder: Any, loop: _Call, plan: LoopPlan) -> Any:
    scope = plan.scope(recorder)
    with recorder.looping(scope):
        results = loop.make(body=_recorded_step(recorder, scope, loop.arguments["body"], loop.arguments["loop_vars"]))
    recorder.note_results_of_loop(results, scope)
    return results


def _made_with_arrays(recorder: Any, loop: _Call, plan: LoopPlan) -> Any:
    """Make a loop of the graph with an array among its variables for each tensor that a layer inside answers."""
    scope = plan.scope(recorder)
    step = scope.mapped(_recorded_step(recorder, scope, loop.arguments["body"], loop.arguments["loop_vars"]))
    with recorder.looping(scope):
        specs = _traced_beforehand(loop, step)
        if specs:
            results, tensors = _with_arrays(loop, step, specs, plan)
        elif recorder.replaces_steps:
            results, tensors = loop.make(body=lambda *now: step(*now)[0]), []
        else:
            with recorder.unrecorded():
                results, tensors = loop.make(), []
        scope.note_mapped(tensors)
    recorder.note_results_of_loop(results, scope)
    return results


def _traced_beforehand(loop: _Call, step: Callable[..., tuple[Any, list[Any]]]) -> list[Any]:
    """Return the types of what layers inside of a loop answer, from a trace of it that is thrown away."""
    import tensorflow as tf
    from tensorflow.python.framework.func_graph import FuncGraph

    specs: list[Any] = []

    def body(*now: Any) -> Any:
        results, tensors = step(*now)
        specs[:] = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
        return results

    with _variables_left_as_they_are(), FuncGraph("layerscope_loop").as_default():
        loop.make(body=body)
    return specs


@contextmanager
def _variables_left_as_they_are() -> Iterator[None]:
    # What is written into variables inside of a graph that is thrown away must not be read outside of it.
    from keras.src.backend.common.stateless_scope import get_stateless_scope

    scope = get_stateless_scope()
    values, losses = (dict(scope.state_mapping), list(scope.losses or ())) if scope else ({}, [])
    try:
        yield
    finally:
        if scope:
            scope.state_mapping.clear()
            scope.state_mapping.update(values)
            if scope.losses is not None:
                scope.losses[:] = losses


def _with_arrays(
    loop: _Call, step: Callable[..., tuple[Any, list[Any]]], specs: list[Any], plan: LoopPlan
) -> tuple[Any, list[Any]]:
    """Make a loop of the graph, and return its results, and what layers inside answered with the steps first."""
    import tensorflow as tf

    variables, is_open = loop.arguments["loop_vars"], plan.step_count is None
    most = tf.constant(get_limits().kept_bytes, tf.int64)
    count = 0 if is_open else plan.step_count
    arrays = [tf.TensorArray(spec.dtype, count, dynamic_size=is_open, element_shape=spec.shape) for spec in specs]

    def body(number: Any, size: Any, arrays: list[Any], *now: Any) -> list[Any]:
        results, tensors = step(*now)
        if is_open:
            sizes = [tf.size(tensor, tf.int64) * tensor.dtype.size for tensor in tensors]
            size = size + tf.add_n(sizes)
        # What is too much is let go, one step over the other.
        place = tf.where(size <= most, number, 0)
        written = [array.write(place, tensor) for array, tensor in zip(arrays, tensors, strict=True)]
        return [number + 1, size, written, *(results if isinstance(results, (list, tuple)) else [results])]

    def condition(number: Any, size: Any, arrays: list[Any], *now: Any) -> Any:
        return loop.arguments["cond"](*now)

    changed: dict[str, Any] = {}
    if loop.arguments.get("shape_invariants") is not None:
        changed["shape_invariants"] = [None, None, [None] * len(arrays), *loop.arguments["shape_invariants"]]
    number, size, arrays, *results = loop.make(
        cond=condition,
        body=body,
        loop_vars=[tf.constant(0), tf.constant(0, tf.int64), arrays, *variables],
        return_same_structure=True,
        **changed,
    )
    is_whole = (number > 0) & (size <= most)
    tensors = [
        tf.cond(is_whole, array.stack, functools.partial(_no_steps, spec)) if is_open else array.stack()
        for array, spec in zip(arrays, specs, strict=True)
    ]
    if len(results) == 1 and not loop.arguments.get("return_same_structure"):
        return results[0], tensors
    if hasattr(variables, "_fields"):
        return type(variables)(*results), tensors
    return type(variables)(results), tensors


def _no_steps(spec: Any) -> Any:
    import tensorflow as tf

    return tf.zeros([0, *(extent or 0 for extent in spec.shape)], spec.dtype)
