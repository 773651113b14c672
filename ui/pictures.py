"""The pictures of the selected layer: which there are, the chart, its options, and what one can take away."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, cast

import streamlit as st

from core.charts.export import CHART_FORMATS, ChartFormat
from core.errors import LayerscopeError
from core.plugins.plugin import BUILT_IN_PACKAGE
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ChartResult, Failure, LayerView, VisualizerSummary
from ui.charts import chart
from ui.choice import Choice, remember
from ui.controls import controls, show_faults
from ui.keys import SAMPLE
from ui.session import LayerVisualizers, get_session
from ui.waiting import retry_button, show_error, waiting
from ui.wording import named, plain

__all__ = ["failure", "pictures"]


@st.fragment
def pictures(workspace: WorkspaceInterface, chosen: Choice) -> None:
    """Draw the pictures that suit ``chosen.layer``; an option or a click draws only this part again."""
    if chosen.sample != st.session_state.get(SAMPLE, chosen.sample):
        st.rerun()  # a click chose another sample: what stands above changes too
    try:
        _pictures(workspace, chosen)
    except LayerscopeError as error:
        show_error(error, workspace, "pictures")


def _pictures(workspace: WorkspaceInterface, chosen: Choice) -> None:
    with waiting(workspace, _doing(chosen), "chart") as progress:
        view = workspace.layer_view(chosen.layer, chosen.visualizer, chosen.options, chosen.sample, progress=progress)
    get_session().last_view = LayerVisualizers(chosen.layer, view.visualizers)
    st.markdown(f"**{named(chosen.layer)}** · {plain(view.description)}")
    _parts(view, chosen)
    tabs, others = st.columns([5, 1], vertical_alignment="center")
    why_not_others = others.popover("Why not others?", width="stretch", key="why_not_others", on_change="rerun")
    if why_not_others.open:
        with why_not_others:
            _others(workspace, chosen)
    visualizer = view.picture(chosen.visualizer)
    if visualizer is None or view.chart is None:
        st.info(
            "No picture suits this layer. The reasons are under “Why not others?”.",
            icon=":material/image_not_supported:",
        )
        return
    _tabs(tabs, view, visualizer, chosen)
    remember(chosen)
    chart_place, options_place = st.columns([4, 1], gap="medium")
    with options_place:
        values, places = _options(visualizer, chosen)
    with chart_place:
        changed = f":green-badge[:material/published_with_changes: changed, loaded {visualizer.changed_at}] "
        st.caption(f"{changed if visualizer.changed_at else ''}{plain(visualizer.description)}")
        _charts(workspace, view.chart, chosen, visualizer)
        st.markdown(f"**How to read it.** {plain(visualizer.how_to_read)}" if visualizer.how_to_read else "")
        st.caption(f"Limitations: {plain(visualizer.limitations)}" if visualizer.limitations else "")
        if view.chart.pictures:
            _take_away(workspace, chosen, visualizer.name, values)
    show_faults(places, view.chart.faults)


def _doing(chosen: Choice) -> str:
    """Return what is being done while the view of a layer is made: which picture is drawn, where that is known."""
    last = get_session().last_view
    if last is None or last.layer != chosen.layer:
        return "Looking at the layer"
    visualizer = LayerView("", (), last.visualizers).picture(chosen.visualizer)
    return f"Drawing {plain(visualizer.title)}" if visualizer else "Looking at the layer"


def _others(workspace: WorkspaceInterface, chosen: Choice) -> None:
    for rejection in workspace.rejections(chosen.layer, chosen.sample):
        st.markdown(f"**{plain(rejection.title)}** {plain(rejection.reason)}")
    unusable = [plugin for plugin in workspace.plugins() if plugin.status != "ready"]
    if unusable:
        st.divider()
    for plugin in unusable:
        st.markdown(f":red-badge[{plain(plugin.status)}] **{named(plugin.name)}** is listed on the page “Plugins”")


def _parts(view: LayerView, chosen: Choice) -> None:
    titles = {part.key: part.title for part in view.parts}
    if len(titles) < 2:
        return
    key = f"part/{next(iter(titles))}"
    st.session_state[key] = chosen.layer
    st.pills(
        "Part of the layer",
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        key=key,
        on_change=_part_chosen,
        args=(key,),
        label_visibility="collapsed",
        help="The layer's output, and what it keeps to itself.",
    )


def _part_chosen(key: str) -> None:
    get_session().choice.look_at(st.session_state[key])


def _tabs(place: Any, view: LayerView, visualizer: VisualizerSummary, chosen: Choice) -> None:
    titles = {suited.name: suited.title for suited in view.visualizers}
    key = f"tab/{chosen.layer}"
    st.session_state[key] = visualizer.name
    place.segmented_control(
        "Picture",
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        key=key,
        on_change=_tab_chosen,
        args=(key,),
        label_visibility="collapsed",
    )


def _tab_chosen(key: str) -> None:
    get_session().choice.visualizer = st.session_state[key] or ""


def _options(visualizer: VisualizerSummary, chosen: Choice) -> tuple[dict[str, Any], dict[str, Any]]:
    if all(control.name == "sample" for control in visualizer.controls):
        return {}, {"": st.empty()}
    st.caption("Options")
    return controls(visualizer.controls, chosen, f"{chosen.layer}/{visualizer.name}")


def _charts(workspace: WorkspaceInterface, result: ChartResult, chosen: Choice, visualizer: VisualizerSummary) -> None:
    if result.refusal:
        st.info(plain(result.refusal), icon=":material/do_not_disturb_on:")
        return
    if result.failure or not result.pictures:
        failure(result.failure or Failure("Nothing was drawn."))
        if result.failure and result.failure.can_be_tried_again:
            retry_button(workspace, "chart")
        return
    for note in result.notes:
        st.info(plain(note), icon=":material/tune:")
    several = frozenset(control.name for control in visualizer.controls if control.kind in ("indices", "choices"))
    for number, picture in enumerate(result.pictures):
        if picture.caption:
            st.markdown(f"**{plain(picture.caption)}**")
        key = f"chart/{chosen.layer}/{visualizer.name}/{number}/{chosen.chart_version}"
        clicked = partial(_clicked, key, several)
        chart(picture.specification, key, selections=picture.selections, on_select=clicked)


def _clicked(key: str, several: Collection[str]) -> None:
    chosen = get_session().choice
    for name, selection in dict(st.session_state[key].selection).items():
        value = _selected(name, selection, name in several)
        # An empty selection is what a chart that was just drawn reports; the choice stays.
        if value is None:
            continue
        if name == "sample":
            chosen.sample = int(value)
        else:
            chosen.options[name] = value


def _selected(name: str, selection: Any, several: bool) -> Any:
    if not selection:
        return None
    if isinstance(selection, Mapping):
        # An interval: along one axis it is a range, along two a region.
        ranges = [list(ends) for ends in selection.values()]
        if not all(len(ends) == 2 for ends in ranges):
            return None
        return ranges[0] if len(ranges) == 1 else [*ranges[0], *ranges[1]] if len(ranges) == 2 else None
    values = [point.get(name) for point in selection if point.get(name) is not None]
    if several:
        return values or None
    return values[0] if values else None


def _take_away(workspace: WorkspaceInterface, chosen: Choice, visualizer: str, values: dict[str, Any]) -> None:
    layer, sample = chosen.layer, chosen.sample
    base = f"{layer}-{visualizer}".replace("/", "-").replace("#", "-")
    save, code, _ = st.columns([1, 1, 2])
    with save.popover("Save as", icon=":material/download:", width="stretch"):
        for kind, mime in CHART_FORMATS.items():
            st.download_button(
                {"png": "PNG", "svg": "SVG", "html": "HTML", "json": "Vega-Lite JSON"}[kind],
                partial(workspace.chart_file, layer, visualizer, values, sample, cast("ChartFormat", kind)),
                file_name=f"{base}.{kind}",
                mime=mime,
                on_click="ignore",
                width="stretch",
                key=f"save/{kind}",
            )
        st.caption("The layer's values")
        st.download_button(
            "All samples as .npy",
            lambda: workspace.activation_file(layer, sample, "npy"),
            file_name=f"{base}.npy",
            on_click="ignore",
            width="stretch",
            key="save/npy",
        )
        st.download_button(
            "This sample as CSV",
            lambda: workspace.activation_file(layer, sample, "csv"),
            file_name=f"{base}-{sample}.csv",
            on_click="ignore",
            width="stretch",
            key="save/csv",
        )
        st.download_button(
            "The inputs as .npz",
            workspace.inputs_file,
            file_name="inputs.npz",
            on_click="ignore",
            width="stretch",
            key="save/npz",
        )
    copy = code.popover("Copy as code", icon=":material/code:", width="stretch", key="copy_as_code", on_change="rerun")
    if copy.open:
        with copy:
            st.code(workspace.code(layer, visualizer, values, sample), language="python")


def failure(problem: Failure) -> None:
    """Show what went wrong with a plugin, its traceback folded."""
    st.error(f"{plain(problem.message)}\n\n{plain(problem.remedy)}", icon=":material/error:")
    if problem.traceback:
        package = problem.package or "the plugin"
        of_author = f"For the author of {plain(package)} {plain(problem.version)}"
        with st.expander("Details" if package == BUILT_IN_PACKAGE else of_author):
            st.code(problem.traceback, language="text")
