"""The part of the sidebar that asks where the samples are from, and reads them.

The samples of an example, data, text or noise: each way draws its own fields and says what they mean as a
:class:`SampleSource`, and all are read in one way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import streamlit as st

from core.common.limits import get_limits
from core.inputs.images import SCALINGS, Fit
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui import keys
from ui.choice import Choice
from ui.inputs import kinds_of, noise_sizes, take_kinds, what_is_expected
from ui.labels import label_warning, labels
from ui.limits import megabytes
from ui.session import Request, Session
from ui.shown import about_shown_samples
from ui.start import data_files, holds_pictures, starting_data
from ui.waiting import show_error, waiting
from ui.wording import named

__all__ = ["choose_samples"]

_EXAMPLE: Final = "Example samples"
_SHOWN: Final = "Shown samples"
_DATA: Final = "Your data"
_TEXT: Final = "Text"
_NOISE: Final = "Noise"
_STARTING: Final = "starting"
_FITS: Final[dict[Fit, str]] = {
    "stretch": "Stretch",
    "crop": "Crop the longer side",
    "pad": "Pad the shorter side",
}
_NOISE_SAMPLES: Final = 8
_DATA_FILES: Final = ["npy", "npz", "png", "jpg", "jpeg", "webp", "csv", "tsv", "txt", "json", "zip"]


@dataclass(frozen=True)
class SampleSource:
    """Where samples are from, and how to read them.

    Attributes:
        request: Tells them, and how they are prepared, from others.
        read: Reads them.
        comes_with_model: Whether they are there as soon as the model is open.
        caption: What there is to say of them.
    """

    request: Request
    read: Callable[[], None]
    comes_with_model: bool = False
    caption: str = ""


class Preparation(NamedTuple):
    """How images are prepared, as :meth:`.WorkspaceInterface.take_files` names it."""

    scaling: str
    fit: Fit
    invert: bool
    scale_arrays: bool = False


def choose_samples(session: Session, model: ModelSummary, place: Any) -> None:
    """Let the visitor choose samples, and read them; if they are refused, that is said, and those before stay.

    Args:
        session: What the page knows of the visitor.
        model: The model that they are for.
        place: Where what opens into the fields is drawn.
    """
    popover = place.popover("Samples", icon=":material/dataset:", width="stretch", key=keys.SAMPLES_POPOVER)
    session.has_preparation = False
    with popover:
        model = take_kinds(session, model)
        source = _source(session, model)
    if not model.inputs:
        st.warning("The model does not say what it expects, so nothing can be run through it.", icon=":material/help:")
    if source is not None:
        _read(session, source)
    with popover:
        what_is_expected(model)
        labels(session, model)
    label_warning(session)


def _source(session: Session, model: ModelSummary) -> SampleSource | None:
    workspace, choice = session.workspace, session.choice
    path = starting_data(choice)
    kind = _kind(model, choice, path)
    if not model.inputs:
        return None
    if kind == _EXAMPLE:
        return SampleSource((_EXAMPLE,), workspace.take_example_samples, comes_with_model=True)
    if kind == _SHOWN:
        return SampleSource(
            (_SHOWN,), workspace.take_shown_samples, comes_with_model=True, caption=about_shown_samples(choice)
        )
    if kind == _STARTING and path:
        return _starting_files(session, model, path)
    if kind == _NOISE:
        return _noise(session, model)
    return _text(workspace) if kind == _TEXT else _data_files(session, model)


def _kind(model: ModelSummary, choice: Choice, path: Path | None) -> str:
    takes_text = len(model.inputs) == 1 and model.inputs[0].kind == "text"
    own_samples = _EXAMPLE if choice.example else _SHOWN if about_shown_samples(choice) else ""
    return st.segmented_control(
        "Where the input is from",
        [
            *([_STARTING] if path else []),
            *([own_samples] if own_samples else []),
            *([_TEXT] if takes_text else []),
            *(_DATA, _NOISE),
        ],
        default=_STARTING if path else own_samples or _NOISE,
        format_func=lambda kind: named(path.name) if path and kind == _STARTING else kind,
        required=True,
        label_visibility="collapsed",
        key=keys.input_kind(model.name, choice.example, own_samples),
    )


def _starting_files(session: Session, model: ModelSummary, path: Path) -> SampleSource:
    preparation = _preparation(session, model, holds_pictures(path))

    def read() -> None:
        session.workspace.take_files({model.inputs[0].name: data_files(path)}, **preparation._asdict())

    return SampleSource((_STARTING, preparation, kinds_of(model)), read)


def _noise(session: Session, model: ModelSummary) -> SampleSource:
    seed = st.number_input("Seed", 0, 9999, 0, key=keys.NOISE_SEED, help="The same seed gives the same numbers.")
    sizes = noise_sizes(session, model)
    request = (_NOISE, seed, kinds_of(model), tuple(sorted(sizes.items())))
    return SampleSource(request, lambda: session.workspace.take_noise(_NOISE_SAMPLES, int(seed), sizes))


def _text(workspace: WorkspaceInterface) -> SampleSource | None:
    text = st.text_area("One sample a line", key=keys.TEXT, placeholder="Type a sentence …")
    return SampleSource((_TEXT, text), partial(workspace.take_text, text)) if text.strip() else None


def _data_files(session: Session, model: ModelSummary) -> SampleSource | None:
    uploads: dict[str, list[Any]] = {}
    for model_input in model.inputs:
        label = (
            "Images, a .zip of images, .npy, .npz, CSV or text"
            if len(model.inputs) == 1
            else f"For “{named(model_input.name)}”"
        )
        uploads[model_input.name] = st.file_uploader(
            label,
            type=_DATA_FILES,
            accept_multiple_files=True,
            key=keys.data_files(model.name, model_input.name),
            max_upload_size=megabytes(get_limits().upload_bytes),
        )
    preparation = _preparation(session, model, _holds_images(uploads))
    if not any(uploads.values()):
        return None
    identity = tuple((name, tuple(file.file_id for file in files)) for name, files in uploads.items())

    def read() -> None:
        contents = {name: [(file.name, file.getvalue()) for file in files] for name, files in uploads.items()}
        session.workspace.take_files(contents, **preparation._asdict())

    return SampleSource((_DATA, identity, preparation, kinds_of(model)), read)


def _preparation(session: Session, model: ModelSummary, holds_images: bool) -> Preparation:
    """Return how images are prepared; asked where there may be any."""
    if not (holds_images or any(model_input.kind == "image" for model_input in model.inputs)):
        return Preparation(model.suggested_scaling, "stretch", False)
    session.has_preparation, version = True, session.preparation_version
    with st.expander("How images are prepared", expanded=True):
        key = keys.scaling(model.name, version)
        if st.session_state.get(key) not in SCALINGS:
            st.session_state[key] = model.suggested_scaling
        scaling = st.selectbox(
            "Pixels become",
            list(SCALINGS),
            format_func=lambda name: SCALINGS[name].title,
            key=key,
        )
        st.caption(SCALINGS[scaling].description)
        fit = st.selectbox("Size", list(_FITS), format_func=_FITS.__getitem__, key=keys.FIT)
        invert = st.toggle("Swap dark and light", key=keys.INVERT, help="For dark digits on white, for instance.")
        arrays = st.toggle(
            "Scale arrays and tables too",
            key=keys.scale_arrays(model.name, version),
            help="Where their numbers are pixels from 0 to 255, as those of image files.",
        )
    return Preparation(scaling, fit, invert, arrays)


def _holds_images(uploads: Mapping[str, Sequence[Any]]) -> bool:
    names = [(file.type or "", file.name.lower()) for files in uploads.values() for file in files]
    return any(kind.startswith("image/") or name.endswith(".zip") for kind, name in names)


def _read(session: Session, source: SampleSource) -> None:
    step, request = session.samples_step, source.request
    if step.current is None and source.comes_with_model:
        step.current = request
    is_first = step.current is None
    if step.attempt(request, partial(_read_in, session.workspace, source)):
        session.forget_replaced("samples", stays=is_first)
    error = step.error_for(request)
    if error is not None:
        show_error(error, session.workspace, "rejected", icon=":material/block:", forget=step.forget_refusal)
    if source.caption:
        st.caption(source.caption)


def _read_in(workspace: WorkspaceInterface, source: SampleSource) -> None:
    with waiting(workspace, "Reading the input", "take", above=True):
        source.read()
