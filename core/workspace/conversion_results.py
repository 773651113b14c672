"""What is said of a converted model against the one that it was made from, as plain values that cross to a page."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Conversion"]


@dataclass(frozen=True)
class Conversion:
    """A converted model against the one that it was made from, or the other way round.

    Attributes:
        partners: For each layer of the comparison, the key of the one in the second model that it is set against.
        errors: Relative RMS error of each: 0 is the same answer.
        flips: The first samples to which the models answer another class: number, class of the first, of the second.
        flip_count: How many there are; None where the models answer no classes.
        sample_count: How many samples that rests on.
    """

    partners: tuple[str, ...]
    errors: tuple[float, ...]
    flips: tuple[tuple[int, str, str], ...] = ()
    flip_count: int | None = None
    sample_count: int = 0
