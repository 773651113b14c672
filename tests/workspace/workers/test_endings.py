"""A worker that is slow, greedy or gone: what the visitor is told, and that the next request works."""

import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from pydantic import ByteSize

from benchmarks.processes import is_running
from core.errors import ExtractionFailed, LayerscopeError, ModelRefused, WorkerLost
from core.workspace.pin_results import Pinned
from core.workspace.workers.sandbox import memory_in_use
from tests.workspace.workers.conftest import wait_until
from tests.workspace.workers.trouble import endless_saved_model, keras_file, large_saved_model

SECONDS = 3
GB = 1_000_000_000


class PageRunEnded(BaseException):
    """Stands for what Streamlit raises to end a run of the script in the middle."""


@pytest.fixture(scope="module")
def files(fork_server):
    """Return a function that gives the file of a class of the plugin, made once."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = keras_file(name)
        return kept[name]

    return get


@pytest.fixture
def opened(visitor, files):
    """Return a function that lets a visitor in who opens a model of one class and gives it noise."""

    def enter(name, **limits):
        workspace = visitor(**{"request_seconds": SECONDS, **limits})
        workspace.open_model(files(name), f"{name}.keras")
        workspace.take_noise(2, 0)
        return workspace

    return enter


def process_of(workspace):
    return workspace._connection.endpoint.process_id


def peak_memory(pid):
    """Return the most bytes that a process has had in memory at once."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


def works_again(workspace):
    """Assert that a visitor can go on with something else."""
    workspace.open_example("digits-cnn")
    assert workspace.answer(0).best
    assert workspace.chart("conv_1", "feature-maps", {}, 0).failure is None


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_worker_that_is_killed_is_replaced_with_the_same_things_open(visitor, end):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    workspace.take_noise(3, 5)
    before = workspace.answer(1), workspace.layers(2)
    first = process_of(workspace)
    os.kill(first, end)

    assert wait_until(lambda: not workspace._connection.endpoint.is_alive)
    assert workspace.model.name == "digits-cnn"
    assert workspace.sample_names == ("noise 0", "noise 1", "noise 2")
    assert (workspace.answer(1), workspace.layers(2)) == before
    assert process_of(workspace) != first


def test_what_an_input_is_taken_for_outlives_a_worker(visitor):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    workspace.take_input_as("image", "volume")
    workspace.take_noise(2, 0)
    before = workspace.inputs(0)
    os.kill(process_of(workspace), signal.SIGKILL)

    assert wait_until(lambda: not workspace._connection.endpoint.is_alive)
    assert workspace.inputs(0) == before
    assert [each.kind for each in workspace.model.inputs] == ["volume"]


def test_a_model_of_ones_own_is_open_again(opened):
    workspace = opened("Harmless")
    before = workspace.layers(1)
    # The request may be on its way before the worker is quite gone.
    os.kill(process_of(workspace), signal.SIGKILL)

    assert workspace.layers(1) == before
    assert workspace.model.name == "Harmless.keras"


@pytest.mark.parametrize(
    ("end", "said"),
    # The second is its own alarm clock's.
    [(signal.SIGTERM, "SIGTERM"), (signal.SIGALRM, "did not come back within the time that it had")],
)
def test_a_worker_that_is_killed_in_the_middle_of_a_request_is_told_apart(opened, end, said):
    workspace = opened("Forever", request_seconds=60)
    threading.Timer(0.5, lambda: os.kill(process_of(workspace), end)).start()
    with pytest.raises(WorkerLost, match=said):
        workspace.answer(0)
    works_again(workspace)


def test_a_request_that_takes_too_long_is_ended_and_not_tried_again(opened):
    workspace = opened("Forever")
    first = process_of(workspace)
    started = time.monotonic()
    with pytest.raises(WorkerLost, match=f"within the {SECONDS} seconds") as caught:
        workspace.answer(0)
    assert SECONDS <= time.monotonic() - started < SECONDS + 2
    assert "What is open stays open" in caught.value.remedy
    assert not is_running(first)

    started = time.monotonic()
    with pytest.raises(WorkerLost, match=f"within the {SECONDS} seconds"):
        workspace.answer(0)
    assert time.monotonic() - started < 0.1
    assert workspace.model.name == "Forever.keras"
    assert len(workspace.sample_names) == 2

    workspace.forgive()
    started = time.monotonic()
    with pytest.raises(WorkerLost):
        workspace.answer(0)
    assert time.monotonic() - started >= SECONDS


def test_what_lets_no_other_thread_run_is_ended_too(opened):
    workspace = opened("InterpreterHolder")
    with pytest.raises(WorkerLost, match=f"within the {SECONDS} seconds"):
        workspace.layers(0)
    works_again(workspace)


