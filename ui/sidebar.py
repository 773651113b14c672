"""The sidebar: which model, which input, which sample."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

import streamlit as st

from core.common.limits import format_limit, get_limits
from core.common.text import percent
from core.errors import CodeNeeded, LayerscopeError, ModelRefused
from core.inputs.images import SCALINGS, Fit
from core.workspace.file_report.results import FileReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import ModelSummary
from ui import engine
from ui.choice import Choice, choice
from ui.choice import workspace as opened_by_visitor
from ui.file_report import look_at_refused
from ui.inputs import kinds_of, noise_sizes, take_kinds, what_is_expected
from ui.labels import labels
from ui.limits import limits, megabytes
from ui.local import may_open_paths
from ui.model_files import chosen_member, is_latest, open_or_offer, path_typed, uploaded_model, waits_for_choice
from ui.shown import about_shown_samples, chosen_shown_model
from ui.start import data_files, holds_pictures, is_starting_model, starting_data, take_start
from ui.trust import offer_trust, show_trusted, trust_for
from ui.waiting import keep_place_above, show_error, waiting
from ui.wording import named, plain

__all__ = ["sidebar"]

_PYTHON, _EXAMPLE, _FILE = "From Python", "Example", "Your file"
_SAMPLES, _SHOWN, _DATA, _TEXT, _NOISE = "Example samples", "Shown samples", "Your data", "Text", "Noise"
_STARTING = "starting"
_FITS: dict[Fit, str] = {"stretch": "Stretch", "crop": "Crop the longer side", "pad": "Pad the shorter side"}
_NOISE_SAMPLES = 8
_DATA_FILES = ["npy", "npz", "png", "jpg", "jpeg", "webp", "csv", "tsv", "txt", "json", "zip"]


def sidebar() -> None:
    """Draw the sidebar; afterwards a model and samples are open in the workspace, if there are any to be had."""
    workspace, chosen = opened_by_visitor(), choice()
    if "opened" not in st.session_state:
        take_start(chosen)
    keep_place_above()
    with st.sidebar:
        st.title("Layerscope", anchor=False)
        st.subheader("Model", anchor=False)
        try:
            _model_and_input(workspace, chosen)
        except LayerscopeError as error:
            show_error(error, workspace, "sidebar")
        limits()


def _model_and_input(workspace: WorkspaceInterface, chosen: Choice) -> None:
    _model(workspace, chosen)
    model = workspace.model
    if model:
        show_trusted(model)
        st.subheader("Input", anchor=False)
        _input(workspace, take_kinds(workspace, model, chosen), chosen)
        labels(workspace, model)
        _sample(workspace, chosen)


def _model(workspace: WorkspaceInterface, chosen: Choice) -> None:
    kinds = [_PYTHON, _EXAMPLE, _FILE] if engine.shows_models_in_memory() else [_EXAMPLE, _FILE]
    kind = st.segmented_control(
        "Where the model is from",
        kinds,
        default=_FILE if chosen.path or chosen.upload else _EXAMPLE if chosen.example else kinds[0],
        required=True,
        key="model_kind",
        label_visibility="collapsed",
    )
    if kind == _PYTHON:
        _model_in_memory(workspace, chosen)
    elif kind == _EXAMPLE:
        _example(workspace, chosen)
    else:
        _model_file(workspace, chosen)


def _example(workspace: WorkspaceInterface, chosen: Choice) -> None:
    examples = {example.name: example for example in workspace.examples()}
    names = list(examples)
    if chosen.example and chosen.example not in examples:
        st.warning(f"There is no example “{named(chosen.example)}”; the first one is open.", icon=":material/link_off:")
    name = st.selectbox(
        "Example",
        names,
        index=names.index(chosen.example) if chosen.example in examples else 0,
        format_func=lambda each: examples[each].title,
        label_visibility="collapsed",
        key="example",
    )
    example = examples[name]
    share = percent(example.accuracy, 1)
    st.caption(f"{plain(example.description)} Right on {share} of {example.held_out_count:,} held-out samples.")
    wanted = ("example", name)
    _open(workspace, chosen, wanted, wanted, "", partial(workspace.open_example, name), name)
    if st.session_state.get("opened") == wanted:
        chosen.come_from(example=name)


def _model_in_memory(workspace: WorkspaceInterface, chosen: Choice) -> None:
    entry = chosen_shown_model(workspace, chosen)
    if entry is not None:
        wanted = (_PYTHON, entry.name, entry.version)
        _open(workspace, chosen, wanted, wanted, "", partial(workspace.open_shown, entry.name), entry.name)
        if st.session_state.get("opened") == wanted:
            chosen.come_from(shown=entry.name)


def _model_file(workspace: WorkspaceInterface, chosen: Choice) -> None:
    allowed = get_limits()
    upload = uploaded_model("Your model", "model_file")
    # What the server was started with opens where visitors may give no paths.
    path = _path(chosen) if may_open_paths() else chosen.path if is_starting_model(chosen.path) else ""
    if upload is not None and (is_latest("model_file") or not path):
        wanted = ("files", upload.identity, upload.member)
        _open(
            workspace, chosen, wanted, upload.identity, upload.member, partial(upload.open_in, workspace), upload.name
        )
        _look(workspace, wanted, partial(upload.report_in, workspace))
        if st.session_state.get("opened") == wanted:
            chosen.come_from(upload=upload.name)
    elif path:
        weights = _weights_path(path, chosen)
        if path.lower().endswith(".json") and not weights:
            st.caption("An architecture opens with its weights: give their path too.")
            return
        identity = ("path", path, weights, _content_stamp(path))
        member = chosen_member(identity, "model_path", chosen.member if path == chosen.path else "")
        wanted = ("path", identity, member)
        open_it = partial(workspace.open_model, path, "", member, weights, trust_for(identity))
        _open(workspace, chosen, wanted, identity, member, open_it, path)
        _look(workspace, wanted, partial(workspace.file_report, path, "", member, weights))
        if st.session_state.get("opened") == wanted:
            chosen.come_from(path=path, member=member, weights=weights)
    else:
        if chosen.upload and workspace.model is None:
            st.warning(
                f"“{named(chosen.upload)}” was uploaded, and a reload forgets uploads. Drop it again.",
                icon=":material/upload_file:",
            )
        size = f"An upload takes at most {format_limit(allowed.upload_bytes)}"
        larger = "; a larger file opens by its path" if may_open_paths() else ""
        st.caption(
            f"As you saved it: trained, compiled, zipped. {size}{larger}. Up to {allowed.parameters:,} parameters and "
            f"{allowed.layers:,} layers. Nothing that the file brings is run unless you say so."
        )


def _content_stamp(path: str) -> tuple[int, int]:
    # Another file under the same path is opened anew, and not trusted because the one before it was.
    try:
        about = os.stat(path)
    except OSError:
        return (0, 0)
    return (about.st_mtime_ns, about.st_size)


def _path(chosen: Choice) -> str:
    size = format_limit(get_limits().upload_bytes)
    typed = st.text_input(
        "or a path on this machine",
        value=chosen.path,
        key="model_path",
        placeholder="models/model.keras",
        help=f"A file of any size, where an upload takes at most {size}, or a folder that holds one.",
        on_change=path_typed,
        args=("model_file",),
    )
    return _as_path(typed)


def _as_path(typed: str) -> str:
    """A path as people paste it: with blanks around it, in quotation marks, from the home folder, or as an address."""
    path = typed.strip().strip("\"'")
    if path.startswith("file://"):
        path = unquote(path.removeprefix("file://"))
    return os.path.expanduser(path)


def _weights_path(path: str, chosen: Choice) -> str:
    """Where an architecture is opened, the path of its weights; empty for the whole folder that a path may be."""
    if not path.lower().endswith(".json"):
        return ""
    weights: str = st.text_input(
        "and the path of its weights",
        value=chosen.weights if path == chosen.path else "",
        key="weights_path",
        placeholder="models/model.weights.h5",
    )
    return _as_path(weights)


def _open(
    workspace: WorkspaceInterface,
    chosen: Choice,
    wanted: tuple[Any, ...],
    identity: tuple[Any, ...],
    member: str,
    open_it: Callable[[], ModelSummary],
    name: str,
) -> None:
    if waits_for_choice(identity, member):
        return
    state = st.session_state
    if state.get("opened") != wanted and state.get("refused", (None,))[0] != wanted:
        # One that is shown again, trained on meanwhile, is looked at where it was.
        first = "opened" not in state or (wanted[0] == _PYTHON and state["opened"][:2] == wanted[:2])
        try:
            with waiting(workspace, f"Opening {named(name)}", "open", above=True):
                open_or_offer(identity, member, open_it)
        except LayerscopeError as error:
            state["refused"] = (wanted, error)
        else:
            state["opened"] = wanted
            state.pop("refused", None)
            state.pop("taken", None)
            state.pop("rejected", None)
            if not first:
                chosen.start_over()
    refused, refusal = state.get("refused", (None, None))
    if refused == wanted and isinstance(refusal, CodeNeeded):
        path = identity[1] if identity[0] == "path" else ""
        offer_trust(refusal, identity, "model", lambda: state.pop("refused", None), path)
    else:
        _show_refusal(workspace, "refused", wanted)


def _show_refusal(workspace: WorkspaceInterface, name: str, wanted: tuple[Any, ...]) -> None:
    refused, error = st.session_state.get(name, (None, None))
    if refused == wanted and error:
        show_error(error, workspace, name, icon=":material/block:", forget=lambda: st.session_state.pop(name, None))


def _look(workspace: WorkspaceInterface, wanted: tuple[Any, ...], ask: Callable[[], FileReport]) -> None:
    refused, error = st.session_state.get("refused", (None, None))
    if refused == wanted and isinstance(error, ModelRefused):
        look_at_refused(workspace, repr(wanted), ask)


def _input(workspace: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> None:
    kinds = [_DATA, _NOISE]
    if len(model.inputs) == 1 and model.inputs[0].kind == "text":
        kinds.insert(0, _TEXT)
    data = starting_data(chosen)
    own = _SAMPLES if chosen.example else _SHOWN if about_shown_samples(chosen) else ""
    kinds = [*([_STARTING] if data else []), *([own] if own else []), *kinds]
    kind = st.segmented_control(
        "Where the input is from",
        kinds,
        default=_STARTING if data else own or _NOISE,
        format_func=lambda kind: named(data.name) if data and kind == _STARTING else kind,
        required=True,
        label_visibility="collapsed",
        key=f"input_kind/{model.name}/{chosen.example}/{own}",
    )
    if not model.inputs:
        st.warning("The model does not say what it expects, so nothing can be run through it.", icon=":material/help:")
    elif kind == _SAMPLES:
        _take(workspace, chosen, (_SAMPLES,), workspace.take_example_samples)
    elif kind == _SHOWN:
        _take(workspace, chosen, (_SHOWN,), workspace.take_shown_samples)
        st.caption(about_shown_samples(chosen))
    elif kind == _STARTING and data:
        prepare = _preparation(model, holds_pictures(data))
        wanted = (_STARTING, *prepare.values(), kinds_of(model))
        _take(
            workspace,
            chosen,
            wanted,
            lambda: workspace.take_files({model.inputs[0].name: data_files(data)}, **prepare),
        )
    elif kind == _NOISE:
        _noise(workspace, model, chosen)
    elif kind == _TEXT:
        text = st.text_area("One sample a line", key="text", placeholder="Type a sentence …")
        if text.strip():
            _take(workspace, chosen, (_TEXT, text), lambda: workspace.take_text(text))
    else:
        _data_files(workspace, model, chosen)
    what_is_expected(model, chosen)


def _noise(workspace: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> None:
    seed = st.number_input("Seed", 0, 9999, 0, key="noise_seed", help="The same seed gives the same numbers.")
    sizes = noise_sizes(workspace, model, chosen)
    wanted = (_NOISE, seed, kinds_of(model), tuple(sorted(sizes.items())))
    _take(workspace, chosen, wanted, lambda: workspace.take_noise(_NOISE_SAMPLES, int(seed), sizes))


def _data_files(workspace: WorkspaceInterface, model: ModelSummary, chosen: Choice) -> None:
    given: dict[str, list[Any]] = {}
    for each in model.inputs:
        label = (
            "Images, a .zip of images, .npy, .npz, CSV or text"
            if len(model.inputs) == 1
            else f"For “{named(each.name)}”"
        )
        given[each.name] = st.file_uploader(
            label,
            type=_DATA_FILES,
            accept_multiple_files=True,
            key=f"data/{model.name}/{each.name}",
            max_upload_size=megabytes(get_limits().upload_bytes),
        )
    prepare = _preparation(model, _holds_images(given))
    if any(given.values()):
        identity = tuple((name, tuple(file.file_id for file in files)) for name, files in given.items())
        files = {name: [(file.name, file.getvalue()) for file in each] for name, each in given.items()}
        _take(
            workspace,
            chosen,
            (_DATA, identity, *prepare.values(), kinds_of(model)),
            lambda: workspace.take_files(files, **prepare),
        )


def _preparation(model: ModelSummary, holds_images: bool) -> dict[str, Any]:
    """Return how images are prepared, as :meth:`.WorkspaceInterface.take_files` names it; asked where some may be."""
    scaling, invert = model.suggested_scaling, False
    fit: Fit = "stretch"
    if any(each.kind == "image" for each in model.inputs) or holds_images:
        with st.expander("How images are prepared", expanded=True):
            names = list(SCALINGS)
            scaling = st.selectbox(
                "Pixels become",
                names,
                index=names.index(scaling),
                format_func=lambda name: SCALINGS[name].title,
                key=f"scaling/{model.name}",
            )
            st.caption(SCALINGS[scaling].description)
            fit = st.selectbox("Size", list(_FITS), format_func=_FITS.__getitem__, key="fit")
            invert = st.toggle("Swap dark and light", key="invert", help="For dark digits on white, for instance.")
    return {"scaling": scaling, "fit": fit, "invert": invert}


def _holds_images(given: dict[str, list[Any]]) -> bool:
    names = [(file.type or "", file.name.lower()) for files in given.values() for file in files]
    return any(kind.startswith("image/") or name.endswith(".zip") for kind, name in names)


def _take(workspace: WorkspaceInterface, chosen: Choice, wanted: tuple[Any, ...], take: Callable[[], None]) -> None:
    state = st.session_state
    # An example brings its samples with it, and so does a model that is shown.
    if "taken" not in state and wanted in ((_SAMPLES,), (_SHOWN,)):
        state["taken"] = wanted
    if state.get("taken") != wanted and state.get("rejected", (None,))[0] != wanted:
        first = "taken" not in state
        try:
            with waiting(workspace, "Reading the input", "take", above=True):
                take()
        except LayerscopeError as error:
            state["rejected"] = (wanted, error)
        else:
            state["taken"] = wanted
            state.pop("rejected", None)
            if not first:
                chosen.sample = 0
    _show_refusal(workspace, "rejected", wanted)


def _sample(workspace: WorkspaceInterface, chosen: Choice) -> None:
    names = workspace.sample_names
    if not names:
        return
    last = len(names) - 1
    chosen.sample = min(chosen.sample, last)
    st.session_state["sample"] = chosen.sample
    label = f"Sample, 0 to {last:,}"
    st.number_input(label, 0, max(last, 1), step=1, key="sample", disabled=last == 0, on_change=_sample_chosen)
    if names[chosen.sample] != str(chosen.sample):
        st.caption(named(names[chosen.sample]))


def _sample_chosen() -> None:
    st.session_state["choice"].sample = int(st.session_state["sample"])
