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
from core.common.text import list_names
from core.inputs.data_paths import data_files
from core.inputs.images import SCALINGS, Fit
from core.plugins.sources import get_plugin_settings, may_have_plugins
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui import keys
from ui.choice import Choice
from ui.inputs import kinds_of, noise_sizes, take_kinds, what_is_expected
from ui.labels import label_warning, labels
from ui.limits import megabytes
from ui.session import Request, Session, get_session
from ui.shown import about_shown_samples
from ui.start import holds_pictures, starting_data
from ui.waiting import show_error, waiting
from ui.wording import named

__all__ = ["choose_samples"]

_EXAMPLE: Final = "Example samples"
_SHOWN: Final = "Shown samples"
_WATCHED: Final = "Watched samples"
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
_FEW_INPUTS: Final = 3
_DATA_FILES: Final = [
    *("npy", "npz", "csv", "tsv", "txt", "json", "zip", "fasta", "fa"),
    *("png", "jpg", "jpeg", "webp", "gif", "wav", "flac", "ogg", "mp3", "nii", "gz"),
]


@dataclass(frozen=True)
class SampleSource:
    """Where samples are from, and how to read them.

    Attributes:
        request: Tells them, and how they are prepared, from others.
        read: Reads them.
        comes_with_model: Whether they are there as soon as the model is open.
        caption: What there is to say of them.
        files: Names of the files that were uploaded; empty if none were.
    """

    request: Request
    read: Callable[[], None]
    comes_with_model: bool = False
    caption: str = ""
    files: str = ""


class Preparation(NamedTuple):
    """How files are prepared, as :meth:`.WorkspaceInterface.take_files` names it."""

    scaling: str
    fit: Fit
    invert: bool
    scale_arrays: bool = False
    sampling_rate: int = 0
    letters: str = ""


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
        with popover:
            error_place = st.container()
        _read(session, source, error_place)
    _about_lost_files(session.choice, source)
    with popover:
        what_is_expected(model)
        labels(session, model)
    label_warning(session)


def _source(session: Session, model: ModelSummary) -> SampleSource | None:
    workspace, choice = session.workspace, session.choice
    path = starting_data(choice)
    is_of_run = workspace.run is not None
    kind = _kind(model, choice, path, is_of_run=is_of_run)
    if not model.inputs:
        return None
    if kind == _EXAMPLE:
        return SampleSource((_EXAMPLE,), workspace.take_example_samples, comes_with_model=True)
    if kind == _SHOWN:
        return SampleSource(
            (_SHOWN,), workspace.take_shown_samples, comes_with_model=True, caption=about_shown_samples(choice)
        )
    if kind == _WATCHED:
        caption = "What was run through the model at every step while it was trained."
        return SampleSource((_WATCHED,), workspace.take_run_samples, comes_with_model=True, caption=caption)
    if kind == _STARTING and path:
        return _starting_files(session, model, path)
    if kind == _NOISE:
        return _noise(session, model)
    return _text(workspace) if kind == _TEXT else _data_files(session, model)


def _kind(model: ModelSummary, choice: Choice, path: Path | None, *, is_of_run: bool) -> str:
    takes_text = len(model.inputs) == 1 and model.inputs[0].kind == "text"
    own_samples = _EXAMPLE if choice.example else _SHOWN if about_shown_samples(choice) else ""
    own_samples = _WATCHED if is_of_run else own_samples
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
        # The name of a recorded training's model says its step, too.
        key=keys.input_kind("run" if is_of_run else model.name, choice.example, own_samples),
        on_change=_forget_files,
    )


def _forget_files() -> None:
    get_session().choice.data = ""


def _starting_files(session: Session, model: ModelSummary, path: Path) -> SampleSource:
    preparation = _preparation(session, model, holds_pictures(path))

    def read() -> None:
        session.workspace.take_files({_first_place(model): data_files(path)}, **preparation._asdict())

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
    uploads = {place: _uploader(model, place, label) for place, label in _places(model).items()}
    if len(model.inputs) > 1:
        with st.expander("A file for each input", expanded=len(model.inputs) <= _FEW_INPUTS):
            for model_input in model.inputs:
                label = f"For “{named(model_input.name)}”"
                uploads[model_input.name] = _uploader(model, model_input.name, label)
    preparation = _preparation(session, model, _holds_images(uploads, takes_sound=model.inputs[0].takes_sound))
    if not any(uploads.values()):
        return None
    identity = tuple((name, tuple(file.file_id for file in files)) for name, files in uploads.items())

    def read() -> None:
        contents = {name: [(file.name, file.getvalue()) for file in files] for name, files in uploads.items()}
        session.workspace.take_files(contents, **preparation._asdict())

    names = [file.name for files in uploads.values() for file in files]
    return SampleSource((_DATA, identity, preparation, kinds_of(model)), read, files=list_names(names, most=3))


