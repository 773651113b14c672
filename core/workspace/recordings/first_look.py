"""The recording that ships with Layerscope: the first example as it is on the page before TensorFlow is there.

``python -m core.workspace.recordings.first_look`` makes it anew. A test tells where it is not what a model answers now.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.common.limits import PREFIX, Limits, get_limits
from core.plugins.sources import get_plugin_settings, installed_packages
from core.workspace.interface import WorkspaceInterface
from core.workspace.recordings.questions import chart_question, is_recordable
from core.workspace.recordings.recorded import view_from
from core.workspace.recordings.recording_file import RecordingFile
from core.workspace.workers.request import Request

if TYPE_CHECKING:
    from core.workspace.recordings.recorder import Recorder

__all__ = ["FIRST_LOOK_VARIABLE", "PATH", "FirstLook", "first_look", "look_first", "write_first_look"]

FIRST_LOOK_VARIABLE: Final = f"{PREFIX}FIRST_LOOK"
"""Variable of the environment: ``0`` lets the page wait for a model before it shows anything."""
PATH: Final = Path(__file__).parent / "first_look.layerscope"
# What answers depend on, of all that can be set.
_ANSWERS_DEPEND_ON: Final = ("kept_bytes", "activation_bytes", "chart_rows", "chart_bytes", "parameters", "layers")


class FirstLook:
    """Answers that are known before a model can be asked.

    Args:
        file: The recording that ships with Layerscope.
    """

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._opening: Final = Request.of(WorkspaceInterface.open_example, file.about.model)

    def answer(self, request: Request, opened: Sequence[Request]) -> Any:
        """Return what a question is answered with.

        Args:
            request: What is asked.
            opened: What made that which is open as it is.

        Raises:
            KeyError: If that is not known.
        """
        is_open = len(opened) == 1 and opened[0] == self._opening
        if request != self._opening and not (is_open and is_recordable(request)):
            raise KeyError(request.name)
        if request.name == "layer_view":
            return view_from(self._file.read, **request.by_name)
        if request.name == "chart":
            viewed = view_from(self._file.read, **{**request.by_name, "draw": False})
            request = chart_question(viewed, **request.by_name)
        return self._file.read(request)


@cache
def _file() -> RecordingFile:
    return RecordingFile(PATH, is_ours=True)


def first_look() -> FirstLook | None:
    """Return what is known before a model can be asked; None where answers may differ from those that were recorded.

    That is where plugins of others are loaded, which bring pictures of their own, or where a limit was set that changes
    what is kept or drawn.
    """
    settings = get_plugin_settings()
    if os.environ.get(FIRST_LOOK_VARIABLE) == "0" or not PATH.is_file():
        return None
    if settings.enabled and (settings.folders or any(installed_packages())):
        return None
    limits = get_limits()
    if any(getattr(limits, name) != Limits.model_fields[name].default for name in _ANSWERS_DEPEND_ON):
        return None
    return FirstLook(_file())


def look_first(workspace: WorkspaceInterface) -> Recorder:
    """Return what a visitor sees first, asked of a workspace in which nothing is open.

    All layers of the first sample as the page shows them, so that a first click on a layer needs not wait either.
    """
    from core.workspace.recordings.recorder import Recorder
    from core.workspace.recordings.visit import Visit, visit

    recorder = Recorder(workspace)
    recorder.ask(Request.of(WorkspaceInterface.open_example, workspace.examples()[0].name))
    visit(recorder, Visit((0,), pictures="first", has_reports=False))
    return recorder


def write_first_look(path: Path = PATH) -> None:
    """Record what a visitor sees first.

    Args:
        path: The file to write.
    """
    from core.plugins.registry import Registry
    from core.plugins.sources import PluginSettings
    from core.workspace.workspace import Workspace

    workspace = Workspace(Registry(settings=PluginSettings(enabled=False)))
    path.write_bytes(look_first(workspace).write(is_dated=False))


if __name__ == "__main__":
    write_first_look()
