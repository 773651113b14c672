"""The page Training: what every layer did at every step, also while the training goes on, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import streamlit as st

from core.common.text import count_text
from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ChartPicture
from core.workspace.run_results import AlarmRow, RunCharts, RunSummary
from ui import keys
from ui.address import keep_address
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading
from ui.run_step import select_step, step_field
from ui.second_run import bring_second_run, choose_second_run
from ui.selection import clicked_point
from ui.session import get_session
from ui.training_films import layer_over_steps
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_SECONDS: Final = 2.0
_ALARMS_SHOWN: Final = 3
_CODE: Final = """\
import layerscope

model.fit(x, y, epochs=20, callbacks=[layerscope.Record(x_val[:32], y_val[:32], path="run.layerscope")])
# layerscope run run.layerscope, also while it trains"""


def page(explore: Any, path: str) -> None:
    """Draw the page.

    Args:
        explore: The page that the open step is looked at on.
        path: What the address calls this page.
    """
    session = get_session()
    workspace = session.workspace
    try:
        run = workspace.run
        if run is not None and run.step_count:
            _run(workspace, run, session.choice, explore)
            layer_over_steps(workspace, run, session.choice, path)
            return
        if run is None:
            _explain()
        else:
            _wait_for_steps(workspace, run)
    except LayerscopeError as error:
        show_error(error, workspace, "training")
    keep_address(session.choice, path)


def _explain() -> None:
    heading("Training", "what every layer did at every step")
    st.markdown(
        "Record a training with one callback; open its folder, or a zip of it, under *Model*, *Your file*, also while "
        "it is still written."
    )
    st.code(_CODE, language="python", wrap_lines=True)
    st.button(
        "Open a recorded training",
        key=keys.TRAINING_EXAMPLE,
        icon=":material/timeline:",
        on_click=_open_example,
        help="The example that ships with Layerscope.",
    )


def _open_example() -> None:
    choice = get_session().choice
    choice.come_from({"example_run": True})
    choice.model_version += 1


def _run(workspace: WorkspaceInterface, run: RunSummary, choice: Choice, explore: Any) -> None:
    bring_second_run(workspace, choice)
    _fit_choice(run, choice)
    get_session().training_drawn = (choice.layer, choice.step)
    heading("Training", _summary(run))
    measure_place, step_place, second_place = st.columns([3, 6, 3], gap="medium", vertical_alignment="bottom")
    with measure_place:
        _measure_field(run, choice)
    with step_place:
        if run.step is None:
            st.caption(plain(run.why_no_model))
        else:
            step_field(run, keys.TRAINING_STEP)
    with second_place:
        choose_second_run(workspace, choice)
    live = st.fragment(_charts, run_every=None if run.is_complete else _SECONDS)
    live(workspace, run, choice)
    _about(run, explore)


def _fit_choice(run: RunSummary, choice: Choice) -> None:
    """Leave only what there is in this run."""
    measures = [measure.name for measure in run.measures]
    if choice.measure not in measures:
        if choice.measure:
            st.info(f"The run has no measure “{named(choice.measure)}”.", icon=":material/link_off:")
        choice.measure = ""
    if choice.layer not in run.layers:
        choice.layer = run.layers[0]


def _summary(run: RunSummary) -> str:
    state = "complete" if run.is_complete else ":orange[not at its end: read on every 2 seconds]"
    steps = f"{count_text(run.step_count, 'step')} recorded, {run.first_step:,} to {run.last_step:,}"
    return f"{named(run.name)} · {steps} · {count_text(run.epochs, 'epoch')} · {state}"


def _wait_for_steps(workspace: WorkspaceInterface, run: RunSummary) -> None:
    heading("Training", f"{named(run.name)} · nothing was recorded yet")
    st.info("The first step appears here by itself as soon as it is written.", icon=":material/hourglass_top:")

    def look() -> None:
        if workspace.refresh_run().step_count:
            st.rerun()

    st.fragment(look, run_every=_SECONDS)()


def _measure_field(run: RunSummary, choice: Choice) -> None:
    titles = {measure.name: measure.title for measure in run.measures}
    st.session_state[keys.TRAINING_MEASURE] = _measure(run, choice)
    st.selectbox(
        "Colour by",
        list(titles),
        format_func=titles.__getitem__,
        key=keys.TRAINING_MEASURE,
        on_change=_keep_measure,
    )


