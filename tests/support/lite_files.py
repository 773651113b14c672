"""TensorFlow Lite files as their users make them, of a Keras model, and changed ones of these."""

import contextlib
import io
import tempfile
import warnings
from functools import cache

import keras
import numpy as np
import tensorflow as tf

import core

__all__ = ["KINDS", "digit_samples", "digits_lite", "digits_model", "fused_lstm", "lite_of", "two_signatures"]

KINDS = ("float32", "float16", "dynamic range", "int8 inside", "int8")


def digits_model() -> keras.Model:
    return core.load_model(core.get_example("digits-cnn").model_path)


def digit_samples(count: int) -> np.ndarray:
    arrays, _ = core.get_example("digits-cnn").samples()
    return arrays["image"][:count].astype(np.float32)


def lite_of(converter: tf.lite.TFLiteConverter) -> bytes:
    # The converter advises whoever runs it, in its own words, and prints what it converts.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return bytes(converter.convert())


@cache
def digits_lite(kind: str) -> bytes:
    """The digits example as one of KINDS, or badly as ``"int8 of dark samples"``."""
    converter = tf.lite.TFLiteConverter.from_keras_model(digits_model())
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind.startswith("int8"):
        # Of dark pictures the ranges are too narrow for the others, a mistake that is easily made.
        samples = digit_samples(100) * (0.2 if kind == "int8 of dark samples" else 1)
        converter.representative_dataset = lambda: ([samples[at : at + 1]] for at in range(len(samples)))
    if kind in ("int8", "int8 of dark samples"):
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return lite_of(converter)


@cache
def fused_lstm() -> tuple[bytes, tuple[np.ndarray, ...]]:
    """An LSTM of Keras 2, which becomes one operator, with the weights that it had in Keras."""
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Input((6, 3), batch_size=1, name="steps"),
            layers.LSTM(4, return_sequences=True, bias_initializer="ones", name="lstm"),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    return lite_of(tf.lite.TFLiteConverter.from_keras_model(model)), tuple(model.get_layer("lstm").get_weights())


@cache
def two_signatures() -> bytes:
    """A file with two signatures, neither of the usual name."""

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(tf.ones((3, 2)))

        @tf.function(input_signature=[tf.TensorSpec((1, 3), tf.float32, name="left")])
        def project(self, left: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"projected": tf.nn.relu(left @ self.weight)}

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="right")])
        def double(self, right: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"doubled": tf.tanh(right * 2.0)}

    module = Module()
    functions = [getattr(module, name).get_concrete_function() for name in ("project", "double")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=dict(zip(("project", "double"), functions, strict=True)))
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["project", "double"])
            return lite_of(converter)
