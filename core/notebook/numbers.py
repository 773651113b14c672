"""The numbers that the page shows, each in one call: the same code, without a page and without a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from core.analysis import attribution, comparison
from core.analysis import projection as projections
from core.analysis.attribution import Attribution, Method, Target, strongest_unit
from core.analysis.comparison import Comparison
from core.analysis.health import Finding, FindingKind, checked_layers, findings_of, weights_of_normalization
from core.analysis.judged_answers import judged_answers
from core.analysis.layer_dataset import LayerDataset
from core.analysis.maximization.ascent import Ascent, AscentSettings, entry_for
from core.analysis.maximization.domain import domain_in
from core.analysis.projection import Metric, Pooling, Projection
from core.analysis.units import refuse_missing_unit
from core.common.choices import refuse_unknown
from core.errors import InputRejected
from core.extraction.dataset.statistics import LayerStatistics
from core.extraction.dataset.survey import survey
from core.extraction.extractors import extractor_of
from core.extraction.layers import LayerInfo
from core.extraction.model_output import layers_that_answer
from core.inputs.checking import check_sample
from core.inputs.datasets import ArrayDataset
from core.inputs.spec import InputSpec
from core.notebook.opened import Opened

__all__ = [
    "Health",
    "Maximization",
    "attribute",
    "compare",
    "compare_samples",
    "health",
    "maximize",
    "project",
]

Baseline = Literal["zero", "mean of the samples"]


def attribute(  # noqa: PLR0913 - public: what is explained, and what a method can be told, each by its name
    model: Any,
    inputs: Any,
    *,
    sample: int = 0,
    layer: str = "",
    unit: int | None = None,
    place: tuple[int, ...] = (),
    method: Method = "integrated gradients",
    baseline: Baseline | Mapping[str, np.ndarray] = "zero",
    patch: int = 0,
    shuffled: bool = False,
    specs: Sequence[InputSpec] | None = None,
) -> tuple[Attribution, ...]:
    """Say how much each part of one sample counts for a unit or class: the numbers of the picture *Attribution*.

    The sources of the methods are named at :func:`core.analysis.attribution.methods.attribute`, which this calls.

    Args:
        model: A Keras model, the path of a model file, or an :class:`core.extraction.extractor.Extractor`, which keeps
            what it compiled for the next call.
        inputs: What :func:`core.extraction.extractor.extract` takes.
        sample: Position of the sample that is explained.
        layer: Key of the layer; by default the one that the model answers with.
        unit: Unit, channel or class; None takes the one that answers the most to the sample.
        place: Position on each axis between samples and units, such as ``(row, column)``; empty takes the mean.
        method: ``"saliency"``, ``"gradient × input"``, ``"SmoothGrad"``, ``"integrated gradients"``, ``"occlusion"``.
        baseline: What stands for nothing, for the last two: ``"zero"`` or ``"mean of the samples"``; or an array by
            the name of an input or by entry, ``{"image": …}``, ``{"input:image": …}``.
        patch: Side of what occlusion covers; 0 chooses.
        shuffled: Whether the model's weights are shuffled first, as the sanity check of Adebayo et al. 2018 has it.
        specs: What each input is taken for, see :func:`core.inputs.model_inputs.input_specs`.

    Returns:
        One for each input: ``values`` has the shape of the input, an image as ``(height, width, channel)``; of
        occlusion without channels or features. ``objective`` is what the unit answers, before a softmax.

    Raises:
        NoGradient: If the method needs a gradient and there is none; occlusion needs none.
        InputRejected: If there is no such layer, unit, place, sample, method or baseline, or the inputs do not fit.
        ExtractionFailed: If the model raises.
    """
    refuse_unknown(method, attribution.METHODS, "method")
    opened = Opened.of(model, inputs)
    check_sample(sample, opened.dataset.sample_count)
    one = opened.sample(sample)
    info = opened.layer(layer)
    _refuse_missing_place(info, place)
    if unit is None:
        # Of all layers, since what is the most is told otherwise of the last one.
        unit = strongest_unit(opened.extractor.extract(opened.arranged(one))[info.key], 0)
    refuse_missing_unit(info, unit)
    return attribution.attribute(
        opened.extractor,
        one,
        Target(info.key, unit, tuple(place)),
        method,
        baseline=_baseline(baseline, opened.dataset),
        patch=patch,
        shuffled=attribution.SHUFFLE_SEED if shuffled else None,
        specs=opened.specs if specs is None else specs,
    )


@dataclass(frozen=True, eq=False)
class Maximization:
    """Inputs that drive a target to its most, the best first.

    Attributes:
        entry: Name of the model's input that was looked for.
        inputs: What was found, as the model takes it, shape ``(start, …)``.
        objectives: What the target amounts to for each, shape ``(start,)``.
        history: What it amounted to at each step, shape ``(step, start)``.
        answers: What the model answers to each, its first output, shape ``(start, …)``.
    """

    entry: str
    inputs: np.ndarray
    objectives: np.ndarray
    history: np.ndarray
    answers: np.ndarray


def maximize(  # noqa: PLR0913 - public: what is looked for, and how, each by its name
    model: Any,
    inputs: Any,
    *,
    layer: str = "",
    unit: int | None = 0,
    place: tuple[int, ...] = (),
    steps: int = 256,
    sample: int = 0,
    settings: AscentSettings | None = None,
    specs: Sequence[InputSpec] | None = None,
    entry: str = "",
) -> Maximization:
    """Look for the input that drives a unit, a class or a whole layer to its most: the numbers of *Maximize*.

    Gradient ascent by Adam (Kingma and Ba 2014) along frequencies, with images moved, turned and zoomed before each
    step (Olah et al. 2017); of a whole layer the mean of its squares (DeepDream, Mordvintsev et al. 2015).

    Args:
        model: As for :func:`attribute`.
        inputs: Samples: they say what inputs look like, in which range and how far from their mean.
        layer: Key of the layer; by default the one that the model answers with.
        unit: Unit, channel or class; None takes the whole layer.
        place: Position on each axis between samples and units; empty takes the mean.
        steps: How many steps to make.
        sample: What other inputs are held at, and where it starts if ``settings`` says so.
        settings: How, with how many starts and of which seed.
        specs: What each input is taken for.
        entry: Name of the input that is searched, of several; by default the first that the target has a gradient by.

    Raises:
        NoGradient: If there is no way up to be seen; the message says what stops it.
        InputRejected: If there is no such layer, unit, place or sample, or the inputs do not fit.
        ExtractionFailed: If the model raises.
    """
    opened = Opened.of(model, inputs)
    check_sample(sample, opened.dataset.sample_count)
    info = opened.layer(layer)
    _refuse_missing_place(info, place)
    if unit is not None:
        refuse_missing_unit(info, unit)
    target, one = Target(info.key, unit, tuple(place)), opened.sample(sample)
    entry = entry_for(opened.extractor, one, target, entry)
    domain = domain_in(opened.dataset, entry, opened.specs if specs is None else specs)
    ascent = Ascent(opened.extractor, target, entry, domain, one, settings or AscentSettings())
    ascent.advance(steps)
    objectives = ascent.objective()
    best = np.argsort(-objectives, kind="stable")
    return Maximization(
        entry, ascent.inputs[best], objectives[best], ascent.history[:, best], np.asarray(ascent.answers())[best]
    )


def project(  # noqa: PLR0913 - public: what each of the methods can be told
    model: Any,
    inputs: Any,
    *,
    layer: str = "",
    method: projections.Method = "PCA",
    dimensions: Literal[2, 3] = 2,
    pooling: Pooling = "flatten",
    metric: Metric = "euclidean",
    perplexity: float = 30.0,
    neighbours: int = 15,
    minimum_distance: float = 0.1,
    seed: int = 0,
) -> Projection:
    """Place samples where a layer answers alike: the points of the picture *Projection*.

    PCA (Pearson 1901), t-SNE (van der Maaten and Hinton 2008) or UMAP (McInnes et al. 2018).

    Args:
        model: As for :func:`attribute`.
        inputs: The samples, at least five.
        layer: Key of the layer; by default the one that the model answers with.
        method: ``"PCA"``, ``"t-SNE"`` or ``"UMAP"``.
        dimensions: 2 or 3.
        pooling: ``"flatten"`` takes every number, ``"mean"`` and ``"maximum"`` one per unit or channel.
        metric: How far apart samples are in the layer; PCA knows the Euclidean one only.
        perplexity: For t-SNE, roughly how many neighbours count.
        neighbours: For UMAP, how many neighbours count.
        minimum_distance: For UMAP, how close points may lie.
        seed: Of t-SNE and UMAP.

    Returns:
        ``points`` of shape ``(sample, dimension)``; the share of the variance along each for PCA; how trustworthy
        neighbours are (Venna and Kaski 2001) for the others.

    Raises:
        InputRejected: If there is no such layer, method, pooling or metric, there are too few samples, or they cannot
            be told apart.
        ExtractionFailed: If the model raises.
    """
    opened = Opened.of(model, inputs)
    key = opened.layer(layer).key
    first = opened.extractor.extract(opened.arranged(opened.sample(0)), layers=[key])[key]
    try:
        features = LayerDataset(first, opened.dataset, opened.extractor).features(pooling)
        return projections.project(
            features,
            method,
            dimensions,
            perplexity=perplexity,
            neighbours=neighbours,
            minimum_distance=minimum_distance,
            metric=metric,
            seed=seed,
        )
    except ValueError as error:
        raise InputRejected(f"The samples cannot be placed by {key}: {error}.") from error


@dataclass(frozen=True, eq=False)
class Health:
    """What is wrong with the layers of a model, as samples show it.

    Attributes:
        findings: What was found, the worst first; see :class:`core.analysis.health.Finding`.
        checked: Keys of the layers in which each kind of fault was looked for; of the others nothing is known.
        statistics: What each unit of each layer answered, by key in call order: ``statistics["dense"].mean``,
            ``.variance``, ``.minimum``, ``.maximum``, each of shape ``(unit,)``, ``.class_means`` ``(class, unit)``.
        predictions: The class that the model answers to each sample, shape ``(sample,)``; empty if it answers none.
        accuracy: Share of the samples whose label is a class of the model that it answers so; None without labels.
    """

    findings: tuple[Finding, ...]
    checked: Mapping[FindingKind, tuple[str, ...]]
    statistics: Mapping[str, LayerStatistics]
    predictions: np.ndarray
    accuracy: float | None

    def to_frame(self) -> pd.DataFrame:
        """Return a row per finding, the worst first: its ``layer``, ``kind``, ``units``, ``sample`` and more."""
        columns = ["layer", "kind", "units", "unit_count", "sample", "text", "severity"]
        return pd.DataFrame([[getattr(each, name) for name in columns] for each in self.findings], columns=columns)


def health(model: Any, inputs: Any, labels: Any = None, *, class_names: Sequence[str] = ()) -> Health:
    """Run samples through every layer and say what is wrong with the layers: the numbers of the page *Health*.

    Units that are dead, constant, saturated, always on or copies of another, NaN and Inf with the layer where they
    arise, normalization layers whose data drifted. Mean and variance by the parallel algorithm of Chan et al. 1983.

    Args:
        model: As for :func:`attribute`.
        inputs: The samples; of fewer than eight only numbers that are not finite are looked for.
        labels: Class of each sample, numbers or names, shape ``(sample,)``; None takes those that come with the inputs.
        class_names: Name of each class, by number of the output.

    Raises:
        InputRejected: If the inputs or labels do not fit.
        ExtractionFailed: If the model raises.
    """
    opened = Opened.of(model, inputs, labels, class_names)
    found = survey(opened.extractor, opened.dataset)
    weights = weights_of_normalization(opened.extractor, opened.arranged(opened.sample(0)))
    answering = layers_that_answer(opened.extractor.model, tuple(found.layers.values()))
    return Health(
        tuple(findings_of(found, weights, answering)),
        checked_layers(found, weights, answering),
        found.statistics,
        found.predictions,
        judged_answers(opened.dataset, found.predictions).accuracy,
    )


def compare(model: Any, inputs: Any, other: Any) -> Comparison:
    """Run the same samples through two models and compare every layer of one with every layer of the other.

    The numbers of the page *Compare*: relative distances of layers of one name and shape, and linear CKA (Kornblith et
    al. 2019) of all with all, over batches by the unbiased estimate of Nguyen et al. 2021.

    Args:
        model: As for :func:`attribute`.
        inputs: Samples that both take, at least four.
        other: Another model, such as another checkpoint.

    Returns:
        ``distances`` by key of the layer, and ``similarity`` of shape ``(layer of the first, layer of the second)``.

    Raises:
        InputRejected: If the other model does not take these samples, or there are too few.
        ExtractionFailed: If a model raises.
    """
    opened = Opened.of(model, inputs)
    return comparison.compare_models(opened.extractor, extractor_of(other), opened.dataset)


def compare_samples(model: Any, inputs: Any, first: int, second: int) -> pd.Series:
    """Say how far the answers of each layer to two samples lie apart: the numbers of *Compare*, *Another sample*.

    Args:
        model: As for :func:`attribute`.
        inputs: The samples.
        first: Position of one.
        second: Of the other.

    Returns:
        By key of the layer in call order: the norm of the difference, in units of the norm of the answer to the first.

    Raises:
        InputRejected: If there is no such sample, or the inputs do not fit.
        ExtractionFailed: If the model raises.
    """
    opened = Opened.of(model, inputs)
    for sample in (first, second):
        check_sample(sample, opened.dataset.sample_count)
    distances = comparison.compare_samples(opened.extractor, opened.dataset, first, second)
    return pd.Series(distances, name="distance", dtype=float).rename_axis("layer")


def _baseline(baseline: Baseline | Mapping[str, np.ndarray], dataset: ArrayDataset) -> Mapping[str, np.ndarray] | None:
    if isinstance(baseline, Mapping):
        return baseline
    refuse_unknown(baseline, get_args(Baseline), "baseline")
    if baseline == "zero":
        return None
    return attribution.mean_of_samples(dataset.arrays)


def _refuse_missing_place(info: LayerInfo, place: Sequence[int]) -> None:
    extents = info.output_shape[1:-1]
    if place and len(place) != len(extents):
        raise InputRejected(
            f"{info.key!r} has {len(extents)} axes of places, not {len(place)}.",
            remedy="Give a number on each axis between the samples and the units, or none.",
        )
    for number, extent in zip(place, extents, strict=False):
        if number < 0 or (extent is not None and number >= extent):
            raise InputRejected(
                f"{info.key!r} has no place {tuple(place)}.", remedy=f"Its places are 0 to {(extent or 1) - 1} there."
            )
