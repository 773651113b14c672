"""One sample as it goes in, and what is answered to it, wherever the page shows them."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from core.common.text import percent
from core.workspace.results import Answer, InputView, ModelSummary
from ui import keys
from ui.charts import chart
from ui.choice import Choice
from ui.session import get_session
from ui.wording import named, plain

__all__ = ["answer_in_words", "draw_answer", "draw_input"]

_ANSWER_HEIGHT: Final = 84
_ANSWER_PADDING: Final = {"left": 0, "right": 0, "top": 2, "bottom": 2}


def draw_input(view: InputView, key: str, side: int, chart_width: int | None = None) -> None:
    """Draw one sample of one input: its picture, its text or its numbers.

    Args:
        view: What goes in.
        key: Key of the chart of its numbers.
        side: Width of a picture, in screen pixels.
        chart_width: Likewise of a chart; None takes the width of its place.
    """
    if view.picture is not None:
        st.image(view.picture, width=side, alt=view.alt or named(view.name))
    elif view.text is not None:
        st.text(view.text)
    elif view.specification is not None:
        width: Any = chart_width or "stretch"
        with st.container(width=width):
            chart(view.specification, key, alt=view.alt)
    if view.audio is not None:
        st.audio(view.audio, format="audio/wav", width=chart_width or "stretch")
    if view.film is not None:
        with st.popover("Play", icon=":material/play_arrow:", type="tertiary", width="content"):
            st.image(view.film, alt=f"The frames of {named(view.name)} one after another")
    if view.slices is not None:
        with st.popover("Slices", icon=":material/layers:", type="tertiary", width="content"):
            chart(view.slices, f"{key}/slices", alt=view.alt)


def answer_in_words(answer: Answer) -> str:
    """Return the class that is answered with its probability, or the number, as Markdown; empty where it is neither."""
    if answer.best:
        share = "" if answer.probability is None else f" {plain(percent(answer.probability))}"
        return f"**{named(answer.best)}**{share}"
    return f"**{plain(answer.value)}**" if answer.value else ""


def draw_answer(model: ModelSummary, answer: Answer, choice: Choice) -> None:
    """Draw what the model answers in the strip: in words and as a picture, and what it is taken for.

    Args:
        model: The model; of several outputs a person chooses one.
        answer: What it answers.
        choice: Where that is kept.
    """
    if len(model.outputs) > 1:
        st.session_state[keys.OUTPUT] = choice.output or model.main_output
        st.segmented_control(
            "Output",
            model.outputs,
            required=True,
            format_func=named,
            key=keys.OUTPUT,
            on_change=_keep_output,
            label_visibility="collapsed",
        )
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=keys.ANSWER_LINE):
        st.markdown(_verdict(answer), width="content")
        _meaning(answer)
    if answer.failure is not None:
        st.error(f"{plain(answer.failure.message)} {plain(answer.failure.remedy)}", icon=":material/error:")
    elif answer.specification:
        # Left to Streamlit, 20 pixels under a chart stay empty, which the note needs.
        drawn = {**answer.specification, "padding": _ANSWER_PADDING}
        chart(drawn, keys.ANSWER_CHART, alt=answer.alt, height=_ANSWER_HEIGHT)
    elif answer.text:
        st.text(answer.text)
    if answer.note:
        st.caption(plain(answer.note))


def _meaning(answer: Answer) -> None:
    """Say what the output is taken for, and offer what else it can be."""
    titles = {option.name: option.title for option in answer.meanings}
    if len(titles) < 2:
        return
    others = [name for name in titles if name != answer.meaning]
    told = {option.name: option.description for option in answer.meanings}
    st.menu_button(
        f"as {named(answer.meaning.replace('-', ' '))}",
        others,
        key=keys.meaning(answer.meaning),
        help=f"Taken as: {plain(titles[answer.meaning])}. {plain(told[answer.meaning])} Click for what else it can be.",
        on_click=_keep_meaning,
        args=(keys.meaning(answer.meaning), answer.meanings[0].name),
        type="tertiary",
        format_func=titles.__getitem__,
    )


def _keep_meaning(key: str, likeliest: str) -> None:
    chosen = st.session_state[key] or ""
    get_session().choice.meaning = "" if chosen == likeliest else chosen


def _keep_output() -> None:
    choice = get_session().choice
    choice.output, choice.meaning = st.session_state[keys.OUTPUT] or "", ""


def _verdict(answer: Answer) -> str:
    """Return the answer in one line: the class with its probability or the number, and the truth beside it."""
    parts = []
    if said := answer_in_words(answer):
        parts.append(f"{(not answer.best and named(answer.value_name)) or 'Answer'}: {said}")
    if answer.true_label:
        # What no answer is judged by is what somebody called the sample, and no more.
        called = "true" if answer.right is not None else "label"
        parts.append(f"{called}: {named(answer.true_label)}")
    if answer.right is not None:
        parts.append(":green[:material/check: correct]" if answer.right else ":red[:material/close: wrong]")
    return " · ".join(parts) or "Answer"
