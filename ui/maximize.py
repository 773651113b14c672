"""The maximize page: the input that a unit, a class or a whole layer is looking for, while it is being found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from core.errors import LayerscopeError, NoGradient
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from core.workspace.search_results import FoundInput, LayerSearchReport, SearchableLayer, SearchReport
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import page_of_samples
from ui.search_run import SearchRun
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import error_text, named, plain

__all__ = ["page"]

_UNIT: Final = "A unit"
_LAYER: Final = "All of it"
_GALLERY_STEPS: Final = 96
_SECONDS_A_TICK: Final = 0.6
_MOST_LISTED: Final = 4_096


@dataclass(frozen=True)
class SearchTarget:
    """What is looked for: a unit of a layer, or all of it where ``unit`` is None, and how."""

    layer: SearchableLayer
    unit: int | None
    settings: dict[str, Any]
    sample: int


def page() -> None:
    """Draw the page."""
    page_of_samples("What a unit is looking for", _maximize)


def _maximize(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    st.caption(
        f"{named(model.name)} · an input is changed step by step so that the unit answers more and more: what is then "
        "seen is what the unit is looking for. Beside it stand the samples that it answers to the most."
    )
    with waiting(workspace, "Looking at the layers", "searchable"):
        layers = {layer.key: layer for layer in workspace.searchable_layers()}
    if not layers:
        st.info("No layer of this model answers real numbers.", icon=":material/image_not_supported:")
        return
    target = _target(layers, choice)
    search_place, samples_place = st.columns([3, 2], gap="large")
    with search_place:
        has_gradient = _search(workspace, target)
    with samples_place:
        _strongest_samples(workspace, target)
    if has_gradient:
        _whole_layer(workspace, target)


def _target(layers: dict[str, SearchableLayer], choice: Choice) -> SearchTarget:
    names = list(layers)
    place, kind_place, unit_place, settings_place = st.columns([3, 1.8, 2.4, 1.4], vertical_alignment="bottom")
    st.session_state[keys.SEARCH_LAYER] = choice.layer if choice.layer in layers else names[-1]
    layer = layers[place.selectbox("Layer", names, key=keys.SEARCH_LAYER, on_change=_keep_layer)]
    kind = kind_place.segmented_control(
        "What is to answer", [_UNIT, _LAYER], default=_UNIT, required=True, key=keys.SEARCH_KIND
    )
    unit = None if kind == _LAYER else _unit(unit_place, layer, choice)
    with settings_place.popover("Settings", icon=":material/tune:", width="stretch"):
        settings = _settings(layer)
    return SearchTarget(layer, unit, settings, choice.sample)


def _keep_layer() -> None:
    get_session().choice.select_layer(st.session_state[keys.SEARCH_LAYER])


def _unit(place: Any, layer: SearchableLayer, choice: Choice) -> int:
    option = choice.options.get("unit", choice.options.get("channel"))
    last = layer.unit_count - 1
    unit = min(option, last) if isinstance(option, int) and not isinstance(option, bool) and option >= 0 else 0
    st.session_state[keys.SEARCH_UNIT] = unit
    title = layer.kind.capitalize()
    if last < _MOST_LISTED and layer.class_names:
        place.selectbox(
            title,
            range(last + 1),
            format_func=layer.class_names.__getitem__,
            key=keys.SEARCH_UNIT,
            on_change=_keep_unit,
        )
    else:
        place.number_input(f"{title}, of {last + 1:,}", 0, max(last, 1), key=keys.SEARCH_UNIT, on_change=_keep_unit)
    return unit


def _keep_unit() -> None:
    _choose_unit(int(st.session_state[keys.SEARCH_UNIT]))


def _choose_unit(unit: int) -> None:
    for option in ("unit", "channel"):
        get_session().choice.set_option(option, unit)


def _settings(layer: SearchableLayer) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    settings["starts"] = st.slider("Starts at once", 1, 6, 2, help="From different noise: a unit may look for several.")
    settings["diversity"] = st.slider(
        "Unlike each other", 0.0, 2.0, 0.3, 0.1, help="How much the inputs are kept from exciting the layer alike."
    )
    settings["smoothness"] = st.slider(
        "Smoothness", 0.0, 1.0, 0.1, 0.05, help="Weight of total variation: what lies beside each other is to be alike."
    )
    settings["decay"] = st.slider(
        "Nothing unneeded", 0.0, 2.0, 0.5, 0.1, help="Weight of the distance from what is usual in the samples (L2)."
    )
    settings["jitter"] = st.slider("Moved by", 0.0, 0.25, 0.06, 0.01, help="Images, before each step: share of a side.")
    settings["zoom"] = st.slider("Zoomed by", 0.0, 0.3, 0.06, 0.01, help="Likewise, larger or smaller.")
    settings["rotation"] = st.slider("Turned by", 0.0, 30.0, 5.0, 1.0, help="Likewise, in degrees.")
    settings["by_frequency"] = st.toggle(
        "Along frequencies", True, help="Instead of pixels or timesteps, where ascent finds noise (Olah et al. 2017)."
    )
    settings["from_sample"] = st.toggle(
        "Start from the sample",
        False,
        help="The one of the sidebar, instead of noise: for DeepDream with a whole layer.",
    )
    if layer.has_places:
        settings["one_place"] = st.toggle(
            "At one place only", False, help="The unit in the middle, instead of its mean over all places."
        )
    settings["seed"] = int(st.number_input("Seed", 0, 10_000, 0))
    return settings


def _search(workspace: WorkspaceInterface, target: SearchTarget) -> bool:
    session = get_session()
    request = (session.model_step.current, target.layer.key, target.unit, repr(target.settings))
    # Only a search that starts from the sample is another one for another sample.
    sample = (target.sample,) if target.settings["from_sample"] else ()
    run = session.search = SearchRun.of((*request, *sample), session.search)
    error = session.search_step.error_for(run.request)
    if error is not None:
        st.info(error_text(error), icon=":material/block:")
        return False
    st.fragment(_search_tick, run_every=run.start_clock())(workspace, target, run)
    return session.search_step.error_for(run.request) is None


def _search_tick(workspace: WorkspaceInterface, target: SearchTarget, run: SearchRun) -> None:
    if run.is_running != run.has_clock:
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
    _controls(run)
    chart(report.curve, keys.search_curve(run.serial))
    if run.has_clock and not run.is_running:
        st.rerun()


def _controls(run: SearchRun) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    if run.is_running:
        row.button("Stop", icon=":material/stop_circle:", on_click=run.stop, key=keys.SEARCH_STOP)
    else:
        row.button("Go on", icon=":material/resume:", on_click=run.extend, key=keys.SEARCH_MORE)
        row.button("Start again", icon=":material/restart_alt:", on_click=run.restart, key=keys.SEARCH_AGAIN)
    row.progress(min(run.steps / run.step_goal, 1.0), text=f"{run.steps:,} of {run.step_goal:,} steps")


def _results(report: SearchReport) -> None:
    st.markdown(f"**What excites {plain(report.name)}**")
    if report.found and report.found[0].picture is not None:
        row = st.container(horizontal=True)
        for result in report.found:
            place = row.container(width=176)
            if result.picture is not None:
                place.image(result.picture, width=168)
            place.caption(_result_caption(result))
        return
    for number, result in enumerate(report.found):
        st.caption(_result_caption(result))
        if result.specification:
            chart(result.specification, keys.search_result(number))


def _result_caption(result: FoundInput) -> str:
    answer = f" · the model says {plain(result.answer)}" if result.answer else ""
    return f"answers {result.objective:.4g}{answer}"


def _strongest_samples(workspace: WorkspaceInterface, target: SearchTarget) -> None:
    st.markdown("**Samples that excite it the most**")
    try:
        with waiting(workspace, "Running all samples", "excited") as progress:
            report = workspace.excited(target.layer.key, target.unit, target.settings, progress)
    except LayerscopeError as error:
        show_error(error, workspace, "excited")
        return
    chart(report.specification, keys.strongest_samples(target.layer.key, target.unit))
    measure = target.layer.explained_as or ("answer, in the mean over places" if target.layer.has_places else "answer")
    st.caption(
        f"The strongest of {report.sample_count:,} samples answers {report.largest:.4g} ({measure}). A found input "
        "that answers far more goes beyond what samples show: look for what both have in common."
    )


def _whole_layer(workspace: WorkspaceInterface, target: SearchTarget) -> None:
    plural = "classes" if target.layer.kind == "class" else f"{target.layer.kind}s"
    st.subheader(f"All {target.layer.unit_count:,} {plural} of {named(target.layer.key)}", anchor=False)
    session = get_session()
    request = (session.model_step.current, target.layer.key, repr(target.settings))
    run = session.gallery = SearchRun.of(request, session.gallery, starts=False)
    run.step_goal = _GALLERY_STEPS
    st.fragment(_gallery_tick, run_every=run.start_clock())(workspace, target, run, plural)


def _gallery_tick(workspace: WorkspaceInterface, target: SearchTarget, run: SearchRun, plural: str) -> None:
    session = get_session()
    has_click, session.has_tile_click = session.has_tile_click, False
    if run.is_running != run.has_clock or has_click:
        st.rerun()
    if not run.steps and not run.is_running:
        st.caption(f"Looks for all {plural} one after another while you go on; each with {_GALLERY_STEPS} steps.")
        st.button("Look for all", icon=":material/grid_view:", on_click=run.start, key=keys.GALLERY_START)
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
        key = keys.gallery(target.layer.key, run.serial)
        chart(report.specification, key, selections=(report.kind,), on_select=lambda: _select_tile(key, report.kind))
        st.caption("Click one to look for it alone, above.")
    if run.has_clock and not run.is_running:
        st.rerun()


def _gallery_controls(run: SearchRun, report: LayerSearchReport, plural: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    if run.is_running:
        row.button("Stop", icon=":material/stop_circle:", on_click=run.stop, key=keys.GALLERY_STOP)
    elif report.done < report.wanted:
        row.button("Go on", icon=":material/resume:", on_click=run.start, key=keys.GALLERY_MORE)
    row.progress(report.done / report.wanted, text=f"{report.done:,} of {report.wanted:,} {plural}")
    if report.wanted < report.unit_count:
        st.caption(f"The first {report.wanted:,} of {report.unit_count:,} are looked for.")


def _select_tile(key: str, kind: str) -> None:
    tiles = st.session_state[key].selection.get(kind)
    if tiles:
        get_session().has_tile_click = True
        _choose_unit(int(tiles[0][kind]))
