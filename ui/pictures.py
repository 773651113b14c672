"""The pictures of the selected layer: its line, the tabs in groups, the chart, and its options beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.charts.specifications import UNIT_LINK
from core.common.progress import Progress
from core.errors import LayerscopeError
from core.plugins.controls import GROUPS
from core.plugins.plugin import BUILT_IN_PACKAGE
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_rows import row_of
from core.workspace.pin_results import SideBySide
from core.workspace.results import ChartPicture, ChartResult, Failure, LayerRow, LayerView, Rejection, VisualizerSummary
from ui import keys
from ui.address import keep_address
from ui.charts import chart
from ui.choice import Choice, Pin
from ui.controls import controls, show_faults
from ui.panel_frame import panel_frame
from ui.pins import misfit_of, pinned, set_beside
from ui.recorded import recording_of
from ui.saving import copy_as_code, save_as
from ui.selection import clicked_point, select_unit, selected_value
from ui.session import LayerVisualizers, get_session
from ui.waiting import retry_button, show_error, waiting
from ui.wording import named, plain

__all__ = ["chart_clicked", "draw_charts", "failure", "how_to_read", "nothing_drawn", "pictures", "unavailable"]


@st.fragment
def pictures(workspace: WorkspaceInterface, choice: Choice, row: LayerRow | None = None, unit_page: Any = None) -> None:
    """Draw the pictures that suit ``choice.layer``; an option or a click draws only this part again.

    Args:
        workspace: What is open.
        choice: What is chosen.
        row: The layer that is selected in the list; None where there is no list.
        unit_page: The page of the selected unit; None where there is none.
    """
    if choice.sample != st.session_state.get(keys.SAMPLE, choice.sample):
        st.rerun()  # a click chose another sample: what stands above changes too
    if choice is not get_session().choice or (row is not None and row_of((row,), choice.layer) is None):
        st.rerun()  # a click chose another layer: the list marks it
    try:
        with st.container(key=keys.PICTURES):
            _pictures(workspace, choice, row.notes if row else (), unit_page)
    except LayerscopeError as error:
        show_error(error, workspace, "pictures")
    keep_address(choice)


def _pictures(workspace: WorkspaceInterface, choice: Choice, notes: Sequence[str], unit_page: Any) -> None:
    beside = _beside_pin(workspace, choice)
    with waiting(workspace, _doing(choice), "chart") as progress:
        view, pair = _drawn(workspace, choice, beside, progress)
    get_session().last_view = LayerVisualizers(choice.layer, view.visualizers)
    _layer_line(view, choice, notes, unit_page)
    visualizer = view.picture(choice.visualizer)
    _forget_what_does_not_suit(visualizer, choice)
    if visualizer is None or (view.chart is None and pair is None):
        st.info(
            "No picture suits this layer. The page “Plugins” says why, for each.",
            icon=":material/image_not_supported:",
        )
        return
    _tabs(view, visualizer, choice)
    if pair is not None:
        _side_by_side(workspace, view, pair, visualizer, choice)
        return
    with st.container(key=keys.PICTURE_AND_OPTIONS):
        chart_place, options_place = st.columns([4, 1], gap="medium")
    # First: the browser begins to draw it while the options are on their way.
    with chart_place, st.container(key=keys.PICTURE_PLACE):
        assert view.chart is not None
        _caption(visualizer)
        _charts(workspace, view.chart, choice, visualizer)
    with options_place:
        places = _beside(workspace, view, visualizer, choice)
    show_faults(places, view.chart.faults)


def _beside_pin(workspace: WorkspaceInterface, choice: Choice) -> Pin | None:
    """Return the pin that the picture is set beside, and say where that cannot be done."""
    pin = choice.pin_beside
    if pin is None:
        choice.beside = ""
        return None
    misfit = misfit_of(workspace, pin)
    if misfit:
        st.info(f"“{named(pin.name)}” cannot be set beside it. {plain(misfit)}", icon=":material/link_off:")
    return None if misfit else pin


def _drawn(
    workspace: WorkspaceInterface, choice: Choice, beside: Pin | None, progress: Progress
) -> tuple[LayerView, SideBySide | None]:
    """Return the view of the layer, with its chart or with that beside a pin."""
    asked = choice.layer, choice.visualizer, choice.drawing_options(), choice.sample
    if beside is not None:
        view = workspace.layer_view(*asked, draw=False)
        picture = view.picture(choice.visualizer)
        if picture is not None:
            pair = workspace.side_by_side(choice.layer, picture.name, asked[2], choice.sample, pinned(beside), progress)
            if pair.first is not None:
                return view, pair
            st.info(plain(pair.reason), icon=":material/do_not_disturb_on:")
    return workspace.layer_view(*asked, progress=progress), None


def _side_by_side(
    workspace: WorkspaceInterface, view: LayerView, pair: SideBySide, visualizer: VisualizerSummary, choice: Choice
) -> None:
    """Draw both pictures, their difference and the options, as many in a row as there is room for."""
    _caption(visualizer, *pair.notes)
    sides = (("first", pair.titles[0], pair.first), ("second", pair.titles[1], pair.second))
    with st.container(key=keys.SIDE_BY_SIDE, horizontal=True, gap="small"):
        for side, title, result in sides:
            if result is not None:
                with st.container(key=keys.side(side)):
                    st.markdown(f"**{plain(title)}**")
                    _charts(workspace, result, choice, visualizer, side)
        with st.container(key=keys.side("difference")):
            st.markdown("**Difference**")
            if pair.difference is not None:
                _charts(workspace, pair.difference, choice, visualizer, "difference")
            else:
                st.info(plain(pair.reason), icon=":material/do_not_disturb_on:")
        with st.container(key=keys.side("options")):
            places = _beside(workspace, view, visualizer, choice)
    show_faults(places, pair.first.faults if pair.first else {})


def _forget_what_does_not_suit(visualizer: VisualizerSummary | None, choice: Choice) -> None:
    session = get_session()
    linked_view, session.linked_view = session.linked_view, ""
    if visualizer is None or choice.visualizer in ("", visualizer.name):
        return
    if choice.visualizer == linked_view:
        st.info(
            f"This layer has no picture “{named(linked_view)}”; the one that suits best is shown.",
            icon=":material/link_off:",
        )
    choice.visualizer = ""


def _doing(choice: Choice) -> str:
    """Return what is being done while the view of a layer is made: which picture is drawn, where that is known."""
    last = get_session().last_view
    if last is None or last.layer != choice.layer:
        return "Looking at the layer"
    visualizer = LayerView("", (), last.visualizers).picture(choice.visualizer)
    return f"Drawing {plain(visualizer.title)}" if visualizer else "Looking at the layer"


def _layer_line(view: LayerView, choice: Choice, notes: Sequence[str], unit_page: Any) -> None:
    with st.container(key=keys.LAYER_LINE, horizontal=True, vertical_alignment="center", gap="small"):
        warning = f" · :orange[⚠ {plain(', '.join(notes))}]" if notes else ""
        st.markdown(f"**{named(choice.layer)}** · {plain(view.description)}{warning}")
        _parts(view, choice)
        _unit(view, choice)
        if unit_page is not None and any(each.on_unit_card for each in view.visualizers):
            st.page_link(unit_page, label="Unit card", icon=":material/badge:")
        if choice.beside:
            st.button(
                f"☆ beside {named(choice.beside)}",
                key=keys.BESIDE_END,
                help="End it: draw the picture alone again",
                icon=":material/close:",
                on_click=set_beside,
                args=("",),
            )


def _parts(view: LayerView, choice: Choice) -> None:
    titles = {part.key: part.title for part in view.parts}
    if len(titles) < 2:
        return
    key = keys.layer_part(next(iter(titles)))
    st.session_state[key] = choice.layer
    st.selectbox(
        "Part of the layer",
        list(titles),
        format_func=titles.__getitem__,
        key=key,
        on_change=_part_chosen,
        args=(key, choice.layer),
        label_visibility="collapsed",
        help="The layer's output, and what it keeps to itself.",
        width=160,
    )


def _is_news(key: str, drawn: Any) -> bool:
    """Return whether a field was changed: the browser also tells what was just drawn, where it is clicked quickly."""
    return bool(st.session_state[key] != drawn)


def _part_chosen(key: str, drawn: str) -> None:
    if _is_news(key, drawn):
        get_session().choice.look_at_part(st.session_state[key])


def _unit(view: LayerView, choice: Choice) -> None:
    """Offer the unit or channel that all pictures of the layer share, where any of them shows one."""
    followers = [control for each in view.visualizers for control in each.controls if control.follows == "unit"]
    if not followers:
        return
    last = max(int(control.maximum or 0) for control in followers)
    if choice.unit is not None:
        choice.unit = min(choice.unit, last)
    st.session_state[keys.UNIT] = choice.unit
    axis = followers[0].axis
    st.markdown(axis.capitalize())
    st.number_input(
        axis.capitalize(),
        0,
        max(last, 1),
        value=None,
        step=1,
        key=keys.UNIT,
        placeholder="automatic",
        help=f"The {axis}, 0 to {last:,}, that every picture shows or marks. Empty: each picture takes the strongest.",
        label_visibility="collapsed",
        on_change=_keep_unit,
        args=(choice.unit,),
        disabled=last == 0,
        width=150,
    )


def _keep_unit(drawn: int | None) -> None:
    unit = st.session_state[keys.UNIT]
    if _is_news(keys.UNIT, drawn):
        get_session().choice.select_unit(None if unit is None else int(unit))


def _tabs(view: LayerView, visualizer: VisualizerSummary, choice: Choice) -> None:
    groups = [group for group in GROUPS if any(each.group == group for each in view.visualizers)]
    key = keys.picture_group(choice.layer)
    st.session_state[key] = visualizer.group
    first_of_group = {group: next(each.name for each in view.visualizers if each.group == group) for group in groups}
    st.segmented_control(
        "Kind of picture",
        groups,
        format_func=str.capitalize,
        required=True,
        key=key,
        on_change=_group_chosen,
        args=(key, visualizer.group, first_of_group),
        label_visibility="collapsed",
        wrap=True,
    )
    titles = {each.name: each.title for each in view.visualizers if each.group == visualizer.group}
    key = keys.picture(choice.layer, visualizer.group)
    st.session_state[key] = visualizer.name
    st.pills(
        "Picture",
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        key=key,
        on_change=_picture_chosen,
        args=(key, visualizer.name),
        label_visibility="collapsed",
        wrap=True,
    )
    unavailable(view.unavailable)


def unavailable(rejections: Sequence[Rejection]) -> None:
    """Say what the pictures need that would suit if it were given, where there are any."""
    if rejections:
        missing = "; ".join(f"{each.title} {each.reason}" for each in rejections)
        st.caption(f":material/lock: {plain(missing)}")


def _group_chosen(key: str, drawn: str, first_of_group: Mapping[str, str]) -> None:
    if _is_news(key, drawn):
        get_session().choice.visualizer = first_of_group.get(st.session_state[key], "")


def _picture_chosen(key: str, drawn: str) -> None:
    if _is_news(key, drawn):
        get_session().choice.visualizer = st.session_state[key] or ""


def _beside(
    workspace: WorkspaceInterface, view: LayerView, visualizer: VisualizerSummary, choice: Choice
) -> Mapping[str, Any]:
    """Draw what stands beside the chart: options, how to read it, what to take away; return the options' places."""
    with st.container(key=keys.OPTIONS_PLACE):
        places = controls(visualizer.controls, choice, f"{choice.layer}/{visualizer.name}")
        how_to_read(visualizer, width="stretch")
        if view.chart is not None and view.chart.pictures:
            values = visualizer.values_of(choice.drawing_options())
            is_recorded = recording_of(workspace) is not None
            save_as(workspace, choice, visualizer.name, values, has_values=not is_recorded)
            if not is_recorded:
                copy_as_code(workspace, choice, visualizer.name, values)
    return places


