"""Pictures of one layer over the steps of a training, of plugins too, with their options beside them."""

from __future__ import annotations

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ChartPicture, LayerView, VisualizerSummary
from core.workspace.run_results import RunSummary
from ui import keys
from ui.address import keep_address
from ui.choice import Choice
from ui.controls import controls, show_faults
from ui.pictures import draw_charts, how_to_read, unavailable
from ui.run_step import select_step
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import plain

__all__ = ["layer_over_steps"]

_STEP = "step"


@st.fragment
def layer_over_steps(workspace: WorkspaceInterface, run: RunSummary, choice: Choice, path: str) -> None:
    """Draw the pictures of ``choice.layer`` over the steps; an option draws only this part again.

    Args:
        workspace: What is open.
        run: The recorded training.
        choice: What is chosen.
        path: What the address calls the page.
    """
    clicked = choice.options.pop(_STEP, None)
    if clicked is not None and (nearest := run.nearest_kept(int(clicked))) is not None:
        select_step(nearest)
    session = get_session()
    if choice is not session.choice or session.training_drawn != (choice.layer, choice.step):
        st.rerun()  # another layer or step: the charts above mark it
    try:
        with waiting(workspace, "Looking at the layer over the steps", "film") as progress:
            view = workspace.run_layer(
                choice.layer, choice.over_steps, choice.film, choice.drawing_options(), choice.sample, progress
            )
        _draw(workspace, run, view, choice)
    except LayerscopeError as error:
        show_error(error, workspace, "film")
    keep_address(choice, path)


def _draw(workspace: WorkspaceInterface, run: RunSummary, view: LayerView, choice: Choice) -> None:
    part = view.parts[0].key if view.parts else ""
    visualizer = view.picture(choice.film)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Over the steps**", width="content")
        _layer_field(run, choice)
        if part:
            _part_field(view, part)
        if visualizer is not None:
            _film_field(view, visualizer, part)
    said = plain(visualizer.description) if visualizer is not None else ""
    st.caption(" · ".join(filter(None, (plain(view.description), said))))
    if not part:
        return
    unavailable(view.unavailable)
    if visualizer is None or view.chart is None:
        st.info("No picture over the steps suits this.", icon=":material/image_not_supported:")
        return

    def key_of(number: int, picture: ChartPicture) -> str:
        return keys.training_film(choice.layer, part, visualizer.name, number, choice.chart_version, choice.step)

    with st.container(key=keys.PICTURE_AND_OPTIONS):
        chart_place, options_place = st.columns([4, 1], gap="medium")
    with options_place:
        # What follows the step of the page has no control, as what follows its sample has none.
        own = [control for control in visualizer.controls if control.name != _STEP]
        places = controls(own, choice, f"training/{choice.layer}/{part}/{visualizer.name}")
        how_to_read(visualizer, width="stretch")
    with chart_place, st.container(key=keys.fitted(keys.TRAINING_FILM)):
        draw_charts(workspace, view.chart, visualizer, key_of, "film_chart")
    show_faults(places, view.chart.faults)


def _layer_field(run: RunSummary, choice: Choice) -> None:
    st.session_state[keys.TRAINING_LAYER] = choice.layer
    st.selectbox(
        "Layer",
        list(run.layers),
        key=keys.TRAINING_LAYER,
        on_change=_keep_layer,
        label_visibility="collapsed",
        width=220,
    )


def _keep_layer() -> None:
    get_session().choice.select_layer(st.session_state[keys.TRAINING_LAYER])


def _part_field(view: LayerView, part: str) -> None:
    titles = {each.key: each.title for each in sorted(view.parts, key=lambda each: each.key)}
    st.session_state[keys.TRAINING_PART] = part
    st.selectbox(
        "What of the layer",
        list(titles),
        format_func=lambda key: titles[key].capitalize(),
        key=keys.TRAINING_PART,
        on_change=_keep_part,
        label_visibility="collapsed",
        width=240,
    )


def _keep_part() -> None:
    get_session().choice.over_steps = st.session_state[keys.TRAINING_PART]


def _film_field(view: LayerView, visualizer: VisualizerSummary, part: str) -> None:
    titles = {each.name: each.title for each in view.visualizers}
    key = keys.training_films(part)
    st.session_state[key] = visualizer.name
    st.pills(
        "Picture over the steps",
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        key=key,
        on_change=_keep_film,
        args=(key,),
        label_visibility="collapsed",
        wrap=True,
    )


def _keep_film(key: str) -> None:
    get_session().choice.film = st.session_state[key] or ""
