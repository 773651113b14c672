"""The operators of a TensorFlow Lite file as the layers of a report, read as data."""

from __future__ import annotations

import math

from core.common.text import format_shape
from core.extraction.layers import input_key
from core.models.tflite.check import chosen_signature
from core.models.tflite.graph import LiteFile
from core.models.tflite.interpreter import row_shape
from core.models.tflite.operators import layers_of_graph
from core.workspace.file_report.layers import FileLayer, LayerOutline, kind_of_class
from core.workspace.file_report.results import FileInput

__all__ = ["lite_layers"]


def lite_layers(file: LiteFile, name: str) -> LayerOutline:
    """Return the operators of the graph that would be run.

    Args:
        file: What the file holds, checked.
        name: What to call it in messages.

    Raises:
        SeveralModels: If it has several signatures, and none is the usual one.
    """
    signature = chosen_signature(file, "", name)
    graph = file.graphs[signature.graph]
    names = {index: called for called, index in signature.inputs.items()}
    inputs = []
    sources: dict[int, str] = {}
    for index in graph.inputs:
        tensor = graph.tensors[index]
        called = names.get(index, f"input_{index}")
        inputs.append(FileInput(called, format_shape(row_shape(tensor)), tensor.type_name.lower()))
        sources[index] = input_key(called)
    layers = []
    for position, each in enumerate(layers_of_graph(graph)):
        layers.append(
            FileLayer(
                each.name,
                each.name,
                each.class_name,
                kind_of_class(each.class_name),
                position,
                shape=format_shape(row_shape(graph.tensors[each.outputs[0]])),
                parameters=sum(math.prod(part.shape) for parts in each.constants.values() for part in parts),
                inputs_from=tuple(sources[index] for index in each.inputs if index in sources),
                is_of_keras=True,
            )
        )
        sources |= dict.fromkeys(each.outputs, each.name)
    return LayerOutline(layers, inputs, len(layers))
