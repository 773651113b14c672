"""The plain things about single units that cross from the Workspace to a page."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.workspace.results import Rejection, VisualizerSummary

__all__ = ["UnitCard", "UnitRow", "UnitSearchReport"]


@dataclass(frozen=True)
class UnitCard:
    """What one unit is, and which pictures tell it.

    Attributes:
        layer: Key of its layer.
        unit: Its number.
        unit_count: How many the layer has; 0 where it has none, and there is no card.
        kind: ``"unit"``, ``"channel"``, or ``"class"`` where the layer answers the classes.
        name: What a person knows it by, such as ``"channel 5 of conv_2"``.
        description: Class and shape of the layer.
        answer: What it answers to the sample, in words.
        pictures: The pictures that stand on the card, in their order.
        unavailable: Those that would if something were given, such as more samples.
        reason: Why there is no card; empty where there is one.
    """

    layer: str
    unit: int = 0
    unit_count: int = 0
    kind: str = "unit"
    name: str = ""
    description: str = ""
    answer: str = ""
    pictures: tuple[VisualizerSummary, ...] = ()
    unavailable: tuple[Rejection, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class UnitRow:
    """A unit that was looked for: what a person knows it by, and why it is listed."""

    layer: str
    unit: int
    name: str
    why: str


@dataclass(frozen=True)
class UnitSearchReport:
    """Units that were looked for.

    Attributes:
        rows: The first of them, the clearest first.
        count: How many there are in all.
        note: What was looked through, and how, in a sentence.
    """

    rows: tuple[UnitRow, ...] = field(default_factory=tuple)
    count: int = 0
    note: str = ""
