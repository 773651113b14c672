"""Marks on the declarations of what a page may ask: what a request changes, what it builds on, what it is in words.

They stand in :mod:`core.workspace.interface`; who hands requests on, such as a worker's page, reads them there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

__all__ = ["Change", "Declaration", "Mark", "RunPart", "Words", "arguments_of", "asks", "declaration_of", "mark_of"]

_MARK = "__layerscope_mark__"
Function = TypeVar("Function", bound=Callable[..., Any])
Declaration: TypeAlias = Any
"""A method or property of a class that declares what may be asked."""
Words: TypeAlias = str | Callable[[Mapping[str, Any]], str]
"""What a request is called at the beginning of a sentence, or what makes that of its arguments by name."""


class RunPart(Enum):
    """What of a recorded training is looked at beside the numbers that were recorded of each layer."""

    NUMBERS = auto()
    WEIGHTS_OF_STEP = auto()
    ANSWERS = auto()


class Change(Enum):
    """What a request changes of that which is open, in the order in which it is opened again."""

    MODEL = auto()
    STEP = auto()
    CLASS_NAMES = auto()
    LABEL_ROLE = auto()
    INPUT_KIND = auto()
    SAMPLES = auto()
    VARIANTS = auto()
    OTHER_MODEL = auto()
    SECOND_RUN = auto()


@dataclass(frozen=True)
class Mark:
    """What is known of a method before it is called.

    Attributes:
        describes: What it is in words.
        change: What it changes; None where all stays as it is.
        stands_alone: Whether it asks for nothing to be open.
        stays: Whether its answer stays the same until something is changed; only of what takes nothing but progress.
        reads_files: Whether it takes model files.
        by_path: The method that takes a path instead of files that were given together.
        reads_run: What of a run that is still written it looks at, beside the numbers of its layers: see
            :mod:`core.workspace.workers.run_copies`; None where it looks at no run.
    """

    describes: Words = "What was asked"
    change: Change | None = None
    stands_alone: bool = False
    stays: bool = False
    reads_files: bool = False
    by_path: Declaration = None
    reads_run: RunPart | None = None

    def in_words(self, arguments: Mapping[str, Any]) -> str:
        """Return what a request is called at the beginning of a sentence.

        Args:
            arguments: By name.
        """
        return self.describes if isinstance(self.describes, str) else self.describes(arguments)


def asks(
    describes: Words = Mark.describes,
    *,
    change: Change | None = None,
    stands_alone: bool = False,
    stays: bool = False,
    reads_files: bool = False,
    by_path: Declaration = None,
    reads_run: RunPart | None = None,
) -> Callable[[Function], Function]:
    """Return what marks a declaration; the arguments are those of :class:`Mark`."""
    is_alone = stands_alone or change is Change.MODEL
    mark = Mark(describes, change, is_alone, stays, reads_files, by_path, reads_run)

    def marked(function: Function) -> Function:
        setattr(function, _MARK, mark)
        return function

    return marked


def declaration_of(declared: Declaration) -> Callable[..., Any]:
    """Return the function that declares a method, or a property."""
    function: Any = declared.fget if isinstance(declared, property) else declared
    return cast("Callable[..., Any]", function)


def mark_of(declared: Declaration) -> Mark:
    """Return the mark of a declaration; an empty one where there is none."""
    mark: Mark = getattr(declaration_of(declared), _MARK, Mark())
    return mark


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def arguments_of(
    declared: Declaration, positional: tuple[Any, ...], keyword: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the arguments of a call by name, without those that were left out.

    Raises:
        TypeError: If they do not fit the declaration.
    """
    bound = _signature(declaration_of(declared)).bind(None, *positional, **(keyword or {}))
    return dict(list(bound.arguments.items())[1:])
