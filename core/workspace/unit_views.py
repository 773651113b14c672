"""What a page asks about one unit: which pictures tell what it is, and which units are what somebody looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from core.analysis.health import FEWEST_SAMPLES
from core.analysis.unit_connections import makes_units
from core.analysis.unit_search import LEAST_GAP, UnitMatch, UnitQuery, parse_unit_query, units_of_classes
from core.analysis.unit_statistics import FEWEST_SAMPLES as FEWEST_TO_COMPARE
from core.analysis.unit_statistics import similar_units
from core.analysis.units import finite_answers, refuse_missing_unit, shown_unit
from core.common.progress import Progress
from core.common.text import format_shape, number_text
from core.errors import InputRejected
from core.extraction.activation import Activation
from core.extraction.blocks import SampleBlocks
from core.extraction.layers import LayerInfo, answers_classes_somewhere, is_input, unit_kind, unit_name
from core.inputs.datasets import ArrayDataset
from core.inputs.sample_context import SampleContext
from core.plugins.handles import without_units
from core.plugins.registry import Registry
from core.workspace import visualizer_list
from core.workspace.dataset_views import DatasetViews
from core.workspace.layer_charts import LayerCharts
from core.workspace.results import VisualizerSummary
from core.workspace.unit_results import UnitCard, UnitRow, UnitSearchReport

__all__ = ["UnitViews"]

_ORDER: Final = (
    "unit-map",
    "exciting-samples",
    "input-attribution",
    "similar-units",
    "unit-ablation",
    "unit-weights",
    "receptive-field",
)
"""Of the pictures on the card; those of others come after them."""
_MOST_ROWS: Final = 24
_WITHOUT_PLACES: Final = 2


class UnitViews:
    """Views of the units for one set of samples.

    Args:
        registry: Where the visualizers come from.
        blocks: What the layers answered.
        dataset: All samples.
        views: What is known of all samples at once.
        charts: The pictures, which share what was run for them.
    """

    def __init__(
        self, registry: Registry, blocks: SampleBlocks, dataset: ArrayDataset, views: DatasetViews, charts: LayerCharts
    ) -> None:
        self._registry = registry
        self._blocks = blocks
        self._dataset = dataset
        self._views = views
        self._charts = charts

    def card(self, layer: str, unit: int | None, sample: int) -> UnitCard:
        """Return what a unit is, see :meth:`.WorkspaceInterface.unit_card`."""
        activation, position = self._blocks.activation(layer, sample)
        if without_units(activation) or not activation.is_numeric or activation.part != "output":
            return UnitCard(
                layer, reason=f"{layer} answers nothing that has units: choose another layer, or its output."
            )
        self._registry.refresh()
        offer = visualizer_list.offer(self._registry, activation)
        number = shown_unit(activation, position, unit)
        context = activation.context
        is_class = answers_classes_somewhere(activation.layer, context.class_names, context.class_layer)
        return UnitCard(
            layer,
            number,
            activation.shape[-1],
            "class" if is_class else unit_kind(activation.layer),
            _name(activation.layer, number, context),
            f"{activation.layer.type_name} · {format_shape(activation.shape[1:])}",
            _answer_in_words(activation, position, number),
            tuple(sorted((each for each in offer.suited if each.on_unit_card), key=_place_on_card)),
            tuple(each for each in offer.unavailable if self._registry.get(each.name).on_unit_card),
        )

    def search(
        self, text: str, layer: str, unit: int | None, sample: int, progress: Progress | None = None
    ) -> UnitSearchReport:
        """Return units that are what a text asks for, see :meth:`.WorkspaceInterface.find_units`."""
        query = parse_unit_query(text, self._dataset.group_names)
        if query.like is not None:
            return self._alike(query, layer, unit, sample, progress)
        survey = self._views.survey(progress)
        count = self._dataset.sample_count
        if query.fault is not None:
            matches = tuple(
                UnitMatch(finding.layer, number, finding.text)
                for finding in self._views.findings(progress)
                if finding.kind == query.fault and not is_input(finding.layer)
                for number in finding.units
            )
            few = f" Of fewer than {FEWEST_SAMPLES} nothing is said." if count < FEWEST_SAMPLES else ""
            return self._report(matches, survey.layers, f"Over {count:,} samples, where it arises.{few}")
        making = {key for key, info in survey.layers.items() if makes_units(info)}
        matches = units_of_classes(survey.statistics, query, self._dataset.group_names, making)
        return self._report(
            matches,
            survey.layers,
            f"By the mean answer to the samples of each class, {count:,} in all, at least three of each: a gap of "
            f"{LEAST_GAP} times the spread of the unit's answers or more, the widest first.",
        )

    def _alike(
        self, query: UnitQuery, layer: str, unit: int | None, sample: int, progress: Progress | None
    ) -> UnitSearchReport:
        key, number = query.like or ("", 0)
        activation, position = self._blocks.activation(key or layer, sample)
        if reason := without_units(activation):
            raise InputRejected(f"{activation.key} has no units: it {reason}.", remedy="Choose another layer.")
        number = number if key else shown_unit(activation, position, unit)
        refuse_missing_unit(activation.layer, number)
        similar = similar_units(self._charts.layer_dataset(activation).features("mean", progress), number)
        if similar is None:
            raise InputRejected(
                f"Fewer than {FEWEST_TO_COMPARE} samples have answers that are all finite numbers.",
                remedy="Give more samples.",
            )
        name = _name(activation.layer, number, activation.context)
        if similar.chance is None:
            return UnitSearchReport(note=f"{name[0].upper()}{name[1:]}, or each other unit, answers the same to all.")
        sign = -1 if query.is_opposite else 1
        matches = tuple(
            UnitMatch(activation.key, int(other), f"correlation {number_text(similar.correlations[other])}")
            for other in similar.ranked[::sign]
            if sign * similar.correlations[other] > similar.chance
        )
        return self._report(
            matches,
            {activation.key: activation.layer},
            f"Units of the same layer whose mean answer correlates with {name} over {len(similar.samples):,} samples, "
            f"by more than {number_text(similar.chance)}, which may be chance.",
        )

    def _report(self, matches: Sequence[UnitMatch], layers: Mapping[str, LayerInfo], note: str) -> UnitSearchReport:
        context = self._blocks.context
        rows = []
        for match in matches[:_MOST_ROWS]:
            name = _name(layers[match.layer], match.unit, context)
            rows.append(UnitRow(match.layer, match.unit, name, match.why))
        return UnitSearchReport(tuple(rows), len(matches), note)


def _name(layer: LayerInfo, unit: int, context: SampleContext) -> str:
    return unit_name(layer, unit, context.class_names, context.class_layer)


def _place_on_card(picture: VisualizerSummary) -> int:
    return _ORDER.index(picture.name) if picture.name in _ORDER else len(_ORDER)


def _answer_in_words(activation: Activation, position: int, unit: int) -> str:
    """Return what a unit answers to a sample: one number, or the ends and the mean of many."""
    finite = finite_answers(activation, position, unit)
    if not finite.size:
        return "no finite number"
    if activation.rank == _WITHOUT_PLACES:
        return number_text(float(finite[0]))
    ends = f"{number_text(float(finite.min()))} to {number_text(float(finite.max()))}"
    return f"{ends}, {number_text(float(finite.mean()))} in the mean"
