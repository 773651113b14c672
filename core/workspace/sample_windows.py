"""Which samples stand beside the one that is looked at: as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.workspace.results import InputView

__all__ = ["MOST_WRONG", "has_wide_inputs", "listed_and_drawn", "sample_window", "thumbnail_count"]

MOST_WRONG: Final = 24
"""How many samples that a model is wrong on are drawn beside one another."""
_THUMBNAILS: Final = 9
_TEXT_THUMBNAILS: Final = 4
_VALUE_THUMBNAILS: Final = 3
_NARROW_THUMBNAILS: Final = 6


def listed_and_drawn(views: Sequence[InputView]) -> tuple[Sequence[InputView], Sequence[InputView]]:
    """Return the inputs that stand in a list, as several of one value each do, and those that are drawn."""
    single = [view for view in views if view.value]
    return (single, [view for view in views if not view.value]) if len(single) > 1 else ((), views)


def has_wide_inputs(views: Sequence[InputView]) -> bool:
    """Return whether what goes in takes more room than one small picture."""
    return len(views) > 1 or any(view.picture is None or view.film or view.slices for view in views)


def thumbnail_count(views: Sequence[InputView]) -> int:
    """Return for how many samples there is room: texts are wider, and beside an input that is wide there is less.

    Args:
        views: What goes in of the sample that is looked at.
    """
    if listed_and_drawn(views)[0]:
        return _VALUE_THUMBNAILS
    if any(view.text is not None or view.letters for view in views):
        return _TEXT_THUMBNAILS
    return _NARROW_THUMBNAILS if has_wide_inputs(views) else _THUMBNAILS


def sample_window(offered: Sequence[int], sample: int, count: int) -> list[int]:
    """Return the samples that are shown: the page of them that holds the one that is looked at.

    Args:
        offered: Numbers of all that there are to choose from, in their order.
        sample: The one that is looked at.
        count: For how many there is room.
    """
    position = offered.index(sample) if sample in offered else 0
    start = position // count * count
    return list(offered[start : start + count])
