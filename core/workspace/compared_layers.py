"""One layer of a model beside that of another model, or beside itself for another sample."""

from __future__ import annotations

from typing import Any

from core.inputs.datasets import Dataset
from core.workspace.comparison_views import layer_chart
from core.workspace.open_model import OpenModel
from core.workspace.results import ComparisonReport

__all__ = ["compared_layer", "partner_of"]


def compared_layer(
    model: OpenModel,
    other: OpenModel | None,
    dataset: Dataset,
    layers: tuple[str, str],
    samples: tuple[int, int | None],
    unit: int | None = None,
) -> dict[str, Any]:
    """Return one layer side by side with its difference, see :meth:`.WorkspaceInterface.compared_layer`.

    Args:
        model: The model.
        other: The one that it is compared with for one sample; None compares two samples of the model.
        dataset: Where the samples are from.
        layers: Key of the layer in the model, and in the other one.
        samples: The sample, and the other one.
        unit: Which channel of images is drawn; None takes the one that differs the most.

    Raises:
        InputRejected: If one of both has no such layer, or their answers differ in shape.
        ExtractionFailed: If a model raises.
    """
    first, second = samples
    if other is None:
        pair = [(model.extractor, number or 0, f"sample {number}") for number in (first, second)]
    else:
        pair = [(each.extractor, first, each.summary.name) for each in (model, other)]
    return layer_chart(pair[0], pair[1], dataset, layers, unit)


def partner_of(layer: str, report: ComparisonReport) -> str:
    """Return the key of the layer in the second model that one of the first is set against; its own if none is."""
    partners = report.conversion.partners if report.conversion else report.layers
    return dict(zip(report.layers, partners, strict=True)).get(layer, layer)