def how_to_read(visualizer: VisualizerSummary, **settings: Any) -> None:
    """Draw a button that opens what to look for in a picture and where it misleads, where it says so.

    Args:
        visualizer: What draws it.
        settings: Further ones of :func:`streamlit.popover`.
    """
    if visualizer.how_to_read:
        with st.popover("How to read it", icon=":material/menu_book:", **settings):
            st.markdown(plain(visualizer.how_to_read))
            if visualizer.limitations:
                st.caption(f"Limitations: {plain(visualizer.limitations)}")


def _caption(visualizer: VisualizerSummary, *notes: str) -> None:
    changed = f":green-badge[:material/published_with_changes: changed, loaded {visualizer.changed_at}] "
    said = plain(" ".join((visualizer.description, *notes)))
    st.caption(f"{changed if visualizer.changed_at else ''}{said}")


def _charts(
    workspace: WorkspaceInterface, result: ChartResult, choice: Choice, visualizer: VisualizerSummary, side: str = ""
) -> None:
    """Draw the charts of a picture of the selected layer, see :func:`draw_charts`.

    Args:
        workspace: What is open.
        result: The charts.
        choice: What is chosen.
        visualizer: What has drawn them.
        side: Which of several pictures beside each other it is; empty where it is alone.
    """

    def key_of(number: int, picture: ChartPicture) -> str:
        sample = choice.sample if "sample" in picture.selections else None
        return keys.picture_chart(choice.layer, visualizer.name, number, choice.chart_version, sample, side)

    draw_charts(workspace, result, visualizer, key_of, f"chart{side}")


