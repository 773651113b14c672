"""The compare page: two models or checkpoints over all samples, or two samples, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from core.errors import CodeNeeded
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ComparisonReport, ModelSummary
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import page_of_samples
from ui.model_files import open_or_offer, uploaded_model, waits_for_choice
from ui.shown import other_shown_models
from ui.trust import offer_trust
from ui.waiting import waiting
from ui.wording import named, plain

__all__ = ["page"]

_MODEL, _SAMPLE = "Another model", "Another sample"
_PYTHON, _EXAMPLE, _FILE = "From Python", "Example", "Your file"
_CHART = "distances"


def page() -> None:
    """Draw the page."""
    page_of_samples("Compare", _compare)


def _compare(opened: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> None:
    kind = st.segmented_control(
        f"Compare {named(model.name)} with", [_MODEL, _SAMPLE], default=_MODEL, required=True, key="compare_kind"
    )
    if kind == _MODEL:
        _with_model(opened, chosen)
    else:
        _with_sample(opened, chosen, len(opened.sample_names))


def _with_model(opened: WorkspaceInterface, chosen: Choice) -> None:
    _other_model(opened, chosen)
    other = opened.compared
    if other is None:
        st.info(
            "Choose the other model: another checkpoint of this one, or another design for the same inputs. All "
            "samples that are open go through both.",
            icon=":material/compare_arrows:",
        )
        return
    with waiting(opened, "Running all samples through both models", "comparison") as progress:
        report = opened.comparison(progress)
    distances, similarity = st.columns(2, gap="large")
    with distances:
        _distances(report)
    with similarity:
        chart(report.similarity, "similarity")
        st.caption(
            "1: both layers tell the same samples apart, whatever their units are. It does not change when units are "
            "turned or scaled (Kornblith et al. 2019). With few samples all similarities look high."
        )
    _one_layer(opened, report, chosen, None)


def _other_model(opened: WorkspaceInterface, chosen: Choice) -> None:
    place, source = st.columns([1, 2], vertical_alignment="bottom")
    in_memory = other_shown_models(opened, chosen)
    kinds = [*([_PYTHON] if in_memory else []), _EXAMPLE, _FILE]
    kind = place.segmented_control(
        "The other model is from", kinds, default=_PYTHON if in_memory else _FILE, required=True, key="compared_kind"
    )
    if kind == _PYTHON:
        versions = {each.name: each.version for each in in_memory}
        name = source.selectbox(
            "Model", list(versions), index=None, format_func=named, placeholder="Choose", key="compared_shown"
        )
        if name:
            _take(opened, ("shown", name, versions[name]), partial(opened.compare_with_shown, name))
        return
    if kind == _EXAMPLE:
        examples = {each.name: each.title for each in opened.examples()}
        names = list(examples)
        name = source.selectbox(
            "Example", names, index=None, format_func=examples.__getitem__, placeholder="Choose", key="compared_example"
        )
        if name:
            _take(opened, ("example", name), lambda: opened.compare_with_example(name))
        return
    upload = uploaded_model("The other model", "compared_file", source)
    if upload is not None and not waits_for_choice(upload.identity, upload.member):
        wanted = ("files", upload.identity, upload.member)
        open_it = partial(open_or_offer, upload.identity, upload.member, partial(upload.compare_in, opened))
        try:
            _take(opened, wanted, open_it)
        except CodeNeeded as error:
            offer_trust(error, upload.identity, "compared", lambda: None)


def _take(opened: WorkspaceInterface, wanted: tuple[Any, ...], take: Callable[[], ModelSummary]) -> None:
    # Opening another first model lets the second one go.
    known = (st.session_state.get("opened"), wanted)
    if st.session_state.get("compared") == known and opened.compared is not None:
        return
    with waiting(opened, "Opening the other model", "open_other"):
        take()
    st.session_state["compared"] = known


def _with_sample(opened: WorkspaceInterface, chosen: Choice, count: int) -> None:
    if count < 2:
        st.info("There is only one sample.", icon=":material/looks_one:")
        return
    first, second = st.columns(2)
    last = count - 1
    one = first.number_input("Sample", 0, last, value=min(chosen.sample, last), key="compared_first")
    default = 1 if chosen.sample == 0 else 0
    other = second.number_input("Another sample", 0, last, value=default, key="compared_second")
    with waiting(opened, "Running both samples", "compare_samples"):
        report = opened.compare_samples(int(one), int(other))
    _distances(report)
    _one_layer(opened, report, chosen, (int(one), int(other)))


def _distances(report: ComparisonReport) -> None:
    if not report.distances:
        st.info("The two have no layer of the same name and shape; their similarity can be seen all the same.")
        return
    chart(report.distances, _CHART, selections=("layer",), on_select=_layer_clicked)
    st.caption("0: the same answers. Click a bar to see that layer of both.")


def _layer_clicked() -> None:
    found = st.session_state[_CHART].selection.get("layer")
    if found:
        st.session_state["compared_layer"] = found[0]["layer"]


def _one_layer(
    opened: WorkspaceInterface, report: ComparisonReport, chosen: Choice, samples: tuple[int, int] | None
) -> None:
    if not report.layers:
        return
    listed = list(report.layers)
    start = report.first or (chosen.layer if chosen.layer in listed else listed[-1])
    if st.session_state.get("compared_layer") not in listed:
        st.session_state["compared_layer"] = start
    layer = st.selectbox("Layer", listed, key="compared_layer")
    sample, second = samples or (chosen.sample, None)
    with waiting(opened, f"Drawing {plain(layer)}", "compared_layer_drawing"):
        specification = opened.compared_layer(layer, sample, second)
    chart(specification, f"compared/{layer}")
    if samples is None:
        st.caption(f"Sample {sample:,}, which the sidebar chooses.")
