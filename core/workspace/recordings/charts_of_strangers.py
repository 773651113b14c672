"""Charts that came in a file: they must not make the browser of whoever looks at them fetch or open anything."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.errors import RecordingRefused

__all__ = ["check_charts"]

_PICTURE: Final = "data:image/"
_ADDRESS: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*:|//|\\\\)")
_PLACE: Final = frozenset({"url", "href"})
# Of the values of one row; whatever else makes new ones could make an address.
_HARMLESS_TRANSFORMS: Final = frozenset({"filter"})


def check_charts(value: Any) -> None:
    """Look through an answer for charts that lead elsewhere.

    Pictures in a chart come with it. A chart can also name an address, as a constant, in its data or put together by an
    expression, link to one, or bring settings for the program that draws it; ours do none of that.

    Args:
        value: What a method of the Workspace returned.

    Raises:
        RecordingRefused: If one does.
    """
    for specification in _specifications(value):
        _check(specification)


def _specifications(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _specifications(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _specifications(getattr(value, field.name))


def _check(specification: Mapping[str, Any]) -> None:
    objects = list(_objects(specification))
    takes_pictures_of_data = False
    for each in objects:
        if "href" in each or "usermeta" in each:
            raise _leads_elsewhere()
        place = each.get("url")
        if isinstance(place, str):
            _check_picture(place)
        elif isinstance(place, Mapping) and set(place) <= {"field", "type"}:
            takes_pictures_of_data = True
        elif place is not None:
            raise _leads_elsewhere()
    if takes_pictures_of_data:
        _check_data(objects)


def _check_data(objects: list[Mapping[str, Any]]) -> None:
    """Refuse addresses in what a chart takes its pictures from."""
    for each in objects:
        for transform in each.get("transform") or ():
            if not isinstance(transform, Mapping) or not set(transform) <= _HARMLESS_TRANSFORMS:
                raise _leads_elsewhere()
        for name, text in each.items():
            if isinstance(text, str) and name != "$schema" and _ADDRESS.match(text):
                _check_picture(text)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    # Not by calls of itself: JSON may be nested deeper than Python calls.
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)


def _check_picture(place: str) -> None:
    if not place.startswith(_PICTURE):
        raise _leads_elsewhere()


def _leads_elsewhere() -> RecordingRefused:
    return RecordingRefused(
        "A chart in this recording would fetch or open something from elsewhere, so it is not shown.",
        remedy="Charts that Layerscope records bring everything along: ask who sent the file.",
    )
