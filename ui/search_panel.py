"""The input that a unit, a class or a whole layer is looking for, while it is being found, beside real samples."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.common.text import number_text
from core.errors import LayerscopeError, NoGradient
from core.workspace.interface import WorkspaceInterface
from core.workspace.search_charts import answers_chart, is_weaker
from core.workspace.search_results import ExcitedReport, FoundInput, SearchReport
from ui import keys
from ui.charts import chart
from ui.search_run import STEPS, SearchRun
from ui.search_settings import FROM_SAMPLE
from ui.search_target import SearchTarget, start_from_sample
from ui.selection import sample_chart
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = [
    "SECONDS_A_TICK",
    "excited_samples",
    "of_samples",
    "search_of",
    "search_panel",
    "set_beside",
    "strongest_samples",
]

SECONDS_A_TICK: Final = 0.6
_SIDE: Final = 168
_WIDE: Final = 344


def search_of(target: SearchTarget, steps: int = STEPS, *, starts: bool = True) -> SearchRun:
    """Return the search for a target, which goes on from page to page.

    Args:
        target: What is looked for.
        steps: How many steps it makes at least.
        starts: Whether a new one runs at once.
    """
    session = get_session()
    request = (*session.what_is_open, target.layer.key, target.unit, repr(target.settings))
    # Only a search that starts from the sample, or holds other inputs at it, is another one for another sample.
    sample = (target.sample,) if target.settings["from_sample"] or target.layer.has_other_inputs else ()
    session.search = SearchRun.of((*request, *sample), session.search, starts=starts, steps=steps)
    return session.search


def search_panel(workspace: WorkspaceInterface, target: SearchTarget, run: SearchRun) -> None:
    """Draw what is found so far, and go on tick by tick while the rest of the page can be used.

    Args:
        workspace: What is open.
        target: What is looked for.
        run: As :func:`search_of` returns it; where there is no gradient, the session's ``search_step`` is refused.
    """
    run.is_replaced = False
    st.fragment(_search_tick, run_every=run.start_clock())(workspace, target, run)


def set_beside(run: SearchRun, strongest: ExcitedReport | None) -> None:
    """Let the samples that excite a target the most stand beside what its search found."""
    if strongest is not None and run.strongest is None:
        run.strongest = strongest
        if not run.is_running:
            st.rerun()


def _search_tick(workspace: WorkspaceInterface, target: SearchTarget, run: SearchRun) -> None:
    if run.is_running != run.has_clock or run.is_replaced:
        st.rerun()
    step_goal = run.step_goal if run.is_running else run.steps
    settings = {**target.settings, "run": run.serial}

    def go_on() -> SearchReport:
        return workspace.maximize(target.layer.key, target.unit, settings, target.sample, step_goal, SECONDS_A_TICK)

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
    if report.entry:
        held = f"; held at {plain(report.held_at)}" if report.held_at else ""
        st.caption(f"Searched is the input {named(report.entry)}{held}.")
    if report.found and report.found[0].picture is not None:
        row = st.container(horizontal=True)
        for result in report.found:
            width = _WIDE if result.is_wide else _SIDE
            place = row.container(width=width + 8)
            if result.picture is not None:
                place.image(
                    result.picture, width=width, alt=f"Input found for {report.name}: {_result_caption(result)}"
                )
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
    return f"answers {number_text(result.objective)}{answer}"


def _against_samples(report: SearchReport, run: SearchRun) -> None:
    """Draw what was found and the strongest sample on one scale, and say when it is the weaker one."""
    strongest = run.strongest
    if strongest is None or not strongest.samples or not report.found:
        return
    bars = answers_chart(report.found, strongest)
    chart(bars.specification, keys.SEARCH_BARS, alt=bars.alt)
    if not run.is_running and is_weaker(report.found, strongest):
        st.warning(
            "Weaker than a real sample: the best input that was found answers "
            f"{number_text(report.found[0].objective)}, sample {strongest.strongest:,} answers "
            f"{number_text(strongest.largest)}. More steps may help, or another start.",
            icon=":material/trending_down:",
        )


def _starts_from(sample: int) -> bool:
    choice = get_session().choice
    return choice.options.get(FROM_SAMPLE) is True and choice.sample == sample


def _start_from(sample: int, run: SearchRun) -> None:
    start_from_sample(sample)
    run.is_replaced = True


def strongest_samples(workspace: WorkspaceInterface, target: SearchTarget) -> ExcitedReport | None:
    """Draw the samples that excite a target the most; return them, or None where they could not be had."""
    st.markdown("**Top samples**")
    report = excited_samples(workspace, target)
    if report is not None:
        key = keys.strongest_samples(target.layer.key, target.unit, target.sample)
        with st.container(key=keys.FITTED_CHART):
            sample_chart(report.specification, key)
        st.caption(of_samples(report, target))
    return report


def excited_samples(workspace: WorkspaceInterface, target: SearchTarget) -> ExcitedReport | None:
    """Return the samples that excite a target the most; None where that fails, which is said here."""
    try:
        with waiting(workspace, "Running all samples", "excited") as progress:
            return workspace.excited(target.layer.key, target.unit, target.settings, progress)
    except LayerscopeError as error:
        show_error(error, workspace, "excited")
        return None


def of_samples(report: ExcitedReport, target: SearchTarget) -> str:
    """Return how strong the strongest sample is, in a sentence."""
    measure = ", ".join(filter(None, [target.layer.explained_as or "answer", target.where]))
    return f"The strongest of {report.sample_count:,} samples answers {number_text(report.largest)} ({plain(measure)})."
