"""A visitor's workspace in a worker answers as one in this process does."""

import io
import re

import numpy as np
import pytest

from core.charts.export import CHART_FORMATS
from core.errors import LayerscopeError
from core.inputs.edits import ClampEdit, RectangleEdit, Variant
from core.plugins.registry import Registry
from core.workspace.pin_results import Pinned
from core.workspace.recordings.first_look import PATH, FirstLook
from core.workspace.recordings.recording_file import RecordingFile
from core.workspace.workers.remote import RemoteWorkspace
from core.workspace.workspace import Workspace
from tests.support.alike_answers import assert_alike
from tests.workspace.workers.trouble import keras_file

PUBLIC = sorted(name for name in dir(Workspace) if not name.startswith("_"))
PICTURE = ("conv_1", "feature-maps", {"channel": 3}, 2)
IMAGE = io.BytesIO()
np.save(IMAGE, np.arange(3 * 64, dtype=np.float32).reshape(3, 8, 8, 1))
FILES = ({"image": [("three.npy", IMAGE.getvalue())]},)
EDITS = (RectangleEdit("image", 0, 0, 3, 8, (0.0,)), ClampEdit("conv_1", 2, 1.5))
PREPARED = {"scaling": "none", "fit": "stretch", "invert": False}

# What each is asked for, once the example is open; a new method fails here until it has a line of its own.
CALLS = {
    "examples": [()],
    "model": [None],
    "sample_names": [None],
    "sample_labels": [None],
    "labelling": [None],
    "set_class_names": [("a\nb\nc",), ('["not", "all"',), ("",)],
    "set_label_role": [("unused",), ("nonsense",), ("",)],
    "open_example": [("vowels-lstm",)],
    "open_model": [(keras_file(), "mine.keras")],
    "open_files": [([("mine.keras", keras_file()), ("labels.txt", b"up\ndown\n")],), ([("mine.keras", b"no model")],)],
    "file_report": [(keras_file(), "mine.keras"), (b"no model", "mine.keras")],
    "files_report": [([("mine.keras", keras_file())],), ([("a.keras", keras_file()), ("b.keras", keras_file())],)],
    "run": [None],
    "second_run": [None],
    "open_run": [(b"no run", "mine.layerscope")],
    "open_example_run": [()],
    "refresh_run": [()],
    "go_to_step": [(20,)],
    "take_run_samples": [()],
    "set_second_run": [("",)],
    "run_charts": [("mean", "conv_1")],
    "run_layer": [("conv_1", "", "", {}, 0)],
    "take_example_samples": [()],
    "take_files": [FILES],
    "take_text": [("a film",)],
    "take_noise": [(4, 7)],
    "noise_sizes": [()],
    "take_input_as": [("image", "array"), ("image", "text")],
    "set_variants": [([Variant(3, "3, without its top", EDITS[:1])],), ([Variant(900, "none", ())],), ([],)],
    "edit_view": [(0, EDITS), (900, ())],
    "edited_layer": [(0, EDITS, "dense", 3), (0, EDITS, "nowhere")],
    "inputs": [(0,), (5,)],
    "plan": [()],
    "answer": [(0,), (89,), (0, None, "probabilities"), (0, None, "nowhere")],
    "sample_rows": [()],
    "sample_strip": [((0, 1, 5), 1), ((0, 900), 0)],
    "layers": [(0,), (3,)],
    "describe": [("conv_1", 0), ("dense", 1)],
    "activation_summary": [("conv_1", 3), ("probabilities", 0, 2), ("nowhere", 0)],
    "map": [(0, "conv_1")],
    "visualizers": [("conv_1", 0), ("dense", 1)],
    "rejections": [("conv_1", 0)],
    "meanings": [(0,), (1, "probabilities"), (0, "nowhere")],
    "plugins": [()],
    "thumbnail": [("feature-maps",)],
    "layer_view": [
        PICTURE,
        ("conv_1", "", {"channel": 3, "explained": "dense"}, 1),
        ("dense", "no-such", {}, 0, False),
    ],
    "chart": [PICTURE, ("dense", "histogram", {}, 0), ("dense", "no-such", {}, 0)],
    "side_by_side": [
        (*PICTURE, Pinned(sample=5)),
        ("dense", "histogram", {}, 0, Pinned(layer="nowhere")),
        ("dense", "histogram", {}, 0, Pinned(is_other_model=True)),
    ],
    "chart_file": [(*PICTURE, kind) for kind in CHART_FORMATS],
    "activation_file": [("conv_1", 0, "npy"), ("dense", 1, "csv")],
    "activations_file": [(("conv_1", "dense"), False)],
    "inputs_file": [()],
    "code": [PICTURE],
    "parts": [("conv_1", 0)],
    "health": [()],
    "verify": [()],
    "class_means": [("dense",), ("nowhere",)],
    "searchable_layers": [()],
    "maximize": [("probabilities", 3, {"starts": 1}, 0, 4, 60.0), ("conv_1", None, {}, 2, 4, 60.0)],
    "maximize_layer": [("dense", {}, 0, 2, 60.0)],
    "answer_to_drag": [("conv_1", 3, {"region": (0, 2, 1, 4)}, 0)],
    "unit_card": [("conv_1", 2, 0), ("conv_1", None, 1), ("nowhere", 0, 0)],
    "find_units": [
        ("answers to 8 and not to 3", "conv_1", 2, 0),
        ("dead", "conv_1", 2, 0),
        ("nothing", "conv_1", 2, 0),
    ],
    "excited": [("conv_1", 2, {}), ("nowhere", 0, {})],
    "compare_with_example": [("digits-cnn",), ("digits-cnn", True)],
    "compare_with_model": [(keras_file(), "mine.keras")],
    "compare_with_files": [([("mine.keras", keras_file())],)],
    "shown_models": [()],
    "open_shown": [("nowhere",)],
    "take_shown_samples": [()],
    "compare_with_shown": [("nowhere",)],
    "compared": [None],
    "comparison": [()],
    "compare_samples": [(0, 3), (0, 900)],
    "compared_layer": [("dense", 0, 3), ("conv_1", 0, 3), ("conv_1", 0, 3, 5), ("conv_1", 0, None)],
}


