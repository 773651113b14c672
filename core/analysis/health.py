"""What is wrong with a model's layers, as a dataset shows it: units that do nothing, do the same, or break.

A unit is reported where the fault arises, not again in every layer that hands it on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np

from core.analysis.normalization import ENOUGH_VALUES, Drift, drift_of_statistics, keeps_statistics
from core.common.text import percent
from core.extraction.dataset.statistics import LayerStatistics
from core.extraction.dataset.survey import Survey
from core.extraction.known_layers import layers_of
from core.extraction.layers import LayerInfo, is_input, unit_kind
from core.extraction.reduction import BOUNDS

__all__ = [
    "ALIKE",
    "FEWEST_SAMPLES",
    "KINDS",
    "MEANINGS",
    "SATURATED",
    "Finding",
    "checked_layers",
    "drift_of_layers",
    "findings_of",
    "is_rectified",
]

FindingKind = Literal["not finite", "dead", "constant", "saturated", "alike", "always on", "drift"]
KINDS: Final[tuple[FindingKind, ...]] = get_args(FindingKind)
MEANINGS: Final[Mapping[str, str]] = {
    "not finite": "NaN or infinite values. The first layer where they arise is listed first; what follows hands on.",
    "dead": "A ReLU that is zero for every sample. Where all training data do that, it learns nothing any more.",
    "constant": "The same number for every sample.",
    "saturated": "Nearly always at a bound of its activation function, where gradients are small.",
    "alike": "Units that correlate by more than 0.99: they may be copies.",
    "drift": "A normalization layer gets other numbers than in training, often by other preprocessing.",
    "always on": "A ReLU that sets nothing to zero. Not wrong in itself.",
}
"""What each kind of finding means, in a sentence or two."""

ALIKE: Final = 0.99
"""Correlation from which on two units count as the same."""
SATURATED: Final = 0.9
"""Share of a unit's values near a bound of its activation function from which on it counts as saturated."""
FEWEST_SAMPLES: Final = 8
"""Of fewer samples nothing is said but that numbers are not finite: a unit that was silent five times may speak."""
_FEWEST_DRAWS: Final = 30
_FEWEST_VARIED: Final = 10
_MOST_UNITS_COMPARED: Final = 4096
_COMPARED_AT_ONCE: Final = 512
_RECTIFIED: Final = frozenset({"relu", "relu6"})
# They hand on what came in, a unit at a time, so what is wrong with a unit was wrong before.
_HANDING_ON: Final = frozenset({"activation", "normalization", "preprocessing"})
_DEPTHWISE: Final = "BaseDepthwiseConv"
_WEIGHT: Final[Mapping[FindingKind, float]] = {
    "not finite": 1000,
    "dead": 10,
    "constant": 8,
    "saturated": 6,
    "alike": 4,
    "drift": 3,
    "always on": 1,
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a layer.

    Attributes:
        layer: Key of the layer.
        kind: What is wrong.
        units: Which units or channels, in ascending order.
        unit_count: How many the layer has.
        sample: A sample that shows it.
        text: A sentence.
        severity: Orders findings, the worst is the largest.
        is_first: Whether it arises here, for what is not finite: what went in was finite.
    """

    layer: str
    kind: FindingKind
    units: tuple[int, ...]
    unit_count: int
    sample: int
    text: str
    severity: float
    is_first: bool = False


def findings_of(
    survey: Survey, weights: Mapping[str, Mapping[str, np.ndarray]], answering: Collection[str] = ()
) -> list[Finding]:
    """Return what is wrong, the worst first.

    Args:
        survey: Of all layers.
        weights: The weights of layers that keep statistics of training, by key of the layer and name.
        answering: Keys of the layers that make what the model answers: there a value near a bound is a sure answer.
    """
    flagged: dict[str, dict[FindingKind, np.ndarray]] = {}
    found: list[Finding] = []
    for key, statistics in survey.statistics.items():
        layer = survey.layers[key]
        is_judged = _is_judged(layer, statistics, survey.layers)
        pairs = alike_units(statistics) if is_judged else []
        marks: dict[FindingKind, np.ndarray] = {"not finite": (statistics.nan_count + statistics.inf_count) > 0}
        if is_judged:
            marks |= _marks(layer, statistics, pairs)
            if key in answering:
                marks.pop("saturated", None)
            if (drift := _drift(layer, statistics, survey.statistics, weights.get(key))) is not None:
                marks["drift"] = drift.drifts & np.isfinite(drift.shift)
        flagged[key] = {kind: mark for kind, mark in marks.items() if mark.any()}
        if is_input(key) and "not finite" not in flagged[key]:
            continue
        before = [flagged[source] for source in layer.inputs_from if source in flagged]
        for kind, mark in flagged[key].items():
            new = _without_what_came_in(kind, mark, layer, before)
            if new.any():
                found.append(_finding(layer, kind, new, statistics, before, pairs))
    order = {key: number for number, key in enumerate(survey.statistics)}
    return sorted(found, key=lambda each: (-each.severity, order[each.layer]))


def checked_layers(
    survey: Survey, weights: Mapping[str, Mapping[str, np.ndarray]], answering: Collection[str] = ()
) -> dict[FindingKind, tuple[str, ...]]:
    """Return in which layers each kind of fault was looked for: of the others nothing is known.

    Args:
        survey: Of all layers.
        weights: As :func:`findings_of` takes them.
        answering: As :func:`findings_of` takes them.

    Returns:
        Keys of layers by kind, all kinds, in call order.
    """
    checked: dict[FindingKind, list[str]] = {kind: [] for kind in KINDS}
    for key, statistics in survey.statistics.items():
        layer = survey.layers[key]
        checked["not finite"].append(key)
        if is_input(key) or not _is_judged(layer, statistics, survey.layers):
            continue
        kinds: list[FindingKind] = []
        if _makes_units(layer) and (statistics.finite_samples >= FEWEST_SAMPLES).any():
            kinds += ["constant"]
            kinds += ["dead", "always on"] if is_rectified(layer) else []
            kinds += ["saturated"] if layer.activation_function in BOUNDS and key not in answering else []
            kinds += ["alike"] if _can_be_compared(statistics) else []
        if _drift(layer, statistics, survey.statistics, weights.get(key)) is not None:
            kinds.append("drift")
        for kind in kinds:
            checked[kind].append(key)
    return {kind: tuple(keys) for kind, keys in checked.items()}


def alike_units(statistics: LayerStatistics) -> list[tuple[int, int, float]]:
    """Return pairs of units whose answers correlate by more than :data:`ALIKE`, each unit with the first like it.

    The correlation (Pearson) is over the values that were drawn: a few places of every so many samples.

    Returns:
        First unit, the one like it, and their correlation.
    """
    if not _can_be_compared(statistics):
        return []
    drawn, finite = _comparable(statistics)
    # Two units that are silent but for the same few samples look alike by chance.
    varied = (drawn != np.median(drawn, axis=0)).sum(axis=0) >= _FEWEST_VARIED
    units = np.flatnonzero(finite & varied)
    centred = drawn[:, units] - drawn[:, units].mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    units, centred = units[norms > 0], centred[:, norms > 0] / norms[norms > 0]
    pairs: list[tuple[int, int, float]] = []
    for start in range(0, len(units), _COMPARED_AT_ONCE):
        stop = min(start + _COMPARED_AT_ONCE, len(units))
        alike = centred.T[start:stop] @ centred[:, :stop]  # (later unit, earlier unit)
        alike[np.arange(stop - start)[:, None] + start <= np.arange(stop)] = 0
        first = alike.argmax(axis=1)
        pairs += [
            (int(units[first[row]]), int(units[start + row]), float(alike[row, first[row]]))
            for row in np.flatnonzero(alike.max(axis=1, initial=0) > ALIKE)
        ]
    return pairs


def _can_be_compared(statistics: LayerStatistics) -> bool:
    drawn, finite = _comparable(statistics)
    return len(drawn) >= _FEWEST_DRAWS and 2 <= finite.sum() <= _MOST_UNITS_COMPARED


def _comparable(statistics: LayerStatistics) -> tuple[np.ndarray, np.ndarray]:
    """Return the draws that hold a number, shape ``(draw, unit)``, and which units are finite in all of them."""
    drawn = statistics.drawn.astype(np.float64)
    drawn = drawn[np.isfinite(drawn).any(axis=1)]
    finite = np.asarray(np.isfinite(drawn).all(axis=0)) if len(drawn) else np.zeros(drawn.shape[1], bool)
    return drawn, finite


def is_rectified(layer: LayerInfo) -> bool:
    """Return whether what a layer answers is never below zero: a unit that is never above it is dead."""
    return layer.activation_function in _RECTIFIED or layer.type_name == "ReLU"


def _makes_units(layer: LayerInfo) -> bool:
    # What has no weights and is no activation function makes no units of its own.
    return not layer.holds_layers and bool(layer.parameter_count or layer.kind == "activation")


def _is_judged(layer: LayerInfo, statistics: LayerStatistics, layers: Mapping[str, LayerInfo]) -> bool:
    """Return whether more is said of a layer than that numbers are not finite."""
    parent = layers.get(layer.parent)
    # Inside attention the last axis is that of tokens.
    is_of_tokens = parent is not None and parent.kind == "attention"
    return statistics.sample_count >= FEWEST_SAMPLES and layer.dtype != "bool" and not is_of_tokens


def _marks(
    layer: LayerInfo, statistics: LayerStatistics, pairs: list[tuple[int, int, float]]
) -> dict[FindingKind, np.ndarray]:
    """Return which units have which fault, each boolean of shape ``(unit,)``."""
    seen = statistics.finite_samples
    known = seen >= FEWEST_SAMPLES
    rectified = is_rectified(layer)
    constant = known & (statistics.minimum == statistics.maximum)
    dead = known & (statistics.maximum <= 0) if rectified else np.zeros_like(known)
    marks: dict[FindingKind, np.ndarray] = {"dead": dead, "constant": constant & ~dead}
    if rectified:
        marks["always on"] = known & (statistics.minimum > 0) & ~constant
    if layer.activation_function in BOUNDS:
        marks["saturated"] = known & ~constant & (statistics.saturated / np.maximum(seen, 1) >= SATURATED)
    marks["alike"] = np.zeros_like(known)
    for first, second, _ in pairs:
        marks["alike"][[first, second]] = True
    return marks


def drift_of_layers(survey: Survey, weights: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Drift]:
    """Return how far what goes into each layer that keeps statistics of training lies from these, where that is known.

    Args:
        survey: Of all layers.
        weights: As :func:`findings_of` takes them.

    Returns:
        By key of the layer, in call order. A layer that was never trained, or saw too few values, has none.
    """
    drifts: dict[str, Drift] = {}
    for key, statistics in survey.statistics.items():
        layer = survey.layers[key]
        if is_input(key) or not _is_judged(layer, statistics, survey.layers):
            continue
        if (drift := _drift(layer, statistics, survey.statistics, weights.get(key))) is not None:
            drifts[key] = drift
    return drifts


def _drift(
    layer: LayerInfo,
    statistics: LayerStatistics,
    all_statistics: Mapping[str, LayerStatistics],
    weights: Mapping[str, np.ndarray] | None,
) -> Drift | None:
    given = all_statistics.get(layer.inputs_from[0]) if len(layer.inputs_from) == 1 else None
    if weights is None or given is None:
        return None
    values = int(given.value_count.min()) if given.unit_count else 0
    drift = drift_of_statistics(
        given.mean, given.variance, layer, weights, sample_count=given.sample_count, values=values
    )
    # A layer that was never trained has nothing to be compared with.
    if drift is None or drift.is_initial or values < ENOUGH_VALUES or drift.shift.size != statistics.unit_count:
        return None
    return drift


def _without_what_came_in(
    kind: FindingKind, mark: np.ndarray, layer: LayerInfo, before: list[dict[FindingKind, np.ndarray]]
) -> np.ndarray:
    if kind in ("drift", "not finite"):
        return mark
    hands_on = layer.kind in _HANDING_ON or _DEPTHWISE in layer.type_names
    if not _makes_units(layer):
        return np.zeros_like(mark)
    if hands_on:
        # A unit that was dead is constant behind the next layer.
        related: tuple[FindingKind, ...] = ("dead", "constant") if kind in ("dead", "constant") else (kind,)
        for source in before:
            for other in related:
                if other in source and source[other].shape == mark.shape:
                    mark = mark & ~source[other]
    return mark


def _finding(
    layer: LayerInfo,
    kind: FindingKind,
    mark: np.ndarray,
    statistics: LayerStatistics,
    before: list[dict[FindingKind, np.ndarray]],
    pairs: list[tuple[int, int, float]],
) -> Finding:
    units = np.flatnonzero(mark)
    count = statistics.unit_count
    share = len(units) / count
    told = f"{len(units):,} of {count:,} {unit_kind(layer)}s"
    severity = _WEIGHT[kind] * (0.5 + 0.5 * share)
    first_unit = int(units[0])
    sample = int(statistics.top[0, first_unit])
    samples = f"{int(statistics.finite_samples[units].min()):,} samples"
    is_first = False
    if kind == "not finite":
        is_first = not any("not finite" in source for source in before)
        sample = int(statistics.first_not_finite[units].min())
        text = f"{_which(statistics, units)} in {told}, first at sample {sample:,}, {_origin(layer, before)}"
        severity *= 10 if is_first else 1
    elif kind == "dead":
        text = f"{told} never active: zero for all {samples}"
    elif kind == "constant":
        text = f"{told} answer the same to all {samples}"
    elif kind == "saturated":
        bound = f"a bound of {layer.activation_function}"
        text = f"{told} saturated: {percent(SATURATED)} or more of their values lie at {bound}"
    elif kind == "always on":
        function = layer.activation_function or "ReLU"
        text = f"{told} always on: above zero for all {samples}, so {function} sets nothing to zero"
    elif kind == "alike":
        first, second, correlation = pairs[0]
        text = f"{told} answer like another, such as {first} and {second} (correlation {correlation:.3f})"
    else:
        text = f"{told} get other numbers than in training, by mean or spread"
    return Finding(layer.key, kind, tuple(map(int, units)), count, max(sample, 0), text, severity, is_first=is_first)


def _origin(layer: LayerInfo, before: list[dict[FindingKind, np.ndarray]]) -> str:
    if any("not finite" in source for source in before):
        return "handed on from before"
    if before or is_input(layer.key):
        return "and what goes in is finite: it arises here"
    return "what goes in was not recorded: it arises here or before"


def _which(statistics: LayerStatistics, units: np.ndarray) -> str:
    names = []
    if statistics.nan_count[units].any():
        names.append("NaN")
    if statistics.inf_count[units].any():
        names.append("Inf")
    return " and ".join(names)


def weights_of_normalization(extractor: Any, inputs: Any) -> dict[str, Mapping[str, np.ndarray]]:
    """Return the weights of all layers that keep statistics of training, by key; one sample is run for that.

    Args:
        extractor: Holds the model.
        inputs: One sample, as the model takes it.
    """
    layers = layers_of(extractor, inputs).values()
    keys = [layer.key for layer in layers if keeps_statistics(layer) and not layer.missing]
    if not keys:
        return {}
    return {key: each.weights for key, each in extractor.extract(inputs, layers=keys).items()}
