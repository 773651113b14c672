"""The methods of Keras and TensorFlow that are wrapped so that a pass can be recorded: calls and graph functions.

Each wrapper does nothing unless a recorder is set.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from core.common.wrapping import wrap_once

__all__ = ["CurrentRecorder", "install"]

CurrentRecorder: TypeAlias = Callable[[], Any]


def install(current_recorder: CurrentRecorder) -> None:
    """Wrap the calls of layers and of graph functions, once per process.

    Args:
        current_recorder: Returns what records the pass that this thread is making, or None.
    """
    import keras
    import tensorflow as tf

    graph_function = type(tf.function(lambda: None))
    wrap_once(graph_function, "__call__", functools.partial(_inlined, graph_function, current_recorder))
    for owner in (keras.Layer, keras.Operation):
        wrap_once(owner, "__call__", functools.partial(_recorded, current_recorder))


def _inlined(owner: Any, current_recorder: CurrentRecorder, original: Callable[..., Any]) -> Callable[..., Any]:
    # What a tf.function inside a model computes stays in a graph of its own. Where a recorder is set, the Python
    # function behind it is called instead, so that its tensors are in the graph that is recorded.
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if current_recorder() is None or type(self) is not owner or _is_of_tensorflow(self.python_function):
            return original(self, *args, **kwargs)
        return self.python_function(*args, **kwargs)

    return call


def _is_of_tensorflow(function: Any) -> bool:
    # What it compiles for itself, such as the loop of a Jacobian, cannot run otherwise.
    return str(getattr(function, "__module__", "")).startswith("tensorflow.")


def _recorded(current_recorder: CurrentRecorder, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current_recorder()
        if recorder is None:
            return original(self, *args, **kwargs)
        return recorder.record(self, original, args, kwargs)

    return call
