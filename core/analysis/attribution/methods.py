"""What an answer rests on: how much each part of an input counts, by gradients or by covering it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from core.analysis.attribution.gradient_entry import GradientEntry, gradient_entry
from core.analysis.attribution.map_places import SliceAxis, slice_axis
from core.analysis.attribution.perturbing import Perturber
from core.analysis.attribution.targets import Target
from core.common.choices import refuse_unknown
from core.common.progress import Progress
from core.errors import NoGradient
from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.extraction.layers import input_key, is_input
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec
from core.inputs.structure import in_structure

__all__ = ["METHODS", "Attribution", "Look", "Method", "attribute", "mean_of_samples"]

Method: TypeAlias = Literal["saliency", "gradient × input", "SmoothGrad", "integrated gradients", "occlusion"]
METHODS: Final[tuple[str, ...]] = get_args(Method)
_JUMPS: Final = (
    "At the baseline itself the answer jumps, as with a mask that hides zeros: the sum is compared with the answer "
    "right beside it."
)
_PRODUCT: Final = "gradient × input"
_FIRST_STEPS: Final = 32
_MOST_STEPS: Final = 512
_COMPLETE: Final = 0.005
_BESIDE: Final = 1e-4
_JUMP: Final = 0.01
_NOISE: Final = 0.15
_COVERED: Final = 6
_MOST_COPIES: Final = 4096
"""Of a finer grid of patches or cubes the larger ones are taken: each costs a pass."""


@dataclass(frozen=True)
class Attribution:
    """How much each part of what came at an entry counts for a target.

    Attributes:
        entry: Key of the input, or of the layer that the input first becomes real numbers in.
        given: What came there, without the sample axis, as it is drawn: an image is ``(height, width, channel)``, a
            volume or film ``(slice, height, width, channel)``.
        values: Of the same shape; of occlusion without the last axis, where that is of channels or features.
        is_signed: Whether less than zero means that it speaks against the target.
        objective: What the target amounts to.
        baseline: What it amounts to where every entry is at its baseline; None where the method has none.
        total: Sum over all entries, to be compared with ``objective - baseline``; None likewise.
        note: What a person has to know about it; empty for nothing.
        slice_axis: What the first axis of a volume or film is.
    """

    entry: str
    given: np.ndarray
    values: np.ndarray
    is_signed: bool
    objective: float
    baseline: float | None = None
    total: float | None = None
    note: str = ""
    slice_axis: SliceAxis = "depth"

    @property
    def completeness_error(self) -> float | None:
        """Share by which the sum misses the difference that it should be; None where the method promises none."""
        if self.baseline is None or self.total is None:
            return None
        difference = self.objective - self.baseline
        return abs(self.total - difference) / max(abs(difference), 1e-6)

    @property
    def by_part(self) -> np.ndarray:
        """A number for each part, as it is drawn: with a sign the sum over its channels, else the largest of them."""
        if self.given.ndim < 2 or self.values.ndim < self.given.ndim:
            return self.values
        return self.values.sum(axis=-1) if self.is_signed else self.values.max(axis=-1)


def mean_of_samples(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the baseline that is the mean of all samples, by entry, for the inputs of real numbers.

    Args:
        inputs: Samples by input name, each of shape ``(sample, …)``.
    """
    return {input_key(name): array.mean(axis=0) for name, array in inputs.items() if array.dtype.kind == "f"}


