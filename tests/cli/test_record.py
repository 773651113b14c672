"""``layerscope record``: what is in the file, and what it says where there is nothing to be recorded."""

import pytest
from click.testing import CliRunner

from core.cli.main import main
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recording_file import RecordingFile


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *command: CliRunner().invoke(main, [*map(str, command)])


def test_what_was_chosen_is_in_the_file(run, tmp_path):
    done = run("record", "digits-dense", "--layer", "dense_1", "--sample", 7, "--sample", 2, "--pictures", "first")
    assert done.exit_code == 0, done.output
    recorded = RecordedWorkspace(RecordingFile(tmp_path / "session.layerscope"))

    assert "session.layerscope: samples 7, 2" in done.output
    assert "layerscope run session.layerscope" in done.output
    assert (recorded.about.samples, recorded.about.layers) == ((2, 7), ("dense_1",))
    assert recorded.layer_view("dense_1", "", {}, 7).chart.pictures
    assert recorded.health().sample_count == 90


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--layer", "nowhere"), "There is no layer 'nowhere'."),
        (("--sample", "900"), "There is no sample 900."),
        (("-o", "nowhere/a.layerscope"), "There is no folder 'nowhere'."),
    ],
)
def test_what_is_not_there_is_said(run, tmp_path, options, said):
    done = run("record", "digits-dense", *options)

    assert done.exit_code == 1
    assert said in done.output
    assert not list(tmp_path.iterdir())


def test_a_recording_has_its_samples(run, tmp_path):
    run("record", "digits-dense", "--layer", "dense_1", "--sample", 0, "--pictures", "first")
    (tmp_path / "data.csv").write_text("1,2\n")
    done = run("run", "session.layerscope", "data.csv")

    assert done.exit_code == 1
    assert "is a recording, which has its samples" in done.output