def draw_charts(
    workspace: WorkspaceInterface,
    result: ChartResult,
    visualizer: VisualizerSummary,
    key_of: Callable[[int, ChartPicture], str],
    name: str,
) -> None:
    """Draw the charts of a picture, or say why there are none.

    Args:
        workspace: What is open.
        result: The charts.
        visualizer: What has drawn them.
        key_of: Returns the key of one of them, by its number.
        name: Tells the button that tries again from others on the page.
    """
    if result.refusal:
        st.info(plain(result.refusal), icon=":material/do_not_disturb_on:")
        return
    if result.failure or not (result.pictures or result.panel):
        nothing_drawn(workspace, result, name)
        return
    for note in result.notes:
        st.info(plain(note), icon=":material/tune:")
    if result.panel is not None:
        panel_frame(result.panel, visualizer, name)
    several = frozenset(control.name for control in visualizer.controls if control.kind in ("indices", "choices"))
    follows = {control.name: control.follows for control in visualizer.controls}
    for number, picture in enumerate(result.pictures):
        if picture.caption:
            st.markdown(f"**{plain(picture.caption)}**")
        key = key_of(number, picture)
        clicked = partial(chart_clicked, key, several, follows)
        chart(
            picture.specification,
            key,
            selections=picture.selections,
            on_select=clicked,
            alt=picture.alt,
        )
    if result.printed:
        with st.expander(f"For the author of {plain(visualizer.package)}: what it printed"):
            st.code(result.printed, language="text")


