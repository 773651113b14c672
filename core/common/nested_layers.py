"""Every layer inside a Keras model."""

from __future__ import annotations

from typing import Any

__all__ = ["all_layers"]


def all_layers(model: Any) -> list[Any]:
    """Return every layer inside a model, at any depth."""
    flatten = getattr(model, "_flatten_layers", None)
    return list(flatten(include_self=False)) if flatten else []
