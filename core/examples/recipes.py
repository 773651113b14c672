"""How each example's model is built, and what its card says.

Models are made of Keras's own layers only, so that they open in safe mode, without any code of ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from core.examples import datasets, quality
from core.examples.datasets import Dataset


@dataclass(frozen=True)
class Recipe:
    """All that is decided by hand about one example.

    Args:
        name: Name of the example and of its folder.
        title: A few words for a list of examples.
        description: One or two sentences for a newcomer.
        featured_layer: Name of the layer that is worth looking at first.
        input_kind: ``"image"``, ``"vector"``, ``"sequence"`` or ``"text"``.
        source: Where the data is from.
        license: Terms of the data.
        read: Reads the data.
        build: Builds the untrained model.
        epochs: How often training sees all samples, at most.
        batch_size: Samples per training step.
        learning_rate: Adam's step size.
        validation_share: Share of the training samples that decides when to stop; 0 trains for all epochs.
        shipped: How many of the held-out samples are shipped, at most.
        loss: What training makes small, by Keras' name.
        quality: What the predictions for the held-out samples are worth, in a sentence.
    """

    name: str
    title: str
    description: str
    featured_layer: str
    input_kind: str
    source: str
    license: str
    read: Callable[[], Dataset]
    build: Callable[[Dataset], keras.Model]
    epochs: int
    batch_size: int = 32
    learning_rate: float = 2e-3
    validation_share: float = 0.1
    shipped: int = 90
    loss: str = "sparse_categorical_crossentropy"
    quality: Callable[[np.ndarray, Dataset], str] = quality.share_of_right_answers


def build_digits_cnn(dataset: Dataset) -> keras.Model:
    """Two convolutions, pooling, two dense layers; input (sample, 8, 8, 1)."""
    image = keras.Input((8, 8, 1), name="image")
    maps = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv_1")(image)
    maps = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_2")(maps)
    maps = layers.MaxPooling2D(name="pool")(maps)
    units = layers.Dropout(0.3, name="dropout")(layers.Flatten(name="flatten")(maps))
    units = layers.Dense(32, activation="relu", name="dense")(units)
    return keras.Model(image, _classify(units, dataset), name="digits_cnn")


def build_digits_dense(dataset: Dataset) -> keras.Model:
    """Three dense layers, as a Sequential model; input (sample, 64)."""
    return keras.Sequential(
        [
            keras.Input((64,), name="pixels"),
            layers.Dense(48, activation="relu", name="dense_1"),
            layers.Dense(24, activation="relu", name="dense_2"),
            layers.Dense(len(dataset.class_names), activation="softmax", name="probabilities"),
        ],
        name="digits_dense",
    )


def build_motions_conv1d(dataset: Dataset) -> keras.Model:
    """Two convolutions along time, the mean over time, one dense layer; input (sample, 100, 6)."""
    motion = keras.Input(dataset.train_inputs.shape[1:], name="motion")
    scale = layers.Normalization(name="normalization")
    scale.adapt(dataset.train_inputs)
    maps = layers.Conv1D(16, 7, padding="same", activation="relu", name="conv_1")(scale(motion))
    maps = layers.MaxPooling1D(2, name="pool")(maps)
    maps = layers.Conv1D(24, 5, padding="same", activation="relu", name="conv_2")(maps)
    units = layers.GlobalAveragePooling1D(name="mean_over_time")(maps)
    return keras.Model(motion, _classify(units, dataset), name="motions_conv1d")


def build_reviews_transformer(dataset: Dataset) -> keras.Model:
    """One encoder block of a Transformer, from text to sentiment; input (sample), text."""
    vocabulary_size, words, width = 2500, 32, 16
    text = keras.Input((), dtype="string", name="text")
    split = layers.TextVectorization(vocabulary_size, output_sequence_length=words, name="words")
    split.adapt(tf.constant(dataset.train_inputs))
    tokens = split(text)
    # 1, 2, 3, ..., then 0 for the padding, so that both embeddings carry a mask: Add drops the mask of only one.
    # Computed from the tokens, because a layer that is called on a constant is lost when the model is saved.
    present = keras.ops.minimum(tokens, 1)
    positions = keras.ops.cumsum(present, axis=1) * present
    # The first place counts even without a word: the mean over no word at all would not be a number.
    positions = keras.ops.maximum(positions, np.eye(1, words, dtype="int64"))
    embedded = layers.Add(name="embedding")(
        [
            layers.Embedding(vocabulary_size, width, mask_zero=True, name="word_embedding")(tokens),
            layers.Embedding(words + 1, width, mask_zero=True, name="position_embedding")(positions),
        ]
    )
    embedded = layers.Dropout(0.4, name="dropout_1")(embedded)
    attended = layers.MultiHeadAttention(2, width // 2, dropout=0.2, name="attention")(embedded, embedded)
    attended = layers.LayerNormalization(name="attended_words")(layers.Add(name="residual_1")([embedded, attended]))
    answer = layers.Dense(2 * width, activation="relu", name="feed_forward_1")(attended)
    answer = layers.Dense(width, name="feed_forward_2")(answer)
    encoded = layers.LayerNormalization(name="encoded_words")(layers.Add(name="residual_2")([attended, answer]))
    units = layers.GlobalAveragePooling1D(name="mean_over_words")(encoded)
    return keras.Model(
        text, _classify(layers.Dropout(0.4, name="dropout_2")(units), dataset), name="reviews_transformer"
    )


def build_vowels_lstm(dataset: Dataset) -> keras.Model:
    """An LSTM that answers at each step, a second one that sums up; input (sample, 29, 12), zero after the end."""
    frames = keras.Input(dataset.train_inputs.shape[1:], name="frames")
    heard = layers.Masking(0.0, name="masking")(frames)
    steps = layers.LSTM(32, return_sequences=True, name="lstm_1")(heard)
    units = layers.LSTM(24, name="lstm_2")(layers.Dropout(0.3, name="dropout")(steps))
    return keras.Model(frames, _classify(units, dataset), name="vowels_lstm")


def build_digits_autoencoder(dataset: Dataset) -> keras.Model:
    """Two convolutions down to six numbers, and two up again; input and output (sample, 8, 8, 1)."""
    image = keras.Input((8, 8, 1), name="image")
    maps = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="encoder_1")(image)
    maps = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu", name="encoder_2")(maps)
    code = layers.Dense(6, name="code")(layers.Flatten(name="flatten")(maps))
    maps = layers.Dense(2 * 2 * 24, activation="relu", name="decoder_units")(code)
    maps = layers.Reshape((2, 2, 24), name="decoder_maps")(maps)
    maps = layers.Conv2DTranspose(24, 3, strides=2, padding="same", activation="relu", name="decoder_1")(maps)
    maps = layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu", name="decoder_2")(maps)
    copy = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="reconstruction")(maps)
    return keras.Model(image, copy, name="digits_autoencoder")


def build_diabetes_regression(dataset: Dataset) -> keras.Model:
    """Two dense layers and one number; input (sample, 10), named columns."""
    features = keras.Input((len(dataset.feature_names),), name="measurements")
    scale = layers.Normalization(name="normalization")
    scale.adapt(dataset.train_inputs)
    units = layers.Dense(24, activation="relu", name="dense_1")(scale(features))
    units = layers.Dropout(0.3, name="dropout")(units)
    units = layers.Dense(12, activation="relu", name="dense_2")(units)
    # It begins at the mean, which it would have to climb to otherwise.
    mean = keras.initializers.Constant(float(dataset.train_labels.mean()))
    return keras.Model(
        features, layers.Dense(1, name="progression", bias_initializer=mean)(units), name="diabetes_regression"
    )


def build_shapes_segmentation(dataset: Dataset) -> keras.Model:
    """A small U-Net: down twice, up twice, what was seen on the way down beside it; input (sample, 32, 32, 3)."""

    def convolved(maps: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
        return layers.Conv2D(channels, 3, padding="same", activation="relu", name=name)(maps)

    image = keras.Input(dataset.train_inputs.shape[1:], name="image")
    fine = convolved(image, 12, "down_1")
    middle = convolved(layers.MaxPooling2D(name="pool_1")(fine), 20, "down_2")
    coarse = convolved(layers.MaxPooling2D(name="pool_2")(middle), 28, "bottom_1")
    coarse = convolved(coarse, 28, "bottom_2")
    up = layers.Concatenate(name="skip_2")([layers.UpSampling2D(name="up_2")(coarse), middle])
    up = convolved(up, 20, "up_conv_2")
    up = layers.Concatenate(name="skip_1")([layers.UpSampling2D(name="up_1")(up), fine])
    up = convolved(up, 12, "up_conv_1")
    mask = layers.Conv2D(len(dataset.class_names), 1, activation="softmax", name="mask")(up)
    return keras.Model(image, mask, name="shapes_segmentation")


def build_tides_forecaster(dataset: Dataset) -> keras.Model:
    """An LSTM over two days of hours, and a number for each hour of the next; input (sample, 48, 1)."""
    hours = keras.Input(dataset.train_inputs.shape[1:], name="water_level")
    units = layers.LSTM(32, name="lstm")(hours)
    ahead = layers.Dense(dataset.train_labels.shape[-1], name="next_hours")(units)
    return keras.Model(hours, ahead, name="tides_forecaster")


def build_clips_lstm(dataset: Dataset) -> keras.Model:
    """The same convolution over each frame, and an LSTM over the frames; input (sample, 8, 16, 16, 1)."""
    clip = keras.Input(dataset.train_inputs.shape[1:], name="clip")
    conv = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")
    maps = layers.TimeDistributed(conv, name="conv_per_frame")(clip)
    units = layers.TimeDistributed(layers.Flatten(), name="flatten_per_frame")(maps)
    units = layers.TimeDistributed(layers.Dense(16, activation="relu"), name="dense_per_frame")(units)
    return keras.Model(clip, _classify(layers.LSTM(16, name="lstm")(units), dataset), name="clips_lstm")


def _classify(units: keras.KerasTensor, dataset: Dataset) -> keras.KerasTensor:
    return layers.Dense(len(dataset.class_names), activation="softmax", name="probabilities")(units)


def as_tensor(inputs: np.ndarray) -> tf.Tensor:
    """Return inputs as Keras takes them: it has no type for NumPy's unicode arrays, TensorFlow has."""
    return tf.constant(inputs)


