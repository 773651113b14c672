"""The models that ``benchmarks.extraction`` measures, and the ways to get at what their layers answer.

Every model has random weights. They are built with the library that is passed in, because keract knows nothing newer
than Keras 2 (``tf_keras``), where the same architecture has to be built once more.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

import numpy as np

__all__ = ["MODELS", "Case", "all_layers", "keract", "keract_refusal", "plain_pass", "tutorial_layer"]

BATCHES: Final = (1, 16)


def long_short_term_memory(library: Any) -> Any:
    """Two recurrent layers that keep every step, and a classifier."""
    inputs = library.Input((100, 32))
    states = library.layers.LSTM(128, return_sequences=True)(inputs)
    states = library.layers.LSTM(128, return_sequences=True)(states)
    return library.Model(inputs, library.layers.Dense(10)(states))


def transformer_encoder(library: Any) -> Any:
    """Four blocks of attention and a feed-forward network, as in the Transformer, on embedded tokens."""
    layers = library.layers
    inputs = library.Input((128, 128))
    tokens = inputs
    for _ in range(4):
        attended = layers.MultiHeadAttention(num_heads=4, key_dim=32)(tokens, tokens)
        tokens = layers.LayerNormalization()(layers.Add()([tokens, attended]))
        hidden = layers.Dense(512, activation="gelu")(tokens)
        tokens = layers.LayerNormalization()(layers.Add()([tokens, layers.Dense(128)(hidden)]))
    return library.Model(inputs, tokens)


MODELS: Final[dict[str, Callable[[Any], Any]]] = {
    "MobileNetV2": lambda library: library.applications.MobileNetV2(weights=None),
    "ResNet50": lambda library: library.applications.ResNet50(weights=None),
    "DenseNet121": lambda library: library.applications.DenseNet121(weights=None),
    "VGG16": lambda library: library.applications.VGG16(weights=None),
    "LSTM": long_short_term_memory,
    "Transformer": transformer_encoder,
}


@dataclass(frozen=True)
class Case:
    """One model with one number of samples.

    Attributes:
        model_name: One of ``MODELS``.
        batch: How many samples go through at once.
    """

    model_name: str
    batch: int

    def __str__(self) -> str:
        return f"{self.model_name}, batch {self.batch}"

    def model(self) -> Any:
        """Build the model anew, so that nothing about it is warm."""
        import keras

        return MODELS[self.model_name](keras)

    def lean_model(self) -> Any:
        """Build the model so that no more memory stays behind than its weights take.

        TensorFlow keeps the memory of the steps in which it draws the large weights, and later passes go into it
        unnoticed: 850 MB for VGG16, nearly all that its activations take. NumPy gives such memory back.
        """
        import keras

        def drawn(initializer: Any, shape: Any, dtype: Any = None, **_: Any) -> np.ndarray:
            return np.random.default_rng(0).uniform(-0.05, 0.05, shape).astype(dtype or "float32")

        with mock.patch.object(keras.initializers.GlorotUniform, "__call__", drawn):
            return self.model()

    def inputs(self, model: Any) -> np.ndarray:
        """Random samples as the model takes them, float32, the sample axis first."""
        shape = (self.batch, *model.inputs[0].shape[1:])
        return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def plain_pass(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what the extraction is measured against: the compiled pass alone, its output read without a copy."""
    import tensorflow as tf

    # Without autograph, as in Layerscope: rewriting the Python would make the plain pass' first call slower.
    signature = [tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32)]
    compiled = tf.function(lambda tensor: model(tensor, training=False), signature, autograph=False)
    return lambda inputs: np.asarray(memoryview(compiled(inputs)))


def all_layers(extractor: Any, inputs: np.ndarray) -> Any:
    """Extract every layer and read the values of each, as someone does who looks at all of them."""
    activations = extractor.extract(inputs)
    for activation in activations.values():
        _ = activation.values
    return activations


def tutorial_layer(model: Any, layer: Any) -> Any:
    """Return the sub-model that tutorials build for each layer they look at."""
    import keras

    return keras.Model(model.inputs, layer.output)


def keract(case: Case, inputs: np.ndarray) -> Callable[[], Any] | None:
    """Return keract on the same architecture in Keras 2, where it is installed and runs; None elsewhere."""
    try:
        import keract
        import tf_keras
    except ImportError:
        return None
    model = MODELS[case.model_name](tf_keras)

    def activations() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return keract.get_activations(model, inputs, auto_compile=True)

    try:
        activations()
    except Exception:  # of whatever kind: it was written for other versions of both libraries
        return None
    return activations


def keract_refusal() -> str:
    """Say in one line why keract does not run on Keras 3, or that it does or is not there."""
    import keras

    try:
        import keract
    except ImportError:
        return "keract is not installed (`pip install keract tf_keras`)."
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    try:
        keract.get_activations(model, np.ones((1, 8), np.float32), auto_compile=True)
    except Exception as error:  # whatever it is, it is what a user of keract meets
        return f"keract does not run on Keras {keras.__version__} ({type(error).__name__}: {error})."
    return f"keract runs on Keras {keras.__version__}."
