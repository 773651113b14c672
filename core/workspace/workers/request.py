"""A request: what a page asks a worker for, and what that is in words."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from core.workspace.interface import declared
from core.workspace.marks import Declaration, Mark, arguments_of, declaration_of, mark_of

__all__ = ["LONGEST_WITH_PROGRESS", "KnownAnswers", "Request"]

LONGEST_WITH_PROGRESS: Final = 10
"""How many times as long as others a request may take that says how far it is, as long as it comes forward."""

_PROGRESS: Final = "progress"


@dataclass(frozen=True)
class Request:
    """What a page asks for: a method or property of the Workspace, with its arguments.

    Attributes:
        name: Name of the method or property.
        arguments: Positional arguments.
        options: Keyword arguments.
        wants_progress: Whether the method is to say how far it is.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    wants_progress: bool = False

    @classmethod
    def of(cls, declaration: Declaration, *arguments: Any, **options: Any) -> Request:
        """Return the request for a call of what is declared; a ``progress`` stays with who asks."""
        function = declaration_of(declaration)
        by_name = arguments_of(declaration, arguments, options)
        by_name.pop(_PROGRESS, None)
        return cls(function.__name__, options=by_name, wants_progress=_PROGRESS in function.__annotations__)

    @property
    def declaration(self) -> Declaration:
        """The method or property."""
        return declared(self.name)

    @property
    def mark(self) -> Mark:
        """What is known of it."""
        return mark_of(self.declaration)

    @property
    def by_name(self) -> dict[str, Any]:
        """All arguments by name."""
        return arguments_of(self.declaration, self.arguments, self.options)

    @property
    def in_words(self) -> str:
        """What it is, as the beginning of a sentence."""
        return self.mark.in_words(self.by_name)

    @property
    def identity(self) -> str:
        """What tells it from others of the same visitor."""
        return repr((self.name, _outline(self.by_name)))


class KnownAnswers(Protocol):
    """Answers that are known without asking anybody."""

    def answer(self, request: Request, opened: Sequence[Request]) -> Any:
        """Return what a question is answered with.

        Args:
            request: What is asked.
            opened: What made that which is open as it is.

        Raises:
            KeyError: If that is not known.
        """


def _outline(value: Any) -> Any:
    # Files are told apart by a checksum: they may be large, and are compared within one visitor's session only.
    if isinstance(value, bytes):
        return len(value), zlib.crc32(value)
    if isinstance(value, Mapping):
        return sorted((str(key), _outline(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return [_outline(inner) for inner in value]
    return repr(value)[:1000]
