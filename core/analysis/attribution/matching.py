"""Whether a model at hand is the one that an activation is from."""

from __future__ import annotations

from core.extraction.activation import Activation
from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.inputs.structure import in_structure

__all__ = ["mismatch"]


def mismatch(extractor: Extractor | None, activation: Activation) -> str:
    """Return why a picture that runs the model again cannot be drawn of an activation; empty if it can.

    Args:
        extractor: Holds the model; None where nobody gave one.
        activation: What is to be drawn.

    Raises:
        ExtractionFailed: If the model raises.
    """
    if extractor is None or not activation.context.inputs:
        return "This picture runs the model again: give extractor=… where it is drawn in a notebook."
    first = {name: array[:1] for name, array in activation.context.inputs.items()}
    layer = layers_of(extractor, in_structure(extractor.model, first)).get(activation.key)
    if layer is None:
        return f"The model that is given has no layer {activation.key!r}."
    # Of what is folded only the pass says in how many pieces.
    extents = activation.shape[1:] if activation.layer.axis_names == layer.axis_names else activation.shape[2:]
    known = zip(layer.output_shape[1:], extents, strict=False)
    if len(layer.output_shape) != len(extents) + 1 or any(a not in (None, b) for a, b in known):
        return f"The model that is given answers another shape at {activation.key!r}."
    return ""
