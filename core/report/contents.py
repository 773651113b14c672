"""What a report consists of, in plain values: chapters of texts, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = [
    "Badge",
    "Chart",
    "Figure",
    "Item",
    "Notice",
    "Paragraph",
    "Picture",
    "Report",
    "Row",
    "Section",
    "Table",
    "Tile",
    "Tone",
]

Tone: TypeAlias = Literal["plain", "good", "warning", "bad"]


@dataclass(frozen=True)
class Paragraph:
    """A text; ``is_of_person`` where somebody wrote it for this report, which is set apart then."""

    text: str
    is_of_person: bool = False


@dataclass(frozen=True)
class Notice:
    """A sentence in a frame: what could not be drawn, or what is to be known before the rest."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Badge:
    """A cell of a table that is a word in a coloured frame."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Tile:
    """A number that is seen first; ``caption`` says of what."""

    value: str
    caption: str
    tone: Tone = "plain"


Row: TypeAlias = Sequence[str | Badge]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: What stands over each column.
        rows: A cell for each column.
        numeric: Positions of the columns that hold numbers, which stand to the right.
        caption: What the table shows, for who does not see it.
    """

    columns: Sequence[str]
    rows: Sequence[Row]
    numeric: frozenset[int] = frozenset()
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """An image, such as an input; ``data`` is PNG or GIF, and ``is_pixelated`` enlarges it with hard edges."""

    data: bytes
    alt: str
    is_pixelated: bool = True


@dataclass(frozen=True)
class Figure:
    """Charts that belong together, and how they are read.

    Attributes:
        charts: Vega-Lite of each, with what stands above it and what a screen reader hears.
        title: What the figure shows; empty where the charts say it.
        pictures: Images beside the charts.
        text: What stands beside or under the charts, such as an answer in words.
        how_to_read: How it is read; empty where that is plain.
        limitations: Where it misleads.
        notes: What was fitted or chosen for it.
        is_narrow: Whether several of its kind stand beside each other.
    """

    charts: Sequence[Chart] = ()
    title: str = ""
    pictures: Sequence[Picture] = ()
    text: str = ""
    how_to_read: str = ""
    limitations: str = ""
    notes: Sequence[str] = ()
    is_narrow: bool = False


@dataclass(frozen=True)
class Chart:
    """One chart: Vega-Lite, what stands above it, and what a screen reader hears."""

    specification: Mapping[str, Any]
    alt: str
    caption: str = ""


Item: TypeAlias = Paragraph | Notice | Table | Figure


@dataclass(frozen=True)
class Section:
    """A chapter, or a part of one.

    Attributes:
        title: Its heading.
        items: What it says, in order.
        sections: Its parts, behind that.
        tiles: Numbers that are seen first.
    """

    title: str
    items: Sequence[Item] = ()
    sections: Sequence[Section] = ()
    tiles: Sequence[Tile] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.items or self.sections or self.tiles)


@dataclass(frozen=True)
class Report:
    """A report.

    Attributes:
        title: What it is about.
        subtitle: What it rests on, in a line.
        made: When, and with which versions, in a line.
        sections: Its chapters.
    """

    title: str
    subtitle: str
    made: str
    sections: Sequence[Section]
