"""A report on disk: the page, and its numbers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.common.text import safe_name
from core.errors import InputRejected
from core.report.choices import ReportChoices
from core.report.conditions import Condition, Verdict, failures, judge
from core.report.making import make_report
from core.report.numbers import ReportNumbers, numbers_as_json, numbers_of
from core.report.page import page_of
from core.workspace.interface import WorkspaceInterface

__all__ = ["WrittenReport", "check_target", "write_report"]

_ENDINGS = (".html", ".htm")


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        path: The page.
        json_path: Its numbers; None where nobody asked for them.
        numbers: The numbers.
        verdicts: What came of each condition.
    """

    path: Path
    json_path: Path | None
    numbers: ReportNumbers
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether no condition failed, and each could be checked."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def failures(self) -> tuple[str, ...]:
        """A line for each condition that failed or could not be checked."""
        return tuple(failures(self.verdicts))


def check_target(path: Path) -> None:
    """Refuse a path that no report can be written to, before anything is run.

    Raises:
        InputRejected: If it does not end as a page does, is a folder, or lies in a folder that is not there.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise InputRejected(
            f"A report is a page, and '{safe_name(path.name)}' is not called like one.", remedy="Let it end in .html."
        )
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputRejected(
            f"The report cannot be written to '{safe_name(path)}'.",
            remedy="Give a file in a folder that is there.",
        )


def write_report(
    workspace: WorkspaceInterface,
    path: Path,
    choices: ReportChoices,
    *,
    conditions: Sequence[Condition] = (),
    with_json: bool = False,
) -> WrittenReport:
    """Write a report of what is open, and its numbers as JSON beside it where somebody asks for them.

    Args:
        workspace: With a model open and samples for it, and a second model where both are to be compared.
        path: Where the page goes; the numbers have its name with the ending ``.json``.
        choices: What goes into it.
        conditions: When it fails. With any, the numbers are written too.
        with_json: Whether the numbers are written.

    Raises:
        InputRejected: If nothing is open, something chosen is not there, or the path is no place for a page.
        ExtractionFailed: If the model raises.
        OSError: If it cannot be written.
    """
    check_target(path)
    numbers = numbers_of(workspace, choices.data)
    verdicts = tuple(judge(condition, numbers) for condition in conditions)
    page = page_of(make_report(workspace, choices, verdicts))
    path.write_text(page, encoding="utf-8")
    json_path = path.with_suffix(".json") if with_json or conditions else None
    written = WrittenReport(path, json_path, numbers, verdicts)
    if json_path is not None:
        told = [asdict(verdict) for verdict in verdicts]
        json_path.write_text(numbers_as_json(numbers, told, written.passed) + "\n", encoding="utf-8")
    return written