def attribute(  # noqa: PLR0913 - public: what each of the methods can be told
    extractor: Extractor,
    inputs: Any,
    target: Target,
    method: Method = "saliency",
    *,
    baseline: Mapping[str, np.ndarray] | None = None,
    samples: int = 24,
    noise: float = _NOISE,
    patch: int = 0,
    seed: int = 0,
    shuffled: int | None = None,
    progress: Progress | None = None,
    specs: Sequence[InputSpec] | None = None,
) -> tuple[Attribution, ...]:
    """Say how much each part of one sample counts for a target.

    Saliency (Simonyan et al. 2013) is the size of the gradient, gradient × input its product with the value (Shrikumar
    et al. 2016), SmoothGrad the mean size over noisy copies (Smilkov et al. 2017). Integrated gradients (Sundararajan
    et al. 2017) go from a baseline to the sample and sum up to the difference; steps are doubled until they do.
    Occlusion (Zeiler and Fergus 2014) covers parts and needs no gradient.

    Args:
        extractor: Holds the model.
        inputs: One sample, the sample axis first; in the model's own structure, or by input name.
        target: What is explained.
        method: How.
        baseline: By entry, or by the name of an input, what stands for nothing there, shape ``(…)``; zeros by default.
        samples: How many noisy copies SmoothGrad takes.
        noise: Their standard deviation, as a share of the range of the values.
        patch: Side of what occlusion covers, in pixels; 0 takes a sixth of the image, and one feature or timestep
            elsewhere.
        seed: Of the noise.
        shuffled: Seed by which the model's weights are shuffled first, see
            :func:`core.analysis.attribution.sanity.likeness`.
        progress: Called with how much is done.
        specs: What each input is taken for; by default what the layers say. Images are covered patch by patch, and come
            back with their channels last, ``(height, width, channel)``; volumes and films likewise by slices; what else
            has more than two axes comes back as ``(first axis, rest)``.

    Returns:
        One for each entry: each input, or the embedding of one that has no gradient.

    Raises:
        NoGradient: If the method needs a gradient and the target has none.
        InputRejected: If there is no such layer, method or entry, or more than one sample.
        ExtractionFailed: If the model raises.
    """
    refuse_unknown(method, METHODS, "method")
    inputs = in_structure(extractor.model, inputs)
    entries = gradient_entry(extractor, inputs, target)
    if not entries.keys and method != "occlusion":
        raise NoGradient(entries.stopped_by, remedy="Choose occlusion, which needs no gradient.")
    by_gradient = method != "occlusion"
    perturber = Perturber.at(extractor, inputs, target, entries, with_gradient=by_gradient, shuffled=shuffled)
    values = perturber.values
    specs = input_specs(extractor.model) if specs is None else specs
    sample = _Sample(
        perturber,
        values,
        _baselines(baseline or {}, values, perturber.inputs),
        {key: Look(value.ndim, key, specs) for key, value in values.items()},
        _note(entries, method),
        progress,
    )
    if method == "occlusion":
        attributions = _occlusion(sample, patch)
    elif method == "integrated gradients":
        attributions = _integrated(sample)
    else:
        copies = _NoisyCopies(samples, noise, seed) if method == "SmoothGrad" else _NoisyCopies(1, 0.0, seed)
        attributions = _by_gradient(sample, copies, is_product=method == _PRODUCT)
    layers = layers_of(extractor, inputs)
    return tuple(
        replace(sample.laid_out(each, is_by_part=not by_gradient), slice_axis=slice_axis(layers, each.entry, specs))
        for each in attributions
    )


