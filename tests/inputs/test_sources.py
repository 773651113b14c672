"""Inputs as people hold them: lists, tables, datasets and generators, to a model that they fit and that they do not."""

import itertools

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from core.errors import ExtractionFailed, InputRejected
from core.extraction.extractor import Extractor, extract
from core.inputs.sources import read_samples
from core.inputs.structure import arrange

layers = keras.layers
RANDOM = np.random.default_rng(5)
VECTORS = RANDOM.normal(size=(10, 4)).astype(np.float32)
CLASSES = np.arange(10) % 3
WORDS = np.array([f"word {number % 2}" for number in range(10)])
COLUMNS = ["height", "width", "depth", "weight"]


class Subclassed(keras.Model):
    """Does not say what it takes."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2, name="dense")

    def call(self, x):
        return self.dense(x)


class OfTwo(keras.Model):
    """Takes a list, and does not say so."""

    def call(self, pair):
        return pair[0] - pair[1]


class Pages(keras.utils.PyDataset):
    """Three batches of four samples, or as many as are asked for."""

    def __init__(self, count=3):
        super().__init__()
        self.count = count

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, position):
        return VECTORS[:4] + position, CLASSES[:4]


@pytest.fixture(scope="module")
def extractor():
    """Return an extractor of a model of one vector."""
    return Extractor(keras.Sequential([keras.Input((4,), name="sizes"), layers.Dense(3, name="dense")]))


@pytest.fixture(scope="module")
def of_two():
    """Return an extractor of a model of numbers and a text."""
    sizes, word = keras.Input((4,), name="sizes"), keras.Input((1,), dtype="string", name="word")
    code = layers.StringLookup(vocabulary=["word 0", "word 1"], output_mode="one_hot", name="code")(word)
    return Extractor(keras.Model([sizes, word], layers.Concatenate(name="all")([sizes, code])))


@pytest.fixture(scope="module")
def pictures():
    """Return an extractor of a model of small pictures, which takes them larger too."""
    chain = [keras.Input((8, 8, 1), name="picture"), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(name="mean")]
    return Extractor(keras.Sequential(chain))


def slices(inputs):
    return tf.data.Dataset.from_tensor_slices(inputs)


def endless(element):
    while True:
        yield element


def raising():
    yield VECTORS[0]
    raise OSError("the disk is gone.")


ONE_INPUT = {
    "lists": VECTORS.tolist,
    "list of samples": lambda: list(VECTORS),
    "list of one array": lambda: [VECTORS],
    "dict of lists": lambda: {"sizes": VECTORS.tolist(), "more than it takes": CLASSES},
    "tensor": lambda: tf.constant(VECTORS),
    "table": lambda: pd.DataFrame(VECTORS, columns=COLUMNS),
    "table with numbers that may be missing": lambda: pd.DataFrame(VECTORS).astype("Float32"),
    "dict of a table": lambda: {"sizes": pd.DataFrame(VECTORS)},
    "column of arrays": lambda: pd.Series(list(VECTORS)),
    "dataset": lambda: slices(VECTORS),
    "dataset of batches": lambda: slices((VECTORS, CLASSES)).batch(4),
    "dataset with weights": lambda: slices((VECTORS, CLASSES, np.ones(10))).batch(4),
    "dataset of dicts": lambda: slices({"sizes": VECTORS, "label": CLASSES}).batch(4),
    "dataset that does not know its length": lambda: slices(VECTORS).filter(lambda row: True).batch(3),
    "generator of samples": lambda: (row for row in VECTORS),
    "generator of lists": lambda: (row for row in VECTORS.tolist()),
    "generator of batches": lambda: ((part, part[:, 0]) for part in np.array_split(VECTORS, 3)),
    "parts of a table": lambda: iter([pd.DataFrame(VECTORS[:5]), pd.DataFrame(VECTORS[5:])]),
    "loader": lambda: {0: VECTORS[:5], 1: VECTORS[5:]}.values(),
}

TWO_INPUTS = {
    "lists": lambda: [VECTORS.tolist(), WORDS.tolist()],
    "dict": lambda: {"word": WORDS, "sizes": VECTORS.tolist()},
    "table": lambda: pd.DataFrame({"word": WORDS, "label": CLASSES, "sizes": list(VECTORS)}),
    "categories": lambda: {"word": pd.Series(WORDS, dtype="category"), "sizes": pd.DataFrame(VECTORS)},
    "dataset of pairs": lambda: slices((VECTORS, WORDS)).batch(4),
    "dataset with labels": lambda: slices(((VECTORS, WORDS[:, None]), CLASSES)),
    "dataset of dicts": lambda: slices(({"word": WORDS, "sizes": VECTORS}, CLASSES)).batch(4),
    "generator": lambda: ((row, [word]) for row, word in zip(VECTORS, WORDS, strict=True)),
}


class TestExtract:
    @pytest.mark.parametrize("make", ONE_INPUT.values(), ids=ONE_INPUT)
    def test_of_one_input(self, extractor, make):
        expected = extractor.extract(VECTORS)["dense"].values

        np.testing.assert_array_equal(extractor.extract(make())["dense"].values, expected)

    @pytest.mark.parametrize("make", TWO_INPUTS.values(), ids=TWO_INPUTS)
    def test_of_several_inputs(self, of_two, make):
        expected = np.concatenate([VECTORS, np.eye(3)[1 + np.arange(10) % 2]], axis=1)

        np.testing.assert_array_equal(of_two.extract(make())["all"].values, expected)

    def test_of_a_pydataset(self, extractor):
        expected = extractor.extract(np.concatenate([VECTORS[:4] + position for position in range(3)]))

        np.testing.assert_array_equal(extractor.extract(Pages())["dense"].values, expected["dense"].values)

    @pytest.mark.parametrize(
        "make", [VECTORS.tolist, lambda: slices(VECTORS).batch(4), lambda: slices((VECTORS, CLASSES))]
    )
    def test_by_a_model_that_does_not_say_what_it_takes(self, make):
        model = Subclassed()

        np.testing.assert_allclose(extract(model, make())["dense"].values, model(VECTORS), rtol=1e-6)

    def test_rows_of_different_lengths(self):
        class Padding(keras.Model):
            def __init__(self):
                super().__init__()
                self.embedding = layers.Embedding(9, 2, name="embedding")

            def call(self, rows):
                return self.embedding(rows.to_tensor())

        rows = tf.ragged.constant([[1, 2, 3], [4], [5, 6], [7]])
        model = Padding()
        expected = extract(model, rows)["embedding"].values

        np.testing.assert_array_equal(extract(model, slices(rows).batch(4))["embedding"].values, expected)

    def test_a_column_whose_last_axis_is_missing(self):
        extractor = Extractor(keras.Sequential([keras.Input((1,)), layers.Dense(2, name="dense")]))
        column, expected = VECTORS[:, 0], extractor.extract(VECTORS[:, :1])["dense"].values

        for inputs in (column, column.tolist(), slices(column), slices(column).batch(3), slices(column[:, None])):
            np.testing.assert_array_equal(extractor.extract(inputs)["dense"].values, expected)

    def test_pictures_of_a_size_that_the_model_only_happens_to_take(self, pictures):
        assert pictures.extract(np.zeros((2, 12, 12, 1)))["mean"].shape == (2, 2)

    def test_reducing_takes_them_too(self, extractor):
        found, _ = extractor.reduce(slices(VECTORS).batch(4), layers=["dense"])

        assert found["dense"][1].total.shape[0] == 10


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("inputs", "message", "remedy"),
        [
            (np.zeros((8, 8, 1)), r"holds 8×8×1, the input 'picture' expects \?×8×8×1", "array[np.newaxis]"),
            (np.zeros((2, 1, 8, 8)), r"holds 2×1×8×8.* expects \?×8×8×1", "np.moveaxis(array, 1, -1)"),
            (np.zeros((2, 64)), r"holds 2×64.* expects \?×8×8×1", "array.reshape(2, 8, 8, 1)"),
            (np.zeros((2, 8, 8, 3)), r"holds 2×8×8×3.* expects \?×8×8×1", "keepdims=True"),
            (np.full((2, 8, 8, 1), "a"), "holds text .* expects numbers", "Turn the text into numbers"),
        ],
        ids=["single sample", "channels first", "flat", "coloured", "text"],
    )
    def test_of_a_picture(self, pictures, inputs, message, remedy):
        with pytest.raises(InputRejected, match=message) as caught:
            pictures.extract(inputs)
        assert remedy in caught.value.remedy

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            (VECTORS, "takes 2 inputs: 'sizes', 'word'; given was one array"),
            ([VECTORS, WORDS, WORDS], "takes 2 inputs: 'sizes', 'word'; given were 3 arrays"),
            ({"sizes": VECTORS, "words": WORDS}, "nothing for the input 'word'; did you mean 'words'"),
            (pd.DataFrame({"word": WORDS, "size": list(VECTORS)}), "no column 'sizes' .* did you mean 'size'"),
            (pd.DataFrame({"word": [*WORDS[:9], None], "sizes": list(VECTORS)}), "1 of 10 texts are missing"),
            (None, "no inputs"),
        ],
    )
    def test_of_several_inputs(self, of_two, inputs, words):
        with pytest.raises(InputRejected, match=words) as caught:
            of_two.extract(inputs)
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            ([[1, 2, 3, 4], [1, 2]], "make no array"),
            (pd.DataFrame({"height": [1, 2], "colour": ["red", "blue"]}), "column 'colour' holds text"),
            (pd.DataFrame({"day": pd.date_range("2026-01-01", periods=2)}), "'day' holds neither numbers nor texts"),
            ({"size": VECTORS}, "nothing for the input 'sizes'; did you mean 'size'"),
        ],
    )
    def test_of_lists_and_tables(self, extractor, inputs, words):
        with pytest.raises(InputRejected, match=words):
            extractor.extract(inputs)

    def test_a_model_that_takes_a_dict_in_an_order_of_its_own(self):
        one, two = keras.Input((4,), name="z"), keras.Input((4,), name="a")
        extractor = Extractor(keras.Model({"z": one, "a": two}, layers.Subtract(name="difference")([one, two])))
        with pytest.raises(InputRejected, match="by name: 'z', 'a'"):
            extractor.extract([VECTORS, VECTORS])

        inputs = {"a": 0 * VECTORS, "b": CLASSES, "z": VECTORS}
        np.testing.assert_array_equal(extractor.extract(inputs)["difference"].values, VECTORS)

    def test_an_error_of_the_model_s_own_stays_what_it_is(self):
        class Broken(layers.Layer):
            def call(self, x):
                raise ValueError("never works")

            def compute_output_spec(self, x):
                return keras.KerasTensor(x.shape, x.dtype)

        model = keras.Sequential([keras.Input((4,)), Broken(name="broken")])
        with pytest.raises(ExtractionFailed, match="never works"):
            extract(model, VECTORS)


class TestStreamsThatDoNotEnd:
    @pytest.mark.parametrize(
        ("make", "remedy"),
        [
            (lambda: slices(VECTORS).batch(2).repeat(), "dataset.take(100)"),
            (lambda: Pages(None), "itertools.islice(dataset, 100)"),
            (lambda: itertools.cycle([VECTORS]), "itertools.islice(generator, 100)"),
            (lambda: endless(VECTORS), "itertools.islice(generator, 100)"),
            (lambda: endless(VECTORS[0]), "itertools.islice(generator, 100)"),
        ],
    )
    def test_are_refused_and_the_first_samples_are_read(self, extractor, make, remedy, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "1MB")
        with pytest.raises(InputRejected) as caught:
            extractor.extract(make())
        assert remedy in caught.value.remedy

        source = read_samples(extractor.model, make(), most=7)
        assert source.samples.arrays["sizes"].shape == (7, 4)
        assert source.is_cut
        assert source.count is None

    def test_are_refused_by_their_number_too(self, extractor, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_ROWS", "50")
        with pytest.raises(InputRejected, match="no end in 50 samples"):
            extractor.extract(endless(VECTORS[0]))

    def test_one_that_ends_is_read_whatever_its_number(self, extractor, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_ROWS", "5")
        assert extractor.extract(slices(VECTORS))["dense"].shape == (10, 3)

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (raising, "generator raised OSError after 1 sample: the disk is gone"),
            (lambda: (row[: 4 - number] for number, row in enumerate(VECTORS[:2])), "differ in size: 3 and 4"),
            (lambda: iter([]), "generator holds no samples"),
            (lambda: slices(VECTORS).take(0), "dataset holds no samples"),
            (lambda: slices(VECTORS[:, :3]).batch(2), r"holds 10×3, the input 'sizes' expects \?×4"),
        ],
    )
    def test_what_else_is_wrong_with_a_stream(self, extractor, make, words):
        with pytest.raises(InputRejected, match=words) as caught:
            extractor.extract(make())
        assert caught.value.remedy


class TestColumns:
    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pd.Series([1, None, 3], dtype="Int64"), [1, np.nan, 3]),
            (pd.Series([1, None, 3], dtype=object), [1, np.nan, 3]),
            (pd.Series([1, 2, 3], dtype="category"), [1, 2, 3]),
            (pd.Series([True, False, True]), [1, 0, 1]),
        ],
    )
    def test_of_numbers(self, column, expected):
        model = keras.Sequential([keras.Input((1,)), layers.Rescaling(1, name="same")])

        for inputs in (column, pd.DataFrame({"size": column})):
            np.testing.assert_array_equal(extract(model, inputs)["same"].values[:, 0], expected)

    @pytest.mark.parametrize("dtype", ["object", "category", "string"])
    def test_of_texts(self, dtype):
        model = keras.Sequential(
            [keras.Input((1,), dtype="string"), layers.StringLookup(vocabulary=["a", "b"], name="number")]
        )

        for inputs in (column := pd.Series(["b", "a", "c"], dtype=dtype), pd.DataFrame({"word": column})):
            assert extract(model, inputs)["number"].values.tolist() == [[2], [1], [0]]


class TestReadSamples:
    @pytest.mark.parametrize("make", ONE_INPUT.values(), ids=ONE_INPUT)
    def test_the_first_ones(self, extractor, make):
        source = read_samples(extractor.model, make(), most=3)

        np.testing.assert_array_equal(source.samples.arrays["sizes"], VECTORS[:3])
        assert source.is_cut
        assert source.count in (10, None)
        assert source.samples.names == ("0", "1", "2")

    def test_all_of_them(self, extractor):
        for most in (None, 10, 11):
            for make in ONE_INPUT.values():
                source = read_samples(extractor.model, make(), most=most)
                assert (len(source.samples.arrays["sizes"]), source.is_cut, source.count) == (10, False, 10)

    def test_labels_of_a_dataset(self, extractor):
        one_hot = np.eye(3)[CLASSES]
        for labels in (CLASSES, CLASSES[:, None], one_hot):
            for dataset in (slices((VECTORS, labels)), slices((VECTORS, labels)).batch(4)):
                np.testing.assert_array_equal(read_samples(extractor.model, dataset).samples.labels, CLASSES)

        values = RANDOM.normal(size=(10, 2))
        dataset = slices((VECTORS, values)).batch(4)
        np.testing.assert_array_equal(read_samples(extractor.model, dataset).samples.labels, values)
        names = slices((VECTORS, WORDS)).batch(4)
        assert read_samples(extractor.model, names, most=5).samples.labels.tolist() == WORDS[:5].tolist()
        assert read_samples(extractor.model, Pages()).samples.labels.tolist() == CLASSES[:4].tolist() * 3

    def test_labels_beside_the_samples(self, extractor):
        for labels in (CLASSES.tolist(), pd.Series(CLASSES), tf.constant(CLASSES), np.eye(3)[CLASSES]):
            np.testing.assert_array_equal(read_samples(extractor.model, VECTORS, labels).samples.labels, CLASSES)
        dataset = slices((VECTORS, CLASSES))
        assert read_samples(extractor.model, dataset, WORDS, most=2).samples.labels.tolist() == WORDS[:2].tolist()
        with pytest.raises(InputRejected, match="10 samples and 9 labels"):
            read_samples(extractor.model, VECTORS, CLASSES[:9])

    def test_a_table_names_features_and_samples(self, extractor):
        table = pd.DataFrame(VECTORS, columns=COLUMNS, index=[f"box {number}" for number in range(10)])
        samples = read_samples(extractor.model, table, most=2).samples

        assert samples.feature_names == {"sizes": tuple(COLUMNS)}
        assert samples.names == ("box 0", "box 1")

    def test_each_input_by_its_name(self, of_two):
        for make in TWO_INPUTS.values():
            arrays = read_samples(of_two.model, make(), most=4).samples.arrays
            assert list(arrays) == ["sizes", "word"]
            np.testing.assert_array_equal(arrays["sizes"], VECTORS[:4])
            assert arrays["word"].tolist() == WORDS[:4, None].tolist()

    @pytest.mark.parametrize(
        ("model", "inputs"),
        [(Subclassed(), VECTORS), (OfTwo(), [VECTORS, VECTORS[::-1]]), (OfTwo(), (VECTORS, VECTORS[::-1]))],
    )
    def test_a_model_that_does_not_say_what_it_takes_can_be_called_with_them(self, model, inputs):
        arrays = read_samples(model, inputs, most=4).samples.arrays
        expected = np.asarray(model(inputs))[:4]

        np.testing.assert_allclose(model(arrange(model, arrays)), expected, rtol=1e-6)

    def test_inputs_of_different_numbers_of_samples(self, of_two):
        with pytest.raises(InputRejected, match="'sizes' has 10, 'word' has 2"):
            read_samples(of_two.model, [VECTORS, WORDS[:2]])

    def test_a_single_sample_is_not_guessed(self, extractor):
        with pytest.raises(InputRejected, match=r"holds 4, the input 'sizes' expects \?×4") as caught:
            read_samples(extractor.model, VECTORS[0])
        assert "array[np.newaxis]" in caught.value.remedy
