"""The list of layers in the sidebar: an entry each, or a map; a click anywhere in an entry selects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from core.common.text import count_text, format_bytes
from core.extraction.layers import is_input
from core.extraction.memory_plan import MemoryPlan
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_list import ListEntry, list_entries
from core.workspace.layer_rows import row_of
from core.workspace.results import LayerRow
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.layer_rows import layer_rows
from ui.selection import clicked_point, neighbour, step_button
from ui.session import get_session
from ui.wording import named

__all__ = ["layer_list"]

_MAP_HEIGHT: Final = 480


def layer_list(workspace: WorkspaceInterface, rows: Sequence[LayerRow], choice: Choice) -> None:
    """Draw the list or the map, and keep what is clicked in ``choice.layer``.

    Args:
        workspace: What is open.
        rows: All layers in call order.
        choice: Where the selection is kept; its layer is one of ``rows`` or part of one.
    """
    search_place, kind_place = st.columns([1, 1], vertical_alignment="bottom", gap="xsmall")
    wanted = search_place.text_input(
        "Search", key=keys.LAYER_SEARCH, placeholder="Search layers", label_visibility="collapsed"
    ).strip()
    with kind_place:
        st.session_state[keys.LAYERS_AS] = choice.shown_as
        st.segmented_control(
            "Show as",
            ["list", "map"],
            required=True,
            key=keys.LAYERS_AS,
            on_change=_keep_form,
            label_visibility="collapsed",
            wrap=False,
        )
    # A part of a layer, such as a state, is looked at in the row of its layer.
    row = row_of(rows, choice.layer)
    selected = row.key if row else choice.layer
    if choice.shown_as == "map":
        with st.container(height=_MAP_HEIGHT, key=keys.LAYER_MAP):
            changes = get_session().layer_changes
            drawn, key = workspace.map(choice.sample, selected, dict(changes)), keys.layer_map(selected)
            chart(drawn, key, selections=["layer"], on_select=lambda: _box_clicked(key))
    else:
        only_noted = _asks_for_noted(rows)
        _list(_entries(rows, wanted.lower(), only_noted, selected), selected, wanted)
    _footer(workspace, rows)


def _keep_form() -> None:
    get_session().choice.shown_as = st.session_state[keys.LAYERS_AS]


def _asks_for_noted(rows: Sequence[LayerRow]) -> bool:
    count = sum(bool(row.notes) for row in rows)
    if not count:
        return False
    return bool(
        st.checkbox(
            f"Only what is worth a look ⚠ {count:,}",
            key=keys.ONLY_NOTED,
            help="Layers with zeros, units that are never active, saturation, drift, NaN or infinite values.",
        )
    )


def _entries(rows: Sequence[LayerRow], wanted: str, only_noted: bool, selected: str) -> list[ListEntry]:
    if wanted or only_noted:
        return [
            ListEntry(row.key, row.key, 0, row)
            for row in rows
            if wanted in f"{row.key} {row.type_name} {'⚠' if row.notes else ''} {' '.join(row.notes)}".lower()
            and (row.notes or not only_noted)
        ]
    return list_entries(rows, selected, get_session().opened_entries)


def _list(entries: list[ListEntry], selected: str, wanted: str) -> None:
    if not entries:
        st.info(f"No layer has “{named(wanted)}” in its name, type or notes.", icon=":material/search_off:")
        return
    layer_rows(entries, selected, choose=_select, fold=_fold, changes=get_session().layer_changes)


def _fold(key: str, is_open: bool) -> None:
    session = get_session()
    session.opened_entries = session.opened_entries | {key} if is_open else session.opened_entries - {key}


def _box_clicked(key: str) -> None:
    box = clicked_point(key, "layer")
    if box is not None and not is_input(box["layer"]):
        get_session().choice.select_layer(box["layer"])


def _footer(workspace: WorkspaceInterface, rows: Sequence[LayerRow]) -> None:
    row = st.container(horizontal=True, gap="xsmall", vertical_alignment="center")
    step_button(
        row,
        "↑",
        keys.LAYER_BEFORE,
        hint="Layer before",
        shortcut="k",
        target=partial(_layer_beside, -1),
        choose=_select,
    )
    step_button(
        row, "↓", keys.LAYER_AFTER, hint="Layer after", shortcut="j", target=partial(_layer_beside, 1), choose=_select
    )
    if row.button("All columns", type="tertiary", help="Types, notes, parameters and memory of every layer."):
        _all_columns(workspace, rows)


def _layer_beside(step: int) -> str | None:
    session = get_session()
    rows = session.layer_rows or ()
    row = row_of(rows, session.choice.layer)
    return neighbour([each.key for each in rows], row.key if row else "", step)


def _select(layer: str) -> None:
    get_session().choice.select_layer(layer)


@st.dialog("Layers", width="large")
def _all_columns(workspace: WorkspaceInterface, rows: Sequence[LayerRow]) -> None:
    import pandas as pd

    st.caption(_cost_text(workspace.plan()))
    st.dataframe(
        pd.DataFrame(
            {
                "#": [row.number for row in rows],
                "layer": [row.key for row in rows],
                "type": [row.type_name for row in rows],
                "shape": [row.shape for row in rows],
                "values": [list(row.distribution) for row in rows],
                "notes": [" · ".join(row.notes) for row in rows],
                "parameters": [row.parameter_count for row in rows],
                "memory": [row.byte_count for row in rows],
            }
        ),
        hide_index=True,
        height=560,
        column_config={
            "values": st.column_config.BarChartColumn("values"),
            "parameters": st.column_config.NumberColumn("parameters", format="localized"),
            "memory": st.column_config.NumberColumn(
                "memory", format="bytes", help="What the layer answers to all samples that are open."
            ),
        },
    )


def _cost_text(plan: MemoryPlan) -> str:
    if plan.total_bytes is None:
        return "How much memory the layers take is known only after they ran: one sample is run at a time."
    text = f"All layers of {count_text(plan.sample_count, 'sample')} take {format_bytes(plan.total_bytes)}"
    budget = format_bytes(plan.budget)
    if not plan.all_layers:
        return (
            f"{text}, {format_bytes(plan.bytes_per_sample or 0)} each: over the {budget} that may be kept, so only the "
            "layer that is looked at is. Distributions and notes of the others are not there."
        )
    if plan.samples_at_once < plan.sample_count:
        return f"{text}; {plan.samples_at_once:,} samples at a time are kept. Notes are about those. Budget: {budget}."
    return f"{text}."
