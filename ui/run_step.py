"""The step of a recorded training whose weights the open model has: gone to, and chosen on every page."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from core.workspace.run_results import RunSummary
from ui.session import Session, get_session
from ui.waiting import show_error, waiting
from ui.wording import plain

__all__ = ["go_to_step", "select_step", "step_field", "why_no_model"]


def go_to_step(session: Session) -> None:
    """Put the weights of the chosen step into the model of a recorded training, where one is open.

    Args:
        session: What the page knows of the visitor.
    """
    workspace, choice = session.workspace, session.choice
    run = workspace.run
    if run is None or run.step is None:
        # Of another model a step in an old link says nothing.
        choice.step = None if run is None else choice.step
        return
    wanted = run.kept_steps[-1] if choice.step is None else choice.step
    step = run.nearest_kept(wanted)
    assert step is not None
    if step != wanted:
        st.info(f"Of step {wanted:,} no weights are kept; {step:,} is the nearest.", icon=":material/history:")
    choice.step = step
    request = (session.model_step.current, step)
    if session.run_step.current is None and run.step == step:
        # As it was opened.
        session.run_step.current = request
    session.run_step.attempt(request, partial(_go, workspace, step))
    error = session.run_step.error_for(request)
    if error is not None:
        show_error(error, workspace, "run_step", forget=session.run_step.forget_refusal)


def step_field(run: RunSummary, key: str) -> None:
    """Draw the slider that chooses the step for every page; where there is one step alone, say which.

    Args:
        run: The recorded training.
        key: Key of the widget.
    """
    step = get_session().choice.step
    if run.step is None or step not in run.kept_steps:
        return
    if len(run.kept_steps) < 2:
        st.caption(f"Step {step:,}, the only one that was kept.")
        return
    st.session_state[key] = step
    st.select_slider(
        f"Step of the training, {len(run.kept_steps):,} were kept",
        run.kept_steps,
        format_func=lambda kept: f"{kept:,}",
        key=key,
        on_change=lambda: select_step(st.session_state[key]),
        help="The model has the weights of this step, on every page.",
    )


def select_step(step: int) -> None:
    """Choose a step for every page; of those that were kept the nearest is gone to."""
    get_session().choice.step = int(step)


def why_no_model(run: RunSummary) -> str:
    """Return what other pages say of a run without a model, safe as Markdown."""
    return f"{plain(run.why_no_model)} The page Training shows what was recorded."


def _go(workspace: WorkspaceInterface, step: int) -> ModelSummary:
    with waiting(workspace, f"Going to step {step:,}", "go_to_step", above=True):
        return workspace.go_to_step(step)
