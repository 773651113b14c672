"""Draws the pictures of layers for one visitor's samples, and keeps the last ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from core.analysis.layer_dataset import FEATURES_KEPT, LayerDataset
from core.analysis.other_model import OtherModel
from core.charts.export import ChartFormat, chart_file
from core.charts.specifications import UNIT_LINK
from core.common.cache import OnceCache
from core.common.progress import Progress
from core.errors import PluginFailed
from core.extraction.activation import Activation
from core.extraction.blocks import SampleBlocks
from core.inputs.datasets import Dataset
from core.plugins.declarations import chart_arguments
from core.plugins.drawing import Drawing, no_chart
from core.plugins.options import describe_options
from core.plugins.registry import Registry
from core.plugins.visualizer import Visualizer
from core.workspace.export import NotebookSamples, code_for
from core.workspace.results import ChartPicture, ChartResult, Failure, PanelPicture

__all__ = ["UNIT_NAMES", "ChartRequest", "LayerCharts", "SecondModel", "chart_result", "failed_chart"]

UNIT_NAMES: Final = frozenset({"unit", "channel"})
"""What a layer calls its last axis, and a visualizer its option for one of that."""
_CHARTS_KEPT: Final = 64
_DRAWINGS_KEPT: Final = 4
"""A drawing holds the data of its charts a second time; who saves one as a file saves what was drawn last."""


@dataclass(frozen=True)
class SecondModel:
    """The model that a picture may compare with.

    Attributes:
        key: Tells it from others.
        open: Returns it; called for a picture that asks for it.
        code: A line of Python that leaves it, or its path, behind as ``other``.
    """

    key: str
    open: Callable[[], OtherModel]
    code: str


@dataclass(frozen=True)
class ChartRequest:
    """Which chart is asked for.

    Attributes:
        layer: Key of the layer.
        visualizer: Name of the visualizer.
        sample: Which of all samples.
        options: Option values by name; a ``sample`` option always follows ``sample``.
        second_model: What may be compared with; None where there is nothing.
    """

    layer: str
    visualizer: str
    sample: int
    options: Mapping[str, Any] = field(default_factory=dict)
    second_model: SecondModel | None = None


@dataclass(frozen=True)
class _ResolvedChart:
    """What a request means for the samples that are run.

    Attributes:
        request: Which chart was asked for.
        visualizer: What draws.
        version: How often it was loaded before.
        activation: What it draws, with what it needs of it.
        options: Option values by name, with the sample's position in the activation.
    """

    request: ChartRequest
    visualizer: Visualizer
    version: int
    activation: Activation
    options: Mapping[str, Any]

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells the chart from others."""
        options = repr(sorted(self.options.items()))
        second = self.second_model.key if self.second_model else ""
        return (self.activation.context.first, self.request.layer, self.visualizer.name, self.version, options, second)

    @property
    def second_model(self) -> SecondModel | None:
        """What it compares with, if it asks for that."""
        return self.request.second_model if "other_model" in self.arguments else None

    @property
    def arguments(self) -> frozenset[str]:
        """What the visualizer asks for beside the activation and its options."""
        return frozenset(chart_arguments(self.visualizer))


