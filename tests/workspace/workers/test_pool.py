"""Who gets a worker, who waits, and that nothing of a visitor stays behind."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from benchmarks.processes import is_running, processor_seconds
from core.errors import InputRejected, ModelRefused, WorkerLost
from tests.workspace.workers.conftest import wait_until
from tests.workspace.workers.trouble import keras_file

ROOT = Path(__file__).parents[3]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which workers get theirs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def in_background():
    """Return a function that calls another on a thread; what it returns or raises is in the list that it gives."""
    threads = []

    def start(call):
        ended = []

        def run():
            try:
                ended.append(call())
            except BaseException as error:
                ended.append(error)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return ended

    yield start
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def folders_in(folder):
    return [path for path in folder.iterdir() if path.name.startswith("layerscope-worker-")]


def rests(process):
    """Return whether a process does nothing for longer than a worker waits before it opens the first example."""
    before = processor_seconds(process)
    time.sleep(1.5)
    return processor_seconds(process) - before < 0.05


def waits(workspace):
    """Note the places in line that a visitor is told."""
    places = []
    workspace.tell = lambda waiting: places.append(waiting.place_in_line)
    return places


def test_who_finds_no_room_is_told_their_place_and_gets_in_when_another_leaves(make_pool, visitor, in_background):
    pool = make_pool(workers=1)
    first, second, third = visitor(pool), visitor(pool), visitor(pool)
    first.open_example("digits-cnn")
    told_second, told_third = waits(second), waits(third)
    opened_second = in_background(lambda: second.open_example("vowels-lstm"))
    assert wait_until(lambda: told_second)
    opened_third = in_background(lambda: third.open_example("digits-dense"))
    assert wait_until(lambda: told_third)
    assert set(told_second) == {1}
    assert set(told_third) == {2}
    assert not opened_second

    first.close()
    assert wait_until(lambda: opened_second)
    assert opened_second[0].name == "vowels-lstm"
    assert wait_until(lambda: told_third[-1] == 1)
    second.close()
    assert wait_until(lambda: opened_third)
    assert opened_third[0].name == "digits-dense"
    assert third.answer(0).best


def test_who_gives_up_leaves_the_line(make_pool, visitor, in_background):
    pool = make_pool(workers=1)
    first, second, third = visitor(pool), visitor(pool), visitor(pool)
    first.open_example("digits-cnn")
    leave = threading.Event()

    def give_up(waiting):
        if leave.is_set():
            raise KeyboardInterrupt

    second.tell = give_up
    left = in_background(lambda: second.open_example("digits-cnn"))
    assert wait_until(lambda: pool._line)
    told = waits(third)
    opened = in_background(lambda: third.open_example("digits-cnn"))
    assert wait_until(lambda: told and told[-1] == 2)
    leave.set()
    assert wait_until(lambda: told[-1] == 1)
    assert isinstance(left[0], KeyboardInterrupt)
    first.close()
    assert wait_until(lambda: opened)


def test_who_does_nothing_makes_room_and_comes_back_to_what_was_open(make_pool, visitor):
    pool = make_pool(workers=1, idle_seconds=0.5)
    first, second = visitor(pool), visitor(pool)
    first.open_example("digits-cnn")
    first.take_noise(3, 1)
    rows = first.layers(1)
    second.open_example("vowels-lstm")

    assert second.answer(0).best
    time.sleep(0.6)
    assert first.layers(1) == rows
    assert first.model.name == "digits-cnn"


def test_who_is_in_the_middle_of_something_does_not_make_room(make_pool, visitor, in_background):
    pool = make_pool(workers=1, idle_seconds=0.2, request_seconds=30)
    first, second = visitor(pool), visitor(pool)
    first.open_model(keras_file("Slow"), "slow.keras")
    first.take_noise(2, 0)
    answered = in_background(lambda: first.answer(0))
    time.sleep(0.3)
    opened = in_background(lambda: second.open_example("digits-cnn"))

    assert wait_until(lambda: answered)
    assert not isinstance(answered[0], BaseException)
    assert wait_until(lambda: opened)


def test_visitors_never_see_each_others_model(make_pool, visitor, in_background):
    pool = make_pool(workers=3)
    names = ("digits-cnn", "vowels-lstm", "digits-dense")
    visitors = {name: visitor(pool) for name in names}
    seen = {name: [] for name in names}

    def look(name):
        workspace = visitors[name]
        workspace.open_example(name)
        for sample in range(10):
            keys = [row.key for row in workspace.layers(sample)]
            seen[name].append((workspace.model.name, workspace.answer(sample).best, *keys))

    ended = [in_background(lambda name=name: look(name)) for name in names]
    assert wait_until(lambda: all(ended), 60)
    assert [each[0] for each in ended] == [None] * 3
    assert {name: {each[0] for each in seen[name]} for name in names} == {name: {name} for name in names}
    assert len({worker.process_id for worker in pool.workers}) == 3
    layers = {name: {each[2:] for each in seen[name]} for name in names}
    assert all(len(each) == 1 for each in layers.values())
    assert len(set(map(frozenset, layers.values()))) == 3


def test_a_worker_is_never_handed_on(make_pool, visitor):
    pool = make_pool(workers=1)
    first = visitor(pool)
    first.open_example("digits-cnn")
    process = first._connection.endpoint.process_id
    first.close()
    second = visitor(pool)

    assert second.model is None
    second.open_example("digits-cnn")
    assert second._connection.endpoint.process_id != process


def test_nothing_stays_of_who_left(make_pool, visitor, temporary):
    pool = make_pool(workers=2)
    workspace = visitor(pool)
    workspace.open_model(keras_file("Harmless"), "mine.keras")
    process = workspace._connection.endpoint.process_id
    (folder,) = [each for each in folders_in(temporary) if each == workspace._connection.endpoint.uploads.parent]
    assert list(folder.rglob("model-*"))
    workspace.close()

    assert not folder.exists()
    assert wait_until(lambda: not is_running(process))
    assert pool.workers == ()


def test_closing_ends_all_workers_and_removes_all_folders(make_pool, visitor, temporary):
    pool = make_pool(workers=3)
    pool.start_spare()
    visitors = [visitor(pool), visitor(pool)]
    for each in visitors:
        each.open_example("digits-cnn")
    processes = [worker.process_id for worker in pool.workers]
    assert wait_until(lambda: not pool._preparing)
    pool.close()

    assert len(processes) == 2
    assert wait_until(lambda: not any(map(is_running, processes)))
    assert wait_until(lambda: not folders_in(temporary))


def test_folders_of_a_page_that_was_killed_are_removed_and_no_others(make_pool, temporary):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, used = temporary / f"layerscope-worker-{ended.pid}-x", temporary / f"layerscope-worker-{os.getpid()}-x"
    for folder in (left, used, temporary / "layerscope-worker-mine-x"):
        folder.mkdir()
        (folder / "model").write_text("x")
    make_pool()
    assert not left.exists()
    assert {path.name for path in folders_in(temporary)} == {used.name, "layerscope-worker-mine-x"}


def test_a_spare_worker_has_the_first_example_ready(make_pool, visitor):
    pool = make_pool(workers=2)

    def seconds_to_the_first_picture():
        workspace = visitor(pool)
        started = time.monotonic()
        model = workspace.open_example(workspace.examples()[0].name)
        workspace.answer(0)
        workspace.chart(model.featured_layer, "feature-maps", {}, 0)
        taken = time.monotonic() - started
        workspace.close()
        return taken

    without = seconds_to_the_first_picture()
    assert wait_until(lambda: pool._spare is not None, 30)
    assert wait_until(lambda: rests(pool._spare.process_id), 30)
    assert seconds_to_the_first_picture() < without / 2


def test_a_spare_worker_that_died_is_not_handed_out(make_pool, visitor):
    pool = make_pool(workers=2)
    pool.start_spare()
    os.kill(pool._spare.process_id, signal.SIGKILL)
    assert wait_until(lambda: not pool._spare.is_alive)

    assert visitor(pool).open_example("digits-cnn").name == "digits-cnn"


def test_a_worker_that_cannot_start_is_said_and_the_place_is_free_again(make_pool, visitor, monkeypatch):
    pool = make_pool(workers=1)
    workspace = visitor(pool)
    with monkeypatch.context() as patch:
        # No folder can be made there, so that what the worker does first fails.
        patch.setattr("core.workspace.workers.pool.serve", broken_serve)
        with pytest.raises(WorkerLost, match="could not be started"):
            workspace.open_example("digits-cnn")
    assert workspace.open_example("digits-cnn").name == "digits-cnn"


def broken_serve(*_):
    raise OSError


def test_a_file_and_a_folder_are_opened_by_their_path(visitor, tmp_path):
    import zipfile

    from tests.workspace.workers.trouble import endless_saved_model

    file = tmp_path / "my model.keras"
    file.write_bytes(keras_file())
    folder = tmp_path / "exported"
    archive = tmp_path / "exported.zip"
    archive.write_bytes(endless_saved_model())
    zipfile.ZipFile(archive).extractall(folder)
    workspace = visitor()

    assert workspace.open_model(str(file)).name == "my model.keras"
    assert workspace.open_model(file, "named.keras").name == "named.keras"
    assert workspace.open_model(str(folder)).name == "exported"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported", "exported.zip", "my model.keras"]


def test_a_path_that_is_not_there_says_so(visitor, tmp_path):
    workspace = visitor()
    with pytest.raises(ModelRefused, match=r"nowhere\.keras"):
        workspace.open_model(str(tmp_path / "nowhere.keras"))
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ModelRefused, match=r"pipe\.keras"):
        workspace.open_model(str(tmp_path / "pipe.keras"))


def test_a_link_in_a_folder_leads_nowhere(visitor, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "saved_model.pb").symlink_to(secret)
    workspace = visitor()
    with pytest.raises(ModelRefused):
        workspace.open_model(str(folder))


def test_a_server_that_opens_no_paths_says_so(visitor, tmp_path):
    path = tmp_path / "mine.keras"
    path.write_bytes(keras_file())
    workspace = visitor(paths=False)
    with pytest.raises(InputRejected, match="no files by their path") as caught:
        workspace.open_model(str(path))
    assert "Upload" in caught.value.remedy
    assert workspace.open_model(path.read_bytes(), "mine.keras").name == "mine.keras"


def test_a_file_that_is_too_large_is_not_copied(visitor, tmp_path):
    path = tmp_path / "large.keras"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    workspace = visitor(unpacked_bytes=10_000_000)
    with pytest.raises(ModelRefused, match=r"large\.keras .*10 MB"):
        workspace.open_model(str(path))


PAGE = """
import sys, threading
from core.common.limits import Limits
from core.workspace.workers.pool import WorkerPool
from core.workspace.workers.remote import RemoteWorkspace

