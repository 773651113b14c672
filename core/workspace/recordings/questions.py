"""When two questions of a page are the same, whoever asks and whenever: what answers are filed under."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from pydantic_core import to_jsonable_python

from core.workspace.interface import WorkspaceInterface
from core.workspace.marks import declaration_of
from core.workspace.results import LayerView, VisualizerSummary
from core.workspace.workers.request import Request

__all__ = ["chart_question", "is_recordable", "question_key", "view_question"]

_NEVER_ASKED: Final = frozenset({"progress"})
# Whoever asks for nothing in particular says so in one of these ways, or not at all.
_NOTHING: Final[tuple[Any, ...]] = (None, "", {}, [], ())
# A recording holds the rows of as many samples as were run, however long that took.
_WITHOUT: Final[Mapping[str, frozenset[str]]] = {"sample_rows": frozenset({"seconds"})}
_FILES: Final = frozenset({"activation_file", "activations_file", "inputs_file", "chart_file", "code"})
# A search goes on when it is asked again; what is installed is of this machine, with the paths on it.
_OF_THE_MOMENT: Final = frozenset({"maximize", "maximize_layer", "plugins", "thumbnail"})


def is_recordable(request: Request) -> bool:
    """Return whether an answer may be in a recording: what reads or is a file, or changes what is open, is not.

    A second model is: what it is set against stays as it was.
    """
    mark = request.mark
    may_change = mark.change is None or request.name in ("compare_with_example", "compare_with_shown")
    return may_change and not mark.reads_files and request.name not in _FILES | _OF_THE_MOMENT


def question_key(request: Request) -> str:
    """Return what tells a question from others: its name and its arguments, but for those that say nothing."""
    function = declaration_of(request.declaration)
    left_out = _NEVER_ASKED | _WITHOUT.get(request.name, frozenset())
    arguments = {**_defaults(function), **request.by_name}
    told = {name: value for name, value in arguments.items() if name not in left_out and value not in _NOTHING}
    return json.dumps([request.name, _plain(to_jsonable_python(told, fallback=str))], sort_keys=True)


def view_question(layer: str, sample: int) -> Request:
    """Return the question for what is shown of a layer, but for its chart, which is a question of its own."""
    return Request.of(WorkspaceInterface.layer_view, layer, "", {}, sample, draw=False)


def chart_question(
    view: LayerView | None, layer: str, visualizer: str, options: Mapping[str, Any], sample: int
) -> Request:
    """Return the question for a chart: the same one for all that draws the same.

    Args:
        view: What is shown of the layer, which says what options there are; None takes them as they are.
        layer: Key of the layer.
        visualizer: Name of the visualizer.
        options: Option values by name, those of other pictures among them.
        sample: Which of all samples.
    """
    picture = next((each for each in view.visualizers if each.name == visualizer), None) if view else None
    values = dict(options) if picture is None else _told(picture, options)
    return Request.of(WorkspaceInterface.chart, layer, visualizer, values, sample)


def _told(picture: VisualizerSummary, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the option values that differ from what the picture takes anyway."""
    defaults = {control.name: _plain(to_jsonable_python(control.default)) for control in picture.controls}
    values = picture.values_of(options)
    return {name: value for name, value in values.items() if _plain(to_jsonable_python(value)) != defaults[name]}


@cache
def _defaults(function: Callable[..., Any]) -> Mapping[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def _plain(value: Any) -> Any:
    # 1.0 and 1 are the same number, whichever of them a widget holds.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
