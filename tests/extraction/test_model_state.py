"""An extraction leaves the model as it was: what it holds, what it is, and what it does later."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import ExtractionFailed
from core.extraction.extractor import Extractor, extract
from tests.support.small_models import Chain

layers, ops = keras.layers, keras.ops
RANDOM = np.random.default_rng(8)
VECTORS = RANDOM.normal(size=(6, 4)).astype(np.float32)
SERIES = RANDOM.normal(size=(6, 5, 4)).astype(np.float32)
TARGETS = RANDOM.normal(size=(6, 2)).astype(np.float32)


class Breaking(layers.Layer):
    """Raises on values that are no numbers: when it is traced all is well."""

    def call(self, x):
        return tf.debugging.check_numerics(x, "no number")


class Raising(layers.Layer):
    """Raises whenever it is armed, be it traced or run."""

    armed = False

    def call(self, x):
        if self.armed:
            raise RuntimeError("half way")
        return x


class Counting(layers.Layer):
    """Keeps a weight that every call changes, a loss and a Python number."""

    def build(self, shape):
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def call(self, x):
        self.seen.assign_add(1.0)
        self.add_loss(ops.mean(x))
        return x


def everything_trained():
    """Every kind of state at once: seeds, moving statistics, regularizers, losses, counters."""
    return [
        layers.Dense(4, "relu", kernel_regularizer="l2", activity_regularizer="l1", name="dense"),
        layers.BatchNormalization(name="norm"),
        layers.Dropout(0.5, seed=3, name="drop"),
        layers.GaussianNoise(0.1, seed=4, name="noise"),
        layers.SpectralNormalization(layers.Dense(4), name="spectral"),
        Counting(name="counting"),
        layers.Dense(2, name="out"),
    ]


def functional():
    inputs = x = keras.Input((4,))
    for layer in everything_trained():
        x = layer(x)
    return keras.Model(inputs, x)


MODELS = {
    "sequential": lambda: keras.Sequential([keras.Input((4,)), *everything_trained()]),
    "functional": functional,
    "subclassed": lambda: Chain(*everything_trained()),
    "eager": lambda: Chain(*everything_trained(), decides=True),
    "nested": lambda: keras.Sequential([keras.Input((4,)), Chain(*everything_trained(), name="inner")]),
}


@pytest.fixture(params=MODELS)
def model(request):
    keras.utils.set_random_seed(0)
    made = MODELS[request.param]()
    made(VECTORS)
    return made


def state(model):
    """Every variable with its value: weights, moving statistics, seeds, counters, metrics."""
    return {variable.path: variable.numpy().copy() for variable in model.variables}


def attributes(model):
    """Every attribute of every layer: its name, and the very object that it holds."""
    return [(layer, {name: id(value) for name, value in vars(layer).items()}) for layer in model._flatten_layers()]


def assert_state(model, before):
    assert {variable.path for variable in model.variables} == set(before)
    for variable in model.variables:
        np.testing.assert_array_equal(variable.numpy(), before[variable.path], err_msg=variable.path)


def assert_attributes(before):
    for layer, held in before:
        assert {name: id(value) for name, value in vars(layer).items()} == held, layer.name


@pytest.mark.parametrize("training", [False, True])
def test_variables(model, training):
    before = state(model)
    extractor = Extractor(model)
    for _ in range(2):
        extractor.extract(VECTORS, training=training)
        extractor.extract(VECTORS, layers=[], training=training)

    assert any("seed" in path for path in before)
    assert_state(model, before)


def test_attributes_are_the_very_same_objects(model):
    before = attributes(model)
    extractor = Extractor(model)
    for training in (False, True):
        extractor.extract(VECTORS, training=training)

    assert_attributes(before)
    assert type(model).__call__ is keras.Model.__call__


def test_losses(model):
    model(VECTORS, training=True)
    before = [float(loss) for loss in model.losses]
    extract(model, VECTORS, training=True)

    after = model.losses
    assert len(after) == len(before) > 0
    np.testing.assert_allclose([float(loss) for loss in after], before)


def test_answers(model):
    before = model(VECTORS).numpy()
    extract(model, VECTORS, training=True)

    np.testing.assert_array_equal(model(VECTORS), before)
    if not getattr(model, "decides", False):
        np.testing.assert_allclose(model.predict(VECTORS, verbose=0), before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [name for name in MODELS if name != "eager"])
def test_training_later_goes_the_same_way(kind):
    answers = []
    for extracts in (False, True):
        keras.utils.set_random_seed(1)
        model = MODELS[kind]()
        model(VECTORS)
        model.compile("sgd", "mse")
        if extracts:
            extract(model, VECTORS, training=True)
        model.fit(VECTORS, TARGETS, epochs=2, batch_size=3, shuffle=False, verbose=0)
        if extracts:
            extract(model, VECTORS)
        model.fit(VECTORS, TARGETS, epochs=1, batch_size=3, shuffle=False, verbose=0)
        answers.append(model.predict(VECTORS, verbose=0))

    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5, atol=1e-6)


def test_what_was_compiled_before_still_runs(model):
    before = model.predict(VECTORS, verbose=0) if not getattr(model, "decides", False) else None
    function = model.predict_function
    extract(model, VECTORS)

    assert model.predict_function is function
    if before is not None:
        np.testing.assert_array_equal(model.predict(VECTORS, verbose=0), before)


def test_what_is_trained_after_an_extraction_is_seen_by_the_next():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="out")])
    model.compile("sgd", "mse")
    extractor = Extractor(model)
    first = extractor.extract(VECTORS)["out"].values.copy()
    model.fit(VECTORS, TARGETS, verbose=0)
    second = extractor.extract(VECTORS)["out"].values

    assert np.abs(first - second).max() > 1e-5
    np.testing.assert_allclose(second, model(VECTORS), rtol=1e-5, atol=1e-6)


class TestStatefulLayers:
    @pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
    @pytest.mark.parametrize("internals", [False, True])
    def test_keep_their_states(self, kind, internals):
        model = keras.Sequential([keras.Input((5, 4), batch_size=6), kind(2, stateful=True, name="rnn")])
        model(SERIES)
        before, held = state(model), attributes(model)
        states = [each.numpy().copy() for each in model.layers[0].states]
        extractor = Extractor(model)
        for training in (False, True):
            extractor.extract(SERIES, training=training, internals=internals)

        assert_state(model, before)
        assert_attributes(held)
        for now, then in zip(model.layers[0].states, states, strict=True):
            np.testing.assert_array_equal(now.numpy(), then)
            assert np.any(then)

    def test_go_on_where_they_were(self):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((5, 4), batch_size=6), layers.LSTM(2, stateful=True, name="lstm")])
        untouched = keras.models.clone_model(model)
        untouched.set_weights(model.get_weights())
        for _ in range(3):
            extract(model, SERIES)
            np.testing.assert_allclose(model(SERIES), untouched(SERIES), rtol=1e-5, atol=1e-6)

    def test_inside_of_a_bidirectional_layer(self):
        both = layers.Bidirectional(layers.LSTM(2, stateful=True), name="both")
        model = keras.Sequential([keras.Input((5, 4), batch_size=6), both])
        model(SERIES)
        before = state(model)
        extract(model, SERIES, internals=True)

        assert_state(model, before)


class TestAfterAnError:
    @pytest.mark.parametrize("decides", [False, True])
    def test_in_the_middle_of_the_values(self, decides):
        # Without the first layer: a graph's fused Dense and ReLU turn NaN into 0.
        parts = [*everything_trained()[1:-1], Breaking(name="breaking"), layers.Dense(2, name="out")]
        model = Chain(*parts, decides=decides)
        model(VECTORS)
        answer = model(VECTORS).numpy()
        before, held = state(model), attributes(model)
        for training in (False, True):
            with pytest.raises(ExtractionFailed, match="breaking"):
                extract(model, np.full_like(VECTORS, np.nan), training=training)

        assert_state(model, before)
        assert_attributes(held)
        np.testing.assert_array_equal(model(VECTORS), answer)
        np.testing.assert_allclose(extract(model, VECTORS).output, answer, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("internals", [False, True])
    def test_in_the_middle_of_a_trace(self, internals):
        keras.utils.set_random_seed(4)
        attention = layers.MultiHeadAttention(2, 2, name="attention")
        raising = Raising(name="raising")

        class Attending(keras.Model):
            def __init__(self):
                super().__init__()
                self.attention, self.lstm = attention, layers.LSTM(2, name="lstm")
                self.drop, self.raising = layers.Dropout(0.5, seed=1, name="drop"), raising

            def call(self, x):
                return self.raising(self.drop(self.lstm(self.attention(x, x))))

        model = Attending()
        answer = model(SERIES).numpy()
        before, held = state(model), attributes(model)
        Raising.armed = True
        try:
            with pytest.raises(ExtractionFailed, match="half way"):
                extract(model, SERIES, training=True, internals=internals)
        finally:
            Raising.armed = False

        assert_state(model, before)
        assert_attributes(held)
        np.testing.assert_array_equal(model(SERIES), answer)

    def test_while_a_model_is_built_for_the_first_time(self):
        raising = Raising(name="raising")
        model = Chain(layers.Dense(3, name="a"), layers.BatchNormalization(name="norm"), raising)
        Raising.armed = True
        try:
            with pytest.raises(ExtractionFailed, match="raising"):
                extract(model, VECTORS)
        finally:
            Raising.armed = False

        activations = extract(model, VECTORS)
        np.testing.assert_allclose(activations["a"].values, model.chain[0](VECTORS), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(activations.output, model(VECTORS), rtol=1e-5, atol=1e-6)

    def test_other_models_are_recorded_as_before(self):
        with pytest.raises(ExtractionFailed):
            extract(Chain(layers.Dense(3), Breaking()), np.full_like(VECTORS, np.nan))
        model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="out")])

        assert list(extract(model, VECTORS)) == ["out"]


def test_attention_flags_and_outputs():
    inputs = keras.Input((5, 4))
    attention = layers.MultiHeadAttention(2, 2, name="attention")
    answer, scores = attention(inputs, inputs, return_attention_scores=True)
    model = keras.Model(inputs, [layers.Attention(name="plain")([answer, answer]), scores])
    before = [each.numpy() for each in model(SERIES)]
    held = attributes(model)
    extract(model, SERIES, internals=True)

    assert_attributes(held)
    for now, then in zip(model(SERIES), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_model_being_built_by_an_extraction_is_as_if_it_had_been_called():
    models = []
    for build in (lambda model: model(VECTORS), lambda model: extract(model, VECTORS)):
        keras.utils.set_random_seed(5)
        model = Chain(*everything_trained(), name="chain")
        build(model)
        models.append(model)

    called, extracted = models
    assert len(called.variables) == len(extracted.variables) > 10
    np.testing.assert_allclose(called(VECTORS), extracted(VECTORS), rtol=1e-5, atol=1e-6)


def test_the_input_arrays():
    mine = VECTORS.copy()
    extract(keras.Sequential([keras.Input((4,)), layers.ReLU(name="relu")]), mine)

    np.testing.assert_array_equal(mine, VECTORS)
    assert mine.flags.writeable
