"""What stands around every page: the sidebar with the model, its samples and its layers, and the strip above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.layer_rows import row_of
from core.workspace.results import ModelSummary
from ui import engine, keys
from ui.address import is_history_navigation, keep_address
from ui.layer_list import layer_list
from ui.limits import limits
from ui.model_choice import about_model, choose_model
from ui.pages import EDIT, TRAINING
from ui.recorded import about_recording, record_button, recording_of
from ui.run_step import step_field, why_no_model
from ui.sample_choice import choose_samples
from ui.session import Session, get_session
from ui.start import take_start
from ui.strip import Thumbnails, strip, thumbnails
from ui.trust import show_trusted
from ui.variants import keep_variants
from ui.waiting import show_error
from ui.wording import named

__all__ = ["frame", "list_and_thumbnails", "strip_of_sample"]

_ICON: Final = Path(__file__).parent / "icon.png"
_SHORTCUTS: Final = {
    "k": "layer before",
    "j": "layer after",
    "p": "unit before, on its page",
    "n": "unit after",
    "←": "sample before",
    "→": "sample after",
    "Ctrl + Z": "on Edit: undo; with Shift: redo",
    "Esc": "close what is open",
    "Alt + ←": "back, to what was on the page before",
}


def frame(page: Any, all_pages: Sequence[Any], place_above: Any, *, has_strip: bool) -> None:
    """Draw what stands around a page, and the page in it.

    Args:
        page: The page, as Streamlit's navigation returns it.
        all_pages: All of them, in their order.
        place_above: Where what the sidebar waits for is said: a narrow window hides the sidebar.
        has_strip: Whether it is about the samples that are open.
    """
    session = get_session()
    if is_history_navigation():
        session.go_where_the_address_says()
    begins = session.model_step.current is None and not engine.shows_recording()
    if begins and take_start(session.choice) and not page.url_path:
        st.switch_page(next(each for each in all_pages if each.url_path == TRAINING))
    session.place_above = place_above
    st.logo(_ICON)
    with st.sidebar:
        try:
            _model_and_samples(session, has_step=page.url_path != TRAINING)
        except LayerscopeError as error:
            show_error(error, session.workspace, "sidebar")
        layers_place = st.container()
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            limits()
            _shortcuts()
            record_button()
    place_above.empty()
    with st.container(key=keys.NARROW_NAVIGATION, horizontal=True, gap="small"):
        for each in all_pages:
            st.page_link(each, label=each.title)
    rest = strip_of_sample(session) if has_strip else None
    if page.url_path == EDIT:
        # The list says how far each layer moves by the edit, which the page asks for.
        session.last_part = None
        page.run()
        list_and_thumbnails(session, rest, layers_place)
        keep_address(session.choice, page.url_path)
        if session.last_part is not None:
            session.last_part()
    elif page.url_path == TRAINING:
        # A part of it runs alone and writes the address, as that of the first page does.
        page.run()
    elif page.url_path:
        list_and_thumbnails(session, rest, layers_place)
        page.run()
        keep_address(session.choice, page.url_path)
    else:
        # A click on a layer waits for its picture, so that comes first; the page writes the address itself, as a part
        # of it runs alone, with what is chosen in that.
        page.run()
        list_and_thumbnails(session, rest, layers_place)


def _shortcuts() -> None:
    with st.popover("Keys", icon=":material/keyboard:", type="tertiary"):
        for shortcut, what in _SHORTCUTS.items():
            st.markdown(f"`{shortcut}` {what}")


def _model_and_samples(session: Session, *, has_step: bool) -> None:
    """Draw what opens a model and what gives it samples; afterwards both are open, if there are any to be had.

    Args:
        session: What the page knows of the visitor.
        has_step: Whether the step of a recorded training is chosen here, and not on the page itself.
    """
    about = recording_of(session.workspace)
    if about is not None:
        about_recording(session, about, st)
        about_model(session.workspace)
        return
    model_place, samples_place = st.columns(2, gap="xsmall")
    choose_model(session, model_place)
    model, run = session.workspace.model, session.workspace.run
    if run is not None and has_step:
        step_field(run, keys.RUN_STEP)
    if model:
        show_trusted(model)
        choose_samples(session, model, samples_place)
        keep_variants(session)


def strip_of_sample(session: Session) -> Thumbnails | None:
    """Draw the strip here; afterwards the session knows the layers, and one of them is chosen.

    Args:
        session: What the page knows of the visitor.

    Returns:
        What is left of the strip for :func:`list_and_thumbnails`; None where there is nothing to choose from.
    """
    workspace, choice = session.workspace, session.choice
    session.layer_rows, session.layer_changes = None, {}
    try:
        model = workspace.model
        if model is None and workspace.run is not None:
            st.info(why_no_model(workspace.run), icon=":material/history:")
            return None
        if model is None:
            st.info("Open an example or a model file in the sidebar.", icon=":material/arrow_back:")
            return None
        if not workspace.sample_names:
            st.info("Give the model an input in the sidebar: data of yours, or noise.", icon=":material/arrow_back:")
            return None
        rest = strip(workspace, model, choice)
        rows = session.sample_view.layers if session.sample_view else ()
        if not rows:
            st.info("This model has no layer that anything could be shown of.", icon=":material/layers_clear:")
        else:
            if row_of(rows, choice.layer) is None:
                _choose_first_layer(session, model, [row.key for row in rows])
            session.layer_rows = rows
    except LayerscopeError as error:
        show_error(error, workspace, "answer")
        return None
    return rest


def list_and_thumbnails(session: Session, rest: Thumbnails | None, layers_place: Any) -> None:
    """Draw what leads to other layers and samples, where there are any.

    Args:
        session: What the page knows of the visitor.
        rest: What :func:`strip_of_sample` left.
        layers_place: Where the list of layers is drawn.
    """
    if rest is None:
        return
    workspace, choice = session.workspace, session.choice
    try:
        thumbnails(workspace, rest, choice)
        if session.layer_rows:
            with layers_place:
                layer_list(workspace, session.layer_rows, choice)
    except LayerscopeError as error:
        with rest.place:
            show_error(error, workspace, "thumbnails")


def _choose_first_layer(session: Session, model: ModelSummary, layers: list[str]) -> None:
    choice = session.choice
    if choice.layer:
        st.info(f"There is no layer “{named(choice.layer)}” in this model.", icon=":material/link_off:")
        choice.unit = choice.region = None
    choice.layer = model.featured_layer if model.featured_layer in layers else layers[0]
