"""The plain things that cross to a page about a recorded training."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.workspace.results import ChartPicture

__all__ = ["AlarmRow", "MeasureSummary", "RunCharts", "RunSummary"]


@dataclass(frozen=True)
class MeasureSummary:
    """Something that was recorded of each layer at each step; ``description`` says it in a sentence."""

    name: str
    title: str
    description: str


@dataclass(frozen=True)
class AlarmRow:
    """Something that went wrong in a training: ``layer`` is where it arose, empty for the loss."""

    step: int
    layer: str
    kind: str
    text: str


@dataclass(frozen=True)
class RunSummary:
    """A recorded training.

    Attributes:
        name: What it is called.
        model_name: What its model calls itself.
        layers: Keys of the layers that anything was recorded of, in call order.
        measures: What was recorded of them.
        step_count: At how many steps.
        first_step: The first of them; 0 where there is none.
        last_step: The last of them.
        epochs: How many epochs were complete at the last one.
        kept_steps: Steps at which the model's weights are kept, and can be gone to.
        is_complete: Whether the training came to its end; False while it goes on, and where it was killed.
        alarms: What went wrong, in the order in which it did.
        notes: What was not recorded, and why; a sentence each.
        step: The step whose weights the open model has; None where the run has no model.
        why_no_model: Why no model is open, a sentence; empty where one is.
        sample_count: How many samples were watched.
    """

    name: str
    model_name: str
    layers: tuple[str, ...]
    measures: tuple[MeasureSummary, ...]
    step_count: int
    first_step: int
    last_step: int
    epochs: int
    kept_steps: tuple[int, ...]
    is_complete: bool
    alarms: tuple[AlarmRow, ...] = ()
    notes: tuple[str, ...] = ()
    step: int | None = None
    why_no_model: str = ""
    sample_count: int = 0

    def nearest_kept(self, step: int) -> int | None:
        """Return the step nearest to another whose weights are kept; None where there is none."""
        return min(self.kept_steps, key=lambda kept: (abs(kept - step), kept), default=None)


@dataclass(frozen=True)
class RunCharts:
    """The charts of a measure: layers by steps, and the training's own numbers over them on the same axis.

    Attributes:
        logs: The loss and the other numbers, in which two runs stand together.
        layers: Of each run; in each a click is the selection ``cell``, with the layer and the step.
        difference: The second run minus the first, where steps and layers match; None without a second one.
        note: What there is to say of how the two match; empty where there is nothing.
    """

    logs: tuple[ChartPicture, ...]
    layers: tuple[ChartPicture, ...]
    difference: ChartPicture | None = None
    note: str = ""
    names: tuple[str, ...] = field(default=())
