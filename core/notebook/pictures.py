"""How a notebook shows an activation: as its best picture, or as one that is named.

The face of the engine hands these to activations, which know no visualizers.
"""

from __future__ import annotations

from typing import Any

from core.extraction.activation import Activation
from core.plugins.registry import get_registry

__all__ = ["best_picture", "picture_called"]


def best_picture(activation: Activation, include: Any, exclude: Any) -> Any:
    """Return the best picture of an activation as a bundle of media types; None if nothing can be drawn.

    Args:
        activation: What to show, with the sample axis.
        include: Media types, as Jupyter asks for them.
        exclude: Likewise.
    """
    return get_registry().displayed(activation, include, exclude)


def picture_called(name: str, activation: Activation, **options: Any) -> Any:
    """Return a picture of an activation as an Altair chart, see :meth:`core.plugins.registry.Registry.chart`."""
    return get_registry().chart(name, activation, **options)
