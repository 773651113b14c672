"""Charts on the page: as wide as their place, as high as they were drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.charts.specifications import has_own_width, with_readable_text

__all__ = ["chart"]


def chart(
    specification: Mapping[str, Any],
    key: str,
    *,
    selections: Sequence[str] = (),
    on_select: Callable[[], None] | None = None,
    alt: str = "",
    height: int | None = None,
) -> None:
    """Draw a Vega-Lite chart.

    Args:
        specification: The chart, which stays as it is.
        key: Tells it from the others on the page, and keeps what is selected in it.
        selections: Names of the selection parameters to listen to.
        on_select: What to call after a click.
        alt: What somebody hears who does not see it.
        height: Pixels for its marks, where it is not to be as high as it was drawn.
    """
    taken = with_readable_text(_with_data_in_place(specification))
    description = taken.pop("description", "")
    fixed = has_own_width(taken)
    # Otherwise Streamlit fits titles, axes and legend into the size that is meant for the marks.
    taken["autosize"] = {"type": "pad"} if fixed else {"type": "fit-x", "contains": "padding"}
    if height is not None and not fixed:
        taken["height"] = height
    listening: dict[str, Any] = {"on_select": on_select, "selection_mode": list(selections)} if selections else {}
    st.vega_lite_chart(
        taken, width="content" if fixed else "stretch", key=key, alt=alt or description or None, **listening
    )


def _with_data_in_place(specification: Mapping[str, Any]) -> dict[str, Any]:
    # Streamlit turns named data into tables and the browser turns those back, a cell at a time. It also takes data out
    # of the specification that it is given, and this one may be cached: so what is changed is new.
    tables = specification.get("datasets", {})

    def placed(part: Mapping[str, Any]) -> dict[str, Any]:
        new = dict(part)
        name = (new.get("data") or {}).get("name")
        if name in tables:
            new["data"] = {"values": tables[name]}
        for composition in ("layer", "hconcat", "vconcat", "concat"):
            if composition in new:
                new[composition] = [placed(each) for each in new[composition]]
        if isinstance(new.get("spec"), Mapping):
            new["spec"] = placed(new["spec"])
        return new

    return {name: value for name, value in placed(specification).items() if name != "datasets"}
