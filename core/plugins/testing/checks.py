"""Checks that every visualizer must pass, ours and strangers' alike."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from altair.utils.schemapi import SchemaValidationError

from core.analysis.other_model import other_model_of
from core.errors import PluginFailed
from core.extraction.activation import Activation
from core.plugins.declarations import chart_arguments
from core.plugins.drawing import Drawing
from core.plugins.meaning_registry import MeaningRegistry
from core.plugins.meanings import OutputMeaning
from core.plugins.readers import InputReader
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.testing.cases import Case, cases_of
from core.plugins.testing.models import small_extractor
from core.plugins.visualizer import Visualizer

__all__ = [
    "CHECKS",
    "CheckResult",
    "check_of",
    "check_visualizer",
    "imports_streamlit",
    "raise_failures",
    "run_checks",
    "why_it_does_not_render",
]

CHECKS: Final[Mapping[str, str]] = {
    "declaration": "It can be registered: everything that it declares is sound.",
    "explains itself": "It has a title, a first docstring line, how to read it, and its limitations.",
    "no Streamlit": "Its module does not import Streamlit: a picture works in a notebook and on the command line too.",
    "handles": "It handles a layer that there is.",
    "draws": "It raises nothing, whatever the values are; what cannot be drawn is refused with a reason.",
    "valid": "Its charts are valid Vega-Lite.",
    "budget": "It stays within the limits of time, rows and bytes.",
    "renders": "Vega draws its charts without an error.",
    "repeatable": "The same activation and options give the same charts.",
    "unchanged": "The activation is what it was before.",
    "not empty": "It draws each layer that it handles as it is recorded, instead of refusing it.",
}
"""What is checked, by name; the names are part of the API."""


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        name: One of :data:`CHECKS`.
        passed: Whether it did.
        case: What it was tried on, such as ``"NaN"``; empty where that does not matter.
        layer: The layer that it was tried on, such as ``"LSTM (3×6×8)"``.
        message: What went wrong; empty if nothing did.
    """

    name: str
    passed: bool
    case: str = ""
    layer: str = ""
    message: str = ""

    def in_words(self) -> str:
        """Return one line."""
        where = " of ".join(filter(None, (self.case, self.layer)))
        return f"[{self.name}] {f'{where}: ' if where else ''}{self.message or CHECKS[self.name]}"


def check_visualizer(visualizer: Visualizer) -> None:
    """Check a visualizer over all that it claims to handle, see :data:`CHECKS` and :data:`vizplugins.testing.CASES`.

    Raises:
        AssertionError: If a check fails; the message lists each that does, on what, and why.
    """
    raise_failures(visualizer, run_checks(visualizer))


def raise_failures(brought: Visualizer | OutputMeaning | InputReader, results: Iterable[CheckResult]) -> None:
    """Raise an ``AssertionError`` that lists each check that a picture or meaning fails; return if it fails none."""
    failed = [result.in_words() for result in results if not result.passed]
    name = getattr(brought, "name", "") or type(brought).__name__
    if failed:
        # Raised, not asserted: pytest would write the list out a second time.
        raise AssertionError(f"{name} fails {len(failed)} checks:\n" + "\n".join(failed))


def run_checks(visualizer: Visualizer) -> tuple[CheckResult, ...]:
    """Check a visualizer; return each failure, and one result for each check that passed throughout."""
    failures = tuple(_failures(visualizer))
    failed = {each.name for each in failures}
    return (*failures, *(CheckResult(name, True) for name in CHECKS if name not in failed))


@cache
def _meanings_that_ship() -> MeaningRegistry:
    """Return what a visualizer asks that draws outputs as what they mean."""
    return Registry(settings=PluginSettings(enabled=False)).meanings


