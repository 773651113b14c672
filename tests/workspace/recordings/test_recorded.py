"""A recorded session answers as the model did, without it, and changes nothing."""

import json
import math
import subprocess
import sys

import pytest

from core.errors import NotRecorded, RecordingRefused
from core.inputs.edits import ClampEdit
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recorder import RecordingWorkspace
from core.workspace.recordings.recording_file import RecordingFile
from tests.support.alike_answers import assert_alike

ASKED = [
    ("answer", (0,)),
    ("answer", (3, None, "", "")),
    ("inputs", (3,)),
    ("layers", (0,)),
    ("sample_rows", (2.0,)),
    ("sample_rows", (math.inf,)),
    ("sample_strip", (list(range(9)), 3)),
    ("layer_view", ("conv_1", "", {}, 0)),
    ("layer_view", ("conv_1", "feature-maps", {"other": 3}, 3)),
    ("layer_view", ("dense", "no-such", {}, 0)),
    ("layer_view", ("dense", "", {}, 0, False)),
    ("chart", ("dense", "histogram", {}, 3)),
    ("map", (0, "conv_1", {})),
    ("map", (3, "dense")),
    ("health", ()),
    ("unit_card", ("conv_1", None, 0)),
    ("class_means", ("dense",)),
    ("plan", ()),
]


@pytest.fixture(scope="module")
def recorded(content):
    return RecordedWorkspace(RecordingFile(content))


@pytest.mark.parametrize(("name", "arguments"), ASKED)
def test_a_recording_answers_as_the_model_did(workspace, recorded, name, arguments):
    assert_alike(getattr(recorded, name)(*arguments), getattr(workspace, name)(*arguments))


def test_options_that_are_chosen_as_they_are_anyway_ask_for_the_same(workspace, recorded):
    picture = recorded.layer_view("conv_1", "feature-maps", {}, 0).picture("feature-maps")
    options = {control.name: control.default for control in picture.controls if control.name != "sample"}

    assert len(options) >= 3
    asked = ("conv_1", "feature-maps", options, 0)
    assert_alike(recorded.layer_view(*asked), workspace.layer_view(*asked))


def test_what_is_open_is_what_was(workspace, recorded):
    for name in ("model", "sample_names", "sample_labels", "labelling", "compared"):
        assert getattr(recorded, name) == getattr(workspace, name)


def test_a_recording_says_what_is_in_it(recorded):
    about = recorded.about

    assert (about.model, about.samples, about.layers) == ("digits-cnn", (0, 3), ("conv_1", "dense"))
    assert about.written_by
    assert about.written_at.startswith("20")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("answer", (7,)), ("layers", (7,)), ("unit_card", ("flatten", None, 0)), ("layer_view", ("pool", "", {}, 0))],
)
def test_what_was_not_recorded_says_so(recorded, name, arguments):
    with pytest.raises(NotRecorded, match="not in this recording") as caught:
        getattr(recorded, name)(*arguments)
    assert "Open the model itself" in caught.value.remedy
    assert ("samples 0, 3" in caught.value.remedy) == (7 in arguments)


def test_a_picture_that_was_not_recorded_says_so_in_its_place(recorded):
    view = recorded.layer_view("conv_1", "feature-maps", {"channel": 3}, 0)

    assert view.visualizers
    assert view.chart.pictures == ()
    assert "“feature-maps” of conv_1 is not in this recording" in view.chart.refusal


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("open_example", ("digits-cnn",)),
        ("open_model", (b"", "a.keras")),
        ("take_noise", (3, 0)),
        ("set_class_names", ("a",)),
        ("set_variants", ([],)),
        ("compare_with_example", ("digits-cnn",)),
    ],
)
def test_nothing_in_a_recording_can_be_changed(recorded, name, arguments):
    with pytest.raises(NotRecorded, match="nothing in it can be changed"):
        getattr(recorded, name)(*arguments)


@pytest.mark.parametrize("name", ["maximize", "edit_view", "find_units", "activation_file", "code", "inputs_file"])
def test_what_needs_the_model_says_so(recorded, name):
    arguments = {
        "maximize": ("dense", 1, {}, 0, 4, 1.0),
        "edit_view": (0, [ClampEdit("conv_1", 2, 1.5)]),
        "find_units": ("dead", "dense", None, 0),
        "activation_file": ("dense", 0, "npy"),
        "code": ("dense", "histogram", {}, 0),
        "inputs_file": (),
    }
    with pytest.raises(NotRecorded):
        getattr(recorded, name)(*arguments[name])


def test_a_chart_is_saved_from_a_recording(workspace, recorded):
    asked = ("dense", "histogram", {}, 0)

    assert json.loads(recorded.chart_file(*asked, "json")) == json.loads(workspace.chart_file(*asked, "json"))
    assert recorded.chart_file(*asked, "png").startswith(b"\x89PNG")


def test_what_a_page_asked_is_kept(workspace):
    noting = RecordingWorkspace(workspace)
    noting.layers(5)
    noting.answer(5)
    view = noting.layer_view("dense", "", {"unit": 3, "bins": 7}, 5)
    told = []
    recorded = RecordedWorkspace(RecordingFile(noting.recording(lambda share, text: told.append(share))))

    assert noting.noted_count == 3
    assert told[0] == 0.0
    assert recorded.about.samples == (5,)
    assert_alike(recorded.layer_view("dense", "", {"unit": 3, "bins": 7}, 5), view)
    assert recorded.layer_view("dense", "", {"unit": 4}, 5).chart.refusal
    with pytest.raises(NotRecorded):
        recorded.layers(0)


def test_other_samples_begin_another_recording(workspace):
    noting = RecordingWorkspace(workspace)
    noting.layers(5)
    noting.take_example_samples()
    assert noting.noted_count == 0
    noting.compare_with_example("digits-cnn", early=True)
    noting.comparison()
    recorded = RecordedWorkspace(RecordingFile(noting.recording()))

    assert recorded.compare_with_example("digits-cnn", early=True).name == "digits-cnn after 1 epoch"
    assert recorded.comparison().names[0] == "digits-cnn"


def test_what_failed_and_what_is_of_this_machine_is_not_kept(workspace):
    noting = RecordingWorkspace(workspace)
    noting.layers(5)
    noting.plugins()
    noting.maximize("dense", 1, {"starts": 1}, 0, 1, 5.0)
    noting.chart_file("dense", "histogram", {}, 5, "json")
    assert noting.noted_count == 1
    assert noting.chart("dense", "no-such", {}, 5).failure
    recorded = RecordedWorkspace(RecordingFile(noting.recording()))

    assert recorded.chart("dense", "no-such", {}, 5).failure is None
    assert recorded.layers(5)


def test_nothing_open_is_nothing_to_record():
    from core.workspace.workspace import Workspace

    with pytest.raises(NotRecorded, match="nothing to record"):
        RecordingWorkspace(Workspace()).recording()


WITHOUT_TENSORFLOW = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "jax", "torch", "h5py"):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recording_file import RecordingFile

workspace = RecordedWorkspace(RecordingFile(sys.argv[1]))
view = workspace.layer_view("conv_1", "", {}, 0)
print(workspace.model.name, len(view.chart.pictures), len(workspace.layers(3)), workspace.health().sample_count)
"""


def test_it_is_looked_at_where_tensorflow_cannot_be_imported(content, tmp_path):
    path = tmp_path / "session.layerscope"
    path.write_bytes(content)
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)

    assert found.stdout.split() == ["digits-cnn", "1", "7", "90"], found.stderr


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(RecordingRefused, match="cannot be read: No such file"):
        RecordingFile(tmp_path / "none.layerscope")
