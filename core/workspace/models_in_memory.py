"""What a page asks of a workspace about models that somebody has in memory and shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from core.errors import InputRejected
from core.inputs.files import Samples
from core.workspace.open_model import OpenModel
from core.workspace.results import ModelSummary, ShownSummary
from core.workspace.shown_models import ShownModel, ShownModels

__all__ = ["ModelsInMemory"]


class ModelsInMemory(ABC):
    """The part of :class:`core.workspace.workspace.Workspace` that opens models which this process shows."""

    _shown: ShownModels
    _shown_model: ShownModel | None
    _other: OpenModel | None
    _lock: Any

    @abstractmethod
    def _require_model(self) -> OpenModel: ...

    @abstractmethod
    def _start_with(self, opened: OpenModel) -> None: ...

    @abstractmethod
    def _take(self, samples: Samples, class_names: tuple[str, ...] = ()) -> None: ...

    def shown_models(self) -> tuple[ShownSummary, ...]:
        """Return the models that are shown; none where nobody called :func:`layerscope.show`."""
        return self._shown.summaries

    def open_shown(self, name: str) -> ModelSummary:
        """Open a model that is shown, with the samples that came with it.

        Raises:
            InputRejected: If none is shown under that name.
        """
        entry = self._shown.get(name)
        with self._lock:
            self._start_with(entry.opened)
            self._shown_model = entry
            if entry.samples is not None:
                self._take(entry.samples)
        return entry.opened.summary

    def take_shown_samples(self) -> None:
        """Use the samples that came with the model that is open.

        Raises:
            InputRejected: If none did.
        """
        entry = self._shown_model
        if entry is None or entry.samples is None:
            raise InputRejected(
                "No samples came with this model.",
                remedy="Give it data of your own, or noise; or show it with samples.",
            )
        self._take(entry.samples)

    def compare_with_shown(self, name: str) -> ModelSummary:
        """Take another model that is shown to compare the open one with.

        Raises:
            InputRejected: If none is shown under that name.
        """
        self._require_model()
        self._other = self._shown.get(name).opened
        return self._other.summary
