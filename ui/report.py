"""The report that a visitor takes away: one file on what is open, with their pins and notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import streamlit as st

from core.common.progress import Progress
from core.common.text import count_text, format_bytes
from core.errors import LayerscopeError
from core.workspace.interface import WorkspaceInterface
from ui import keys
from ui.choice import LONGEST_NOTE, Choice, Pin
from ui.pins import misfit_of
from ui.session import Request, end_if_outdated, get_session
from ui.waiting import show_error, waiting
from ui.wording import named

if TYPE_CHECKING:
    from core.report.choices import ReportPin

__all__ = ["report_button"]

_SIGNS: Final = re.compile(r"[^\w.-]+")


def report_button(workspace: WorkspaceInterface, choice: Choice) -> None:
    """Draw what opens into a field for a note, and a button that makes the report.

    Args:
        workspace: What is open.
        choice: What is chosen.
    """
    popover = st.popover(
        "Report",
        icon=":material/download:",
        type="tertiary",
        help="One file on this model and its answers, to keep or to send",
        key=keys.REPORT,
        on_change="rerun",
    )
    if popover.open:
        with popover:
            _report(workspace, choice)


def _report(workspace: WorkspaceInterface, choice: Choice) -> None:
    st.markdown("**A report as one file**")
    pinned = f", {count_text(len(choice.pins), 'pin')} with notes" if choice.pins else ""
    compared = f", against {named(workspace.compared.name)}" if workspace.compared is not None else ""
    st.caption(
        f"What the model is, its answers to {count_text(len(workspace.sample_names), 'sample')}, its health, layers, "
        f"units and attributions{compared}{pinned}. It opens without Layerscope and without a network."
    )
    st.text_area(
        "What you say of it",
        choice.note,
        key=keys.REPORT_NOTE,
        max_chars=LONGEST_NOTE,
        height=90,
        on_change=_keep_note,
    )
    session = get_session()
    request: Request = (
        *session.what_is_open,
        workspace.labelling,
        workspace.compared,
        tuple(choice.pins),
        choice.note,
    )
    is_made = session.report is not None and session.report[0] == request
    place = st.empty()
    if not is_made and place.button("Make the report", key=keys.MAKE_REPORT, type="primary"):
        try:
            with waiting(workspace, "Making the report", "report") as progress:
                page = _page(workspace, choice, progress)
        except LayerscopeError as error:
            show_error(error, workspace, "report")
            return
        end_if_outdated()
        session.report, is_made = (request, page), True
        place.empty()
    if is_made and session.report is not None:
        page = session.report[1]
        model = workspace.model.name if workspace.model else "model"
        st.download_button(
            f"Save the report ({format_bytes(len(page))})",
            page,
            file_name=f"{_SIGNS.sub('-', model)}-report.html",
            mime="text/html",
            on_click="ignore",
            type="primary",
            key=keys.SAVE_REPORT,
        )


def _keep_note() -> None:
    get_session().choice.note = str(st.session_state[keys.REPORT_NOTE]).strip()


def _page(workspace: WorkspaceInterface, choice: Choice, progress: Progress) -> bytes:
    from core.report.choices import ReportChoices
    from core.report.making import make_report
    from core.report.page import page_of

    pins = [_pin(workspace, choice, pin) for pin in choice.pins]
    choices = ReportChoices(pins=pins, note=choice.note, data=choice.data)
    report = make_report(workspace, choices, progress=progress)
    return page_of(report).encode()


def _pin(workspace: WorkspaceInterface, choice: Choice, pin: Pin) -> ReportPin:
    from core.report.choices import ReportPin

    is_of_another = bool(pin.model and choice.against) and pin.model != choice.against
    misfit = "Another second model is chosen now." if is_of_another else misfit_of(workspace, pin)
    return ReportPin(
        pin.name,
        pin.note,
        pin.sample,
        pin.layer,
        pin.unit,
        pin.visualizer,
        bool(pin.model),
        misfit,
    )
