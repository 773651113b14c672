"""The methods of Keras and TensorFlow that are wrapped so that a pass can be recorded: calls and graph functions.

Each wrapper does nothing unless a recorder is set.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

__all__ = ["install"]

CurrentRecorder: TypeAlias = Callable[[], Any]
_MARK: Final = "_layerscope_wrapped"
_install_lock = threading.Lock()


def install(current_recorder: CurrentRecorder) -> None:
    """Wrap the calls of layers and of graph functions, once per process.

    Args:
        current_recorder: Returns what records the pass that this thread is making, or None.
    """
    import keras
    import tensorflow as tf

    with _install_lock:
        _inline_graph_functions(type(tf.function(lambda: None)), current_recorder)
        for owner in (keras.Layer, keras.Operation):
            original = owner.__call__
            if not getattr(original, _MARK, False):
                owner.__call__ = _wrapped(original, current_recorder)


def _inline_graph_functions(owner: Any, current_recorder: CurrentRecorder) -> None:
    # What a tf.function inside a model computes stays in a graph of its own. Where a recorder is set, the Python
    # function behind it is called instead, so that its tensors are in the graph that is recorded.
    original = owner.__call__
    if getattr(original, _MARK, False):
        return

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if current_recorder() is None or type(self) is not owner or _is_of_tensorflow(self.python_function):
            return original(self, *args, **kwargs)
        return self.python_function(*args, **kwargs)

    setattr(call, _MARK, True)
    owner.__call__ = call


def _is_of_tensorflow(function: Any) -> bool:
    # What it compiles for itself, such as the loop of a Jacobian, cannot run otherwise.
    return str(getattr(function, "__module__", "")).startswith("tensorflow.")


def _wrapped(original: Callable[..., Any], current_recorder: CurrentRecorder) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current_recorder()
        if recorder is None:
            return original(self, *args, **kwargs)
        return recorder.record(self, original, args, kwargs)

    setattr(call, _MARK, True)
    return call
