"""What a visitor has open, as the requests that opened it: in a new worker the same is asked for again."""

from __future__ import annotations

from collections.abc import Iterator

from core.workspace.marks import Change
from core.workspace.workers.request import Request

__all__ = ["History"]


class History:
    """The requests that made what is open as it is, the last of each kind; of input kinds the last for each input."""

    def __init__(self) -> None:
        self._requests: dict[tuple[Change, str], Request] = {}

    @property
    def has_model(self) -> bool:
        """Whether a model was opened."""
        return (Change.MODEL, "") in self._requests

    @property
    def requests(self) -> tuple[Request, ...]:
        """All of them, in no order that means anything."""
        return tuple(self._requests.values())

    def last(self, change: Change) -> Request | None:
        """Return the last request that changed something; None where none did."""
        return self._requests.get((change, ""))

    def add(self, request: Request, change: Change) -> None:
        """Remember a request that was answered; with another model, all that was open before is gone."""
        if change is Change.MODEL:
            self._requests.clear()
        if change is Change.SAMPLES:
            # Variants are of the samples that were open before.
            self._requests.pop((Change.VARIANTS, ""), None)
        topic = str(request.by_name["name"]) if change is Change.INPUT_KIND else ""
        self._requests[change, topic] = request

    def before(self, request: Request) -> Iterator[Request]:
        """Return what is to be asked for in a new worker before a request, in order."""
        if request.mark.stands_alone:
            return
        for change in Change:
            # What the request replaces anyway; inputs are taken for something one by one.
            if change is not request.mark.change or change is Change.INPUT_KIND:
                yield from [earlier for (kind, _), earlier in self._requests.items() if kind is change]