@pytest.fixture(scope="module")
def both(fork_server, small_limits):
    """A workspace in this process and one in a worker, both with the plugin."""
    from core.workspace.workers.pool import WorkerPool

    pool = WorkerPool(small_limits(request_seconds=60))
    yield Workspace(Registry()), RemoteWorkspace(pool)
    pool.close()


@pytest.fixture
def opened(both):
    for workspace in both:
        workspace.open_example("digits-cnn")
    return both


def outcome(workspace, name, arguments):
    """Return what a workspace answers, or what it raises."""
    options = PREPARED if name == "take_files" else {}
    try:
        asked = getattr(workspace, name)
        return asked if arguments is None else asked(*arguments, **options)
    except LayerscopeError as error:
        # A traceback holds line numbers of whoever called.
        return type(error), {key: value for key, value in vars(error).items() if key != "traceback"}


def comparable(answer):
    """Return an answer without what differs from one process or second to the next: times, and what SVG counts up."""
    if isinstance(answer, bytes) and answer.startswith(b"<svg"):
        return re.sub(rb"(gradient|clip)_?\d+", rb"\1", answer)
    if isinstance(answer, bytes) and answer.startswith(b"PK"):
        with np.load(io.BytesIO(answer)) as arrays:
            return {name: array.tolist() for name, array in arrays.items()}
    return answer


@pytest.mark.parametrize("name", PUBLIC)
def test_a_worker_answers_as_a_workspace_in_this_process(opened, name):
    for arguments in CALLS[name]:
        here, there = (comparable(outcome(each, name, arguments)) for each in opened)
        assert_alike(there, here)
        assert type(there) is type(here)


