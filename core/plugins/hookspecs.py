"""What a plugin may implement. A hook is added where a real plugin needs it."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from core.extraction.activation import Activations
from core.plugins.loaders import ModelLoader
from core.plugins.meanings import OutputMeaning
from core.plugins.panels import Panel
from core.plugins.plugin import PROJECT_NAME
from core.plugins.readers import InputReader
from core.plugins.visualizer import Visualizer

__all__ = [
    "PROJECT_NAME",
    "activations_published",
    "hookimpl",
    "input_readers",
    "model_loaders",
    "output_meanings",
    "panels",
    "visualizers",
]

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def visualizers() -> Sequence[Visualizer]:
    """Return the visualizers that this plugin brings, one instance each."""
    return ()


@hookspec
def output_meanings() -> Sequence[OutputMeaning]:
    """Return what outputs can mean that this plugin knows, one instance each; see docs/plugins.md."""
    return ()


@hookspec
def input_readers() -> Sequence[InputReader]:
    """Return the readers of files of samples that this plugin brings, one instance each; see docs/plugins.md."""
    return ()


@hookspec
def model_loaders() -> Sequence[ModelLoader]:
    """Return the loaders of model files that this plugin brings, one instance each; see docs/plugins.md."""
    return ()


@hookspec
def panels() -> Sequence[Panel]:
    """Return the panels that this plugin brings, one instance each: pages instead of charts; see docs/plugins.md."""
    return ()


@hookspec
def activations_published(activations: Activations) -> None:
    """Take note that a forward pass was recorded.

    Args:
        activations: What every layer answered; read-only.
    """
