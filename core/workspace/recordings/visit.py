"""What a visitor would look at: the questions that a page asks for some layers and samples, asked one after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from core.common.progress import Progress
from core.errors import InputRejected
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_rows import row_of
from core.workspace.recordings.recorder import Recorder
from core.workspace.results import InputView, LayerView, ModelSummary, VisualizerSummary
from core.workspace.sample_windows import MOST_WRONG, sample_window, thumbnail_count
from core.workspace.workers.request import Request

__all__ = ["PICTURES", "Visit", "visit"]

PICTURES: Final = ("first", "groups", "all")
"""Which pictures of a layer are drawn: the one that suits best, the best of each group, or all that suit."""
_MOST_LAYERS: Final = 24


@dataclass(frozen=True)
class Visit:
    """What is looked at.

    Attributes:
        samples: Numbers of samples.
        layers: Keys of layers; empty takes all, of a large model as many as can be looked at.
        pictures: One of :data:`PICTURES`.
        has_reports: Whether the pages that are about all samples are looked at too: health, units, comparisons.
    """

    samples: Sequence[int] = (0, 1, 2)
    layers: Sequence[str] = ()
    pictures: str = "groups"
    has_reports: bool = True


def visit(recorder: Recorder, what: Visit, progress: Progress | None = None) -> None:
    """Ask for what a page shows.

    Args:
        recorder: Keeps the answers.
        what: What is looked at.
        progress: Called with how much is done.

    Raises:
        InputRejected: If there is no such sample or layer.
        ExtractionFailed: If the model raises.
    """
    model: ModelSummary = recorder.ask(Request("model"))
    names: Sequence[str] = recorder.ask(Request("sample_names"))
    if missing := [sample for sample in what.samples if not 0 <= sample < len(names)]:
        raise InputRejected(f"There is no sample {missing[0]:,}.", remedy=f"There are samples 0 to {len(names) - 1:,}.")
    recorder.ask(Request.of(WorkspaceInterface.sample_rows, math.inf))
    rows: Any = ()
    for sample in what.samples:
        views, rows = _look_at_sample(recorder, sample)
        count = thumbnail_count(views)
        shown = sample_window(range(len(names)), sample, count)
        recorder.attempt(Request.of(WorkspaceInterface.sample_strip, shown, sample))
    layers = _layers(what, model, [row.key for row in rows if not row.missing])
    if unknown := [layer for layer in layers if row_of(rows, layer) is None]:
        raise InputRejected(
            f"There is no layer {unknown[0]!r}.", remedy="`layerscope inspect MODEL` lists the layers of a model."
        )
    steps = list(product(what.samples, layers))
    for number, (sample, layer) in enumerate(steps):
        if progress:
            progress(number / len(steps), layer)
        _look_at_layer(recorder, layer, sample, what)
    if what.has_reports:
        _look_at_reports(recorder, what, layers)


def _layers(what: Visit, model: ModelSummary, present: Sequence[str]) -> Sequence[str]:
    if what.layers:
        return what.layers
    if len(present) <= _MOST_LAYERS:
        return present
    step = (len(present) - 1) / (_MOST_LAYERS - 1)
    chosen = {present[round(number * step)] for number in range(_MOST_LAYERS)} | {model.featured_layer}
    return [key for key in present if key in chosen]


def _look_at_sample(recorder: Recorder, sample: int) -> tuple[Sequence[InputView], Any]:
    recorder.ask(Request.of(WorkspaceInterface.answer, sample))
    views: Sequence[InputView] = recorder.ask(Request.of(WorkspaceInterface.inputs, sample))
    return views, recorder.ask(Request.of(WorkspaceInterface.layers, sample))


def _look_at_layer(recorder: Recorder, layer: str, sample: int, what: Visit) -> None:
    view: LayerView | None = recorder.attempt(Request.of(WorkspaceInterface.layer_view, layer, "", {}, sample))
    recorder.attempt(Request.of(WorkspaceInterface.map, sample, layer, {}))
    if view is None:
        return
    for picture in _pictures(view.visualizers, what.pictures)[1:]:
        recorder.attempt(Request.of(WorkspaceInterface.chart, layer, picture.name, {}, sample))
    if what.has_reports:
        card = recorder.attempt(Request.of(WorkspaceInterface.unit_card, layer, None, sample))
        if card is None or card.reason:
            return
        # The page of a unit says in its address which one it is of, and asks for that when it is drawn again.
        recorder.attempt(Request.of(WorkspaceInterface.unit_card, layer, card.unit, sample))
        for picture in card.pictures:
            options = picture.values_of({"@unit": card.unit})
            recorder.attempt(Request.of(WorkspaceInterface.chart, layer, picture.name, options, sample))


def _pictures(visualizers: Sequence[VisualizerSummary], which: str) -> Sequence[VisualizerSummary]:
    if which == "first":
        return visualizers[:1]
    if which == "all":
        return visualizers
    # The first of all is the best of its group.
    return list({each.group: each for each in reversed(visualizers)}.values())[::-1]


def _look_at_reports(recorder: Recorder, what: Visit, layers: Sequence[str]) -> None:
    health = recorder.attempt(Request.of(WorkspaceInterface.health))
    wrong = [each.number for each in health.wrong[:MOST_WRONG]] if health else []
    for sample in what.samples if wrong else ():
        recorder.attempt(Request.of(WorkspaceInterface.sample_strip, wrong, sample))
    for layer in layers:
        recorder.attempt(Request.of(WorkspaceInterface.class_means, layer))
    # The page compares with the first of the others.
    for first in what.samples:
        second = next((each for each in sorted(what.samples) if each != first), None)
        if second is not None:
            recorder.attempt(Request.of(WorkspaceInterface.compare_samples, first, second))
            for layer in layers:
                recorder.attempt(Request.of(WorkspaceInterface.compared_layer, layer, first, second))
