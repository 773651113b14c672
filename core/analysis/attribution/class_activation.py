"""Class activation maps: which places of a layer's answer speak for a target further on.

Grad-CAM (Selvaraju et al. 2017), Grad-CAM++ (Chattopadhay et al. 2018), LayerCAM (Jiang et al. 2021) and Score-CAM
(Wang et al. 2020). Each weighs the layer's maps and adds them up; they differ in the weights. Maps are of any number of
axes: of an image, of a volume or film, of a series or text, of the patches of a vision transformer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from core.analysis.attribution.gradient_entry import GradientEntry, gradient_entry
from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.attribution.map_places import MapPlaces, map_places
from core.analysis.attribution.perturbing import Perturber
from core.analysis.attribution.targets import Target
from core.common.choices import refuse_unknown
from core.common.progress import Progress
from core.errors import NoGradient
from core.extraction.extractor import Extractor
from core.extraction.known_layers import known_layers
from core.extraction.layers import input_key, is_input
from core.inputs import structure
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec
from core.inputs.structure import in_structure

__all__ = ["CAM_METHODS", "CamMethod", "class_activation_map"]

CamMethod: TypeAlias = Literal["Grad-CAM", "Grad-CAM++", "LayerCAM", "Score-CAM"]
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
    """Return how much each place of a layer's answer speaks for a target, not scaled, never less than zero.

    Args:
        extractor: Holds the model.
        inputs: One sample, the sample axis first; in the model's own structure, or by input name.
        target: What it speaks for: a class, or a unit of a later layer. With ``sign=-1`` it is what speaks against it.
        layer: Key of the layer whose answer has places, or of one call of it.
        method: How the layer's maps are weighed: Grad-CAM by the mean gradient of each, Grad-CAM++ by where it is
            positive, LayerCAM each place by its own positive gradient. Score-CAM needs no gradient, but a pass per
            channel, in which the inputs behind that call of the layer are covered by it.
        most_channels: How many channels Score-CAM takes, those that vary the most; 0 takes all.
        shuffled: Seed by which the model's weights are shuffled first.
        progress: Called with how much is done.
        specs: What each input is taken for, by default what the layers say.

    Returns:
        Of the layer's own places: ``(height, width)`` of feature maps, ``(depth, height, width)`` of a volume, ``(time,
        height, width)`` of a film, ``(time,)`` of a sequence or of patches; see
        :func:`core.analysis.attribution.map_places`.

    Raises:
        NoGradient: If the target has no gradient by that layer, such as one that comes before it.
        InputRejected: If there is no such layer or method, or it has no values.
        ExtractionFailed: If the model raises.
    """
    refuse_unknown(method, CAM_METHODS, "method")
    called = next((each for each in known_layers(extractor) if each.key == layer), None)
    if called is not None and called.is_stepwise:
        raise NoGradient(
            f"{layer!r} is called at each step of a loop alone: nothing works on all that it answered, so that there "
            "is no gradient by it, and its steps lie over nothing that goes in.",
            remedy="Choose the layer that the loop is in.",
        )
    request = _MapRequest(extractor, in_structure(extractor.model, inputs), target, layer, shuffled)
    if method == "Score-CAM":
        known = input_specs(extractor.model) if specs is None else specs
        return _score_cam(request, known, most_channels, progress)
    return _by_gradient(request, _WEIGHTS[method])


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
    result = run_pass(request.extractor, request.inputs, spec, target=target)
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


def _layer_cam_weights(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    # Equation 5 of the paper: each place of each map has a weight of its own.
    return np.maximum(gradients, 0)


_WEIGHTS: Final[dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "Grad-CAM": _grad_cam_weights,
    "Grad-CAM++": _grad_cam_plus_plus_weights,
    "LayerCAM": _layer_cam_weights,
}


def _score_cam(
    request: _MapRequest, specs: Sequence[InputSpec], most_channels: int, progress: Progress | None
) -> np.ndarray:
    extractor, layer, shuffled = request.extractor, request.layer, request.shuffled
    result = run_pass(extractor, request.inputs, PassSpec(kept=(layer,), shuffled=shuffled))
    maps = result.values[layer][0]  # (*places, channel)
    channels = _varied_channels(maps, most_channels)
    if not channels.size:
        return np.zeros(maps.shape[:-1], np.float32)
    covered = _covered(request, maps, specs)
    # The paper weighs by the probability, which of a target between 0 and 1 is behind its softmax.
    probability = replace(request.target, before_softmax=False)
    entries = GradientEntry(tuple(covered), changeable=tuple(covered))
    perturber = Perturber.at(extractor, request.inputs, probability, entries, shuffled=shuffled)
    ranks = {key: value.ndim for key, value in perturber.values.items()}
    nothing = {key: np.zeros((1, *[1] * rank), np.float32) for key, rank in ranks.items()}
    blank = perturber.objectives(nothing, nothing)[0]
    increases = []
    for start in range(0, len(channels), _CHANNELS_AT_ONCE):
        some = channels[start : start + _CHANNELS_AT_ONCE]
        masks = _from_0_to_1(maps[..., some])
        scale = {key: cover(masks) for key, cover in covered.items()}
        shift = {key: np.repeat(zeros, len(some), axis=0) for key, zeros in nothing.items()}
        increases.append(perturber.objectives(scale, shift) - blank)
        if progress:
            done = start + len(some)
            progress(done / len(channels), f"{done:,} of {len(channels):,} channels")
    return np.maximum(maps[..., channels] @ np.concatenate(increases), 0)


def _covered(
    request: _MapRequest, maps: np.ndarray, specs: Sequence[InputSpec]
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return what is covered for Score-CAM, by entry: how maps ``(*places, channel)`` become masks of it.

    That is each input behind this call of the layer that the maps lie over; a text or tokens at their embedding.
    """
    named = structure.named_arrays(request.extractor.model, request.inputs)
    known = {spec.name: spec for spec in specs}
    covered: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    entries = gradient_entry(request.extractor, request.inputs, request.target)
    inside = [key for key in entries.changeable if not is_input(key)]
    for places in map_places(request.extractor, request.inputs, request.layer, maps.shape, specs):
        if places.kind == "alone":
            continue
        array = named[places.input]
        spec = known.get(places.input) or InputSpec(places.input, array.shape[1:], array.dtype.name)
        if array.dtype.kind == "f":
            covered[input_key(places.input)] = partial(_masks, places=places, spec=spec, shape=array.shape[1:])
        elif places.kind == "series" and len(inside) == 1:
            covered[inside[0]] = partial(_masks, places=places, spec=spec, shape=(array.shape[-1], 1))
    if not covered:
        raise NoGradient(
            "Score-CAM covers parts of what goes in, and no input lies under this layer's places.",
            remedy="Choose Grad-CAM.",
        )
    return covered


