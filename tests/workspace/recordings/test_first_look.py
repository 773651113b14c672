"""What ships with Layerscope is what a model answers now, and is shown where nothing else would be."""

import threading

import pytest

from core.errors import WorkerLost
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.workspace.interface import WorkspaceInterface
from core.workspace.recordings import first_look as module
from core.workspace.recordings.first_look import PATH, first_look, look_first
from core.workspace.recordings.recording_file import RecordingFile
from core.workspace.workers.remote import RemoteWorkspace
from core.workspace.workers.starting import StartingPool
from core.workspace.workspace import Workspace
from tests.support.alike_answers import assert_alike


@pytest.fixture
def known(monkeypatch):
    """What is known of the first example, whatever is installed where the tests run."""
    monkeypatch.setattr(module, "installed_packages", lambda: iter(()))
    monkeypatch.delenv("LAYERSCOPE_PLUGINS", raising=False)
    look = first_look()
    assert look is not None
    return look


def test_what_ships_is_what_a_model_answers_now():
    recorder = look_first(Workspace(Registry(settings=PluginSettings(enabled=False))))
    stored, live = RecordingFile(PATH), RecordingFile(recorder.write())

    # `python -m core.workspace.recordings.first_look` makes it anew.
    assert set(stored.questions) == set(live.questions)
    for request in recorder.asked:
        assert_alike(stored.read(request), live.read(request))


def test_it_is_small_and_without_a_date():
    assert PATH.stat().st_size < 150_000
    assert RecordingFile(PATH).about.written_at == ""


class Left(Exception):
    """The visitor did not wait."""


def leave(waiting):
    raise Left


def test_the_first_look_needs_no_worker(known):
    workspace = RemoteWorkspace(StartingPool(), known)
    model = workspace.open_example("digits-cnn")
    view = workspace.layer_view(model.featured_layer, "", {}, 0)

    assert view.chart.pictures
    assert workspace.answer(0).best == "8"
    assert len(workspace.sample_rows(2.0)) == len(workspace.sample_names) == 90
    assert not workspace.is_live


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("layers", (1,)),
        ("chart", ("conv_1", "histogram", {}, 0)),
        ("layer_view", ("conv_1", "feature-maps", {"channel": 2}, 0)),
        ("open_example", ("vowels-lstm",)),
        ("take_noise", (2, 0)),
        ("health", ()),
        ("open_files", ([("model.keras", b"PK\x03\x04\xb3\xff")],)),
        ("take_text", ("7",)),
    ],
)
def test_what_is_not_known_waits_for_a_worker(known, name, arguments):
    workspace = RemoteWorkspace(StartingPool(), known)
    workspace.open_example("digits-cnn")
    with workspace.telling(leave), pytest.raises(Left):
        getattr(workspace, name)(*arguments)
    # Who did not wait is where they were.
    assert workspace.layers(0)


def test_other_samples_are_not_answered_from_it(known):
    workspace = RemoteWorkspace(StartingPool(), known)
    workspace.open_example("digits-cnn")
    opened = [*workspace._history.requests]
    assert known.answer(_layers(), opened)
    with pytest.raises(KeyError):
        known.answer(_layers(), [*opened, _request("take_noise", 2, 0)])
    with pytest.raises(KeyError):
        known.answer(_layers(), [_request("open_example", "digits-dense")])
    with pytest.raises(KeyError):
        known.answer(_layers(), [])


def _request(name, *arguments):
    from core.workspace.workers.request import Request

    return Request.of(vars(WorkspaceInterface)[name], *arguments)


def _layers():
    return _request("layers", 0)


def test_an_engine_that_cannot_start_is_told_to_who_waits(known):
    pool = StartingPool()
    workspace = RemoteWorkspace(pool, known)
    workspace.open_example("digits-cnn")
    waits = threading.Event()
    threading.Timer(0.3, lambda: pool.fail("There is no TensorFlow.")).start()
    with workspace.telling(lambda waiting: waits.set()), pytest.raises(WorkerLost, match="There is no TensorFlow"):
        workspace.layers(1)
    assert waits.is_set()
    assert workspace.layers(0)


def test_it_is_not_shown_where_answers_may_be_others(monkeypatch, known, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(module, "installed_packages", lambda: iter(["a plugin"]))
        assert first_look() is None
        patch.setenv("LAYERSCOPE_NO_PLUGINS", "1")
        assert first_look() is not None
    with monkeypatch.context() as patch:
        patch.setenv("LAYERSCOPE_PLUGINS", str(tmp_path))
        assert first_look() is None
    with monkeypatch.context() as patch:
        patch.setenv("LAYERSCOPE_KEPT_BYTES", "1MB")
        assert first_look() is None
    with monkeypatch.context() as patch:
        patch.setenv("LAYERSCOPE_FIRST_LOOK", "0")
        assert first_look() is None
