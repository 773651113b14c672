"""Checks that every visualizer must pass, ours and strangers' alike."""

from __future__ import annotations

import ast
import inspect
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from altair.utils.schemapi import SchemaValidationError

from core.analysis.other_model import other_model_of
from core.common.text import count_text, format_shape
from core.errors import PluginFailed
from core.extraction.activation import Activation
from core.plugins.declarations import chart_arguments
from core.plugins.drawing import Drawing
from core.plugins.forerunners import RefusedPlugin
from core.plugins.loaders import ModelLoader
from core.plugins.meaning_registry import MeaningRegistry
from core.plugins.meanings import OutputMeaning
from core.plugins.panels import Panel, drawing_method
from core.plugins.readers import InputReader
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.testing.cases import Case, cases_of
from core.plugins.testing.models import small_extractor
from core.plugins.testing.results import CheckResult, concluded, equal_failures, failure, problem_failure
from core.plugins.visualizer import Visualizer

__all__ = [
    "CHECKS",
    "check_of",
    "check_visualizer",
    "checks_of",
    "explanation_faults",
    "meanings_that_ship",
    "raise_failures",
    "registration_failure",
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


def check_visualizer(visualizer: Visualizer) -> None:
    """Check a visualizer over all that it claims to handle, see :data:`CHECKS` and :data:`vizplugins.testing.CASES`.

    Raises:
        AssertionError: If a check fails; the message lists each that does, on what, and why.
    """
    raise_failures(visualizer, run_checks(visualizer))


def raise_failures(
    brought: Visualizer | OutputMeaning | InputReader | ModelLoader, results: Iterable[CheckResult]
) -> None:
    """Raise an ``AssertionError`` that lists each check that a picture or meaning fails; return if it fails none."""
    groups = equal_failures(results)
    name = getattr(brought, "name", "") or type(brought).__name__
    if groups:
        # Raised, not asserted: pytest would write the list out a second time.
        lines = "\n".join(group.in_words() for group in groups)
        raise AssertionError(f"{name} fails {count_text(len(groups), 'check')}:\n{lines}")


def run_checks(visualizer: Visualizer) -> tuple[CheckResult, ...]:
    """Check a visualizer.

    Returns:
        Each failure, and one result for each check that passed throughout. A check that was never reached, such as
        whether charts are valid of a picture that drew none, has no result.
    """
    tried: Counter[str] = Counter()
    failures = tuple(_failures(visualizer, tried))
    return concluded(failures, tried, CHECKS)


def checks_of(visualizer: Visualizer) -> tuple[str, ...]:
    """Return the names of the checks that there are for a visualizer; a panel has no charts to be checked."""
    of_charts = ("valid", "renders") if isinstance(visualizer, Panel) else ()
    return tuple(name for name in CHECKS if name not in of_charts)


def registration_failure(
    registry: Registry, brought: Visualizer | OutputMeaning | InputReader | ModelLoader
) -> CheckResult | None:
    """Register what is to be checked, and return what is wrong with its declarations; None if nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefusedPlugin)
        if registry.register(brought):
            return None
    return problem_failure("declaration", registry.problems[-1])


@cache
def meanings_that_ship() -> MeaningRegistry:
    """Return what a visualizer asks that draws outputs as what they mean."""
    return Registry(settings=PluginSettings(enabled=False)).meanings


def _failures(visualizer: Visualizer, tried: Counter[str]) -> Iterator[CheckResult]:
    registry = Registry(discover=False)
    registry.meanings = meanings_that_ship()
    tried["declaration"] += 1
    if fault := registration_failure(registry, visualizer):
        yield fault
        return
    tried.update(("explains itself", "no Streamlit", "handles"))
    yield from _explanation(visualizer)
    if _imports_streamlit(visualizer):
        yield CheckResult("no Streamlit", False, message="import streamlit; the page draws what chart() returns")
    for case in cases_of(visualizer):
        yield from _try(registry, visualizer, case, tried)
    if not tried["draws"]:
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


def explanation_faults(
    brought: OutputMeaning | InputReader | ModelLoader, takes: str, shown: str, tried: Counter[str]
) -> Iterator[CheckResult]:
    """Yield what is missing of what something says of itself, and that its module imports Streamlit.

    Args:
        brought: A meaning, a reader or a loader.
        takes: What its ``takes`` has to say.
        shown: What the page does in the place of its own code.
        tried: Counts what was checked.
    """
    tried.update(("explains itself", "no Streamlit"))
    if not brought.summary().strip():
        yield CheckResult("explains itself", False, message="it has no docstring whose first line says what it is")
    if not brought.takes.strip():
        yield CheckResult("explains itself", False, message=f"it has no takes, which says {takes}")
    if _imports_streamlit(brought):
        yield CheckResult("no Streamlit", False, message=f"import streamlit; the page {shown}")


def _imports_streamlit(brought: Visualizer | OutputMeaning | InputReader | ModelLoader) -> bool:
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


def _try(registry: Registry, visualizer: Visualizer, case: Case, tried: Counter[str]) -> Iterator[CheckResult]:
    layer = f"{case.activation.layer.type_name} ({format_shape(case.activation.shape)})"

    def failed(name: str, message: str) -> CheckResult:
        return CheckResult(name, False, case.name, layer, message)

    before = _fingerprint(case.activation)
    tried["draws"] += 1
    try:
        drawing, again = (_draw(registry, visualizer, case) for _ in range(2))
    except PluginFailed as error:
        name = check_of(error.__cause__)
        tried[name] += name != "draws"
        if error.__cause__ is None:
            yield failed(name, error.message)
        else:
            yield failure(name, case.name, layer, error.__cause__, visualizer, drawing_method(visualizer))
        return
    is_changed = _fingerprint(case.activation) != before
    is_other = _content(drawing) != _content(again)
    # Of what only ever refuses, nothing is known of its charts.
    tried["budget"] += not drawing.refusal
    tried["valid"] += bool(drawing.pictures)
    tried["unchanged"] += is_changed or not drawing.refusal
    tried["repeatable"] += is_other or not drawing.refusal
    if is_changed:
        yield failed("unchanged", "the values are not what they were before it drew")
    if is_other:
        yield failed(
            "repeatable", "drawn twice, it is not the same; give random numbers a seed, and a chart a fixed name"
        )
    tried["not empty"] += case.name == "as recorded"
    if drawing.refusal:
        if case.name == "as recorded":
            yield failed("not empty", f"it refuses: {drawing.refusal}")
    # The slow part: once per layer, and every case of the first.
    elif drawing.pictures and (case.is_first or case.name == "as recorded"):
        tried["renders"] += 1
        faults = (why_it_does_not_render(each.specification) for each in drawing.pictures)
        if fault := next(filter(None, faults), ""):
            yield failed("renders", fault)


def _draw(registry: Registry, visualizer: Visualizer, case: Case) -> Drawing:
    asked = chart_arguments(visualizer) if case.kind else {}
    extractor = case.extractor if "extractor" in asked else None
    # On one layer with a second model, on the others without: there need not be one.
    other = other_model_of(small_extractor(case.kind)) if "other_model" in asked and case.is_first else None
    other_model = None if other is None else lambda: other
    return registry.draw(visualizer.name, case.activation, case.options, extractor=extractor, other_model=other_model)


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
