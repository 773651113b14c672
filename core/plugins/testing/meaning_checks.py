"""Checks that every meaning of outputs must pass, ours and strangers' alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from core.errors import PluginFailed
from core.plugins.meaning_registry import DrawnAnswer
from core.plugins.meanings import ANSWER_HEIGHT, OutputContext, OutputMeaning
from core.plugins.registry import Registry
from core.plugins.testing.checks import (
    CHECKS,
    CheckResult,
    check_of,
    imports_streamlit,
    raise_failures,
    why_it_does_not_render,
)
from core.plugins.testing.outputs import outputs

__all__ = ["check_meaning", "run_meaning_checks"]

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
    """Check a meaning; return each failure, and one result for each check that passed throughout."""
    failures = tuple(_failures(meaning, own))
    failed = {each.name for each in failures}
    passed = (CheckResult(name, True) for name in CHECKS if name not in failed and (own or name != "handles"))
    return (*failures, *passed)


def _failures(meaning: OutputMeaning, own: Sequence[OutputContext]) -> Iterator[CheckResult]:
    registry = Registry(discover=False)
    if not registry.register(meaning):
        yield CheckResult("declaration", False, message=registry.problems[-1].in_words)
        return
    if not meaning.summary().strip():
        yield CheckResult("explains itself", False, message="it has no docstring whose first line says what it is")
    if not meaning.takes.strip():
        yield CheckResult("explains itself", False, message="it has no takes, which says what outputs it is for")
    if imports_streamlit(meaning):
        yield CheckResult("no Streamlit", False, message="import streamlit; the page draws what answer() returns")
    for case, output in outputs().items():
        yield from _try(registry, meaning, case, output)
    for number, output in enumerate(own):
        yield from _try(registry, meaning, f"output {number} of yours", output, must_match=True)


def _try(
    registry: Registry, meaning: OutputMeaning, case: str, output: OutputContext, *, must_match: bool = False
) -> Iterator[CheckResult]:
    def failed(name: str, message: str) -> CheckResult:
        return CheckResult(name, False, case, "×".join(map(str, output.shape)), message)

    meanings = registry.meanings
    (candidate,) = meanings.candidates(output)
    if fault := meanings.fault_of(meaning.name):
        yield failed("draws", fault)
        return
    if not candidate.score:
        if must_match:
            yield failed("handles", f"it does not match: {candidate.reason}")
        return
    try:
        pairs = [[meanings.answer(meaning.name, output, height) for _ in range(2)] for height in _HEIGHTS]
        meanings.losses(meaning.name, [output])
    except PluginFailed as error:
        yield failed(check_of(error.__cause__), error.message)
        return
    for drawn, again in pairs:
        if _content(drawn) != _content(again):
            yield failed("repeatable", "asked twice, it does not answer the same; give random numbers a seed")
        if drawn.specification and (fault := why_it_does_not_render(drawn.specification)):
            yield failed("renders", fault)


def _content(drawn: DrawnAnswer) -> Any:
    return replace(drawn.answer, chart=None).__dict__, json.dumps(drawn.specification, default=str, sort_keys=True)
