"""Which examples can be set against a model: those whose samples it takes."""

from __future__ import annotations

from core.common.text import format_shape
from core.examples.catalogue import list_examples
from core.workspace.results import ModelSummary

__all__ = ["examples_that_take"]


def examples_that_take(model: ModelSummary) -> tuple[str, ...]:
    """Return the names of the examples whose models take inputs of the same shapes and kind as a model.

    Args:
        model: The model that is open; an axis of any size fits none, as the examples have none.
    """
    wanted = [(each.shape, each.dtype == "string") for each in model.inputs]
    fitting = []
    for example in list_examples():
        arrays = example.samples()[0].values()
        taken = [(format_shape(array.shape[1:]), array.dtype.kind in "US") for array in arrays]
        if taken == wanted:
            fitting.append(example.name)
    return tuple(fitting)