def test_a_worker_goes_on_from_what_was_known_without_it(make_pool):
    workspace = RemoteWorkspace(make_pool(), FirstLook(RecordingFile(PATH, is_ours=True)))
    workspace.open_example("digits-cnn")
    workspace.sample_rows(2.0)
    shown = list(range(9))
    known = workspace.sample_strip(shown, 0), workspace.layers(0), workspace.answer(0)
    assert not workspace.is_live
    assert workspace.layers(1)

    assert workspace.is_live
    # That which is right has its mark as before.
    assert_alike((workspace.sample_strip(shown, 0), workspace.layers(0), workspace.answer(0)), known)
    assert workspace.sample_strip(shown, 1).alt


@pytest.mark.parametrize("name", ["open_example", "open_model", "take_files", "take_noise"])
def test_what_was_opened_is_what_is_looked_at(opened, name):
    for workspace in opened:
        outcome(workspace, name, CALLS[name][0])
        if name == "open_model":
            workspace.take_noise(2, 1)
    here, there = opened

    assert there.model == here.model
    assert there.sample_names == here.sample_names
    assert there.layers(1) == here.layers(1)
    assert there.answer(1) == here.answer(1)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("open_example", ("no-such",)),
        ("open_model", (b"this is no model", "broken.keras")),
        ("open_model", (b"", "empty.h5")),
        ("take_text", ("a text for a model of pictures",)),
        ("take_files", ({"image": [("broken.npy", b"no array")]},)),
        ("chart_file", ("conv_1", "no-such", {}, 0, "png")),
        ("chart_file", ("conv_1", "unit-lines", {}, 0, "png")),
        ("activation_file", ("nowhere", 0, "npy")),
        ("describe", ("nowhere", 0)),
        ("layers", (5_000,)),
    ],
)
def test_an_error_comes_back_as_what_it_was(opened, name, arguments):
    here, there = (outcome(each, name, arguments) for each in opened)
    assert here[0] is not LayerscopeError
    assert here[1]["message"]
    assert there == here


def test_a_workspace_in_which_nothing_is_open_says_so(visitor):
    here, there = Workspace(), visitor()

    assert there.model is here.model is None
    assert there.sample_names == ()
    assert outcome(there, "layers", (0,)) == outcome(here, "layers", (0,))


def test_a_plugin_that_fails_comes_with_its_traceback(opened):
    for workspace in opened:
        workspace.open_model(keras_file("Harmless"), "harmless.keras")
        workspace.take_noise(2, 0)
    here, there = (each.chart("harmless", "reads-the-host", {}, 0) for each in opened)

    assert here.failure is None
    assert "PermissionError" in there.failure.message
    assert "PermissionError" in there.failure.traceback
    assert (there.failure.package, there.failure.version) == ("layerscope-trouble", "1.2")


def test_progress_is_told_while_samples_are_run(visitor):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    told = []
    workspace.answer(0, lambda fraction, text: told.append((fraction, text)))

    assert told[-1] == (1.0, "90 of 90 samples")
    assert [fraction for fraction, _ in told] == sorted({fraction for fraction, _ in told})


def test_a_page_may_ask_for_what_is_public_only(opened):
    _, there = opened
    for name in ("_model", "_take", "__class_getitem__", "no_such", "os"):
        with pytest.raises(AttributeError):
            getattr(there, name)


def test_names_of_classes_and_what_labels_are_outlive_a_worker(visitor):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    workspace.set_class_names([f"the digit {number}" for number in range(10)])
    workspace.set_label_role("unused")
    before = workspace.answer(0)
    workspace.close()

    assert workspace.answer(0) == before
    assert before.best.startswith("the digit ")
    assert (before.right, workspace.labelling.role) == (None, "unused")
