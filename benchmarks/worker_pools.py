"""The pools that ``benchmarks.workers`` compares, each in its shortest form, and what it asks of them.

A pool gives each visitor a session: one process that keeps what the visitor has open. None of them is imported before
it is used.
"""

from __future__ import annotations

import importlib
import itertools
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol

__all__ = ["POOLS", "Pool", "Session", "Task", "chart", "never_return", "open_digits", "open_model", "ready"]

CHART_BYTES: Final = 300_000
PRELOADED: Final = ["tensorflow", "keras", "altair", "core.workspace.workspace"]

Task = Callable[[], Any]


class Session(Protocol):
    """One visitor's process."""

    def ask(self, task: Task) -> Any:
        """Return what the task returns in this visitor's process; raise if the process is lost."""

    def end(self) -> None:
        """End the process whatever it does; the next task gets a new one."""


class Pool(Protocol):
    """Where the processes come from."""

    def session(self) -> Session:
        """Return a session whose process starts with the first task at the latest."""

    def close(self) -> None:
        """End everything."""


# What is asked of every process.


@cache
def workspace() -> Any:
    """Return the Workspace of this process."""
    from core.workspace.workspace import Workspace

    return Workspace()


def ready() -> int:
    """Import what a worker needs; return the number of the process."""
    for name in PRELOADED:
        importlib.import_module(name)
    return os.getpid()


def open_digits() -> int:
    """Open the digits example and run it once."""
    workspace().open_example("digits-cnn")
    workspace().answer(0)
    return os.getpid()


def open_model() -> tuple[int, bool]:
    """Return the number of the process, and whether its visitor's model is open in it."""
    return os.getpid(), bool(workspace.cache_info().currsize and workspace().model)


def chart() -> dict[str, Any]:
    """Return something as large as a chart."""
    size = len(json.dumps(_row(0)))
    return {"data": [_row(number) for number in range(CHART_BYTES // size)], "mark": "bar"}


def _row(number: int) -> dict[str, float]:
    return {"unit": 1000 + number, "value": (1000 + number) / 7e4}


def never_return() -> None:
    """Work without end in C, holding the interpreter's lock, as a model can."""
    sum(itertools.repeat(0))


# The pools, each in its shortest form.


def _forkserver(*more: str) -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *more])
    return context


@dataclass
class StandardLibrary:
    """Python's multiprocessing: a process and a pipe per visitor."""

    context: Any

    def session(self) -> Session:
        return PipeSession(self.context)

    def close(self) -> None:
        pass  # The processes are daemons: they end with this one.


@dataclass
class PipeSession:
    """A process that is asked through a pipe, and started when there is none."""

    context: Any
    process: Any = None
    pipe: Any = None

    def ask(self, task: Task) -> Any:
        if self.process is None:
            self.pipe, theirs = self.context.Pipe()
            self.process = self.context.Process(target=_serve, args=(theirs,), daemon=True)
            self.process.start()
            theirs.close()
        try:
            self.pipe.send(task)
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process = None
            raise

    def end(self) -> None:
        self.process.kill()


def _serve(pipe: Any) -> None:
    while True:
        pipe.send(pipe.recv()())


@dataclass
class Loky:
    """An executor per visitor, since one lost process breaks a whole executor."""

    context: Any

    def session(self) -> Session:
        return LokySession(self.context)

    def close(self) -> None:
        pass  # Executors end with the interpreter.


@dataclass
class LokySession:
    """An executor of one process, made when there is none."""

    context: Any
    executor: Any = None

    def ask(self, task: Task) -> Any:
        if self.executor is None:
            executors = importlib.import_module("loky.process_executor")
            self.executor = executors.ProcessPoolExecutor(max_workers=1, context=self.context)
        try:
            return self.executor.submit(task).result()
        except Exception:
            self.executor = None
            raise

    def end(self) -> None:
        self.executor.shutdown(wait=False, kill_workers=True)


@dataclass
class Pebble:
    """A pool per visitor, since a pool does not say which of its processes takes a task."""

    context: Any
    sessions: list[PebbleSession] = field(default_factory=list)

    def session(self) -> Session:
        pool = importlib.import_module("pebble").ProcessPool(max_workers=1, context=self.context)
        self.sessions.append(PebbleSession(pool))
        return self.sessions[-1]

    def close(self) -> None:
        for session in self.sessions:
            session.pool.stop()


@dataclass
class PebbleSession:
    """A pool of one process, which replaces it by itself."""

    pool: Any
    future: Any = None

    def ask(self, task: Task) -> Any:
        self.future = self.pool.schedule(task)
        return self.future.result()

    def end(self) -> None:
        self.future.cancel()


class Dask:
    """A cluster that grows by a named worker, with its nanny, per visitor."""

    def __init__(self) -> None:
        settings = importlib.import_module("dask.config")
        settings.set({"distributed.worker.multiprocessing-method": "forkserver"})
        # A task whose worker is lost would otherwise be tried again, three times.
        settings.set({"distributed.scheduler.allowed-failures": 0})
        importlib.import_module("distributed.utils").get_mp_context()
        # In place of the list that Dask has just set.
        _forkserver("distributed")
        self.folder = tempfile.TemporaryDirectory(prefix="layerscope-dask-", ignore_cleanup_errors=True)
        self.cluster = importlib.import_module("distributed").LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=self.folder.name,
            silence_logs="CRITICAL",
        )
        self.client = self.cluster.get_client()
        self.count = 0

    def session(self) -> Session:
        self.count += 1
        self.cluster.scale(self.count)
        # A name that is not there yet is an error.
        self.client.wait_for_workers(self.count)
        return DaskSession(self.client, self.count - 1)

    def close(self) -> None:
        self.client.close()
        self.cluster.close()
        self.folder.cleanup()


