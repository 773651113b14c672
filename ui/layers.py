"""The layers of the model: as a table with a row each, or as a map; a click selects."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.charts import cut_in_the_middle
from core.common.text import format_bytes
from core.extraction.layers import is_input
from core.extraction.memory_plan import MemoryPlan
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_table import opened_layers, row_of, rows_in_sight
from core.workspace.results import LayerRow
from ui.charts import chart
from ui.choice import Choice
from ui.session import TableRows, get_session
from ui.wording import named

__all__ = ["layers"]

_TABLE_ROWS = 9
_ROW_HEIGHT = 35
_MAP_HEIGHT = 420
_NAME_LENGTH = 22


def layers(workspace: WorkspaceInterface, rows: Sequence[LayerRow], chosen: Choice) -> None:
    """Draw the table or the map, and keep what is clicked in ``chosen.layer``."""
    heading, search, kind = st.columns([3, 2, 1], vertical_alignment="bottom")
    heading.subheader("Layers", anchor=False)
    wanted = search.text_input(
        "Search", key="search", placeholder="Search name or type", label_visibility="collapsed"
    ).strip()
    with kind:
        chosen.shown_as = st.segmented_control(
            "Show as",
            ["table", "map"],
            default=chosen.shown_as,
            required=True,
            key="shown_as",
            label_visibility="collapsed",
        )
    # Between the switch and the table, whose own toolbar would else lie over the switch.
    st.caption(_cost_text(workspace.plan()))
    # A part of a layer, such as a state, is looked at in the row of its layer.
    row = row_of(rows, chosen.layer)
    selected = row.key if row else chosen.layer
    if chosen.shown_as == "map":
        _map(workspace, chosen, selected)
    else:
        _table(_found(rows, wanted.lower(), selected), chosen, selected, wanted)


def _cost_text(plan: MemoryPlan) -> str:
    if plan.total_bytes is None:
        return "How much memory the layers take is known only after they ran: one sample is run at a time."
    samples = "1 sample" if plan.sample_count == 1 else f"{plan.sample_count:,} samples"
    text = f"All layers of {samples} take {format_bytes(plan.total_bytes)}"
    budget = format_bytes(plan.budget)
    if not plan.all_layers:
        return (
            f"{text}, {format_bytes(plan.bytes_per_sample or 0)} each: over the {budget} that may be kept, so only the "
            "layer that is looked at is. Distributions and notes of the others are not there."
        )
    if plan.samples_at_once < plan.sample_count:
        return f"{text}; {plan.samples_at_once:,} samples at a time are kept. Notes are about those. Budget: {budget}."
    return f"{text}."


def _found(rows: Sequence[LayerRow], wanted: str, selected: str) -> list[LayerRow]:
    if wanted:
        return [row for row in rows if wanted in f"{row.key} {row.type_name} {' '.join(row.notes)}".lower()]
    # Nested layers fold out while what holds them, or one of them, is selected.
    return rows_in_sight(rows, opened_layers(rows, selected))


def _table(rows: list[LayerRow], chosen: Choice, selected_key: str, wanted: str) -> None:
    if not rows:
        st.info(f"No layer has “{named(wanted)}” in its name, type or notes.", icon=":material/search_off:")
        return
    keys = [row.key for row in rows]
    frame = pd.DataFrame(
        {
            "#": [row.number for row in rows],
            "layer": [_indented(row, bool(wanted)) for row in rows],
            "type": [row.type_name for row in rows],
            "shape": [row.shape for row in rows],
            "activations": [list(row.distribution) for row in rows],
            "notes": [" · ".join(row.notes) for row in rows],
            "parameters": [row.parameter_count for row in rows],
            "memory": [row.byte_count for row in rows],
        }
    )
    selected = [keys.index(selected_key)] if selected_key in keys else []
    key = f"table/{chosen.table_version}/{hash(tuple(keys))}"
    get_session().table = TableRows(key, keys)
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=_ROW_HEIGHT * (min(len(rows), _TABLE_ROWS) + 1) + 3,
        row_height=_ROW_HEIGHT,
        on_select=_row_clicked,
        selection_mode=["single-row"],
        selection_default={"selection": {"rows": selected}},
        column_config={
            "#": st.column_config.NumberColumn(width=40),
            "layer": st.column_config.TextColumn("layer", width=160),
            "type": st.column_config.TextColumn("type", width=130),
            "shape": st.column_config.TextColumn("shape", width=80, help="Output, without the sample axis."),
            "parameters": st.column_config.NumberColumn("params", format="localized", width=75),
            "memory": st.column_config.NumberColumn(
                "memory", format="bytes", width=75, help="What the layer answers to all samples that were given."
            ),
            "activations": st.column_config.BarChartColumn(
                "activations", width=100, help="How the values of this sample are distributed, lowest to highest."
            ),
            "notes": st.column_config.TextColumn(
                "notes", width=160, help="What is worth a look, over all samples that were run."
            ),
        },
    )


def _indented(row: LayerRow, flat: bool) -> str:
    name = row.key if flat else "\u2003" * row.depth + row.name
    mark = " ▸" if row.holds_layers and not flat else ""
    return cut_in_the_middle(name, _NAME_LENGTH) + mark


def _row_clicked() -> None:
    session = get_session()
    if session.table is None:
        return
    rows = st.session_state[session.table.key].selection.rows
    if rows:
        # The table knows already; a new one would scroll back to its top.
        session.choice.look_at(session.table.layers[rows[0]])


def _map(workspace: WorkspaceInterface, chosen: Choice, selected: str) -> None:
    with st.container(height=_MAP_HEIGHT):
        drawn = workspace.map(chosen.sample, selected)
        chart(drawn, "map", selections=["layer"], on_select=_box_clicked)


def _box_clicked() -> None:
    clicked = st.session_state["map"].selection.get("layer") or []
    if clicked and not is_input(clicked[0]["layer"]):
        get_session().choice.select_layer(clicked[0]["layer"])
