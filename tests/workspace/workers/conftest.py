"""Workers as visitors get them: real processes, with small limits, and a plugin installed that misbehaves."""

import os
import sys
import time
from multiprocessing import forkserver

import pytest
from pydantic import ByteSize

from core.common.limits import Limits
from core.plugins import registry
from core.workspace.workers.forking import start_fork_server
from core.workspace.workers.pool import WorkerPool
from core.workspace.workers.remote import RemoteWorkspace
from tests.workspace.workers.trouble import install

SECRET = "the key of another service"


@pytest.fixture(scope="package")
def fork_server(tmp_path_factory):
    """The server that workers are forked from, with a secret in its environment and the plugin where it is found.

    It is found in this process as well, so all is as before for the tests of other folders.
    """
    folder = tmp_path_factory.mktemp("installed")
    install(folder)
    with pytest.MonkeyPatch.context() as patch:
        # Whoever ran before may have started it, with another environment.
        forkserver._forkserver._stop()
        patch.setenv("SECRET", SECRET)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.setattr(sys, "path", [*sys.path, str(folder)])
        patch.setattr(registry, "_registry", None)
        start_fork_server()
        yield folder
        forkserver._forkserver._stop()


@pytest.fixture(scope="session")
def small_limits():
    """Return a function that makes limits that are met within seconds."""

    def make(**changed):
        return Limits(**{"request_seconds": 20, "worker_bytes": ByteSize(3_000_000_000), "workers": 4, **changed})

    return make


@pytest.fixture
def make_pool(fork_server, small_limits):
    """Return a function that makes a pool, closed after the test."""
    pools = []

    def make(**limits):
        pools.append(WorkerPool(small_limits(**limits)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def visitor(make_pool):
    """Return a function that lets a visitor in: a workspace with a worker of its own behind it."""

    def enter(pool=None, **limits):
        return RemoteWorkspace(pool or make_pool(**limits))

    return enter


def wait_until(condition, seconds=10.0):
    """Wait until a condition holds; return whether it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
