"""The health page: what is wrong with the model's layers over all samples, and how units answer to classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import LayerscopeError
from core.extraction.layers import is_input
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import HealthReport, HealthRow, ModelSummary
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import page_of_samples
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_COLOURS = {
    "not finite": "red",
    "dead": "red",
    "constant": "orange",
    "saturated": "orange",
    "alike": "blue",
    "drift": "orange",
    "always on": "gray",
}
_MEANINGS = {
    "not finite": "NaN or infinite values. The first layer where they arise is listed first; what follows hands on.",
    "dead": "A ReLU that is zero for every sample: it learns nothing any more.",
    "constant": "The same number for every sample.",
    "saturated": "Nearly always at a bound of its activation function: gradients vanish there.",
    "alike": "Units that correlate by more than 0.99: one of them would do.",
    "drift": "A normalisation layer gets other numbers than in training: wrong preprocessing, commonly.",
    "always on": "A ReLU that never cuts anything off. Not wrong in itself: over these samples it is linear.",
}


def page(explore: Any) -> None:
    """Draw the page.

    Args:
        explore: The page that a finding is opened in.
    """
    page_of_samples("Health", partial(_health, explore))


def _health(explore: Any, workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    count = len(workspace.sample_names)
    with waiting(workspace, f"Running {count:,} samples through every layer", "health") as progress:
        report = workspace.health(progress)
    _summary(report, model.name)
    _findings(report, explore)
    _class_means(workspace, report, choice)


def _summary(report: HealthReport, name: str) -> None:
    right = "" if report.accuracy is None else f" · right on {report.accuracy:.1%} of them"
    st.caption(f"{named(name)} · {len(report.layers):,} layers over {report.sample_count:,} samples{right}")
    if report.note:
        st.info(plain(report.note), icon=":material/info:")


def _findings(report: HealthReport, explore: Any) -> None:
    if not report.rows:
        st.success(
            "Nothing found: no unit is dead, constant, saturated or a copy of another, and all values are finite.",
            icon=":material/check_circle:",
        )
        return
    counts: dict[str, int] = {}
    for row in report.rows:
        counts[row.kind] = counts.get(row.kind, 0) + 1
    badges = [f":{_COLOURS[kind]}-badge[{kind}: {count:,} {_layers(count)}]" for kind, count in counts.items()]
    st.markdown(" ".join(badges))
    place = st.container(horizontal=True, vertical_alignment="center", height=44, border=False)
    table = pd.DataFrame(
        {
            "layer": [row.layer for row in report.rows],
            "type": [row.type_name for row in report.rows],
            "what": [row.kind for row in report.rows],
            "share": [row.found / row.unit_count for row in report.rows],
            "found": [row.text for row in report.rows],
            "units": [_units(row) for row in report.rows],
        }
    )
    picked = st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= 12 else 460,
        key=keys.FINDINGS,
        on_select=_clicked(report.rows),
        selection_mode="single-row",
        column_config={
            "share": st.column_config.ProgressColumn(
                "share", min_value=0, max_value=1, format="percent", width="small"
            ),
            "found": st.column_config.TextColumn("found", width="large"),
        },
    )
    with place:
        _link(explore, report.rows, picked.selection.rows)
    with st.expander("What these mean"):
        for kind in counts:
            st.markdown(f":{_COLOURS[kind]}-badge[{kind}] {_MEANINGS[kind]}")
        st.caption(
            "Correlations are over values drawn evenly from samples and places; everything else is over all values. "
            "What a dataset does not hold cannot be seen: a unit that is dead here may answer to something else."
        )


def _layers(count: int) -> str:
    return "layer" if count == 1 else "layers"


def _units(row: HealthRow) -> str:
    listed = ", ".join(map(str, row.units))
    return f"{listed}, …" if row.found > len(row.units) else listed


def _clicked(rows: tuple[HealthRow, ...]) -> Any:
    def go() -> None:
        picked = st.session_state[keys.FINDINGS].selection.rows
        if not picked:
            return
        row, choice = rows[picked[0]], get_session().choice
        choice.sample = row.sample
        if not is_input(row.layer):
            choice.select_layer(row.layer)
        if row.kind != "not finite":
            for option in ("unit", "channel"):
                choice.set_option(option, row.units[0])

    return go


def _link(explore: Any, rows: tuple[HealthRow, ...], picked: list[int]) -> None:
    if not picked:
        st.caption("Click a row, and its layer can be opened with the unit and a sample that show it.")
        return
    # A link, as st.switch_page would lose the files that were uploaded.
    row = rows[picked[0]]
    unit = "" if row.kind == "not finite" else f", unit {row.units[0]:,}"
    st.page_link(
        explore, label=f"Open {plain(row.layer)}{unit}, sample {row.sample:,}", icon=":material/arrow_forward:"
    )


def _class_means(workspace: WorkspaceInterface, report: HealthReport, choice: Choice) -> None:
    st.subheader("Units by classes", anchor=False)
    if not workspace.sample_labels:
        st.caption("The classes of these samples are not known: give data with labels to see them.")
        return
    listed = list(report.layers)
    start = listed.index(choice.layer) if choice.layer in listed else len(listed) - 1
    layer = st.selectbox("Layer", listed, index=start, key=keys.CLASS_MEANS_LAYER)
    try:
        with waiting(workspace, "Drawing", "class_means") as progress:
            specification = workspace.class_means(layer, progress)
    except LayerscopeError as error:
        show_error(error, workspace, "class_means")
        return
    if specification:
        chart(specification, keys.class_means(layer))
        st.caption(
            "A column that is bright in one row only is a unit that is selective for that class; rows alike are "
            "classes that the layer does not tell apart yet."
        )