def _masks(maps: np.ndarray, *, places: MapPlaces, spec: InputSpec, shape: Sequence[int]) -> np.ndarray:
    """Return maps ``(*places, channel)`` as masks ``(channel, …)`` that broadcast to an input of a shape."""
    grid = places.laid_out(maps)
    if places.kind in ("image", "patches") and spec.kind == "image":
        height, width = spec.as_images(np.broadcast_to(np.float32(0), (1, *shape))).shape[1:3]
        return spec.from_images(_stretched(grid, (height, width))[..., None])
    # A map that is one for all slices or frames covers each alike.
    sizes = shape[1:3] if places.kind == "image" else shape[: grid.ndim - 1]
    stretched = _stretched(grid, sizes)
    stretched = stretched[:, None] if places.kind == "image" else stretched
    return stretched.reshape(*stretched.shape, *[1] * (len(shape) + 1 - stretched.ndim))


def _varied_channels(maps: np.ndarray, most: int) -> np.ndarray:
    """Return the channels whose maps are not the same everywhere, which would cover nothing; those that vary most."""
    rows = maps.reshape(-1, maps.shape[-1])  # (*places, channel) -> (place, channel)
    varied = np.flatnonzero(rows.max(axis=0) > rows.min(axis=0))
    if not most or len(varied) <= most:
        return varied
    spread = rows[:, varied].std(axis=0)
    return np.sort(varied[np.argsort(-spread, kind="stable")[:most]])


def _from_0_to_1(maps: np.ndarray) -> np.ndarray:
    places = tuple(range(maps.ndim - 1))
    low, high = maps.min(axis=places), maps.max(axis=places)
    return (maps - low) / (high - low)


def _stretched(maps: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return maps ``(*grid, channel)`` stretched to sizes, linearly, shape ``(channel, *sizes)``."""
    import tensorflow as tf

    values = np.moveaxis(maps, -1, 0)  # (channel, *grid)
    if values.ndim == 2:
        return tf.image.resize(values[..., None, None], (sizes[0], 1)).numpy()[..., 0, 0]
    if values.ndim == 3:
        return tf.image.resize(values[..., None], tuple(sizes)).numpy()[..., 0]
    count, depth = values.shape[:2]
    flat = tf.image.resize(values.reshape(count * depth, *values.shape[2:])[..., None], tuple(sizes[1:])).numpy()
    slices = flat.reshape(count, depth, -1, 1)  # (channel, depth, pixel, 1): depth is stretched alone
    stretched = tf.image.resize(slices, (sizes[0], slices.shape[2])).numpy()
    return stretched.reshape(count, *sizes)
