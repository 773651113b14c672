"""A tiny model of each kind that ``tests/model_kinds`` runs, with samples for it: what every picture is tried on."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.support.small_models import Chain

layers, ops = keras.layers, keras.ops
WORDS = np.array(["the cat sat", "a dog", "the the cat", "sat", "a cat", "dog dog", "the", "a a a", "cat"])


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        build: Returns a model.
        inputs: Returns inputs of so many samples, in the structure in which the model takes them.
        counts: How many samples it is tried with.
        fits_page: Whether its samples can be arrays, as the page has them.
    """

    build: Callable[[], Any]
    inputs: Callable[[int], Any]
    counts: tuple[int, ...] = (1, 3, 9)
    fits_page: bool = True


def numbers(*shape: int) -> Callable[[int], np.ndarray]:
    """Return what makes samples of a shape, real numbers."""
    return lambda count: np.random.default_rng(count).normal(size=(count, *shape)).astype(np.float32)


def tokens(length: int) -> Callable[[int], np.ndarray]:
    """Return what makes sequences of token numbers, padded with zeros by different lengths."""

    def make(count: int) -> np.ndarray:
        ids = np.random.default_rng(count).integers(1, 6, (count, length)).astype(np.int32)
        ids[np.arange(length)[None] >= (np.arange(count) % length + 1)[:, None]] = 0
        return ids

    return make


def words(count: int) -> np.ndarray:
    """Return sentences."""
    return WORDS[:count]


def functional(shape: tuple[int | None, ...], *parts: Any, dtype: str | None = None, **settings: Any) -> Any:
    """Return a model that calls its parts one after another."""
    inputs = x = keras.Input(shape, dtype=dtype, **settings)
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


class Residual(layers.Layer):
    """A composite layer."""

    def __init__(self, units: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.up, self.down = layers.Dense(2 * units, "relu", name="up"), layers.Dense(units, name="down")

    def call(self, x: Any) -> Any:
        return x + self.down(self.up(x))


class Doubling(keras.Model):
    """Doubles as often as its values ask for, so that samples are called with others a different number of times."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.double = layers.Dense(4, name="first"), layers.Rescaling(2.0, name="double")

    def call(self, x: Any) -> Any:
        x = self.first(x)
        while float(ops.max(ops.abs(x))) < 100:
            x = self.double(x)
        return x


class SortedByNumPy(layers.Layer):
    """Leaves the graph for NumPy."""

    def call(self, x: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(lambda y: np.sort(y, axis=-1), [x], tf.float32), x.shape)


class Looping(layers.Layer):
    """Calls a layer in a loop of the graph."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.step = layers.Dense(4, name="step")

    def build(self, shape: Any) -> None:
        self.step.build((None, 4))

    def call(self, x: Any) -> Any:
        return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, self.step(y)), (0, x))[1]


