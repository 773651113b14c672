"""A recorded training behind the walls: copied to the worker, read on while it is written, there again in the next."""

import pytest

from core.common.limits import get_limits
from core.errors import InputRejected
from core.plugins.registry import Registry
from core.workspace.marks import RunPart
from core.workspace.workers.remote import RemoteWorkspace
from core.workspace.workers.run_copies import bring_run
from core.workspace.workspace import Workspace
from tests.support.recorded_runs import RecordedRun


@pytest.fixture
def pool(fork_server, small_limits):
    from core.workspace.workers.pool import WorkerPool

    pool = WorkerPool(small_limits(request_seconds=60))
    yield pool
    pool.close()


def values(workspace):
    return workspace.activation_file("conv", 0, "npy")


def test_a_worker_goes_through_a_training_that_is_still_written(pool, tmp_path):
    recorded = RecordedRun(tmp_path / "shapes.layerscope").add(0, 10)
    remote, here = RemoteWorkspace(pool), Workspace(Registry())
    opened = remote.open_run(str(recorded.folder))
    assert (opened.name, opened.step, opened.step_count) == ("shapes.layerscope", 0, 2)

    recorded.add(20, 30, 40, is_complete=True)
    now = remote.refresh_run()
    assert (now.step_count, now.kept_steps, now.is_complete) == (5, (0, 20, 40), True)

    here.open_run(str(recorded.folder))
    for step in (20, 0, 40):
        assert remote.go_to_step(step).name == here.go_to_step(step).name
        assert values(remote) == values(here)
    assert remote.run_charts("mean", "conv") == here.run_charts("mean", "conv")
    asked = ("conv", "answers", "similarity-over-training", {}, 0)
    mine, theirs = remote.run_layer(*asked), here.run_layer(*asked)
    assert (mine.description, mine.parts, mine.visualizers) == (theirs.description, theirs.parts, theirs.visualizers)
    assert mine.chart.pictures


def test_the_next_worker_is_at_the_same_step_with_the_same_samples_and_second_run(pool, tmp_path):
    recorded = RecordedRun(tmp_path / "one").add(0, 10, 20)
    other = RecordedRun(tmp_path / "two", sign=-1.0).add(0, 10)
    remote = RemoteWorkspace(pool)
    remote.open_run(str(recorded.folder))
    remote.set_second_run(str(other.folder))
    remote.go_to_step(0)
    remote.take_noise(2, 3)
    before = values(remote), remote.run_charts("mean")
    remote.close()

    assert (values(remote), remote.run_charts("mean")) == before
    assert remote.run.step == 0
    assert remote.second_run.name == "two"
    assert len(remote.sample_names) == 2


def test_a_path_is_not_opened_where_the_server_opens_none(fork_server, small_limits, tmp_path):
    from core.workspace.workers.pool import WorkerPool

    recorded = RecordedRun(tmp_path / "run").add(0)
    pool = WorkerPool(small_limits(paths=False))
    try:
        with pytest.raises(InputRejected, match="opens no files by their path"):
            RemoteWorkspace(pool).open_run(str(recorded.folder))
    finally:
        pool.close()


def test_links_in_a_run_are_not_followed(tmp_path):
    recorded = RecordedRun(tmp_path / "run").add(0, 20)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"secret")
    (recorded.folder / "layers" / "link").symlink_to(tmp_path / "secret" / "file")
    (recorded.folder / "more").symlink_to(tmp_path / "secret")
    (recorded.folder / "weights" / "40").symlink_to(tmp_path / "secret")
    target = tmp_path / "copy"
    for part in RunPart:
        bring_run(recorded.folder, target, part, 40, get_limits())
    copied = [path for path in target.rglob("*") if path.is_file()]

    assert copied
    assert not any(path.is_symlink() or path.read_bytes() == b"secret" for path in copied)
