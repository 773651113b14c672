"""What a model answers with each of its outputs, as far as that is known before anything is run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from core.extraction.layers import LayerInfo
from core.inputs.model_output import ModelOutput

__all__ = ["answering_layers", "layers_that_answer", "main_output", "output_of", "outputs_of"]

_HANDING_ON: Final = frozenset({"reshaping", "regularization"})
"""Kinds of layers that answer the numbers that came in."""


def output_of(model: Any, layers: Sequence[LayerInfo]) -> ModelOutput:
    """Return what the main output of a Keras model is, see :func:`main_output` and :func:`outputs_of`."""
    return main_output(outputs_of(model, layers))


def main_output(outputs: Sequence[ModelOutput]) -> ModelOutput:
    """Return the output that labels are set against: the first that is known to tell classes apart, else the first."""
    first = outputs[0] if outputs else ModelOutput()
    return next((output for output in outputs if output.tells_classes), first)


def outputs_of(model: Any, layers: Sequence[LayerInfo]) -> tuple[ModelOutput, ...]:
    """Return what the outputs of a Keras model are, in the order in which it answers them.

    Args:
        model: The model; one that does not say what it answers has one output of which nothing is known.
        layers: Its layers in call order, as far as they are known.
    """
    outputs = tuple(getattr(model, "outputs", None) or ())
    return tuple(_output(model, layers, output, position) for position, output in enumerate(outputs)) or (
        ModelOutput(),
    )


def layers_that_answer(model: Any, layers: Sequence[LayerInfo]) -> frozenset[str]:
    """Return :func:`answering_layers` of a model with such layers."""
    return answering_layers(outputs_of(model, layers), layers)


def answering_layers(outputs: Iterable[ModelOutput], layers: Iterable[LayerInfo]) -> frozenset[str]:
    """Return the keys of the layers that make what a model answers.

    These are the layers behind its outputs, the ones inside of them, and what is before a layer that only rearranges.

    Args:
        outputs: What the model answers.
        layers: Its layers in call order, as far as they are known.
    """
    layers = tuple(layers)
    known = {layer.key: layer for layer in layers}
    found: set[str] = set()
    left = [each.layer for each in outputs if each.layer]
    while left:
        key = left.pop()
        if key in found:
            continue
        found.add(key)
        layer = known.get(key)
        if layer is None:
            continue
        if layer.kind in _HANDING_ON:
            left += layer.inputs_from
        inner = [each.key for each in layers if each.parent and each.parent in (layer.key, layer.call_key)]
        left += inner[-1:]
    return frozenset(found)


def _output(model: Any, layers: Sequence[LayerInfo], output: Any, position: int) -> ModelOutput:
    shape = tuple(output.shape)[1:]
    layer = _layer_behind(output, layers)
    return ModelOutput(
        shape[0] if len(shape) == 1 else None,
        layer.activation_function if layer else "",
        layer.key if layer else "",
        _name_of(model, layer, position),
        # Keras does not say of a StringLookup that it answers text; what was traced does.
        "string" in (str(output.dtype), layer.dtype if layer else ""),
        position,
        shape,
    )


def _layer_behind(output: Any, layers: Sequence[LayerInfo]) -> LayerInfo | None:
    history = getattr(output, "_keras_history", None)
    name = getattr(getattr(history, "operation", None), "name", None)
    layer = next((each for each in reversed(layers) if each.name == name and not each.depth), None)
    while layer is not None and layer.holds_layers:
        # A model inside the model answers what its last layer does.
        inner = [each for each in layers if each.parent == layer.call_key]
        if not inner or inner[-1].output_shape != layer.output_shape:
            break
        layer = inner[-1]
    return layer


def _name_of(model: Any, layer: LayerInfo | None, position: int) -> str:
    names = getattr(model, "output_names", None) or ()
    return str(names[position]) if position < len(names) else layer.name if layer else ""