class OwnCell(layers.Layer):
    """A cell that is made of layers."""

    def __init__(self, units: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.state_size = self.output_size = units
        self.given, self.recalled = layers.Dense(units, name="given"), layers.Dense(units, name="recalled")

    def build(self, shape: Any) -> None:
        self.given.build(shape)
        self.recalled.build((None, self.state_size))

    def call(self, x: Any, states: Any) -> Any:
        state = ops.tanh(self.given(x) + self.recalled(states[0]))
        return state, [state]


class OverCrops(keras.Model):
    """Calls a layer for the crops of one picture after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.maps, self.answer = layers.Conv2D(3, 3, name="maps"), layers.Dense(2, name="answer")
        self.maps.build((None, 5, 5, 1))

    def call(self, pictures: Any) -> Any:
        crops = tf.stack([pictures[:, :5, :5], pictures[:, 3:, 3:]], axis=1)
        return self.answer(ops.mean(tf.map_fn(self.maps, crops), axis=(1, 2, 3)))


class Choosing(keras.Model):
    """A graph function in which tensors decide."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = layers.Dense(4, name="before"), layers.Dense(2, name="after")

    @tf.function
    def call(self, x: Any) -> Any:
        x = self.before(x)
        if tf.reduce_sum(x) > 0:
            x = -x
        return self.after(x)


class WithDerivatives(keras.Model):
    """Answers with its own derivatives."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.field = layers.Dense(4, "tanh", name="hidden"), layers.Dense(1, name="field")

    def call(self, x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            field = self.field(self.hidden(x))
        return ops.concatenate([field, tape.batch_jacobian(field, x)[:, 0]], axis=-1)


class OfNames(keras.Model):
    """Takes a dict and answers one."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = layers.Dense(3, name="left"), layers.Dense(3, name="right")

    def call(self, inputs: Any) -> Any:
        return {"sum": self.left(inputs["z"]) + self.right(inputs["a"])}


class OfOneName(keras.Model):
    """Takes a dict with a single key."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3, name="dense")
        self.dense.build((None, 4))

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs["a"])


class Parts(layers.Layer):
    """Answers several tensors, of other shapes."""

    def call(self, x: Any) -> Any:
        return ops.mean(x, axis=-1), {"sorted": ops.sort(x, axis=-1)}


class TimeFirst(keras.Model):
    """Turns time and samples round, and then folds them."""

    def __init__(self) -> None:
        super().__init__()
        self.turned, self.folded = layers.Dense(3, name="turned"), layers.Dense(2, name="folded")

    def call(self, x: Any) -> Any:
        y = self.turned(ops.transpose(x, (1, 0, 2)))
        return ops.transpose(ops.reshape(self.folded(ops.reshape(y, (-1, 3))), (7, -1, 2)), (1, 0, 2))


class Packed(keras.Model):
    """Runs a layer over the timesteps that are no padding only, of all samples in one row."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.answer = layers.Dense(3, name="dense"), layers.Dense(2, name="answer")

    def call(self, x: Any) -> Any:
        valid = x[..., 0] > 0
        rows = self.dense(tf.boolean_mask(x, valid))
        shape = tf.concat([tf.shape(x)[:2], [3]], 0)
        return self.answer(tf.scatter_nd(tf.cast(tf.where(valid), tf.int32), rows, shape))


class Stepping(keras.Model):
    """Calls a cell by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = layers.SimpleRNNCell(2, name="cell")

    def call(self, series: Any) -> Any:
        state = [ops.zeros((ops.shape(series)[0], 2))]
        for step in range(series.shape[1]):
            _, state = self.cell(series[:, step], state)
        return state[0]


class OfRows(keras.Model):
    """Takes ragged rows."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.out = layers.Embedding(7, 3, name="embedding"), layers.Dense(2, name="out")

    def call(self, rows: Any) -> Any:
        return self.out(self.embedding(rows.to_tensor()))


class Spectrum(layers.Layer):
    """Answers complex numbers."""

    def call(self, x: Any) -> Any:
        return tf.signal.fft(tf.cast(x, tf.complex64))

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, "complex64")


class Power(layers.Layer):
    """Makes real numbers of complex ones."""

    def call(self, x: Any) -> Any:
        return tf.abs(x)

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, "float32")


def windows() -> Any:
    """Windows of an image folded into the samples, with attention inside each."""
    images = keras.Input((8, 8, 3))
    x = layers.Permute((1, 3, 2, 4, 5))(layers.Reshape((2, 4, 2, 4, 3))(images))
    x = layers.Dense(4, name="window")(ops.reshape(x, (-1, 16, 3)))
    x = layers.MultiHeadAttention(2, 2, name="attention")(x, x)
    x = layers.GlobalAveragePooling2D()(ops.reshape(x, (-1, 4, 16, 4)))
    return keras.Model(images, layers.Dense(3, "softmax", name="answer")(x))


