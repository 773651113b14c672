"""What takes long the first time and is the same in every worker: done once, in the server that they are forked from.

It finds the visualizers that ship, and draws made-up numbers with two of them, which imports and looks up what all
pictures need. No operation of TensorFlow is run, whose threads would not survive a fork, and no code of anybody else,
since all workers come from there.
"""

from __future__ import annotations

import contextlib

from core.charts.altair_shortcuts import make_charts_only
from core.plugins.registry import Registry, get_registry
from core.plugins.sources import PluginSettings, get_plugin_settings, installed_packages
from core.plugins.testing.activations import make_activation

__all__ = ["warm_up"]


def warm_up() -> None:
    """Draw a picture of units and one of feature maps."""
    make_charts_only()
    registry = _our_registry()
    units = make_activation("sample unit")
    maps = make_activation("sample height width channel", bases=("Conv2D", "Layer"))
    for activation in (units, maps):
        # A worker that draws it says what is wrong.
        with contextlib.suppress(Exception):
            registry.draw(registry.publish(activation)[0].name, activation)


def _our_registry() -> Registry:
    """Return the registry that workers will have, where no code of others is in it."""
    settings = get_plugin_settings()
    if settings.enabled and (settings.folders or any(installed_packages())):
        return Registry(settings=PluginSettings(enabled=False))
    return get_registry()
