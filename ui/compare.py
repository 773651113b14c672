"""The compare page: two models or checkpoints over all samples, or two samples, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import streamlit as st

from core.common.text import safe_name
from core.errors import CodeNeeded
from core.workspace.comparable import examples_that_take
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ComparisonReport, ModelSummary
from ui import keys
from ui.answers import answer_in_words, draw_input
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading, page_of_samples
from ui.model_files import open_or_offer, uploaded_model, waits_for_member
from ui.selection import clicked_point, layer_field
from ui.session import Request, end_if_outdated, get_session
from ui.shown import other_shown_models
from ui.trust import offer_trust
from ui.waiting import waiting
from ui.wording import named, plain

__all__ = ["page"]

_MODEL: Final = "Another model"
_SAMPLE: Final = "Another sample"
_PYTHON: Final = "From Python"
_EXAMPLE: Final = "Example"
_FILE: Final = "Your file"
_INPUT_SIDE: Final = 72
_CHART_WIDTH: Final = 300


def page() -> None:
    """Draw the page."""
    page_of_samples("Compare", _compare)


def _compare(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    heading("Compare", f"{named(model.name)} with")
    has_other = workspace.compared is not None or bool(other_shown_models(workspace, choice))
    kind = st.segmented_control(
        "Compare with",
        [_SAMPLE, _MODEL],
        default=_MODEL if has_other else _SAMPLE,
        required=True,
        key=keys.COMPARISON_KIND,
        label_visibility="collapsed",
    )
    if kind == _MODEL:
        _with_model(workspace, model, choice)
    else:
        _with_sample(workspace, choice, len(workspace.sample_names))


def _with_model(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    _choose_other_model(workspace, model, choice)
    if workspace.compared is None:
        st.info(
            "Choose the other model: another checkpoint of this one, or another design for the same inputs. All "
            "samples that are open go through both.",
            icon=":material/compare_arrows:",
        )
        return
    with waiting(workspace, "Running all samples through both models", "comparison") as progress:
        report = workspace.comparison(progress)
    distances, similarity = st.columns(2, gap="large")
    with distances:
        _distances(report, choice)
    with similarity:
        chart(report.similarity, keys.SIMILARITY)
        st.caption(
            "1: both layers tell the same samples apart, whatever their units are. It does not change when units are "
            "turned or scaled (Kornblith et al. 2019). With few samples all similarities look high."
        )
    _one_layer(workspace, report, choice, None)


def _choose_other_model(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    place, source_place = st.columns([1, 2], vertical_alignment="bottom")
    fitting = [name for name in examples_that_take(model) if name != choice.example]
    in_memory = other_shown_models(workspace, choice)
    kind = place.segmented_control(
        "The other model is from",
        [*([_PYTHON] if in_memory else []), *([_EXAMPLE] if fitting else []), _FILE],
        default=_PYTHON if in_memory else _FILE,
        required=True,
        key=keys.OTHER_MODEL_KIND,
    )
    if kind == _PYTHON:
        _other_in_memory(workspace, {entry.name: entry.version for entry in in_memory}, source_place)
    elif kind == _EXAMPLE:
        _other_example(workspace, fitting, source_place)
    else:
        _other_file(workspace, source_place)


def _other_in_memory(workspace: WorkspaceInterface, versions: dict[str, int], place: Any) -> None:
    name = place.selectbox(
        "Model", list(versions), index=None, format_func=safe_name, placeholder="Choose", key=keys.OTHER_SHOWN_MODEL
    )
    if name:
        _open_other(workspace, ("shown", name, versions[name]), partial(workspace.compare_with_shown, name))


def _other_example(workspace: WorkspaceInterface, fitting: list[str], place: Any) -> None:
    titles = {example.name: example.title for example in workspace.examples() if example.name in fitting}
    name = place.selectbox(
        "Example",
        list(titles),
        index=None,
        format_func=titles.__getitem__,
        placeholder="Choose",
        key=keys.OTHER_EXAMPLE,
    )
    if name:
        _open_other(workspace, ("example", name), partial(workspace.compare_with_example, name))


def _other_file(workspace: WorkspaceInterface, place: Any) -> None:
    files = uploaded_model("The other model", keys.OTHER_MODEL_FILE, place)
    if files is None or waits_for_member(files.identity, files.member):
        return
    open_model = partial(open_or_offer, files.identity, files.member, partial(files.compare_in, workspace))
    try:
        _open_other(workspace, ("files", files.identity, files.member), open_model)
    except CodeNeeded as error:
        offer_trust(error, files.identity, "compared", lambda: None)


def _open_other(workspace: WorkspaceInterface, source: Request, open_model: Callable[[], ModelSummary]) -> None:
    session = get_session()
    step = session.other_model_step
    # Opening another first model lets the second one go.
    request = (session.model_step.current, source)
    if step.current == request and workspace.compared is not None:
        return
    with waiting(workspace, "Opening the other model", "open_other"):
        open_model()
    end_if_outdated()
    step.current = request


def _with_sample(workspace: WorkspaceInterface, choice: Choice, count: int) -> None:
    if count < 2:
        st.info("There is only one sample.", icon=":material/looks_one:")
        return
    first = min(choice.sample, count - 1)
    second = _second_sample(workspace, choice, first, count)
    with waiting(workspace, "Running both samples", "compare_samples"):
        report = workspace.compare_samples(first, second)
    distances, layer = st.columns([9, 11], gap="medium")
    with distances:
        _distances(report, choice)
    with layer:
        _one_layer(workspace, report, choice, (first, second))


def _second_sample(workspace: WorkspaceInterface, choice: Choice, first: int, count: int) -> int:
    """Draw both inputs with their answers, the second with a choice of the sample; return its number."""
    first_place, second_place = st.columns(2, gap="medium", border=True)
    with first_place, st.container(horizontal=True, vertical_alignment="center"):
        _sample(workspace, first, choice.output, f"Sample {first:,} · ")
    with second_place, st.container(horizontal=True, vertical_alignment="center"):
        default = 1 if first == 0 else 0
        second = default if choice.second_sample is None else choice.second_sample
        st.session_state[keys.SECOND_SAMPLE] = min(second, count - 1)
        second = int(
            st.number_input(
                "Another sample", 0, count - 1, width=140, key=keys.SECOND_SAMPLE, on_change=_keep_second_sample
            )
        )
        _sample(workspace, second, choice.output, "")
    return second


def _keep_second_sample() -> None:
    get_session().choice.second_sample = int(st.session_state[keys.SECOND_SAMPLE])


def _sample(workspace: WorkspaceInterface, sample: int, output: str, called: str) -> None:
    with waiting(workspace, "Running the sample", f"compared_sample/{sample}"):
        views, answer = workspace.inputs(sample), workspace.answer(sample, output=output)
    for view in views:
        draw_input(view, keys.compared_input(sample, view.name), _INPUT_SIDE, _CHART_WIDTH)
    said = answer_in_words(answer)
    true = f"true: {named(answer.true_label)}" if answer.true_label and answer.right is not None else ""
    st.markdown(called + " · ".join(filter(None, (f"Answer: {said}" if said else "", true))))


def _distances(report: ComparisonReport, choice: Choice) -> None:
    if not report.distances:
        st.info("The two have no layer of the same name and shape; their similarity can be seen all the same.")
        return
    key = keys.distances(choice.layer)
    chart(report.distances, key, selections=("layer",), on_select=lambda: _select_layer(key))
    st.caption(
        "Norm of the difference, in units of the norm of the first: 0 is the same answer. Click a bar for that layer."
    )


def _select_layer(key: str) -> None:
    bar = clicked_point(key, "layer")
    if bar is not None:
        get_session().choice.select_layer(bar["layer"])


def _one_layer(
    workspace: WorkspaceInterface, report: ComparisonReport, choice: Choice, samples: tuple[int, int] | None
) -> None:
    if not report.layers:
        return
    default = report.largest or report.layers[-1]
    layer = layer_field(st, "Layer", report.layers, keys.COMPARED_LAYER, choice, default)
    sample, second = samples or (choice.sample, None)
    unit = choice.unit if layer == choice.layer else None
    with waiting(workspace, f"Drawing {plain(layer)}", "compared_layer_drawing"):
        specification = workspace.compared_layer(layer, sample, second, unit)
    with st.container(key=keys.FITTED_CHART):
        chart(specification, keys.compared_layer_chart(layer))
    if samples is None:
        st.caption(f"Of sample {sample:,}, the one of the page.")
