"""One sample as it goes in, and what is answered to it, wherever the page shows them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.common.text import percent
from core.workspace.results import Answer, InputView
from ui.charts import chart
from ui.wording import named, plain

__all__ = ["answer_in_words", "draw_input"]


def draw_input(view: InputView, key: str, side: int, chart_width: int | None = None) -> None:
    """Draw one sample of one input: its picture, its text or its numbers.

    Args:
        view: What goes in.
        key: Key of the chart of its numbers.
        side: Width of a picture, in screen pixels.
        chart_width: Likewise of a chart; None takes the width of its place.
    """
    if view.picture is not None:
        st.image(view.picture, width=side, alt=view.alt or named(view.name))
    elif view.text is not None:
        st.text(view.text)
    elif view.specification is not None:
        width: Any = chart_width or "stretch"
        with st.container(width=width):
            chart(view.specification, key, alt=view.alt)


def answer_in_words(answer: Answer) -> str:
    """Return the class that is answered with its probability, or the number, as Markdown; empty where it is neither."""
    if answer.best:
        share = "" if answer.probability is None else f" {plain(percent(answer.probability))}"
        return f"**{named(answer.best)}**{share}"
    return f"**{plain(answer.value)}**" if answer.value else ""
