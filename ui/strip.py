"""The strip above every page: which sample, what went in, what the model answers, and the samples beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import streamlit as st

from core.common.text import safe_name
from core.errors import NotRecorded
from core.inputs.images import SCALINGS
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import InputView, ModelSummary, SampleRow
from core.workspace.sample_windows import has_wide_inputs, sample_window, thumbnail_count
from ui import keys
from ui.address import share_button
from ui.answers import draw_answer
from ui.choice import Choice, SampleFilter
from ui.pins import pins
from ui.recorded import nearest_recorded, recorded_samples, recording_of
from ui.report import report_button
from ui.sample_inputs import about_values, draw_inputs
from ui.selection import neighbour, sample_chart, step_button
from ui.session import SampleView, end_if_outdated, get_session
from ui.waiting import waiting
from ui.wording import named, plain

__all__ = ["Thumbnails", "strip", "thumbnails"]

_SECONDS: Final = 2.0
_ORDERS: Final = {"": "as numbered", "confidence": "least sure first", "loss": "largest loss first"}


class Thumbnails(NamedTuple):
    """What the strip has room for beside the answer.

    Attributes:
        place: Where they are drawn.
        rows: What is known of all samples.
        offered: Numbers of those that the filter leaves, in its order.
    """

    place: Any
    rows: Sequence[SampleRow]
    offered: Sequence[int]


def strip(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> Thumbnails:
    """Draw the strip; afterwards ``choice.sample`` is one that there is, and the session holds what is known of it.

    Returns:
        What :func:`thumbnails` draws, which can wait until the picture of the layer is on its way.

    Raises:
        ExtractionFailed: If the model raises on this input.
    """
    names = workspace.sample_names
    if choice.sample >= len(names):
        st.info(
            f"There is no sample {choice.sample:,}; the last one is shown, {len(names) - 1:,}.",
            icon=":material/link_off:",
        )
        choice.sample = len(names) - 1
    choice.sample = nearest_recorded(workspace, choice.sample)
    if choice.output not in model.outputs:
        choice.output = ""
    view = _view(workspace, choice)
    if view.answer.unsuited:
        st.info(plain(view.answer.unsuited), icon=":material/link_off:")
        choice.meaning = ""
    rows = _rows(workspace, "" if choice.output not in ("", model.main_output) else choice.meaning)
    _forget_impossible_filter(rows, choice)
    offered = recorded_samples(workspace, _offered(rows, choice.samples))
    session = get_session()
    if session.is_filter_new and offered and choice.sample not in offered:
        choice.sample = offered[0]
        view = _view(workspace, choice)
    session.is_filter_new = False
    with st.container(key=keys.STRIP):
        widths = [1.5, 3.4, 3.4, 3.6] if has_wide_inputs(view.inputs) else [1.5, 1.3, 3.6, 4.6]
        step_place, input_place, answer_place, samples_place = st.columns(widths, gap="small")
        with step_place:
            _stepper(workspace, rows, offered, choice)
            about_values(view.inputs)
        with input_place.container(key=keys.STRIP_INPUT):
            draw_inputs(view.inputs)
        with answer_place.container(key=keys.STRIP_ANSWER):
            draw_answer(model, view.answer, choice)
        thumbnails_place = samples_place.container(key=keys.STRIP_SAMPLES)
    _scaling_warning(view.inputs, model)
    return Thumbnails(thumbnails_place, rows, offered)


def thumbnails(workspace: WorkspaceInterface, rest: Thumbnails, choice: Choice) -> None:
    """Draw the samples around the one that is chosen, in the place that the strip left."""
    with rest.place:
        _samples(workspace, rest.rows, rest.offered, choice)


def _view(workspace: WorkspaceInterface, choice: Choice) -> SampleView:
    """Return what there is to say of the sample; asked for once, though the page runs after every click."""
    session = get_session()
    request = (*session.what_is_open, workspace.labelling, choice.sample, choice.output, choice.meaning)
    if session.sample_view is None or session.sample_view.request != request:
        with waiting(workspace, "Running the input through every layer", "answer", above=True) as progress:
            answer = workspace.answer(choice.sample, progress, choice.output, choice.meaning)
            inputs = workspace.inputs(choice.sample)
        with waiting(workspace, "Looking at every layer", "layers", above=True):
            layers = workspace.layers(choice.sample)
        end_if_outdated()
        session.sample_view = SampleView(request, answer, inputs, layers)
    return session.sample_view


def _rows(workspace: WorkspaceInterface, meaning: str) -> Sequence[SampleRow]:
    """Return a row per sample; of a model that takes long, the first ones are run, and the others when asked for.

    Args:
        workspace: What is open.
        meaning: What the output is taken for, which says how far off each answer is.
    """
    session = get_session()
    request = (*session.what_is_open, workspace.labelling, meaning)
    seconds = math.inf if session.runs_all_samples else _SECONDS
    session.runs_all_samples = False
    if session.sample_rows is None or session.sample_rows[0] != request or seconds == math.inf:
        with waiting(workspace, "Running the samples", "sample_rows", above=True) as progress:
            rows = workspace.sample_rows(seconds, progress, meaning)
        end_if_outdated()
        session.sample_rows = (request, rows)
    return session.sample_rows[1]


def _run_all_samples() -> None:
    get_session().runs_all_samples = True


def _offered(rows: Sequence[SampleRow], asked: SampleFilter) -> list[int]:
    """Return the numbers of the samples that the filter leaves, in its order."""
    text = asked.text.strip().lower()
    rest = [
        row
        for row in rows
        if (row.right is False or not asked.only_wrong)
        and (not asked.label or row.true_label == asked.label)
        and text in f"{row.name} {row.true_label} {row.answer}".lower()
    ]
    if asked.order == "confidence":
        rest.sort(key=lambda row: math.inf if row.confidence is None else row.confidence)
    elif asked.order == "loss":
        rest.sort(key=lambda row: math.inf if row.loss is None else -row.loss)
    return [row.number for row in rest]


def _forget_impossible_filter(rows: Sequence[SampleRow], choice: Choice) -> None:
    """Let go of a class that no sample has, as after its name was changed, and of a verdict that there is not."""
    asked = choice.samples
    has_label = not asked.label or any(row.true_label == asked.label for row in rows)
    has_verdicts = not asked.only_wrong or any(row.right is not None for row in rows)
    if not (has_label and has_verdicts):
        choice.forget_filter()


def _stepper(workspace: WorkspaceInterface, rows: Sequence[SampleRow], offered: Sequence[int], choice: Choice) -> None:
    names = workspace.sample_names
    last = len(names) - 1
    st.session_state[keys.SAMPLE] = choice.sample
    session = get_session()
    session.offered_samples = offered
    line = st.container(horizontal=True, gap="xsmall", vertical_alignment="center")
    step_button(
        line,
        "◀",
        keys.SAMPLE_BEFORE,
        hint="Sample before (key ←)",
        shortcut="Left",
        target=partial(_sample_beside, -1),
        choose=_select,
    )
    line.number_input(
        f"Sample, 0 to {last:,}",
        0,
        max(last, 1),
        step=1,
        key=keys.SAMPLE,
        disabled=last == 0,
        on_change=_keep_sample,
        label_visibility="collapsed",
        width=58,
    )
    step_button(
        line,
        "▶",
        keys.SAMPLE_AFTER,
        hint="Sample after (key →)",
        shortcut="Right",
        target=partial(_sample_beside, 1),
        choose=_select,
    )
    line = st.container(horizontal=True, gap="xsmall", vertical_alignment="center")
    with line:
        _filter(rows, choice)
        share_button(choice)
        pins(workspace, choice)
    name = "" if names[choice.sample] == str(choice.sample) else f" · {named(names[choice.sample])}"
    with st.container(key=keys.REPORT_LINE, horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(f"of 0 to {last:,}{name}", width="content")
        if recording_of(workspace) is None:
            report_button(workspace, choice)


def _sample_beside(step: int) -> int | None:
    session = get_session()
    return neighbour(session.offered_samples, session.choice.sample, step)


def _select(sample: int) -> None:
    get_session().choice.sample = sample


def _keep_sample() -> None:
    get_session().choice.sample = int(st.session_state[keys.SAMPLE])


def _filter(rows: Sequence[SampleRow], choice: Choice) -> None:
    asked, version = choice.samples, choice.filter_version
    with st.popover("Filter" if asked.is_open else "Filter ●", width="content", key=keys.SAMPLE_FILTER):
        wrong = sum(row.right is False for row in rows)
        if any(row.right is not None for row in rows):
            key = keys.fresh(keys.ONLY_WRONG, version)
            st.toggle(f"Only wrong ones ({wrong:,})", asked.only_wrong, key=key, on_change=_keep_filter)
        labels = sorted({row.true_label for row in rows if row.true_label})
        if labels:
            st.selectbox(
                "True class",
                labels,
                index=labels.index(asked.label) if asked.label in labels else None,
                format_func=safe_name,
                key=keys.fresh(keys.SAMPLE_CLASS, version),
                placeholder="all",
                on_change=_keep_filter,
            )
        st.text_input(
            "Search names, classes and answers",
            asked.text,
            key=keys.fresh(keys.SAMPLE_TEXT, version),
            on_change=_keep_filter,
        )
        orders = [
            "",
            *(["confidence"] if any(row.confidence is not None for row in rows) else []),
            *(["loss"] if any(row.loss is not None for row in rows) else []),
        ]
        if len(orders) > 1:
            st.selectbox(
                "Sort by",
                orders,
                index=orders.index(asked.order) if asked.order in orders else 0,
                format_func=_ORDERS.__getitem__,
                key=keys.fresh(keys.SAMPLE_ORDER, version),
                on_change=_keep_filter,
            )
        st.button("Show all", on_click=_forget_filter, disabled=asked.is_open)


def _keep_filter() -> None:
    session = get_session()
    choice = session.choice

    def value(key: str) -> Any:
        return st.session_state.get(keys.fresh(key, choice.filter_version))

    session.is_filter_new = True
    choice.samples = SampleFilter(
        bool(value(keys.ONLY_WRONG)),
        value(keys.SAMPLE_CLASS) or "",
        value(keys.SAMPLE_TEXT) or "",
        value(keys.SAMPLE_ORDER) or "",
    )


def _forget_filter() -> None:
    get_session().choice.forget_filter()


def _samples(workspace: WorkspaceInterface, rows: Sequence[SampleRow], offered: Sequence[int], choice: Choice) -> None:
    if not offered:
        st.caption("No sample is left by the filter.")
        return
    session = get_session()
    view = session.sample_view
    shown = sample_window(offered, choice.sample, thumbnail_count(view.inputs if view else ()))
    waiting_count = sum(not row.is_run for row in rows) if any(row.is_run for row in rows) else 0
    strip_request = (view.request if view else (), tuple(shown), waiting_count)
    if session.thumbnail_strip is None or session.thumbnail_strip[0] != strip_request:
        try:
            session.thumbnail_strip = (strip_request, workspace.sample_strip(shown, choice.sample))
        except NotRecorded:
            # Of a recording, while it is filtered: the steps lead to each of them.
            session.thumbnail_strip = None
            st.caption(f"Samples {', '.join(f'{sample:,}' for sample in shown)}")
    if session.thumbnail_strip is not None:
        picture = session.thumbnail_strip[1]
        sample_chart(picture.specification, keys.sample_strip(keys.STRIP_SAMPLES, shown, choice.sample), picture.alt)
    judged = [row for row in rows if row.right is not None]
    wrong = sum(row.right is False for row in judged)
    counts = f" · {wrong:,} of {len(judged):,} wrong" if judged else ""
    if counts and workspace.labelling.is_order_assumed:
        counts += ", :orange[if the model has its classes in alphabetical order]: give their names under “Samples”"
    st.caption(f"{len(offered):,} of {len(rows):,} samples, {_ORDERS[choice.samples.order]}{counts}")
    if waiting_count:
        st.button(
            f"Run the other {waiting_count:,} samples",
            key=keys.RUN_ALL_SAMPLES,
            type="tertiary",
            help="The model takes long: the filter and the order know the answers to those that were run.",
            on_click=_run_all_samples,
        )


def _scaling_warning(views: Sequence[InputView], model: ModelSummary) -> None:
    """Say where the numbers of the samples lie elsewhere than those that the model was trained on, with a way out."""
    for view in views:
        if not view.warning:
            continue
        place = st.container(horizontal=True, vertical_alignment="center")
        place.warning(plain(view.warning), icon=":material/warning:")
        if view.suggested_scaling and get_session().has_preparation:
            place.button(
                f"Prepare as {SCALINGS[view.suggested_scaling].title}",
                key=keys.rescale(view.name),
                on_click=_set_scaling,
                args=(model.name, view.suggested_scaling),
            )


def _set_scaling(model: str, scaling: str) -> None:
    session = get_session()
    session.preparation_version += 1
    st.session_state[keys.scaling(model, session.preparation_version)] = scaling
    st.session_state[keys.scale_arrays(model, session.preparation_version)] = True