def mean_of_batch() -> Any:
    """One number for all samples."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2)(inputs) * layers.Lambda(ops.mean, name="mean")(inputs))


def mixing() -> Any:
    """Compares samples with each other."""
    inputs = keras.Input((4,))
    alike = layers.Lambda(lambda x: ops.matmul(x, ops.transpose(x)), name="alike")(inputs)
    return keras.Model(inputs, layers.Dense(2, name="answer")(inputs) + ops.mean(alike))


def images_and_tokens() -> Any:
    """Inputs of different shapes and types."""
    images, ids = keras.Input((6, 6, 1), name="images"), keras.Input((2,), dtype="int32", name="ids")
    maps = layers.GlobalMaxPooling2D()(layers.Conv2D(3, 3, name="maps")(images))
    rows = layers.Flatten()(layers.Embedding(9, 3, name="embedding")(ids))
    return keras.Model([images, ids], layers.Dense(2, "sigmoid", name="labels")(layers.Concatenate()([maps, rows])))


def twice() -> Any:
    """A base that two inputs share."""
    base = functional((6, 6, 1), layers.Conv2D(3, 3, activation="relu", name="maps"), layers.GlobalMaxPooling2D())
    one, other = keras.Input((6, 6, 1), name="one"), keras.Input((6, 6, 1), name="other")
    return keras.Model([one, other], layers.Dense(1, "sigmoid", name="alike")(ops.abs(base(one) - base(other))))


def table_of_columns() -> Any:
    """Categories and numbers by name."""
    word, number = keras.Input((1,), dtype="string", name="word"), keras.Input((3,), name="numbers")
    hot = layers.StringLookup(vocabulary=["cat", "dog"], output_mode="one_hot", name="hot")(word)
    return keras.Model(
        {"word": word, "numbers": number}, layers.Dense(1, name="price")(ops.concatenate([hot, number], axis=-1))
    )


def translating() -> Any:
    """States that one layer hands to another."""
    inputs = keras.Input((6, 4))
    _, hidden, cell = layers.LSTM(3, return_state=True, name="encoder")(inputs)
    decoder = layers.LSTM(3, return_sequences=True, name="decoder")
    return keras.Model(inputs, layers.Dense(2, "softmax", name="each")(decoder(inputs, initial_state=[hidden, cell])))


def boxes() -> Any:
    """Several outputs of different shapes."""
    inputs = keras.Input((8, 8, 3))
    maps = layers.Conv2D(4, 3, activation="relu", name="maps")(inputs)
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(maps)
    flat = layers.GlobalAveragePooling2D(name="pooled")(maps)
    return keras.Model(inputs, {"mask": mask, "box": layers.Dense(4, name="box")(flat)})


def quantized() -> Any:
    """Whole numbers inside."""
    model = functional((4,), layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b"))
    with warnings.catch_warnings():
        # Keras quantizes every layer that it can, and warns of each other one.
        warnings.simplefilter("ignore", UserWarning)
        model.quantize("int8")
    return model


def broken(count: int) -> np.ndarray:
    """Return samples with values that are no numbers."""
    samples = numbers(4)(count)
    samples[0, 1] = np.nan
    return samples


def pair(count: int) -> list[np.ndarray]:
    return [numbers(6, 6, 1)(count), numbers(6, 6, 1)(count)[::-1]]


KINDS: Mapping[str, Kind] = {
    # test_models
    "sequential, not built": Kind(lambda: keras.Sequential([layers.Dense(5, "relu"), layers.Dense(2)]), numbers(4)),
    "subclassed": Kind(lambda: Chain(Residual(4, name="block"), layers.Dense(3, "softmax")), numbers(4)),
    "looks at values": Kind(lambda: Chain(layers.Dense(3, "relu"), layers.Dense(1), decides=True), numbers(4)),
    "loops by its values": Kind(Doubling, numbers(4)),
    "NumPy inside": Kind(lambda: functional((4,), SortedByNumPy(), layers.Dense(2)), numbers(4)),
    "loop of the graph": Kind(lambda: functional((4,), Looping(name="loop"), layers.Dense(2)), numbers(4)),
    "graph function": Kind(Choosing, numbers(4)),
    "derivatives": Kind(WithDerivatives, numbers(4)),
    # test_inputs
    "dict of vectors": Kind(OfNames, lambda count: {"z": numbers(4)(count), "a": numbers(2)(count)}),
    "dict of one vector": Kind(OfOneName, lambda count: {"a": numbers(4)(count)}),
    "images and tokens": Kind(images_and_tokens, lambda count: [numbers(6, 6, 1)(count), tokens(2)(count)]),
    "two images": Kind(twice, pair),
    "categories and numbers": Kind(
        table_of_columns,
        lambda count: {"word": np.array(["cat", "dog", "?"] * 3)[:count, None], "numbers": numbers(3)(count)},
    ),
    "several tensors": Kind(
        lambda: functional((4,), Parts(name="parts"), lambda x: layers.Dense(2)(x[1]["sorted"])), numbers(4)
    ),
    "masked tokens": Kind(
        lambda: functional(
            (5,), layers.Embedding(7, 3, mask_zero=True), layers.LSTM(2), layers.Dense(1, "sigmoid"), dtype="int32"
        ),
        tokens(5),
    ),
    "masked series": Kind(
        lambda: functional((5, 2), layers.Masking(), layers.GRU(3, return_sequences=True)), numbers(5, 2)
    ),
    "text": Kind(
        lambda: keras.Sequential(
            [
                layers.TextVectorization(vocabulary=["the", "cat", "dog"], output_sequence_length=4),
                layers.Embedding(6, 3, mask_zero=True),
                layers.GlobalAveragePooling1D(),
                layers.Dense(2, "softmax"),
            ]
        ),
        words,
    ),
    "words and back": Kind(
        lambda: functional(
            (2,),
            layers.StringLookup(vocabulary=["cat", "dog"]),
            layers.StringLookup(vocabulary=["cat", "dog"], invert=True),
            dtype="string",
        ),
        lambda count: np.array([["cat", "dog"], ["?", "cat"], ["dog", "dog"]] * 3)[:count],
    ),
    "ragged": Kind(
        OfRows,
        lambda count: tf.ragged.constant([[1, 2, 3][: row % 3 + 1] for row in range(count)]),
        fits_page=False,
    ),
    # test_folded
    "windows": Kind(windows, numbers(8, 8, 3)),
    "time first": Kind(TimeFirst, numbers(7, 6)),
    "one for all": Kind(mean_of_batch, numbers(4)),
    "samples compared": Kind(mixing, numbers(4)),
    "fixed batch": Kind(
        lambda: functional((6, 6, 1), layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), batch_size=3),
        numbers(6, 6, 1),
        (3,),
    ),
    "packed": Kind(Packed, numbers(4, 5)),
    # test_nesting
    "nested": Kind(
        lambda: functional((4,), functional((4,), layers.Dense(4, "relu"), name="inner"), Residual(4), layers.Dense(2)),
        numbers(4),
    ),
    # test_numbers
    "every precision": Kind(
        lambda: functional(
            (8, 8, 3),
            layers.Conv2D(3, 3, dtype="float16"),
            layers.GlobalAveragePooling2D(dtype="mixed_bfloat16"),
            layers.Dense(2, dtype="float64"),
        ),
        numbers(8, 8, 3),
    ),
    "whole numbers": Kind(
        lambda: functional((3,), lambda x: x[:, ::-1], dtype="int32"),
        lambda count: (numbers(3)(count) * 9).astype(np.int32),
    ),
    "yes and no": Kind(lambda: functional((4,), layers.Dense(3), lambda x: x > 0), numbers(4)),
    "quantized": Kind(quantized, numbers(4)),
    "no numbers": Kind(lambda: functional((4,), layers.Dense(3, "relu"), layers.Dense(2, "softmax")), broken),
    "complex": Kind(
        lambda: functional((4,), Spectrum(name="spectrum"), Power(name="power", autocast=False)), numbers(4)
    ),
    # test_recurrent
    "states handed on": Kind(translating, numbers(6, 4)),
    "recurrent in two directions, and cells on one another": Kind(
        lambda: functional(
            (6, 4),
            layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True)),
            layers.RNN([layers.SimpleRNNCell(3), layers.SimpleRNNCell(2)], return_sequences=True, name="stack"),
        ),
        numbers(6, 4),
    ),
    "cell of layers": Kind(
        lambda: functional(
            (5, 2), layers.Masking(), layers.RNN(OwnCell(3, name="cell"), name="rnn"), layers.Dense(2, "softmax")
        ),
        numbers(5, 2),
    ),
    "crops": Kind(OverCrops, numbers(8, 8, 1)),
    "cell by hand": Kind(Stepping, numbers(3, 4)),
    "any length": Kind(
        lambda: functional((None, 4), layers.TimeDistributed(layers.Dense(2)), layers.Conv1D(3, 2)), numbers(6, 4)
    ),
    "waveform": Kind(
        lambda: functional(
            (96, 1),
            layers.STFTSpectrogram(frame_length=16, frame_step=8, expand_dims=True, name="spectrogram"),
            layers.Conv2D(3, 3, padding="same", activation="relu", name="seen"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, "softmax"),
        ),
        numbers(96, 1),
    ),
    "mel bands": Kind(
        lambda: functional(
            (96,),
            layers.MelSpectrogram(32, 8, num_mel_bins=6, sampling_rate=8_000, power_to_db=False, name="bands"),
            layers.Permute((2, 1), name="in time"),
            layers.GRU(3, return_sequences=True, name="heard"),
            layers.Dense(2, "softmax"),
        ),
        numbers(96),
    ),
    "frames": Kind(
        lambda: functional(
            (3, 6, 6, 1),
            layers.TimeDistributed(layers.Conv2D(2, 3, activation="relu"), name="each"),
            layers.TimeDistributed(layers.GlobalAveragePooling2D()),
            layers.SimpleRNN(3, name="film"),
            layers.Dense(2, "softmax"),
        ),
        numbers(3, 6, 6, 1),
    ),
    "ConvLSTM": Kind(lambda: functional((3, 6, 6, 1), layers.ConvLSTM2D(2, 3, name="film")), numbers(3, 6, 6, 1)),
    "stateful": Kind(
        lambda: functional((6, 4), layers.SimpleRNN(2, stateful=True, name="rnn"), layers.Dense(1), batch_size=3),
        numbers(6, 4),
        (3,),
    ),
    # test_applications, test_keras_hub, test_files: what their layers are made of
    "images": Kind(
        lambda: functional(
            (8, 8, 3),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ),
        numbers(8, 8, 3),
    ),
    "volumes": Kind(
        lambda: functional((4, 4, 4, 1), layers.Conv3D(2, 2), layers.GlobalAveragePooling3D(), layers.Dense(2)),
        numbers(4, 4, 4, 1),
    ),
    "boxes and masks": Kind(boxes, numbers(8, 8, 3)),
    "one unit": Kind(lambda: functional((1,), layers.Dense(1, name="line")), numbers(1)),
    "no axis": Kind(lambda: functional((), lambda x: 2 * x), numbers()),
}
