"""The page: what went in, what the model answers, its layers, and the pictures of the selected one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_table import row_of
from core.workspace.results import Answer, InputView, ModelSummary
from ui.charts import chart
from ui.choice import Choice, remember
from ui.layers import layers
from ui.pictures import pictures
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]


def page() -> None:
    """Draw the page."""
    opened, chosen = get_session().workspace, get_session().choice
    try:
        model, names = opened.model, opened.sample_names
    except LayerscopeError as error:
        show_error(error, opened, "model")
        return
    if model is None:
        st.info("Open an example or a model file in the sidebar.", icon=":material/arrow_back:")
        return
    _header(model)
    if not names:
        st.info("Give the model an input in the sidebar: data of yours, or noise.", icon=":material/arrow_back:")
        remember(chosen)
        return
    try:
        with waiting(opened, "Running the input through every layer", "answer") as progress:
            answer = opened.answer(chosen.sample, progress)
            views = opened.inputs(chosen.sample)
    except LayerscopeError as error:
        show_error(error, opened, "answer")
        return
    _above(views, answer)
    _below(opened, model, chosen)


def _header(model: ModelSummary) -> None:
    st.header(named(model.name), anchor=False)
    takes = ", ".join(f"{each.kind} {each.shape}".strip() for each in model.inputs) or "an unknown input"
    layers = "1 layer" if model.layer_count == 1 else f"{model.layer_count:,} layers"
    facts = f"{layers} · {model.parameter_count:,} parameters · {plain(takes)} → {plain(model.output)}"
    st.caption(f"{facts} · {plain(model.origin)}" if model.origin else facts)


def _above(views: Sequence[InputView], answer: Answer) -> None:
    wide = any(view.specification or view.text for view in views)
    given, answered, verdict = st.columns([3, 3, 1.4] if wide else [1.4, 3, 1.4], gap="medium")
    with given:
        st.markdown("**Input**")
        for view in views:
            _input(view, several=len(views) > 1)
    with answered:
        st.markdown("**What the model answers**")
        if answer.specification:
            chart(answer.specification, "answer")
        else:
            with st.container(border=True):
                st.text(answer.text)
    with verdict:
        if answer.best:
            share = None if answer.probability is None else f"{answer.probability:.0%}"
            st.metric("Answer", named(answer.best), share, delta_color="off", delta_arrow="off")
        elif answer.value:
            st.metric(named(answer.value_name) or "Answer", answer.value)
        if answer.note:
            st.caption(plain(answer.note))
        if answer.true_label:
            # What no answer is judged by is what somebody called the sample, and no more.
            is_judged = answer.right is not None
            why = None if is_judged else "No answer is judged by it: the sidebar says why, under the input."
            st.metric("True label" if is_judged else "Label", named(answer.true_label), help=why)
        if answer.right is not None:
            mark = ":green-badge[:material/check: right]" if answer.right else ":red-badge[:material/close: wrong]"
            st.markdown(mark)


def _input(view: InputView, several: bool) -> None:
    if several:
        st.caption(named(view.name))
    if view.picture is not None:
        st.image(view.picture, width=168)
    elif view.text is not None:
        with st.container(border=True):
            st.text(view.text)
    elif view.specification is not None:
        chart(view.specification, f"input/{view.name}")
    if view.minimum is not None and not math.isnan(view.minimum):
        broken = f" · {view.not_finite:,} NaN or infinite" if view.not_finite else ""
        note = f" · {plain(view.note)}" if view.note else ""
        st.caption(f"{plain(view.shape)} · the model sees {view.minimum:.3g} to {view.maximum:.3g}{broken}{note}")


@st.fragment
def _below(opened: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> None:
    try:
        with waiting(opened, "Looking at every layer", "layers"):
            rows = opened.layers(chosen.sample)
        if row_of(rows, chosen.layer) is None:
            if chosen.layer:
                st.info(f"There is no layer “{named(chosen.layer)}” in this model.", icon=":material/link_off:")
            keys = [row.key for row in rows]
            chosen.layer = model.featured_layer if model.featured_layer in keys else keys[0]
        layers(opened, rows, chosen)
    except LayerscopeError as error:
        show_error(error, opened, "layers")
        return
    pictures(opened, chosen)
