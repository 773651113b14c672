"""The maximize page: the input that a unit, a class or a whole layer is looking for, while it is being found."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from core.workspace.search_results import ExcitedReport, LayerSearchReport, SearchableLayer
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading, page_of_samples
from ui.search_panel import (
    SECONDS_A_TICK,
    excited_samples,
    of_samples,
    search_of,
    search_panel,
    set_beside,
    strongest_samples,
)
from ui.search_run import SearchRun
from ui.search_target import SearchTarget, choose_target
from ui.selection import clicked_point, sample_chart, select_unit, selected_value
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_GALLERY_STEPS: Final = 96


def page() -> None:
    """Draw the page."""
    page_of_samples("Maximize", _maximize)


def _maximize(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    heading(
        "Maximize",
        f"{named(model.name)} · gradient ascent changes an input so that a unit answers more; the samples that it "
        "answers to the most stand beside it",
    )
    with waiting(workspace, "Looking at the layers", "searchable"):
        layers = {layer.key: layer for layer in workspace.searchable_layers()}
    if not layers:
        st.info("No layer of this model answers real numbers.", icon=":material/image_not_supported:")
        return
    target = choose_target(layers, choice)
    if target.layer.has_region:
        _region(workspace, target, choice)
    run = search_of(target)
    if (error := get_session().search_step.error_for(run.request)) is not None:
        _samples_alone(workspace, target, error)
        return
    search_place, samples_place = st.columns([3, 2], gap="medium")
    with search_place:
        search_panel(workspace, target, run)
    with samples_place:
        strongest = strongest_samples(workspace, target)
    set_beside(run, strongest)
    _whole_layer(workspace, target)


def _region(workspace: WorkspaceInterface, target: SearchTarget, choice: Choice) -> None:
    """Draw what the layer answers to the sample, folded, to be dragged over for a search in a part of its places."""
    is_part = target.settings.get("region") is not None
    place = st.expander(
        "Region: drag over the answer to look for less than all places",
        icon=":material/select_all:",
        key=keys.SEARCH_REGION,
        on_change="rerun",
    )
    if not place.open:
        return
    with place:
        try:
            with waiting(workspace, "Looking at the answer", "answer to drag"):
                answer = workspace.answer_to_drag(target.layer.key, target.unit, target.settings, target.sample)
        except LayerscopeError as error:
            show_error(error, workspace, "answer to drag")
            return
        if answer is None:
            return
        of = "" if target.unit is not None else f" of {target.layer.kind} 0"
        st.caption(
            f"Answer{of} to sample {target.sample:,}. What is dragged over is driven, instead of the mean of all "
            "places."
        )
        key = keys.answer_to_drag(target.layer.key, target.sample, choice.chart_version)
        chart(answer, key, selections=("region",), on_select=lambda: _drag(key, target.layer.key))
        if is_part:
            st.button(
                "All places",
                icon=":material/deselect:",
                on_click=choice.set_option,
                args=("region", None, "region"),
                key=keys.SEARCH_EVERYWHERE,
            )


def _drag(key: str, layer: str) -> None:
    region = selected_value("region", st.session_state[key].selection.get("region"))
    if region is not None:
        get_session().choice.select_layer(layer)
        get_session().choice.set_option("region", region, "region")


def _samples_alone(workspace: WorkspaceInterface, target: SearchTarget, error: LayerscopeError) -> None:
    """Draw the strongest samples as the page, where no input can be found."""
    st.info(
        f"{plain(error.message)} So no input can be found; below are the samples that the target answers to the most.",
        icon=":material/block:",
    )
    report = excited_samples(workspace, target)
    if report is None:
        return
    what = "the whole layer" if target.unit is None else f"{target.layer.kind} {_unit_name(target.layer, target.unit)}"
    st.markdown(f"**Top samples for {plain(what)} of {named(target.layer.key)}**")
    key = keys.strongest_samples(target.layer.key, target.unit, target.sample)
    if any(each.text for each in report.samples):
        _sample_table(report, key)
    else:
        sample_chart(report.specification, key)
    st.caption(f"{of_samples(report, target)} Click one to open it.")


def _unit_name(layer: SearchableLayer, unit: int) -> str:
    return layer.class_names[unit] if unit < len(layer.class_names) else f"{unit:,}"


def _sample_table(report: ExcitedReport, key: str) -> None:
    answers = [each.answer for each in report.samples]
    table = {
        "sample": [each.name for each in report.samples],
        "answer": answers,
        "text": [each.text for each in report.samples],
    }
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        height="content",
        key=key,
        on_select=lambda: _select_row(key, report),
        selection_mode=["single-row", "single-cell"],
        column_config={
            "answer": st.column_config.ProgressColumn(
                "answer", min_value=min(0.0, *answers), max_value=max(0.0, *answers), format="%.3g", width="small"
            ),
            "text": st.column_config.TextColumn("text", width="large"),
        },
    )


def _select_row(key: str, report: ExcitedReport) -> None:
    selection = st.session_state[key].selection
    rows = selection.rows or [cell[0] for cell in selection.cells]
    if rows and rows[0] < len(report.samples):
        get_session().choice.sample = report.samples[rows[0]].number


def _whole_layer(workspace: WorkspaceInterface, target: SearchTarget) -> None:
    plural = "classes" if target.layer.kind == "class" else f"{target.layer.kind}s"
    st.markdown(f"##### All {target.layer.unit_count:,} {plural} of {named(target.layer.key)}")
    session = get_session()
    # Other inputs are held at the sample.
    sample = (target.sample,) if target.layer.has_other_inputs else ()
    request = (*session.what_is_open, target.layer.key, repr(target.settings), *sample)
    run = session.gallery = SearchRun.of(request, session.gallery, starts=False)
    run.step_goal = _GALLERY_STEPS
    st.fragment(_gallery_tick, run_every=run.start_clock())(workspace, target, run, plural)


def _gallery_tick(workspace: WorkspaceInterface, target: SearchTarget, run: SearchRun, plural: str) -> None:
    session = get_session()
    has_click, session.has_tile_click = session.has_tile_click, False
    if run.is_running != run.has_clock or has_click:
        st.rerun()
    if not run.steps and not run.is_running:
        st.caption(f"{_GALLERY_STEPS} steps for each, one after another, while you go on.")
        st.button(f"Optimize all {plural}", icon=":material/grid_view:", on_click=run.start, key=keys.GALLERY_START)
        return
    seconds = SECONDS_A_TICK if run.is_running else 0.0
    settings = {**target.settings, "run": run.serial}
    try:
        report = workspace.maximize_layer(target.layer.key, settings, target.sample, _GALLERY_STEPS, seconds)
    except LayerscopeError as error:
        run.stop()
        show_error(error, workspace, "gallery", forget=run.restart)
        return
    run.steps += 1
    run.is_running = run.is_running and report.done < report.wanted
    _gallery_controls(run, report, plural)
    if report.specification:
        layer = target.layer.key
        key = keys.gallery(layer, run.serial, target.unit)
        chart(
            report.specification,
            key,
            selections=(report.kind,),
            on_select=lambda: _select_tile(key, layer, report.kind),
        )
        st.caption("Click one to search for it alone, above.")
    if run.has_clock and not run.is_running:
        st.rerun()


def _gallery_controls(run: SearchRun, report: LayerSearchReport, plural: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    if run.is_running:
        row.button("Stop", icon=":material/stop_circle:", on_click=run.stop, key=keys.GALLERY_STOP)
    elif report.done < report.wanted:
        row.button("Continue", icon=":material/resume:", on_click=run.start, key=keys.GALLERY_MORE)
    row.progress(report.done / report.wanted, text=f"{report.done:,} of {report.wanted:,} {plural}")
    if report.wanted < report.unit_count:
        st.caption(f"The first {report.wanted:,} of {report.unit_count:,} are searched for.")


def _select_tile(key: str, layer: str, kind: str) -> None:
    tile = clicked_point(key, kind)
    if tile is not None:
        get_session().has_tile_click = True
        select_unit(layer, int(tile[kind]))
