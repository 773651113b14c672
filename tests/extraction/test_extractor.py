import threading
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import ExtractionFailed, InputRejected
from core.extraction.extractor import Extractor, extract
from core.extraction.extractors import extractor_of
from tests.support.small_models import Chain

layers = keras.layers
RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(3, 4)).astype(np.float32)
SERIES = RANDOM.normal(size=(3, 6, 4)).astype(np.float32)
IMAGES = RANDOM.normal(size=(2, 8, 8, 3)).astype(np.float32)


class Counting(layers.Layer):
    """Counts how often Python runs it: once per trace, or once per eager pass."""

    # Beside the layer: its own attributes are put back after a pass.
    counts = Counter()

    @property
    def times(self):
        return self.counts[id(self)]

    def call(self, x):
        self.counts[id(self)] += 1
        return x + 1


class Split(layers.Layer):
    def call(self, x):
        return x[:, :2], x[:, 2:]


class Positions(layers.Layer):
    """Adds what is the same for every sample, as Keras' own Transformer tutorial does."""

    def __init__(self, count, width, **settings):
        super().__init__(**settings)
        self.count = count
        self.table = layers.Embedding(count, width, name="table")

    def call(self, x):
        return x + self.table(keras.ops.arange(self.count))


class Raising(layers.Layer):
    def call(self, x):
        raise ValueError("this layer never works")


def sequential():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, activation="relu", name="a"), layers.Dense(2, name="b")], name="plain"
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(2, activation="softmax", name="out"),
        ]
    )


def recurrent():
    return keras.Sequential(
        [
            keras.Input((6, 4)),
            layers.LSTM(3, return_sequences=True, name="lstm"),
            layers.Bidirectional(layers.GRU(2), name="both"),
            layers.Dense(1, name="out"),
        ]
    )


def branching():
    inputs = keras.Input((4,))
    left, right = layers.Dense(3, name="left")(inputs), layers.Dense(3, name="right")(inputs)
    return keras.Model(inputs, layers.Add(name="sum")([left, right]))


def attending():
    inputs = keras.Input((6, 4))
    attended = layers.MultiHeadAttention(2, 2, name="attention")(inputs, inputs)
    return keras.Model(inputs, layers.LayerNormalization(name="norm")(attended))


def nested():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(4, name="b")], name="inner")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(1, name="head")(inner(inner(inputs))))


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


