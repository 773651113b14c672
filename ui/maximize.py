"""The maximize page: the input that a unit, a class or a whole layer is looking for, while it is being found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import LayerscopeError, NoGradient
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from core.workspace.search_results import FoundInput, SearchableLayer, SearchReport
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import page_of_samples
from ui.waiting import show_error, waiting
from ui.wording import error_text, named, plain

__all__ = ["page"]

_UNIT, _LAYER = "A unit", "All of it"
_STEPS, _MOST_STEPS, _GALLERY_STEPS = 256, 2048, 96
_TICK_SECONDS = 0.1
_SECONDS_A_TICK = 0.6
_MOST_LISTED = 4_096
_SEARCH, _GALLERY, _CLICKED = "maximize/search", "maximize/gallery", "maximize/clicked"


@dataclass
class _Run:
    """A search that the page lets go on by itself, tick by tick, until it is done or stopped.

    Attributes:
        of: What is looked for, and how.
        serial: Counts the times it was begun anew.
        wanted: How many steps it is to make.
        steps: How many it has made.
        is_running: Whether it goes on.
        has_clock: Whether the page was drawn with a clock that brings the next tick; only a whole page can change that.
    """

    of: Any
    serial: int = 0
    wanted: int = _STEPS
    steps: int = 0
    is_running: bool = True
    has_clock: bool = False

    def start_clock(self) -> float | None:
        """Return after how long the next tick is due; None for never."""
        self.has_clock = self.is_running
        return _TICK_SECONDS if self.is_running else None


@dataclass(frozen=True)
class _Sought:
    """What is looked for: a unit of a layer, or all of it where ``unit`` is None, and how."""

    layer: SearchableLayer
    unit: int | None
    settings: dict[str, Any]
    sample: int


def page() -> None:
    """Draw the page."""
    page_of_samples("What a unit is looking for", _maximize)


def _maximize(opened: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> None:
    st.caption(
        f"{named(model.name)} · an input is changed step by step so that the unit answers more and more: what is then "
        "seen is what the unit is looking for. Beside it stand the samples that it answers to the most."
    )
    with waiting(opened, "Looking at the layers", "searchable"):
        layers = {each.key: each for each in opened.searchable_layers()}
    if not layers:
        st.info("No layer of this model answers real numbers.", icon=":material/image_not_supported:")
        return
    sought = _sought(layers, chosen)
    found, samples = st.columns([3, 2], gap="large")
    with found:
        has_gradient = _search(opened, sought)
    with samples:
        _excited(opened, sought)
    if has_gradient:
        _whole_layer(opened, sought, chosen)


def _sought(layers: dict[str, SearchableLayer], chosen: Choice) -> _Sought:
    keys = list(layers)
    place, kind_place, unit_place, more = st.columns([3, 1.8, 2.4, 1.4], vertical_alignment="bottom")
    st.session_state["maximize/layer"] = chosen.layer if chosen.layer in layers else keys[-1]
    key = place.selectbox("Layer", keys, key="maximize/layer", on_change=_layer_chosen)
    layer = layers[key]
    kind = kind_place.segmented_control(
        "What is to answer", [_UNIT, _LAYER], default=_UNIT, required=True, key="maximize/kind"
    )
    unit = None if kind == _LAYER else _unit(unit_place, layer, chosen)
    with more.popover("Settings", icon=":material/tune:", width="stretch"):
        settings = _settings(layer)
    return _Sought(layer, unit, settings, chosen.sample)


def _layer_chosen() -> None:
    st.session_state["choice"].select_layer(st.session_state["maximize/layer"])


def _unit(place: Any, layer: SearchableLayer, chosen: Choice) -> int:
    known = chosen.options.get("unit", chosen.options.get("channel"))
    last = layer.unit_count - 1
    unit = min(known, last) if isinstance(known, int) and not isinstance(known, bool) and known >= 0 else 0
    st.session_state["maximize/unit"] = unit
    title = layer.kind.capitalize()
    if last < _MOST_LISTED and layer.class_names:
        place.selectbox(
            title,
            range(last + 1),
            format_func=layer.class_names.__getitem__,
            key="maximize/unit",
            on_change=_unit_chosen,
        )
    else:
        place.number_input(f"{title}, of {last + 1:,}", 0, max(last, 1), key="maximize/unit", on_change=_unit_chosen)
    return unit


def _unit_chosen() -> None:
    chosen: Choice = st.session_state["choice"]
    for option in ("unit", "channel"):
        chosen.set_option(option, int(st.session_state["maximize/unit"]))


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


def _run(key: str, of: Any, *, starts: bool = True) -> _Run:
    run: _Run | None = st.session_state.get(key)
    if run is None or run.of != of:
        run = st.session_state[key] = _Run(of, run.serial + 1 if run else 0, is_running=starts)
    return run


def _search(opened: WorkspaceInterface, sought: _Sought) -> bool:
    of = (st.session_state.get("opened"), sought.layer.key, sought.unit, repr(sought.settings), sought.sample)
    run = _run(_SEARCH, of if sought.settings["from_sample"] else of[:-1])
    problem = st.session_state.get("maximize/problem")
    if problem is not None and problem[0] == run.of:
        st.info(error_text(problem[1]), icon=":material/block:")
        return False
    st.fragment(_live, run_every=run.start_clock())(opened, sought, run)
    return (st.session_state.get("maximize/problem") or (None,))[0] != run.of


def _live(opened: WorkspaceInterface, sought: _Sought, run: _Run) -> None:
    if run.is_running != run.has_clock:
        st.rerun()
    wanted = run.wanted if run.is_running else run.steps
    settings = {**sought.settings, "run": run.serial}

    def go_on() -> SearchReport:
        return opened.maximize(sought.layer.key, sought.unit, settings, sought.sample, wanted, _SECONDS_A_TICK)

    # There in every tick: with what is below it at another place, the page would show it twice for a moment.
    beginning = st.container()
    try:
        if run.steps:
            report = go_on()
        else:
            with beginning, waiting(opened, "Beginning", "maximize"):
                report = go_on()
    except NoGradient as error:
        run.is_running = False
        st.session_state["maximize/problem"] = (run.of, error)
        st.rerun()
    except LayerscopeError as error:
        run.is_running = False
        show_error(error, opened, "maximize", forget=lambda: _again(run))
        return
    run.steps = report.steps
    run.is_running = run.is_running and run.steps < run.wanted
    _found(report)
    _controls(run)
    chart(report.curve, f"maximize/curve/{run.serial}")
    if run.has_clock and not run.is_running:
        st.rerun()


def _again(run: _Run) -> None:
    run.is_running, run.steps = True, 0
    run.serial += 1


def _controls(run: _Run) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    if run.is_running:
        row.button("Stop", icon=":material/stop_circle:", on_click=_stop, args=(run,), key="maximize/stop")
    else:
        row.button("Go on", icon=":material/resume:", on_click=_more, args=(run,), key="maximize/more")
        row.button("Start again", icon=":material/restart_alt:", on_click=_again, args=(run,), key="maximize/again")
    row.progress(min(run.steps / run.wanted, 1.0), text=f"{run.steps:,} of {run.wanted:,} steps")


def _stop(run: _Run) -> None:
    run.is_running = False


def _more(run: _Run) -> None:
    run.wanted = min(max(run.wanted, run.steps + 1) if run.steps < run.wanted else run.wanted + _STEPS, _MOST_STEPS)
    run.is_running = run.steps < run.wanted


def _found(report: SearchReport) -> None:
    st.markdown(f"**What excites {plain(report.name)}**")
    if report.found and report.found[0].picture is not None:
        row = st.container(horizontal=True)
        for each in report.found:
            place = row.container(width=176)
            if each.picture is not None:
                place.image(each.picture, width=168)
            place.caption(_told(each))
        return
    for number, each in enumerate(report.found):
        st.caption(_told(each))
        if each.specification:
            chart(each.specification, f"maximize/found/{number}")


def _told(found: FoundInput) -> str:
    answer = f" · the model says {plain(found.answer)}" if found.answer else ""
    return f"answers {found.objective:.4g}{answer}"


def _excited(opened: WorkspaceInterface, sought: _Sought) -> None:
    st.markdown("**Samples that excite it the most**")
    try:
        with waiting(opened, "Running all samples", "excited") as progress:
            report = opened.excited(sought.layer.key, sought.unit, sought.settings, progress)
    except LayerscopeError as error:
        show_error(error, opened, "excited")
        return
    chart(report.specification, f"excited/{sought.layer.key}/{sought.unit}")
    what = sought.layer.explained_as or ("answer, in the mean over places" if sought.layer.has_places else "answer")
    st.caption(
        f"The strongest of {report.sample_count:,} samples answers {report.largest:.4g} ({what}). A found input that "
        "answers far more goes beyond what samples show: look for what both have in common."
    )


def _whole_layer(opened: WorkspaceInterface, sought: _Sought, chosen: Choice) -> None:
    plural = "classes" if sought.layer.kind == "class" else f"{sought.layer.kind}s"
    st.subheader(f"All {sought.layer.unit_count:,} {plural} of {named(sought.layer.key)}", anchor=False)
    of = (st.session_state.get("opened"), sought.layer.key, repr(sought.settings))
    run = _run(_GALLERY, of, starts=False)
    run.wanted = _GALLERY_STEPS
    st.fragment(_fills_in, run_every=run.start_clock())(opened, sought, run, plural)


def _fills_in(opened: WorkspaceInterface, sought: _Sought, run: _Run, plural: str) -> None:
    if run.is_running != run.has_clock or st.session_state.pop(_CLICKED, False):
        st.rerun()
    if not run.steps and not run.is_running:
        st.caption(f"Looks for all {plural} one after another while you go on; each with {_GALLERY_STEPS} steps.")
        st.button("Look for all", icon=":material/grid_view:", on_click=_start, args=(run,), key="gallery/start")
        return
    seconds = _SECONDS_A_TICK if run.is_running else 0.0
    settings = {**sought.settings, "run": run.serial}
    try:
        report = opened.maximize_layer(sought.layer.key, settings, sought.sample, _GALLERY_STEPS, seconds)
    except LayerscopeError as error:
        run.is_running = False
        show_error(error, opened, "gallery", forget=lambda: _again(run))
        return
    run.steps += 1
    run.is_running = run.is_running and report.done < report.wanted
    row = st.container(horizontal=True, vertical_alignment="center")
    if run.is_running:
        row.button("Stop", icon=":material/stop_circle:", on_click=_stop, args=(run,), key="gallery/stop")
    elif report.done < report.wanted:
        row.button("Go on", icon=":material/resume:", on_click=_start, args=(run,), key="gallery/more")
    row.progress(report.done / report.wanted, text=f"{report.done:,} of {report.wanted:,} {plural}")
    if report.wanted < report.unit_count:
        st.caption(f"The first {report.wanted:,} of {report.unit_count:,} are looked for.")
    if report.specification:
        key = f"gallery/{sought.layer.key}/{run.serial}"
        chart(report.specification, key, selections=(report.kind,), on_select=lambda: _tile_clicked(key, report.kind))
        st.caption("Click one to look for it alone, above.")
    if run.has_clock and not run.is_running:
        st.rerun()


def _start(run: _Run) -> None:
    run.is_running = True


def _tile_clicked(key: str, kind: str) -> None:
    found = st.session_state[key].selection.get(kind)
    chosen: Choice = st.session_state["choice"]
    if found:
        st.session_state[_CLICKED] = True
        for option in ("unit", "channel"):
            chosen.set_option(option, int(found[0][kind]))
