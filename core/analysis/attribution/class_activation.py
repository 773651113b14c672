"""Class activation maps: which places of a convolution's answer speak for a target further on.

Grad-CAM (Selvaraju et al. 2017), Grad-CAM++ (Chattopadhay et al. 2018) and Score-CAM (Wang et al. 2020). Each weighs
the layer's maps and adds them up; they differ in the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from core.analysis.attribution.gradient_entry import GradientEntry
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
from core.inputs.structure import in_structure

__all__ = ["CAM_METHODS", "CamMethod", "class_activation_map"]

CamMethod: TypeAlias = Literal["Grad-CAM", "Grad-CAM++", "Score-CAM"]
CAM_METHODS: Final[tuple[str, ...]] = get_args(CamMethod)
_CHANNELS_AT_ONCE: Final = 64


def class_activation_map(  # noqa: PLR0913 - public: what each of the methods can be told
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
    request = _MapRequest(extractor, in_structure(extractor.model, inputs), target, layer, shuffled)
    if method == "Score-CAM":
        known = input_specs(extractor.model) if specs is None else specs
        return _score_cam(request, known, most_channels, progress)
    return _by_gradient(request, _grad_cam_weights if method == "Grad-CAM" else _grad_cam_plus_plus_weights)


@dataclass(frozen=True)
class _MapRequest:
    """What a map is made of: the sample and the layer, and the target that the layer's maps are weighed by."""

    extractor: Extractor
    inputs: Any
    target: Target
    layer: str
    shuffled: int | None


def _by_gradient(request: _MapRequest, weights_of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    target, layer = request.target, request.layer
    spec = PassSpec.of(target, points=(layer,), shuffled=request.shuffled)
    result = run_pass(request.extractor, request.inputs, spec, units=target.unit or 0, place=target.place)
    gradients = result.gradients[layer]
    if gradients is None:
        raise NoGradient(
            f"{target.layer!r} does not depend on {layer!r} by a gradient.",
            remedy="Choose a target after that layer, or Score-CAM, which needs no gradient.",
        )
    maps = result.values[layer][0]  # (*places, channel)
    return np.maximum((maps * weights_of(maps, gradients[0])).sum(axis=-1), 0)


def _grad_cam_weights(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return gradients.mean(axis=tuple(range(maps.ndim - 1)))


def _grad_cam_plus_plus_weights(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    # The weights of the paper's equation 19, with the exponential of the score as what is derived.
    places = tuple(range(maps.ndim - 1))
    second, third = gradients**2, gradients**3
    below = 2 * second + (maps.sum(axis=places) * third)
    alphas = np.where(second != 0, second / np.where(below != 0, below, 1.0), 0.0)
    alphas = alphas / np.where(alphas.sum(axis=places) != 0, alphas.sum(axis=places), 1.0)
    return (alphas * np.maximum(gradients, 0)).sum(axis=places)


def _score_cam(
    request: _MapRequest, specs: Sequence[InputSpec], most_channels: int, progress: Progress | None
) -> np.ndarray:
    extractor, layer, shuffled = request.extractor, request.layer, request.shuffled
    result = run_pass(extractor, request.inputs, PassSpec(kept=(layer,), shuffled=shuffled))
    maps = result.values[layer][0]  # (height, width, channel)
    named = structure.named_arrays(extractor.model, request.inputs)
    image = _first_image(named, specs)
    if image is None or maps.ndim != 3:
        raise NoGradient("Score-CAM covers parts of an image, and this model takes none.", remedy="Choose Grad-CAM.")
    channels = _varied_channels(maps, most_channels)
    if not channels.size:
        return np.zeros(maps.shape[:2], np.float32)
    key = input_key(image.name)
    size = image.as_images(named[image.name]).shape[1:3]
    probability = replace(request.target, before_softmax=False)
    perturber = Perturber.at(extractor, request.inputs, probability, GradientEntry((key,)), shuffled=shuffled)
    nothing = np.zeros((1, *[1] * len(image.shape)), np.float32)
    blank = perturber.objectives({key: nothing}, {key: nothing})[0]
    increases = []
    for start in range(0, len(channels), _CHANNELS_AT_ONCE):
        some = channels[start : start + _CHANNELS_AT_ONCE]
        masks = image.from_images(_resized(_from_0_to_1(maps[..., some]), size))
        increases.append(perturber.objectives({key: masks}, {key: np.repeat(nothing, len(some), axis=0)}) - blank)
        if progress:
            done = start + len(some)
            progress(done / len(channels), f"{done:,} of {len(channels):,} channels")
    return np.maximum(maps[..., channels] @ np.concatenate(increases), 0)


def _first_image(named: Mapping[str, np.ndarray], specs: Sequence[InputSpec]) -> InputSpec | None:
    """Return the first input of real numbers that is taken for an image, or looks like one where nothing is known."""
    specs = specs or [
        InputSpec(name, array.shape[1:], array.dtype.name) for name, array in named.items() if array.ndim == 4
    ]
    images = (spec for spec in specs if spec.kind == "image" and spec.frame and spec.name in named)
    return next((spec for spec in images if named[spec.name].dtype.kind == "f"), None)


def _varied_channels(maps: np.ndarray, most: int) -> np.ndarray:
    """Return the channels whose maps are not the same everywhere, which would cover nothing; those that vary most."""
    varied = np.flatnonzero(maps.max(axis=(0, 1)) > maps.min(axis=(0, 1)))
    if not most or len(varied) <= most:
        return varied
    spread = maps[..., varied].std(axis=(0, 1))
    return np.sort(varied[np.argsort(-spread, kind="stable")[:most]])


def _from_0_to_1(maps: np.ndarray) -> np.ndarray:
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    return (maps - low) / (high - low)


def _resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return maps of shape ``(height, width, channel)`` as masks of an image, shape ``(channel, height, width, 1)``."""
    import tensorflow as tf

    return np.moveaxis(tf.image.resize(maps, size).numpy(), -1, 0)[..., None]
