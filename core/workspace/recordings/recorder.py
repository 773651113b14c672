"""What makes a recording: it asks an open workspace, and keeps the answers in the form in which they are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from core.common.progress import Progress
from core.errors import LayerscopeError, NotRecorded
from core.workspace.forwarding import WHILE_NOTHING_IS_OPEN, ForwardingWorkspace
from core.workspace.interface import WorkspaceInterface
from core.workspace.marks import Change, mark_of
from core.workspace.recordings.questions import chart_question, is_recordable, question_key, view_question
from core.workspace.recordings.recording_file import About, write_recording
from core.workspace.results import ChartResult, LayerView
from core.workspace.sample_windows import sample_window, thumbnail_count
from core.workspace.workers.request import Request

__all__ = ["Recorder", "RecordingWorkspace"]

_ALWAYS: Final = tuple(map(Request, (*WHILE_NOTHING_IS_OPEN, "plan")))
_MOST_NOTED: Final = 2_000
# What is open before and after them is the same, but for the second model.
_LEAVES_ALL: Final = frozenset({None, Change.OTHER_MODEL})


class Recorder:
    """Asks a workspace, and keeps what it answers.

    Args:
        workspace: Where a model and samples for it are open.
    """

    def __init__(self, workspace: WorkspaceInterface) -> None:
        self._workspace = workspace
        self._answers: dict[str, tuple[Request, Any]] = {}

    def ask(self, request: Request) -> Any:
        """Return what the workspace answers, and keep it.

        Raises:
            LayerscopeError: If it raises; then nothing is kept.
        """
        if request.name == "layer_view":
            return self._ask_for_view(**{"draw": True, **request.by_name})
        if request.name == "chart":
            request = self._told_chart(**request.by_name)
        kept = self._answers.get(question_key(request))
        if kept is not None:
            return kept[1]
        answer = self._asked(request)
        self._keep(request, answer)
        return answer

    def attempt(self, request: Request) -> Any:
        """Return what the workspace answers, as :meth:`ask` does; None where it raises an error of ours."""
        try:
            return self.ask(request)
        except LayerscopeError:
            return None

    @property
    def asked(self) -> tuple[Request, ...]:
        """What was asked, in the form in which answers are looked up."""
        return tuple(request for request, _ in self._answers.values())

    def write(self, *, is_dated: bool = True) -> bytes:
        """Return the file of what was asked.

        Args:
            is_dated: Whether it says when it was written.

        Raises:
            NotRecorded: If no model, or no sample, is open.
            RecordingRefused: If it becomes larger than anybody would open.
        """
        for request in _ALWAYS:
            self.attempt(request)
        samples = sorted({int(each.by_name["sample"]) for each in self.asked if each.name == "layers"})
        for sample in samples:
            self._ask_for_strip(samples, sample)
        model = self._workspace.model
        if model is None or not self._workspace.sample_names:
            raise NotRecorded("There is nothing to record.", remedy="Open a model and samples for it first.")
        layers = dict.fromkeys(str(each.by_name["layer"]) for each in self.asked if each.name == "layer_view")
        about = About(model.name, samples=tuple(samples), layers=tuple(layers))
        return write_recording(about, self._answers.values(), is_dated=is_dated)

    def _ask_for_strip(self, samples: Sequence[int], sample: int) -> None:
        """Ask for the samples beside one, as the page of a recording shows them: of those that are in it."""
        views = self.attempt(Request.of(WorkspaceInterface.inputs, sample))
        if views is not None:
            shown = sample_window(samples, sample, thumbnail_count(views))
            self.attempt(Request.of(WorkspaceInterface.sample_strip, shown, sample))

    def _ask_for_view(self, layer: str, visualizer: str, options: Any, sample: int, draw: bool) -> LayerView:
        asked = Request.of(WorkspaceInterface.layer_view, layer, visualizer, options, sample, draw)
        view: LayerView = self._asked(asked)
        self._keep(view_question(layer, sample), replace(view, chart=None))
        picture = view.picture(visualizer)
        if picture is not None and view.chart is not None:
            self._keep(chart_question(view, layer, picture.name, options, sample), view.chart)
        return view

    def _told_chart(self, layer: str, visualizer: str, options: Any, sample: int) -> Request:
        view = self.ask(view_question(layer, sample))
        return chart_question(view, layer, visualizer, options, sample)

    def _asked(self, request: Request) -> Any:
        method = getattr(self._workspace, request.name)
        return method(**request.by_name) if callable(method) else method

    def _keep(self, request: Request, answer: Any) -> None:
        # What failed is for its author, with a traceback that names this machine's files.
        if isinstance(answer, ChartResult) and answer.failure is not None:
            return
        self._answers[question_key(request)] = (request, answer)


class RecordingWorkspace(ForwardingWorkspace):
    """A workspace that notes what another one is asked, so that it can be kept as a file.

    Only the questions are noted. Their answers are asked for again when the file is written, all of what is open then:
    so nothing is held for a visitor who never keeps anything, and no two answers in a file are of different samples.

    Args:
        workspace: What answers.
    """

    def __init__(self, workspace: WorkspaceInterface) -> None:
        self.asked_workspace = workspace
        self._noted: dict[str, Request] = {}

    def _ask(self, declaration: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        asked = getattr(self.asked_workspace, declaration.__name__)
        answer = asked(*arguments, **options) if callable(asked) else asked
        mark = mark_of(declaration)
        if mark.change not in _LEAVES_ALL:
            self._noted.clear()
        elif not mark.stays and not mark.reads_files:
            self._note(Request.of(declaration, *arguments, **options))
        return answer

    def close(self) -> None:
        """Close what answers, as when the visitor leaves."""
        close = getattr(self.asked_workspace, "close", None)
        if close is not None:
            close()

    @property
    def noted_count(self) -> int:
        """How many questions are noted."""
        return len(self._noted)

    def recording(self, progress: Progress | None = None) -> bytes:
        """Return the file of what was asked since the model and the samples were opened.

        Args:
            progress: Called with how much is done.

        Raises:
            NotRecorded: If nothing is open.
            RecordingRefused: If it becomes larger than anybody would open.
        """
        recorder = Recorder(self.asked_workspace)
        for share, request in self._shares():
            if progress:
                progress(share, request.in_words)
            recorder.attempt(request)
        return recorder.write()

    def _shares(self) -> Iterator[tuple[float, Request]]:
        noted = tuple(self._noted.values())
        for number, request in enumerate(noted):
            yield number / len(noted), request

    def _note(self, request: Request) -> None:
        if not is_recordable(request):
            return
        key = f"{request.identity}" if request.name == "layer_view" else question_key(request)
        # What was looked at last counts, should there ever be more than anybody looks at.
        self._noted.pop(key, None)
        self._noted[key] = request
        if len(self._noted) > _MOST_NOTED:
            del self._noted[next(iter(self._noted))]
