"""Whether a picture keeps something of each drawing, which fills the memory of whoever looks at many."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Final

import numpy as np
from altair.utils import schemapi

from core.common.text import format_bytes
from core.extraction.activation import Activation
from core.plugins.deadlines import Deadline
from core.plugins.declarations import chart_arguments
from core.plugins.drawing import ChartContext, ContentCache, call_chart
from core.plugins.options import fit_options
from core.plugins.panels import drawing_method
from core.plugins.testing.cases import Case, cases_of
from core.plugins.testing.checks import meanings_that_ship, raise_failures
from core.plugins.testing.results import CheckResult, failure
from core.plugins.visualizer import Visualizer

__all__ = ["MEMORY", "check_memory", "run_memory_check"]

MEMORY: Final = "memory"
"""Name of the check; it is none of those that each picture goes through, as it takes seconds."""

_DRAWINGS: Final = 200
_FEWEST: Final = 40
_SECONDS: Final = 15.0
"""What takes longer is drawn less often, :data:`_FEWEST` times at least."""
_LEAST_BYTES: Final = 300
"""Of one drawing: less is what Python and Altair keep for themselves while their caches fill."""
_LEAST_SHARE: Final = 0.5
"""Of what the first half keeps: what grows steadily keeps as much in the second, a cache that fills does not."""


def check_memory(visualizer: Visualizer) -> None:
    """Draw a picture 200 times, each time of other values, and see whether memory grows with each drawing.

    What Python and NumPy reserve is seen, and what TensorFlow holds is not. What grows in the first hundred drawings
    and no more, such as a cache of a fixed size, is no failure. A picture that is slow is drawn less often.

    Args:
        visualizer: The picture.

    Raises:
        AssertionError: If it does; the message says how much is kept of each drawing.
    """
    raise_failures(visualizer, (run_memory_check(visualizer),))


def run_memory_check(visualizer: Visualizer) -> CheckResult:
    """Return whether memory grows with each drawing of a picture, see :func:`check_memory`."""
    case = next(cases_of(visualizer), None)
    if case is None:
        return CheckResult(MEMORY, False, message="no layer suits it, so it could not be drawn")
    try:
        first, second, half = _bytes_kept(visualizer, case)
    except Exception as error:
        return failure(MEMORY, case.name, "", error, visualizer, drawing_method(visualizer))
    if second / half < _LEAST_BYTES or second < _LEAST_SHARE * first:
        return CheckResult(MEMORY, True, tried=2 * half)
    message = (
        f"it keeps {format_bytes(second // half)} of each drawing: memory grew by {format_bytes(first)} while it was "
        f"drawn {half} times, and by {format_bytes(second)} in the next {half}; keep nothing in a list, a dict or "
        "an attribute that outlives the drawing, or ask for cache"
    )
    return CheckResult(MEMORY, False, message=message, tried=2 * half)


def _bytes_kept(visualizer: Visualizer, case: Case) -> tuple[int, int, int]:
    """Return what two halves of the drawings kept, and how many drawings a half is."""
    numbers = count()
    draw = partial(_draw, visualizer, case, ContentCache().of(visualizer.name))
    with schemapi.debug_mode(False), _traced():
        # What is imported and filled once, is not what is looked for.
        draw(next(numbers))
        started = time.process_time()
        draw(next(numbers))
        seconds = max(time.process_time() - started, 1e-4)
        half = min(_DRAWINGS, max(_FEWEST, int(_SECONDS / seconds))) // 2
        held = [_traced_bytes()]
        for _ in range(2):
            for _ in range(half):
                draw(next(numbers))
            held.append(_traced_bytes())
    return held[1] - held[0], held[2] - held[1], half


def _draw(visualizer: Visualizer, case: Case, cache: object, number: int) -> None:
    # Other values each time, in memory of their own: what is kept by what was drawn is not the same then.
    activation: Activation = case.activation.mapped(partial(_varied, number=number))
    asked = chart_arguments(visualizer) if case.kind else {}
    extractor = case.extractor if "extractor" in asked else None
    context = ChartContext(extractor=extractor, meanings=meanings_that_ship())
    options = fit_options(visualizer, activation, {}).options
    call_chart(visualizer, activation, options, context, cache, Deadline(float("inf")))  # type: ignore[arg-type]


def _varied(values: np.ndarray, number: int) -> np.ndarray:
    return values * values.dtype.type(1 + number / 1_000) if values.dtype.kind == "f" else values.copy()


@contextmanager
def _traced() -> Iterator[None]:
    is_traced = tracemalloc.is_tracing()
    if not is_traced:
        tracemalloc.start()
    try:
        yield
    finally:
        if not is_traced:
            tracemalloc.stop()


def _traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
