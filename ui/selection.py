"""What is clicked in charts, and the fields that choose a sample, a layer or what stands beside it for every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from ui.charts import chart
from ui.choice import Choice
from ui.session import get_session

__all__ = ["clicked_point", "layer_field", "sample_chart", "step_button"]


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


def step_button(
    place: Any, sign: str, key: str, *, hint: str, shortcut: str, target: Any, choose: Callable[[Any], None]
) -> None:
    """Draw a button that steps to what comes before or after; it is off where there is nothing.

    Args:
        place: Where to draw it.
        sign: What stands on it.
        key: Key of the widget.
        hint: What it does.
        shortcut: Key of the keyboard.
        target: What it steps to; None where there is nothing.
        choose: Called with that.
    """
    place.button(sign, key=key, help=hint, shortcut=shortcut, disabled=target is None, on_click=choose, args=(target,))