class TestValues:
    @pytest.mark.parametrize(
        ("build", "inputs"),
        [
            (sequential, VECTORS),
            (convolutional, IMAGES),
            (recurrent, SERIES),
            (branching, VECTORS),
            (attending, SERIES),
        ],
    )
    def test_equal_what_a_model_of_each_layer_answers(self, build, inputs):
        model = build()
        activations = extract(model, inputs)

        called = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
        assert [layer.name for layer in called] == [key for key in activations if "/" not in key]
        for layer in called:
            (tensor,) = model.inputs
            same(activations[layer.name].values, keras.Model(tensor, layer.output)(inputs))
            assert activations[layer.name].layer.index == model.layers.index(layer)
        same(activations.output, model(inputs))
        same(activations.at(-1).values, model(inputs))

    def test_nested_layers(self):
        model = nested()
        a, b = model.get_layer("inner").layers
        activations = extract(model, VECTORS)

        assert list(activations) == ["inner", "inner/a", "inner/b", "inner#2", "inner#2/a", "inner#2/b", "head"]
        same(activations["inner/a"].values, a(VECTORS))
        once = b(a(VECTORS))
        same(activations["inner"].values, once)
        same(activations["inner#2/a"].values, a(once))
        same(activations["inner#2/b"].values, b(a(once)))
        assert [each.layer.index for each in activations.values()] == [1, None, None, None, None, None, 2]
        assert activations["inner"].layer.holds_layers
        assert activations["inner/a"].layer.parent == "inner"
        assert activations["inner#2/b"].layer.parent == "inner#2"
        assert activations["inner#2"].layer.inputs_from == ("inner",)
        assert activations["head"].layer.inputs_from == ("inner#2",)

    def test_a_shared_layer(self):
        shared = layers.Dense(4, name="d")
        inputs = keras.Input((4,))
        activations = extract(keras.Model(inputs, shared(shared(inputs))), VECTORS)

        assert list(activations) == ["d", "d#2"]
        same(activations["d#2"].values, shared(shared(VECTORS)))
        assert (activations["d"].layer.index, activations["d#2"].layer.index) == (1, None)

    def test_two_layers_of_the_same_name(self):
        model = Chain(layers.Dense(4, name="same"), layers.Dense(4, name="same"), layers.Dense(1, name="last"))
        activations = extract(model, VECTORS)

        assert list(activations) == ["same", "same~2", "last"]
        same(activations["same~2"].values, model.chain[1](model.chain[0](VECTORS)))
        assert [each.layer.index for each in activations.values()] == [0, 1, 2]
        assert activations.at(1).key == "same~2"

    def test_a_second_layer_of_the_same_name_called_twice(self):
        one, two = layers.Dense(4, name="same"), layers.Dense(4, name="same")

        assert list(extract(Chain(one, two, two, one), VECTORS)) == ["same", "same~2", "same~2#2", "same#2"]

    def test_several_outputs(self):
        inputs = keras.Input((4,))
        left, right = Split(name="split")(inputs)
        activations = extract(keras.Model(inputs, layers.Concatenate(name="back")([right, left])), VECTORS)

        assert list(activations) == ["split[0]", "split[1]", "back"]
        same(activations["split[0]"].values, VECTORS[:, :2])
        same(activations["split[1]"].values, VECTORS[:, 2:])
        assert activations["back"].layer.inputs_from == ("split[1]", "split[0]")

    def test_operations_of_a_functional_model(self):
        inputs = keras.Input((4,), name="x")
        activations = extract(keras.Model(inputs, layers.Dense(1, name="d")(inputs * 2)), VECTORS)

        product, dense = activations
        assert activations[product].layer.kind == "operation"
        assert activations[product].layer.inputs_from == ("input:x",)
        assert dense == "d"
        same(activations[product].values, VECTORS * 2)

    def test_of_a_composite_layer(self):
        activations = extract(attending(), SERIES)

        assert activations["attention"].layer.holds_layers
        assert activations["attention/query"].shape == (3, 6, 2, 2)
        assert activations["attention/query"].axes == ("sample", "axis1", "axis2", "axis3")
        assert activations["attention/query"].layer.parent == "attention"

    @pytest.mark.parametrize("decides", [False, True])
    def test_of_a_subclassed_model(self, decides):
        model = Chain(layers.Dense(5, name="a"), layers.Dense(2, name="b"), decides=decides)
        extractor = Extractor(model)
        activations = extractor.extract(VECTORS)

        same(activations["a"].values, model.chain[0](VECTORS))
        same(activations["b"].values, model(VECTORS))
        same(activations.output, model(VECTORS))
        assert activations["b"].layer.output_shape == (None, 2)
        assert (any(extractor._traces.values())) is not decides

    def test_of_a_model_that_decides_per_input(self):
        class Choosing(keras.Model):
            def __init__(self):
                super().__init__()
                self.up, self.down = layers.Dense(2, name="up"), layers.Dense(2, name="down")

            def build(self, shape):
                self.up.build(shape)
                self.down.build(shape)
                self.built = True

            def call(self, x):
                return self.up(x) if float(keras.ops.sum(x)) > 0 else self.down(x)

        extractor = Extractor(Choosing())

        assert list(extractor.extract(np.ones((2, 4)))) == ["up"]
        assert list(extractor.extract(-np.ones((2, 4)))) == ["down"]

    def test_of_text(self):
        words = layers.TextVectorization(output_sequence_length=4, name="words")
        words.adapt(["a b c", "b c d"])
        model = keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(10, 3, name="embedding")])
        activations = extract(model, np.array([["a b"], ["c"]]))

        same(activations["words"].values, words(tf.constant([["a b"], ["c"]])))
        assert activations["embedding"].shape == (2, 4, 3)

    def test_that_are_text(self):
        model = keras.Sequential(
            [keras.Input((2,), dtype="int64"), layers.StringLookup(vocabulary=["x", "y"], invert=True, name="names")]
        )

        assert extract(model, np.array([[1, 2]]))["names"].values.tolist() == [["x", "y"]]

    @pytest.mark.parametrize(("policy", "dtype"), [("mixed_float16", np.float16), ("mixed_bfloat16", np.float32)])
    def test_in_half_precision(self, policy, dtype):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype=policy, name="half")])
        activation = extract(model, VECTORS)["half"]

        assert activation.values.dtype == dtype
        assert activation.layer.dtype == ("float16" if dtype == np.float16 else "bfloat16")
        np.testing.assert_allclose(activation.values, tf.cast(model(VECTORS), tf.float32), rtol=1e-2)

    def test_that_are_the_same_for_every_sample(self):
        model = keras.Sequential([keras.Input((6, 4)), Positions(6, 4, name="positions")])
        for count in (3, 6):
            inputs = np.resize(SERIES, (count, 6, 4))
            table = extract(model, inputs)["positions/table"]

            assert table.axes == ("sample", "time", "unit")
            assert table.shape == (count, 6, 4)
            for sample in range(count):
                same(table.values[sample], model.layers[0].table(np.arange(6)))

    def test_that_only_a_graph_of_one_size_can_make(self):
        class Listing(layers.Layer):
            def call(self, x):
                return keras.ops.stack([x[number] + 1 for number in range(x.shape[0])])

        extractor = Extractor(Chain(Listing(name="listing"), layers.Dense(2, name="d")))
        for count in (3, 2):
            activations = extractor.extract(VECTORS[:count])
            same(activations["listing"].values, VECTORS[:count] + 1)
            assert activations["d"].shape == (count, 2)

    def test_channels_first_is_put_in_our_order(self):
        model = keras.Sequential(
            [
                keras.Input((3, 4, 5)),
                layers.ZeroPadding2D(1, data_format="channels_first", name="pad"),
                layers.GlobalAveragePooling2D(data_format="channels_first", name="mean"),
            ]
        )
        inputs = RANDOM.normal(size=(2, 3, 4, 5)).astype(np.float32)
        activations = extract(model, inputs)

        assert activations["pad"].shape == (2, 6, 7, 3)
        assert activations["pad"].layer.output_shape == (None, 6, 7, 3)
        same(activations["pad"].values[:, 1:-1, 1:-1], np.moveaxis(inputs, 1, -1))
        same(activations["mean"].values, model(inputs))
        assert activations["mean"].shape == (2, 3)

    @pytest.mark.parametrize("decides", [False, True])
    def test_are_read_only_and_no_copy(self, decides):
        for activation in extract(Chain(layers.Dense(3, name="a"), decides=decides), VECTORS).values():
            assert not activation.values.flags.owndata
            assert not activation.values.flags.writeable

    def test_of_different_samples_are_not_mixed_up(self):
        extractor = Extractor(sequential())
        first = extractor.extract(VECTORS)["a"]
        kept = first.values.copy()
        extractor.extract(-VECTORS)

        np.testing.assert_array_equal(first.values, kept)


