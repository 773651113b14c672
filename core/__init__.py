"""The engine of Layerscope: models in, activations out, and the pictures that suit them.

Importing this costs nothing: each name brings its module when it is first used, so that a page can be on screen
before TensorFlow is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.activation import Activation, Activations, SampleContext
    from core.errors import ExtractionFailed, InputRejected, LayerscopeError, ModelRefused, PluginFailed
    from core.examples import Example, get_example, list_examples
    from core.extractor import Extractor, extract
    from core.inputs import arrange
    from core.layers import LayerInfo
    from core.loading import load_model
    from core.registry import Registry, get_registry
    from core.workspace import Workspace

_HOME = {
    "Activation": "activation",
    "Activations": "activation",
    "Example": "examples",
    "ExtractionFailed": "errors",
    "Extractor": "extractor",
    "InputRejected": "errors",
    "LayerInfo": "layers",
    "LayerscopeError": "errors",
    "ModelRefused": "errors",
    "PluginFailed": "errors",
    "Registry": "registry",
    "SampleContext": "activation",
    "Workspace": "workspace",
    "arrange": "inputs",
    "extract": "extractor",
    "get_example": "examples",
    "get_registry": "registry",
    "list_examples": "examples",
    "load_model": "loading",
}

__all__ = [
    "Activation",
    "Activations",
    "Example",
    "ExtractionFailed",
    "Extractor",
    "InputRejected",
    "LayerInfo",
    "LayerscopeError",
    "ModelRefused",
    "PluginFailed",
    "Registry",
    "SampleContext",
    "Workspace",
    "arrange",
    "extract",
    "get_example",
    "get_registry",
    "list_examples",
    "load_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(f"core.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
