"""Samples that do not lie along the first axis: windows, frames and patches folded into it, time first, one for all."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.attribution.targets import Target
from core.extraction.blocks import SampleBlocks
from core.extraction.dataset.zarr_files import extract_dataset
from core.extraction.extractor import Extractor, extract
from core.inputs.datasets import ArrayDataset
from core.inputs.sample_context import SampleContext

layers, ops = keras.layers, keras.ops
RANDOM = np.random.default_rng(5)
IMAGES = RANDOM.normal(size=(5, 8, 8, 3)).astype(np.float32)
FRAMES = RANDOM.normal(size=(5, 4, 6, 6, 1)).astype(np.float32)
SEQUENCES = RANDOM.normal(size=(5, 7, 6)).astype(np.float32)


def windowed():
    """Windows of four by four pixels, as Swin has them, with attention inside each."""
    images = keras.Input((8, 8, 3))
    x = layers.Permute((1, 3, 2, 4, 5))(layers.Reshape((2, 4, 2, 4, 3))(images))
    x = layers.Dense(6, name="window")(ops.reshape(x, (-1, 16, 3)))
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.GlobalAveragePooling2D()(ops.reshape(x, (-1, 4, 16, 6)))
    return keras.Model(images, layers.Dense(2, name="answer")(x))


class OfFrames(keras.Model):
    """A convolution over each frame of a clip, with frames where the samples are."""

    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(3, 3, name="convolution")
        self.answer = layers.Dense(2, name="answer")

    def call(self, clips):
        maps = self.convolution(ops.reshape(clips, (-1, 6, 6, 1)))
        return self.answer(ops.reshape(maps, (ops.shape(clips)[0], -1)))


class TimeFirst(keras.Model):
    """Turns time and samples round, and then folds them, the samples inside."""

    def __init__(self):
        super().__init__()
        self.turned, self.folded = layers.Dense(3, name="turned"), layers.Dense(2, name="folded")

    def call(self, x):
        y = self.turned(ops.transpose(x, (1, 0, 2)))
        return ops.transpose(ops.reshape(self.folded(ops.reshape(y, (-1, 3))), (7, -1, 2)), (1, 0, 2))


class MeanOfBatch(layers.Layer):
    def call(self, x):
        return ops.mean(x)


class Mixing(layers.Layer):
    """Sorts the rows of all samples among each other."""

    def call(self, x):
        return ops.sort(ops.reshape(x, (-1, 3)), axis=0)


def mixed():
    inputs = keras.Input((2, 3))
    ranks = Mixing(name="ranks")(inputs)
    return keras.Model(inputs, layers.Dense(2, name="answer")(ops.reshape(ranks, (-1, 6))))


class TestWindows:
    def test_each_sample_has_its_own(self):
        model = windowed()
        activations = extract(model, IMAGES)

        expected = IMAGES.reshape(5, 2, 4, 2, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(5, 4, 16, 3)
        kernel, bias = (weight.numpy() for weight in model.get_layer("window").weights)
        assert activations["window"].axes == ("sample", "axis1", "time", "unit")
        np.testing.assert_allclose(activations["window"].values, expected @ kernel + bias, atol=1e-5)
        assert activations["window"].layer.output_shape == (None, 4, 16, 6)

    def test_scores_of_attention_inside_windows(self):
        activations = extract(windowed(), IMAGES, internals=True)

        scores = activations["attention:attention_scores"]
        assert scores.axes == ("sample", "axis1", "head", "query", "key")
        assert scores.shape == (5, 4, 2, 16, 16)
        np.testing.assert_allclose(scores.values.sum(axis=-1), 1, atol=1e-5)

    def test_samples_that_are_all_alike(self):
        activations = extract(windowed(), np.zeros_like(IMAGES))

        assert activations["window"].shape == (5, 4, 16, 6)

    def test_what_they_take_is_known_before_they_run(self):
        cost = Extractor(windowed()).cost(IMAGES)

        assert cost["window"] == 5 * 4 * 16 * 6 * 4

    def test_statistics_are_of_each_sample(self):
        model = windowed()
        whole = extract(model, IMAGES)["window"].values
        reduced, _ = Extractor(model).reduce(IMAGES)

        layer, reduction = reduced["window"]
        assert layer.output_shape == (None, 4, 16, 6)
        np.testing.assert_allclose(reduction.mean, whole.mean(axis=(1, 2)), atol=1e-5)

    def test_a_dataset_is_extracted(self, tmp_path):
        zarr = pytest.importorskip("zarr")
        model = windowed()
        extract_dataset(model, ArrayDataset({model.inputs[0].name: IMAGES}), tmp_path / "answers", batch_size=2)

        written = zarr.open_group(tmp_path / "answers", mode="r")
        np.testing.assert_allclose(written["window"][:], extract(model, IMAGES)["window"].values, atol=1e-5)

    def test_a_page_shows_a_sample_its_own(self):
        model = windowed()
        passes = SampleBlocks(
            Extractor(model), {model.inputs[0].name: IMAGES}, SampleContext(), lambda activations: None
        )
        activation, position = passes.activation("window", 3)

        alone = extract(model, IMAGES[3:4])["window"].values[0]
        np.testing.assert_allclose(activation.values[position], alone, atol=1e-5)

    @pytest.mark.parametrize("count", [1, 3])
    def test_a_gradient_is_by_the_windows_of_that_sample(self, count):
        model = windowed()
        extractor = Extractor(model)
        entry = f"input:{model.inputs[0].name}"
        target = Target("window", 2, place=(1, 3))
        explained = run_pass(extractor, IMAGES[:count], PassSpec.of(target, points=(entry,)), target=target)

        window = extract(model, IMAGES[:count])["window"].values
        np.testing.assert_allclose(explained.objective, window[:, 1, 3, 2], atol=1e-5)
        # The second window is that of the upper right.
        reached = np.abs(explained.gradients[entry]).sum(axis=(0, 3)) > 0
        assert np.argwhere(reached).tolist() == [[0, 7]]

    def test_an_answer_that_is_folded_is_that_of_the_sample(self):
        images = keras.Input((8, 8, 3))
        model = keras.Model(images, layers.Dense(2, name="each")(ops.reshape(images, (-1, 64))))
        passes = SampleBlocks(Extractor(model), {images.name: IMAGES}, SampleContext(), lambda activations: None)
        output, position = passes.answer(3)

        np.testing.assert_allclose(output[position], model(IMAGES[3:4]), atol=1e-5)


def test_maps_of_folded_frames_are_no_volume():
    convolution = extract(OfFrames(), FRAMES)["convolution"]

    assert convolution.axes == ("sample", "axis1", "height", "width", "channel")
    assert convolution.shape == (5, 4, 4, 4, 3)


@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_time_first(count):
    """Of seven steps and seven samples neither axis says by its length which it is."""
    sequences = RANDOM.normal(size=(count, 7, 6)).astype(np.float32)
    model = TimeFirst()
    activations = extract(model, sequences)

    assert activations["turned"].shape == (count, 7, 3)
    assert activations["folded"].shape == (count, 7, 2)
    np.testing.assert_allclose(
        activations["turned"].values, sequences @ model.turned.kernel.numpy() + model.turned.bias.numpy(), atol=1e-5
    )
    np.testing.assert_allclose(activations["folded"].values, activations.output, atol=1e-5)


class TestOneForAll:
    @pytest.mark.mixes_samples
    def test_a_number_is_that_of_the_batch_that_a_sample_ran_in(self):
        inputs = keras.Input((6,))
        model = keras.Model(inputs, layers.Dense(2)(inputs) * MeanOfBatch(name="mean")(inputs))
        vectors = RANDOM.normal(size=(5, 6)).astype(np.float32)
        together, apart = extract(model, vectors), extract(model, vectors, batch_size=2)

        np.testing.assert_allclose(together["mean"].values, np.repeat(vectors.mean(), 5), atol=1e-6)
        expected = [vectors[:2].mean()] * 2 + [vectors[2:4].mean()] * 2 + [vectors[4:].mean()]
        np.testing.assert_allclose(apart["mean"].values, expected, atol=1e-6)

    def test_a_table_has_an_axis_less_where_it_is_one_for_all(self):
        table = layers.Embedding(7, 6, name="table")

        class Positions(keras.Model):
            def call(self, x):
                return x + table(ops.expand_dims(ops.arange(7), 0))

            def build(self, shape):
                self.table = table

        for count in (1, 2):
            assert extract(Positions(), SEQUENCES[:count])["table"].shape == (count, 7, 6)


@pytest.mark.mixes_samples
class TestMixed:
    def test_samples_that_cannot_be_told_apart_are_said_to_be_missing(self):
        activations = extract(mixed(), RANDOM.normal(size=(4, 2, 3)).astype(np.float32))

        assert "ranks" not in activations
        with pytest.raises(KeyError, match="a sample that runs alone has values here"):
            activations["ranks"]
        assert activations["answer"].shape == (4, 2)

    def test_one_alone_has_values(self):
        assert extract(mixed(), np.ones((1, 2, 3), np.float32))["ranks"].shape == (1, 2, 3)

    @pytest.mark.parametrize("batch_size", [1, 2])
    def test_a_layer_that_compares_samples_ends_no_pass(self, batch_size):
        inputs = keras.Input((6,))
        alike = layers.Lambda(lambda x: ops.matmul(x, ops.transpose(x)), name="alike")(inputs)
        model = keras.Model(inputs, layers.Dense(2, name="answer")(inputs) + ops.mean(alike))
        vectors = RANDOM.normal(size=(5, 6)).astype(np.float32)
        activations = extract(model, vectors, batch_size=batch_size)

        assert extract(model, vectors)["alike"].shape == (5, 5)
        assert "alike" not in activations or batch_size == 1
        assert activations["answer"].shape == (5, 2)


def test_a_model_that_takes_four_samples_and_no_other_number():
    images = keras.Input(batch_shape=(4, 8, 8, 3))
    x = layers.Dense(5, name="window")(ops.reshape(images, (16, 16, 3)))
    model = keras.Model(images, layers.Dense(2)(ops.reshape(x, (4, -1))))
    window = extract(model, IMAGES[:4])["window"]

    kernel, bias = (weight.numpy() for weight in model.get_layer("window").weights)
    np.testing.assert_allclose(window.values, IMAGES[:4].reshape(4, 4, 16, 3) @ kernel + bias, atol=1e-5)


@pytest.mark.parametrize("before", ["cost", "one sample", "samples that are alike"])
def test_what_one_sample_could_not_show_is_found_out_by_the_next(before):
    """A layer that answers zeros to a sample says nothing of the order in which its pieces lie."""
    model = TimeFirst()
    extractor = Extractor(model)
    zeros = np.zeros((2, 7, 6), np.float32)
    if before == "cost":
        extractor.extract(zeros[:1])
        extractor.cost(zeros)
    else:
        extractor.extract(zeros[:1] if before == "one sample" else zeros)
    activations = extractor.extract(SEQUENCES)

    np.testing.assert_allclose(activations["folded"].values, activations.output, atol=1e-5)


@pytest.mark.mixes_samples
def test_texts_of_other_lengths_alone_are_rows_all_the_same():
    """How far a text is padded depends on the others, and makes no other sample of it."""
    words = layers.TextVectorization(name="words", output_sequence_length=None)
    words.adapt(["a b c d e f"])
    model = keras.Sequential([words, layers.Embedding(9, 3, name="embedded")])
    texts = np.array(["a b c", "a b c d e f"])

    assert extract(model, texts)["embedded"].shape == (2, 6, 3)


def test_a_class_behind_windows_is_explained_by_its_logit():
    images = keras.Input((8, 8, 3))
    logits = layers.Dense(3, name="logits")(ops.reshape(images, (-1, 48)))
    model = keras.Model(images, layers.Softmax(name="classes")(logits))
    target = Target("classes", 1, place=(2,))
    explained = run_pass(Extractor(model), IMAGES[:2], PassSpec.of(target), target=target)

    expected = extract(model, IMAGES[:2])["logits"].values[:, 2, 1]
    np.testing.assert_allclose(explained.objective, expected, atol=1e-5)


class TableOfPositions(keras.Model):
    """Adds a table to what comes, and then looks at windows, or not; may look at values, so that no graph is made."""

    def __init__(self, is_windowed, looks):
        super().__init__()
        self.table, self.dense = layers.Embedding(7, 6, name="table"), layers.Dense(3, name="dense")
        self.is_windowed, self.looks = is_windowed, looks

    def call(self, x):
        y = x + self.table(ops.arange(7))
        if self.looks and float(ops.max(y)) > 1e9:
            y = y + 1
        return self.dense(ops.reshape(y, (-1, 2, 3)) if self.is_windowed else y)


@pytest.mark.parametrize("is_windowed", [False, True])
@pytest.mark.parametrize("looks", [False, True])
def test_a_table_has_no_statistics_of_samples(is_windowed, looks):
    extractor = Extractor(TableOfPositions(is_windowed, looks))
    for _ in range(2):
        reduced = extractor.reduce(SEQUENCES)[0]
        assert {key: reduction.total.shape for key, (_, reduction) in reduced.items()} == {"dense": (5, 3)}


class Packed(keras.Model):
    """Runs a layer over the timesteps that are no padding only, of all samples in one row."""

    def __init__(self):
        super().__init__()
        self.dense, self.answer = layers.Dense(3, name="dense"), layers.Dense(2, name="answer")

    def call(self, x):
        valid = x[..., 0] > 0
        places = tf.cast(tf.where(valid), tf.int32)
        rows = self.dense(tf.boolean_mask(x, valid))
        shape = tf.concat([tf.shape(x)[:2], [3]], 0)
        return self.answer(tf.scatter_nd(places, rows, shape))


class SortedByLength(keras.Model):
    """Sorts the samples, runs a layer over them, and puts them back."""

    def __init__(self):
        super().__init__()
        self.inner, self.answer = layers.Dense(3, name="inner"), layers.Dense(2, name="answer")

    def call(self, x):
        order = tf.argsort(tf.reduce_sum(x, axis=[1, 2]))
        return self.answer(tf.gather(self.inner(tf.gather(x, order)), tf.argsort(order)))


class TestRowsByValues:
    """As many rows as samples, or as many times, may be so by chance."""

    @pytest.mark.parametrize("lengths", [[3, 3, 2, 4], [2, 1, 0], [1, 1, 1], [2, 4]])
    def test_packed_timesteps_belong_to_nobody(self, lengths):
        x = RANDOM.normal(size=(len(lengths), 4, 5)).astype(np.float32)
        x[..., 0] = np.arange(4)[None] < np.array(lengths)[:, None]
        model = Packed()
        activations = extract(model, x)

        reason = next(layer.missing for layer in activations.layers if layer.key == "dense")
        assert ("dense" in activations) is not bool(reason)
        assert "dense" in activations or "depends on the values" in reason
        np.testing.assert_allclose(activations["answer"].values, model(x), atol=1e-5)
        assert "answer" in Extractor(model).reduce(x)[0]

    @pytest.mark.mixes_samples
    def test_sorted_samples_are_nobodys_until_they_are_put_back(self):
        x = RANDOM.normal(size=(4, 3, 5)).astype(np.float32)
        activations = extract(SortedByLength(), x)

        assert list(activations) == ["answer"]
        np.testing.assert_allclose(activations["answer"].values, activations.output, atol=1e-5)

    def test_rows_of_a_ragged_input_are_not_taken_for_pieces(self):
        class Flat(keras.Model):
            def __init__(self):
                super().__init__()
                self.atoms = layers.Dense(3, name="atoms")

            def call(self, x):
                return tf.reduce_sum(x.with_flat_values(self.atoms(x.flat_values)), axis=1)

        rows = tf.RaggedTensor.from_row_lengths(RANDOM.normal(size=(9, 2)).astype(np.float32), [3, 4, 2])
        activations = extract(Flat(), rows)

        assert "atoms" not in activations
        assert activations.output.shape == (3, 3)


@pytest.mark.parametrize("count", [1, 5])
def test_statistics_of_a_sigmoid_over_a_sequence(count):
    model = keras.Sequential([keras.Input((7, 6)), layers.Dense(4, "sigmoid", name="gate")])

    assert Extractor(model).reduce(SEQUENCES[:count])[0]["gate"][1].saturated.shape == (count, 4)