class TestInputsAndOutputs:
    def test_several_inputs_in_a_list(self):
        inputs = [keras.Input((4,), name="z"), keras.Input((4,), name="a")]
        model = keras.Model(inputs, layers.Subtract(name="s")(inputs))
        activations = extract(model, [VECTORS, 3 * VECTORS])

        same(activations["s"].values, -2 * VECTORS)
        assert activations["s"].layer.inputs_from == ("input:z", "input:a")
        same(activations["s"].context.inputs["z"], VECTORS)
        same(activations["s"].context.inputs["a"], 3 * VECTORS)

    def test_several_inputs_in_a_dict(self):
        z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
        model = keras.Model({"z": z, "a": a}, layers.Subtract(name="s")([z, a]))
        activations = extract(model, {"a": 3 * VECTORS, "z": VECTORS})

        same(activations["s"].values, -2 * VECTORS)
        same(activations["s"].context.inputs["z"], VECTORS)
        assert activations["s"].layer.inputs_from == ("input:z", "input:a")

    def test_outputs_keep_their_structure(self):
        inputs = keras.Input((4,))
        one, two = layers.Dense(1, name="one"), layers.Dense(2, name="two")
        model = keras.Model(inputs, {"one": one(inputs), "rest": [two(inputs)]})
        output = extract(model, VECTORS).output

        assert set(output) == {"one", "rest"}
        assert isinstance(output["one"], np.ndarray)
        same(output["one"], one(VECTORS))
        same(output["rest"][0], two(VECTORS))

    @pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8, bool])
    def test_numbers_of_any_type(self, dtype):
        activation = extract(sequential(), np.ones((2, 4), dtype))["a"]

        assert activation.values.dtype == np.float32

    def test_the_context_goes_with_the_activations(self):
        labels = np.array([2, 1, 0])
        context = Extractor(sequential()).extract(VECTORS, labels=labels, class_names=("x", "y"), first=7)["b"].context

        np.testing.assert_array_equal(context.labels, labels)
        assert context.class_names == ("x", "y")
        assert context.first == 7

    def test_the_callers_inputs_cannot_be_changed_through_the_context(self):
        mine = VECTORS.copy()
        (seen,) = extract(sequential(), mine)["a"].context.inputs.values()

        assert np.shares_memory(seen, mine)
        with pytest.raises(ValueError, match="read-only"):
            seen[0] = 0
        mine[0] = 0


