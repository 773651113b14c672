"""What a model takes and answers that has no graph, such as a subclass of ``keras.Model``, by how it was built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.common.nested_layers import all_layers
from core.extraction.extractor import Extractor
from core.extraction.layers import LayerInfo
from core.inputs import structure
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange
from core.inputs.takers import is_embedding

__all__ = ["seen_layers", "specs_of_build"]


def specs_of_build(model: Any) -> tuple[InputSpec, ...]:
    """Return what a model takes by the shapes that it was built for, which Keras keeps in its file too.

    Args:
        model: A model that does not declare its inputs.

    Returns:
        One spec per input, called as :func:`core.inputs.structure.input_names` calls them; none where the model does
        not keep them. Of a type only so much is known as that an embedding takes whole numbers.
    """
    shapes = (model.get_build_config() or {}).get("input_shape") if model.built else None
    by_name: dict[str, Any] = {}
    if isinstance(shapes, Mapping):
        by_name = dict(zip(structure.part_names(shapes), (shapes[name] for name in sorted(shapes)), strict=True))
    elif isinstance(shapes, list | tuple):
        parts = [shapes] if _is_shape(shapes) else shapes
        by_name = dict(zip(structure.part_names(parts), parts, strict=True))
    if not all(map(_is_shape, by_name.values())):
        return ()
    sizes = [int(layer.input_dim) for layer in all_layers(model) if is_embedding(layer)]
    return tuple(_spec(name, tuple(shape[1:]), sizes) for name, shape in by_name.items())


def seen_layers(
    extractor: Extractor, arrays: Mapping[str, np.ndarray]
) -> tuple[tuple[LayerInfo, ...], tuple[ModelOutput, ...]]:
    """Return the layers of a model and what its outputs are, from a pass of one sample.

    Args:
        extractor: Holds the model.
        arrays: One array per input by name, the sample axis first.

    Raises:
        ExtractionFailed: If the model raises.
    """
    first = arrange(extractor.model, {name: array[:1] for name, array in arrays.items()})
    activations = extractor.extract(first)
    answers = [np.asarray(each) for each in structure.flat(activations.output)]
    layers = tuple(activations.layers)
    names = sorted(activations.output) if isinstance(activations.output, Mapping) else []
    names = names if len(names) == len(answers) else [""] * len(answers)
    return layers, tuple(
        _seen_output(answer, layers, str(name), position)
        for position, (answer, name) in enumerate(zip(answers, names, strict=True))
    )


def _seen_output(answer: np.ndarray, layers: Sequence[LayerInfo], name: str, position: int) -> ModelOutput:
    behind = next((layer for layer in reversed(layers) if layer.output_shape[1:] == answer.shape[1:]), None)
    return ModelOutput(
        answer.shape[1] if answer.ndim == 2 else None,
        behind.activation_function if behind else "",
        behind.key if behind else "",
        name or (behind.name if behind else ""),
        answer.dtype.kind in "USO",
        position,
        answer.shape[1:],
    )


def _is_shape(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and len(value) > 0
    return is_list and all(extent is None or isinstance(extent, int) for extent in value)


def _spec(name: str, shape: tuple[int | None, ...], embedding_sizes: Sequence[int]) -> InputSpec:
    if embedding_sizes and len(shape) <= 1:
        return InputSpec(name, shape, "int32", min(embedding_sizes))
    return InputSpec(name, shape, "float32")