def _places(model: ModelSummary) -> dict[str, str]:
    """Return for which input files are asked for at first, and how; the empty name stands for all of them."""
    if len(model.inputs) > 1:
        return {"": "For all inputs: a CSV with a column for each by name, or .npz"}
    first = model.inputs[0]
    own = {"frames": "GIF, a .zip of GIFs or with a folder of frames for each clip", "volume": "NIfTI (.nii, .nii.gz)"}
    kind = (
        "Sounds (WAV, FLAC, MP3), a .zip of sounds"
        if first.takes_sound
        else own.get(first.kind, "Images, a .zip of images")
    )
    return {first.name: f"{kind}, .npy, .npz, CSV or text"}


def _first_place(model: ModelSummary) -> str:
    return next(iter(_places(model)))


def _uploader(model: ModelSummary, name: str, label: str) -> list[Any]:
    return st.file_uploader(
        label,
        # A plugin may read others; what a file is, its content decides.
        type=None if may_have_plugins(get_plugin_settings()) else _DATA_FILES,
        accept_multiple_files=True,
        key=keys.data_files(model.name, name),
        max_upload_size=megabytes(get_limits().upload_bytes),
    )


def _preparation(session: Session, model: ModelSummary, holds_images: bool) -> Preparation:
    """Return how images are prepared; asked where there may be any."""
    rate, letters = _sampling_rate(model), _letters(model)
    if not (holds_images or any(model_input.kind in ("image", "frames") for model_input in model.inputs)):
        return Preparation(model.suggested_scaling, "stretch", False, sampling_rate=rate, letters=letters)
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
    return Preparation(scaling, fit, invert, arrays, rate, letters)


def _sampling_rate(model: ModelSummary) -> int:
    """Return how many numbers a second of sound the model takes, as the person says; 0 where they do not."""
    sounds = [model_input for model_input in model.inputs if model_input.takes_sound]
    if not sounds:
        return 0
    return int(
        st.number_input(
            "Sampling rate of the model in Hz",
            0,
            768_000,
            sounds[0].sampling_rate,
            step=1_000,
            key=keys.sampling_rate(model.name),
            help="Sound files are brought to it. 0 takes them as they were recorded.",
        )
    )


def _letters(model: ModelSummary) -> str:
    """Return what the places of a one-hot input stand for, as the person says."""
    if not any(model_input.takes_letters for model_input in model.inputs):
        return ""
    return st.text_input(
        "Letters, where each step is one (one-hot)",
        key=keys.letters(model.name),
        placeholder="such as ACGT, in the order of the model's places",
        help="Then text and FASTA files are read, and the letters are shown.",
    )


def _holds_images(uploads: Mapping[str, Sequence[Any]], *, takes_sound: bool) -> bool:
    names = [(file.type or "", file.name.lower()) for files in uploads.values() for file in files]
    return any(kind.startswith("image/") or (name.endswith(".zip") and not takes_sound) for kind, name in names)


def _about_lost_files(choice: Choice, source: SampleSource | None) -> None:
    session = get_session()
    if source is not None and source.files:
        choice.data, session.has_uploaded = source.files, True
    elif session.has_uploaded:
        # Who takes files back knows that.
        choice.data = ""
    elif choice.data:
        st.info(
            f"These are not the samples of this page: {named(choice.data)} had been uploaded, and neither a reload "
            "nor a link brings that along. Drop it again under “Samples”.",
            icon=":material/upload_file:",
        )


def _read(session: Session, source: SampleSource, error_place: Any) -> None:
    step, request = session.samples_step, source.request
    if step.current is None and source.comes_with_model:
        step.current = request
    is_first = step.current is None
    if step.attempt(request, partial(_read_in, session.workspace, source)):
        session.forget_replaced("samples", stays=is_first)
    error = step.error_for(request)
    if error is not None:
        # Where it is seen: in what is open over the page, and under it once that is closed.
        for place, key in ((error_place, "rejected_open"), (st.container(), "rejected")):
            with place:
                show_error(error, session.workspace, key, icon=":material/block:", forget=step.forget_refusal)
    if source.caption:
        st.caption(source.caption)


def _read_in(workspace: WorkspaceInterface, source: SampleSource) -> None:
    with waiting(workspace, "Reading the input", "take", above=True):
        source.read()
