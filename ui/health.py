"""The health page: what is wrong with the model's layers over all samples, and how units answer to classes."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from core.analysis.health import MEANINGS
from core.common.text import count_text, percent
from core.errors import LayerscopeError
from core.extraction.layers import is_input
from core.workspace.health_results import CLASS_MEANS_READ, HealthReport, HealthRow
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ChartPicture, ModelSummary
from core.workspace.sample_windows import MOST_WRONG
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading, page_of_samples
from ui.selection import clicked_point, layer_field, sample_chart
from ui.session import Request, get_session
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
_VERIFY_HELP = (
    "Each layer is called again outside of the recorded pass, on the very values and masks that it was called with, "
    "and its answer compared with what was recorded, number by number. Then the model is run without recording."
)
_TOP_SAMPLES = "exciting-samples"


class _Cell(NamedTuple):
    true: int
    answered: int
    true_class: str
    answered_class: str
    samples: int


class _Pages(NamedTuple):
    """Where something is opened in: the pictures of a layer, and the page of a unit."""

    explore: Any
    unit: Any


def page(explore: Any, unit: Any) -> None:
    """Draw the page.

    Args:
        explore: The page that a finding is opened in.
        unit: The page that a unit is opened in.
    """
    page_of_samples("Health", partial(_health, _Pages(explore, unit)))


def _health(pages: _Pages, workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    count = len(workspace.sample_names)
    with waiting(workspace, f"Running {count:,} samples through every layer", "health") as progress:
        report = workspace.health(progress)
    heading("Health", _summary(report, model.name))
    findings, units = st.columns([11, 10], gap="medium")
    with findings:
        _findings(workspace, report, choice, pages)
    with units:
        _class_means(workspace, report, choice, pages)
    _proof(workspace)
    if report.confusion is not None:
        matrix, wrong = st.columns([11, 10], gap="medium")
        with matrix:
            confused = _confusion(workspace, report.confusion)
        with wrong:
            _wrong_samples(workspace, report, choice, confused, pages.explore)


def _proof(workspace: WorkspaceInterface) -> None:
    """Offer to run every layer again, and say what came of it."""
    session = get_session()
    is_asked_for = session.verified == session.what_is_open
    with st.container(horizontal=True, vertical_alignment="center", border=False):
        if not is_asked_for:
            st.button("Verify", icon=":material/fact_check:", key=keys.VERIFY, on_click=_verify, help=_VERIFY_HELP)
            st.caption("Run each layer again, alone, on what went into it: is what is shown what it answers?")
            return
        try:
            with waiting(workspace, "Running each layer again", "verify") as progress:
                found = workspace.verify(progress)
        except LayerscopeError as error:
            show_error(error, workspace, "verify")
            return
        show, icon = (st.success, "verified") if found.is_clean else (st.error, "error")
        samples = count_text(found.sample_count, "sample")
        show(f"{plain(found.text)} With the first {samples}.", icon=f":material/{icon}:")
    rows = [layer for layer in found.layers if layer.outcome != "exact"]
    if rows:
        with st.expander(f"What was not reproduced exactly: {count_text(len(rows), 'layer')}"):
            frame = found.to_frame()
            st.dataframe(frame[frame["outcome"] != "exact"], hide_index=True, key=keys.VERIFIED)


def _verify() -> None:
    session = get_session()
    session.verified = session.what_is_open


def _summary(report: HealthReport, name: str) -> str:
    correct = "" if report.accuracy is None else f" · {plain(percent(report.accuracy, 1))} correct"
    return f"{named(name)} · {len(report.layers):,} layers over {report.sample_count:,} samples{correct}"


def _what_is_judged(workspace: WorkspaceInterface) -> Request:
    return (*get_session().what_is_open, workspace.labelling)


def _findings(workspace: WorkspaceInterface, report: HealthReport, choice: Choice, pages: _Pages) -> None:
    if not report.rows:
        show = st.info if report.note else st.success
        icon = ":material/info:" if report.note else ":material/check_circle:"
        show(f"{plain(report.clear)} {plain(report.note)}", icon=icon)
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
            "finding": [row.kind for row in report.rows],
            "share": [100 * row.found / row.unit_count for row in report.rows],
            "units": [_units(row) for row in report.rows],
            "what was found": [row.text for row in report.rows],
            "type": [row.type_name for row in report.rows],
        }
    )
    key = keys.findings(_what_is_judged(workspace))
    picked = st.dataframe(
        table,
        hide_index=True,
        height="content" if len(table) <= 5 else 320,
        # Two lines: what was found is a sentence.
        row_height=54,
        key=key,
        on_select=_clicked(report.rows, key),
        selection_mode=["single-row", "single-cell"],
        column_config={
            "share": st.column_config.ProgressColumn(
                "share", min_value=0, max_value=100, format="%.0f %%", width="small"
            ),
            "what was found": st.column_config.TextColumn("what was found", width="large"),
        },
    )
    with place:
        _link(pages, report.rows, _picked(picked.selection), choice)
    st.caption(f"{plain(report.clear)} {plain(report.note)}")
    with st.expander("What these mean"):
        for kind in counts:
            st.markdown(f":{_COLOURS[kind]}-badge[{kind}] {MEANINGS[kind]}")
        st.caption(
            "Correlations are over values drawn evenly from samples and places; everything else is over all values. "
            "What a dataset does not hold cannot be seen: a unit that is dead here may answer to something else."
        )


def _layers(count: int) -> str:
    return "layer" if count == 1 else "layers"


def _units(row: HealthRow) -> str:
    listed = ", ".join(map(str, row.units))
    return f"{listed}, …" if row.found > len(row.units) else listed


def _picked(selection: Any) -> int | None:
    """Return the row that is marked, or that of the cell that is; None where none is."""
    if selection.rows:
        return int(selection.rows[0])
    return int(selection.cells[0][0]) if selection.cells else None


def _clicked(rows: tuple[HealthRow, ...], key: str) -> Any:
    def select() -> None:
        picked = _picked(st.session_state[key].selection)
        if picked is None or picked >= len(rows):
            return
        row, choice = rows[picked], get_session().choice
        choice.sample = row.sample
        if not is_input(row.layer):
            choice.select_layer(row.layer)
        if row.kind != "not finite":
            choice.select_unit(row.units[0])
            choice.visualizer = _TOP_SAMPLES

    return select


def _is_chosen(row: HealthRow, choice: Choice) -> bool:
    """Return whether what a row stands for is still what is selected."""
    is_same_layer = is_input(row.layer) or choice.layer == row.layer
    is_same_unit = row.kind == "not finite" or choice.unit == row.units[0]
    return choice.sample == row.sample and is_same_layer and is_same_unit


def _link(pages: _Pages, rows: tuple[HealthRow, ...], picked: int | None, choice: Choice) -> None:
    if picked is None or picked >= len(rows) or not _is_chosen(rows[picked], choice):
        st.caption("Click a row: its layer, unit and a sample that shows it are chosen on every page.")
        return
    # A link, as st.switch_page would lose the files that were uploaded.
    row = rows[picked]
    layer = "" if is_input(row.layer) else f"{plain(row.layer)}, "
    unit = "" if row.kind == "not finite" else f"unit {row.units[0]:,}, "
    st.page_link(pages.explore, label=f"Open {layer}{unit}sample {row.sample:,}", icon=":material/arrow_forward:")
    if layer and unit:
        st.page_link(pages.unit, label="Unit card", icon=":material/badge:")


def _class_means(workspace: WorkspaceInterface, report: HealthReport, choice: Choice, pages: _Pages) -> None:
    if not workspace.sample_labels:
        st.caption("What each unit answers to each class stands here for data with labels.")
        return
    if not report.layers:
        st.caption("This model has no layers with values.")
        return
    layer = layer_field(
        st, "Units by classes, of layer", report.layers, keys.CLASS_MEANS_LAYER, choice, report.layers[-1]
    )
    try:
        with waiting(workspace, "Drawing", "class_means") as progress:
            specification = workspace.class_means(layer, progress)
    except LayerscopeError as error:
        show_error(error, workspace, "class_means")
        return
    if not specification:
        return
    key = keys.class_means(_what_is_judged(workspace), layer, choice.unit, choice.target_class)
    chart(specification, key, selections=("cell",), on_select=lambda: _select_cell(key, layer))
    with st.container(horizontal=True, vertical_alignment="center", height=44, border=False):
        if choice.layer != layer or choice.unit is None:
            st.caption("Click a cell: its unit is chosen on every page, and its class where the model knows it.")
        else:
            label = f"Open {plain(layer)}, unit {choice.unit:,}"
            st.page_link(pages.explore, label=label, icon=":material/arrow_forward:")
            st.page_link(pages.unit, label="Unit card", icon=":material/badge:")
    st.caption(CLASS_MEANS_READ)


def _select_cell(key: str, layer: str) -> None:
    cell = clicked_point(key, "cell")
    if cell is not None:
        choice = get_session().choice
        choice.select_layer(layer)
        choice.select_unit(int(cell["unit"]))
        if int(cell["class"]) >= 0:
            choice.target_class = int(cell["class"])
        choice.visualizer = _TOP_SAMPLES


def _confusion(workspace: WorkspaceInterface, confusion: ChartPicture) -> _Cell | None:
    """Draw the matrix; return the cell that is selected."""
    key = keys.confusion(_what_is_judged(workspace), get_session().confusion_version)
    chart(
        confusion.specification,
        key,
        selections=("confused",),
        on_select=lambda: None,
        alt=confusion.alt,
    )
    cell = clicked_point(key, "confused")
    if cell is None:
        return None
    names = str(cell["true_class"]), str(cell["answered_class"])
    return _Cell(int(cell["true"]), int(cell["answered"]), *names, int(cell["samples"]))


def _show_all_wrong_samples() -> None:
    get_session().confusion_version += 1


def _wrong_samples(
    workspace: WorkspaceInterface,
    report: HealthReport,
    choice: Choice,
    confused: _Cell | None,
    explore: Any,
) -> None:
    st.markdown(f"**{report.wrong_count:,} of {report.judged_count:,} wrong**")
    if not report.wrong_count:
        return
    count, wrong = report.wrong_count, report.wrong
    if confused is not None:
        count, wrong = confused.samples, tuple(each for each in wrong if (each.true, each.answered) == confused[:2])
        classes = f"True {plain(confused.true_class)}, answered {plain(confused.answered_class)}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{classes}: {count_text(count, 'sample')}.")
            st.button("All wrong samples", key=keys.ALL_WRONG_SAMPLES, on_click=_show_all_wrong_samples)
    if not wrong:
        st.caption("None of those in this cell.")
        return
    shown = [each.number for each in wrong[:MOST_WRONG]]
    strip = workspace.sample_strip(shown, choice.sample)
    with st.container(key=keys.FITTED_CHART):
        sample_chart(strip.specification, keys.sample_strip(keys.WRONG_SAMPLES, shown, choice.sample), strip.alt)
    first = f"The first {len(shown):,} of {count:,}. " if count > len(shown) else ""
    st.caption(f"{first}Click one: it is the sample of every page. A cell of the matrix lists its samples alone.")
    if choice.sample in shown:
        st.page_link(explore, label=f"Open sample {choice.sample:,}", icon=":material/arrow_forward:")
