"""What is clicked in charts, and the fields that choose a sample, a layer or what stands beside it for every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from ui.charts import chart
from ui.choice import Choice
from ui.session import get_session

__all__ = ["clicked_point", "layer_field", "neighbour", "sample_chart", "select_unit", "selected_value", "step_button"]

_Item = TypeVar("_Item")


def clicked_point(key: str, name: str) -> dict[str, Any] | None:
    """Return the point that is selected in a chart, by field; None where there is none.

    Args:
        key: Key of the chart.
        name: Name of the selection parameter.
    """
    state = st.session_state.get(key)
    points = state.selection.get(name) if state is not None else None
    return dict(points[0]) if points else None


def sample_chart(specification: Mapping[str, Any], key: str, alt: str = "") -> None:
    """Draw a chart in which a click on a sample, the selection ``sample``, chooses it for every page.

    Args:
        specification: Vega-Lite.
        key: Tells it from others, and is another one for another selected sample, see :func:`ui.keys.sample_strip`.
        alt: What somebody hears who does not see it.
    """

    def select() -> None:
        point = clicked_point(key, "sample")
        if point is not None:
            get_session().choice.sample = int(point["sample"])

    chart(specification, key, selections=("sample",), on_select=select, alt=alt)


def select_unit(layer: str, unit: int) -> None:
    """Choose a unit of a layer for every page, and that layer, which may be another than the one of the page."""
    choice = get_session().choice
    choice.select_layer(layer)
    choice.select_unit(unit)


def selected_value(name: str, selection: Any, several: bool = False) -> Any:
    """Return what is selected in a chart as the value of an option; None where nothing is.

    Args:
        name: Name of the selection parameter, and of the field that counts.
        selection: What Streamlit says of it: points, or the ends of an interval by axis.
        several: Whether all points count, or the first alone.
    """
    if not selection:
        return None
    if isinstance(selection, Mapping):
        # An interval: along one axis it is a range, along two a region.
        ranges = [list(ends) for ends in selection.values()]
        if not all(len(ends) == 2 for ends in ranges):
            return None
        return ranges[0] if len(ranges) == 1 else [*ranges[0], *ranges[1]] if len(ranges) == 2 else None
    values = [point.get(name) for point in selection if point.get(name) is not None]
    if several:
        return values or None
    return values[0] if values else None


def layer_field(place: Any, label: str, layers: Sequence[str], key: str, choice: Choice, default: str) -> str:
    """Draw a list of layers that chooses one for every page; return the one that is looked at here.

    Args:
        place: Where to draw it.
        label: What stands above it.
        layers: Keys of the layers that can be looked at here.
        key: Key of the widget.
        choice: Where the selection is kept.
        default: The layer that is looked at where the selected one is none of them.
    """
    st.session_state[key] = choice.layer if choice.layer in layers else default
    layer: str = place.selectbox(
        label, list(layers), key=key, on_change=lambda: get_session().choice.select_layer(st.session_state[key])
    )
    return layer


def neighbour(listed: Sequence[_Item], current: _Item, step: int) -> _Item | None:
    """Return what stands so many places behind an item of a list; None where nothing does.

    Args:
        listed: The items.
        current: One of them; of what is not listed, the first stands behind it.
        step: How many places; below zero, before it.
    """
    place = (listed.index(current) if current in listed else -1) + step
    return listed[place] if 0 <= place < len(listed) else None


def step_button(
    place: Any,
    sign: str,
    key: str,
    *,
    hint: str,
    shortcut: str,
    target: Callable[[], Any],
    choose: Callable[[Any], None],
) -> None:
    """Draw a button that steps to what comes before or after; it is off where there is nothing.

    Args:
        place: Where to draw it.
        sign: What stands on it.
        key: Key of the widget.
        hint: What it does.
        shortcut: Key of the keyboard.
        target: Returns what it steps to; None where there is nothing. Asked at the click too: another one may have come
            before the page was drawn again.
        choose: Called with that.
    """

    def step() -> None:
        goal = target()
        if goal is not None:
            choose(goal)

    place.button(sign, key=key, help=hint, shortcut=shortcut, disabled=target() is None, on_click=step)
