"""The models that an agent has open: each in a worker of its own, behind the walls that hold for a visitor's model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from core.common.text import count_text, did_you_mean, list_names, safe_name
from core.errors import InputRejected
from core.workspace.workers.pending import Waiting
from core.workspace.workers.pool import WorkerPool
from core.workspace.workers.remote import RemoteWorkspace

__all__ = ["OpenModel", "OpenModels", "Tell"]

Tell = Callable[[Waiting], None]
"""Called while something is waited for; what it raises ends what is waited for."""
_LOOK_SECONDS: Final = 0.1


@dataclass(eq=False)
class OpenModel:
    """A model that is open.

    Attributes:
        name: What it is asked for by: its path, or the name of an example.
        workspace: What it is asked through.
        data: What it was given, in words; empty while it was given nothing.
        lock: Held by who asks it something.
    """

    name: str
    workspace: RemoteWorkspace
    data: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class OpenModels:
    """The models that are open; as many as there may be workers.

    Args:
        pool: Where workers come from.
        tell: Called while something is waited for.
    """

    def __init__(self, pool: WorkerPool, tell: Tell) -> None:
        self._pool = pool
        self._tell = tell
        self._models: dict[str, OpenModel] = {}
        self._changing = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, the one that was asked last at the end."""
        return tuple(self._models)

    def take(self, name: str) -> OpenModel:
        """Return the model of a name, or a place for it in which nothing is open yet.

        Raises:
            InputRejected: If as many are open as there may be.
        """
        with self._changing:
            if name not in self._models:
                most = self._pool.capacity
                if len(self._models) >= most:
                    raise InputRejected(
                        f"{count_text(most, 'model')} can be open at once, and {list_names(self._models)} "
                        f"{'is' if most == 1 else 'are'}.",
                        remedy="Close one with close_model. LAYERSCOPE_WORKERS says how many there may be.",
                    )
                self._models[name] = OpenModel(name, RemoteWorkspace(self._pool))
            return self._models[name]

    def get(self, name: str) -> OpenModel:
        """Return the model of a name; without a name the one that was opened or asked last.

        Raises:
            InputRejected: If none of that name is open, or none at all.
        """
        with self._changing:
            if not self._models:
                raise InputRejected("No model is open.", remedy="Open one with open_model.")
            name = name or next(reversed(self._models))
            if name not in self._models:
                raise InputRejected(
                    f"No model '{safe_name(name)}' is open{did_you_mean(name, self._models)}",
                    remedy=f"Open it with open_model. Open are: {list_names(self._models)}.",
                )
            self._models[name] = self._models.pop(name)
            return self._models[name]

    @contextmanager
    def asking(self, model: OpenModel) -> Iterator[RemoteWorkspace]:
        """Give the model's workspace to nobody else within the block; what ended a worker before may be tried again."""
        started = time.monotonic()
        while not model.lock.acquire(timeout=_LOOK_SECONDS):
            self._tell(Waiting(time.monotonic() - started))
        workspace = model.workspace

        def tell(waiting: Waiting) -> None:
            try:
                self._tell(waiting)
            except BaseException:
                # Nobody waits for it any more: it must not go on, nor must the next question wait for it.
                workspace.stop()
                raise

        try:
            workspace.forgive()
            with workspace.telling(tell):
                yield workspace
        finally:
            model.lock.release()
            if self._models.get(model.name) is not model:
                # It was closed between two questions, the second of which has opened it again.
                workspace.close()

    def drop(self, model: OpenModel) -> None:
        """Close a model and end its worker, whatever that is at."""
        with self._changing:
            self._models.pop(model.name, None)
        model.workspace.close()

    def close_all(self) -> None:
        """Close all models, and end the workers that are kept ready."""
        for model in tuple(self._models.values()):
            self.drop(model)
        self._pool.close()