class TestLayers:
    @pytest.mark.parametrize("build", [sequential, convolutional, recurrent, branching, attending, nested])
    def test_are_known_before_anything_is_run(self, build):
        model = build()
        extractor = Extractor(model)
        known = extractor.layers
        shape = [extent or 3 for extent in model.inputs[0].shape]
        activations = extractor.extract(np.zeros(shape, np.float32))

        assert [layer.key for layer in known] == list(activations)
        assert known == activations.layers
        assert all(layer.output_shape[0] is None for layer in known)

    def test_of_a_model_without_inputs_are_known_after_a_pass(self):
        extractor = Extractor(Chain(layers.Dense(3, name="a")))
        assert extractor.layers == ()
        extractor.extract(VECTORS)

        assert [layer.key for layer in extractor.layers] == ["a"]

    def test_only_those_that_are_asked_for(self):
        activations = extract(nested(), VECTORS, layers=["inner/a", "head"])

        assert list(activations) == ["inner/a", "head"]
        assert activations.output.shape == (3, 1)
        assert "inner#2/b" in [layer.key for layer in activations.layers]
        assert activations.at(-1).key == "head"

    def test_the_last_position_is_the_models_whatever_was_asked_for(self):
        with pytest.raises(IndexError):
            extract(sequential(), VECTORS, layers=["a"]).at(-1)

    @pytest.mark.parametrize("decides", [False, True])
    def test_an_unknown_key_is_named(self, decides):
        with pytest.raises(KeyError, match="no layer 'zzz'; there are: a"):
            extract(Chain(layers.Dense(3, name="a"), decides=decides), VECTORS, layers=["a", "zzz"])

    def test_in_a_branch_of_the_graph_have_no_values(self):
        class Branching(layers.Layer):
            def __init__(self, **settings):
                super().__init__(**settings)
                self.step = layers.Dense(4, name="step")

            def build(self, shape):
                self.step.build(shape)
                self.built = True

            def call(self, x):
                return keras.ops.cond(keras.ops.max(x) > 0, lambda: self.step(x), lambda: x)

        model = keras.Sequential([keras.Input((4,)), Branching(name="branch")])
        activations = extract(model, VECTORS)

        assert list(activations) == ["branch"]
        same(activations["branch"].values, model(VECTORS))
        with pytest.raises(KeyError, match="'branch/step' has no values: it runs in a branch"):
            activations["branch/step"]

    def test_an_input_layer_was_not_called(self):
        with pytest.raises(IndexError, match=r"layers\[0\] was not called"):
            extract(branching(), VECTORS).at(0)


class TestCompiling:
    def test_a_second_extraction_only_computes(self):
        counting = Counting(name="count")
        extractor = Extractor(keras.Sequential([keras.Input((4,)), counting, layers.Dense(1)]))
        extractor.extract(VECTORS)
        before = counting.times
        extractor.extract(VECTORS)
        extractor.extract(-VECTORS)
        extractor.extract(VECTORS[:1])
        extractor.extract(np.repeat(VECTORS, 4, axis=0))

        assert counting.times == before

    def test_looking_at_the_layers_compiles_what_the_extraction_needs(self):
        counting = Counting(name="count")
        extractor = Extractor(keras.Sequential([keras.Input((4,)), counting]))
        assert extractor.layers
        before = counting.times
        extractor.extract(VECTORS)

        assert counting.times == before

    def test_other_layers_or_training_are_other_passes(self):
        counting = Counting(name="count")
        extractor = Extractor(keras.Sequential([keras.Input((4,)), counting]))
        extractor.extract(VECTORS)
        before = counting.times
        extractor.extract(VECTORS, layers=["count"])
        extractor.extract(VECTORS, training=True)

        assert counting.times == before + 2

    def test_what_cannot_be_traced_is_not_tried_again(self):
        counting = Counting(name="count")
        extractor = Extractor(Chain(counting, decides=True))
        extractor.extract(VECTORS)
        before = counting.times
        extractor.extract(VECTORS)

        assert counting.times == before + 1


