"""A recording of the first example, and the workspace that it is of."""

import pytest

from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.workspace.recordings.recorder import Recorder
from core.workspace.recordings.visit import Visit, visit
from core.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def workspace():
    """The workspace that was recorded; nothing is to be opened in it."""
    workspace = Workspace(Registry(settings=PluginSettings(enabled=False)))
    workspace.open_example("digits-cnn")
    return workspace


@pytest.fixture(scope="module")
def content(workspace):
    """The file: two samples and two layers."""
    recorder = Recorder(workspace)
    visit(recorder, Visit((0, 3), ("conv_1", "dense"), pictures="groups"))
    return recorder.write()
