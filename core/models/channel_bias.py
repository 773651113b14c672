"""Adds the biases of layers whose channels are first along the channels, where Keras adds them along the width.

``keras.ops.add`` on TensorFlow (seen in 3.15) tells by its length along which axis a bias lies. Where an image is as
wide as it has channels it takes the last axis, so a ``Conv2D(32, 3, data_format="channels_first")`` answers other
numbers to an image of 32 columns than the same file on JAX or PyTorch; and other numbers eagerly than compiled, where
TensorFlow joins the convolution with its bias. Models that are opened from files answer here what they answer there;
Keras itself, and models that were made in Python, stay as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from core.common.nested_layers import all_layers
from core.common.wrapping import wrap_once

__all__ = ["with_bias_along_channels"]

_inside: ContextVar[bool] = ContextVar("layerscope_channels_first", default=False)


def with_bias_along_channels(model: Any) -> Any:
    """Return a model, itself, whose layers with their channels first add their biases along these."""
    layers = [layer for layer in all_layers(model) if getattr(layer, "data_format", None) == "channels_first"]
    if layers:
        _install()
    for layer in layers:
        # Past Keras, which follows what is set.
        object.__setattr__(layer, "call", _called_inside(layer.call))
    return model


def _called_inside(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def inside(*args: Any, **kwargs: Any) -> Any:
        token = _inside.set(True)
        try:
            return call(*args, **kwargs)
        finally:
            _inside.reset(token)

    return inside


def _install() -> None:
    """Wrap the addition of Keras once per process; it acts only while such a layer is called."""
    from keras.src.backend.tensorflow import numpy as keras_numpy

    wrap_once(keras_numpy, "add", _with_biases)


def _with_biases(original: Callable[..., Any]) -> Callable[..., Any]:
    def add(first: Any, second: Any) -> Any:
        import tensorflow as tf

        is_bias = _inside.get() and isinstance(first, tf.Tensor) and _lies_along_channels(first, second)
        return tf.add(first, tf.cast(second, first.dtype)) if is_bias else original(first, second)

    return add


def _lies_along_channels(tensor: Any, bias: Any) -> bool:
    """Return whether a bias is shaped to lie along the second axis, which is as long as the last."""
    shape: Any = getattr(bias, "shape", ())
    rank = len(shape)
    return rank > 2 and rank == len(tensor.shape) and shape[1] == tensor.shape[-1] and shape[-1] == shape[0] == 1