class TestTheModelIsLeftAsItWas:
    def unchanged(self, model, run):
        before = [(variable.path, variable.numpy().copy()) for variable in model.variables]
        attributes = {name for layer in model._flatten_layers() for name in vars(layer)}
        run()
        for variable, (path, value) in zip(model.variables, before, strict=True):
            assert variable.path == path
            np.testing.assert_array_equal(variable.numpy(), value, err_msg=path)
        assert {name for layer in model._flatten_layers() for name in vars(layer)} == attributes

    def test_statistics_of_batch_normalization(self):
        model = convolutional()
        extractor = Extractor(model)

        self.unchanged(model, lambda: [extractor.extract(IMAGES, training=True) for _ in range(2)])
        trained = extractor.extract(IMAGES, training=True)["norm"].values
        np.testing.assert_allclose(trained.mean(axis=(0, 1, 2)), 0, atol=1e-4)
        assert np.abs(extractor.extract(IMAGES)["norm"].values.mean(axis=(0, 1, 2))).max() > 1e-3

    def test_dropout_drops_only_in_training(self):
        model = keras.Sequential([keras.Input((100,)), layers.Dropout(0.5, name="drop")])
        extractor = Extractor(model)

        self.unchanged(model, lambda: extractor.extract(np.ones((4, 100)), training=True))
        share = (extractor.extract(np.ones((4, 100)), training=True)["drop"].values == 0).mean()
        assert 0.3 < share < 0.7
        np.testing.assert_array_equal(extractor.extract(np.ones((4, 100)))["drop"].values, 1)

    def test_state_of_a_stateful_layer(self):
        model = keras.Sequential([keras.Input((6, 4), batch_size=3), layers.LSTM(2, stateful=True, name="lstm")])
        model(SERIES)
        extractor = Extractor(model)

        self.unchanged(model, lambda: extractor.extract(SERIES))
        same(extractor.extract(SERIES)["lstm"].values, extractor.extract(SERIES)["lstm"].values)

    def test_state_of_a_stateful_layer_that_was_not_built(self):
        model = keras.Sequential([layers.LSTM(2, stateful=True, name="lstm")])
        activation = extract(model, SERIES)["lstm"]

        assert activation.shape == (3, 2)
        assert all(not np.any(state.numpy()) for state in model.layers[0].states)
        same(activation.values, model(SERIES))


class TestFailures:
    @pytest.mark.parametrize("around", [lambda chain: Chain(*chain), lambda chain: Chain(Chain(*chain, name="inner"))])
    def test_the_layer_that_raised_is_named(self, around):
        model = around([layers.Dense(4, name="fine"), Raising(name="bad"), layers.Dense(4, name="after")])
        with pytest.raises(ExtractionFailed) as caught:
            extract(model, VECTORS)

        assert "bad'" in caught.value.message
        assert "ValueError: this layer never works" in caught.value.message
        assert "\x1b" not in caught.value.message
        assert caught.value.remedy
        assert isinstance(caught.value.__cause__, ValueError)

    def test_of_a_wrong_size(self):
        with pytest.raises(InputRejected, match=r"The array holds 3×3, the input '.*' expects \?×4") as caught:
            extract(sequential(), VECTORS[:, :3])
        assert "layer 'a' of 'plain' raised" in str(caught.value.__cause__)

    def test_of_a_wrong_rank_says_what_was_expected(self):
        with pytest.raises(InputRejected, match=r"The array holds 3×6×4, the input '.*' expects \?×4"):
            extract(sequential(), SERIES)

    def test_that_only_shows_in_the_values(self):
        model = keras.Sequential([keras.Input((2,)), layers.Embedding(5, 2, name="words"), layers.Flatten()])
        extractor = Extractor(model)
        with pytest.raises(ExtractionFailed, match=r"layer 'words' .* 99 is not in \[0, 5\)"):
            extractor.extract(np.array([[1, 99]]))

        assert extractor.extract(np.array([[1, 2]]))["words"].shape == (1, 2, 2)

    def test_a_failure_does_not_end_the_extractor(self):
        extractor = Extractor(sequential())
        with pytest.raises(InputRejected):
            extractor.extract(VECTORS[:, :3])

        assert list(extractor.extract(VECTORS)) == ["a", "b"]

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            (VECTORS[:0], "0 samples"),
            (np.float32(3), "holds a single value"),
            ([VECTORS, VECTORS[:2]], "takes one input, '.*'; given were 2 arrays"),
            (np.array([[1], [2, 3]], dtype=object), r"Python objects, shape \(2,\)"),
        ],
    )
    def test_inputs_that_are_none(self, inputs, words):
        with pytest.raises(InputRejected, match=words) as caught:
            extract(sequential(), inputs)
        assert caught.value.remedy


