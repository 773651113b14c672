"""A workspace that answers from the file of a recorded session: no model, no TensorFlow, nothing to be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from core.charts.export import chart_file
from core.common.text import list_samples, safe_name
from core.errors import NotRecorded, PluginFailed, RecordingRefused
from core.workspace.forwarding import WHILE_NOTHING_IS_OPEN, ForwardingWorkspace
from core.workspace.marks import Mark, arguments_of, mark_of
from core.workspace.recordings.questions import chart_question, view_question
from core.workspace.recordings.recording_file import About, RecordingFile
from core.workspace.results import ChartResult, LayerView
from core.workspace.workers.request import Request

__all__ = ["RecordedWorkspace", "view_from"]

# What a page asks for whatever it shows; none of it is an answer of a model.
_USUAL: Final[Mapping[str, Any]] = {
    **WHILE_NOTHING_IS_OPEN,
    "examples": (),
    "shown_models": (),
}


_NEEDED: Final = ("model", "sample_names")
# What says which of its own requests a page waits for, and means nothing beside that.
_SAYS_NOTHING: Final = (Mark.describes, "The model")


class RecordedWorkspace(ForwardingWorkspace):
    """Implements :class:`core.workspace.interface.WorkspaceInterface` from a file.

    What was recorded is answered as it was; whatever else is asked raises :class:`core.errors.NotRecorded`, and so does
    whatever would change what is open. A chart that is not there says so as its refusal, in its place.

    Args:
        file: The recording.

    Raises:
        RecordingRefused: If it does not say which model and samples it is of.
    """

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._answers: dict[str, Any] = {}
        if any(Request(name) not in file for name in _NEEDED):
            raise RecordingRefused(f"{file.name} does not say what it is of.", remedy="Ask for the file again.")
        count = len(self.sample_names)
        if self.model is None or not all(0 <= sample < count for sample in self.about.samples):
            raise RecordingRefused(f"{file.name} is of samples that there are not.", remedy="Ask for the file again.")

    @property
    def about(self) -> About:
        """What the recording says of itself."""
        return self._file.about

    def close(self) -> None:
        """Let go of nothing: visitors share the file."""

    def _ask(self, declaration: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        asked = arguments_of(declaration, arguments, options)
        asked.pop("progress", None)
        request = Request.of(declaration, **asked)
        if request.name == "layer_view":
            return view_from(self._answer, **{"draw": True, **asked})
        if request.name == "chart":
            return self._chart(**asked)
        if request.name == "chart_file":
            return self._chart_file(**asked)
        try:
            return self._answer(request)
        except NotRecorded:
            if request.name in _USUAL:
                return _USUAL[request.name]
            raise

    def _answer(self, request: Request) -> Any:
        if request not in self._file:
            if request.name == "chart":
                return ChartResult(refusal=str(self._missing(request)))
            raise self._missing(request)
        if not mark_of(request.declaration).stays:
            return self._file.read(request)
        # Asked several times in every run of the page.
        if request.name not in self._answers:
            self._answers[request.name] = self._file.read(request)
        return self._answers[request.name]

    def _chart(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int) -> ChartResult:
        viewed = view_question(layer, sample)
        view = self._file.read(viewed) if viewed in self._file else None
        chart: ChartResult = self._answer(chart_question(view, layer, visualizer, options, sample))
        return chart

    def _chart_file(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int, kind: Any) -> bytes:
        chart = self._chart(layer, visualizer, options, sample)
        if len(chart.pictures) != 1:
            several = "Several charts under one another are put into one file with the model only."
            raise PluginFailed(chart.refusal or several, plugin=visualizer)
        return chart_file(chart.pictures[0].specification, kind)

    def _missing(self, request: Request) -> NotRecorded:
        if request.mark.change is not None:
            return NotRecorded(
                "A recording is looked at as it is: nothing in it can be changed.",
                remedy=f"Open {safe_name(self.about.model)} itself to do that.",
            )
        what = "This" if request.mark.describes in _SAYS_NOTHING else request.in_words
        return NotRecorded(f"{what} is not in this recording.", remedy=self._remedy(request))

    def _remedy(self, request: Request) -> str:
        samples, sample = self.about.samples, request.by_name.get("sample")
        if isinstance(sample, int) and samples and sample not in samples:
            return f"It holds {list_samples(samples)}. Open the model itself to see others."
        return "Open the model itself to see it."


def view_from(
    answer: Callable[[Request], Any],
    layer: str,
    visualizer: str,
    options: Mapping[str, Any],
    sample: int,
    draw: bool = True,
) -> LayerView:
    """Return the view of a layer, put together of what was recorded of it and of its chart.

    Args:
        answer: Answers either of them.
        layer: Key of the layer, or of a part of it.
        visualizer: Name of the picture.
        options: Option values by name.
        sample: Which of all samples.
        draw: Whether it is to have its chart.
    """
    view: LayerView = answer(view_question(layer, sample))
    picture = view.picture(visualizer)
    if not draw or picture is None:
        return view
    return replace(view, chart=answer(chart_question(view, layer, picture.name, options, sample)))
