"""The part of the sidebar that says what each input is taken for, and how large noise is where any size will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import streamlit as st

from core.workspace.results import InputSummary, ModelSummary
from ui import keys
from ui.session import NoiseExtents, Session, end_if_outdated, get_session
from ui.waiting import waiting
from ui.wording import named, plain

if TYPE_CHECKING:
    from core.inputs.spec import InputKind

__all__ = ["kinds_of", "noise_sizes", "take_kinds", "what_is_expected"]

_LARGEST = 9_999_999


def kinds_of(model: ModelSummary) -> tuple[str, ...]:
    """Return what the inputs are taken for: how a file is read, and what noise is like, depends on that."""
    return tuple(model_input.kind for model_input in model.inputs)


def take_kinds(session: Session, model: ModelSummary) -> ModelSummary:
    """Take each input for what the person chose, as far as it can be that; return what the model is then."""
    kinds = session.choice.kinds
    for model_input in model.inputs:
        if kinds.get(model_input.name, model_input.likeliest) not in model_input.kinds:
            # A link that somebody changed; the likeliest stands.
            kinds.pop(model_input.name, None)
        kind = kinds.get(model_input.name, model_input.likeliest)
        if kind != model_input.kind:
            with waiting(session.workspace, f"Taking the input for {kind}", "kind", above=True):
                model = session.workspace.take_input_as(model_input.name, cast("InputKind", kind))
    return model


def what_is_expected(model: ModelSummary) -> None:
    """Say what each input takes, and offer what else it can be taken for."""
    values = [model_input for model_input in model.inputs if model_input.shape in ("", "1")]
    if len(values) > 1:
        told = ", ".join(f"{named(each.name)} ({plain(each.dtype)})" for each in values)
        st.caption(f"Inputs of one value each: {told}")
    for model_input in model.inputs:
        if len(values) > 1 and model_input in values and len(model_input.kinds) < 2:
            continue
        shape = model_input.shape or "one value"
        st.caption(f"Input “{named(model_input.name)}”: {plain(shape)}, {plain(model_input.dtype)}")
        if len(model_input.kinds) > 1:
            key = keys.taken_for(model.name, model_input.name)
            st.session_state[key] = model_input.kind
            st.segmented_control(
                f"“{named(model_input.name)}” is taken for",
                model_input.kinds,
                required=True,
                key=key,
                on_change=_keep_kind,
                args=(key, model_input),
                help="It is drawn and explained as that, noise is made for it, and image files are read for it.",
            )


def noise_sizes(session: Session, model: ModelSummary) -> dict[str, tuple[int, ...]]:
    """Offer the size of noise along axes of any size; return by input what the person chose."""
    sizes = session.choice.sizes
    open_inputs = [model_input for model_input in model.inputs if model_input.open_axes]
    chosen_sizes = {
        model_input.name: sizes[model_input.name]
        for model_input in open_inputs
        if len(sizes.get(model_input.name, ())) == len(model_input.open_axes)
    }
    if not open_inputs:
        return chosen_sizes
    extents = _extents(session, model, chosen_sizes)
    for model_input in open_inputs:
        of_input = f" of “{named(model_input.name)}”" if len(open_inputs) > 1 else ""
        _ask_sizes(model, model_input, extents[model_input.name], of_input)
    return chosen_sizes


def _ask_sizes(model: ModelSummary, model_input: InputSummary, extents: Sequence[int], of_input: str) -> None:
    axes = model_input.open_axes
    axis_keys = [keys.noise_size(model.name, model_input.name, axis) for axis in axes]
    for column, axis, key, extent in zip(st.columns(len(axes)), axes, axis_keys, extents, strict=True):
        st.session_state[key] = min(extent, _LARGEST)
        column.number_input(
            f"{axis.capitalize()}{of_input}",
            1,
            _LARGEST,
            key=key,
            on_change=_keep_size,
            args=(model_input.name, axis_keys),
            help="The model leaves it open; the size is one that it takes, as far as that was found.",
        )


def _extents(session: Session, model: ModelSummary, sizes: dict[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
    request = (session.model_step.current, kinds_of(model), tuple(sorted(sizes.items())))
    if session.noise_extents is None or session.noise_extents.request != request:
        with waiting(session.workspace, "Looking for a size that the model takes", "sizes", above=True):
            extents = NoiseExtents(request, session.workspace.noise_sizes(sizes).extents)
        end_if_outdated()
        session.noise_extents = extents
        return extents.extents
    return session.noise_extents.extents


def _keep_kind(key: str, model_input: InputSummary) -> None:
    kinds, kind = get_session().choice.kinds, st.session_state[key]
    kinds.pop(model_input.name, None)
    if kind != model_input.likeliest:
        kinds[model_input.name] = kind


def _keep_size(name: str, axis_keys: Sequence[str]) -> None:
    get_session().choice.sizes[name] = tuple(int(st.session_state[key]) for key in axis_keys)
