"""The engine of Layerscope: models in, activations out, and the pictures that suit them.

Importing this costs nothing: each name brings its module when it is first used, so that a page can be on screen
before TensorFlow is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.activation import Activation, Activations
    from core.dataset.engines import engine_at
    from core.dataset.extraction import array_name, extract_dataset, read_statistics
    from core.dataset.source import ArrayDataset, Dataset, open_dataset
    from core.dataset.statistics import LayerStatistics
    from core.dataset.survey import Survey, survey
    from core.errors import (
        CodeNeeded,
        ExtractionFailed,
        InputRejected,
        LayerscopeError,
        ModelRefused,
        NoGradient,
        PluginFailed,
    )
    from core.examples import Example, get_example, list_examples
    from core.extractor import Extractor, extract
    from core.inputs import arrange, input_specs
    from core.layers import LayerInfo
    from core.loading import load_model
    from core.registry import Registry, get_registry
    from core.sample_context import SampleContext
    from core.workspace import Workspace

_HOME = {
    "Activation": "activation",
    "Activations": "activation",
    "ArrayDataset": "dataset.source",
    "CodeNeeded": "errors",
    "Dataset": "dataset.source",
    "Example": "examples",
    "ExtractionFailed": "errors",
    "Extractor": "extractor",
    "InputRejected": "errors",
    "LayerInfo": "layers",
    "LayerStatistics": "dataset.statistics",
    "LayerscopeError": "errors",
    "ModelRefused": "errors",
    "NoGradient": "errors",
    "PluginFailed": "errors",
    "Registry": "registry",
    "SampleContext": "sample_context",
    "Survey": "dataset.survey",
    "Workspace": "workspace",
    "arrange": "inputs",
    "array_name": "dataset.extraction",
    "engine_at": "dataset.engines",
    "extract": "extractor",
    "extract_dataset": "dataset.extraction",
    "get_example": "examples",
    "get_registry": "registry",
    "input_specs": "inputs",
    "list_examples": "examples",
    "load_model": "loading",
    "open_dataset": "dataset.source",
    "read_statistics": "dataset.extraction",
    "survey": "dataset.survey",
}

__all__ = [
    "Activation",
    "Activations",
    "ArrayDataset",
    "CodeNeeded",
    "Dataset",
    "Example",
    "ExtractionFailed",
    "Extractor",
    "InputRejected",
    "LayerInfo",
    "LayerStatistics",
    "LayerscopeError",
    "ModelRefused",
    "NoGradient",
    "PluginFailed",
    "Registry",
    "SampleContext",
    "Survey",
    "Workspace",
    "arrange",
    "array_name",
    "engine_at",
    "extract",
    "extract_dataset",
    "get_example",
    "get_registry",
    "input_specs",
    "list_examples",
    "load_model",
    "open_dataset",
    "read_statistics",
    "survey",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(f"core.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
