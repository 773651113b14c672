"""The part of the sidebar that says what each input is taken for, and how large noise is where any size will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import streamlit as st

from core.workspace.interface import WorkspaceInterface
from core.workspace.results import InputSummary, ModelSummary
from ui.choice import Choice
from ui.waiting import waiting
from ui.wording import named, plain

if TYPE_CHECKING:
    from core.inputs.spec import InputKind

__all__ = ["kinds_of", "noise_sizes", "take_kinds", "what_is_expected"]

_LARGEST = 9_999_999


def kinds_of(model: ModelSummary) -> tuple[str, ...]:
    """Return what the inputs are taken for: how a file is read, and what noise is like, depends on that."""
    return tuple(each.kind for each in model.inputs)


def take_kinds(workspace: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> ModelSummary:
    """Take each input for what the person chose, as far as it can be that; return what the model is then."""
    for each in model.inputs:
        if chosen.kinds.get(each.name, each.likeliest) not in each.kinds:
            # A link that somebody changed; the likeliest stands.
            chosen.kinds.pop(each.name, None)
        wanted = chosen.kinds.get(each.name, each.likeliest)
        if wanted != each.kind:
            with waiting(workspace, f"Taking the input for {wanted}", "kind", above=True):
                model = workspace.take_input_as(each.name, cast("InputKind", wanted))
    return model


def what_is_expected(model: ModelSummary, chosen: Choice) -> None:
    """Say what each input takes, and offer what else it can be taken for."""
    for each in model.inputs:
        takes = " ".join(filter(None, (each.kind, each.shape)))
        st.caption(f"“{named(each.name)}” takes {plain(takes)} of {plain(each.dtype)}.")
        if len(each.kinds) > 1:
            key = f"kind/{model.name}/{each.name}"
            st.session_state[key] = each.kind
            st.segmented_control(
                f"“{named(each.name)}” is taken for",
                each.kinds,
                required=True,
                key=key,
                on_change=_kind_chosen,
                args=(key, each),
                help="It is drawn and explained as that, noise is made for it, and image files are read for it.",
            )


def noise_sizes(workspace: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> dict[str, tuple[int, ...]]:
    """Offer the size of noise along axes of any size; return by input what the person chose."""
    open_inputs = [each for each in model.inputs if each.open_axes]
    asked = {
        each.name: chosen.sizes[each.name]
        for each in open_inputs
        if len(chosen.sizes.get(each.name, ())) == len(each.open_axes)
    }
    if not open_inputs:
        return asked
    extents = _extents(workspace, model, asked)
    for each in open_inputs:
        columns = st.columns(len(each.open_axes))
        keys = [f"size/{model.name}/{each.name}/{axis}" for axis in each.open_axes]
        for column, axis, key, extent in zip(columns, each.open_axes, keys, extents[each.name], strict=True):
            st.session_state[key] = min(extent, _LARGEST)
            of_input = f" of “{named(each.name)}”" if len(open_inputs) > 1 else ""
            column.number_input(
                f"{axis.capitalize()}{of_input}",
                1,
                _LARGEST,
                key=key,
                on_change=_size_chosen,
                args=(each.name, keys),
                help="The model leaves it open; the size is one that it takes, as far as that was found.",
            )
    return asked


def _extents(
    workspace: WorkspaceInterface, model: ModelSummary, asked: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    state = st.session_state
    wanted = (state.get("opened"), kinds_of(model), tuple(sorted(asked.items())))
    if state.get("noise_extents", (None,))[0] != wanted:
        with waiting(workspace, "Looking for a size that the model takes", "sizes", above=True):
            state["noise_extents"] = (wanted, workspace.noise_sizes(asked).extents)
    extents: dict[str, tuple[int, ...]] = state["noise_extents"][1]
    return extents


def _kind_chosen(key: str, changed: InputSummary) -> None:
    chosen: Choice = st.session_state["choice"]
    kind = st.session_state[key]
    chosen.kinds.pop(changed.name, None)
    if kind != changed.likeliest:
        chosen.kinds[changed.name] = kind


def _size_chosen(name: str, keys: list[str]) -> None:
    st.session_state["choice"].sizes[name] = tuple(int(st.session_state[key]) for key in keys)
