"""What one unit of a layer is, in one call: the numbers of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.analysis import attribution
from core.analysis.attribution import Ablation, Attribution, ReceptiveField, Target
from core.analysis.layer_dataset import LayerDataset
from core.analysis.unit_connections import Connections, incoming, outgoing
from core.analysis.unit_statistics import Selectivity, selectivity, similar_units
from core.analysis.units import refuse_missing_unit
from core.common.text import NOT_KNOWN
from core.errors import InputRejected, NoGradient
from core.extraction.layers import unit_kind
from core.inputs.checking import check_sample
from core.notebook.opened import Opened

__all__ = ["Unit", "unit"]


@dataclass(frozen=True, eq=False)
class Unit:
    """What one unit is, as samples show it.

    Attributes:
        layer: Key of its layer.
        unit: Its number.
        kind: ``"unit"`` or ``"channel"``.
        answers: Its largest answer at any place of each sample, shape ``(sample,)``; of a layer without places the
            answer itself.
        strongest: Numbers of the samples, those that it answers to the most first; samples whose answer is no finite
            number are left out.
        selectivity: Which class it answers to; None where fewer than two classes are known.
        similar: Correlation of each other unit of the layer with it over all samples, by number, the most alike first;
            by the mean over places. Units of the same answer to all are left out; empty for fewer than five samples.
        chance: What no correlation exceeds by chance, in 95 of 100 cases; None where there is none.
        attribution: What its answer to the sample rests on, one for each input; empty where there is no gradient.
        ablation: What changes in the answer to the sample, and in later layers, where it is zero.
        receptive_field: What of each input the place sees at which it answers the most; empty for a layer without
            places, or without a gradient.
        weights_in: The units before it, by what it weighs of them.
        weights_out: The units behind it, by what they weigh of it.
    """

    layer: str
    unit: int
    kind: str
    answers: np.ndarray
    strongest: np.ndarray
    selectivity: Selectivity | None
    similar: pd.Series
    chance: float | None
    attribution: tuple[Attribution, ...]
    ablation: Ablation
    receptive_field: tuple[ReceptiveField, ...]
    weights_in: Connections
    weights_out: Connections


def unit(
    model: Any,
    inputs: Any,
    layer: str,
    number: int,
    *,
    labels: Any = None,
    class_names: Sequence[str] = (),
    sample: int = 0,
) -> Unit:
    """Say what one unit is: the numbers of the page *Unit*. The input that it looks for is :func:`maximize`.

    Selectivity by Morcos et al. 2018; the bound of chance by Fisher's transformation (1915) and Bonferroni; attribution
    by integrated gradients (Sundararajan et al. 2017); the receptive field by gradients (Luo et al. 2016).

    Args:
        model: As for :func:`attribute`.
        inputs: The samples.
        layer: Key of the layer.
        number: Which unit or channel of it.
        labels: Class of each sample, numbers or names, shape ``(sample,)``; None takes those that come with the inputs.
        class_names: Name of each class, by number of the output.
        sample: Position of the sample whose answer is explained.

    Raises:
        InputRejected: If there is no such layer, unit or sample, or the inputs do not fit.
        ExtractionFailed: If the model raises.
    """
    opened = Opened.of(model, inputs, labels, class_names)
    check_sample(sample, opened.dataset.sample_count)
    info = opened.layer(layer)
    if len(info.output_shape) < 2 or "float" not in info.dtype:
        raise InputRejected(f"{info.key!r} has no units of real numbers.", remedy="Choose another layer.")
    refuse_missing_unit(info, number)
    one = opened.sample(sample)
    recorded = opened.extractor.extract(opened.arranged(one))
    layers = {each.key: each for each in recorded.layers}
    dataset = LayerDataset(recorded[info.key], opened.dataset, opened.extractor)
    answers = dataset.features("maximum")[:, number].astype(np.float64)
    finite = np.flatnonzero(np.isfinite(answers))
    classes = dataset.table()["class"].where(lambda names: names != NOT_KNOWN, "").to_numpy()
    similar, chance = _similar(dataset, number)
    maps = recorded[info.key].values[0][..., number]

    def weights_of(key: str) -> Any:
        return recorded[key].weights

    return Unit(
        info.key,
        number,
        unit_kind(info),
        answers,
        finite[np.argsort(-answers[finite], kind="stable")],
        selectivity(answers[finite], classes[finite].tolist()) if len(finite) else None,
        similar,
        chance,
        _attribution(opened, one, Target(info.key, number)),
        attribution.ablate(opened.extractor, one, info.key, number),
        _receptive_field(opened, one, info.key, number, maps),
        incoming(layers, weights_of, info.key, number),
        outgoing(layers, weights_of, info.key, number),
    )


def _similar(dataset: LayerDataset, number: int) -> tuple[pd.Series, float | None]:
    similar = similar_units(dataset.features("mean"), number)
    ranked = np.empty(0, int) if similar is None else similar.ranked
    correlations = np.empty(0) if similar is None else similar.correlations[ranked]
    series = pd.Series(correlations, ranked, float, "correlation").rename_axis("unit")
    return series, None if similar is None else similar.chance


def _attribution(opened: Opened, one: dict[str, np.ndarray], target: Target) -> tuple[Attribution, ...]:
    try:
        return attribution.attribute(opened.extractor, one, target, "integrated gradients", specs=opened.specs)
    except NoGradient:
        return ()


def _receptive_field(
    opened: Opened, one: dict[str, np.ndarray], key: str, number: int, maps: np.ndarray
) -> tuple[ReceptiveField, ...]:
    if not maps.ndim:
        return ()
    try:
        return attribution.receptive_field(
            opened.extractor, one, key, number, attribution.strongest_place(maps), opened.specs
        )
    except NoGradient:
        return ()
