"""Numbers, shapes and long names as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["cut_in_the_middle", "format_shape", "percent"]


def cut_in_the_middle(text: str, length: int) -> str:
    """Return a text of at most so many characters: its beginning, an ellipsis, its end."""
    if len(text) <= length:
        return text
    ending = (length - 1) // 2
    return f"{text[: length - 1 - ending]}…{text[-ending:]}"


def format_shape(extents: Sequence[int | None]) -> str:
    """Write a shape as ``28×28×16``; ``?`` where a size is not fixed."""
    return "×".join("?" if extent is None else f"{extent:,}" for extent in extents)


def percent(share: float, decimals: int = 0) -> str:
    """Write a share as ``40 %``."""
    return f"{share:.{decimals}%}".replace("%", " %")