def chart_clicked(key: str, several: Collection[str], follows: Mapping[str, str]) -> None:
    """Choose for every page what was clicked in a chart.

    Args:
        key: Key of the chart.
        several: Names of the options that take several values.
        follows: What of the one selection each option follows, see :class:`core.plugins.options.Control`.
    """
    choice = get_session().choice
    for name, selection in dict(st.session_state[key].selection).items():
        if name == UNIT_LINK and (point := clicked_point(key, name)):
            select_unit(str(point["layer"]), int(point["unit"]))
        value = selected_value(name, selection, name in several)
        # An empty selection is what a chart that was just drawn reports; the choice stays.
        if value is None:
            continue
        if name == "sample":
            choice.sample = int(value)
        elif name == "layer" and name not in follows:
            choice.select_layer(str(value))
        elif follows.get(name) == "unit" or (name in ("unit", "channel") and name not in follows):
            choice.unit = int(value)
        elif follows.get(name):
            choice.set_option(name, value, follows[name])
        else:
            choice.options[name] = value


def nothing_drawn(workspace: WorkspaceInterface, result: ChartResult, key: str) -> None:
    """Show why there is no chart; what ended a worker can be tried again.

    Args:
        workspace: What is open.
        result: What came of the picture.
        key: Tells the button from others on the page.
    """
    failure(result.failure or Failure("Nothing was drawn."))
    if result.failure and result.failure.can_be_tried_again:
        retry_button(workspace, key)


def failure(problem: Failure) -> None:
    """Show what went wrong with a plugin, its traceback folded."""
    st.error(f"{plain(problem.message)}\n\n{plain(problem.remedy)}", icon=":material/error:")
    if problem.traceback:
        package = problem.package or "the plugin"
        of_author = f"For the author of {plain(package)} {plain(problem.version)}"
        with st.expander("Details" if package == BUILT_IN_PACKAGE else of_author):
            st.code(problem.traceback, language="text")
