import os
import sys

import pytest

from core.plugins.sources import get_plugin_settings
from ui.arguments import take_arguments
from ui.engine import runs_in_process


@pytest.fixture
def start(monkeypatch):
    """Return a function that takes what stands behind ``--``, from an environment without any of it."""
    for name in (
        "LAYERSCOPE_PLUGINS",
        "LAYERSCOPE_NO_PLUGINS",
        "LAYERSCOPE_IN_PROCESS",
        "LAYERSCOPE_MODEL",
        "LAYERSCOPE_DATA",
    ):
        # Set first, so that what is taken is put back afterwards.
        monkeypatch.setenv(name, "")

    def start(*arguments):
        monkeypatch.setattr(sys, "argv", ["streamlit_app.py", *arguments])
        take_arguments()

    return start


def test_folders_of_plugins(start, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_PLUGINS", "zero")
    monkeypatch.chdir(tmp_path)
    start("--plugins", "one", f"--plugins={tmp_path / 'two'}", "--plugins", "one")

    # Whole paths, since a worker works elsewhere.
    expected = [str(tmp_path / name) for name in ("zero", "one", "two")]
    assert os.environ["LAYERSCOPE_PLUGINS"].split(os.pathsep) == expected
    assert [str(folder) for folder in get_plugin_settings().folders] == expected
    assert not runs_in_process()


def test_switches(start):
    start("--no-plugins", "--in-process")

    assert not get_plugin_settings().enabled
    assert runs_in_process()


def test_nothing_and_what_is_unknown_change_nothing(start):
    start("--else", "--plugin", "x")

    assert get_plugin_settings().folders == ()
    assert get_plugin_settings().enabled
    assert not runs_in_process()


def test_a_model_and_data_are_paths_from_where_it_is_started(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start("mine.keras", "pictures/", "--no-plugins")

    assert os.environ["LAYERSCOPE_MODEL"] == str(tmp_path / "mine.keras")
    assert os.environ["LAYERSCOPE_DATA"] == str(tmp_path / "pictures")

    start("digits-cnn")
    assert os.environ["LAYERSCOPE_MODEL"] == "digits-cnn"
