"""What goes into the model, as the strip shows it: one sample of all inputs, and what numbers the model sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.common.text import number_text
from core.workspace.results import InputView
from core.workspace.sample_windows import listed_and_drawn
from ui import keys
from ui.answers import draw_input
from ui.wording import named, plain

__all__ = ["about_values", "draw_inputs"]

_INPUT_SIDE: Final = 112
_SMALL_INPUT_SIDE: Final = 84
_WIDE_INPUT: Final = 270


def about_values(views: Sequence[InputView]) -> None:
    """Say what numbers the model sees: that is where one notices that data were not scaled as for its training."""
    listed, views = listed_and_drawn(views)
    if listed:
        total = sum(view.not_finite for view in listed)
        wrong = f" · {total:,} NaN or infinite in all samples" if total else ""
        st.caption(f"{len(listed):,} inputs of one value each{wrong}")
    for view in views:
        if view.minimum is None or view.maximum is None or math.isnan(view.minimum):
            continue
        name = f"{named(view.name)}: " if len(views) > 1 else ""
        values = f"{number_text(view.minimum)} to {number_text(view.maximum)}"
        broken = f" · {view.not_finite:,} NaN or infinite" if view.not_finite else ""
        note = f" · {plain(view.note)}" if view.note else ""
        st.caption(f"{name}{plain(view.shape)} · the model sees {values}{broken}{note}")


def draw_inputs(views: Sequence[InputView]) -> None:
    """Draw what goes in, one input beside the other; those that take one value each are listed."""
    listed, views = listed_and_drawn(views)
    if listed:
        _values(listed)
    if not views:
        return
    several = len(views) > 1 or bool(listed)
    places = st.columns(len(views), gap="small") if several else [st.container()]
    for place, view in zip(places, views, strict=True):
        with place:
            if several:
                st.caption(f"**{named(view.name)}**")
            side = _SMALL_INPUT_SIDE if several else _WIDE_INPUT if view.film or view.slices else _INPUT_SIDE
            draw_input(view, keys.input_chart(view.name), side)


def _values(views: Sequence[InputView]) -> None:
    """List inputs that take one value each, as the row of a table that they come from: by name."""
    with st.container(key=keys.STRIP_VALUES):
        st.caption("  \n".join(f"{named(view.name)} **{named(view.value)}**" for view in views))