def test_a_model_that_never_opens_is_ended_and_not_opened_again_by_itself(visitor, files):
    workspace = visitor(request_seconds=SECONDS)
    with pytest.raises(WorkerLost, match=rf"Opening mine\.keras did not finish within the {SECONDS} seconds"):
        workspace.open_model(files("NeverOpens"), "mine.keras")
    assert workspace.model is None
    with pytest.raises(WorkerLost, match=r"Opening mine\.keras"):
        workspace.open_model(files("NeverOpens"), "mine.keras")
    works_again(workspace)


def test_a_graph_that_loops_without_end_is_ended(visitor):
    workspace = visitor(request_seconds=SECONDS)
    workspace.open_model(endless_saved_model(), "endless.zip")
    workspace.take_noise(2, 0)
    with pytest.raises(WorkerLost, match=f"within the {SECONDS} seconds"):
        workspace.answer(0)
    works_again(workspace)


def test_a_graph_that_wants_40_gigabytes_does_not_get_them(visitor):
    workspace = visitor(request_seconds=SECONDS, worker_bytes=ByteSize(2 * GB))
    workspace.open_model(large_saved_model(), "large.zip")
    workspace.take_noise(2, 0)
    most = [peak_memory(process_of(workspace))]
    # TensorFlow itself may wait for memory to become free, longer than this request may take: it is ended then.
    with (
        workspace.telling(lambda waiting: most.append(memory_in_use(process_of(workspace)) or 0)),
        pytest.raises((WorkerLost, ExtractionFailed), match=r"memory|seconds") as caught,
    ):
        workspace.answer(0)
    if caught.type is ExtractionFailed:
        most.append(peak_memory(process_of(workspace)))
    assert max(most) < 5 * GB
    works_again(workspace)


def test_who_takes_all_memory_is_told_so(opened):
    workspace = opened("Hoarder", worker_bytes=ByteSize(2 * GB), request_seconds=60)
    with pytest.raises(LayerscopeError, match="memory") as caught:
        workspace.answer(0)
    assert "fewer samples" in caught.value.remedy.lower()
    works_again(workspace)


@pytest.mark.parametrize(("name", "said"), [("Aborter", "SIGABRT"), ("Leaver", "status 3")])
def test_a_layer_that_ends_the_process_is_told_so(opened, name, said):
    workspace = opened(name)
    with pytest.raises(WorkerLost, match=f"ended the process that it ran in \\({said}\\)"):
        workspace.answer(0)
    works_again(workspace)


def test_a_model_that_ends_the_process_while_it_is_opened_leaves_the_one_before(visitor, files):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    with pytest.raises(WorkerLost, match=r"Opening bad\.keras ended the process"):
        workspace.open_model(files("AbortsAtOpening"), "bad.keras")
    assert workspace.model.name == "digits-cnn"
    assert len(workspace.sample_names) == 90
    assert workspace.answer(0).best


def test_a_model_starts_no_process_that_could_outlive_the_worker(opened):
    with pytest.raises(ExtractionFailed, match="PermissionError"):
        opened("Parent").answer(0)


def test_another_thread_can_stop_it(opened):
    workspace = opened("Forever", request_seconds=60)
    threading.Timer(0.7, workspace.stop).start()
    started = time.monotonic()
    with pytest.raises(WorkerLost, match="It was stopped"):
        workspace.answer(0)
    assert time.monotonic() - started < 5
    with pytest.raises(WorkerLost, match="It was stopped"):
        workspace.answer(0)
    works_again(workspace)


def test_stopping_when_nothing_is_worked_on_does_nothing(visitor):
    workspace = visitor()
    workspace.stop()
    workspace.open_example("digits-cnn")
    first = process_of(workspace)
    workspace.stop()

    assert workspace.answer(0).best
    assert process_of(workspace) == first


def test_a_run_is_told_only_of_what_it_waits_for_itself(opened):
    """A run that is over still waits for what it asked, and would draw into the page of the next one."""
    workspace = opened("Slow", request_seconds=30)
    told = {"first": set(), "second": set()}

    def run(name):
        with workspace.telling(lambda waiting: told[name].add(threading.get_ident())):
            workspace.answer(0)

    threads = [threading.Thread(target=run, args=(name,)) for name in told]
    for thread in threads:
        thread.start()
        time.sleep(0.3)
    for thread in threads:
        thread.join()

    assert told["first"] == {threads[0].ident}
    assert told["second"] <= {threads[1].ident}


def test_a_run_that_is_ended_in_the_middle_leaves_the_session_usable(opened):
    workspace = opened("Slow", request_seconds=30)

    def end_the_run(waiting):
        if waiting.seconds > 0.2:
            raise PageRunEnded

    workspace.tell = end_the_run
    with pytest.raises(PageRunEnded):
        workspace.answer(0)
    workspace.tell = lambda waiting: None

    assert workspace.model.name == "Slow.keras"
    assert [row.key for row in workspace.layers(0)] == ["first", "slow"]
    assert len(workspace.describe("slow", 1)) > 5


