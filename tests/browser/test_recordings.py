"""The start of the page from a recording, and a recording alone, in a browser."""

import os
import signal
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from benchmarks.processes import fork_servers_and_workers
from core.workspace.recordings.recorder import Recorder
from core.workspace.recordings.visit import Visit, visit
from core.workspace.workspace import Workspace
from tests.browser.conftest import STARTING_SECONDS, served, visitors

PATIENCE = STARTING_SECONDS * 1000
PAGES = {
    "unit": "Channel",
    "health": "Health",
    "edit": "The edited sample is not in this recording",
    "maximize": "Searching for an input is not in this recording",
    "compare": "Compare",
    "plugins": "is not in this recording",
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Two samples and two layers of the first example, under a name that says nothing."""
    workspace = Workspace()
    workspace.open_example("digits-cnn")
    recorder = Recorder(workspace)
    visit(recorder, Visit((2, 5), ("conv_1", "dense")))
    path = tmp_path_factory.mktemp("recording") / "kept.bin"
    path.write_bytes(recorder.write())
    return path


@pytest.fixture
def without_tensorflow(tmp_path):
    """A path on which TensorFlow is something that cannot be imported."""
    for name in ("tensorflow", "keras"):
        (tmp_path / "blocked" / name).mkdir(parents=True)
        (tmp_path / "blocked" / name / "__init__.py").write_text("raise ImportError('there is none')\n")
    return os.pathsep.join([str(tmp_path / "blocked"), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_a_recording_is_looked_at_where_there_is_no_tensorflow(recording, without_tensorflow, tmp_path, chromium):
    with served(tmp_path, [str(recording)], PYTHONPATH=without_tensorflow) as app, visitors(app, chromium) as enter:
        explorer = enter()
        explorer.open()
        assert explorer.layer_names()[0] == "conv_1"
        expect(explorer.sample).to_have_value("2")
        first = explorer.painted()
        explorer.next_sample()
        expect(explorer.sample).to_have_value("5")
        explorer.changed(first)
        explorer.pick_view("Histogram")
        explorer.pick_layer("dense")
        explorer.click_entry("pool")
        expect(explorer.main.get_by_text("not in this recording")).to_be_visible()
        for page, text in PAGES.items():
            explorer.visit(page, layer="conv_1", sample=2)
            # The names of the pages stand in a row that narrow windows show.
            expect(explorer.main.get_by_text(text).filter(visible=True).first).to_be_visible()
        explorer.visit(sample=57, layer="dense")
        expect(explorer.main.get_by_text("sample 5 is shown")).to_be_visible()
        explorer.settle()
        assert app.workers() == set()


def test_before_there_is_tensorflow_the_example_is_shown_and_a_click_waits(recording, tmp_path, chromium):
    with served(tmp_path) as app, visitors(app, chromium) as enter:
        explorer, other = enter(), enter(java_script_enabled=True)
        note = explorer.page.locator(".st-key-live p")
        waiting = "Starting TensorFlow, for this"
        explorer.visit()
        # However fast the machine is, TensorFlow is not there before this is looked at.
        with _held_up(app):
            expect(explorer.chart.first).to_be_visible(timeout=PATIENCE)
            expect(note).to_contain_text("Starting TensorFlow")
            # A link to something else.
            other.visit(example="vowels-lstm", layer="lstm_1")
            expect(other.main.get_by_text(waiting)).to_be_visible(timeout=PATIENCE)
            # What is recorded is answered meanwhile.
            explorer.click_entry("dense")
            explorer.has_address(layer="dense")
            expect(explorer.layer_line.get_by_text("dense", exact=True)).to_be_visible(timeout=PATIENCE)
            explorer.page.locator(".st-key-sample_after button").first.click()
            expect(explorer.main.get_by_text(waiting)).to_be_visible(timeout=PATIENCE)
        expect(explorer.sample).to_have_value("1", timeout=PATIENCE)
        expect(note).to_have_count(0, timeout=PATIENCE)
        explorer.has_address(sample="1", layer="dense")
        explorer.shows_layer("dense")
        explorer.painted()
        other.painted()
        other.shows_layer("lstm_1")
        assert app.workers()
        # Who comes later has a model at once.
        explorer.open()
        expect(note).to_have_count(0)
        _drop(explorer, recording)


@contextmanager
def _held_up(app):
    """Stop the process that imports TensorFlow, as soon as there is one, for the time of the block."""
    end = time.monotonic() + STARTING_SECONDS
    while not (servers := fork_servers_and_workers(app.process_id)[0]):
        assert time.monotonic() < end, "Nothing imports TensorFlow"
        time.sleep(0.02)
    for process in servers:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in servers:
            os.kill(process, signal.SIGCONT)


def _drop(explorer, recording):
    """A recording is dropped where a model runs, and closed again."""
    explorer.model_panel().get_by_text("Your file").click()
    explorer.page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(recording)
    button = explorer.sidebar.get_by_role("button", name="A recording")
    expect(button).to_be_visible()
    expect(explorer.sample).to_have_value("2")
    explorer.painted()
    button.click()
    explorer.page.get_by_role("button", name="Close the recording").click()
    expect(button).to_have_count(0)
    explorer.has_samples(90)
    explorer.painted()