def _measure(run: RunSummary, choice: Choice) -> str:
    return choice.measure or run.measures[0].name


def _keep_measure() -> None:
    get_session().choice.measure = st.session_state[keys.TRAINING_MEASURE]


def _charts(workspace: WorkspaceInterface, run: RunSummary, choice: Choice) -> None:
    """Draw the charts of the measure; while the training goes on, again and again with what was recorded since."""
    session = get_session()
    if choice is not session.choice or session.training_drawn != (choice.layer, choice.step):
        st.rerun()  # a click chose another layer or step: what stands around changes too
    try:
        if not run.is_complete and workspace.refresh_run() != run:
            st.rerun()  # what stands around says how far it is, and pictures over the steps go on
        with waiting(workspace, "Drawing", "training_charts"):
            drawn = workspace.run_charts(_measure(run, choice), choice.layer)
    except LayerscopeError as error:
        show_error(error, workspace, "training_charts")
        return
    with st.container(gap="xsmall"):
        _alarms(run.alarms)
    with st.container(gap=None, key=keys.TRAINING_CHARTS):
        for number, picture in enumerate(drawn.logs):
            chart(picture.specification, keys.training_chart("logs", number, "", "", choice.step), alt=picture.alt)
        _heatmaps(run, drawn, choice)


def _heatmaps(run: RunSummary, drawn: RunCharts, choice: Choice) -> None:
    if len(drawn.layers) == 1:
        _heatmap(run, drawn.layers[0], 0, choice)
        st.caption(plain(drawn.layers[0].caption))
        return
    for number, (place, picture) in enumerate(zip(st.columns(2, gap="medium"), drawn.layers, strict=True)):
        with place:
            st.markdown(f"**{plain(drawn.names[number])}**")
            _heatmap(run, picture, number, choice)
    st.caption(plain(drawn.layers[0].caption))
    if drawn.difference is not None:
        st.markdown(f"**Difference**, {plain(drawn.names[1])} − {plain(drawn.names[0])}")
        chart(
            drawn.difference.specification,
            keys.training_chart("difference", 0, _measure(run, choice), "", None),
            alt=drawn.difference.alt,
        )
    st.caption(plain(drawn.note))


def _heatmap(run: RunSummary, picture: ChartPicture, number: int, choice: Choice) -> None:
    if not picture.specification:
        st.info(plain(picture.alt), icon=":material/do_not_disturb_on:")
        return
    key = keys.training_chart("layers", number, _measure(run, choice), choice.layer, choice.step)
    select: Callable[[], None] = partial(_select_cell, key, run)
    chart(picture.specification, key, selections=picture.selections, on_select=select, alt=picture.alt)


def _select_cell(key: str, run: RunSummary) -> None:
    cell = clicked_point(key, "cell")
    if cell is not None:
        _go_to(run, str(cell["layer"]), int(cell["step"]))


def _go_to(run: RunSummary, layer: str, step: int) -> None:
    choice = get_session().choice
    if layer in run.layers:
        choice.select_layer(layer)
    nearest = run.nearest_kept(step)
    if nearest is not None:
        select_step(nearest)


def _alarms(alarms: tuple[AlarmRow, ...]) -> None:
    """List what went wrong; a click goes to the layer and the step."""
    if not alarms:
        return
    _alarm_buttons(alarms[:_ALARMS_SHOWN], 0)
    if len(alarms) > _ALARMS_SHOWN:
        with st.expander(f"{count_text(len(alarms) - _ALARMS_SHOWN, 'more alarm')}"):
            _alarm_buttons(alarms[_ALARMS_SHOWN:], _ALARMS_SHOWN)


def _alarm_buttons(alarms: tuple[AlarmRow, ...], first: int) -> None:
    run = get_session().workspace.run
    for number, alarm in enumerate(alarms, first):
        st.button(
            f":red[▲] {plain(alarm.text)}",
            key=keys.training_alarm(number),
            type="tertiary",
            on_click=_go_to,
            args=(run, alarm.layer, alarm.step),
            help="Go to this layer and step",
        )


def _about(run: RunSummary, explore: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if run.step is not None:
            # A link, as st.switch_page would lose the files that were uploaded.
            st.page_link(explore, label=f"Look at the model at step {run.step:,}", icon=":material/arrow_forward:")
        st.caption("Click a cell: its layer and the nearest step with weights are chosen, on every page.")
    for note in run.notes:
        st.caption(plain(note))