@dataclass(frozen=True)
class _Sample:
    """What is explained, with what every method needs for it; by entry, without the sample axis.

    Attributes:
        perturber: Runs changed copies of it.
        values: What comes at each entry.
        baselines: What stands for nothing there.
        looks: How it is looked at.
        note: What a person has to know about it.
        progress: Called with how much is done.
    """

    perturber: Perturber
    values: Mapping[str, np.ndarray]
    baselines: Mapping[str, np.ndarray]
    looks: Mapping[str, Look]
    note: str
    progress: Progress | None

    def laid_out(self, attribution: Attribution, *, is_by_part: bool) -> Attribution:
        """Return an attribution as it is drawn; what is by part is already."""
        look = self.looks[attribution.entry]
        values = attribution.values if is_by_part else look.laid_out(attribution.values)
        return replace(attribution, given=look.laid_out(attribution.given), values=values)

    def between(self, shares: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the scale and shift that bring each entry from its baseline (share 0) to itself (1)."""
        scale, shift = {}, {}
        for key, value in self.values.items():
            share = _along_copies(shares.astype(np.float32), value.ndim)
            scale[key] = share
            shift[key] = (1 - share) * np.broadcast_to(self.baselines[key], value.shape)
        return scale, shift


@dataclass(frozen=True)
class _NoisyCopies:
    """How many copies of a sample a gradient is taken by, and how noisy they are, as a share of the values' range."""

    count: int
    noise: float
    seed: int


class Look:
    """How what comes at an entry is looked at: as a picture, over time, or as numbers in a row.

    Args:
        rank: Number of axes of one sample there.
        key: Key of the entry.
        specs: What the inputs are taken for; what a layer answers is judged by its axes.
    """

    def __init__(self, rank: int, key: str, specs: Sequence[InputSpec]) -> None:
        spec = next((spec for spec in specs if input_key(spec.name) == key), None)
        self._rank = rank
        self._spec = spec if spec and spec.kind == "image" and spec.frame and rank == len(spec.shape) else None
        self.is_image = self._spec is not None or (spec is None and rank == 3)
        self.is_volume = not self.is_image and (rank == 4 or (rank == 3 and spec is not None and spec.kind == "volume"))
        self.is_over_time = rank == 2 and not self.is_image

    def laid_out(self, value: np.ndarray) -> np.ndarray:
        """Return one sample as it is drawn: ``(height, width, channel)``, slices of it, ``(time, …)``."""
        if self._spec:
            return self._spec.as_images(value[np.newaxis])[0]
        if self.is_volume:
            return value if value.ndim == 4 else value[..., np.newaxis]
        return value if self.is_image or value.ndim < 3 else value.reshape(len(value), -1)

    def parts(self, value: np.ndarray, patch: int) -> _Parts:
        """Return the parts of a sample that occlusion covers, one after another."""
        if self.is_image or self.is_volume:
            return _patches(self.laid_out(value).shape[:-1], patch)
        return _pieces(value.shape, patch)

    def as_given(self, parts: np.ndarray) -> np.ndarray:
        """Return parts so that they broadcast to samples as the model takes them."""
        if self._spec:
            return self._spec.from_images(parts)
        return parts if not self.is_volume or parts.ndim == self._rank + 1 else parts[..., 0]

    def by_part(self, mean: np.ndarray) -> np.ndarray:
        """Return a number for each part without the axes that it is one for: channels, or all behind the steps."""
        return mean[..., 0] if self.is_image or self.is_volume else mean.reshape(mean.shape[:1])


def _baselines(
    baseline: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return what stands for nothing at each entry; an input may go by its name alone."""
    keys = {*values, *map(input_key, inputs)}
    by_entry = {}
    for name, nothing in baseline.items():
        refuse_unknown(name, sorted({*keys, *inputs}), "entry")
        by_entry[name if name in keys else input_key(name)] = nothing
    return {key: np.asarray(by_entry.get(key, 0.0), np.float32) for key in values}


def _note(entries: GradientEntry, method: str) -> str:
    if not entries.stopped_by:
        return ""
    keys = entries.changeable if method == "occlusion" and entries.changeable else entries.keys
    inside = [repr(key) for key in keys if not is_input(key)]
    if inside:
        of = "it" if len(inside) == 1 else "them"
        makes = "makes" if len(inside) == 1 else "make"
        return f"{entries.stopped_by} What {' and '.join(inside)} {makes} of {of} is explained instead."
    if method == "occlusion":
        return f"{entries.stopped_by} Occlusion needs none."
    return entries.stopped_by


def _by_gradient(sample: _Sample, copies: _NoisyCopies, *, is_product: bool) -> list[Attribution]:
    perturber, values = sample.perturber, sample.values
    scale = {key: np.ones((copies.count, *[1] * value.ndim), np.float32) for key, value in values.items()}
    results = perturber.run(scale, _noise(sample, copies), perturber.keys, sample.progress)
    sums = {key: np.zeros(value.shape, np.float64) for key, value in values.items()}
    for result in results:
        for key, total in sums.items():
            gradient = _existing(result.gradients[key])
            total += (gradient if is_product else np.abs(gradient)).sum(axis=0, dtype=np.float64)
    objective = float(np.concatenate([result.objective for result in results]).mean())
    attributions = []
    for key, value in values.items():
        mean = (sums[key] / copies.count).astype(np.float32)
        product = mean * value if is_product else mean
        attributions.append(Attribution(key, value, product, is_product, objective, note=sample.note))
    return attributions


def _noise(sample: _Sample, copies: _NoisyCopies) -> dict[str, np.ndarray]:
    random = np.random.default_rng(copies.seed)
    shift = {}
    for key, value in sample.values.items():
        spread = copies.noise * float(np.ptp(value))
        noise = random.normal(size=(copies.count, *value.shape)).astype(np.float32) * spread
        # A timestep or frame of zeros is padding, which a mask hides as long as it stays zero.
        shift[key] = noise * value.any(axis=-1, keepdims=True) if sample.looks[key].is_over_time else noise
    return shift


def _existing(gradient: np.ndarray | None) -> np.ndarray:
    assert gradient is not None, "entries have a gradient"
    return gradient


def _integrated(sample: _Sample) -> list[Attribution]:
    perturber, note = sample.perturber, sample.note
    baseline, beside, objective = perturber.objectives(*sample.between(np.array([0.0, _BESIDE, 1.0])))
    if abs(beside - baseline) > _JUMP * abs(objective - baseline):
        # Only there is everything hidden, and no sum of gradients can tell of a jump.
        baseline = beside
        note = f"{note} {_JUMPS}".strip()
    steps = _FIRST_STEPS
    while True:
        integrals = _integrals(sample, steps)
        total = float(sum(integral.sum(dtype=np.float64) for integral in integrals.values()))
        missed = abs(total - float(objective - baseline))
        if missed <= _COMPLETE * abs(objective - baseline) or steps >= _MOST_STEPS:
            break
        steps *= 2
    return [
        Attribution(key, value, integrals[key], True, float(objective), float(baseline), total, note)
        for key, value in sample.values.items()
    ]


def _integrals(sample: _Sample, steps: int) -> dict[str, np.ndarray]:
    """Return by entry the gradient along the way from the baseline to the sample, times that way."""
    # The midpoints of equal steps: no point is at an end, where a ReLU may bend.
    shares = (np.arange(steps) + 0.5) / steps
    results = sample.perturber.run(*sample.between(shares), sample.perturber.keys, sample.progress)
    integrals = {}
    for key, value in sample.values.items():
        gradients = np.concatenate([_existing(result.gradients[key]) for result in results])
        mean = gradients.mean(axis=0, dtype=np.float64)
        integrals[key] = ((value - sample.baselines[key]) * mean).astype(np.float32)
    return integrals


def _occlusion(sample: _Sample, patch: int) -> list[Attribution]:
    perturber, values = sample.perturber, sample.values
    unchanged = {key: np.ones((1, *[1] * value.ndim), np.float32) for key, value in values.items()}
    nothing = {key: np.zeros_like(ones) for key, ones in unchanged.items()}
    objective = float(perturber.objectives(unchanged, nothing)[0])
    attributions = []
    for key, value in values.items():
        look = sample.looks[key]
        places = look.parts(value, patch)
        total, times = np.zeros((2, *places.shape))
        # Batch by batch: the covers of all copies of a volume are hundreds of times as large as itself.
        for start in range(0, len(places.slices), perturber.at_once):
            parts = places.covers(start, perturber.at_once)
            covers = look.as_given(parts)
            ones = {other: np.repeat(unchanged[other], len(covers), axis=0) for other in values}
            zeros = {other: np.repeat(nothing[other], len(covers), axis=0) for other in values}
            shift = covers * np.broadcast_to(sample.baselines[key], value.shape)
            objectives = perturber.objectives({**ones, key: 1 - covers}, {**zeros, key: shift})
            for number, covered in enumerate(places.slices[start : start + len(covers)]):
                total[covered] += objective - objectives[number]
                times[covered] += 1
            if sample.progress:
                done, count = start + len(covers), len(places.slices)
                sample.progress(done / count, f"{done:,} of {count:,} changed copies")
        # A part is covered several times: the mean over those.
        mean = (total / np.maximum(times, 1)).astype(np.float32)
        note = f"{sample.note} {places.note}".strip()
        attributions.append(Attribution(key, value, look.by_part(mean), True, objective, note=note))
    return attributions


@dataclass(frozen=True)
class _Parts:
    """The parts of a sample that occlusion covers one after another.

    Attributes:
        shape: Of the sample, with an extent of 1 where a part holds all: ``(height, width, 1)``, ``(slice, height,
            width, 1)``, ``(time, 1, …)`` or ``(feature,)``.
        slices: Of each part.
        note: How they differ from those that were asked for; empty for not at all.
    """

    shape: tuple[int, ...]
    slices: Sequence[tuple[slice, ...]]
    note: str = ""

    def covers(self, start: int, count: int) -> np.ndarray:
        """Return some of them, 1 where a copy is covered, shape ``(copy, …)``."""
        some = self.slices[start : start + count]
        covers = np.zeros((len(some), *self.shape), np.float32)
        for cover, covered in zip(covers, some, strict=True):
            cover[covered] = 1
        return covers


def _along_copies(numbers: np.ndarray, rank: int) -> np.ndarray:
    """Return one number per copy so that it broadcasts to copies of a sample with so many axes."""
    return numbers.reshape(-1, *[1] * rank)


def _patches(sizes: tuple[int, ...], patch: int) -> _Parts:
    """Return the patches of a picture, or cubes of a volume.

    Patches lie half over each other. Cubes lie beside each other: there would be eight times as many of them. Of too
    many to be run the smallest that are few enough are taken.
    """
    side = wanted = patch or max(1, round(min(sizes[-2:]) / _COVERED))
    while True:
        step = max(1, side // 2) if len(sizes) == 2 else side
        starts = [_starts(size, side, step) for size in sizes]
        if math.prod(map(len, starts)) <= _MOST_COPIES:
            break
        side += 1
    corners = itertools.product(*starts)
    slices = [tuple(slice(start, start + side) for start in corner) for corner in corners]
    note = f"A side of {wanted} would be more than {_MOST_COPIES:,} copies: {side} is taken." if side > wanted else ""
    return _Parts((*sizes, 1), slices, note)


def _pieces(shape: tuple[int, ...], patch: int) -> _Parts:
    """Return features, or timesteps with all that they hold; where there are very many, some beside each other."""
    count = shape[0] if shape else 1
    side = max(patch, 1, -(-count // 1024))
    slices = [(slice(start, start + side),) for start in range(0, count, side)]
    return _Parts((count, *[1] * (len(shape) - 1)), slices)


def _starts(extent: int, side: int, step: int) -> list[int]:
    last = max(0, extent - side)
    return sorted({*range(0, last + 1, step), last})
