"""Which examples can be set against a model: those whose samples it takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from core.common.text import count_text, format_shape
from core.examples.catalogue import get_example, list_examples
from core.workspace.results import ComparableExample, InputSummary, ModelSummary

__all__ = ["examples_that_take", "may_take_the_same"]


def examples_that_take(model: ModelSummary, example: str = "") -> tuple[ComparableExample, ...]:
    """Return the examples whose models take inputs of the same shapes and kind as a model, each early and trained.

    Args:
        model: The model that is open; an axis of any size fits none, as the examples have none.
        example: Name of the example that it is from. That it was itself early in its training comes first.
    """
    wanted = [(each.shape, each.dtype == "string") for each in model.inputs]
    fitting = []
    for each in sorted(list_examples(), key=lambda one: one.name != example):
        if list(_inputs_of(each.name)) != wanted:
            continue
        title = "this model" if each.name == example else each.title
        if each.name != example:
            fitting.append(ComparableExample(each.name, False, title, each.quality))
        if each.early_epochs:
            after = f"{title}, after {count_text(each.early_epochs, 'epoch')}"
            fitting.append(ComparableExample(each.name, True, after[0].upper() + after[1:], each.early_quality))
    return tuple(fitting)


@cache
def _inputs_of(example: str) -> tuple[tuple[str, bool], ...]:
    """Return the shape of each input of an example without its samples, and whether it is text."""
    arrays = get_example(example).samples()[0].values()
    return tuple((format_shape(array.shape[1:]), array.dtype.kind in "US") for array in arrays)


def may_take_the_same(inputs: Sequence[InputSummary], others: Sequence[InputSummary]) -> bool:
    """Return whether two models may take the same samples: as many inputs, in order, of the same shape and kind.

    An axis of any size fits every size, and of a model that says nothing of its inputs that is not known.
    """
    if not inputs or not others:
        return True
    return len(inputs) == len(others) and all(
        (one.dtype == "string") == (other.dtype == "string")
        and (one.shape == other.shape or bool(one.open_axes or other.open_axes))
        for one, other in zip(inputs, others, strict=True)
    )
