"""Class activation maps: which places of a convolution's answer speak for a target further on.

Grad-CAM (Selvaraju et al. 2017), Grad-CAM++ (Chattopadhay et al. 2018) and Score-CAM (Wang et al. 2020). Each weighs
the layer's maps and adds them up; they differ in the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from core.analysis.attribution.gradient_entry import GradientEntry, in_structure
from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.attribution.perturbing import Perturber
from core.analysis.attribution.targets import Target
from core.common.progress import Progress
from core.errors import NoGradient
from core.extraction.extractor import Extractor
from core.extraction.layers import input_key
from core.inputs import structure
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec

__all__ = ["CAM_METHODS", "CamMethod", "class_activation_map"]

CamMethod: TypeAlias = Literal["Grad-CAM", "Grad-CAM++", "Score-CAM"]
CAM_METHODS: Final[tuple[str, ...]] = get_args(CamMethod)
_CHANNELS_AT_ONCE: Final = 64


def class_activation_map(
    extractor: Extractor,
    inputs: Any,
    target: Target,
    layer: str,
    method: CamMethod = "Grad-CAM",
    *,
    most_channels: int = 0,
    shuffled: int | None = None,
    progress: Progress | None = None,
    specs: Sequence[InputSpec] | None = None,
) -> np.ndarray:
    """Return how much each place of a layer's answer speaks for a target, not scaled, shape ``(height, width)``.

    Args:
        extractor: Holds the model.
        inputs: One sample, the sample axis first; in the model's own structure, or by input name.
        target: What it speaks for: a class, or a unit of a later layer.
        layer: Key of the layer whose answer has places: ``(sample, height, width, channel)``, or ``(sample, time,
            unit)``, which gives the shape ``(time,)``.
        method: How the layer's maps are weighed. Score-CAM needs no gradient, but a pass per channel.
        most_channels: How many channels Score-CAM takes, those that vary the most; 0 takes all.
        shuffled: Seed by which the model's weights are shuffled first.
        progress: Called with how much is done.
        specs: What each input is taken for, by default what the layers say: Score-CAM covers the first image.

    Raises:
        NoGradient: If the target has no gradient by that layer, such as one that comes before it.
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises.
    """
    inputs = in_structure(extractor, inputs)
    if method == "Score-CAM":
        known = input_specs(extractor.model) if specs is None else specs
        return _score_cam(extractor, inputs, target, layer, most_channels, shuffled, progress, known)
    spec = PassSpec.of(target, points=(layer,), shuffled=shuffled)
    found = run_pass(extractor, inputs, spec, units=target.unit or 0, place=target.place)
    gradients = found.gradients[layer]
    if gradients is None:
        raise NoGradient(
            f"{target.layer!r} does not depend on {layer!r} by a gradient.",
            remedy="Choose a target after that layer, or Score-CAM, which needs no gradient.",
        )
    maps, gradients = found.values[layer][0], gradients[0]  # (*places, channel)
    places = tuple(range(maps.ndim - 1))
    if method == "Grad-CAM":
        weights = gradients.mean(axis=places)
    else:
        # The weights of the paper's equation 19, with the exponential of the score as what is derived.
        second, third = gradients**2, gradients**3
        below = 2 * second + (maps.sum(axis=places) * third)
        alphas = np.where(second != 0, second / np.where(below != 0, below, 1.0), 0.0)
        alphas = alphas / np.where(alphas.sum(axis=places) != 0, alphas.sum(axis=places), 1.0)
        weights = (alphas * np.maximum(gradients, 0)).sum(axis=places)
    return np.maximum((maps * weights).sum(axis=-1), 0)


def _score_cam(
    extractor: Extractor,
    inputs: Any,
    target: Target,
    layer: str,
    most_channels: int,
    shuffled: int | None,
    progress: Progress | None,
    specs: Sequence[InputSpec],
) -> np.ndarray:
    found = run_pass(extractor, inputs, PassSpec(kept=(layer,), shuffled=shuffled))
    maps = found.values[layer][0]  # (height, width, channel)
    named = structure.named_arrays(extractor.model, inputs)
    specs = specs or [
        InputSpec(name, each.shape[1:], each.dtype.name) for name, each in named.items() if each.ndim == 4
    ]
    images = (each for each in specs if each.kind == "image" and each.frame and each.name in named)
    image = next((each for each in images if named[each.name].dtype.kind == "f"), None)
    if image is None or maps.ndim != 3:
        raise NoGradient("Score-CAM covers parts of an image, and this model takes none.", remedy="Choose Grad-CAM.")
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    varied = np.flatnonzero(high > low)  # a map that is the same everywhere covers nothing
    if most_channels and len(varied) > most_channels:
        varied = np.sort(varied[np.argsort(-maps[..., varied].std(axis=(0, 1)), kind="stable")[:most_channels]])
    if not varied.size:
        return np.zeros(maps.shape[:2], np.float32)
    key = input_key(image.name)
    size = image.as_images(named[image.name]).shape[1:3]
    perturber = Perturber.at(
        extractor, inputs, replace(target, before_softmax=False), GradientEntry((key,)), shuffled=shuffled
    )
    nothing = np.zeros((1, *[1] * len(image.shape)), np.float32)
    blank = perturber.objectives({key: nothing}, {key: nothing})[0]
    increases = []
    for start in range(0, len(varied), _CHANNELS_AT_ONCE):
        part = varied[start : start + _CHANNELS_AT_ONCE]
        scaled = (maps[..., part] - low[part]) / (high - low)[part]
        masks = image.from_images(_resized(scaled, size))
        increases.append(perturber.objectives({key: masks}, {key: np.repeat(nothing, len(part), axis=0)}) - blank)
        if progress:
            done = min(start + _CHANNELS_AT_ONCE, len(varied))
            progress(done / len(varied), f"{done:,} of {len(varied):,} channels")
    return np.maximum(maps[..., varied] @ np.concatenate(increases), 0)


def _resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return maps of shape ``(height, width, channel)`` as masks of an image, shape ``(channel, height, width, 1)``."""
    import tensorflow as tf

    return np.moveaxis(tf.image.resize(maps, size).numpy(), -1, 0)[..., None]