if __name__ == "__main__":
    pool = WorkerPool(Limits(workers=3, request_seconds=3))
    visitors = [RemoteWorkspace(pool), RemoteWorkspace(pool)]
    for each in visitors:
        each.open_model(open(sys.argv[1], "rb").read(), "mine.keras")
        each.take_noise(2, 0)
    threading.Thread(target=visitors[1].chart, args=("harmless", sys.argv[2], {}, 0), daemon=True).start()
    from multiprocessing import forkserver
    print(forkserver._forkserver._forkserver_pid, *[worker.process_id for worker in pool.workers], flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("busy_with", ["never-returns", "holds-the-interpreter"])
def test_when_the_page_is_killed_its_workers_end_by_themselves(fork_server, tmp_path, busy_with):
    script, model = tmp_path / "page.py", tmp_path / "mine.keras"
    script.write_text(PAGE)
    model.write_bytes(keras_file("Harmless"))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{fork_server}", "TMPDIR": str(tmp_path)}
    page = subprocess.Popen(
        [sys.executable, str(script), str(model), busy_with],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    with page:
        processes = [int(pid) for pid in page.stdout.readline().split()]
        time.sleep(1)
        assert len(processes) == 3
        assert all(map(is_running, processes))
        page.kill()
    try:
        assert wait_until(lambda: not any(map(is_running, processes)))
    finally:
        for process in filter(is_running, processes):
            os.kill(process, signal.SIGKILL)
