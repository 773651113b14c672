"""What stands around every page: the sidebar with the model, its samples and its layers, and the strip above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.layer_table import row_of
from core.workspace.results import ModelSummary
from ui import keys
from ui.address import is_history_navigation, keep_address
from ui.layer_list import layer_list
from ui.limits import limits
from ui.model_choice import choose_model
from ui.sample_choice import choose_samples
from ui.session import Session, get_session
from ui.start import take_start
from ui.strip import strip
from ui.trust import show_trusted
from ui.waiting import keep_place_above, show_error
from ui.wording import named

__all__ = ["frame", "strip_and_layers"]

_ICON: Final = Path(__file__).parent / "icon.png"
_SHORTCUTS: Final = {
    "k": "layer before",
    "j": "layer after",
    "←": "sample before",
    "→": "sample after",
    "Esc": "close what is open",
    "Alt + ←": "back, to what was on the page before",
}
_STYLE: Final = Path(__file__).parent / "style.css"


def frame(page: Any, all_pages: Sequence[Any], *, has_strip: bool) -> None:
    """Draw what stands around a page, and the page in it.

    Args:
        page: The page, as Streamlit's navigation returns it.
        all_pages: All of them, in their order.
        has_strip: Whether it is about the samples that are open.
    """
    st.html(_STYLE)
    session = get_session()
    if is_history_navigation():
        session.go_where_the_address_says()
    if session.model_step.current is None:
        take_start(session.choice)
    keep_place_above()
    st.logo(_ICON)
    with st.sidebar:
        try:
            _model_and_samples(session)
        except LayerscopeError as error:
            show_error(error, session.workspace, "sidebar")
        layers_place = st.container()
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            limits()
            _shortcuts()
    with st.container(key=keys.NARROW_NAVIGATION, horizontal=True, gap="small"):
        for each in all_pages:
            st.page_link(each, label=each.title)
    if has_strip:
        strip_and_layers(session, layers_place)
    page.run()
    if page.url_path:
        # The first page writes it itself: there a part of it runs alone, with what is chosen in that.
        keep_address(session.choice)


def _shortcuts() -> None:
    with st.popover("Keys", icon=":material/keyboard:", type="tertiary"):
        for shortcut, what in _SHORTCUTS.items():
            st.markdown(f"`{shortcut}` {what}")


def _model_and_samples(session: Session) -> None:
    """Draw what opens a model and what gives it samples; afterwards both are open, if there are any to be had."""
    model_place, samples_place = st.columns(2, gap="xsmall")
    choose_model(session, model_place)
    model = session.workspace.model
    if model:
        show_trusted(model)
        choose_samples(session, model, samples_place)


def strip_and_layers(session: Session, layers_place: Any) -> None:
    """Draw the strip here and the list of layers in its place; afterwards the session knows the layers.

    Args:
        session: What the page knows of the visitor.
        layers_place: Where the list is drawn.
    """
    workspace, choice = session.workspace, session.choice
    session.layer_rows = None
    try:
        model = workspace.model
        if model is None:
            st.info("Open an example or a model file in the sidebar.", icon=":material/arrow_back:")
            return
        if not workspace.sample_names:
            st.info("Give the model an input in the sidebar: data of yours, or noise.", icon=":material/arrow_back:")
            return
        strip(workspace, model, choice)
        rows = session.sample_view.layers if session.sample_view else ()
        if not rows:
            st.info("This model has no layer that anything could be shown of.", icon=":material/layers_clear:")
            return
        if row_of(rows, choice.layer) is None:
            _choose_first_layer(session, model, [row.key for row in rows])
        with layers_place:
            layer_list(workspace, rows, choice)
        session.layer_rows = rows
    except LayerscopeError as error:
        show_error(error, workspace, "answer")


def _choose_first_layer(session: Session, model: ModelSummary, layers: list[str]) -> None:
    choice = session.choice
    if choice.layer:
        st.info(f"There is no layer “{named(choice.layer)}” in this model.", icon=":material/link_off:")
    choice.layer = model.featured_layer if model.featured_layer in layers else layers[0]
