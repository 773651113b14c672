"""The questions of a report to the workspace: each asked once, and what is refused said in its place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from core.common.progress import Progress
from core.common.text import sentence
from core.errors import LayerscopeError
from core.report.contents import Chart, Figure, Item, Notice
from core.workspace.health_results import HealthReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.layer_rows import row_of
from core.workspace.results import (
    Answer,
    ChartPicture,
    ChartResult,
    ComparisonReport,
    LayerRow,
    LayerView,
    ModelSummary,
    SampleRow,
    SampleRows,
    VisualizerSummary,
)

__all__ = ["Asking", "charts_of", "distance_of", "figure_of", "said_in", "without_clicks"]

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")
_MOST_CHARTS: Final = 3
"""Of one picture: one that draws a chart for each of many arrays would fill the file."""


class Asking:
    """What a report asks of a workspace.

    Args:
        workspace: With a model open, and samples for it.
        progress: Called with how far the report is.

    Attributes:
        workspace: The workspace.
    """

    def __init__(self, workspace: WorkspaceInterface, progress: Progress | None = None) -> None:
        self.workspace = workspace
        self._progress = progress
        self._fraction = 0.0
        self._views: dict[tuple[str, int], LayerView] = {}

    def tell(self, fraction: float, what: str) -> None:
        """Say how far the report is, and what is being done."""
        self._fraction = fraction
        if self._progress is not None:
            self._progress(fraction, what)

    @cached_property
    def model(self) -> ModelSummary:
        """The model that is open."""
        model = self.workspace.model
        if model is None:
            raise LayerscopeError("No model is open.", remedy="Open one first.")
        return model

    @cached_property
    def health(self) -> HealthReport:
        """What is wrong with the layers over all samples."""
        return self.workspace.health(self.within)

    @cached_property
    def rows(self) -> SampleRows:
        """A row per sample, all of them run."""
        return self.workspace.sample_rows(math.inf, self.within)

    @cached_property
    def layers(self) -> Sequence[LayerRow]:
        """A row per layer, for the first sample."""
        return self.workspace.layers(0)

    @cached_property
    def answering_layer(self) -> str:
        """Key of the layer that the model answers with: the one called as its output, or else the last."""
        named = row_of(self.layers, self.model.main_output)
        if named is not None and not named.missing:
            return named.key
        return next((row.key for row in reversed(self.layers) if not row.missing), "")

    @cached_property
    def comparison(self) -> ComparisonReport | None:
        """The model against the second one; None where there is none."""
        return None if self.workspace.compared is None else self.workspace.comparison(self.within)

    def answer(self, sample: int) -> Answer:
        """Return what the model answers to a sample."""
        return self.workspace.answer(sample)

    def view(self, layer: str, sample: int) -> LayerView:
        """Return which pictures suit a layer; none of them is drawn."""
        if (layer, sample) not in self._views:
            self._views[layer, sample] = self.workspace.layer_view(layer, "", {}, sample, draw=False)
        return self._views[layer, sample]

    def picture(
        self,
        layer: str,
        picture: VisualizerSummary,
        sample: int,
        options: Mapping[str, Any] | None = None,
        title: str = "",
    ) -> Item:
        """Return a picture of a layer with how it is read; a notice where there is none.

        Args:
            layer: Key of the layer.
            picture: What is drawn.
            sample: Number of the sample.
            options: Option values by name, and what is selected, see :meth:`.VisualizerSummary.values_of`.
            title: What stands over it; empty for the title of the picture.
        """
        values = picture.values_of(options or {})
        result = self.workspace.chart(layer, picture.name, values, sample, self.within)
        return figure_of(result, picture, title or picture.title)

    def within(self, fraction: float, what: str) -> None:
        """Say what one question says of itself, which is a part of the step that the report is at."""
        if self._progress is not None:
            self._progress(self._fraction, what)


def figure_of(result: ChartResult, picture: VisualizerSummary, title: str) -> Item:
    """Return charts that were drawn as a figure; a notice where nothing was.

    Args:
        result: What was drawn, or why nothing was.
        picture: What drew it.
        title: What stands over it.
    """
    if result.failure is not None:
        return Notice(f"{title}: {sentence(result.failure.message)} {result.failure.remedy}".rstrip(), "warning")
    if result.panel is not None:
        return Notice(f"{title}: a page that its plugin draws, which the app alone shows.")
    if result.refusal or not result.pictures:
        return Notice(f"{title}: {sentence(result.refusal or 'there is nothing to draw')}")
    left_out = len(result.pictures) - _MOST_CHARTS
    more = (f"The first {_MOST_CHARTS} of {len(result.pictures):,} charts.",) if left_out > 0 else ()
    return Figure(
        charts_of(result.pictures[:_MOST_CHARTS]),
        title,
        text=without_clicks(picture.description),
        how_to_read=picture.how_to_read,
        limitations=picture.limitations,
        notes=(*result.notes, *result.faults.values(), *more),
    )


def charts_of(pictures: Sequence[ChartPicture]) -> tuple[Chart, ...]:
    """Return charts as a report has them."""
    return tuple(Chart(each.specification, each.alt, each.caption) for each in pictures)


def distance_of(row: SampleRow) -> float:
    """Return how far off an answer is, to sort by: NaN is the furthest, what is not known the nearest."""
    if row.loss is None:
        return -math.inf
    return math.inf if math.isnan(row.loss) else row.loss


def without_clicks(description: str) -> str:
    """Return what a picture is, without the sentences on what a click on it does on the page, which draws it anew."""
    return " ".join(each for each in _SENTENCE_END.split(description) if not each.startswith("Click "))


@contextmanager
def said_in(items: list[Item]) -> Iterator[None]:
    """Let what the block asks be refused: the reason is added to the items, in its place."""
    try:
        yield
    except LayerscopeError as error:
        items.append(Notice(f"{error.message} {error.remedy}".rstrip(), "warning"))
