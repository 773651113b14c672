"""Deletion and insertion curves, by which methods can be compared by number (Petsiuk et al. 2018, RISE).

Deletion takes away what is said to count the most first: of a good picture the answer falls at once, and the area under
its curve is small. Insertion starts from nothing and puts that back first: the answer rises at once, and the area is
large. The same in an order by chance says what the numbers are worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from core.analysis.attribution.gradient_entry import GradientEntry
from core.analysis.attribution.methods import Attribution, Look
from core.analysis.attribution.perturbing import Perturber
from core.analysis.attribution.targets import Target
from core.common.progress import Progress
from core.common.text import number_text
from core.extraction.extractor import Extractor
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec
from core.inputs.structure import in_structure

__all__ = ["RemovalCurves", "removal_curves"]

_STEPS: Final = 24
_BLUR: Final = 0.08
"""How much of an image's size is left where it is blurred: it is made so small, and large again."""


@dataclass(frozen=True)
class RemovalCurves:
    """What a target amounts to while parts are taken away, or put back, the most important first.

    Attributes:
        shares: Share of the parts that are changed, from 0 to 1, shape ``(step,)``.
        deletion: The target after so many were taken away, likewise.
        insertion: After so many were put back, likewise.
        random_deletion: As ``deletion``, in an order by chance.
        random_insertion: As ``insertion``, in an order by chance.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray

    def area(self, curve: np.ndarray) -> float:
        """Return the area under one of the curves, by trapezoids."""
        return float(np.trapezoid(curve, self.shares))

    def in_words(self) -> str:
        """Say the areas: ``"Deletion 0.21 (by chance 0.4), insertion 0.83 (by chance 0.5)"``."""
        parts = [
            f"{name} {number_text(self.area(curve))} (by chance {number_text(self.area(chance))})"
            for name, curve, chance in (
                ("deletion", self.deletion, self.random_deletion),
                ("insertion", self.insertion, self.random_insertion),
            )
        ]
        return f"Area under the curves: {', '.join(parts)}; small deletion and large insertion are good"


def removal_curves(
    extractor: Extractor,
    inputs: Any,
    target: Target,
    importance: Mapping[str, np.ndarray] | Sequence[Attribution],
    *,
    steps: int = _STEPS,
    seed: int = 0,
    progress: Progress | None = None,
    specs: Sequence[InputSpec] | None = None,
) -> RemovalCurves:
    """Take away, and put back, the parts of a sample in the order in which they are said to count.

    A part is a pixel with its channels, a voxel, a timestep or a feature. What is taken away becomes zero; insertion
    starts from a blurred image, as in the paper, and elsewhere from zero. The target is taken behind its softmax or
    sigmoid, where it has one, so that areas are those of a probability. Parts of several inputs are ranked together.

    Args:
        extractor: Holds the model.
        inputs: One sample, the sample axis first; in the model's own structure, or by input name.
        target: What falls and rises.
        importance: Attributions of it; or by entry a number per part, as it is drawn: ``(height, width)``, ``(slice,
            height, width)``, ``(time,)`` or ``(feature,)``.
        steps: In how many steps all is taken away.
        seed: Of the order by chance.
        progress: Called with how much is done.
        specs: What each input is taken for, by default what the layers say.

    Raises:
        InputRejected: If there is no such layer, or more than one sample.
        ExtractionFailed: If the model raises.
    """
    by_entry = importance if isinstance(importance, Mapping) else {each.entry: each.by_part for each in importance}
    arranged = in_structure(extractor.model, inputs)
    entries = GradientEntry(tuple(by_entry), changeable=tuple(by_entry))
    perturber = Perturber.at(extractor, arranged, replace(target, before_softmax=False), entries)
    specs = input_specs(extractor.model) if specs is None else specs
    values = perturber.values
    looks = {key: Look(value.ndim, key, specs) for key, value in values.items()}
    removal = _Removal(perturber, values, looks, {key: each.shape for key, each in by_entry.items()}, progress)
    flat = np.concatenate([np.nan_to_num(each).reshape(-1) for each in by_entry.values()])
    counts = np.round(np.linspace(0, flat.size, min(steps, flat.size) + 1)).astype(int)
    ranked = np.argsort(-flat, kind="stable")
    chance = np.random.default_rng(seed).permutation(flat.size)
    nothing = {key: np.zeros_like(value) for key, value in values.items()}
    blurred = {key: _blurred(value, looks[key]) for key, value in values.items()}
    deletion, by_chance = (removal.objectives(order, counts, nothing, is_kept=False) for order in (ranked, chance))
    insertion, put_back = (removal.objectives(order, counts, blurred, is_kept=True) for order in (ranked, chance))
    return RemovalCurves(counts / flat.size, deletion, insertion, by_chance, put_back)


@dataclass(frozen=True)
class _Removal:
    """A sample of which parts are replaced; by entry what it is, how it is looked at, the shape of its parts."""

    perturber: Perturber
    values: Mapping[str, np.ndarray]
    looks: Mapping[str, Look]
    shapes: Mapping[str, tuple[int, ...]]
    progress: Progress | None

    def objectives(
        self, order: np.ndarray, counts: np.ndarray, replacement: Mapping[str, np.ndarray], *, is_kept: bool
    ) -> np.ndarray:
        """Return what the target amounts to when so many parts, the first of an order, are replaced, or alone kept."""
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size)
        is_first = rank[None, :] < counts[:, None]  # (copy, part)
        kept = (is_first if is_kept else ~is_first).astype(np.float32)
        scale, shift, start = {}, {}, 0
        for key, shape in self.shapes.items():
            size = int(np.prod(shape))
            value = self.values[key]
            parts = kept[:, start : start + size].reshape(len(counts), *shape)
            # What a part holds beside its place, such as channels, goes with it.
            drawn = self.looks[key].laid_out(value).ndim
            mask = self.looks[key].as_given(parts.reshape(*parts.shape, *[1] * (drawn - len(shape))))
            mask = mask.reshape(*mask.shape, *[1] * (value.ndim + 1 - mask.ndim))
            scale[key], shift[key], start = mask, (1 - mask) * replacement[key], start + size
        return self.perturber.objectives(scale, shift, self.progress)


def _blurred(value: np.ndarray, look: Look) -> np.ndarray:
    """Return an image without its details; zeros of what is no image."""
    if not look.is_image:
        return np.zeros_like(value)
    import tensorflow as tf

    image = look.laid_out(value)
    height, width = image.shape[:2]
    small = [max(2, round(side * _BLUR)) for side in (height, width)]
    coarse = tf.image.resize(image, small, antialias=True)
    return look.as_given(tf.image.resize(coarse, (height, width)).numpy()[np.newaxis])[0]
