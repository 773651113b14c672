"""How workers come to be: forked from a server process that has imported TensorFlow, or started afresh without fork.

This imports next to nothing, so that the fork server can start while the page is still importing what it needs.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ["process_context", "start_fork_server"]

_PROJECT: Final = Path(__file__).resolve().parents[3]


def process_context() -> Any:
    """Return the multiprocessing context to start workers with; on systems without fork each start takes seconds."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["core.workspace.workers.preload"])
    # Not on every system.
    from multiprocessing import forkserver

    with _project_on_the_path():
        forkserver.ensure_running()
    return context


def start_fork_server() -> None:
    """Start the server that workers are forked from; it imports TensorFlow in the background."""
    process_context()


@contextmanager
def _project_on_the_path() -> Iterator[None]:
    # Before Python 3.13 the fork server is not told where modules are, and says nothing when it does not find one.
    before = os.environ.get("PYTHONPATH")
    paths = dict.fromkeys([str(_PROJECT), *filter(None, (before or "").split(os.pathsep))])
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
