"""Lets Altair make charts in two thirds of the time, by leaving out what it does anew for each part of a chart.

It is for a process that makes charts and nothing else, such as a worker: the way there is through two functions of
Altair that are not public. An Altair that has them no longer makes the same charts as it otherwise does.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
from altair.utils import schemapi

from core.charts.altair_settings import check_charts_as_a_whole

__all__ = ["make_charts_only", "take_shortcuts"]


def make_charts_only() -> None:
    """Tell this process that it makes charts and nothing else: they are checked as a whole, and made in less time."""
    check_charts_as_a_whole()
    take_shortcuts()


@cache
def take_shortcuts() -> None:
    """Let this process make charts in less time; once, however often it is called.

    - For each encoding that is a text, and for ``alt.value(0)``, Altair hashes the schemas of its 450 classes, which
      takes 5 ms. Here the table is made once: 50 charts that ship take a fifth less.
    - To put charts together it copies them again and again, with all that they are made of. Here charts are copied
      and what they are made of is not, which nothing in Altair changes once it is in a chart: another third.
    """
    names = vars(schemapi)
    if {"_FromDict", "_deep_copy"} <= set(names):
        table_of_classes = names["_FromDict"](alt.Chart._default_wrapper_classes())
        names["_FromDict"] = lambda classes: table_of_classes
        names["_deep_copy"] = _copy_of


def _copy_of(part: Any, by_reference: set[str]) -> Any:
    with schemapi.debug_mode(False):
        if isinstance(part, schemapi.SchemaBase):
            return _copied_schema(part, by_reference)
        return _copied(part, by_reference)


def _copied(part: Any, by_reference: set[str]) -> Any:
    if isinstance(part, list):
        return [_copied(each, by_reference) for each in part]
    if isinstance(part, dict):
        return _copied_values(part, by_reference)
    # Altair names the charts in a chart, and takes parameters and sizes from them; what they are made of it leaves.
    return _copied_schema(part, by_reference) if isinstance(part, alt.TopLevelMixin) else part


def _copied_schema(part: Any, by_reference: set[str]) -> Any:
    if own_way := getattr(part, "__deepcopy__", None):
        return own_way(part)
    arguments = [_copied(each, by_reference) for each in part._args]
    return type(part)(*arguments, **_copied_values(part._kwds, by_reference))


def _copied_values(parts: dict[Any, Any], by_reference: set[str]) -> dict[Any, Any]:
    return {
        name: each if each is alt.Undefined or name in by_reference else _copied(each, by_reference)
        for name, each in parts.items()
    }