@dataclass
class DaskSession:
    """Tasks for the worker of one name, which its nanny replaces."""

    client: Any
    name: int
    future: Any = None

    def ask(self, task: Task) -> Any:
        self.future = self.client.submit(task, workers=[self.name], pure=False)
        return self.future.result()

    def end(self) -> None:
        self.future.cancel(force=True)
        workers = self.client.scheduler_info(n_workers=-1)["workers"].items()
        self.client.restart_workers([address for address, worker in workers if worker["name"] == self.name])


class Ray:
    """An actor per visitor."""

    def __init__(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        self.ray = importlib.import_module("ray")
        self.ray.init(
            _node_ip_address="127.0.0.1",
            num_cpus=os.cpu_count(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level="CRITICAL",
            object_store_memory=100_000_000,
        )
        self.actor = self.ray.remote(num_cpus=0, max_restarts=-1)(Actor)

    def session(self) -> Session:
        return RaySession(self.ray, self.actor.remote())

    def close(self) -> None:
        self.ray.shutdown()


class Actor:
    """What Ray keeps alive."""

    def run(self, task: Task) -> Any:
        """Run a task in the actor's process."""
        return task()


@dataclass
class RaySession:
    """Calls of an actor, which Ray replaces."""

    ray: Any
    actor: Any

    def ask(self, task: Task) -> Any:
        return self.ray.get(self.actor.run.remote(task))

    def end(self) -> None:
        self.ray.kill(self.actor, no_restart=False)


POOLS: Final[dict[str, tuple[str, Callable[[], Pool]]]] = {
    "forkserver": ("", lambda: StandardLibrary(_forkserver())),
    "spawn": ("", lambda: StandardLibrary(multiprocessing.get_context("spawn"))),
    "loky": ("loky", lambda: Loky(None)),
    "loky, forkserver": ("loky", lambda: Loky(_forkserver())),
    "pebble, forkserver": ("pebble", lambda: Pebble(_forkserver())),
    "dask, forkserver": ("distributed", Dask),
    "ray": ("ray", Ray),
}
"""Each pool by name: the package that it needs, and how it is made."""
