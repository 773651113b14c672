"""What a model answers with its first output, as far as that is known before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.extraction.layers import LayerInfo
from core.inputs.model_output import ModelOutput

__all__ = ["output_of"]


def output_of(model: Any, layers: Sequence[LayerInfo]) -> ModelOutput:
    """Return what the first output of a Keras model is.

    Args:
        model: The model; one that does not say what it answers has an output of which nothing is known.
        layers: Its layers in call order, as far as they are known.
    """
    outputs = getattr(model, "outputs", None) or ()
    if not outputs:
        return ModelOutput()
    output = outputs[0]
    shape = tuple(output.shape)[1:]
    layer = _layer_behind(output, layers)
    return ModelOutput(
        shape[0] if len(shape) == 1 else None,
        layer.activation_function if layer else "",
        layer.key if layer else "",
        _name_of(model, layer),
        # Keras does not say of a StringLookup that it answers text; what was traced does.
        "string" in (str(output.dtype), layer.dtype if layer else ""),
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


def _name_of(model: Any, layer: LayerInfo | None) -> str:
    names = getattr(model, "output_names", None) or ()
    return str(names[0]) if names else layer.name if layer else ""
