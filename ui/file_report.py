"""A look at what a model's file says, also where it is refused: nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.errors import LayerscopeError
from core.file_report import FileReport
from core.file_weights import WeightRow
from core.wording import percent
from core.workspace import Workspace
from ui.charts import chart
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["offer_report"]

_TABLE_ROWS = 12
_ROW_HEIGHT = 35
_MAP_HEIGHT = 440


def offer_report(workspace: Workspace, key: str, read: Callable[[], FileReport]) -> None:
    """Draw a button that opens what a file says.

    Args:
        workspace: Who reads it.
        key: Tells the button from others on the page.
        read: Asks for what the file says.
    """
    if st.button(
        "See what the file says",
        key=f"report/{key}",
        icon=":material/plagiarism:",
        width="stretch",
        help="Its layers, connections and weights. Nothing of it is run.",
    ):
        _report(workspace, read)


@st.dialog("What the file says", width="large")
def _report(workspace: Workspace, read: Callable[[], FileReport]) -> None:
    try:
        with waiting(workspace, "Reading the file", "file_report"):
            report = read()
    except LayerscopeError as error:
        show_error(error, workspace, "file_report")
        return
    st.markdown(f"**{named(report.name)}**{_about(report)}")
    if report.refusal:
        st.error(plain(report.refusal), icon=":material/block:")
    _missing(report)
    for detail in report.details:
        st.caption(plain(detail))
    if not report.rows and not report.weights:
        st.info("Nothing else of it can be read.", icon=":material/visibility_off:")
        return
    layers, graph, weights = st.tabs(["Layers", "Map", "Weights"])
    with layers:
        _layers(report)
    with graph:
        if report.map:
            with st.container(height=_MAP_HEIGHT):
                chart(report.map, "file_report_map")
        else:
            st.info(
                "There is no map: the file does not say how its layers are connected, or they are too many.",
                icon=":material/visibility_off:",
            )
    with weights:
        _weights(report.weights)


def _missing(report: FileReport) -> None:
    if not report.missing:
        return
    for missing in report.missing:
        users = f", used by {', '.join(map(named, missing.layers[:5]))}" if missing.layers else ""
        st.markdown(f"Missing: the {missing.kind} **{named(missing.registered_name)}**{users}.")
    several = len(report.missing) > 1
    title = f"These lines of Python register {'them' if several else 'it'}"
    with st.expander(title, expanded=not several):
        lines = dict.fromkeys(line for missing in report.missing for line in missing.code.splitlines())
        st.code("\n".join(lines), language="python", wrap_lines=True)


def _about(report: FileReport) -> str:
    parts = [
        report.kind,
        report.keras_version and f"Keras {report.keras_version}",
        report.saved and f"saved {report.saved.replace('@', ' ')}",
        *(f"{what} {name}" for what, name in report.training.items()),
        f"{sum(row.count for row in report.weights):,} numbers in {len(report.weights):,} weights",
    ]
    return "".join(f" · {plain(part)}" for part in parts if part)


def _layers(report: FileReport) -> None:
    if not report.rows:
        st.info("The file says nothing of layers.", icon=":material/visibility_off:")
        return
    frame = pd.DataFrame(
        {
            "layer": ["\u2003" * row.depth + row.name for row in report.rows],
            "type": [row.type_name or "?" for row in report.rows],
            "shape": [row.shape or "?" for row in report.rows],
            "params": [row.parameter_count for row in report.rows],
            "weights": [list(row.distribution) for row in report.rows],
            "from": [", ".join(source.removeprefix("input:") for source in row.inputs_from) for row in report.rows],
            "notes": [" · ".join(row.notes) for row in report.rows],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=_height(len(frame)),
        row_height=_ROW_HEIGHT,
        column_config={
            "layer": st.column_config.TextColumn(width="medium"),
            "type": st.column_config.TextColumn(width="small", help="“?” where the file does not say it."),
            "shape": st.column_config.TextColumn(width="small", help="Output, without the sample axis."),
            "params": st.column_config.NumberColumn(format="localized", width="small"),
            "weights": st.column_config.BarChartColumn(
                width="small", help="How its weights are distributed, lowest to highest."
            ),
        },
    )


def _weights(rows: tuple[WeightRow, ...]) -> None:
    if not rows:
        st.info("No weights could be read.", icon=":material/visibility_off:")
        return
    frame = pd.DataFrame(
        {
            "layer": [row.layer for row in rows],
            "weight": [row.name for row in rows],
            "shape": [row.shape for row in rows],
            "distribution": [list(row.distribution) for row in rows],
            "min": [row.minimum for row in rows],
            "max": [row.maximum for row in rows],
            "mean": [row.mean for row in rows],
            "std": [row.deviation for row in rows],
            "zeros": [percent(row.zeros) if row.looked_at else "" for row in rows],
            "not finite": [row.not_finite for row in rows],
        }
    )
    number = st.column_config.NumberColumn(format="%.3g", width="small")
    st.dataframe(
        frame,
        hide_index=True,
        height=_height(len(frame)),
        row_height=_ROW_HEIGHT,
        column_config={
            "layer": st.column_config.TextColumn(width="medium"),
            "distribution": st.column_config.BarChartColumn(width="small", help="From the smallest to the largest."),
            **dict.fromkeys(("min", "max", "mean", "std"), number),
        },
    )
    partly = [row for row in rows if row.looked_at < row.count and row.looked_at]
    if partly:
        st.caption(f"Of {len(partly):,} large weights, numbers are of a part.")


def _height(count: int) -> int:
    return _ROW_HEIGHT * (min(count, _TABLE_ROWS) + 1) + 3
