"""Leaves a model as it was after a recorded pass, whatever the pass did to it.

A pass in a ``keras.StatelessScope`` writes no variables. But layers also keep Python attributes while they are called:
losses, dropout masks, whatever a stranger's ``call`` remembers. In a traced pass those are symbolic tensors of a graph
that nobody else can use, and a pass that raises half way leaves them behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from core.common.nested_layers import all_layers
from core.models.tflite.model import answers_wanted

__all__ = ["pass_scope", "restored_afterwards"]

_locks: WeakKeyDictionary[Any, threading.RLock] = WeakKeyDictionary()
_locks_lock = threading.Lock()


@contextmanager
def restored_afterwards(model: Any) -> Iterator[None]:
    """Put the attributes of a model and of all its layers back when the block ends; one thread at a time per model."""
    with _lock_of(model):
        before = [(layer, dict(vars(layer)), _lists_of(layer)) for layer in (model, *all_layers(model))]
        scopes = _open_name_scopes()
        depth = len(scopes)
        try:
            yield
        finally:
            # A name that a graph may not have, as one with blanks, raises where Keras has opened its scope and not
            # closed it: every model that is built later in this thread would be inside it.
            del scopes[depth:]
            for layer, attributes, lists in before:
                _put_back(layer, attributes, lists)


@contextmanager
def pass_scope(
    model: Any,
    keeps: Callable[[str], bool],
    weights: Sequence[tuple[Any, Any]] = (),
    *,
    collects_losses: bool = False,
) -> Iterator[None]:
    """Leave a model as it is, whatever is done with it in the block.

    Args:
        model: The model.
        keeps: Whether what a layer answers, by key, is asked for.
        weights: Variables of the model with what they are to be there.
        collects_losses: Whether ``model.losses`` are those of the passes in the block; else there are none.
    """
    import keras

    # What a pass would write into the model's variables (moving statistics, states, seeds) stays in this scope.
    scope = keras.StatelessScope(state_mapping=list(weights), collect_losses=collects_losses)
    with restored_afterwards(model), answers_wanted(keeps), scope:
        yield


def _open_name_scopes() -> list[Any]:
    from keras.src.backend.common import global_state

    scopes: list[Any] = global_state.get_global_attribute("name_scope_stack", default=[], set_to_default=True)
    return scopes


def _lock_of(model: Any) -> threading.RLock:
    with _locks_lock:
        return _locks.setdefault(model, threading.RLock())


def _lists_of(layer: Any) -> list[tuple[list[Any], list[Any]]]:
    return [(value, list(value)) for value in vars(layer).values() if isinstance(value, list)]


def _put_back(layer: Any, attributes: dict[str, Any], lists: list[tuple[list[Any], list[Any]]]) -> None:
    now = vars(layer)
    # Not by setattr: Keras follows what is set.
    for name in now.keys() - attributes.keys():
        del now[name]
    for name, value in attributes.items():
        if now.get(name, now) is not value:
            now[name] = value
    for values, items in lists:
        if len(values) != len(items) or any(a is not b for a, b in zip(values, items, strict=True)):
            list.__setitem__(values, slice(None), items)
