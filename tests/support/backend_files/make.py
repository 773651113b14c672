"""Writes ``jax.zip`` or ``torch.zip``: models as Keras saves them on that backend, with what they answer there.

``KERAS_BACKEND=jax python tests/support/backend_files/make.py`` where Keras, JAX, Flax and TensorFlow are installed
(Keras needs the last to make a JaxLayer); ``KERAS_BACKEND=torch …`` where Keras and PyTorch are. Tests need neither.
"""

import io
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from own_models import Gated

HERE = Path(__file__).parent
BACKEND = keras.config.backend()
RANDOM = np.random.default_rng(0)
FIRST = {"data_format": "channels_first"}


def numbers(*shape):
    return RANDOM.normal(size=(3, *shape)).astype(np.float32)


def tokens(*shape):
    ids = RANDOM.integers(1, 9, (3, *shape)).astype(np.int32)
    ids[1, 3:] = 0
    return ids


def chain(shape, *parts, dtype=None):
    x = inputs = keras.Input(shape, dtype=dtype, name="inputs")
    for part in parts:
        x = part(x)
    return keras.Model(inputs, layers.Dense(2, "softmax", dtype="float32", name="answer")(x))


def under(policy, make):
    keras.config.set_dtype_policy(policy)
    try:
        return make()
    finally:
        keras.config.set_dtype_policy("float32")


def cnn():
    yield layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")
    yield layers.BatchNormalization(name="normalized")
    yield layers.SpatialDropout2D(0.2, seed=5, name="dropped")
    yield layers.MaxPooling2D(name="pooled")
    yield layers.SeparableConv2D(3, 3, name="separable")
    yield layers.Conv2DTranspose(3, 3, strides=2, name="transposed")
    yield layers.Flatten(name="flat")


def cnn_channels_first():
    yield layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv", **FIRST)
    yield layers.BatchNormalization(axis=1, name="normalized")
    yield layers.DepthwiseConv2D(3, padding="same", name="depthwise", **FIRST)
    yield layers.ReLU(name="relu")
    yield layers.MaxPooling2D(name="pooled", **FIRST)
    yield layers.UpSampling2D(name="larger", **FIRST)
    yield layers.GlobalAveragePooling2D(name="mean", **FIRST)


def channels_first_everywhere():
    """As who sets it in ``keras.json``: no layer says so itself."""
    keras.config.set_image_data_format("channels_first")
    try:
        return chain(
            (1, 8, 8),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.AveragePooling2D(2, name="pooled"),
            lambda x: ops.max_pool(x, (2, 2), (2, 2), data_format="channels_first"),
            layers.Flatten(name="flat"),
        )
    finally:
        keras.config.set_image_data_format("channels_last")


def recurrent():
    yield layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1, return_sequences=True, name="lstm")
    yield layers.Bidirectional(layers.GRU(3, return_sequences=True, name="gru"), name="both")
    yield layers.RNN([layers.SimpleRNNCell(3), layers.LSTMCell(2)], name="stacked")
    yield layers.Dropout(0.3, name="dropped")


def attention():
    series = keras.Input((5, 4), name="series")
    x = layers.MultiHeadAttention(2, 3, dropout=0.1, name="attention")(series, series, use_causal_mask=True)
    x = layers.LayerNormalization(name="normalized")(layers.Add(name="sum")([series, x]))
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(series, layers.Dense(2, "softmax", name="answer")(x))


def operations():
    x = keras.Input((6,), name="numbers")
    y = ops.tanh(layers.Dense(4, name="first")(x)) * 2.0 + ops.mean(x, axis=-1, keepdims=True)
    y = layers.Rescaling(0.5, name="scaled")(y)
    return keras.Model(x, layers.Dense(2, "softmax", name="answer")(ops.concatenate([y, x], axis=-1)))


def prepared():
    yield layers.Normalization(mean=0.5, variance=2.0, axis=None, name="normalized")
    yield layers.RandomFlip(seed=3, name="flipped")
    yield layers.RandomRotation(0.1, name="rotated")
    yield layers.Resizing(6, 6, name="resized")
    yield layers.GaussianNoise(0.1, name="noise")
    yield layers.Flatten(name="flat")


def words():
    yield layers.Embedding(9, 4, mask_zero=True, name="embedding")
    yield layers.LSTM(3, name="lstm")


def quantized():
    model = chain((6,), layers.Dense(8, "relu", name="hidden"))
    model.quantize("int8", filters=lambda layer: isinstance(layer, layers.Dense))
    return model


MODELS = {
    "cnn": (lambda: chain((8, 8, 1), *cnn()), numbers(8, 8, 1)),
    "channels_first": (lambda: chain((1, 8, 8), *cnn_channels_first()), numbers(1, 8, 8)),
    "channels_first_everywhere": (channels_first_everywhere, numbers(1, 8, 8)),
    "recurrent": (lambda: chain((6, 3), *recurrent()), numbers(6, 3)),
    "attention": (attention, numbers(5, 4)),
    "subclassed": (lambda: Gated(name="gated"), numbers(5)),
    "mixed_bfloat16": (lambda: under("mixed_bfloat16", lambda: chain((6,), layers.Dense(8, "gelu"))), numbers(6)),
    "mixed_float16": (lambda: under("mixed_float16", lambda: chain((6,), layers.Dense(8, "gelu"))), numbers(6)),
    "operations": (operations, numbers(6)),
    "prepared": (lambda: chain((8, 8, 1), *prepared()), numbers(8, 8, 1)),
    "words": (lambda: chain((5,), *words(), dtype="int32"), tokens(5)),
    "quantized": (quantized, numbers(6)),
}


@keras.saving.register_keras_serializable(package="elsewhere")
def times(params, inputs):
    return inputs @ params["weight"]


@keras.saving.register_keras_serializable(package="elsewhere")
def weights_of(rng, inputs):
    import jax

    return {"weight": jax.numpy.ones((3, 2))}


def only_here():
    """Models with a layer that only this backend has."""
    if BACKEND == "torch":
        import torch

        yield "torch_module", keras.layers.TorchModuleWrapper(torch.nn.Linear(3, 2), name="own")
        return
    import flax

    @keras.saving.register_keras_serializable(package="elsewhere")
    class Net(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, inputs):
            return flax.linen.Dense(2)(inputs)

        def get_config(self):
            return {}

    yield "jax_layer", keras.layers.JaxLayer(times, weights_of, name="own")
    yield "flax_layer", keras.layers.FlaxLayer(Net(), name="own")


def saved(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def main():
    keras.utils.set_random_seed(7)
    with zipfile.ZipFile(HERE / f"{BACKEND}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (make, samples) in MODELS.items():
            model = make()
            model.compile("adam", "sparse_categorical_crossentropy")
            if name != "quantized":
                model.fit(samples, np.arange(len(samples)) % 2, epochs=2, verbose=0)
            archive.writestr(f"{name}.keras", saved(model))
            values = io.BytesIO()
            answers = ops.convert_to_numpy(model(samples, training=False)).astype(np.float32)
            np.savez(values, samples=samples, answers=answers)
            archive.writestr(f"{name}.npz", values.getvalue())
        for name, own in only_here():
            model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="first"), own], name="with_own")
            archive.writestr(f"{name}.keras", saved(model))


if __name__ == "__main__":
    main()
