"""Where the parts of a dataset are worked on: in this process, or on the workers of a Dask cluster that is there.

A worker gets the model's file once and the inputs of one part at a time, and needs Layerscope installed, but no disk
that is shared with anybody.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

from core.common.text import safe_name
from core.errors import ExtractionFailed, InputRejected
from core.extraction.extractor import Extractor
from core.extraction.extractors import extractor_of

__all__ = ["Engine", "EngineName", "LocalEngine", "engine_at", "saved_model"]

EngineName = Literal["local", "dask"]
Result = TypeVar("Result")
_AHEAD: Final = 2
"""Parts per worker that are under way: one is worked on while the inputs of the next arrive."""
_CONNECTING_SECONDS: Final = 10


class Engine(Protocol):
    """Works on parts and gives back the results in the order of the parts."""

    def map(self, function: Callable[..., Result], model: Any, parts: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Yield ``function(extractor, *part)`` for each part.

        Args:
            function: A function of a module of ours, which a worker imports.
            model: What an :class:`core.Extractor` is made of: a model, a path or the content of a file.
            parts: Arguments; taken from the iterable when there is a worker for them.
        """


class LocalEngine:
    """One part after another, in this process."""

    def map(self, function: Callable[..., Result], model: Any, parts: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        """Yield the results, see :meth:`Engine.map`."""
        extractor = extractor_of(model)
        for part in parts:
            yield function(extractor, *part)


class _DaskEngine:
    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise InputRejected(
                "The engine Dask is not installed.", remedy="pip install 'layerscope[dask]', here and on the workers."
            ) from error
        try:
            self._client = Client(address, timeout=_CONNECTING_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputRejected(
                f"No Dask scheduler answers at {safe_name(address)}.",
                remedy="Start one with `dask scheduler`, and give the address that it prints, such as tcp://host:8786.",
            ) from error

    def map(self, function: Callable[..., Result], model: Any, parts: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
        # As an answer, which is worked out again, from the scheduler's copy, where the last worker that has it is lost;
        # what is only scattered would be lost with that one.
        with warnings.catch_warnings():
            # Dask says that what is large is better scattered.
            warnings.filterwarnings("ignore", "Sending large graph")
            content = self._client.submit(_content, saved_model(model), pure=False)
        self._client.replicate(content)
        workers = max(len(self._client.scheduler_info()["workers"]), 1)
        under_way: deque[Any] = deque()
        try:
            for part in parts:
                under_way.append(self._client.submit(_on_worker, function, content, *part, pure=False))
                if len(under_way) >= _AHEAD * workers:
                    yield _result_of(under_way.popleft())
            while under_way:
                yield _result_of(under_way.popleft())
        finally:
            self._client.cancel(list(under_way))
            self._client.close()


def _result_of(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise ExtractionFailed(
            "A part of the dataset ended the workers that it was given to, one after another.",
            remedy="Most likely they have too little memory: try a smaller batch size, or fewer layers. What is "
            "written stays, and the same command goes on from there.",
        ) from error


def engine_at(name: EngineName, address: str = "") -> Engine:
    """Return an engine.

    Args:
        name: ``"local"``, or ``"dask"`` with an address.
        address: Of the scheduler, such as ``"tcp://host:8786"``.

    Raises:
        InputRejected: If it is not installed, or does not answer.
    """
    if name == "local":
        return LocalEngine()
    if not address:
        raise InputRejected("An engine needs an address.", remedy="Give --address, such as tcp://host:8786.")
    return _DaskEngine(address)


def saved_model(model: Any) -> bytes:
    """Return a model as the content of a file.

    Raises:
        InputRejected: If it is a folder.
    """
    if isinstance(model, bytes):
        return model
    if isinstance(model, (str, os.PathLike)):
        if Path(model).is_dir():
            raise InputRejected("A SavedModel folder cannot be sent to workers.", remedy="Pack it as a zip file.")
        return Path(model).read_bytes()
    kept = model.model if isinstance(model, Extractor) else model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        kept.save(path)
        return path.read_bytes()


def _content(model: bytes) -> bytes:
    return model


def _on_worker(function: Callable[..., Result], content: bytes, *part: Any) -> Result:
    return function(extractor_of(content), *part)