def test_a_run_that_is_ended_while_it_gets_a_worker_gives_up_its_place(make_pool, visitor):
    pool = make_pool(workers=1)
    workspace = visitor(pool)

    def end_the_run(waiting):
        raise PageRunEnded

    workspace.tell = end_the_run
    with pytest.raises(PageRunEnded):
        workspace.open_example("digits-cnn")
    # The run may have been ended while the worker started, or just after that.
    workspace.close()
    works_again(visitor(pool))


def test_a_model_whose_opening_was_left_is_not_what_is_open(visitor, files):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    before = workspace.layers(0)

    def end_the_run(waiting):
        if waiting.seconds > 0.3:
            raise PageRunEnded

    workspace.tell = end_the_run
    with pytest.raises(PageRunEnded):
        workspace.open_model(files("SlowToOpen"), "left.keras")
    workspace.tell = lambda waiting: None

    assert workspace.model.name == "digits-cnn"
    assert workspace.layers(0) == before


def test_an_input_that_was_left_is_not_what_is_looked_at(visitor):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    before = workspace.layers(0)

    def end_the_run(waiting):
        raise PageRunEnded

    workspace.tell = end_the_run
    with pytest.raises(PageRunEnded):
        workspace.take_noise(500_000, 0)
    workspace.tell = lambda waiting: None

    assert len(workspace.sample_names) == 90
    assert workspace.layers(0) == before


def test_what_was_refused_leaves_what_was_open_after_the_worker_is_gone(visitor):
    workspace = visitor()
    workspace.open_example("digits-cnn")
    with pytest.raises(ModelRefused):
        workspace.open_model(b"no model", "broken.keras")
    os.kill(process_of(workspace), signal.SIGKILL)

    assert workspace.model.name == "digits-cnn"
    assert workspace.answer(0).best


@pytest.mark.parametrize("picture", ["never-returns", "aborts", "hoards", "holds-the-interpreter"])
def test_a_picture_that_does_not_come_back_is_a_failure_in_its_place(opened, picture):
    workspace = opened("Harmless", worker_bytes=ByteSize(2 * GB))
    result = workspace.chart("harmless", picture, {}, 0)

    assert result.pictures == ()
    assert result.failure.message
    assert result.failure.remedy
    # Python takes memory back when a picture asks for too much, so that one does not end the process.
    assert result.failure.can_be_tried_again or picture == "hoards"
    assert workspace.chart("harmless", "quiet", {}, 0).failure is None
    assert workspace.chart("harmless", "histogram", {}, 0).failure is None
    started = time.monotonic()
    again = workspace.chart("harmless", picture, {}, 0)
    assert again.failure.message == result.failure.message
    assert time.monotonic() - started < 1 or picture == "hoards"


def test_a_picture_that_does_not_come_back_is_a_failure_beside_a_pin_too(opened):
    workspace = opened("Harmless")
    pair = workspace.side_by_side("harmless", "aborts", {}, 0, Pinned(sample=1))

    assert "“aborts” of harmless" in pair.first.failure.message
    started = time.monotonic()
    assert workspace.side_by_side("harmless", "aborts", {}, 0, Pinned(sample=1)) == pair
    assert time.monotonic() - started < 1
    assert workspace.side_by_side("harmless", "quiet", {}, 0, Pinned(sample=1)).difference.pictures


def test_a_view_has_everything_but_the_picture_that_does_not_come_back(opened):
    workspace = opened("Harmless")
    view = workspace.layer_view("harmless", "aborts", {"bins": 3}, 0)

    assert "“aborts” of harmless" in view.chart.failure.message
    assert view.chart.failure.can_be_tried_again
    assert {"aborts", "quiet", "histogram"} <= {visualizer.name for visualizer in view.visualizers}
    assert view.description
    started = time.monotonic()
    # What another picture is drawn with makes it no other request.
    again = workspace.layer_view("harmless", "aborts", {"bins": 5}, 0)
    assert again == view
    assert workspace.chart("harmless", "aborts", {}, 0) == view.chart
    assert time.monotonic() - started < 1
    assert workspace.layer_view("harmless", "quiet", {}, 0).chart.failure is None


@pytest.mark.parametrize("name", ["SendsPickle", "SendsNonsense", "SendsLength", "SendsHalf"])
def test_a_worker_that_was_taken_over_is_not_believed(opened, fork_server, name):
    workspace = opened(name)
    with pytest.raises(WorkerLost):
        workspace.answer(0)
    assert not (fork_server / "marker").exists()
    works_again(workspace)
