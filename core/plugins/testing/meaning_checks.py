"""Checks that every meaning of outputs must pass, ours and strangers' alike."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from core.common.text import format_shape
from core.errors import PluginFailed
from core.plugins.meaning_registry import DrawnAnswer
from core.plugins.meanings import ANSWER_HEIGHT, OutputContext, OutputMeaning
from core.plugins.registry import Registry
from core.plugins.testing.checks import (
    CHECKS,
    check_of,
    explanation_faults,
    raise_failures,
    registration_failure,
    why_it_does_not_render,
)
from core.plugins.testing.outputs import outputs
from core.plugins.testing.results import CheckResult, concluded, failure, problem_failure

__all__ = ["MEANING_CHECKS", "check_meaning", "run_meaning_checks"]

MEANING_CHECKS: Final = tuple(name for name in CHECKS if name != "handles")
"""What is checked of a meaning, by name; with outputs of yours whether it handles them, too."""

_HEIGHTS: Final = (ANSWER_HEIGHT, 400)
"""Of the strip above the layers, and of where an answer is looked at large."""


def check_meaning(meaning: OutputMeaning, *own: OutputContext) -> None:
    """Check a meaning over outputs of every kind, see :data:`vizplugins.testing.OUTPUTS`, and over some of your own.

    What it does not match is passed over; what it matches it has to answer, in the strip and large.

    Args:
        meaning: The meaning.
        own: Outputs that it has to match.

    Raises:
        AssertionError: If a check fails; the message lists each that does, on what, and why.
    """
    raise_failures(meaning, run_meaning_checks(meaning, own))


def run_meaning_checks(meaning: OutputMeaning, own: Sequence[OutputContext] = ()) -> tuple[CheckResult, ...]:
    """Check a meaning; return each failure, and one result for each check that was reached and passed throughout."""
    tried: Counter[str] = Counter()
    failures = tuple(_failures(meaning, own, tried))
    return concluded(failures, tried, CHECKS)


def _failures(meaning: OutputMeaning, own: Sequence[OutputContext], tried: Counter[str]) -> Iterator[CheckResult]:
    registry = Registry(discover=False)
    tried["declaration"] += 1
    if fault := registration_failure(registry, meaning):
        yield fault
        return
    yield from explanation_faults(meaning, "what outputs it is for", "draws what answer() returns", tried)
    for case, output in outputs().items():
        yield from _try(registry, meaning, case, output, tried)
    for number, output in enumerate(own):
        tried["handles"] += 1
        yield from _try(registry, meaning, f"output {number} of yours", output, tried, must_match=True)


def _try(
    registry: Registry,
    meaning: OutputMeaning,
    case: str,
    output: OutputContext,
    tried: Counter[str],
    *,
    must_match: bool = False,
) -> Iterator[CheckResult]:
    shape = format_shape(output.shape)

    def failed(name: str, message: str) -> CheckResult:
        return CheckResult(name, False, case, shape, message)

    meanings = registry.meanings
    (candidate,) = meanings.candidates(output)
    if fault := meanings.fault_of(meaning.name):
        tried["draws"] += 1
        yield problem_failure("draws", registry.problems[-1], case, shape, fault)
        return
    if not candidate.score:
        if must_match:
            yield failed("handles", f"it does not match: {candidate.reason}")
        return
    tried["draws"] += 1
    try:
        pairs = [[meanings.answer(meaning.name, output, height) for _ in range(2)] for height in _HEIGHTS]
        meanings.losses(meaning.name, [output])
    except PluginFailed as error:
        name = check_of(error.__cause__)
        tried[name] += name != "draws"
        if error.__cause__ is None:
            yield failed(name, error.message)
        else:
            yield failure(name, case, shape, error.__cause__, meaning, type(meaning).answer)
        return
    tried.update(("budget", "repeatable", "unchanged", "not empty"))
    for drawn, again in pairs:
        tried.update(("valid", "renders") if drawn.specification else ())
        for name, message in _answer_faults(drawn, again):
            yield failed(name, message)


def _answer_faults(drawn: DrawnAnswer, again: DrawnAnswer) -> Iterator[tuple[str, str]]:
    if _content(drawn) != _content(again):
        yield "repeatable", "asked twice, it does not answer the same; give random numbers a seed"
    if drawn.specification and (fault := why_it_does_not_render(drawn.specification)):
        yield "renders", fault


def _content(drawn: DrawnAnswer) -> Any:
    return replace(drawn.answer, chart=None).__dict__, json.dumps(drawn.specification, default=str, sort_keys=True)
