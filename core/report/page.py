"""A report as one HTML file: nothing in it is fetched, and nothing that a model or a file says is run."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.charts import has_own_width
from core.common.file_signatures import GIF
from core.report.chart_theme import BACKGROUNDS, CONFIG
from core.report.contents import Figure, Item, Notice, Report, Section, Table
from core.report.libraries import script_of_page

__all__ = ["MOST_BYTES", "page_of"]

_TEMPLATE: Final = Path(__file__).parent / "template"
MOST_BYTES: Final = 4_900_000
"""A page that goes into a mail."""
_BYTES_OF_TEXT: Final = 300_000
"""More than the text of a report takes."""
_OF_OTHERS: Final = frozenset({"$schema", "background", "description", "usermeta"})
"""What of a chart is for others: the last of these could change how the page draws it."""
_FIT: Final = {"type": "fit-x", "contains": "padding"}


def page_of(report: Report) -> str:
    """Return a report as HTML that stands alone.

    All text is escaped by the template. What the browser may do is said in the page (Content-Security-Policy): run the
    one script that is written here, and show pictures that are in the page. Vega works out its expressions without
    making code of them (``ast``), so no text of a chart is run either.
    """
    script = script_of_page()
    figures = list(_figures(report.sections))
    charts = [chart for figure in figures for chart in figure.charts]
    pictures = sum(len(_data_address(picture.data)) for figure in figures for picture in figure.pictures)
    room = MOST_BYTES - _BYTES_OF_TEXT - len(script.encode()) - pictures
    drawn = _within_room([_for_page(chart.specification) for chart in charts], room)
    numbers = {id(chart): number for number, chart in enumerate(charts) if drawn[number] is not None}
    anchors = _anchors_of_readings(figures)
    store = {
        "config": CONFIG,
        "backgrounds": BACKGROUNDS,
        "charts": drawn,
    }
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            number_of=lambda chart: numbers.get(id(chart)),
            anchor_of=lambda figure: anchors[id(figure)],
            style=_trusted((_TEMPLATE / "report.css").read_text(encoding="utf-8")),
            script=_trusted(script),
            script_hash=_hash(script),
            store=_trusted(_json_in_script(store)),
            as_address=_data_address,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["figure"] = lambda item: isinstance(item, Figure)
    environment.tests["table"] = lambda item: isinstance(item, Table)
    environment.tests["notice"] = lambda item: isinstance(item, Notice)
    environment.filters["runs"] = _runs
    return environment


@dataclass(frozen=True)
class _Run:
    """Items that follow one another, narrow figures, which stand beside each other, or others."""

    are_narrow: bool
    contents: Sequence[Item]


def _runs(items: Sequence[Item]) -> list[_Run]:
    grouped = groupby(items, key=lambda item: isinstance(item, Figure) and item.is_narrow)
    return [_Run(are_narrow, tuple(run)) for are_narrow, run in grouped]


def _trusted(text: str) -> Markup:
    """Return text of ours, or what was made harmless here, as it stands."""
    return Markup(text)


@dataclass(frozen=True)
class _Anchor:
    """The anchor of a figure, and that of the first one that is read in the same way: empty where that is this one."""

    own: str
    first: str


def _figures(sections: Sequence[Section]) -> Iterator[Figure]:
    """Return all figures in the order in which they stand in the page."""
    for section in sections:
        yield from (item for item in section.items if isinstance(item, Figure))
        yield from _figures(section.sections)


def _anchors_of_readings(figures: Sequence[Figure]) -> dict[int, _Anchor]:
    """Return the anchors by figure: how a picture is read is said once, where it stands for the first time."""
    first: dict[tuple[str, str], str] = {}
    anchors = {}
    for number, figure in enumerate(figures):
        own = f"f{number}"
        known = first.setdefault((figure.how_to_read, figure.limitations), own)
        anchors[id(figure)] = _Anchor(own, "" if known == own else known)
    return anchors


def _for_page(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart as the page draws it: as wide as its place where it says nothing, on the background of the page.

    What a screen reader hears is said by the page.
    """
    chart = {key: value for key, value in specification.items() if key not in _OF_OTHERS}
    if not has_own_width(chart):
        chart |= {"width": "container", "autosize": _FIT}
    return chart


def _within_room(charts: Sequence[dict[str, Any]], room: int) -> list[dict[str, Any] | None]:
    """Return the charts, without the largest ones where all of them make the file too large to send.

    Args:
        charts: Vega-Lite of each.
        room: Bytes that they may take together.
    """
    sizes = [len(_json_in_script(chart).encode()) for chart in charts]
    kept: list[dict[str, Any] | None] = list(charts)
    total = sum(sizes)
    for number in sorted(range(len(sizes)), key=lambda each: -sizes[each]):
        if total <= room:
            break
        kept[number] = None
        total -= sizes[number]
    return kept


def _json_in_script(value: Any) -> str:
    """Return JSON in which nothing can end the script that it stands in, or begin another one."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _data_address(data: bytes) -> str:
    kind = "gif" if data.startswith(GIF) else "png"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
