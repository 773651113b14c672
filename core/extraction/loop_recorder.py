"""Where in a model a pass is while it is recorded: in which layers, at which steps of which loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from core.extraction.layer_call import Internal, LayerCall, tensors_of
from core.extraction.loops import LoopPlan
from core.extraction.recurrent_cells import cells_of, is_plain_cell, recurrent_layer
from core.extraction.tensor_sources import traced_back
from core.extraction.time_scopes import INSIDE_BRANCH, FoldedSteps, SingleSteps, TimeValue

__all__ = ["INSIDE_LOOP", "LoopRecorder", "why_unreadable"]

INSIDE_LOOP: Final = "it runs inside a loop of the graph, and values cannot leave that loop"
"""Why a layer has no values that is called once for each sample or step, in a loop that cannot return more."""


def why_unreadable(tensor: Any) -> str:
    """Return why a tensor cannot leave the graph that it is in."""
    is_in_branch = type(getattr(tensor, "graph", None)).__name__ == "CondBranchFuncGraph"
    return INSIDE_BRANCH if is_in_branch else INSIDE_LOOP


@dataclass(kw_only=True)
class LoopRecorder:
    """Follows a pass through layers and loops.

    Attributes:
        calls: The layer calls in the order in which they were made.
        inputs: The model's inputs by their keys.
        failed: The innermost call that raised, or None.
    """

    calls: list[LayerCall] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    failed: LayerCall | None = None
    _frames: list[LayerCall] = field(default_factory=list)
    _times_called: Counter[tuple[str, int]] = field(default_factory=Counter)
    _layer_of_path: dict[str, list[int]] = field(default_factory=dict)
    _producers: dict[int, tuple[str, Any]] = field(default_factory=dict)
    _called_in_loop: set[tuple[int, int]] | None = None
    _scopes: list[FoldedSteps | SingleSteps] = field(default_factory=list)
    _is_mapping: bool = False
    _plan: LoopPlan | None = None
    _entered: bool = False

    @property
    def depth(self) -> int:
        """How many layers are around what is called now."""
        return len(self._frames)

    @property
    def row_counts(self) -> tuple[int | None, ...]:
        """Extents of a first axis that make it the axis of samples, where layers are called now."""
        counts = [tensor.shape[0] for tensor in self.inputs.values() if tensor.shape.rank]
        return (*counts, *(scope.row_count for scope in self._scopes if isinstance(scope, FoldedSteps)))

    @property
    def follows_loops(self) -> bool:
        """Whether what is called in a loop that is made now can be recorded."""
        if not self._entered or self._called_in_loop is not None or self._is_mapping:
            return False
        is_known = self._plan is not None or self.awaited_steps is not None or self.follows_cell
        return is_known or not self._inside_step_loop()

    @property
    def follows_cell(self) -> bool:
        """Whether a recurrent layer is being called, outside of its steps, whose cell is code of others."""
        layer = recurrent_layer(self._frames[-1].operation) if self._frames else None
        return layer is not None and self._inside_step_loop() and not all(map(is_plain_cell, cells_of(layer)))

    @contextmanager
    def inside_loop(self) -> Iterator[None]:
        """Take what is called inside the block for calls that happen once for each sample or step."""
        # Loops that this one is made of, or that are inside, are not followed, and have no block of their own.
        self._called_in_loop = set()
        try:
            yield
        finally:
            self._called_in_loop = None

    @contextmanager
    def planned(self, plan: LoopPlan) -> Iterator[None]:
        """Keep what is known of the loop that is made next inside the block."""
        before, self._plan = self._plan, plan
        try:
            yield
        finally:
            self._plan = before

    def take_plan(self) -> LoopPlan | None:
        """Return what is known of the loop that is made now; those inside of it are others."""
        plan, self._plan = self._plan, None
        return plan

    @contextmanager
    def looping(self, scope: SingleSteps) -> Iterator[None]:
        """Put together what layers answer at the steps of a loop that is made inside the block."""
        with self.over_time(scope):
            yield
        self._times_called = scope.times_called or self._times_called
        self.note_joined(scope)

    @contextmanager
    def step_of_loop(self, scope: SingleSteps, inputs: Any, outside: Any) -> Iterator[None]:
        """Take what is called inside the block for calls at one step of a loop.

        Args:
            scope: Collects the steps.
            inputs: What goes into the step.
            outside: What goes into the loop, in the same structure.
        """
        self.note_sources(inputs, outside)
        with self._step(scope):
            yield

    @contextmanager
    def one_step(self, scope: SingleSteps, inputs: Any) -> Iterator[None]:
        """Take what is called inside the block for calls to one timestep."""
        self._note_source_of(inputs)
        with self._step(scope):
            yield

    @contextmanager
    def _step(self, scope: SingleSteps) -> Iterator[None]:
        # Each step calls the same layers by the same names.
        times, is_mapping = self._times_called.copy(), self._is_mapping
        self._is_mapping = False
        scope.steps.append({})
        try:
            yield
        finally:
            scope.times_called = self._times_called
            self._times_called, self._is_mapping = times, is_mapping

    def note_sources(self, inputs: Any, outside: Any) -> None:
        """Remember that what goes into a step of a loop comes from where that comes from which goes into the loop."""
        import tensorflow as tf

        for inner, outer in zip(tf.nest.flatten(inputs), tf.nest.flatten(outside), strict=False):
            inner, outer = (getattr(each, "flow", each) for each in (inner, outer))
            sources = self._sources_of(outer, is_mask=False) if isinstance(outer, tf.Tensor) else []
            if sources:
                self._producers.setdefault(id(inner), (sources[0], inner))

    @contextmanager
    def mapping(self) -> Iterator[None]:
        """Take the block for the making of a loop of which one step stands for all."""
        self._is_mapping = True
        try:
            yield
        finally:
            self._is_mapping = False

    def checkpoint(self) -> Callable[[], None]:
        """Return what forgets all that is recorded from now on."""
        count, times, failed = len(self.calls), self._times_called.copy(), self.failed
        paths = {path: list(layers) for path, layers in self._layer_of_path.items()}

        def undo() -> None:
            del self.calls[count:]
            self._times_called, self._layer_of_path, self.failed = times, paths, failed

        return undo

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

    @property
    def awaited_steps(self) -> SingleSteps | None:
        """The timesteps that a wrapper is about to go through, none of which is made yet."""
        scope = self._scopes[-1] if self._scopes else None
        return scope if isinstance(scope, SingleSteps) and not scope.is_loop and not scope.steps else None

    def note_joined(self, scope: SingleSteps) -> None:
        """Note what layers answered to all timesteps of a scope that is left."""
        values: dict[str, dict[str, TimeValue]] = {}
        for (key, name), value in scope.joined().items():
            values.setdefault(key, {})[name] = value
        for key, named in values.items():
            call = scope.calls[key]
            axes = [value.loop_axes for name, value in named.items() if name.isdigit()]
            if axes and (axes != call.loop_axes or not call.loop):
                # Where it goes through the samples, what is known of steps inside stays.
                call.loop = scope.kind
            self._note(call, named)

    def note_results_of_loop(self, results: Any, scope: SingleSteps | None = None) -> None:
        """Remember that what a loop returned comes from the layer that was called last inside.

        Args:
            results: What it returned.
            scope: Its steps; None where they were not followed.
        """
        import tensorflow as tf

        around = self._frames[-1].key if self._frames else ""
        calls = self.calls if scope is None else list(scope.calls.values())
        last = next((call for call in reversed(calls) if call.parent == around), None)
        if last is None or (scope is None and last.missing != INSIDE_LOOP):
            return
        key = next((key for key, *_ in last.outputs()), last.key)
        for tensor in tensors_of(tf.nest.map_structure(lambda each: getattr(each, "flow", each), results)):
            self._producers.setdefault(id(tensor), (key, tensor))

    def _note_source_of(self, tensor: Any) -> None:
        # What went into the wrapper; in a graph of its own, or outside of any, it could not be followed back.
        sources = self._frames[-1].inputs_from
        if sources:
            self._producers.setdefault(id(tensor), (sources[0], tensor))

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
            call.loop_axes = [value.loop_axes for value in outputs]
            call.missing = next((value.missing for value in outputs if value.missing), "")
        for name, value in values.items():
            if not name.isdigit() and not value.missing:
                call.internals[name] = Internal(value.tensor, value.axes, value.mask)

    def _is_called_again_in_loop(self, operation: Any) -> bool:
        if self._called_in_loop is None:
            return False
        call = (id(self._frames[-1].operation) if self._frames else 0, id(operation))
        is_again = call in self._called_in_loop
        self._called_in_loop.add(call)
        return is_again

    def _sources_of(self, tensor: Any, *, is_mask: bool) -> list[str]:
        """Return the keys of the layers and inputs whose answers a tensor was computed from, nearest first.

        Between two layers a model may compute what it likes; in a graph that can be followed back. A mask that Keras
        hands on beside the values says nothing of where these come from.
        """
        if id(tensor) in self._producers:
            return [self._producers[id(tensor)][0]]
        return [] if is_mask else traced_back(tensor, self._producers)

    def _inside_step_loop(self) -> bool:
        """Whether a recurrent layer is around of whose steps nothing is recorded, or that makes none now."""
        places = [at for at, frame in enumerate(self._frames) if recurrent_layer(frame.operation) is not None]
        if not places:
            return False
        return not any(
            isinstance(scope, SingleSteps) and scope.is_loop and scope.depth > places[-1] for scope in self._scopes
        )

    def _is_left_to_cell(self, operation: Any) -> bool:
        # What cells of Keras compute is what their layer keeps to itself, and a stack of cells is none of its own.
        is_cell = (
            bool(self._frames) and recurrent_layer(self._frames[-1].operation) is not None and is_plain_cell(operation)
        )
        return is_cell or self._inside_step_loop()
