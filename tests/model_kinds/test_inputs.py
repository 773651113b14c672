"""What goes in and what comes out: several tensors, none, dicts, masks, text and rows of different lengths."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.extraction.extractor import Extractor, extract

layers, ops = keras.layers, keras.ops
RANDOM = np.random.default_rng(3)
VECTORS = RANDOM.normal(size=(3, 4)).astype(np.float32)
OTHERS = RANDOM.normal(size=(3, 4)).astype(np.float32)
IDS = np.array([[3, 1, 2, 0, 0], [1, 0, 2, 0, 0], [4, 4, 4, 4, 4]])


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


class Sum(layers.Layer):
    """Adds what is there."""

    def call(self, x, y=None):
        return x if y is None else x + y

    def compute_output_spec(self, x, y=None):
        return keras.KerasTensor(x.shape, x.dtype)


class TestSeveral:
    def test_inputs_and_outputs_in_dicts_of_lists(self):
        inputs = {
            "pair": [keras.Input((4,), name="p"), keras.Input((4,), name="q")],
            "one": keras.Input((4,), name="one"),
        }
        p, q = inputs["pair"]
        difference = layers.Subtract(name="difference")([p, q])
        outputs = {"all": [difference, layers.Add(name="total")([difference, inputs["one"]])], "p": p}
        activations = extract(keras.Model(inputs, outputs), {"pair": [VECTORS, OTHERS], "one": 2 * VECTORS})

        same(activations["difference"].values, VECTORS - OTHERS)
        same(activations["total"].values, 3 * VECTORS - OTHERS)
        assert set(activations.output) == {"all", "p"}
        same(activations.output["all"][1], 3 * VECTORS - OTHERS)
        same(activations.output["p"], VECTORS)

    @pytest.mark.parametrize("container", [list, tuple])
    def test_inputs_of_different_shapes_and_types(self, container):
        images, ids = keras.Input((6, 6, 1), name="images"), keras.Input((2,), dtype="int32", name="ids")
        embedding, flat = layers.Embedding(9, 3, name="embedding"), layers.Flatten(name="flat")
        joined = layers.Concatenate(name="joined")([flat(images), layers.Reshape((6,), name="row")(embedding(ids))])
        pictures, numbers = RANDOM.normal(size=(2, 6, 6, 1)).astype(np.float32), np.array([[1, 2], [8, 0]])
        activations = extract(keras.Model([images, ids], joined), container([pictures, numbers]))

        rows = embedding.embeddings.numpy()[numbers]
        same(activations["embedding"].values, rows)
        same(activations["joined"].values, np.concatenate([pictures.reshape(2, 36), rows.reshape(2, 6)], axis=1))

    def test_a_subclassed_model_that_takes_a_dict(self):
        class Named(keras.Model):
            def __init__(self):
                super().__init__()
                self.left, self.right = layers.Dense(3, name="left"), layers.Dense(3, name="right")

            def call(self, inputs):
                return {"sum": self.left(inputs["z"]) + self.right(inputs["a"])}

        model = Named()
        activations = extract(model, {"z": VECTORS, "a": OTHERS})

        left, right = (np.asarray(layer(x)) for layer, x in ((model.left, VECTORS), (model.right, OTHERS)))
        same(activations["left"].values, left)
        same(activations["right"].values, right)
        same(activations.output["sum"], left + right)

    def test_a_layer_that_answers_a_dict_of_tensors(self):
        class Statistics(layers.Layer):
            def call(self, x):
                return {"mean": ops.mean(x, axis=-1), "sorted": ops.sort(x, axis=-1)}

        inputs = keras.Input((4,))
        found = Statistics(name="statistics")(inputs)
        activations = extract(keras.Model(inputs, layers.Dense(2, name="d")(found["sorted"])), VECTORS)

        same(activations["statistics[0]"].values, VECTORS.mean(axis=-1))
        same(activations["statistics[1]"].values, np.sort(VECTORS, axis=-1))
        assert activations["d"].layer.inputs_from == ("statistics[1]",)

    def test_a_layer_that_answers_tensors_inside_of_tuples(self):
        class Parts(layers.Layer):
            def call(self, x):
                return x[:, :1], (x[:, 1:2], [x[:, 2:]])

        inputs = keras.Input((4,))
        first, (second, (third,)) = Parts(name="parts")(inputs)
        model = keras.Model(inputs, layers.Concatenate(name="back")([third, second, first]))
        activations = extract(model, VECTORS)

        for number, part in enumerate((VECTORS[:, :1], VECTORS[:, 1:2], VECTORS[:, 2:])):
            same(activations[f"parts[{number}]"].values, part)
        same(activations["back"].values, VECTORS[:, [2, 3, 1, 0]])

    def test_a_layer_that_hands_on_what_it_got(self):
        inputs = keras.Input((4,))
        same_tensor = layers.Identity(name="identity")(layers.Dropout(0.5, name="drop")(inputs))
        activations = extract(keras.Model(inputs, layers.Dense(1)(same_tensor)), VECTORS)

        same(activations["drop"].values, VECTORS)
        same(activations["identity"].values, VECTORS)
        assert activations["identity"].layer.inputs_from == ("drop",)


class TestOptional:
    @pytest.mark.parametrize("given", [True, False])
    def test_an_input_of_a_functional_model(self, given):
        x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y", optional=True)
        model = keras.Model([x, y], Sum(name="sum")(x, y))
        activations = extract(model, [VECTORS, OTHERS if given else None])

        same(activations["sum"].values, VECTORS + OTHERS if given else VECTORS)
        same(activations.output, model([VECTORS, OTHERS if given else None]))

    def test_an_input_named_in_a_dict(self):
        x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y", optional=True)
        model = keras.Model({"x": x, "y": y}, Sum(name="sum")(x, y))
        extractor = Extractor(model)

        same(extractor.extract({"x": VECTORS, "y": OTHERS})["sum"].values, VECTORS + OTHERS)
        same(extractor.extract({"x": VECTORS, "y": None})["sum"].values, VECTORS)
        same(extractor.extract({"x": VECTORS, "y": OTHERS})["sum"].values, VECTORS + OTHERS)

    def test_an_entry_that_may_be_left_out_of_the_dict(self):
        class Lenient(keras.Model):
            def __init__(self):
                super().__init__()
                self.sum = Sum(name="sum")

            def call(self, inputs):
                return self.sum(inputs["x"], inputs.get("y"))

        extractor = Extractor(Lenient())
        same(extractor.extract({"x": VECTORS})["sum"].values, VECTORS)
        same(extractor.extract({"x": VECTORS, "y": OTHERS})["sum"].values, VECTORS + OTHERS)


class TestMasks:
    def test_go_from_the_embedding_to_the_layers_that_keep_them(self):
        inputs = keras.Input((5,))
        x = layers.Embedding(6, 3, mask_zero=True, name="embedding")(inputs)
        x = layers.Dense(4, name="dense")(layers.Dropout(0.5, name="drop")(x))
        x = layers.LSTM(2, return_sequences=True, name="series")(x)
        activations = extract(keras.Model(inputs, layers.GRU(2, name="last")(x)), IDS)

        for key in ("embedding", "drop", "dense", "series"):
            assert activations[key].mask.dtype == bool, key
            np.testing.assert_array_equal(activations[key].mask, IDS != 0, err_msg=key)
        assert activations["last"].mask is None

    def test_decide_what_a_recurrent_layer_answers(self):
        inputs = keras.Input((5,))
        embedding, lstm = layers.Embedding(6, 3, mask_zero=True, name="embedding"), layers.LSTM(2, name="lstm")
        activations = extract(keras.Model(inputs, lstm(embedding(inputs))), IDS)

        rows = embedding.embeddings.numpy()[IDS]
        same(activations["embedding"].values, rows)
        for sample in range(3):
            kept = rows[sample, IDS[sample] != 0][None]
            same(activations["lstm"].values[sample], np.asarray(lstm(kept))[0])

    def test_of_a_masking_layer(self):
        series = RANDOM.normal(size=(2, 4, 3)).astype(np.float32)
        series[0, 2:] = series[1, 0] = 0
        inputs = keras.Input((4, 3))
        pooled = layers.GlobalAveragePooling1D(name="mean")(layers.Masking(name="masking")(inputs))
        activations = extract(keras.Model(inputs, pooled), series)

        mask = (series != 0).any(axis=-1)
        np.testing.assert_array_equal(activations["masking"].mask, mask)
        assert activations["mean"].mask is None
        expected = (series * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        same(activations["mean"].values, expected)

    def test_of_two_branches(self):
        one, two = keras.Input((5,), name="one"), keras.Input((5,), name="two")
        embedding = layers.Embedding(6, 3, mask_zero=True, name="embedding")
        total = layers.Add(name="sum")([embedding(one), embedding(two)])
        joined = layers.Concatenate(name="both")([embedding(one), embedding(two)])
        model = keras.Model([one, two], [total, joined])
        activations = extract(model, [IDS, IDS[::-1]])

        np.testing.assert_array_equal(activations["embedding"].mask, IDS != 0)
        np.testing.assert_array_equal(activations["embedding#2"].mask, IDS[::-1] != 0)
        masks = [tf.constant(IDS != 0), tf.constant(IDS[::-1] != 0)]
        tensors = [embedding(IDS), embedding(IDS[::-1])]
        for key, layer in (("sum", model.get_layer("sum")), ("both", model.get_layer("both"))):
            np.testing.assert_array_equal(activations[key].mask, layer.compute_mask(tensors, masks), err_msg=key)

    @pytest.mark.parametrize("around", ["functional", "subclassed", "decides"])
    def test_in_nested_and_subclassed_models(self, around):
        inner = keras.Sequential(
            [layers.Embedding(6, 3, mask_zero=True, name="embedding"), layers.Dense(2, name="dense")], name="inner"
        )

        class Outer(keras.Model):
            def __init__(self):
                super().__init__()
                self.inner = inner

            def call(self, ids):
                answer = self.inner(ids)
                return -answer if around == "decides" and float(ops.sum(answer)) > 1e9 else answer

        inputs = keras.Input((5,))
        model = keras.Model(inputs, inner(inputs)) if around == "functional" else Outer()
        activations = extract(model, IDS)

        for key in ("inner", "inner/embedding", "inner/dense"):
            np.testing.assert_array_equal(activations[key].mask, IDS != 0, err_msg=key)

    def test_of_a_custom_layer(self):
        class Shortening(layers.Layer):
            supports_masking = True

            def call(self, x):
                return x[:, 1:]

            def compute_mask(self, x, previous):
                return previous[:, 1:]

        model = keras.Sequential(
            [keras.Input((5,)), layers.Embedding(6, 3, mask_zero=True), Shortening(name="shorter")]
        )

        np.testing.assert_array_equal(extract(model, IDS)["shorter"].mask, IDS[:, 1:] != 0)

    def test_there_are_none_where_nothing_is_masked(self):
        model = keras.Sequential([keras.Input((5,)), layers.Embedding(6, 3, name="embedding"), layers.LSTM(2)])

        assert all(activation.mask is None for activation in extract(model, IDS).values())

    def test_of_one_sample(self):
        model = keras.Sequential([keras.Input((5,)), layers.Embedding(6, 3, mask_zero=True, name="embedding")])

        np.testing.assert_array_equal(extract(model, IDS)["embedding"].sample(1).mask, IDS[1] != 0)


class TestText:
    WORDS = np.array(["the cat sat", "a dog", "the the cat"])

    @pytest.mark.parametrize("form", [lambda words: words, lambda words: words[:, None], tf.constant])
    def test_words_become_numbers(self, form):
        vectorization = layers.TextVectorization(
            vocabulary=["the", "cat", "dog"], output_sequence_length=4, name="words"
        )
        embedding = layers.Embedding(6, 3, mask_zero=True, name="embedding")
        model = keras.Sequential([vectorization, embedding, layers.GlobalAveragePooling1D(name="mean")])
        activations = extract(model, form(self.WORDS))

        numbers = np.array([[2, 3, 1, 0], [1, 4, 0, 0], [2, 2, 3, 0]])
        np.testing.assert_array_equal(activations["words"].values, numbers)
        rows, mask = embedding.embeddings.numpy()[numbers], (numbers != 0)[..., None]
        same(activations["embedding"].values, rows)
        same(activations["mean"].values, (rows * mask).sum(axis=1) / mask.sum(axis=1))

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            ("multi_hot", [[1, 1, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]]),
            ("count", [[1, 1, 1, 0], [1, 0, 0, 1], [0, 2, 1, 0]]),
        ],
    )
    def test_words_are_counted(self, mode, expected):
        words = layers.TextVectorization(vocabulary=["the", "cat", "dog"], output_mode=mode, name="words")
        model = keras.Sequential([keras.Input((1,), dtype="string"), words])

        np.testing.assert_array_equal(extract(model, self.WORDS[:, None])["words"].values, expected)

    def test_a_lookup_and_back(self):
        names = ["red", "green", "blue"]
        inputs = keras.Input((2,), dtype="string")
        numbers = layers.StringLookup(vocabulary=names, name="numbers")(inputs)
        back = layers.StringLookup(vocabulary=names, invert=True, name="back")(numbers)
        activations = extract(keras.Model(inputs, back), np.array([["blue", "red"], ["green", "?"]]))

        assert activations["numbers"].values.tolist() == [[3, 1], [2, 0]]
        assert activations["back"].values.tolist() == [["blue", "red"], ["green", "[UNK]"]]
        assert not activations["back"].is_numeric

    def test_hashed_words_and_numbers_beside_them(self):
        words, numbers = keras.Input((1,), dtype="string", name="word"), keras.Input((4,), name="numbers")
        hashing = layers.Hashing(5, name="hash")
        buckets = layers.CategoryEncoding(5, output_mode="one_hot", name="one_hot")(hashing(words))
        model = keras.Model({"word": words, "numbers": numbers}, layers.Concatenate(name="all")([buckets, numbers]))
        activations = extract(model, {"word": np.array([["x"], ["y"], ["x"]]), "numbers": VECTORS})

        expected = np.asarray(hashing(tf.constant([["x"], ["y"], ["x"]])))
        np.testing.assert_array_equal(activations["hash"].values, expected)
        same(activations["all"].values, np.concatenate([np.eye(5)[expected[:, 0]], VECTORS], axis=1))


class TestRagged:
    ROWS = tf.ragged.constant([["a", "b", "a"], ["b"], ["c", "a"]])

    def test_input_of_text(self):
        class Words(keras.Model):
            def __init__(self):
                super().__init__()
                self.lookup = layers.StringLookup(vocabulary=["a", "b"], name="lookup")
                self.embedding = layers.Embedding(4, 2, name="embedding")

            def call(self, words):
                return self.embedding(self.lookup(words).to_tensor(3))

        model = Words()
        activations = extract(model, self.ROWS)

        numbers = np.array([[1, 2, 1], [2, 3, 3], [0, 1, 3]])
        same(activations["embedding"].values, model.embedding.embeddings.numpy()[numbers])
        same(activations.output, model(self.ROWS))

    def test_input_of_numbers(self):
        class Padding(keras.Model):
            def __init__(self):
                super().__init__()
                self.embedding, self.out = layers.Embedding(4, 2, name="embedding"), layers.Dense(1, name="out")

            def call(self, rows):
                return self.out(self.embedding(rows.to_tensor()))

        model = Padding()
        activations = extract(model, tf.ragged.constant([[1, 2, 3], [2]]))

        rows = model.embedding.embeddings.numpy()[np.array([[1, 2, 3], [2, 0, 0]])]
        same(activations["embedding"].values, rows)
        same(activations["out"].values, rows @ model.out.kernel.numpy() + model.out.bias.numpy())

    def test_an_answer_with_rows_of_different_lengths_is_listed_with_the_reason_or_padded(self):
        words = layers.TextVectorization(vocabulary=["a", "b"], ragged=True, name="words")
        model = keras.Sequential([keras.Input((), dtype="string"), words])
        activations = extract(model, np.array(["a b a", "b"]))

        (layer,) = activations.layers
        if "words" in activations:
            np.testing.assert_array_equal(activations["words"].values, [[2, 3, 2], [3, 0, 0]])
        else:
            assert layer.missing
