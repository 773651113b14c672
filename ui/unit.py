"""The page of one unit: what it answers to, where, why, what it is like, and what changes without it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import streamlit as st

from core.charts.specifications import UNIT_LINK
from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ChartResult, ModelSummary, VisualizerSummary
from core.workspace.unit_results import UnitCard, UnitSearchReport
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading, page_of_samples
from ui.pictures import chart_clicked, how_to_read, nothing_drawn, unavailable
from ui.search_panel import excited_samples, of_samples, search_of, search_panel, set_beside
from ui.search_settings import search_controls, search_settings
from ui.search_target import SearchTarget
from ui.selection import neighbour, select_unit, step_button
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

UNIT_SEARCH: Final = "unit.find"
"""Name of the option by which units are looked for."""
_EXAMPLES: Final = ("dead", "like this one", "unlike this one")
_PLACE_HEIGHT: Final = 180
_MOST_PARAMETERS: Final = 1_000_000
_SEARCH_STEPS: Final = 64
"""Enough to see what it goes for, in a second or two; the page *Maximize* goes on."""


def page(explore: Any, maximize: Any) -> None:
    """Draw the page.

    Args:
        explore: The page of the layer's pictures.
        maximize: The page that looks for inputs.
    """
    page_of_samples("Unit", partial(_unit, explore, maximize))


def _unit(explore: Any, maximize: Any, workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    with waiting(workspace, "Looking at the unit", "unit card"):
        card = workspace.unit_card(choice.layer, choice.unit, choice.sample)
    if card.reason:
        heading("Unit", plain(card.reason))
        _find(workspace, choice)
        return
    _head(card, choice, explore, maximize)
    _find(workspace, choice)
    unavailable(card.unavailable)
    # All places first: what was drawn of another unit is gone before this one's pictures are there.
    columns = st.columns(2, gap="medium")
    waits = []
    for number, picture in enumerate(card.pictures):
        with columns[number % 2].container(border=True, key=keys.unit_part(number)):
            waits.append(_titled_place(picture))
    search_place = columns[0].container(border=True, key=keys.unit_part(len(waits)))
    for wait, picture in zip(waits, card.pictures, strict=True):
        _draw(workspace, card, picture, choice, wait)
    with search_place:
        # A search of a large model takes the processor from all else on the page, and is begun by hand.
        _search(workspace, card, choice, starts=model.parameter_count <= _MOST_PARAMETERS)


def _head(card: UnitCard, choice: Choice, explore: Any, maximize: Any) -> None:
    with st.container(key=keys.UNIT_HEAD, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"#### {named(card.name[0].upper() + card.name[1:])} "
            f":small[:gray[answers {plain(card.answer)} · {plain(card.description)}]]",
            width="content",
        )
        last = card.unit_count - 1
        for sign, key, step, hint in (("◀", keys.UNIT_BEFORE, -1, "before"), ("▶", keys.UNIT_AFTER, 1, "after")):
            step_button(
                st,
                sign,
                key,
                hint=f"The {card.kind} {hint}",
                shortcut="p" if step < 0 else "n",
                target=partial(neighbour, range(card.unit_count), card.unit, step),
                choose=lambda unit: get_session().choice.select_unit(unit),
            )
        st.session_state[keys.UNIT_NUMBER] = card.unit
        st.number_input(
            f"{card.kind.capitalize()}, of {card.unit_count:,}",
            0,
            max(last, 1),
            key=keys.UNIT_NUMBER,
            on_change=_keep_unit,
            args=(card.unit,),
            label_visibility="collapsed",
            disabled=last == 0,
            width=120,
        )
    # The page is of this unit from now on, on other samples too, and so are the pages that are gone to from here.
    choice.unit = card.unit
    with st.container(horizontal=True, gap="medium"):
        st.page_link(explore, label=f"All pictures of {plain(card.layer)}", icon=":material/grid_view:")
        st.page_link(maximize, label="Search with settings", icon=":material/trending_up:")


def _keep_unit(drawn: int) -> None:
    unit = st.session_state[keys.UNIT_NUMBER]
    if unit is not None and unit != drawn:
        get_session().choice.select_unit(int(unit))


def _find(workspace: WorkspaceInterface, choice: Choice) -> None:
    """Offer to look for units by what they do; a click on one goes to its page."""
    text = str(choice.options.get(UNIT_SEARCH) or "")
    st.session_state[keys.UNIT_SEARCH] = text
    classes = list(dict.fromkeys(workspace.sample_labels))
    examples = [f"answers to {classes[0]} and not to {classes[-1]}"] if len(classes) > 1 else []
    st.text_input(
        "Find units",
        key=keys.UNIT_SEARCH,
        placeholder=f"Find units: {', '.join((*examples, *_EXAMPLES))}",
        on_change=_keep_search,
        label_visibility="collapsed",
        icon=":material/search:",
    )
    if not text:
        return
    try:
        with waiting(workspace, "Looking for units", "find units") as progress:
            report = workspace.find_units(text, choice.layer, choice.unit, choice.sample, progress)
    except LayerscopeError as error:
        show_error(error, workspace, "find units", icon=":material/search_off:")
        return
    _matches(report)


def _matches(report: UnitSearchReport) -> None:
    if not report.count:
        st.info(f"No unit is. {plain(report.note)}", icon=":material/search_off:")
        return
    with st.container(height=190 if report.count > 4 else "content", border=True):
        for row in report.rows:
            place = st.container(horizontal=True, vertical_alignment="center", gap="small")
            place.button(
                plain(row.name),
                type="tertiary",
                key=keys.unit_match(row.layer, row.unit),
                on_click=select_unit,
                args=(row.layer, row.unit),
            )
            place.caption(plain(row.why))
    first = f"The first {len(report.rows):,} of {report.count:,}. " if report.count > len(report.rows) else ""
    st.caption(f"{first}{plain(report.note)}")


def _keep_search() -> None:
    get_session().choice.set_option(UNIT_SEARCH, st.session_state[keys.UNIT_SEARCH].strip() or None)


def _titled_place(picture: VisualizerSummary) -> Any:
    """Draw what a picture is called, and where it will be; return that place."""
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.markdown(f"**{plain(picture.title)}**")
    with row:
        how_to_read(picture, type="tertiary")
    place = st.empty()
    place.skeleton(height=_PLACE_HEIGHT)
    return place


def _draw(
    workspace: WorkspaceInterface, card: UnitCard, picture: VisualizerSummary, choice: Choice, place: Any
) -> None:
    options = picture.values_of({"@unit": card.unit})
    with place.container(key=keys.unit_picture(card.layer, card.unit, picture.name)):
        try:
            with waiting(workspace, f"Drawing {plain(picture.title)}", f"unit/{picture.name}") as progress:
                result = workspace.chart(card.layer, picture.name, options, choice.sample, progress)
        except LayerscopeError as error:
            show_error(error, workspace, f"unit/{picture.name}")
            return
        _charts(workspace, card, picture, result, choice)


def _charts(
    workspace: WorkspaceInterface, card: UnitCard, picture: VisualizerSummary, result: ChartResult, choice: Choice
) -> None:
    if result.refusal:
        st.caption(plain(result.refusal))
        return
    if result.failure or not result.pictures:
        nothing_drawn(workspace, result, f"unit/{picture.name}")
        return
    follows = {control.name: control.follows for control in picture.controls}
    with st.container(key=keys.fitted(picture.name)):
        for number, drawn in enumerate(result.pictures[: picture.on_unit_card]):
            selections = tuple(name for name in drawn.selections if _leads_somewhere(name, follows))
            if drawn.selections and not selections:
                continue  # it is there to set an option of the picture, which has none here
            if drawn.caption:
                st.caption(plain(drawn.caption))
            sample = choice.sample if "sample" in selections else None
            key = keys.unit_chart(card.layer, card.unit, picture.name, number, choice.chart_version, sample)
            chart(
                drawn.specification,
                key,
                selections=selections,
                on_select=partial(chart_clicked, key, (), follows),
                alt=drawn.alt,
            )


def _leads_somewhere(name: str, follows: Mapping[str, str]) -> bool:
    """Return whether a click leads to another unit or sample; what only sets an option of the picture does not here."""
    return name in ("sample", UNIT_LINK) or follows.get(name, "unit" if name in ("unit", "channel") else "") == "unit"


def _search(workspace: WorkspaceInterface, card: UnitCard, choice: Choice, *, starts: bool) -> None:
    """Look for the input that drives the unit the most, beside the strongest sample, as the page Maximize does."""
    title = f"**Input found for {plain(card.name)}**"
    try:
        layers = {layer.key: layer for layer in workspace.searchable_layers()}
        layer = layers.get(card.layer)
        if layer is None:
            st.markdown(title)
            st.caption("This layer answers no real numbers: no input can be looked for.")
            return
        settings = search_settings(layer, search_controls(layer, choice), choice)
        target = SearchTarget(layer, card.unit, settings, choice.sample)
        run = search_of(target, _SEARCH_STEPS, starts=starts)
        error = get_session().search_step.error_for(run.request)
        if error is not None:
            st.markdown(title)
            st.caption(f"{plain(error.message)} So no input can be found.")
            return
        if run.waits:
            st.markdown(title)
            st.button("Look for it", icon=":material/trending_up:", key=keys.UNIT_SEARCH_START, on_click=run.start)
            return
        search_panel(workspace, target, run)
        strongest = excited_samples(workspace, target)
        if strongest is not None:
            st.caption(of_samples(strongest, target))
        set_beside(run, strongest)
    except LayerscopeError as error:
        show_error(error, workspace, "unit search")
