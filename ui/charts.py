"""Charts on the page: as wide as their place, as high as they were drawn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.charts import has_own_width

__all__ = ["chart"]


def chart(
    specification: Mapping[str, Any],
    key: str,
    *,
    selections: Sequence[str] = (),
    on_select: Callable[[], None] | None = None,
) -> None:
    """Draw a Vega-Lite chart.

    Args:
        specification: The chart, which stays as it is.
        key: Tells it from the others on the page, and keeps what is selected in it.
        selections: Names of the selection parameters to listen to.
        on_select: What to call after a click.
    """
    # Streamlit takes the data out of the specification that it is given; the one that was given may be cached.
    taken = copy.deepcopy(dict(specification))
    fixed = has_own_width(taken)
    # Otherwise Streamlit fits titles, axes and legend into the size that is meant for the marks.
    taken["autosize"] = {"type": "pad"} if fixed else {"type": "fit-x", "contains": "padding"}
    listening: dict[str, Any] = {"on_select": on_select, "selection_mode": list(selections)} if selections else {}
    st.vega_lite_chart(taken, width="content" if fixed else "stretch", key=key, **listening)
