"""Where an input becomes numbers that a gradient can be taken by, and what stops a gradient on its way there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.attribution.map_places import inputs_behind
from core.analysis.attribution.targets import Target
from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.extraction.layers import LayerInfo, input_key, input_name, is_input
from core.extraction.lite_models import NO_LITE_GRADIENT, is_lite_model
from core.inputs import structure

__all__ = ["GradientEntry", "gradient_entry"]


@dataclass(frozen=True)
class GradientEntry:
    """Where what goes in can be changed a little.

    Attributes:
        keys: The inputs that the target has a gradient by; of one that it has none by, the layer nearest to it that it
            has one by, such as an embedding, unless other inputs go in there too; empty where there is none.
        stopped_by: Why it has none by the inputs, or by some of them, in a sentence; empty where it has.
        changeable: Likewise for who needs no gradient: each input of real numbers, and of each other one the first
            layer that answers real numbers.
    """

    keys: tuple[str, ...]
    stopped_by: str = ""
    changeable: tuple[str, ...] = ()


def gradient_entry(extractor: Extractor, inputs: Any, target: Target) -> GradientEntry:
    """Find where the gradient of a target can be taken; found once for each layer.

    Args:
        extractor: Holds the model.
        inputs: One sample.
        target: What is explained.

    Raises:
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises.
    """
    shapes = repr([(array.shape[1:], str(array.dtype)) for array in map(np.asarray, structure.flat(inputs))])
    entry: GradientEntry = extractor.derived.get(
        ("entries", target.layer, target.before_softmax, shapes), lambda: _entry(extractor, inputs, target)
    )
    return entry


def _entry(extractor: Extractor, inputs: Any, target: Target) -> GradientEntry:
    tensors = structure.to_tensors(extractor.model, inputs)
    named = structure.named_tensors(extractor.model, tensors)
    floating = tuple(input_key(name) for name, tensor in named.items() if tensor.dtype.is_floating)
    if is_lite_model(extractor.model):
        return GradientEntry((), NO_LITE_GRADIENT, floating)
    whole = Target(target.layer, None if target.unit is None else 0, (), target.before_softmax)
    layers = layers_of(extractor, inputs)
    real = [key for key, layer in layers.items() if _is_real(layer) and not layer.holds_layers]
    behind = {key: inputs_behind(layers, key) for key in real}
    with_gradient = set(_with_gradient(extractor, inputs, whole, (*floating, *real))) - {target.layer}
    keys, changeable, stopped, unreached = [], [], [], []
    for name in named:
        key = input_key(name)
        # What several inputs flow into is the entry of none of them, unless the model has no other.
        own = [each for each in real if behind[each] == (name,) or len(named) == 1]
        entry = key if key in with_gradient else next((each for each in own if each in with_gradient), "")
        changed = key if key in floating else next(iter(own), "")
        keys += [entry] if entry else []
        changeable += [changed] if changed else []
        if entry == key:
            continue
        if entry:
            stopped.append(_stopper(layers, named, entry, name))
        else:
            unreached.append(name)
    if unreached and keys:
        stopped.append(_without_gradient(named, unreached))
    elif unreached:
        first = next((key for key in real if key in with_gradient), "")
        stopped.append(_stopper(layers, named, first or target.layer, unreached[0]))
        keys = [first] if first else []
    return GradientEntry(tuple(dict.fromkeys(keys)), " ".join(stopped), tuple(dict.fromkeys(changeable)))


def _with_gradient(extractor: Extractor, inputs: Any, target: Target, points: tuple[str, ...]) -> tuple[str, ...]:
    if not points:
        return ()
    gradients = run_pass(extractor, inputs, PassSpec.of(target, points=points)).gradients
    return tuple(point for point in points if gradients[point] is not None)


def _without_gradient(named: Mapping[str, Any], names: Sequence[str]) -> str:
    listed = ", ".join(f"{name!r} ({named[name].dtype.name})" for name in names)
    return f"There is no gradient by {listed}, which stays as it is."


def _stopper(layers: Mapping[str, LayerInfo], named: Mapping[str, Any], start: str, name: str) -> str:
    """Say what stands between an input and the first layer that a gradient reaches."""
    for layer in reversed(_chain_before(layers, start)):
        if _turns_reals_into_others(layer, layers, named):
            return f"Layer {layer.key!r} ({layer.type_name}) answers {layer.dtype}, which no gradient goes through."
    for each in (name, *named):
        if not named[each].dtype.is_floating:
            kind = "text" if named[each].dtype.name == "string" else "whole numbers"
            return f"Input {each!r} is {kind}, by which there is no gradient."
    nearest = layers.get(start)
    subject = f"Layer {start!r} ({nearest.type_name})" if nearest else f"Layer {start!r}"
    return f"{subject} computes in steps that have no gradient, such as rounding or looking up by number."


def _chain_before(layers: Mapping[str, LayerInfo], start: str) -> list[LayerInfo]:
    """Return a layer and those before it, each the first of what goes into the one after; back to the inputs."""
    chain: list[LayerInfo] = []
    key = start
    while key in layers and layers[key] not in chain:
        chain.append(layers[key])
        key = next(iter(layers[key].inputs_from), "")
    return chain


def _turns_reals_into_others(layer: LayerInfo, layers: Mapping[str, LayerInfo], named: Mapping[str, Any]) -> bool:
    """Return whether a layer answers no real numbers, though only real numbers go in."""
    if _is_real(layer):
        return False
    before = [layers[key] for key in layer.inputs_from if key in layers]
    inputs = [named[input_name(key)] for key in layer.inputs_from if is_input(key) and input_name(key) in named]
    return all(map(_is_real, before)) and all(tensor.dtype.is_floating for tensor in inputs)


def _is_real(layer: LayerInfo) -> bool:
    return "float" in layer.dtype