class TestThreads:
    def run(self, count, work):
        failures = []
        together = threading.Barrier(count)

        def guarded(number):
            try:
                together.wait()
                work(number)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures

    @pytest.mark.parametrize("decides", [False, True])
    def test_the_same_model(self, decides):
        model = Chain(layers.Dense(5, name="a"), Counting(name="count"), layers.Dense(2, name="b"), decides=decides)
        extractor = Extractor(model)
        inputs = [(number + 1) * VECTORS[: 1 + number % 3] for number in range(8)]

        def work(number):
            for _ in range(3):
                activations = extractor.extract(inputs[number])
                assert list(activations) == ["a", "count", "b"]
                same(activations["a"].values, model.chain[0](inputs[number]))
                same(activations["b"].values, activations.output)

        self.run(8, work)

    def test_different_models(self):
        models = [
            keras.Sequential([keras.Input((4,)), layers.Dense(number + 1, name="a"), layers.Dense(2, name="b")])
            for number in range(8)
        ]

        def work(number):
            activations = extract(models[number], VECTORS)
            assert list(activations) == ["a", "b"]
            same(activations["a"].values, models[number].layers[0](VECTORS))
            same(activations["b"].values, models[number](VECTORS))

        self.run(8, work)

    def test_one_model_by_several_extractors(self):
        model = nested()
        expected = extract(model, VECTORS)

        def work(number):
            activations = extract(model, VECTORS)
            assert list(activations) == list(expected)
            for key in activations:
                same(activations[key].values, expected[key].values)

        self.run(6, work)


class TestRandomNumbersInTraining:
    ONES = np.ones((2, 200), np.float32)

    @pytest.fixture(params=["Keras' own generator", "a generator of the layer's"])
    def extractor(self, request):
        if request.param.startswith("a"):
            return Extractor(keras.Sequential([keras.Input((200,)), keras.layers.Dropout(0.5, name="noisy")]))
        noise = keras.layers.Lambda(lambda x: x + keras.random.normal(keras.ops.shape(x)), name="noisy")
        return Extractor(keras.Sequential([keras.Input((200,)), noise]))

    def values(self, extractor, **settings):
        return extractor.extract(self.ONES, training=True, **settings)["noisy"].values

    def test_each_pass_draws_others(self, extractor):
        assert (self.values(extractor) != self.values(extractor)).any()

    def test_a_seed_draws_the_same_again(self, extractor):
        np.testing.assert_array_equal(self.values(extractor, seed=3), self.values(extractor, seed=3))
        assert (self.values(extractor, seed=3) != self.values(extractor, seed=4)).any()

    def test_batches_do_not_draw_alike(self, extractor):
        first, second = self.values(extractor, seed=3, batch_size=1)
        assert (first != second).any()


def test_an_extractor_of_a_file_knows_what_the_file_said_of_itself(tmp_path):
    """Whoever opened a file first: the page, a thumbnail, a pass over a dataset."""
    path = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.save(path)
    opened = extractor_of(path)

    assert opened.file.keras_version.startswith("3.")
    assert extractor_of(path) is opened
