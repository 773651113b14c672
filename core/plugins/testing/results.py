"""How checks ended: each failure by itself with its place in the author's file, and equal ones told together."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.plugins.declarations import place_of
from core.plugins.plugin import Problem

__all__ = ["CheckResult", "FailureGroup", "concluded", "equal_failures", "failure", "problem_failure", "whereabouts"]

_LONGEST: Final = 400
"""Characters of a message that stand in one line; an invalid chart is explained in many lines."""


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        name: What was checked, such as one of :data:`vizplugins.testing.CHECKS`.
        passed: Whether it did.
        case: What it was tried on, such as ``"NaN"``; empty where that does not matter.
        layer: The layer that it was tried on, such as ``"LSTM (3×6×8)"``.
        message: What went wrong; empty if nothing did.
        error: The class of what was raised, such as ``"KeyError"``; empty if nothing was.
        place: The line in the author's file that led to it, ``"power.py:12"`` with the file's whole path; empty if
            unknown.
        traceback: Of what was raised; empty if nothing was.
        tried: In how many cases this was checked.
    """

    name: str
    passed: bool
    case: str = ""
    layer: str = ""
    message: str = ""
    error: str = ""
    place: str = ""
    traceback: str = ""
    tried: int = 0

    @property
    def on_what(self) -> str:
        """Case and layer; empty where that does not matter."""
        return " of ".join(filter(None, (self.case, self.layer)))

    def in_words(self) -> str:
        """Return one line."""
        where = f"{self.on_what}: " if self.on_what else ""
        return f"[{self.name}] {where}{_in_one_line(self.message)}{_in_brackets(self.place)}"


@dataclass(frozen=True)
class FailureGroup:
    """Failures that are the same: of one check, raised as one kind of error in one line, or with the same message.

    Attributes:
        example: The first of them.
        count: How many there are.
    """

    example: CheckResult
    count: int

    def in_words(self) -> str:
        """Return one line: what fails, where in the author's file, in how many cases, and in which for example."""
        one = self.example
        if self.count == 1:
            return one.in_words()
        message = f"{_in_one_line(one.message)}{_in_brackets(one.place)}"
        return f"[{one.name}] {message} in {self.count} of {one.tried} cases, e.g. {one.on_what}"


def equal_failures(results: Iterable[CheckResult]) -> tuple[FailureGroup, ...]:
    """Return what failed, the same failures together, in the order in which the first of each came up."""
    groups: dict[tuple[str, ...], FailureGroup] = {}
    for result in results:
        if not result.passed:
            # A message may name the number that was too much; the line that raised it is the same.
            key = (result.name, *((result.error, result.place) if result.place else ("", result.message)))
            group = groups.get(key)
            groups[key] = FailureGroup(group.example if group else result, group.count + 1 if group else 1)
    return tuple(groups.values())


def concluded(
    failures: Iterable[CheckResult], tried: Mapping[str, int], names: Iterable[str]
) -> tuple[CheckResult, ...]:
    """Return each failure, and one result for each check that was reached and passed throughout.

    Args:
        failures: What failed.
        tried: In how many cases each check was reached.
        names: Of all checks; of one that was never reached there is no result.
    """
    counted = [replace(each, tried=tried[each.name]) for each in failures]
    failed = {each.name for each in counted}
    passed = [CheckResult(name, True, tried=tried[name]) for name in names if name not in failed and tried[name]]
    return (*counted, *passed)


def failure(name: str, case: str, layer: str, error: BaseException, brought: Any, method: Any) -> CheckResult:
    """Return the failure of a check by what a plugin raised.

    Args:
        name: The check.
        case: What it was tried on.
        layer: The layer that it was tried on.
        error: What was raised.
        brought: The picture or meaning.
        method: The function of it that was called: what is named where nothing of the author's raised it.
    """
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    lines = "".join(traceback.format_exception(error))
    place = _place_in(brought, error) or _written(*place_of(getattr(method, "__func__", method)))
    return CheckResult(name, False, case, layer, message, type(error).__name__, place, lines)


def problem_failure(name: str, problem: Problem, case: str = "", layer: str = "", message: str = "") -> CheckResult:
    """Return the failure of a check by what was noted of a plugin.

    Args:
        name: The check.
        problem: What was noted.
        case: What it was tried on.
        layer: The layer that it was tried on.
        message: What to say in the place of the problem's own message.
    """
    place = _written(problem.file, problem.line)
    return CheckResult(name, False, case, layer, message or problem.message, "", place, problem.traceback)


def whereabouts(problem: Problem) -> str:
    """Return what was noted of a plugin in one line, with file and line."""
    return f"{_in_one_line(problem.message)}{_in_brackets(_written(problem.file, problem.line))}"


def _place_in(brought: Any, error: BaseException) -> str:
    """Return the last line of the author's own that led to an error; empty if none did."""
    module = inspect.getmodule(type(brought))
    try:
        own = Path(inspect.getsourcefile(type(brought)) or "").resolve()
    except TypeError:
        return ""
    package = sys.modules.get(module.__name__.partition(".")[0]) if module and module.__package__ else None
    folder = own.parent if package is not None and hasattr(package, "__path__") else None
    # What was interrupted since it took too long stands in the interruption's own traceback.
    told = error.__cause__ if isinstance(error, TimeoutError) and error.__cause__ else error
    for frame in reversed(traceback.extract_tb(told.__traceback__)):
        path = Path(frame.filename).resolve()
        if path == own or (folder is not None and folder in path.parents):
            return _written(frame.filename, frame.lineno or 0)
    return ""


def _written(file: str, line: int) -> str:
    return f"{file}:{line}" if file and line else file


def _in_brackets(place: str) -> str:
    if not place:
        return ""
    try:
        return f" ({Path(place).relative_to(Path.cwd())})"
    except ValueError:
        return f" ({place})"


def _in_one_line(message: str) -> str:
    words = " ".join(message.split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"