class LayerCharts:
    """The pictures of one set of samples; each is drawn with what its visualizer asks for: the pass, the model.

    Args:
        registry: Where the visualizers come from.
        blocks: The blocks of the samples.
        dataset: All of the samples.
    """

    def __init__(self, registry: Registry, blocks: SampleBlocks, dataset: Dataset) -> None:
        self._registry = registry
        self._blocks = blocks
        self._dataset = dataset
        self._results: OnceCache[ChartResult] = OnceCache(_CHARTS_KEPT)
        self._drawings: OnceCache[Drawing] = OnceCache(_DRAWINGS_KEPT)
        self._features: OnceCache[Any] = OnceCache(FEATURES_KEPT)

    def draw(self, request: ChartRequest) -> Drawing:
        """Draw a layer, or return what was drawn just before, by the same version of the visualizer.

        Raises:
            PluginFailed: If the visualizer fails.
        """
        return self._drawing(self._resolve(request), None)

    def draw_anew(self, request: ChartRequest, progress: Progress | None = None) -> Drawing:
        """Draw a layer whatever was drawn before, and keep nothing of it: for who draws it in another way.

        Args:
            request: Which chart.
            progress: Called by a visualizer that says how far it is.

        Raises:
            PluginFailed: If the visualizer fails.
        """
        return self._draw(self._resolve(request), progress)

    def file(self, request: ChartRequest, kind: ChartFormat) -> bytes:
        """Return the drawing of a layer as a file, see :meth:`draw`.

        Raises:
            PluginFailed: If the visualizer fails, or has nothing to draw.
        """
        drawing = self.draw(request)
        if drawing.panel:
            raise no_chart(self._registry.get(request.visualizer))
        if drawing.refusal:
            raise PluginFailed(drawing.refusal, plugin=request.visualizer)
        return chart_file(drawing.specification, kind)

    def result(self, request: ChartRequest, progress: Progress | None = None) -> ChartResult:
        """Draw a layer as a page shows it, see :meth:`draw`; what fails comes back as a failure.

        What was drawn before, by the same version of the visualizer, is not drawn again.

        Args:
            request: Which chart.
            progress: Called by a visualizer that says how far it is.
        """
        try:
            chart = self._resolve(request)
            return self._results.get(chart.key, lambda: self._draw_result(chart, progress))
        except PluginFailed as error:
            return failed_chart(error)

    def code(self, request: ChartRequest, opening: str, taken_for: Mapping[str, str]) -> str:
        """Return Python that draws the same chart in a notebook.

        Args:
            request: Which chart.
            opening: Lines that leave ``model`` and ``inputs`` behind.
            taken_for: What inputs are taken for, by name, where that is not the likeliest.
        """
        chart = self._resolve(request)
        activation, options = chart.activation, dict(chart.options)
        first, count = activation.context.first, activation.shape[0]
        if "dataset" in chart.arguments:
            if "sample" in options:
                options["sample"] += first
            first, count = 0, self._dataset.sample_count
        internals = activation.part != "output" or bool(activation.internals)
        defaults = {control.name: control.default for control in describe_options(chart.visualizer, activation)}
        return code_for(
            NotebookSamples(opening, first, count, internals=internals, taken_for=taken_for),
            request.layer,
            chart.visualizer.name,
            {name: value for name, value in options.items() if defaults.get(name) != value},
            chart.second_model.code if chart.second_model else "",
        )

    def layer_dataset(self, activation: Activation) -> LayerDataset:
        """Return all samples as a layer answers them; what was run for a picture of it is not run again."""
        return LayerDataset(activation, self._dataset, self._blocks.extractor, self._features)

    def _resolve(self, request: ChartRequest) -> _ResolvedChart:
        visualizer = self._registry.get(request.visualizer)
        version = self._registry.version_of(request.visualizer)
        internals = "internals" in visualizer.needs
        activation, position = self._blocks.activation(request.layer, request.sample, with_internals=internals)
        options = {name: value for name, value in request.options.items() if name != "sample"}
        if "sample" in visualizer.Options.model_fields:
            options = {"sample": position, **options}
        return _ResolvedChart(request, visualizer, version, activation, options)

    def _drawing(self, chart: _ResolvedChart, progress: Progress | None) -> Drawing:
        return self._drawings.get(chart.key, lambda: self._draw(chart, progress))

    def _draw(self, chart: _ResolvedChart, progress: Progress | None) -> Drawing:
        activation, arguments = chart.activation, chart.arguments
        return self._registry.draw(
            chart.visualizer.name,
            activation,
            chart.options,
            activations=self._blocks.block_of(chart.request.sample)[0] if "activations" in arguments else None,
            extractor=self._blocks.extractor,
            dataset=self.layer_dataset(activation) if "dataset" in arguments else None,
            progress=progress,
            other_model=chart.second_model.open if chart.second_model else None,
        )

    def _draw_result(self, chart: _ResolvedChart, progress: Progress | None) -> ChartResult:
        started = time.perf_counter()
        drawing = self._drawing(chart, progress)
        return replace(chart_result(chart.visualizer, drawing), seconds=time.perf_counter() - started)


def chart_result(visualizer: Visualizer, drawing: Drawing) -> ChartResult:
    """Return what a visualizer drew as a page shows it."""
    heard = _heard_selections(visualizer)
    pictures = tuple(
        ChartPicture(
            picture.specification,
            picture.caption,
            tuple(name for name in picture.selections if name in heard),
            picture.alt,
        )
        for picture in drawing.pictures
    )
    drawn = drawing.panel
    panel = PanelPicture(drawn.html, drawn.description, drawn.height) if drawn else None
    faults = dict(drawing.faults)
    return ChartResult(pictures, drawing.notes, faults, drawing.refusal, panel=panel, printed=drawing.printed)


def failed_chart(error: PluginFailed) -> ChartResult:
    """Return what a page shows where a visualizer failed."""
    return ChartResult(failure=Failure(error.message, error.remedy, error.traceback, error.package, error.version))


def _heard_selections(visualizer: Visualizer) -> frozenset[str]:
    """Return the names of the selections that something comes of: those of options, and ways to a unit."""
    options = set(visualizer.Options.model_fields)
    # A layer calls its last axis one or the other, and an option for it is called either.
    either = UNIT_NAMES if options & UNIT_NAMES else set()
    return frozenset({*options, *either, UNIT_LINK})
