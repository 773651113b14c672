"""How tensors of single timesteps, or of timesteps beside the samples, become tensors with an axis of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from core.extraction.graph_rows import operations_by_values
from core.extraction.layers import PIECE_AXIS, SEQUENCE, TIME_AXIS, with_loop_axis

__all__ = ["INSIDE_BRANCH", "FoldedSteps", "SingleSteps", "TimeValue"]

INSIDE_BRANCH: Final = "it runs in a branch of the graph that is not always taken, and values cannot leave that branch"
"""Why a layer has no values that is called under a condition on values."""
_ROWS_BY_VALUES: Final = "how much it answers to a step depends on the values, so that steps cannot be put together"
_NOT_AT_EACH: Final = "it is not called at each step"
_TOO_MUCH: Final = "what it answered to all steps of its loop is more than may be kept (LAYERSCOPE_KEPT_BYTES)"
_NO_TENSOR: Final = "it answers rows of different lengths at each step of a loop, which cannot be put together"


@dataclass(frozen=True)
class TimeValue:
    """A tensor that a layer under ``TimeDistributed`` answered, or keeps to itself.

    Attributes:
        tensor: As it is seen from some scope.
        mask: Which of its places are none of padding, or None.
        axes: Names of its axes; empty for those that the layer's own answer has.
        loop_axes: The axes that were put behind the samples so far, the outermost first, see
            :func:`core.extraction.layers.with_loop_axis`.
        missing: Why it has no values there, or empty.
    """

    tensor: Any
    mask: Any = None
    axes: tuple[str, ...] = ()
    loop_axes: tuple[str, ...] = ()
    missing: str = ""


class FoldedSteps:
    """All timesteps of all samples side by side along the first axis, the steps of a sample next to each other.

    Args:
        inputs: What goes into the wrapper, shape ``(sample, time, …)``.
        mask: Which timesteps are none of padding, shape ``(sample, time)``, or None.

    Attributes:
        row_count: How many rows there are, None where that is not known.
    """

    def __init__(self, inputs: Any, mask: Any = None) -> None:
        import tensorflow as tf

        self._extents = tf.shape(inputs)[:2]
        self._known: list[int | None] = inputs.shape[:2].as_list()
        self.row_count = None if None in self._known else inputs.shape[0] * inputs.shape[1]
        self._mask = mask

    def fold(self, tensor: Any) -> Any:
        """Return ``(sample, time, …)`` as ``(sample x time, …)``."""
        import tensorflow as tf

        rows = tf.reshape(tensor, tf.concat([[-1], tf.shape(tensor)[2:]], 0))
        rows.set_shape([self.row_count, *tensor.shape[2:]])
        return rows

    def unfold(self, tensor: Any) -> Any:
        """Return ``(sample x time, …)`` as ``(sample, time, …)``."""
        import tensorflow as tf

        whole = tf.reshape(tensor, tf.concat([self._extents, tf.shape(tensor)[1:]], 0))
        whole.set_shape([*self._known, *tensor.shape[1:]])
        return whole

    def is_folded(self, tensor: Any) -> bool:
        """Return whether a tensor has a row for each timestep of each sample; a table of positions has none."""
        return bool(tensor.shape.rank) and tensor.shape[0] == self.row_count

    def unfolded(self, value: TimeValue) -> TimeValue:
        """Return what a layer inside answered, with the axis of time."""
        if not self.is_folded(value.tensor):
            return value
        mask = value.mask
        mask = self.unfold(mask) if mask is not None and self.is_folded(mask) else None
        return TimeValue(
            self.unfold(value.tensor),
            _with_mask_of_steps(mask, self._mask),
            with_loop_axis(value.axes, TIME_AXIS) if value.axes else (),
            (TIME_AXIS, *value.loop_axes),
        )


@dataclass
class SingleSteps:
    """One step after the other, as the code of others goes: what each answered is put together when all are done.

    Attributes:
        mask: Which timesteps are none of padding, shape ``(sample, time)``, or None.
        row_counts: Extents of a first axis that make it the axis of samples.
        calls: The calls of layers inside, by key; each stands for all steps.
        steps: What was answered at each step that was made, by the key of the call and the name of the tensor.
        is_mapped: Whether the last step that was made stands for all of them, as in a loop of the graph.
        is_loop: Whether it may be samples that are gone through, with one row at each step.
        steps_are_samples: Whether it is taken to be samples, where the extents of a tensor do not tell.
        axis: What the axis of the steps is called.
        kind: What steps they are, see :class:`core.extraction.layers.LayerInfo`.
        step_count: How many there are, where that is known before any is made.
        is_turned: Whether the last step goes first in what the loop returns.
        most_bytes: How much may be kept of all steps; None for any amount.
        keeps: Whether the answers of a call, by key, are asked for; of others only the shape leaves the loop.
        depth: How many layers are around the loop.
        times_called: How often each layer was called when a step was done, by key and ``id``; None before.
    """

    mask: Any = None
    row_counts: tuple[int | None, ...] = (None,)
    calls: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[tuple[str, str], TimeValue]] = field(default_factory=list)
    is_mapped: bool = False
    is_loop: bool = False
    steps_are_samples: bool = False
    axis: str = TIME_AXIS
    kind: str = SEQUENCE
    step_count: int | None = None
    is_turned: bool = False
    most_bytes: int | None = None
    keeps: Callable[[str], bool] = lambda key: True
    depth: int = 0
    times_called: Any = None
    _bytes: int = 0

    def add(self, key: str, name: str, value: TimeValue) -> None:
        """Remember a tensor of the step that is being made."""
        if self.most_bytes is not None and not self.is_mapped:
            self._bytes += value.tensor.dtype.size * (value.tensor.shape.num_elements() or 0)
            if self._bytes > self.most_bytes:
                self._let_go()
                value = replace(value, tensor=self.steps[0].get((key, name), value).tensor, missing=_TOO_MUCH)
        self.steps[-1][key, name] = value

    def _let_go(self) -> None:
        # Of each tensor the first stays, which says what the layer answers.
        for step in self.steps:
            for place, value in step.items():
                step[place] = replace(value, tensor=self.steps[0].get(place, value).tensor, missing=_TOO_MUCH)

    def mapped(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, list[Any]]]:
        """Return a function of one step that answers what layers inside answered beside its own result."""

        def with_values(*now: Any) -> tuple[Any, list[Any]]:
            result = function(*now)
            return result, self.tensors_of_step()

        self.is_mapped = True
        return with_values

    def tensors_of_step(self) -> list[Any]:
        """Return what can leave the step that was made last, inside its graph; it is noted why the rest cannot."""
        self._leave_out_rows_by_values()
        self._leave_out_branches()
        return [tensor for place in self._leaving() for tensor in _tensors_of(self.steps[-1][place])]

    def _leaving(self) -> list[tuple[str, str]]:
        """Return the places of what goes out of the step that was made last."""
        return [
            (key, name)
            for (key, name), value in self.steps[-1].items()
            if not value.missing and (not name.isdigit() or self.keeps(key))
        ]

    def note_mapped(self, tensors: Sequence[Any]) -> None:
        """Take over what a loop over all steps returned for :meth:`tensors_of_step`, the axis of the steps first."""
        remaining, leaving = iter(tensors), set(self._leaving())
        whole: dict[tuple[str, str], TimeValue] = {}
        for place, value in self.steps[-1].items():
            if place in leaving:
                tensor = next(remaining)
                value = replace(value, tensor=tensor, mask=None if value.mask is None else next(remaining))
            elif not value.missing:
                value = replace(value, tensor=self._stand_in(value.tensor), mask=None)
            whole[place] = value
        self.steps = [whole]

    def _stand_in(self, tensor: Any) -> Any:
        """Return what has the type of a tensor at all steps, and no values: nobody asks for them."""
        import tensorflow as tf

        shape = [self.step_count, *tensor.shape]
        return tf.compat.v1.placeholder_with_default(tf.zeros([extent or 0 for extent in shape], tensor.dtype), shape)

    def joined(self) -> dict[tuple[str, str], TimeValue]:
        """Return what all steps answered, with an axis of them behind that of the samples, in the order of calls."""
        if not self.is_mapped:
            self._leave_out_rows_by_values()
        places = dict.fromkeys(place for step in self.steps for place in step)
        return {place: self._joined([step[place] for step in self.steps if place in step]) for place in places}

    def _leave_out_rows_by_values(self) -> None:
        by_values = operations_by_values(in_loop=self.is_loop)
        for step in self.steps:
            for place, value in step.items():
                if getattr(value.tensor, "op", None) in by_values:
                    step[place] = replace(value, missing=_ROWS_BY_VALUES)

    def _leave_out_branches(self) -> None:
        import tensorflow as tf

        graphs, graph = [], tf.compat.v1.get_default_graph()
        while graph is not None:
            graphs.append(graph)
            graph = getattr(graph, "outer_graph", None)
        for place, value in self.steps[-1].items():
            if not isinstance(value.tensor, tf.Tensor) or value.tensor.shape.rank is None:
                self.steps[-1][place] = replace(value, missing=_NO_TENSOR)
            elif not hasattr(value.tensor, "numpy") and value.tensor.graph not in graphs:
                self.steps[-1][place] = replace(value, missing=INSIDE_BRANCH)

    def _joined(self, values: list[TimeValue]) -> TimeValue:
        first = values[0]
        missing = next((value.missing for value in values if value.missing), "")
        if len(values) < len(self.steps):
            missing = missing or _NOT_AT_EACH
        elif any(not value.tensor.shape.is_compatible_with(first.tensor.shape) for value in values):
            missing = missing or _ROWS_BY_VALUES
        if missing:
            return TimeValue(first.tensor, loop_axes=(self.axis, *first.loop_axes), missing=missing)
        extents = first.tensor.shape[1:] if self.is_mapped else first.tensor.shape
        has_rows = bool(extents.rank) and extents[0] in self.row_counts and not self.steps_are_samples
        is_single = self.is_loop and not has_rows and bool(extents.rank) and extents[0] == 1
        axis = self.axis if has_rows else PIECE_AXIS if self.is_loop and extents.rank and not is_single else ""

        def together(tensors: list[Any]) -> Any:
            whole = self._stacked(tensors)
            return _swapped(whole) if has_rows else whole[:, 0] if is_single else whole

        masks = [value.mask for value in values]
        mask = None if any(each is None for each in masks) else together(masks)
        return TimeValue(
            together([value.tensor for value in values]),
            _with_mask_of_steps(mask, self.mask) if has_rows else mask if self.is_loop else None,
            with_loop_axis(first.axes, axis) if first.axes and axis else first.axes,
            (axis, *first.loop_axes) if axis else first.loop_axes,
        )

    def _stacked(self, tensors: list[Any]) -> Any:
        import tensorflow as tf

        whole = tensors[0] if self.is_mapped else tf.stack(tensors)
        if self.is_turned:
            whole = tf.reverse(whole, [0])
        if self.step_count is not None:
            whole = tf.ensure_shape(whole, [self.step_count, *whole.shape[1:]])
        return whole


def _tensors_of(value: TimeValue) -> list[Any]:
    return [value.tensor] if value.mask is None else [value.tensor, value.mask]


def _swapped(tensor: Any) -> Any:
    # (time, sample, …) -> (sample, time, …)
    import tensorflow as tf

    return tf.transpose(tensor, [1, 0, *range(2, tensor.shape.rank)])


def _with_mask_of_steps(mask: Any, mask_of_steps: Any) -> Any:
    """Return where there is no padding: neither a whole timestep nor a place inside of one."""
    import tensorflow as tf

    if mask is None or mask_of_steps is None:
        return mask_of_steps if mask is None else mask
    mask = tf.cast(mask, tf.bool)
    whole = tf.cast(mask_of_steps, tf.bool)
    return mask & tf.reshape(whole, tf.concat([tf.shape(whole), tf.ones([mask.shape.rank - 2], tf.int32)], 0))
