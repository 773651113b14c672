"""Draws the pictures of layers for one visitor's samples, and keeps the last ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from core.analysis.layer_dataset import FEATURES_KEPT, LayerDataset
from core.common.cache import OnceCache
from core.common.progress import Progress
from core.errors import PluginFailed
from core.extraction.activation import Activation
from core.extraction.blocks import SampleBlocks
from core.inputs.datasets import Dataset
from core.plugins.declarations import chart_arguments
from core.plugins.drawing import Drawing
from core.plugins.options import describe_options
from core.plugins.registry import Registry
from core.workspace.export import code_for
from core.workspace.results import ChartPicture, ChartResult, Failure

__all__ = ["LayerCharts"]

_CHARTS_KEPT: Final = 64


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
        self._kept: OnceCache[ChartResult] = OnceCache(_CHARTS_KEPT)
        self._features: OnceCache[Any] = OnceCache(FEATURES_KEPT)

    def draw(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None = None,
    ) -> Drawing:
        """Draw a layer.

        Args:
            layer: Key of the layer.
            visualizer: Name of the visualizer.
            options: Option values by name.
            sample: Which of all samples.
            progress: Called by a visualizer that says how far it is.

        Raises:
            PluginFailed: If the visualizer fails.
        """
        activation, chosen = self._resolve(layer, visualizer, options, sample)
        asks_for = chart_arguments(self._registry.get(visualizer))
        return self._registry.draw(
            visualizer,
            activation,
            chosen,
            activations=self._blocks.block_of(sample)[0] if "activations" in asks_for else None,
            extractor=self._blocks.extractor,
            dataset=self._all_samples(activation) if "dataset" in asks_for else None,
            progress=progress,
        )

    def result(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None = None,
    ) -> ChartResult:
        """Draw a layer as a page shows it, see :meth:`draw`; what fails comes back as a failure.

        What was drawn before, by the same version of the visualizer, is not drawn again.
        """
        try:
            activation, chosen = self._resolve(layer, visualizer, options, sample)
            version = self._registry.version_of(visualizer)
            key = (activation.context.first, layer, visualizer, version, repr(sorted(chosen.items())))
            return self._kept.get(key, lambda: self._draw_fresh(layer, visualizer, options, sample, progress))
        except PluginFailed as error:
            failure = Failure(error.message, error.remedy, error.traceback, error.package, error.version)
            return ChartResult(failure=failure)

    def code(
        self,
        opening: str,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        taken_for: Mapping[str, str],
    ) -> str:
        """Return Python that draws the same chart in a notebook; ``opening`` leaves ``model`` and ``inputs`` behind."""
        activation, chosen = self._resolve(layer, visualizer, options, sample)
        drawn = self._registry.get(visualizer)
        whole = "dataset" in chart_arguments(drawn)
        if whole and "sample" in chosen:
            chosen["sample"] = activation.context.first + chosen["sample"]
        defaults = {control.name: control.default for control in describe_options(drawn, activation)}
        return code_for(
            opening=opening,
            layer=layer,
            visualizer=visualizer,
            options={name: value for name, value in chosen.items() if defaults.get(name) != value},
            sample=0 if whole else activation.context.first,
            samples_taken=self._dataset.sample_count if whole else activation.shape[0],
            internals=activation.part != "output" or bool(activation.internals),
            extractor="extractor" in chart_arguments(drawn),
            taken_for=taken_for,
        )

    def _all_samples(self, activation: Activation) -> LayerDataset:
        return LayerDataset(activation, self._dataset, self._blocks.extractor, self._features)

    def _resolve(
        self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int
    ) -> tuple[Activation, dict[str, Any]]:
        """Return what a visualizer draws, with what it needs of it, and its options with the sample of the page."""
        wanted = self._registry.get(visualizer)
        activation, position = self._blocks.activation(layer, sample, with_internals="internals" in wanted.needs)
        chosen = {name: value for name, value in options.items() if name != "sample"}
        return activation, {"sample": position, **chosen} if "sample" in wanted.Options.model_fields else chosen

    def _draw_fresh(
        self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int, progress: Progress | None
    ) -> ChartResult:
        started = time.perf_counter()
        drawing = self.draw(layer, visualizer, options, sample, progress)
        names = self._registry.get(visualizer).Options.model_fields
        pictures = tuple(
            ChartPicture(each.specification, each.caption, tuple(name for name in each.selections if name in names))
            for each in drawing.pictures
        )
        seconds = time.perf_counter() - started
        return ChartResult(pictures, drawing.notes, dict(drawing.faults), drawing.refusal, seconds=seconds)
