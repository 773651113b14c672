"""The session of a visitor: what is open, what they chose, what was refused, and what a run of the page hands on.

Streamlit runs the page's script anew after every click, and keeps one object of this for each visitor, that is for each
tab, until they leave. What is chosen in a widget, Streamlit keeps itself, see :mod:`ui.keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import streamlit as st

from core.errors import LayerscopeError
from core.workspace.edit_results import EditView
from core.workspace.interface import WorkspaceInterface
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recorder import RecordingWorkspace
from core.workspace.recordings.recording_file import RecordingFile
from core.workspace.results import (
    Answer,
    ChartPicture,
    InputView,
    LayerRow,
    SampleRow,
    ShownSummary,
    VisualizerSummary,
)
from ui import engine, keys
from ui.address import is_history_navigation, read_address
from ui.choice import Choice
from ui.edit_history import EditHistory
from ui.search_run import SearchRun

__all__ = [
    "LayerVisualizers",
    "ModelCandidates",
    "NoiseExtents",
    "Refusal",
    "Request",
    "SampleView",
    "Session",
    "Step",
    "UploadField",
    "VisitorTrust",
    "end_if_outdated",
    "get_session",
]

_KEY: Final = "session"

Request: TypeAlias = tuple[Any, ...]
"""What a visitor asks for, such as a model file or the samples of an example; two that are equal ask for the same."""


@dataclass(frozen=True)
class Refusal:
    """What was refused, and why."""

    request: Request
    error: LayerscopeError


@dataclass
class Step:
    """Something that is done once for each request, though the page asks for it in every run.

    Attributes:
        current: The request that it was last done for; None before the first.
        refusal: The request that it was last refused for, and why; None where nothing was refused since it was done.
    """

    current: Request | None = None
    refusal: Refusal | None = None

    def attempt(self, request: Request, action: Callable[[], object]) -> bool:
        """Do it, unless it is done or was refused already; what it raises is kept as the refusal.

        Args:
            request: What is asked for.
            action: Does it.

        Returns:
            Whether it was done just now.
        """
        if self.current == request or self.error_for(request) is not None:
            return False
        try:
            action()
        except LayerscopeError as error:
            end_if_outdated()
            self.refuse(request, error)
            return False
        end_if_outdated()
        self.current, self.refusal = request, None
        return True

    def refuse(self, request: Request, error: LayerscopeError) -> None:
        """Note that a request was refused; what is current stays."""
        self.refusal = Refusal(request, error)

    def error_for(self, request: Request) -> LayerscopeError | None:
        """Return why a request was refused; None if it was not."""
        return self.refusal.error if self.refusal and self.refusal.request == request else None

    def forget_refusal(self) -> None:
        """Let what was refused be attempted again."""
        self.refusal = None

    def forget(self) -> None:
        """Be as before the first request."""
        self.current = self.refusal = None


@dataclass
class UploadField:
    """What a field for the files of a model held when the page ran before.

    Attributes:
        is_latest: Whether files were dropped or taken away after a path was typed: what came last counts.
        file_ids: All files in it, as Streamlit numbers them.
        model_file_ids: Those of them that make up the model that is meant.
    """

    is_latest: bool = True
    file_ids: set[str] = field(default_factory=set)
    model_file_ids: list[str] = field(default_factory=list)


@dataclass
class VisitorTrust:
    """What the visitor trusts until they leave.

    Attributes:
        names: Modules and files, whatever model uses them.
        uploads: Files that they uploaded, content by name; the last one of a name counts.
        lambdas: Model files whose own code may run.
        upload_ids: By place on the page, the files that were taken over into ``uploads``, as Streamlit numbers them.
    """

    names: list[str] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    lambdas: set[Request] = field(default_factory=set)
    upload_ids: dict[str, set[str]] = field(default_factory=dict)


class ModelCandidates(NamedTuple):
    """The models in what was given last with several in it: what tells that from others, and the path of each."""

    identity: Request
    members: Sequence[str]


class NoiseExtents(NamedTuple):
    """Sizes of noise that the model takes, by input along each of its axes of any size, and what they were for."""

    request: Request
    extents: Mapping[str, tuple[int, ...]]


class LayerVisualizers(NamedTuple):
    """The visualizers that suit a layer, the best first."""

    layer: str
    visualizers: tuple[VisualizerSummary, ...]


class SampleView(NamedTuple):
    """What there is to say of a sample, and what it was asked for; ``layers`` are rows with the values of it."""

    request: Request
    answer: Answer
    inputs: Sequence[InputView]
    layers: Sequence[LayerRow]


@dataclass
class Session:
    """What the page knows of one visitor.

    Whatever holds a request that names the open model is out of date as soon as another one is open, and
    needs not be forgotten.

    Attributes:
        choice: What decides what is on the page, and stands in the address.
        model_step: Opening the model that is looked at.
        run_step: Going to a step of the recorded training that it is from.
        second_run_step: Setting another recorded training beside that.
        training_drawn: Layer and step that the page Training shows.
        samples_step: Reading the samples that go into it.
        class_names_step: Naming the classes of the model.
        other_model_step: Opening the model that the first one is compared with.
        model_candidates: The models to choose from, where several were given; None where there was only one so far.
        upload_fields: What the fields for model files held, by key of the widget.
        trust: What the visitor trusts.
        shown_model: The model that is chosen among those that a Python process shows; None where it shows none.
        noise_extents: Sizes of noise that were looked for last; None before the first.
        opened_entries: Entries of the list of layers that the visitor opened, by key.
        heard_click: Number of the last click in that list, which the browser counts: it waits for its answer.
        sample_view: What there is to say of the selected sample; None before the first.
        sample_rows: A row per sample, and what they were asked for; None before the first.
        runs_all_samples: Whether the next run of the page runs those that were not run yet.
        has_preparation: Whether the page asks how the samples that are open are prepared.
        preparation_version: Counts how often that was chosen elsewhere than in its fields, which then start afresh.
        has_uploaded: Whether files with samples were uploaded in this visit.
        is_filter_new: Whether samples were filtered by the last click, so that the selected one has to be one of those.
        offered_samples: Numbers of the samples that the filter leaves, in its order.
        thumbnail_strip: Thumbnails of samples, and what they were asked for; None before the first.
        layer_rows: A row per layer of the open model, for the selected sample; None where nothing was run.
        verified: What was open when the layers were asked to be run again; None if they never were.
        confusion_version: Counts how often all wrong samples were asked for, which takes the cell of the matrix back.
        linked_view: Name of the visualizer that a link asked for, until it was looked for; empty otherwise.
        last_view: The layer that was looked at last, and what suits it; None before the first.
        place_above: The place at the top of the page for what the sidebar waits for.
        search: The search for what a unit looks for; None before the first.
        search_step: Beginning a search, which is refused where there is no gradient.
        gallery: The search for what all units of a layer look for; None before the first.
        has_tile_click: Whether a tile of that gallery was clicked, and the whole page is to be drawn.
        variants_step: Keeping edited samples beside the others.
        edit_histories: What was done to each sample on the page Edit, by its number.
        edit_view: A sample before and after it is edited, and what that was asked for; None before the first.
        layer_changes: How far each layer moves by the edit that is on the page, by key; empty on other pages.
        last_part: Draws what of the page can wait until the list of layers is there; None where nothing can.
        heard_stroke: Number of the last stroke over a picture, which the browser counts.
        edit_version: Counts how often an edit was made elsewhere than in a field, which then starts afresh.
        thumbnails: Images of what visualizers draw, or why there is none, by package, name and time of change.
        report: The report that was made last, as a page, and what it was made of; None before the first.
        plugin_files: When the files in the folders of plugins were changed, as last seen; None before the first look.
    """

    choice: Choice
    model_step: Step = field(default_factory=Step)
    run_step: Step = field(default_factory=Step)
    second_run_step: Step = field(default_factory=Step)
    training_drawn: tuple[str, int | None] | None = None
    samples_step: Step = field(default_factory=Step)
    class_names_step: Step = field(default_factory=Step)
    other_model_step: Step = field(default_factory=Step)
    model_candidates: ModelCandidates | None = None
    upload_fields: dict[str, UploadField] = field(default_factory=dict)
    trust: VisitorTrust = field(default_factory=VisitorTrust)
    shown_model: ShownSummary | None = None
    noise_extents: NoiseExtents | None = None
    opened_entries: frozenset[str] = frozenset()
    heard_click: int = 0
    sample_view: SampleView | None = None
    sample_rows: tuple[Request, Sequence[SampleRow]] | None = None
    runs_all_samples: bool = False
    has_preparation: bool = False
    preparation_version: int = 0
    has_uploaded: bool = False
    is_filter_new: bool = False
    offered_samples: Sequence[int] = ()
    thumbnail_strip: tuple[Request, ChartPicture] | None = None
    layer_rows: Sequence[LayerRow] | None = None
    verified: Request | None = None
    confusion_version: int = 0
    linked_view: str = ""
    last_view: LayerVisualizers | None = None
    place_above: Any = None
    search: SearchRun | None = None
    search_step: Step = field(default_factory=Step)
    gallery: SearchRun | None = None
    has_tile_click: bool = False
    variants_step: Step = field(default_factory=Step)
    edit_histories: dict[int, EditHistory] = field(default_factory=dict)
    edit_view: tuple[Request, EditView] | None = None
    layer_changes: Mapping[str, float] = field(default_factory=dict)
    last_part: Callable[[], None] | None = None
    heard_stroke: int = 0
    edit_version: int = 0
    thumbnails: dict[tuple[str, str, str], bytes | str] = field(default_factory=dict)
    report: tuple[Request, bytes] | None = None
    plugin_files: dict[Path, tuple[int, int]] | None = None
    _workspace: WorkspaceInterface | None = field(default=None, repr=False)
    _recorded: WorkspaceInterface | None = field(default=None, repr=False)

    @property
    def workspace(self) -> WorkspaceInterface:
        """What answers this visitor: the model and the samples that they have open."""
        if self._recorded is not None:
            return self._recorded
        if self._workspace is None:
            self._workspace = _noting(engine.new_workspace())
        if not engine.runs_in_process():
            _end_worker_on_leaving(self._workspace)
        return self._workspace

    @property
    def what_is_open(self) -> Request:
        """What all that is said of samples depends on.

        That is the model, the step of its training, samples and variants of them, names of classes, and what inputs are
        taken for.
        """
        steps = (self.model_step, self.run_step, self.samples_step, self.class_names_step, self.variants_step)
        return (*(step.current for step in steps), tuple(self.choice.kinds.items()))

    @property
    def edit_history(self) -> EditHistory:
        """What was done to the selected sample; what its address says is done by one step."""
        choice = self.choice
        history = self.edit_histories.setdefault(choice.sample, EditHistory())
        if choice.edited_sample != choice.sample:
            choice.lost.pop("edits", None)
        if choice.edited_sample == choice.sample and choice.edits:
            history.do(choice.edits)
        choice.edits, choice.edited_sample = history.current, choice.sample
        return history

    def change_edits(self, change: Callable[[EditHistory], None]) -> None:
        """Do something with the history of the selected sample, other than in a field, which shows it then."""
        history = self.edit_history
        change(history)
        self.choice.edits = history.current
        self.choice.lost.pop("edits", None)
        self.edit_version += 1

    def open_recording(self, content: bytes | str) -> None:
        """Look at a recorded session instead of a model; what is open stays open behind it.

        Args:
            content: The file, or its path.

        Raises:
            RecordingRefused: If it cannot be opened.
        """
        self._recorded = RecordedWorkspace(RecordingFile(content))
        self.choice.come_from({})
        self.choice.start_over()

    def close_recording(self) -> None:
        """Look at what was open before the recorded session."""
        self._recorded = None
        self.model_step.forget()
        self.samples_step.forget()
        self.choice.start_over()

    def upload_field(self, key: str) -> UploadField:
        """Return what the field of a key held when the page ran before."""
        return self.upload_fields.setdefault(key, UploadField())

    def forget_replaced(self, what: Literal["model", "samples"], *, stays: bool) -> None:
        """Forget what belonged to the model, or to the samples, that others have just replaced.

        Args:
            what: What was replaced. Samples belong to their model and go with it.
            stays: Whether the visitor stays where they were, since nothing was there before, or the same was.
        """
        self.edit_histories.clear()
        if what == "model":
            self.samples_step.forget()
            self.run_step.forget()
            self.second_run_step.forget()
            if not stays:
                self.opened_entries = frozenset()
                st.session_state[keys.LAYER_SEARCH], st.session_state[keys.ONLY_NOTED] = "", False
        if stays or is_history_navigation():
            return
        if what == "model":
            self.choice.start_over()
        else:
            self.choice.start_over_with_samples()

    def go_where_the_address_says(self) -> None:
        """Choose what the address says, as after the browser's Back; what is selected in widgets starts afresh."""
        before, self.choice = self.choice, read_address()
        self.choice.succeed(before)
        self.upload_field(keys.MODEL_FILE).is_latest = not self.choice.path
        self.linked_view = self.choice.visualizer


def end_if_outdated() -> None:
    """End this run of the page if the visitor has clicked since: a newer run is under way, and what that notes counts.

    To be called between what takes long and the note of what came out, which no part of Streamlit sees.
    """
    # Streamlit ends an outdated run where it looks at its state.
    _ = _KEY in st.session_state


def get_session() -> Session:
    """Return what the page knows of this visitor; a new session begins with what the address says."""
    if _KEY not in st.session_state:
        choice = read_address()
        st.session_state[_KEY] = Session(choice, linked_view=choice.visualizer)
    session: Session = st.session_state[_KEY]
    return session


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda workspace: workspace.close())
def _end_worker_on_leaving(_workspace: WorkspaceInterface) -> WorkspaceInterface:
    # Streamlit keeps a session for a while for who comes back; the worker does not wait that long.
    return _workspace


def _noting(workspace: WorkspaceInterface) -> WorkspaceInterface:
    """Return a workspace that notes what another is asked, for who wants to keep it; a recording is kept already."""
    return workspace if isinstance(workspace, RecordedWorkspace) else RecordingWorkspace(workspace)
