"""The compare page: two models or checkpoints over all samples, or two samples, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import streamlit as st

from core.errors import CodeNeeded
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ComparisonReport, ModelSummary
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import page_of_samples
from ui.model_files import open_or_offer, uploaded_model, waits_for_member
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


def page() -> None:
    """Draw the page."""
    page_of_samples("Compare", _compare)


def _compare(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    kind = st.segmented_control(
        f"Compare {named(model.name)} with",
        [_MODEL, _SAMPLE],
        default=_MODEL,
        required=True,
        key=keys.COMPARISON_KIND,
    )
    if kind == _MODEL:
        _with_model(workspace, choice)
    else:
        _with_sample(workspace, choice, len(workspace.sample_names))


def _with_model(workspace: WorkspaceInterface, choice: Choice) -> None:
    _choose_other_model(workspace, choice)
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
        _distances(report)
    with similarity:
        chart(report.similarity, keys.SIMILARITY)
        st.caption(
            "1: both layers tell the same samples apart, whatever their units are. It does not change when units are "
            "turned or scaled (Kornblith et al. 2019). With few samples all similarities look high."
        )
    _one_layer(workspace, report, choice, None)


def _choose_other_model(workspace: WorkspaceInterface, choice: Choice) -> None:
    place, source_place = st.columns([1, 2], vertical_alignment="bottom")
    in_memory = other_shown_models(workspace, choice)
    kind = place.segmented_control(
        "The other model is from",
        [*([_PYTHON] if in_memory else []), _EXAMPLE, _FILE],
        default=_PYTHON if in_memory else _FILE,
        required=True,
        key=keys.OTHER_MODEL_KIND,
    )
    if kind == _PYTHON:
        _other_in_memory(workspace, {entry.name: entry.version for entry in in_memory}, source_place)
    elif kind == _EXAMPLE:
        _other_example(workspace, source_place)
    else:
        _other_file(workspace, source_place)


def _other_in_memory(workspace: WorkspaceInterface, versions: dict[str, int], place: Any) -> None:
    name = place.selectbox(
        "Model", list(versions), index=None, format_func=named, placeholder="Choose", key=keys.OTHER_SHOWN_MODEL
    )
    if name:
        _open_other(workspace, ("shown", name, versions[name]), partial(workspace.compare_with_shown, name))


def _other_example(workspace: WorkspaceInterface, place: Any) -> None:
    titles = {example.name: example.title for example in workspace.examples()}
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
    first_place, second_place = st.columns(2)
    last = count - 1
    default = min(choice.sample, last)
    first = int(first_place.number_input("Sample", 0, last, value=default, key=keys.FIRST_SAMPLE))
    default = 1 if choice.sample == 0 else 0
    second = int(second_place.number_input("Another sample", 0, last, value=default, key=keys.SECOND_SAMPLE))
    with waiting(workspace, "Running both samples", "compare_samples"):
        report = workspace.compare_samples(first, second)
    _distances(report)
    _one_layer(workspace, report, choice, (first, second))


def _distances(report: ComparisonReport) -> None:
    if not report.distances:
        st.info("The two have no layer of the same name and shape; their similarity can be seen all the same.")
        return
    chart(report.distances, keys.DISTANCES, selections=("layer",), on_select=_select_layer)
    st.caption("0: the same answers. Click a bar to see that layer of both.")


def _select_layer() -> None:
    bars = st.session_state[keys.DISTANCES].selection.get("layer")
    if bars:
        st.session_state[keys.COMPARED_LAYER] = bars[0]["layer"]


def _one_layer(
    workspace: WorkspaceInterface, report: ComparisonReport, choice: Choice, samples: tuple[int, int] | None
) -> None:
    if not report.layers:
        return
    layers = list(report.layers)
    default = report.first or (choice.layer if choice.layer in layers else layers[-1])
    if st.session_state.get(keys.COMPARED_LAYER) not in layers:
        st.session_state[keys.COMPARED_LAYER] = default
    layer = st.selectbox("Layer", layers, key=keys.COMPARED_LAYER)
    sample, second = samples or (choice.sample, None)
    with waiting(workspace, f"Drawing {plain(layer)}", "compared_layer_drawing"):
        specification = workspace.compared_layer(layer, sample, second)
    chart(specification, keys.compared_layer_chart(layer))
    if samples is None:
        st.caption(f"Sample {sample:,}, which the sidebar chooses.")
