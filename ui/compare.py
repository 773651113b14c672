"""The compare page: two models or checkpoints over all samples, or two samples, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from core.common.text import count_text, number_text
from core.workspace.conversion_results import Conversion
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ComparisonReport, ModelSummary
from ui import keys
from ui.answers import answer_in_words, draw_input
from ui.charts import chart
from ui.choice import Choice
from ui.many_samples import heading, page_of_samples
from ui.recorded import recorded_samples
from ui.second_model import SAMPLE, SecondModelChoice, choose_second_model, second_models
from ui.selection import clicked_point, layer_field, sample_chart
from ui.session import get_session
from ui.waiting import waiting
from ui.wording import named, plain

__all__ = ["page"]

_MODEL: Final = "Another model"
_SAMPLE: Final = "Another sample"
_INPUT_SIDE: Final = 72
_CHART_WIDTH: Final = 300
_TOLERANCE: Final = 0.05
_TOLD: Final = 12


def page() -> None:
    """Draw the page."""
    page_of_samples("Compare", _compare)


def _compare(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    heading("Compare", f"{named(model.name)} with")
    models = second_models(workspace, model, choice)
    first = next(iter(models.values()))
    has_second = choice.against not in ("", SAMPLE) or workspace.compared is not None or first.open is not None
    is_of_samples = choice.against == SAMPLE or (not choice.against and choice.second_sample is not None)
    st.session_state[keys.COMPARISON_KIND] = _MODEL if has_second and not is_of_samples else _SAMPLE
    kind = st.segmented_control(
        "Compare with",
        [_MODEL, _SAMPLE],
        required=True,
        key=keys.COMPARISON_KIND,
        on_change=_keep_kind,
        args=(first.name,),
        label_visibility="collapsed",
    )
    if kind == _MODEL:
        _with_model(workspace, models, choice)
    else:
        _with_sample(workspace, choice, len(workspace.sample_names))


def _keep_kind(first: str) -> None:
    choice = get_session().choice
    is_of_samples = st.session_state[keys.COMPARISON_KIND] == _SAMPLE
    choice.against = SAMPLE if is_of_samples else first
    if not is_of_samples:
        choice.second_sample = None


def _with_model(workspace: WorkspaceInterface, models: dict[str, SecondModelChoice], choice: Choice) -> None:
    if not choose_second_model(workspace, models, choice):
        st.info(
            "Drop the other model: another checkpoint of this one, or another design for the same inputs. All "
            "samples that are open go through both.",
            icon=":material/compare_arrows:",
        )
        return
    with waiting(workspace, "Running all samples through both models", "comparison") as progress:
        report = workspace.comparison(progress)
    if report.conversion:
        _conversion(workspace, report.layers, report.conversion, choice)
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


def _conversion(workspace: WorkspaceInterface, layers: Sequence[str], conversion: Conversion, choice: Choice) -> None:
    """Say where a converted model leaves the one that it was made from, and on which samples it answers otherwise."""
    place, text = st.columns([1, 4], vertical_alignment="bottom")
    tolerance = float(
        place.number_input(
            "Tolerance",
            min_value=0.0,
            value=_TOLERANCE,
            step=0.01,
            format="%.3f",
            key=keys.TOLERANCE,
            help="Relative RMS error of a layer's answers over all samples, up to which it counts as the same. int8 "
            "alone makes about 0.01 of it.",
        )
    )
    errors = zip(layers, conversion.errors, strict=True)
    first = next(((layer, error) for layer, error in errors if not error <= tolerance), None)
    within = f"All {len(layers)} layers that match are within it."
    where = f"First layer over it: **{plain(first[0])}**, {number_text(first[1])}." if first else within
    text.markdown(" ".join(filter(None, (where, _flips_in_words(conversion)))))
    if conversion.flips:
        numbers = [number for number, *_ in conversion.flips]
        strip = workspace.sample_strip(numbers, choice.sample)
        with st.container(key=keys.fitted("flips")):
            sample_chart(
                strip.specification, keys.sample_strip(keys.FLIPPED_SAMPLES, numbers, choice.sample), strip.alt
            )
        told = ", ".join(
            f"{number:,}: {plain(one)} → {plain(other)}" for number, one, other in conversion.flips[:_TOLD]
        )
        more = ", …" if (conversion.flip_count or 0) > _TOLD else ""
        st.caption(f"Sample: answer of the first → of the second. {told}{more}")


def _flips_in_words(conversion: Conversion) -> str:
    if conversion.flip_count is None:
        return ""
    if not conversion.flip_count:
        return f"Both answer the same class to all {count_text(conversion.sample_count, 'sample')}."
    return f"The answer flips on **{conversion.flip_count:,} of {count_text(conversion.sample_count, 'sample')}**."


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
        _sample(workspace, first, choice, f"Sample {first:,}")
    with second_place, st.container(horizontal=True, vertical_alignment="center"):
        default = next((each for each in recorded_samples(workspace, range(count)) if each != first), first)
        if choice.second_sample is not None and choice.second_sample >= count:
            st.info(f"There is no sample {choice.second_sample:,}.", icon=":material/link_off:")
            choice.second_sample = None
        st.session_state[keys.SECOND_SAMPLE] = default if choice.second_sample is None else choice.second_sample
        second = int(
            st.number_input(
                "Another sample", 0, count - 1, width=140, key=keys.SECOND_SAMPLE, on_change=_keep_second_sample
            )
        )
        _sample(workspace, second, choice, "")
    return second


def _keep_second_sample() -> None:
    get_session().choice.second_sample = int(st.session_state[keys.SECOND_SAMPLE])


def _sample(workspace: WorkspaceInterface, sample: int, choice: Choice, called: str) -> None:
    with waiting(workspace, "Running the sample", f"compared_sample/{sample}"):
        views = workspace.inputs(sample)
        answer = workspace.answer(sample, output=choice.output, meaning=choice.meaning)
    for view in views:
        draw_input(view, keys.compared_input(sample, view.name), _INPUT_SIDE, _CHART_WIDTH)
    said = answer_in_words(answer)
    true = f"true: {named(answer.true_label)}" if answer.true_label and answer.right is not None else ""
    st.markdown(" · ".join(filter(None, (called, f"Answer: {said}" if said else "", true))))
    if not said and answer.specification:
        with st.container(width=_CHART_WIDTH):
            chart(answer.specification, keys.compared_answer(sample), alt=answer.alt)


def _distances(report: ComparisonReport, choice: Choice) -> None:
    if not report.distances:
        alike = "that answers alike in the same shape" if report.conversion else "of the same name and shape"
        st.info(f"The two have no layer {alike}; their similarity can be seen all the same.")
        return
    key = keys.distances(choice.layer)
    chart(report.distances, key, selections=("layer",), on_select=lambda: _select_layer(key))
    matched = (
        " Layers are matched by the shape and the correlation of their answers, not by name."
        if report.conversion
        else ""
    )
    st.caption(
        "Relative RMS error: the norm of the difference, in units of the norm of the first; 0 is the same answer."
        f"{matched} Click a bar for that layer."
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
