"""What is said of models that nobody opened: it is told by the files that come with them."""

from __future__ import annotations

from collections.abc import Mapping

from core.examples.catalogue import list_examples
from core.workspace.results import ExampleSummary

__all__ = ["summarize_examples", "written_by"]


def summarize_examples() -> tuple[ExampleSummary, ...]:
    """Return the examples that ship with Layerscope."""
    return tuple(
        ExampleSummary(example.name, example.title, example.description, example.quality, example.source)
        for example in list_examples()
    )


def written_by(keras_version: str, training: Mapping[str, str]) -> str:
    """Return which Keras wrote a model's file, and how the model was compiled; empty where neither is known.

    Args:
        keras_version: The version; empty if it is not known.
        training: Names of the ``optimizer`` and the ``loss``, as far as they are known.
    """
    version = keras_version and f"Keras {keras_version}"
    optimizer, loss = training.get("optimizer", ""), training.get("loss", "")
    compiled = ", ".join(filter(None, (optimizer, loss and f"loss {loss}")))
    return ", ".join(filter(None, (version, compiled and f"compiled with {compiled}")))
