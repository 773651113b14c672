"""Sequential, functional and subclassed models: whatever Python does between the layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import ExtractionFailed
from core.extraction.extractor import Extractor, extract

layers, ops = keras.layers, keras.ops
VECTORS = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


def dense(layer, x, activation=lambda y: y):
    """What a Dense layer computes, by NumPy."""
    return activation(np.asarray(x) @ layer.kernel.numpy() + layer.bias.numpy())


def relu(x):
    return np.maximum(x, 0)


class Doubling(keras.Model):
    """Doubles as often as its values ask for."""

    def __init__(self):
        super().__init__()
        self.first, self.double = layers.Dense(4, name="first"), layers.Rescaling(2.0, name="double")

    def call(self, x):
        x = self.first(x)
        while float(ops.max(ops.abs(x))) < 100:
            x = self.double(x)
        return x


class Residual(layers.Layer):
    """A composite layer: two layers and what goes around them."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.up, self.down = layers.Dense(2 * units, "relu", name="up"), layers.Dense(units, name="down")

    def call(self, x):
        return x + self.down(self.up(x))


class Stack(layers.Layer):
    """A composite layer of composite layers, kept in a dict and a list."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.parts = {"blocks": [Residual(4, name="block"), Residual(4, name="block")]}

    def call(self, x):
        for block in self.parts["blocks"]:
            x = block(x)
        return x


class Plain(keras.Model):
    """A subclassed model that calls what it is given, one after the other."""

    def __init__(self, *parts, **settings):
        super().__init__(**settings)
        self.parts = list(parts)

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


@pytest.mark.parametrize("known", [True, False], ids=["built", "not built"])
def test_a_sequential_model(known):
    a, b = layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b")
    model = keras.Sequential([keras.Input((4,)), a, b] if known else [a, b])
    assert model.built is known
    activations = extract(model, VECTORS)

    assert list(activations) == ["a", "b"]
    same(activations["a"].values, dense(a, VECTORS, relu))
    same(activations["b"].values, dense(b, dense(a, VECTORS, relu)))
    assert [activations.at(index).key for index in range(2)] == ["a", "b"]


def test_a_sequential_model_that_was_not_built_is_built_by_the_first_extraction():
    model = keras.Sequential([layers.Dense(5, name="a"), layers.Dense(2, name="b")])
    first = extract(model, VECTORS)["b"].values

    same(first, model(VECTORS))
    same(extract(model, VECTORS)["b"].values, first)


@pytest.mark.parametrize(
    ("operation", "by_numpy"),
    [
        (lambda x, y: x + y, lambda x, y: x + y),
        (lambda x, y: x - 2 * y, lambda x, y: x - 2 * y),
        (lambda x, y: x @ ops.transpose(y), lambda x, y: x @ y.T),
        (lambda x, y: x[:, 1:3], lambda x, y: x[:, 1:3]),
        (lambda x, y: -(abs(x) ** 2), lambda x, y: -(abs(x) ** 2)),
        (lambda x, y: x > y, lambda x, y: x > y),
        (lambda x, y: ops.concatenate([x, y], axis=-1), lambda x, y: np.concatenate([x, y], axis=-1)),
        (lambda x, y: ops.sum(x, axis=1), lambda x, y: x.sum(axis=1)),
        (lambda x, y: ops.where(x > 0, x, y), lambda x, y: np.where(x > 0, x, y)),
    ],
)
def test_an_operation_on_tensors_is_an_entry_of_its_own(operation, by_numpy):
    inputs = keras.Input((4,))
    a, b = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    activations = extract(keras.Model(inputs, operation(a(inputs), b(inputs))), VECTORS)

    assert "a" in activations
    last = list(activations.values())[-1]
    assert last.layer.kind == "operation"
    assert set(activations[last.key].layer.inputs_from) <= set(activations)
    np.testing.assert_allclose(last.values, by_numpy(dense(a, VECTORS), dense(b, VECTORS)), atol=1e-5)


def test_a_loop_that_ends_when_the_values_say_so():
    model = Doubling()
    for scale in (1, 1000, 1e-3):
        activations = extract(model, scale * VECTORS)
        x = dense(model.first, scale * VECTORS)
        same(activations["first"].values, x)
        for key in list(activations)[1:]:
            x = 2 * x
            np.testing.assert_allclose(activations[key].values, x, rtol=1e-5)
        assert np.abs(x).max() >= 100 > np.abs(x).max() / 2 or len(activations) == 1


def test_numpy_inside_a_model():
    class Sorting(layers.Layer):
        def call(self, x):
            return ops.convert_to_tensor(np.sort(np.asarray(x), axis=-1))

    model = Plain(Sorting(name="sort"), layers.Dense(2, name="d"))
    activations = extract(model, VECTORS)

    same(activations["sort"].values, np.sort(VECTORS, axis=-1))
    same(activations["d"].values, dense(model.parts[1], np.sort(VECTORS, axis=-1)))


def test_python_functions_inside_a_graph():
    class Sorting(layers.Layer):
        def call(self, x):
            ordered = tf.numpy_function(lambda y: np.sort(y, axis=-1), [x], tf.float32)
            return tf.ensure_shape(ordered, x.shape)

    activations = extract(Plain(Sorting(name="sort"), layers.Dense(2, name="d")), VECTORS)

    same(activations["sort"].values, np.sort(VECTORS, axis=-1))


def test_a_custom_layer_with_weights_of_its_own():
    class Squares(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")

        def call(self, x):
            return self.scale * x * x

    layer = Squares(name="squares")
    activation = extract(keras.Sequential([layer, layers.Dense(2)]), VECTORS)["squares"]

    same(activation.values, layer.scale.numpy() * VECTORS**2)
    assert activation.layer.parameter_count == 4
    assert activation.layer.type_names == ("Squares", "Layer")


def test_a_composite_layer_and_what_is_in_it():
    block = Residual(4, name="block")
    inputs = keras.Input((4,))
    activations = extract(keras.Model(inputs, block(inputs)), VECTORS)

    up = dense(block.up, VECTORS, relu)
    assert list(activations) == ["block", "block/up", "block/down"]
    same(activations["block/up"].values, up)
    same(activations["block/down"].values, dense(block.down, up))
    same(activations["block"].values, VECTORS + dense(block.down, up))


def test_composite_layers_in_a_composite_layer():
    stack = Stack(name="stack")
    model = Plain(stack)
    activations = extract(model, VECTORS)

    x = VECTORS
    for key, block in zip(("stack/block", "stack/block~2"), stack.parts["blocks"], strict=True):
        up = dense(block.up, x, relu)
        same(activations[f"{key}/up"].values, up)
        x = x + dense(block.down, up)
        same(activations[key].values, x)
        assert activations[f"{key}/down"].layer.parent == key
    same(activations["stack"].values, x)


def test_a_lambda_of_python():
    factor = 3
    inputs = keras.Input((4,))
    twice = layers.Lambda(lambda x: factor * x[:, ::-1], name="reversed")(inputs)
    activation = extract(keras.Model(inputs, layers.Dense(2)(twice)), VECTORS)["reversed"]

    same(activation.values, 3 * VECTORS[:, ::-1])
    assert activation.layer.type_name == "Lambda"


@pytest.mark.parametrize("jit", [None, False], ids=["default", "not jit"])
def test_a_call_that_was_replaced_by_a_graph_function(jit):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b")])
    model.call = tf.function(model.call, jit_compile=jit)
    activations = extract(model, VECTORS)

    a, b = model.layers
    assert list(activations) == ["a", "b"]
    same(activations["a"].values, dense(a, VECTORS, relu))
    same(activations["b"].values, dense(b, dense(a, VECTORS, relu)))
    same(activations.output, model(VECTORS))


@pytest.mark.parametrize("ran_before", [False, True])
def test_a_model_whose_call_is_a_graph_function(ran_before):
    class Compiled(Plain):
        @tf.function
        def call(self, x):
            return super().call(x)

    model = Compiled(layers.Dense(4, name="a"), Residual(4, name="block"))
    if ran_before:
        model(VECTORS)
    activations = extract(model, VECTORS)

    a, block = model.parts
    x = dense(a, VECTORS)
    same(activations["a"].values, x)
    same(activations["block/up"].values, dense(block.up, x, relu))
    same(activations["block"].values, x + dense(block.down, dense(block.up, x, relu)))


def test_a_graph_function_in_which_tensors_decide():
    class Choosing(keras.Model):
        def __init__(self):
            super().__init__()
            self.before, self.after = layers.Dense(4, name="before"), layers.Dense(2, name="after")

        @tf.function
        def call(self, x):
            x = self.before(x)
            if tf.reduce_sum(x) > 0:
                x = -x
            return self.after(x)

    model = Choosing()
    for inputs in (VECTORS, -VECTORS):
        activations = extract(model, inputs)
        before = dense(model.before, inputs)
        same(activations["before"].values, before)
        same(activations["after"].values, dense(model.after, -before if before.sum() > 0 else before))


def test_a_layer_whose_call_is_a_graph_function():
    class Compiled(Residual):
        call = tf.function(Residual.call)

    block = Compiled(4, name="block")
    activations = extract(keras.Sequential([keras.Input((4,)), block]), VECTORS)

    up = dense(block.up, VECTORS, relu)
    same(activations["block"].values, VECTORS + dense(block.down, up))
    same(activations["block/up"].values, up)


@pytest.mark.parametrize("loop", ["while_loop", "map_fn"])
def test_a_layer_that_runs_in_a_loop_of_the_graph(loop):
    class Looping(layers.Layer):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.step = layers.Dense(4, name="step")

        def build(self, shape):
            self.step.build((None, 4))

        def call(self, x):
            if loop == "map_fn":
                return tf.map_fn(lambda row: self.step(row[None])[0], x)
            return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, self.step(y)), (0, x))[1]

    looping = Looping(name="loop")
    activations = extract(keras.Sequential([keras.Input((4,)), looping, layers.Dense(1, name="d")]), VECTORS)

    step = dense(looping.step, VECTORS)
    expected = step if loop == "map_fn" else dense(looping.step, step)
    same(activations["loop"].values, expected)
    same(activations["loop/step"].values, step if loop == "map_fn" else np.stack([step, expected], axis=1))
    assert list(activations) == ["loop", "loop/step", "d"]


class TestTraining:
    """``training`` reaches every layer, however deep."""

    @pytest.mark.parametrize(
        "around", [keras.Sequential, lambda parts: Plain(*parts)], ids=["sequential", "subclassed"]
    )
    def test_batch_normalization_takes_the_statistics_of_the_batch_or_its_own(self, around):
        norm = layers.BatchNormalization(name="norm")
        model = keras.Sequential([keras.Input((4,)), around([norm])])
        norm.moving_mean.assign([1.0, 2, 3, 4])
        norm.moving_variance.assign([4.0, 3, 2, 1])
        extractor = Extractor(model)
        key = next(layer.key for layer in extractor.extract(VECTORS).layers if layer.name == "norm")

        mean, variance = VECTORS.mean(axis=0), VECTORS.var(axis=0)
        trained = extractor.extract(VECTORS, training=True)[key].values
        same(trained, (VECTORS - mean) / np.sqrt(variance + norm.epsilon))
        still = extractor.extract(VECTORS, training=False)[key].values
        same(still, (VECTORS - np.array([1, 2, 3, 4])) / np.sqrt(np.array([4, 3, 2, 1]) + norm.epsilon))

    @pytest.mark.parametrize("eager", [False, True])
    def test_dropout_drops_some_and_scales_the_rest(self, eager):
        class Looking(layers.Layer):
            def call(self, x):
                return x if not eager else ops.convert_to_tensor(np.asarray(x))

        model = Plain(Looking(), layers.Dropout(0.25, name="drop"))
        ones = np.ones((20, 50), np.float32)

        np.testing.assert_array_equal(extract(model, ones, training=False)["drop"].values, ones)
        dropped = extract(model, ones, training=True)["drop"].values
        assert 0.1 < (dropped == 0).mean() < 0.4
        same(dropped[dropped != 0], 1 / 0.75)

    def test_a_call_that_asks_for_training_itself(self):
        class Asking(layers.Layer):
            def call(self, x, training=False):
                return x + 1 if training else x

        model = keras.Sequential([keras.Input((4,)), keras.Sequential([Asking(name="ask")], name="inner")])
        for training in (True, False):
            activations = extract(model, VECTORS, training=training)
            same(activations["inner/ask"].values, VECTORS + training)


class Mapping(keras.Model):
    """Calls a layer for one sample at a time, in a loop of one kind or another."""

    def __init__(self, loop):
        super().__init__()
        self.loop = loop
        self.inner, self.outer = layers.Dense(3, name="inner"), layers.Dense(2, name="outer")
        self.inner.build((None, 4))

    def call(self, x):
        return self.outer(self.loop(lambda row: self.inner(row[None])[0], x))


@pytest.mark.parametrize(
    ("owner", "name"), [(ops, "map"), (ops, "vectorized_map"), (tf, "map_fn"), (tf, "vectorized_map")]
)
def test_one_sample_of_a_loop_does_not_stand_for_all(owner, name):
    model = Mapping(lambda function, x: getattr(owner, name)(function, x))
    activations = extract(model, VECTORS)

    assert list(activations) == ["inner", "outer"]
    same(activations["inner"].values, dense(model.inner, VECTORS))
    listed = {layer.key: layer for layer in activations.layers}
    assert listed["outer"].inputs_from == ("inner",)


class WithDerivatives(keras.Model):
    """Answers with its own derivatives, as networks that solve equations of physics do."""

    def __init__(self):
        super().__init__()
        self.hidden, self.field = layers.Dense(8, "tanh", name="hidden"), layers.Dense(1, name="field")

    def call(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            field = self.field(self.hidden(x))
        return ops.concatenate([field, tape.batch_jacobian(field, x)[:, 0]], axis=-1)


def test_a_model_that_is_not_built_and_takes_its_own_jacobian():
    model = WithDerivatives()
    activations = extract(model, VECTORS)

    assert list(activations) == ["hidden", "field"]
    assert activations["field"].shape == (3, 1)
    same(activations.output, model(VECTORS))


class Asserting(keras.Model):
    def call(self, x):
        raise AssertionError


def test_an_error_without_words_says_where_it_comes_from():
    with pytest.raises(ExtractionFailed, match=r"AssertionError: no message, at line \d+ of test_models.py: raise"):
        extract(Asserting(), VECTORS)
