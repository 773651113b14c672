"""The maximize page: the input that a unit, a class or a whole layer is looking for, while it is being found."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from core.errors import LayerscopeError, NoGradient
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from core.workspace.search_charts import answers_chart, is_weaker
from core.workspace.search_results import ExcitedReport, FoundInput, LayerSearchReport, SearchableLayer, SearchReport
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading, page_of_samples
from ui.search_run import SearchRun
from ui.search_target import SearchTarget, choose_target, select_unit, start_from_sample
from ui.selection import clicked_point, sample_chart
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_GALLERY_STEPS: Final = 96
_SECONDS_A_TICK: Final = 0.6


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
    run = _run_of(target)
    if (error := get_session().search_step.error_for(run.request)) is not None:
        _samples_alone(workspace, target, error)
        return
    search_place, samples_place = st.columns([3, 2], gap="medium")
    with search_place:
        run.is_replaced = False
        st.fragment(_search_tick, run_every=run.start_clock())(workspace, target, run)
    with samples_place:
        strongest = _strongest_samples(workspace, target)
    if strongest is not None and run.strongest is None:
        run.strongest = strongest
        if not run.is_running:
            st.rerun()
    _whole_layer(workspace, target)


def _run_of(target: SearchTarget) -> SearchRun:
    session = get_session()
    request = (*session.what_is_open, target.layer.key, target.unit, repr(target.settings))
    # Only a search that starts from the sample is another one for another sample.
    sample = (target.sample,) if target.settings["from_sample"] else ()
    session.search = SearchRun.of((*request, *sample), session.search)
    return session.search


def _search_tick(workspace: WorkspaceInterface, target: SearchTarget, run: SearchRun) -> None:
    if run.is_running != run.has_clock or run.is_replaced:
        st.rerun()
    step_goal = run.step_goal if run.is_running else run.steps
    settings = {**target.settings, "run": run.serial}

    def go_on() -> SearchReport:
        return workspace.maximize(target.layer.key, target.unit, settings, target.sample, step_goal, _SECONDS_A_TICK)

    # There in every tick: with what is below it at another place, the page would show it twice for a moment.
    beginning = st.container()
    try:
        if run.steps:
            report = go_on()
        else:
            with beginning, waiting(workspace, "Beginning", "maximize"):
                report = go_on()
    except NoGradient as error:
        run.stop()
        get_session().search_step.refuse(run.request, error)
        st.rerun()
    except LayerscopeError as error:
        run.stop()
        show_error(error, workspace, "maximize", forget=run.restart)
        return
    run.steps = report.steps
    run.is_running = run.is_running and run.steps < run.step_goal
    _results(report)
    _against_samples(report, run)
    _controls(report, run)
    chart(report.curve, keys.search_curve(run.serial))
    if run.has_clock and not run.is_running:
        st.rerun()


def _controls(report: SearchReport, run: SearchRun) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    if run.is_running:
        row.button("Stop", icon=":material/stop_circle:", on_click=run.stop, key=keys.SEARCH_STOP)
    else:
        row.button("Continue", icon=":material/resume:", on_click=run.extend, key=keys.SEARCH_MORE)
        row.button("Restart", icon=":material/restart_alt:", on_click=run.restart, key=keys.SEARCH_AGAIN)
        best = run.strongest
        if best is not None and is_weaker(report.found, best) and not _starts_from(best.strongest):
            row.button(
                f"Start from sample {best.strongest:,}",
                icon=":material/image_search:",
                on_click=_start_from,
                args=(best.strongest, run),
                key=keys.SEARCH_FROM_STRONGEST,
            )
    row.progress(min(run.steps / run.step_goal, 1.0), text=f"{run.steps:,} of {run.step_goal:,} steps")


def _results(report: SearchReport) -> None:
    st.markdown(f"**Input found for {plain(report.name)}**")
    if report.found and report.found[0].picture is not None:
        row = st.container(horizontal=True)
        for result in report.found:
            place = row.container(width=176)
            if result.picture is not None:
                place.image(result.picture, width=168, alt=f"Input found for {report.name}: {_result_caption(result)}")
            place.caption(_result_caption(result))
        return
    for number, result in enumerate(report.found):
        st.caption(_result_caption(result))
        if result.specification:
            chart(result.specification, keys.search_result(number))


def _result_caption(result: FoundInput) -> str:
    answer = ""
    if result.answer:
        says = f"the model says {plain(result.answer)}"
        answer = f"  \n:orange-badge[:material/warning: {says}]" if result.is_other_class else f" · {says}"
    return f"answers {result.objective:.3g}{answer}"


def _against_samples(report: SearchReport, run: SearchRun) -> None:
    """Draw what was found and the strongest sample on one scale, and say when it is the weaker one."""
    strongest = run.strongest
    if strongest is None or not strongest.samples or not report.found:
        return
    bars = answers_chart(report.found, strongest)
    chart(bars.specification, keys.SEARCH_BARS, alt=bars.alt)
    if not run.is_running and is_weaker(report.found, strongest):
        st.warning(
            f"Weaker than a real sample: the best input that was found answers {report.found[0].objective:.3g}, sample "
            f"{strongest.strongest:,} answers {strongest.largest:.3g}. More steps may help, or another start.",
            icon=":material/trending_down:",
        )


def _starts_from(sample: int) -> bool:
    session = get_session()
    return session.search_from_sample and session.choice.sample == sample


def _start_from(sample: int, run: SearchRun) -> None:
    start_from_sample(sample)
    run.is_replaced = True


def _strongest_samples(workspace: WorkspaceInterface, target: SearchTarget) -> ExcitedReport | None:
    st.markdown("**Top samples**")
    report = _excited(workspace, target)
    if report is not None:
        key = keys.strongest_samples(target.layer.key, target.unit, target.sample)
        with st.container(key=keys.FITTED_CHART):
            sample_chart(report.specification, key)
        st.caption(_of_samples(report, target.layer))
    return report


def _excited(workspace: WorkspaceInterface, target: SearchTarget) -> ExcitedReport | None:
    try:
        with waiting(workspace, "Running all samples", "excited") as progress:
            return workspace.excited(target.layer.key, target.unit, target.settings, progress)
    except LayerscopeError as error:
        show_error(error, workspace, "excited")
        return None


def _of_samples(report: ExcitedReport, layer: SearchableLayer) -> str:
    measure = layer.explained_as or ("answer, mean over positions" if layer.has_places else "answer")
    return f"The strongest of {report.sample_count:,} samples answers {report.largest:.3g} ({plain(measure)})."


def _samples_alone(workspace: WorkspaceInterface, target: SearchTarget, error: LayerscopeError) -> None:
    """Draw the strongest samples as the page, where no input can be found."""
    st.info(
        f"{plain(error.message)} So no input can be found; below are the samples that the target answers to the most.",
        icon=":material/block:",
    )
    report = _excited(workspace, target)
    if report is None:
        return
    what = "the whole layer" if target.unit is None else f"{target.layer.kind} {_unit_name(target.layer, target.unit)}"
    st.markdown(f"**Top samples for {plain(what)} of {named(target.layer.key)}**")
    key = keys.strongest_samples(target.layer.key, target.unit, target.sample)
    if any(each.text for each in report.samples):
        _sample_table(report, key)
    else:
        sample_chart(report.specification, key)
    st.caption(f"{_of_samples(report, target.layer)} Click one to open it.")


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
    request = (*session.what_is_open, target.layer.key, repr(target.settings))
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
    seconds = _SECONDS_A_TICK if run.is_running else 0.0
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
