"""A look at a model file that is not opened: what it says of its layers, its weights, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from core.common.text import cut_in_the_middle
from core.errors import LayerscopeError
from core.workspace.file_report.results import FileReport, MissingClass, WeightRow
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import LayerRow
from core.workspace.told_summaries import written_by
from ui import keys
from ui.charts import chart
from ui.waiting import show_error
from ui.wording import named, plain

__all__ = ["look_at_refused"]

_KINDS: Final = {
    "keras": "a .keras archive",
    "hdf5": "an HDF5 file (.h5)",
    "architecture": "an architecture (.json)",
    "saved_model": "a SavedModel",
    "tflite": "a TensorFlow Lite file",
    "frozen_graph": "a frozen graph of TensorFlow",
    "weights": "weights without layers",
}
_ROW_HEIGHT: Final = 35
_TABLE_ROWS: Final = 12
_MAP_HEIGHT: Final = 460
_NAME_LENGTH: Final = 40


def look_at_refused(workspace: WorkspaceInterface, key: str, ask: Callable[[], FileReport]) -> None:
    """Offer to look at a file that was refused; nothing of it is run, and what is open stays open.

    Args:
        workspace: Where it is asked.
        key: Tells the button from others on the page.
        ask: Reads the file, as :meth:`core.workspace.workspace.Workspace.file_report` does.
    """
    if st.button("See what the file says", key=keys.look_at_file(key), icon=":material/visibility:"):
        _dialog(workspace, key, ask)


@st.dialog("What the file says", width="large")
def _dialog(workspace: WorkspaceInterface, key: str, ask: Callable[[], FileReport]) -> None:
    try:
        with st.spinner("Reading the file …", show_time=True):
            report = ask()
    except LayerscopeError as error:
        show_error(error, workspace, f"look/{key}")
        return
    _heading(report)
    _explain_refusal(report)
    several = len(report.missing_classes) > 1
    # The layers are to be in sight.
    with st.expander(f"{len(report.missing_classes)} classes are missing") if several else st.container():
        for missing_class in report.missing_classes:
            _explain_missing(missing_class)
    _contents(report)
    for note in report.notes:
        st.caption(plain(note))


def _heading(report: FileReport) -> None:
    st.subheader(named(report.name), anchor=False)
    date = f"saved {report.date_saved}" if report.date_saved else ""
    facts = (
        _KINDS.get(report.kind, ""),
        f"class {report.type_name}" if report.type_name else "",
        written_by(report.keras_version, report.training),
        date,
    )
    text = " · ".join(plain(fact) for fact in facts if fact)
    if text:
        st.caption(f"{text}. Read as data: nothing of it was run.")


def _explain_refusal(report: FileReport) -> None:
    if report.refusal:
        st.error(f"{plain(report.refusal.message)}\n\n{plain(report.refusal.remedy)}", icon=":material/block:")
        if report.refusal.code and not report.missing_classes:
            st.code(report.refusal.code, language="python", wrap_lines=True)


def _explain_missing(missing_class: MissingClass) -> None:
    module = f" of the module {named(missing_class.module)}" if missing_class.module else ""
    users = f", used by {', '.join(map(named, missing_class.layers[:5]))}," if missing_class.layers else ""
    st.markdown(f"**{named(missing_class.name)}**{module}{users} did not come with Keras.")
    if missing_class.code:
        st.caption("Where you load it in Python, these lines register it under the name that the file asks for:")
        st.code(missing_class.code, language="python", wrap_lines=True)


def _contents(report: FileReport) -> None:
    views = {"Layers": bool(report.rows), "Map": bool(report.map), "Weights": bool(report.weights)}
    titles = [title for title, is_there in views.items() if is_there]
    if report.signatures or report.operations:
        _graph(report)
    if not titles:
        return
    for title, tab in zip(titles, st.tabs(titles), strict=True):
        with tab:
            if title == "Layers":
                _layers(report)
            elif title == "Map":
                with st.container(height=_MAP_HEIGHT):
                    chart(report.map, keys.FILE_MAP)
            else:
                _weights(report.weights)


def _graph(report: FileReport) -> None:
    for title, names in (
        ("Signatures", report.signatures),
        ("Operations", report.operations),
        ("Assets", report.assets),
    ):
        if names:
            st.markdown(f"**{title}**: {', '.join(map(named, names))}")


def _layers(report: FileReport) -> None:
    import pandas as pd

    inputs = ", ".join(
        f"{named(model_input.name)} {plain(model_input.shape)} {plain(model_input.dtype)}".strip()
        for model_input in report.inputs
    )
    count = f"{len(report.rows):,} layers"
    if report.parameter_count is not None:
        count += f" · {report.parameter_count:,} parameters"
    st.caption(f"{count}{f' · takes {inputs}' if inputs else ''}")
    rows = report.rows
    frame = pd.DataFrame(
        {
            "layer": [_indented(row) for row in rows],
            "type": [row.type_name for row in rows],
            "shape": [row.shape for row in rows],
            "weights": [list(row.distribution) for row in rows],
            "params": pd.array([row.parameter_count for row in rows], dtype="Int64"),
            "from": [", ".join(source.removeprefix("input:") for source in row.inputs_from) for row in rows],
            "notes": [" · ".join(filter(None, (row.missing, *row.notes))) for row in rows],
        }
    )
    st.dataframe(
        frame,
        key=keys.FILE_LAYERS,
        hide_index=True,
        height=_height(rows),
        row_height=_ROW_HEIGHT,
        column_config={
            "layer": st.column_config.TextColumn(width=170),
            "type": st.column_config.TextColumn(width=120),
            "shape": st.column_config.TextColumn(width=80, help="Output, without the sample axis; empty: not known."),
            "weights": st.column_config.BarChartColumn(
                width=100, help="How the layer's weights are distributed, lowest to highest."
            ),
            "params": st.column_config.NumberColumn(format="localized", width=80, help="Empty: not known."),
            "from": st.column_config.TextColumn(width=110, help="What feeds it."),
            "notes": st.column_config.TextColumn(width=230),
        },
    )


def _weights(weights: Sequence[WeightRow]) -> None:
    import pandas as pd

    notes = [_weight_note(row) for row in weights]
    numbers = {"min": "minimum", "max": "maximum", "mean": "mean", "std": "deviation"}
    frame = pd.DataFrame(
        {
            "array": [row.path for row in weights],
            "shape": [row.shape for row in weights],
            "values": [list(row.distribution) for row in weights],
            **{title: [getattr(row, name) for row in weights] for title, name in numbers.items()},
            "zeros": [None if row.zeros is None else 100 * row.zeros for row in weights],
            "type": [row.dtype for row in weights],
            "layer": [row.layer for row in weights],
            "notes": notes,
        }
    )
    if not any(notes):
        frame = frame.drop(columns="notes")
    st.dataframe(
        frame,
        key=keys.FILE_WEIGHTS,
        hide_index=True,
        height=_height(weights),
        row_height=_ROW_HEIGHT,
        column_config={
            "array": st.column_config.TextColumn(width=260, help="Where it is in the file."),
            "shape": st.column_config.TextColumn(width=80),
            "values": st.column_config.BarChartColumn(width=100, help="Lowest to highest."),
            **{title: st.column_config.NumberColumn(format="%.3g", width=70) for title in numbers},
            "zeros": st.column_config.NumberColumn(format="%.0f %%", width=60),
            "type": st.column_config.TextColumn(width=75),
            "layer": st.column_config.TextColumn(width=150, help="Empty: the file does not say."),
            "notes": st.column_config.TextColumn(width=200),
        },
    )


def _weight_note(row: WeightRow) -> str:
    share = f"{row.value_count:,} of {row.count:,} looked at" if row.value_count < row.count else ""
    not_finite = f"{row.not_finite:,} NaN or infinite" if row.not_finite else ""
    return " · ".join(filter(None, (not_finite, share)))


def _indented(row: LayerRow) -> str:
    return "\u2003" * row.depth + cut_in_the_middle(row.name, _NAME_LENGTH) + (" ▸" if row.holds_layers else "")


def _height(rows: Sequence[object]) -> int:
    return _ROW_HEIGHT * (min(len(rows), _TABLE_ROWS) + 1) + 3
