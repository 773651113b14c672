"""What is pinned, and what a page is told of a picture that is set beside it."""

from __future__ import annotations

from dataclasses import dataclass

from core.workspace.results import ChartResult

__all__ = ["Pinned", "SideBySide"]


@dataclass(frozen=True)
class Pinned:
    """What is set beside what is selected, as far as it is something else.

    Attributes:
        sample: Number of the sample; None for the one that is selected.
        layer: Key of the layer; empty for the one that is selected.
        unit: Unit or channel of the layer; None for the one that is selected.
        is_other_model: Whether it is the answer of the model that the open one is compared with.
    """

    sample: int | None = None
    layer: str = ""
    unit: int | None = None
    is_other_model: bool = False


@dataclass(frozen=True)
class SideBySide:
    """A picture of what is selected and of what is pinned on one scale, and of their difference.

    Attributes:
        titles: What tells both apart: ``("sample 0", "sample 3")``.
        first: What is selected; None where nothing was drawn.
        second: What is pinned, likewise.
        difference: The second minus the first; None where that cannot be drawn.
        reason: Why the difference, or everything, is missing; empty where it is there.
        notes: Which unit is shown where none was chosen, and what is not on one scale.
    """

    titles: tuple[str, str]
    first: ChartResult | None = None
    second: ChartResult | None = None
    difference: ChartResult | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
