"""Units that are looked for by what they do: in words, over the answers of all layers to all samples."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from core.analysis.health import KINDS, FindingKind
from core.common.text import list_names, number_text, or_list
from core.errors import InputRejected
from core.extraction.dataset.statistics import LayerStatistics
from core.extraction.layers import is_input

__all__ = ["LEAST_GAP", "UnitMatch", "UnitQuery", "parse_unit_query", "units_of_classes"]

_FEWEST_OF_A_CLASS: Final = 3
LEAST_GAP: Final = 0.2
"""Least gap between the mean answers to two classes, in units of the spread, for a unit to be told by: a small effect
(Cohen 1988)."""
_ANSWERS: Final = re.compile(
    r"^(?:units? that |which )?(?:answers?|responds?|fires?|selective)?\s*(?:to|for)?\s+", re.I
)
_NOT: Final = re.compile(r"\s+(?:(?:and|but)\s+)?(?:not|less)\s+(?:to\s+|for\s+)?", re.I)
_LIKE: Final = re.compile(
    r"^(?P<sign>un)?like\s+(?:this(?:\s+one)?|(?P<layer>\S+)\s+(?:unit\s+|channel\s+)?(?P<unit>\d+))$", re.I
)
_PARTED: Final = re.compile(r"\s*(?:,|\bor\b|\band\b)\s*(?:to\s+|for\s+)?", re.I)


@dataclass(frozen=True)
class UnitQuery:
    """What units are looked for.

    Attributes:
        fault: One of the kinds of :mod:`core.analysis.health`; None where something else is looked for.
        to: Numbers of the classes that they answer to.
        not_to: Numbers of those that they do not answer to; empty for all others.
        like: Layer and unit that they are like, the layer empty for the unit that is open; None likewise.
        is_opposite: Whether those are looked for that answer the other way round.
    """

    fault: FindingKind | None = None
    to: tuple[int, ...] = ()
    not_to: tuple[int, ...] = ()
    like: tuple[str, int] | None = None
    is_opposite: bool = False


@dataclass(frozen=True)
class UnitMatch:
    """A unit that is what was looked for, and why, in a few words."""

    layer: str
    unit: int
    why: str
    score: float = field(compare=False, default=0.0)


def parse_unit_query(text: str, class_names: Sequence[str]) -> UnitQuery:
    """Return what is meant by ``"answers to 8 and not to 3"``, ``"dead"``, ``"like this one"`` or ``"like conv_2 5"``.

    Args:
        text: What somebody wrote.
        class_names: Name of each class of the samples, by number.

    Raises:
        InputRejected: If it is none of these; it says what can be written.
    """
    words = " ".join(text.split())
    for kind in KINDS:
        if words.casefold() == kind:
            return UnitQuery(fault=kind)
    if like := _LIKE.match(words):
        unit = (like["layer"] or "", int(like["unit"] or 0))
        return UnitQuery(like=unit, is_opposite=like["sign"] is not None)
    asked = _ANSWERS.sub("", words) if _ANSWERS.match(words) else words
    wanted, *unwanted = _NOT.split(asked, maxsplit=1)
    if not class_names:
        raise InputRejected(
            "No class of these samples is known, by which units could be told.",
            remedy=f"Write {or_list(KINDS)}, “like this one” or “unlike this one”.",
        )
    return UnitQuery(to=_classes(wanted, class_names), not_to=_classes(unwanted[0], class_names) if unwanted else ())


def _classes(text: str, class_names: Sequence[str]) -> tuple[int, ...]:
    numbers = {name.casefold(): number for number, name in enumerate(class_names)}
    # A name may hold an "and" itself.
    parts = [text] if text.casefold() in numbers else _PARTED.split(text)
    for part in parts:
        if part.strip().casefold() not in numbers:
            raise InputRejected(
                f"There is no class “{part.strip()}”.",
                remedy=f"Write “answers to {class_names[0]}”, “answers to {class_names[0]} and not to "
                f"{class_names[-1]}”, “like this one”, “like LAYER 5”, or {or_list(KINDS)}. The classes are: "
                f"{list_names(class_names)}.",
            )
    return tuple(numbers[part.strip().casefold()] for part in parts)


def units_of_classes(
    statistics: Mapping[str, LayerStatistics],
    query: UnitQuery,
    class_names: Sequence[str],
    layers: Collection[str] = (),
) -> tuple[UnitMatch, ...]:
    """Return the units that answer more to some classes than to others, the clearest first.

    A unit counts where its mean answer to each wanted class is larger than that to each other, by at least
    :data:`LEAST_GAP` times the spread of all its values, with at least three samples of every class. The widest gap
    comes first.

    Args:
        statistics: Of each layer, by key.
        query: The classes that it is to answer to, and those that it is not to.
        class_names: Name of each class, by number.
        layers: Keys of the layers that are looked through; empty for all.
    """
    matches = []
    for key, found in statistics.items():
        if is_input(key) or (layers and key not in layers):
            continue
        matches += _of_layer(key, found, query, class_names)
    return tuple(sorted(matches, key=lambda match: -match.score))


def _of_layer(key: str, found: LayerStatistics, query: UnitQuery, class_names: Sequence[str]) -> list[UnitMatch]:
    means, counts = found.class_means, found.class_counts  # (class, unit)
    not_to = query.not_to or tuple(number for number in range(len(means)) if number not in query.to)
    classes = [*query.to, *not_to]
    if not not_to or max(classes) >= len(means):
        return []
    known = (counts[classes] >= _FEWEST_OF_A_CLASS).all(axis=0)
    with np.errstate(invalid="ignore"):
        least, most = means[list(query.to)].min(axis=0), means[list(not_to)].max(axis=0)
        spread = np.sqrt(found.variance)
        gaps = np.where(known & (spread > 0), (least - most) / np.where(spread > 0, spread, 1), -np.inf)
    return [
        UnitMatch(key, int(unit), _why(means[:, unit], query, not_to, class_names), float(gaps[unit]))
        for unit in np.flatnonzero(np.nan_to_num(gaps, nan=-np.inf) >= LEAST_GAP)
    ]


def _why(means: np.ndarray, query: UnitQuery, not_to: Sequence[int], class_names: Sequence[str]) -> str:
    wanted = ", ".join(f"{class_names[number]}: {number_text(means[number])}" for number in query.to)
    strongest = max(not_to, key=lambda number: means[number])
    which = "at most " if len(not_to) > 1 else ""
    return f"{wanted} in the mean; {which}{number_text(means[strongest])} for {class_names[strongest]}"
