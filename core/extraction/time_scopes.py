"""How tensors of single timesteps, or of timesteps beside the samples, become tensors with an axis of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from core.extraction.graph_rows import operations_by_values
from core.extraction.layers import with_time_axis

__all__ = ["FoldedSteps", "SingleSteps", "TimeValue"]

_ROWS_BY_VALUES: Final = "how much it answers to a timestep depends on the values, so that steps cannot be put together"
_NOT_AT_EACH: Final = "it is not called at each timestep"


@dataclass(frozen=True)
class TimeValue:
    """A tensor that a layer under ``TimeDistributed`` answered, or keeps to itself.

    Attributes:
        tensor: As it is seen from some scope.
        mask: Which of its places are none of padding, or None.
        axes: Names of its axes; empty for those that the layer's own answer has.
        time_axes: How many axes of time were put behind the samples so far.
        missing: Why it has no values there, or empty.
    """

    tensor: Any
    mask: Any = None
    axes: tuple[str, ...] = ()
    time_axes: int = 0
    missing: str = ""


class FoldedSteps:
    """All timesteps of all samples side by side along the first axis, the steps of a sample next to each other.

    Args:
        inputs: What goes into the wrapper, shape ``(sample, time, …)``.
        mask: Which timesteps are none of padding, shape ``(sample, time)``, or None.
    """

    def __init__(self, inputs: Any, mask: Any = None) -> None:
        import tensorflow as tf

        self._extents = tf.shape(inputs)[:2]
        self._known: list[int | None] = inputs.shape[:2].as_list()
        self._rows = None if None in self._known else inputs.shape[0] * inputs.shape[1]
        self._mask = mask

    def fold(self, tensor: Any) -> Any:
        """Return ``(sample, time, …)`` as ``(sample x time, …)``."""
        import tensorflow as tf

        rows = tf.reshape(tensor, tf.concat([[-1], tf.shape(tensor)[2:]], 0))
        rows.set_shape([self._rows, *tensor.shape[2:]])
        return rows

    def unfold(self, tensor: Any) -> Any:
        """Return ``(sample x time, …)`` as ``(sample, time, …)``."""
        import tensorflow as tf

        whole = tf.reshape(tensor, tf.concat([self._extents, tf.shape(tensor)[1:]], 0))
        whole.set_shape([*self._known, *tensor.shape[1:]])
        return whole

    def is_folded(self, tensor: Any) -> bool:
        """Return whether a tensor has a row for each timestep of each sample; a table of positions has none."""
        return bool(tensor.shape.rank) and tensor.shape[0] == self._rows

    def unfolded(self, value: TimeValue) -> TimeValue:
        """Return what a layer inside answered, with the axis of time."""
        if not self.is_folded(value.tensor):
            return value
        mask = value.mask
        mask = self.unfold(mask) if mask is not None and self.is_folded(mask) else None
        return TimeValue(
            self.unfold(value.tensor),
            _with_mask_of_steps(mask, self._mask),
            with_time_axis(value.axes) if value.axes else (),
            value.time_axes + 1,
        )


@dataclass
class SingleSteps:
    """One timestep after the other, by Keras' own code: what each answered is put together when all are done.

    Attributes:
        mask: Which timesteps are none of padding, shape ``(sample, time)``, or None.
        row_counts: Extents of a first axis that make it the axis of samples.
        calls: The calls of layers inside, by key; each stands for all timesteps.
        steps: What was answered at each step that was made, by the key of the call and the name of the tensor.
        is_mapped: Whether the only step that was made stands for all of them, as in ``vectorized_map``.
    """

    mask: Any = None
    row_counts: tuple[int | None, ...] = (None,)
    calls: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[tuple[str, str], TimeValue]] = field(default_factory=list)
    is_mapped: bool = False

    def add(self, key: str, name: str, value: TimeValue) -> None:
        """Remember a tensor of the step that is being made."""
        self.steps[-1][key, name] = value

    def mapped(self, function: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, list[Any]]]:
        """Return a function of one timestep that answers what layers inside answered beside its own result."""

        def with_values(number: Any) -> tuple[Any, list[Any]]:
            result = function(number)
            self._leave_out_rows_by_values()
            return result, [tensor for value in self.steps[-1].values() for tensor in _tensors_of(value)]

        self.is_mapped = True
        return with_values

    def note_mapped(self, tensors: Sequence[Any]) -> None:
        """Take over what a loop over all timesteps returned for what :meth:`mapped` answered, the time axis first."""
        remaining = iter(tensors)
        self.steps[-1] = {
            place: replace(
                value,
                tensor=value.tensor if value.missing else next(remaining),
                mask=None if value.missing or value.mask is None else next(remaining),
            )
            for place, value in self.steps[-1].items()
        }

    def joined(self) -> dict[tuple[str, str], TimeValue]:
        """Return what all steps answered, with an axis of time behind that of the samples, in the order of calls."""
        if not self.is_mapped:
            self._leave_out_rows_by_values()
        places = dict.fromkeys(place for step in self.steps for place in step)
        return {place: self._joined([step[place] for step in self.steps if place in step]) for place in places}

    def _leave_out_rows_by_values(self) -> None:
        by_values = operations_by_values()
        for step in self.steps:
            for place, value in step.items():
                if getattr(value.tensor, "op", None) in by_values:
                    step[place] = replace(value, missing=_ROWS_BY_VALUES)

    def _joined(self, values: list[TimeValue]) -> TimeValue:
        import tensorflow as tf

        first = values[0]
        missing = next((value.missing for value in values if value.missing), "")
        if len(values) < len(self.steps):
            missing = missing or _NOT_AT_EACH
        elif any(not value.tensor.shape.is_compatible_with(first.tensor.shape) for value in values):
            missing = missing or _ROWS_BY_VALUES
        if missing:
            return TimeValue(first.tensor, time_axes=first.time_axes + 1, missing=missing)
        extents = first.tensor.shape[1:] if self.is_mapped else first.tensor.shape
        has_rows = bool(extents.rank) and extents[0] in self.row_counts

        def together(tensors: list[Any]) -> Any:
            whole = tensors[0] if self.is_mapped else tf.stack(tensors)
            return _swapped(whole) if has_rows else whole

        masks = [value.mask for value in values]
        mask = None if None in [each if each is None else 0 for each in masks] else together(masks)
        return TimeValue(
            together([value.tensor for value in values]),
            _with_mask_of_steps(mask, self.mask) if has_rows else None,
            with_time_axis(first.axes) if first.axes else (),
            first.time_axes + 1 if has_rows else first.time_axes,
        )


def _tensors_of(value: TimeValue) -> list[Any]:
    if value.missing:
        return []
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
