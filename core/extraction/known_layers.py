"""Which layers of a model are known, before anything is run or by running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import ExtractionFailed
from core.extraction.extractor import Extractor
from core.extraction.layers import LayerInfo

__all__ = ["known_layers", "layers_of"]


def layers_of(extractor: Extractor, inputs: Any) -> Mapping[str, LayerInfo]:
    """Return the layers of a model by key, in call order; a model that cannot be followed without values is run.

    Raises:
        ExtractionFailed: If the model raises.
    """
    layers = known_layers(extractor) or extractor.extract(inputs, layers=()).layers
    return {layer.key: layer for layer in layers}


def known_layers(extractor: Extractor) -> tuple[LayerInfo, ...]:
    """Return the layers that are known before anything is run; none where only a real pass can tell."""
    try:
        return extractor.layers
    except ExtractionFailed:
        return ()