DIGITS_SOURCE = (
    "Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak; UCI Machine Learning Repository), "
    "as shipped in scikit-learn"
)

RECIPES = (
    Recipe(
        name="digits-cnn",
        title="Handwritten digits, seen by a convolutional network",
        description=(
            "Small pictures of handwritten digits. Each map of a convolution answers to one kind of stroke, "
            "wherever in the picture it is."
        ),
        featured_layer="conv_1",
        input_kind="image",
        source=DIGITS_SOURCE,
        license="CC BY 4.0",
        read=datasets.read_digit_images,
        build=build_digits_cnn,
        epochs=40,
    ),
    Recipe(
        name="digits-dense",
        title="Handwritten digits as plain numbers",
        description=(
            "The same digits as 64 numbers in a row: the network does not know which pixels are neighbours. "
            "Compare the units of its layers for two digits that look alike."
        ),
        featured_layer="dense_2",
        input_kind="vector",
        source=DIGITS_SOURCE,
        license="CC BY 4.0",
        read=datasets.read_digit_vectors,
        build=build_digits_dense,
        epochs=60,
    ),
    Recipe(
        name="vowels-lstm",
        title="Who is speaking? Vowels heard by a recurrent network",
        description=(
            "Nine men say two vowels; the network tells who speaks. Its units change from step to step, "
            "so you can watch it make up its mind."
        ),
        featured_layer="lstm_1",
        input_kind="sequence",
        source=(
            "Japanese Vowels (M. Kudo, J. Toyama, M. Shimbo, 1999; UCI Machine Learning Repository), "
            "official split, as shipped in aeon"
        ),
        license="CC BY 4.0",
        read=datasets.read_vowels,
        build=build_vowels_lstm,
        epochs=60,
        batch_size=16,
        validation_share=0.0,
    ),
    Recipe(
        name="motions-conv1d",
        title="What is the wearer doing? Signals of a smart watch",
        description=(
            "Ten seconds of motion from a watch: its wearer stands, walks, runs or plays badminton. "
            "Each filter of a convolution answers to one kind of swing."
        ),
        featured_layer="conv_1",
        input_kind="sequence",
        source="BasicMotions (UEA Multivariate Time Series Classification archive), official split, as shipped in aeon",
        license="Published for research by the archive without a license of its own; aeon is BSD-3-Clause",
        read=datasets.read_motions,
        build=build_motions_conv1d,
        epochs=60,
        batch_size=8,
        validation_share=0.0,
    ),
    Recipe(
        name="reviews-transformer",
        title="Good or bad? Review sentences read by a small Transformer",
        description=(
            "Sentences from film and product reviews; the network tells praise from complaint. "
            "Attention lets each word look at the others, so that a word's answer depends on its sentence."
        ),
        featured_layer="encoded_words",
        input_kind="text",
        source=(
            "Review sentences rated by people (C.J. Hutto, E. Gilbert, ICWSM 2014), only those with a mean rating "
            f"beyond ±{datasets.STRONG_RATING} of ±4, as shipped in vaderSentiment 0.5"
        ),
        license="MIT (the collection); the sentences are short quotations from public reviews",
        read=datasets.read_reviews,
        build=build_reviews_transformer,
        epochs=12,
        batch_size=64,
        shipped=80,
    ),
    Recipe(
        name="shapes-segmentation",
        title="Which pixels are a circle? Shapes found by a U-Net",
        description=(
            "Pictures of circles, squares and triangles; the network says for each pixel which it belongs to. "
            "On the way down it finds out what is there, on the way up where."
        ),
        featured_layer="up_conv_1",
        input_kind="image",
        source="Made by core/examples/generated.py",
        license="CC0",
        read=datasets.read_shapes,
        build=build_shapes_segmentation,
        epochs=25,
        shipped=40,
        quality=quality.mean_intersection_over_union,
    ),
    Recipe(
        name="digits-autoencoder",
        title="Handwritten digits, copied through six numbers",
        description=(
            "The network copies a digit, and has only six numbers to remember it by. "
            "What it draws from them shows what it kept; what it leaves out is gone."
        ),
        featured_layer="code",
        input_kind="image",
        source=DIGITS_SOURCE,
        license="CC BY 4.0",
        read=datasets.read_digit_copies,
        build=build_digits_autoencoder,
        epochs=80,
        loss="mse",
        quality=quality.error_of_copies,
    ),
    Recipe(
        name="tides-forecaster",
        title="How high will the water be? Tides, a day ahead",
        description=(
            "Two days of water levels, hour by hour; the network says those of the third. "
            "Five tides make them up, and the wind, of which it can know nothing."
        ),
        featured_layer="lstm",
        input_kind="sequence",
        source="Made by core/examples/generated.py",
        license="CC0",
        read=datasets.read_tides,
        build=build_tides_forecaster,
        epochs=80,
        shipped=60,
        loss="mse",
        quality=quality.error_of_forecasts,
    ),
    Recipe(
        name="diabetes-regression",
        title="How will it go on? A number from ten measurements",
        description=(
            "Ten things measured of people with diabetes; the network says how far it will be in a year. "
            "Most of it cannot be known from them, so look at what it rests on."
        ),
        featured_layer="dense_2",
        input_kind="vector",
        source=(
            "Diabetes data (B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Annals of Statistics 2004), "
            "as shipped in scikit-learn"
        ),
        license="Published with the paper without a license of its own; scikit-learn is BSD-3-Clause",
        read=datasets.read_diabetes,
        build=build_diabetes_regression,
        epochs=300,
        learning_rate=5e-3,
        loss="mse",
        quality=quality.explained_variance,
    ),
    Recipe(
        name="clips-lstm",
        title="Where is it going? Clips of moving digits",
        description=(
            "Eight frames of a digit that moves; the network says where to. One frame does not tell: "
            "watch the answer come up as the frames go by."
        ),
        featured_layer="conv_per_frame",
        input_kind="sequence",
        source=f"Digits of: {DIGITS_SOURCE}; set in motion by core/examples/generated.py",
        license="CC BY 4.0",
        read=datasets.read_moving_digits,
        build=build_clips_lstm,
        epochs=25,
        shipped=40,
    ),
)
