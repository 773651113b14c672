"""What changes when a unit is switched off, or fixed to its mean: in the answer, and in the layers that come after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.analysis.attribution.gradient_pass import Change, PassSpec, run_pass
from core.analysis.attribution.targets import Target
from core.common.progress import Progress
from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.inputs import structure
from core.inputs.structure import in_structure

__all__ = ["Ablation", "ablate", "answers", "answers_without", "importance_of_units"]

_AT_ONCE: Final = 16


@dataclass(frozen=True)
class Ablation:
    """What a unit is good for.

    Attributes:
        before: What the model answers, its first output, shape ``(sample, …)``.
        after: What it answers without the unit.
        changed: By key of each later layer that answers numbers, in call order: how far its answer moves, as a share of
            its own length; 0 is not at all.
    """

    before: np.ndarray
    after: np.ndarray
    changed: dict[str, float]


def ablate(extractor: Extractor, inputs: Any, layer: str, unit: int, value: float = 0.0) -> Ablation:
    """Fix a unit or channel of a layer wherever it answers, and see what changes.

    Args:
        extractor: Holds the model.
        inputs: Samples, the sample axis first; in the model's own structure, or by input name.
        layer: Key of the layer; its last axis is that of units or channels.
        unit: Which one.
        value: What it is fixed to: 0 switches it off.

    Raises:
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises.
    """
    inputs = in_structure(extractor.model, inputs)
    layers = list(layers_of(extractor, inputs).values())
    start = next((number for number, each in enumerate(layers) if each.key == layer), 0)
    later = tuple(
        each.key for each in layers[start + 1 :] if not each.missing and ("float" in each.dtype or "int" in each.dtype)
    )
    before = run_pass(extractor, inputs, PassSpec(kept=(layer, *later), with_answer=True))
    change = _fixed(layer, before.values[layer], [unit], value)
    after = run_pass(extractor, inputs, PassSpec(kept=later, changed=(layer,), with_answer=True), changes=[change])
    changed = {key: _moved(before.values[key], after.values[key]) for key in later}
    return Ablation(_first(before.answer), _first(after.answer), changed)


def answers(extractor: Extractor, inputs: Any) -> np.ndarray:
    """Return what the model answers, its first output, shape ``(sample, …)``; see :func:`ablate`."""
    return _first(run_pass(extractor, in_structure(extractor.model, inputs), PassSpec(with_answer=True)).answer)


def answers_without(extractor: Extractor, inputs: Any, layer: str, unit: int, value: float = 0.0) -> np.ndarray:
    """Return what the model answers, its first output, with a unit fixed; see :func:`ablate`."""
    inputs = in_structure(extractor.model, inputs)
    shape = layers_of(extractor, inputs)[layer].output_shape
    change = _fixed(layer, np.empty((1, *[1] * (len(shape) - 2), shape[-1] or 1)), [unit], value)
    spec = PassSpec(changed=(layer,), with_answer=True)
    return _first(run_pass(extractor, inputs, spec, changes=[change]).answer)


def importance_of_units(
    extractor: Extractor,
    inputs: Any,
    target: Target,
    layer: str,
    values: np.ndarray | float = 0.0,
    *,
    most: int = 0,
    progress: Progress | None = None,
) -> np.ndarray:
    """Return by how much a target falls when each unit of a layer is fixed alone, shape ``(unit,)``.

    Args:
        extractor: Holds the model.
        inputs: One sample, the sample axis first; likewise.
        target: What falls.
        layer: Key of the layer.
        values: What each unit is fixed to.
        most: How many units to fix at most, those that differ the most from what they are fixed to; 0 takes all. NaN
            for those that are not.
        progress: Called with how much is done.

    Raises:
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises.
    """
    inputs = in_structure(extractor.model, inputs)
    found = run_pass(extractor, inputs, PassSpec.of(target, kept=(layer,)), target=target)
    answer = found.values[layer]
    count = answer.shape[-1]
    fixed = np.broadcast_to(values, (count,))
    falls = np.full(count, np.nan)
    strength = np.abs(np.nan_to_num(answer[0].reshape(-1, count)) - fixed).mean(axis=0)  # (*places, unit) -> (unit,)
    chosen = np.argsort(-strength, kind="stable")[: most or count]
    for start in range(0, len(chosen), _AT_ONCE):
        units = chosen[start : start + _AT_ONCE].tolist()
        copies = structure.repeated(inputs, len(units))
        change = _fixed(layer, np.repeat(answer[:1], len(units), axis=0), units, fixed[units])
        spec = PassSpec.of(target, changed=(layer,))
        after = run_pass(extractor, copies, spec, target=target, changes=[change])
        falls[units] = found.objective[0] - after.objective
        if progress:
            done = start + len(units)
            progress(done / len(chosen), f"{done:,} of {len(chosen):,} units switched off")
    return falls


def _fixed(layer: str, answer: np.ndarray, units: list[int], values: np.ndarray | float) -> Change:
    """Return the change that fixes one unit for all copies, or another one for each copy."""
    shape = (len(units), *[1] * (answer.ndim - 2), answer.shape[-1])
    scale, shift = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    rows = np.arange(len(units))
    flat_scale, flat_shift = scale.reshape(len(units), -1), shift.reshape(len(units), -1)
    flat_scale[rows, units], flat_shift[rows, units] = 0, values
    return Change(layer, scale, shift)


def _moved(before: np.ndarray, after: np.ndarray) -> float:
    first, second = (each.astype(np.float64).reshape(-1) for each in (before, after))
    return float(np.linalg.norm(second - first)) / max(float(np.linalg.norm(first)), 1e-12)


def _first(answer: Any) -> np.ndarray:
    return np.asarray(structure.flat(answer)[0])