def _failures(visualizer: Visualizer) -> Iterator[CheckResult]:
    registry = Registry(discover=False)
    registry.meanings = _meanings_that_ship()
    if not registry.register(visualizer):
        problem = registry.problems[-1]
        yield CheckResult("declaration", False, message=problem.in_words)
        return
    yield from _explanation(visualizer)
    if imports_streamlit(visualizer):
        yield CheckResult("no Streamlit", False, message="import streamlit; the page draws what chart() returns")
    cases = 0
    for case in cases_of(visualizer):
        cases += 1
        yield from _try(registry, visualizer, case)
    if not cases:
        yield CheckResult("handles", False, message=f"no layer suits it: {visualizer.handles.in_words()}")


def _explanation(visualizer: Visualizer) -> Iterator[CheckResult]:
    parts: dict[str, Callable[[], str]] = {
        "a docstring whose first line stands above the chart": visualizer.summary,
        "how_to_read": lambda: visualizer.how_to_read,
        "limitations": lambda: visualizer.limitations,
    }
    for what, text in parts.items():
        if not text().strip():
            yield CheckResult("explains itself", False, message=f"it has no {what}")


def imports_streamlit(brought: Visualizer | OutputMeaning | InputReader) -> bool:
    """Return whether the module of a picture or meaning imports Streamlit."""
    module = inspect.getmodule(type(brought))
    try:
        source = inspect.getsource(module) if module else ""
    except (OSError, TypeError):
        return False
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return "streamlit" in names


def _try(registry: Registry, visualizer: Visualizer, case: Case) -> Iterator[CheckResult]:
    def failed(name: str, message: str) -> CheckResult:
        shape = "×".join(map(str, case.activation.shape))
        return CheckResult(name, False, case.name, f"{case.activation.layer.type_name} ({shape})", message)

    asked = chart_arguments(visualizer) if case.kind else {}
    extractor = small_extractor(case.kind) if "extractor" in asked else None
    # On one layer with a second model, on the others without: there need not be one.
    other = other_model_of(small_extractor(case.kind)) if "other_model" in asked and case.is_first else None
    other_model = None if other is None else lambda: other
    before = _fingerprint(case.activation)
    try:
        drawing, again = (
            registry.draw(visualizer.name, case.activation, case.options, extractor=extractor, other_model=other_model)
            for _ in range(2)
        )
    except PluginFailed as error:
        yield failed(check_of(error.__cause__), error.message)
        return
    if _fingerprint(case.activation) != before:
        yield failed("unchanged", "the values are not what they were before it drew")
    if _content(drawing) != _content(again):
        yield failed(
            "repeatable", "drawn twice, it is not the same; give random numbers a seed, and a chart a fixed name"
        )
    if drawing.refusal:
        if case.name == "as recorded":
            yield failed("not empty", f"it refuses: {drawing.refusal}")
        return
    # The slow part: once per layer, and every case of the first.
    if case.is_first or case.name == "as recorded":
        faults = (why_it_does_not_render(each.specification) for each in drawing.pictures)
        if fault := next(filter(None, faults), ""):
            yield failed("renders", fault)


def check_of(cause: BaseException | None) -> str:
    """Return which check fails where drawing raised: what is drawn may be invalid, too much, or not drawn at all."""
    if isinstance(cause, SchemaValidationError):
        return "valid"
    if isinstance(cause, TimeoutError):
        return "budget"
    last = inspect.getinnerframes(cause.__traceback__)[-1] if cause is not None and cause.__traceback__ else None
    in_drawing = last is not None and last.filename.endswith(("drawing.py", "meaning_registry.py"))
    return "budget" if in_drawing and isinstance(cause, ValueError) else "draws"


def _fingerprint(activation: Activation) -> tuple[bytes, ...]:
    parts = (activation, *activation.inputs, *activation.internals.values())
    return tuple(part.values.tobytes() for part in parts)


def _content(drawing: Drawing) -> Any:
    return (
        drawing.refusal,
        drawing.panel,
        json.dumps([each.specification for each in drawing.pictures], default=str, sort_keys=True),
    )


def why_it_does_not_render(specification: Mapping[str, Any]) -> str:
    """Return why Vega cannot draw a chart; empty if it can."""
    import vl_convert

    try:
        vl_convert.vegalite_to_svg(dict(specification))
    except ValueError as error:
        return str(error).strip().partition("\n")[0]
    return ""
