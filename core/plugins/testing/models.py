"""Small real Keras models, one for each kind of layer, and what they answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from core.common.cache import OnceCache
from core.extraction.activation import Activations
from core.extraction.extractor import Extractor

__all__ = ["LAYER_KINDS", "small_activations", "small_extractor", "small_inputs", "small_model"]

_VOCABULARY: Final = ("cat", "dog", "mat", "sat", "the")


def _image(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((8, 8, 3), name="image")


def _sequence(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((steps, 4), name="sequence")


def _vector(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((5,), name="vector")


def _volume(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((4, 4, 4, 2), name="volume")


def _film(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((min(steps, 20), 4, 4, 2), name="film")


def _tokens(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((steps,), dtype="int32", name="tokens")


def _few_steps(keras: Any, width: int, steps: int) -> Any:
    # TimeDistributed is written out step by step.
    return keras.Input((min(steps, 60), 4), name="sequence")


def _waveform(keras: Any, width: int, steps: int) -> Any:
    # As long as so many frames of 16 at every 8th number.
    return keras.Input((8 * steps + 8, 1), name="waveform")


def _waveform_in_a_row(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((8 * (steps - 1) + 1,), name="waveform")


def _words(keras: Any, width: int, steps: int) -> Any:
    return keras.Input((min(steps, 40),), dtype="string", name="words")


def _masked(layers: Any, x: Any) -> Any:
    return layers.Masking(0.0, name="before")(x)


_Build = Callable[[Any, Any, int, int], Any]
_KINDS: Final[dict[str, tuple[Callable[..., Any], _Build]]] = {
    "dense": (_vector, lambda layers, x, width, steps: layers.Dense(width, activation="relu", name="layer")(x)),
    "softmax": (
        _vector,
        lambda layers, x, width, steps: layers.Dense(max(width, 2), activation="softmax", name="layer")(x),
    ),
    "activation": (
        _vector,
        lambda layers, x, width, steps: layers.ReLU(name="layer")(layers.Dense(width, name="before")(x)),
    ),
    "dropout": (
        _vector,
        lambda layers, x, width, steps: layers.Dropout(0.5, name="layer")(layers.Dense(width, name="before")(x)),
    ),
    "conv1d": (_sequence, lambda layers, x, width, steps: layers.Conv1D(width, 3, padding="same", name="layer")(x)),
    "conv2d": (_image, lambda layers, x, width, steps: layers.Conv2D(width, 3, padding="same", name="layer")(x)),
    "conv3d": (_volume, lambda layers, x, width, steps: layers.Conv3D(width, 2, padding="same", name="layer")(x)),
    "conv2d_transpose": (_image, lambda layers, x, width, steps: layers.Conv2DTranspose(width, 2, name="layer")(x)),
    "separable_conv2d": (_image, lambda layers, x, width, steps: layers.SeparableConv2D(width, 3, name="layer")(x)),
    "depthwise_conv2d": (
        _image,
        lambda layers, x, width, steps: layers.DepthwiseConv2D(3, depth_multiplier=2, name="layer")(x),
    ),
    "pooling": (
        _image,
        lambda layers, x, width, steps: layers.MaxPooling2D(name="layer")(
            layers.Conv2D(width, 3, padding="same", name="before")(x)
        ),
    ),
    "global_pooling": (
        _image,
        lambda layers, x, width, steps: layers.GlobalAveragePooling2D(name="layer")(
            layers.Conv2D(width, 3, name="before")(x)
        ),
    ),
    "upsampling": (
        _image,
        lambda layers, x, width, steps: layers.UpSampling2D(name="layer")(
            layers.Conv2D(width, 3, padding="same", name="before")(x)
        ),
    ),
    "simple_rnn": (
        _sequence,
        lambda layers, x, width, steps: layers.SimpleRNN(width, return_sequences=True, name="layer")(
            _masked(layers, x)
        ),
    ),
    "lstm": (
        _sequence,
        lambda layers, x, width, steps: layers.LSTM(width, return_sequences=True, name="layer")(_masked(layers, x)),
    ),
    "lstm_last": (
        _sequence,
        lambda layers, x, width, steps: layers.LSTM(width, name="layer")(_masked(layers, x)),
    ),
    "gru": (
        _sequence,
        lambda layers, x, width, steps: layers.GRU(width, return_sequences=True, name="layer")(_masked(layers, x)),
    ),
    "bidirectional": (
        _sequence,
        lambda layers, x, width, steps: layers.Bidirectional(layers.GRU(width, return_sequences=True), name="layer")(
            _masked(layers, x)
        ),
    ),
    "conv_lstm": (
        _film,
        lambda layers, x, width, steps: layers.ConvLSTM2D(width, 2, return_sequences=True, name="layer")(x),
    ),
    "time_distributed": (
        _few_steps,
        lambda layers, x, width, steps: layers.TimeDistributed(layers.Dense(width, activation="sigmoid"), name="layer")(
            x
        ),
    ),
    "embedding": (
        _tokens,
        lambda layers, x, width, steps: layers.Embedding(20, width, mask_zero=True, name="layer")(x),
    ),
    "batch_normalization": (
        _image,
        lambda layers, x, width, steps: layers.BatchNormalization(name="layer")(
            layers.Conv2D(width, 3, name="before")(x)
        ),
    ),
    "layer_normalization": (
        _vector,
        lambda layers, x, width, steps: layers.LayerNormalization(name="layer")(layers.Dense(width, name="before")(x)),
    ),
    "multi_head_attention": (
        _sequence,
        lambda layers, x, width, steps: layers.MultiHeadAttention(max(1, min(width, 4)), 4, name="layer")(x, x),
    ),
    "group_query_attention": (
        _sequence,
        lambda layers, x, width, steps: layers.GroupQueryAttention(4, 2, 1, name="layer")(x, x),
    ),
    "attention": (_sequence, lambda layers, x, width, steps: layers.Attention(name="layer")([x, x])),
    "flatten": (_image, lambda layers, x, width, steps: layers.Flatten(name="layer")(x)),
    "reshape": (_image, lambda layers, x, width, steps: layers.Reshape((16, 12), name="layer")(x)),
    "permute": (_sequence, lambda layers, x, width, steps: layers.Permute((2, 1), name="layer")(x)),
    "stft_spectrogram": (
        _waveform,
        lambda layers, x, width, steps: layers.STFTSpectrogram(
            frame_length=16, frame_step=8, expand_dims=True, name="layer"
        )(x),
    ),
    "mel_spectrogram": (
        _waveform_in_a_row,
        # Decibels are cut off below the loudest of all samples of a batch.
        lambda layers, x, width, steps: layers.MelSpectrogram(
            64, 8, num_mel_bins=width, sampling_rate=8_000, power_to_db=False, name="layer"
        )(x),
    ),
    "conv2d_behind_a_spectrogram": (
        _waveform,
        lambda layers, x, width, steps: layers.Conv2D(width, 3, padding="same", name="layer")(
            layers.STFTSpectrogram(frame_length=16, frame_step=8, expand_dims=True, name="before")(x)
        ),
    ),
    "string_lookup": (
        _words,
        lambda layers, x, width, steps: layers.StringLookup(vocabulary=list(_VOCABULARY), name="layer")(x),
    ),
    "string_lookup_inverted": (
        _tokens,
        lambda layers, x, width, steps: layers.StringLookup(vocabulary=list(_VOCABULARY), invert=True, name="layer")(
            x % 5
        ),
    ),
}
LAYER_KINDS: Final = tuple(_KINDS)
"""What :func:`small_model` can make: a model for each kind of layer, in which the layer is called ``"layer"``."""

_recorded: OnceCache[Activations] = OnceCache(4 * len(_KINDS))
_extractors: OnceCache[Extractor] = OnceCache(4 * len(_KINDS))
_building = threading.Lock()


def small_model(kind: str, *, width: int = 8, steps: int = 12) -> Any:
    """Build a small Keras model with random weights, the same each time.

    Args:
        kind: One of :data:`LAYER_KINDS`.
        width: Units or channels, where the layer has a number of them that can be chosen.
        steps: Timesteps of sequences.

    Raises:
        KeyError: If there is no such kind.
    """
    import keras

    if kind not in _KINDS:
        raise KeyError(f"there is no kind {kind!r}; there are: {', '.join(LAYER_KINDS)}")
    given, build = _KINDS[kind]
    # Keras numbers layers and keeps its seed for the whole process.
    with _building:
        state = np.random.get_state()
        keras.utils.set_random_seed(7)
        source = given(keras, width, steps)
        model = keras.Model(source, build(keras.layers, source, width, steps), name=f"small_{kind}")
        np.random.set_state(state)
    return model


def small_activations(kind: str, *, width: int = 8, steps: int = 12, samples: int = 6) -> Activations:
    """Record what every layer of a small model answers, its internals included; kept, so that it is run once.

    Args:
        kind: One of :data:`LAYER_KINDS`.
        width: Units or channels.
        steps: Timesteps of sequences; the last third of the first sample is padding of recurrent layers and embeddings.
        samples: How many samples, drawn at random, with labels and class names.
    """
    return _recorded.get((kind, width, steps, samples), lambda: _record(kind, width, steps, samples))


def small_extractor(kind: str, *, width: int = 8, steps: int = 12) -> Extractor:
    """Return what runs a small model, as the page has one for each model: what it compiled serves all who ask.

    Args:
        kind: One of :data:`LAYER_KINDS`.
        width: Units or channels.
        steps: Timesteps of sequences.
    """
    return _extractors.get((kind, width, steps), lambda: Extractor(small_model(kind, width=width, steps=steps)))


def _record(kind: str, width: int, steps: int, samples: int) -> Activations:
    extractor = small_extractor(kind, width=width, steps=steps)
    labels = np.arange(samples) % 3
    names = ("first", "second", "third")
    inputs = small_inputs(extractor.model, samples)
    return extractor.extract(inputs, internals=True, labels=labels, class_names=names)


def small_inputs(model: Any, samples: int) -> Any:
    """Return samples for a :func:`small_model`, always the same ones, as it is called with them.

    Args:
        model: The model.
        samples: How many.
    """
    from core.inputs.structure import arrange

    return arrange(model, _inputs(model, samples))


def _inputs(model: Any, samples: int) -> Mapping[str, np.ndarray]:
    random = np.random.default_rng(3)
    made = {}
    for source in model.inputs:
        shape = (samples, *source.shape[1:])
        if source.dtype == "string":
            made[source.name] = random.choice(_VOCABULARY, shape).astype(object)
        elif source.dtype == "int32":
            made[source.name] = random.integers(1, 19, shape).astype(np.int32)
        else:
            made[source.name] = random.normal(size=shape).astype(np.float32)
        if len(shape) > 1 and source.dtype != "string":
            made[source.name][0, -max(1, shape[1] // 3) :] = 0
    return made
