"""Edited samples that are kept beside the others: opened again after a reload, named, and taken away."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from core.common.text import count_text, safe_name
from core.inputs.edits import Edit, Variant, input_edits
from ui import keys
from ui.session import Session, get_session
from ui.waiting import waiting
from ui.wording import error_text, named

__all__ = ["keep_variants", "variant_controls"]

_MOST_VARIANTS: Final = 100


def keep_variants(session: Session) -> None:
    """Put the variants that are chosen beside the samples that are open; those that do not fit are let go and named."""
    workspace, choice, step = session.workspace, session.choice, session.variants_step
    if "variants" in choice.lost and not choice.variants:
        st.info(
            f"{count_text(choice.lost['variants'], 'variant')} of samples had too many edits for the address of the "
            "page, and neither a reload nor a link brings them along.",
            icon=":material/link_off:",
        )
    if not workspace.sample_names or (step.current is None and not choice.variants):
        return
    request = (session.model_step.current, session.samples_step.current, choice.variants)
    with waiting(workspace, "Keeping the variants", "variants", above=True):
        step.attempt(request, partial(workspace.set_variants, choice.variants))
    error = step.error_for(request)
    if error is not None:
        st.info(error_text(error), icon=":material/link_off:")
        choice.variants = ()


def variant_controls(edits: tuple[Edit, ...]) -> None:
    """Draw what keeps the edited sample beside the others, and those that are kept."""
    session = get_session()
    choice = session.choice
    kept = input_edits(edits)
    with st.popover(
        "Keep as variant" + (f" ({len(choice.variants):,})" if choice.variants else ""),
        icon=":material/library_add:",
        help="Beside the samples, for every page.",
    ):
        usual = _usual_name(session)
        key = keys.variant_name(choice.sample, len(choice.variants))
        st.text_input("Name", key=key, placeholder=usual, disabled=not kept, max_chars=80)
        st.button(
            "Keep",
            key=keys.KEEP_VARIANT,
            type="primary",
            disabled=not kept or len(choice.variants) >= _MOST_VARIANTS,
            on_click=_keep,
            args=(kept, key, usual),
        )
        if len(kept) < len(edits):
            st.caption("Units that are clamped stay here: they are of the model, and no sample can hold them.")
        elif not kept:
            st.caption("Change something first.")
        st.caption("It gets a number behind the other samples, and the label of its original.")
        first = len(session.workspace.sample_names) - len(choice.variants)
        for at, variant in enumerate(choice.variants):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    f"{first + at:,}: {named(variant.name)}",
                    key=keys.variant(at),
                    type="tertiary",
                    on_click=_select,
                    args=(first + at,),
                    help="Look at it",
                )
                st.button(
                    "",
                    key=keys.remove_variant(at),
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=_remove,
                    args=(at, first),
                    help=f"Take {named(variant.name)} away",
                )


def _usual_name(session: Session) -> str:
    sample = session.choice.sample
    name = session.workspace.sample_names[sample]
    called = f"{sample}" if name == str(sample) else f"{sample} {safe_name(name)}"
    count = sum(variant.sample == sample for variant in session.choice.variants)
    return f"variant {count + 1} of {called}"[:80]


def _keep(edits: tuple[Edit, ...], key: str, usual: str) -> None:
    session = get_session()
    choice = session.choice
    name = str(st.session_state.get(key) or "").strip() or usual
    choice.variants = (*choice.variants, Variant(choice.sample, name, edits))
    choice.lost.pop("variants", None)


def _select(sample: int) -> None:
    get_session().choice.sample = sample


def _remove(at: int, first: int) -> None:
    session = get_session()
    choice = session.choice
    removed, left = choice.variants[at], list[Variant]()
    numbers = {first + at: -1}
    for number, variant in enumerate(choice.variants, start=first):
        # What was made of it goes with it.
        if number != first + at and numbers.get(variant.sample, 0) >= 0:
            numbers[number] = first + len(left)
            left.append(replace(variant, sample=numbers.get(variant.sample, variant.sample)))
        else:
            numbers[number] = -1
    choice.variants = tuple(left)
    session.edit_histories = {sample: each for sample, each in session.edit_histories.items() if sample < first}
    stays = numbers.get(choice.sample, choice.sample)
    choice.sample = stays if stays >= 0 else min(removed.sample, first - 1)
    choice.edits, choice.edited_sample = (), choice.sample
