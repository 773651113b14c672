"""The plain things about the health of a model that cross from the Workspace to a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from core.workspace.results import ChartPicture

__all__ = ["CLASS_MEANS_READ", "DriftRow", "HealthReport", "HealthRow", "WrongSample"]

CLASS_MEANS_READ: Final = (
    "A column that is bright in one row only: in the mean over these samples, the unit answers to that class alone. "
    "Rows that look alike: in the mean, the layer answers these classes alike."
)
"""How the chart of what each unit answers to each class is read."""


@dataclass(frozen=True)
class HealthRow:
    """Something that is wrong with a layer, see :class:`core.analysis.health.Finding`.

    Attributes:
        layer: Key of the layer.
        type_name: Class of the layer.
        kind: What is wrong, in a word or two.
        text: The same in a sentence.
        units: Which units or channels, the first of them.
        found: How many in all.
        unit_count: How many the layer has.
        sample: A sample that shows it.
    """

    layer: str
    type_name: str
    kind: str
    text: str
    units: tuple[int, ...]
    found: int
    unit_count: int
    sample: int


@dataclass(frozen=True)
class DriftRow:
    """What goes into a layer that keeps statistics of training, against these: of the channel that is furthest off.

    Attributes:
        layer: Key of the layer.
        shift: Mean minus mean of training, in standard deviations of training, of the channel where that is largest.
        spread: Standard deviation over that of training, of the channel where that is furthest from 1.
    """

    layer: str
    shift: float
    spread: float


@dataclass(frozen=True)
class WrongSample:
    """A sample that the model is wrong on: its number, the number of its class, and of the class that is answered."""

    number: int
    true: int
    answered: int


@dataclass(frozen=True)
class HealthReport:
    """What is wrong with a model over samples.

    Attributes:
        rows: The worst first.
        layers: Keys of all layers that were looked at, in call order.
        sample_count: How many samples that rests on.
        note: What could not be judged, and why; empty if everything could.
        accuracy: Share of samples that the model answers correctly; None where that is not known.
        clear: What was looked for and not found, and in how many layers; empty if each kind was found somewhere.
        confusion: True classes by the classes that the model answers; the selection ``confused`` holds of the cell that
            is clicked the numbers ``true`` and ``answered``, the names ``true_class`` and ``answered_class``, and how
            many ``samples`` it stands for. None where no answer is judged.
        wrong: Samples that the model is wrong on, by number: the first of all, and of each cell of ``confusion``.
        wrong_count: How many in all.
        judged_count: How many samples have a label that the model's answer is judged by.
        checked: Keys of the layers in which each kind of fault was looked for, by kind, all kinds.
        drifts: A row for each layer that was checked for input drift, whether it drifts or not.
    """

    rows: tuple[HealthRow, ...]
    layers: tuple[str, ...]
    sample_count: int
    note: str = ""
    accuracy: float | None = None
    clear: str = ""
    confusion: ChartPicture | None = None
    wrong: tuple[WrongSample, ...] = ()
    wrong_count: int = 0
    judged_count: int = 0
    checked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    drifts: tuple[DriftRow, ...] = ()
