"""What a page asks about the layers: the table and the map, and one layer with the pictures that suit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from core.charts.validation import specification_of
from core.common.cache import OnceCache
from core.extraction.activation import Activation
from core.extraction.blocks import SampleBlocks
from core.extraction.layers import owner_of
from core.plugins.registry import Registry
from core.workspace import visualizer_list
from core.workspace.activation_results import ActivationSummary
from core.workspace.activation_summaries import summarize_activation
from core.workspace.layer_rows import opened_layers
from core.workspace.layer_table import describe_activation, layer_row
from core.workspace.model_map import model_map
from core.workspace.results import LayerRow, LayerView, PartSummary, Rejection, VisualizerSummary

__all__ = ["LayerViews"]

_TABLES_KEPT: Final = 64


class LayerViews:
    """Views of the layers for one set of samples.

    Args:
        registry: Where the visualizers come from.
        blocks: The blocks of the samples.
        sample_count: How many samples there are.
        inputs: Names of the model's inputs.
    """

    def __init__(self, registry: Registry, blocks: SampleBlocks, sample_count: int, inputs: Sequence[str]) -> None:
        self._registry = registry
        self._blocks = blocks
        self._sample_count = sample_count
        self._inputs = inputs
        self._tables: OnceCache[tuple[LayerRow, ...]] = OnceCache(_TABLES_KEPT)

    def rows(self, sample: int) -> tuple[LayerRow, ...]:
        """Return a row per layer, see :meth:`.WorkspaceInterface.layers`."""
        block, position = self._blocks.block_of(sample)

        def make() -> tuple[LayerRow, ...]:
            sizes = [self._blocks.cost(layer.key) for layer in block.layers]
            totals = [None if size is None else size * self._sample_count for size in sizes]
            return tuple(
                layer_row(layer, number, block.get(layer.key), position, total)
                for number, (layer, total) in enumerate(zip(block.layers, totals, strict=True), start=1)
            )

        return self._tables.get(sample, make)

    def map(self, sample: int, selected: str, changes: Mapping[str, float] = MappingProxyType({})) -> dict[str, Any]:
        """Return the graph of layers, see :meth:`.WorkspaceInterface.map`."""
        rows = self.rows(sample)
        return specification_of(model_map(rows, self._inputs, selected, opened_layers(rows, selected), changes))

    def describe(self, layer: str, sample: int) -> str:
        """Return a layer's line."""
        return describe_activation(self._activation(layer, sample))

    def summarize(self, layer: str, sample: int, unit_count: int) -> ActivationSummary:
        """Return what a layer answers to a sample in numbers, see :meth:`.WorkspaceInterface.activation_summary`."""
        return summarize_activation(*self._blocks.activation(layer, sample), unit_count)

    def parts(self, layer: str, sample: int) -> tuple[PartSummary, ...]:
        """Return what can be looked at of a layer."""
        block, _ = self._blocks.block_of(sample)
        return visualizer_list.parts_of(owner_of(layer, block.layers))

    def visualizers(self, layer: str, sample: int) -> tuple[VisualizerSummary, ...]:
        """Return the pictures that suit a layer, the best first."""
        return self._offer(layer, sample).suited

    def rejections(self, layer: str, sample: int) -> tuple[Rejection, ...]:
        """Return the pictures that do not suit a layer."""
        return visualizer_list.rejected(self._registry, self._activation(layer, sample))

    def view(self, layer: str, sample: int) -> LayerView:
        """Return everything about one layer but the chart."""
        suited, unavailable = self._offer(layer, sample)
        return LayerView(self.describe(layer, sample), self.parts(layer, sample), suited, unavailable=unavailable)

    def _offer(self, layer: str, sample: int) -> visualizer_list.Offer:
        self._registry.refresh()
        return visualizer_list.offer(self._registry, self._activation(layer, sample))

    def _activation(self, layer: str, sample: int) -> Activation:
        return self._blocks.activation(layer, sample)[0]
