"""The second model: chosen on the compare page, named by the address, and open for the pictures that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import streamlit as st

from core.common.text import safe_name
from core.errors import CodeNeeded, LayerscopeError
from core.workspace.comparable import examples_that_take, may_take_the_same
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui import keys
from ui.choice import Choice
from ui.model_files import open_or_offer, uploaded_model, waits_for_member
from ui.session import Request, end_if_outdated, get_session
from ui.shown import other_shown_models
from ui.trust import offer_trust
from ui.waiting import waiting
from ui.wording import plain

__all__ = ["SAMPLE", "SecondModelChoice", "bring_second_model", "choose_second_model", "second_models"]

SAMPLE: Final = "sample"
"""What stands in the address where two samples are compared, and no second model."""
_FILE: Final = "file"


@dataclass(frozen=True)
class SecondModelChoice:
    """A model that can be the second one.

    Attributes:
        name: What the address calls it.
        title: What a list calls it.
        request: Tells it from others, and from itself as it was before it was trained on.
        open: Opens it; None for a file, which is dropped first.
        about: What there is to say of it, a sentence; empty if there is nothing.
        is_first: Whether it may be taken without anybody choosing it.
    """

    name: str
    title: str
    request: Request
    open: Callable[[], ModelSummary] | None
    about: str = ""
    is_first: bool = False


def second_models(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> dict[str, SecondModelChoice]:
    """Return the models that can be set against the open one, by name: those that take the same, and a file.

    The first of them is the one that is taken where nobody chose another.
    """
    models = []
    for shown in other_shown_models(workspace, choice):
        if may_take_the_same(model.inputs, shown.inputs):
            open_shown = partial(workspace.compare_with_shown, shown.name)
            request = ("shown", shown.name, shown.version)
            title = f"{safe_name(shown.name)}, from Python"
            models.append(SecondModelChoice(f"shown:{shown.name}", title, request, open_shown, is_first=True))
    for example in examples_that_take(model, choice.example):
        open_example = partial(workspace.compare_with_example, example.name, example.early)
        name = f"{'early' if example.early else 'example'}:{example.name}"
        is_first = example.name == choice.example
        models.append(SecondModelChoice(name, example.title, (name,), open_example, example.quality, is_first))
    # Who opened a model of their own has its checkpoints, and nothing to do with the examples.
    is_own = not any(each.is_first for each in models)
    title = "A file of yours"
    if _is_file_open(workspace) and workspace.compared is not None:
        title = f"{title}: {safe_name(workspace.compared.name)}"
    models.append(SecondModelChoice(_FILE, title, (_FILE,), None, is_first=is_own))
    return {each.name: each for each in sorted(models, key=lambda each: not each.is_first)}


def choose_second_model(workspace: WorkspaceInterface, models: dict[str, SecondModelChoice], choice: Choice) -> bool:
    """Let the person choose the second model, and open it.

    Args:
        workspace: Where it is opened.
        models: Those to choose from, see :func:`second_models`.
        choice: Its ``against`` names the second model; empty for the first of them.

    Returns:
        Whether there is one.
    """
    if choice.against not in ("", SAMPLE, *models):
        st.info(f"“{plain(choice.against)}” is not there, or does not fit.", icon=":material/link_off:")
        choice.against = ""
    place, source_place = st.columns([2, 3], vertical_alignment="bottom")
    st.session_state[keys.OTHER_MODEL] = choice.against if choice.against in models else next(iter(models))
    name = place.selectbox(
        "The other model",
        list(models),
        format_func=lambda each: models[each].title,
        key=keys.OTHER_MODEL,
        on_change=_keep_second_model,
    )
    second = models[name]
    if second.open is None:
        return _of_file(workspace, source_place)
    _open(workspace, second.request, second.open)
    source_place.caption(plain(second.about))
    return True


def bring_second_model(workspace: WorkspaceInterface, model: ModelSummary, choice: Choice) -> None:
    """Open the second model that the address names, for pictures on other pages; what cannot be opened is left out."""
    if choice.against in ("", SAMPLE, _FILE):
        return
    # The page Compare says what is wrong with it.
    try:
        second = second_models(workspace, model, choice).get(choice.against)
    except LayerscopeError:
        return
    if second is None or second.open is None:
        return
    request, step = _request(second.request), get_session().other_model_step
    # What was refused is not tried again in every run of the page.
    if step.error_for(request) is None:
        try:
            _open(workspace, second.request, second.open)
        except LayerscopeError as error:
            step.refuse(request, error)


def _keep_second_model() -> None:
    get_session().choice.against = st.session_state[keys.OTHER_MODEL]


def _of_file(workspace: WorkspaceInterface, place: Any) -> bool:
    files = uploaded_model("The other model", keys.OTHER_MODEL_FILE, place)
    if files is None:
        # A field forgets what was dropped when another page is open; the model stays.
        return _is_file_open(workspace)
    if waits_for_member(files.identity, files.member):
        return False
    open_model = partial(open_or_offer, files.identity, files.member, partial(files.compare_in, workspace))
    try:
        _open(workspace, (_FILE, files.identity, files.member), open_model)
    except CodeNeeded as error:
        offer_trust(error, files.identity, "compared", lambda: None)
        return False
    return True


def _is_file_open(workspace: WorkspaceInterface) -> bool:
    session = get_session()
    current = session.other_model_step.current
    is_of_file = current is not None and current[0] == session.model_step.current and current[1][0] == _FILE
    return is_of_file and workspace.compared is not None


def _request(source: Request) -> Request:
    # Opening another first model lets the second one go.
    return (get_session().model_step.current, source)


def _open(workspace: WorkspaceInterface, source: Request, open_model: Callable[[], ModelSummary]) -> None:
    session = get_session()
    step = session.other_model_step
    request = _request(source)
    if step.current == request and workspace.compared is not None:
        return
    with waiting(workspace, "Opening the other model", "open_other"):
        open_model()
    end_if_outdated()
    step.current = request
