"""The engine of Layerscope: models in, activations out, and the pictures that suit them.

Importing this costs nothing: each name brings its module when it is first used, so that a page can be on screen
before TensorFlow is. The names stand once, in the imports below: type checkers follow them, and ``_HOME`` is read from
them.
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.common.display import set_display
from core.models.other_loaders import set_loaders

if TYPE_CHECKING:
    from core.analysis.maximization.ascent import AscentSettings
    from core.analysis.stored_answers import project_dataset
    from core.errors import (
        CodeNeeded,
        ExtractionFailed,
        InputRejected,
        LayerscopeError,
        ModelRefused,
        NoGradient,
        PluginFailed,
    )
    from core.examples.catalogue import Example, get_example, list_examples
    from core.extraction.activation import Activation, Activations
    from core.extraction.dataset.array_names import array_name
    from core.extraction.dataset.engines import engine_at
    from core.extraction.dataset.statistics import LayerStatistics
    from core.extraction.dataset.stored_results import read_statistics
    from core.extraction.dataset.survey import Survey, survey
    from core.extraction.dataset.zarr_files import extract_dataset
    from core.extraction.extractor import Extractor, extract
    from core.extraction.layers import LayerInfo
    from core.inputs.datasets import ArrayDataset, Dataset
    from core.inputs.model_inputs import input_specs
    from core.inputs.sample_context import SampleContext
    from core.inputs.structure import arrange
    from core.models.loading import load_model
    from core.notebook.datasets import open_dataset
    from core.notebook.numbers import (
        Health,
        Maximization,
        attribute,
        compare,
        compare_samples,
        health,
        maximize,
        project,
    )
    from core.notebook.units import Unit, unit
    from core.plugins.registry import Registry, get_registry
    from core.training.record import Record
    from core.training.run import Run, open_run
    from core.workspace.workspace import Workspace

_HOME = {
    alias.name: node.module.removeprefix("core.")
    for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
    # Those of the block above, which is indented.
    if isinstance(node, ast.ImportFrom) and node.module and node.col_offset
    for alias in node.names
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(f"core.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__


def _display(activation: Any, include: Any, exclude: Any) -> Any:
    return import_module("core.notebook.pictures").best_picture(activation, include, exclude)


def _chart(picture: str, activation: Any, **options: Any) -> Any:
    return import_module("core.notebook.pictures").picture_called(picture, activation, **options)


def _load(file: Any) -> Any:
    return import_module("core.plugins.registry").get_registry().loaders(file)


# This runs before any module of the engine, whatever of it is imported first.
set_display(_display, _chart)
set_loaders(_load)
