"""Layers under ``TimeDistributed`` are one row with an axis of time, equal to the layer applied to each timestep."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from core.analysis.attribution.ablation import ablate
from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.errors import InputRejected
from core.extraction.extractor import Extractor, extract
from core.extraction.time_distributed import looks_at_one_row

CLIPS = np.random.default_rng(0).normal(size=(3, 3, 8, 8, 1)).astype(np.float32)
SERIES = np.random.default_rng(1).normal(size=(3, 3, 4)).astype(np.float32)
FRAMES = ("sample", "time", "height", "width", "channel")


class Own(layers.Layer):
    """Code of others: nobody can say whether it looks at one row."""

    supports_masking = True

    def call(self, x):
        return ops.relu(x)


class Forgetting(layers.Layer):
    """Answers what goes in, of which nobody knows how long it is before it runs."""

    supports_masking = True

    def call(self, x):
        return tf.ensure_shape(tf.gather(x, tf.range(tf.shape(x)[1]), axis=1), [None, None, *x.shape[2:]])


class Centred(layers.Layer):
    """Mixes the samples of a batch, but no timesteps."""

    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


def cnn(*others):
    frame = keras.Input((8, 8, 1))
    maps = layers.Conv2D(4, 3, name="conv")(frame)
    for layer in others:
        maps = layer(name="own")(maps)
    normalized = layers.BatchNormalization(name="normalized")(maps)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(normalized + maps)
    model = keras.Model(frame, layers.Dense(3, activation="softmax", name="classes")(pooled), name="cnn")
    random = np.random.default_rng(2)
    model.set_weights([np.abs(random.normal(size=weight.shape)) for weight in model.get_weights()])
    return model


def each_step(layer, inputs, **settings):
    return np.stack([np.asarray(layer(inputs[:, step], **settings)) for step in range(inputs.shape[1])], axis=1)


def over_time(inner, shape, *after, **settings):
    inputs = keras.Input(shape, **settings)
    steps = inputs if shape[0] else Forgetting()(inputs)
    answer = layers.TimeDistributed(inner, name="each")(steps)
    for layer in after:
        answer = layer(answer)
    return keras.Model(inputs, answer)


def same(values, expected):
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [3, None])
@pytest.mark.parametrize("others", [(), (Own,)], ids=["of Keras", "of others"])
class TestNestedModels:
    @pytest.fixture
    def model(self, length, others):
        self.inner = cnn(*others)
        # Before it is wrapped, which calls it once more.
        self.inside = {layer.name: keras.Model(self.inner.input, layer.output) for layer in self.inner.layers[1:]}
        return over_time(self.inner, (length, 8, 8, 1), layers.LSTM(4, name="lstm"), layers.Dense(2, name="answer"))

    def test_each_layer_is_one_row_over_time(self, model):
        activations = extract(model, CLIPS)

        rows = {key.removeprefix("each/") for key in activations if key.startswith("each/")}
        assert self.inside.keys() <= rows
        assert not any("#" in key for key in rows)
        for name, inside in self.inside.items():
            same(activations[f"each/{name}"].values, each_step(inside, CLIPS))
        assert activations["each/conv"].axes == FRAMES
        assert activations["each/pooled"].axes == ("sample", "time", "unit")
        same(activations["each"].values, each_step(self.inner, CLIPS))
        same(activations.output, model.predict(CLIPS, verbose=0))

    def test_where_each_layer_has_its_input_from(self, model):
        rows = {layer.key: layer for layer in Extractor(model).layers}

        assert rows["each/conv"].inputs_from == rows["each"].inputs_from
        assert rows["each/conv"].parent == "each"
        assert rows["each"].holds_layers
        assert rows["each/classes"].inputs_from == ("each/pooled",)
        assert rows["lstm"].inputs_from == ("each",)
        assert rows["each/classes"].activation_function == "softmax"

    def test_batches_of_any_size(self, model):
        extractor = Extractor(model)
        whole = extractor.extract(CLIPS)

        for activations in (extractor.extract(CLIPS, batch_size=2), extractor.extract(CLIPS, batch_size=1)):
            for key, activation in activations.items():
                same(activation.values, whole[key].values)
        reductions = extractor.reduce(CLIPS)[0]
        same(reductions["each/conv"][1].mean, whole["each/conv"].values.mean(axis=(1, 2, 3)))

    def test_in_training_each_step_has_statistics_of_its_own(self, model):
        activations = extract(model, CLIPS, training=True)

        with keras.StatelessScope():
            expected = each_step(self.inner, CLIPS, training=True)
            answer = np.asarray(model(CLIPS, training=True))
        same(activations["each"].values, expected)
        same(activations["each/classes"].values, expected)
        same(activations.output, answer)

    def test_gradients_of_what_comes_after(self, model):
        result = run_pass(
            Extractor(model), CLIPS, PassSpec("answer", points=("input:" + model.inputs[0].name,)), units=1
        )

        clips = tf.constant(CLIPS)
        with tf.GradientTape() as tape:
            tape.watch(clips)
            answer = model(clips)[:, 1]
        same(next(iter(result.gradients.values())), tape.gradient(answer, clips).numpy())


def test_gradients_and_changes_reach_layers_inside():
    inner, clips = cnn(), tf.constant(CLIPS)
    model = over_time(inner, (3, 8, 8, 1), layers.Flatten(), layers.Dense(2, name="answer"))
    extractor = Extractor(model)
    before = keras.Model(inner.input, inner.get_layer("conv").output)
    after = keras.Model(inner.get_layer("conv").output, inner.output)

    def answer(maps):
        classes = tf.stack([after(maps[:, step]) for step in range(3)], axis=1)
        return model.layers[-1](tf.reshape(classes, (3, -1)))

    maps = tf.stack([before(clips[:, step]) for step in range(3)], axis=1)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        objective = answer(maps)[:, 1]
    gradient = run_pass(extractor, CLIPS, PassSpec("answer", points=("each/conv",)), units=1).gradients["each/conv"]
    same(gradient, tape.gradient(objective, maps).numpy())

    ablation = ablate(extractor, CLIPS, "each/conv", 2)
    same(ablation.after, answer(maps * np.float32([1, 1, 0, 1])))
    assert ablation.changed["each/classes"] > 0


def test_what_cannot_be_changed_is_refused():
    model = over_time(cnn(Own), (3, 8, 8, 1))
    with pytest.raises(InputRejected, match="each step of a loop alone"):
        ablate(Extractor(model), CLIPS, "each/conv", 2)


@pytest.mark.mixes_samples
@pytest.mark.parametrize("length", [3, None])
def test_samples_that_are_mixed_at_each_step_stay_so(length):
    model = over_time(keras.Sequential([Centred(name="centred"), layers.Dense(2, name="d")]), (length, 4))
    same(extract(model, SERIES).output, model.predict(SERIES, verbose=0))


class TestSequencesOfSequences:
    """Words in sentences: the layer inside has steps of its own."""

    IDS = np.array([[[3, 1, 0], [2, 0, 0], [0, 0, 0]], [[1, 2, 3], [4, 0, 0], [5, 1, 0]]])

    @pytest.fixture(params=[3, None])
    def recorded(self, request):
        words = keras.Input((3,), dtype="int32")
        embedded = layers.Embedding(9, 4, mask_zero=True, name="embedded")(words)
        sentence = layers.LSTM(3, return_sequences=True, name="lstm")(embedded)
        self.encoder = keras.Model(words, layers.GlobalAveragePooling1D(name="mean")(sentence))
        model = over_time(self.encoder, (request.param, 3), layers.GRU(2), dtype="int32")
        return extract(model, self.IDS, internals=True)

    def test_values_and_axes(self, recorded):
        lstm = self.encoder.get_layer("lstm")
        inside = keras.Model(self.encoder.input, lstm.output)
        assert recorded["each/lstm"].axes == ("sample", "time", "step", "unit")
        same(recorded["each/lstm"].values, each_step(inside, self.IDS))
        same(recorded["each/lstm:hidden_state"].values, recorded["each/lstm"].values)
        assert recorded["each/lstm:hidden_state"].axes == ("sample", "time", "step", "unit")
        assert recorded["each/mean"].axes == ("sample", "time", "unit")

    def test_masks(self, recorded):
        assert recorded["each/embedded"].mask.tolist() == (self.IDS != 0).tolist()
        assert recorded["each/lstm"].mask.tolist() == (self.IDS != 0).tolist()


@pytest.mark.parametrize("length", [3, None])
@pytest.mark.parametrize("others", [(), (Own,)], ids=["of Keras", "of others"])
def test_padding_of_whole_steps(length, others):
    series = SERIES.copy()
    series[0, 2:] = 0
    inputs = keras.Input((length, 4))
    inner = keras.Sequential([layers.Dense(3, name="dense"), *(other() for other in others)])
    answer = layers.TimeDistributed(inner, name="each")(layers.Masking()(inputs))
    activations = extract(keras.Model(inputs, layers.LSTM(2)(answer)), series)

    expected = (series != 0).any(axis=-1).tolist()
    assert activations["each/dense"].mask.tolist() == activations["each"].mask.tolist() == expected


@pytest.mark.parametrize("length", [3, None])
def test_a_wrapper_in_a_wrapper(length):
    dense = layers.Dense(2, name="dense")
    inside = layers.TimeDistributed(keras.Sequential([dense]), name="inside")
    model = over_time(keras.Sequential([inside]), (length, 4, 3))
    values = np.random.default_rng(3).normal(size=(2, 3, 4, 3)).astype(np.float32)
    activation = extract(model, values)["each/inside/dense"]

    same(activation.values, np.asarray(dense(values)))
    assert activation.axes == ("sample", "time", "step", "unit")


@pytest.mark.parametrize("length", [3, None])
def test_a_recurrent_layer_that_is_wrapped_itself(length):
    lstm = layers.LSTM(3, return_sequences=True)
    values = np.random.default_rng(3).normal(size=(2, 3, 4, 3)).astype(np.float32)
    activations = extract(over_time(lstm, (length, 4, 3)), values, internals=True)

    same(activations["each"].values, each_step(lstm, values))
    assert activations["each"].axes == ("sample", "time", "step", "unit")
    same(activations["each:hidden_state"].values, activations["each"].values)


def test_layers_that_keep_a_state_go_on_from_step_to_step():
    gru = layers.GRU(6, stateful=True, return_sequences=True, name="gru")
    inner = keras.Sequential([keras.Input((4, 3), batch_size=2), gru])
    model = over_time(inner, (3, 4, 3), batch_size=2)
    values = np.random.default_rng(3).normal(size=(2, 3, 4, 3)).astype(np.float32)
    activations = extract(model, values)

    long = layers.GRU(6, return_sequences=True)
    long.build((2, 12, 3))
    long.set_weights(gru.get_weights())
    same(activations["each/gru"].values.reshape(2, 12, 6), np.asarray(long(values.reshape(2, 12, 3))))


def test_a_model_that_looks_at_values():
    class Looking(keras.Model):
        def __init__(self):
            super().__init__()
            self.each = layers.TimeDistributed(cnn(), name="each")

        def call(self, clips):
            answer = self.each(clips)
            return answer if float(ops.max(answer)) > -1 else clips

    model = Looking()
    activations = extract(model, CLIPS)
    same(activations["each/classes"].values, each_step(model.each.layer, CLIPS))


def test_what_is_the_same_at_each_step():
    class Positions(layers.Layer):
        def build(self, shape):
            self.table = layers.Embedding(4, 3, name="table")

        def call(self, x):
            return x + self.table(ops.arange(4))

    values = np.random.default_rng(3).normal(size=(2, 3, 4, 3)).astype(np.float32)
    for length in (3, None):
        positions = Positions(name="positions")
        activations = extract(over_time(keras.Sequential([positions]), (length, 4, 3)), values)
        same(activations["each/positions"].values, values + positions.table.embeddings)
        same(activations["each/positions/table"].values[0, 2], positions.table.embeddings)


@pytest.mark.mixes_samples
def test_rows_that_depend_on_values_end_no_pass():
    class Chosen(layers.Layer):
        def call(self, x):
            return tf.boolean_mask(x, x[:, 0] > 0)

    class Counted(layers.Layer):
        def build(self, shape):
            self.chosen = Chosen(name="chosen")

        def call(self, x):
            return x + ops.cast(ops.shape(self.chosen(x))[0], "float32")

    activations = extract(over_time(keras.Sequential([Counted(name="counted")]), (3, 4)), SERIES)
    expected = SERIES + (SERIES[:, :, :1] > 0).sum(axis=0)
    same(activations["each/counted"].values, expected)
    missing = {layer.key: layer.missing for layer in activations.layers}
    assert "depends on the values" in missing["each/counted/chosen"]


def test_a_normalization_behind_it_keeps_its_axes():
    convolution = layers.Conv2D(4, 3)
    model = over_time(convolution, (3, 8, 8, 1), layers.BatchNormalization(name="bn"), layers.ReLU(name="relu"))
    activations = extract(model, CLIPS)
    assert activations["bn"].axes == activations["relu"].axes == FRAMES


def test_the_row_says_what_is_wrapped():
    rows = {layer.key: layer for layer in Extractor(over_time(layers.Conv2D(4, 3), (3, 8, 8, 1))).layers}
    assert rows["each"].kind == "convolution"
    assert dict(rows["each"].settings).items() >= {"layer": "Conv2D", "kernel_size": "3×3"}.items()


@pytest.mark.mixes_samples
@pytest.mark.parametrize("kind", [layers.Softmax, layers.UnitNormalization])
@pytest.mark.parametrize("is_nested", [False, True])
def test_an_axis_counted_from_the_end_that_is_of_the_samples(kind, is_nested):
    """Softmax(axis=-2) of rows of numbers goes over the samples of a step, and not over the steps as well."""
    inner = keras.Sequential([keras.Input((4,)), kind(axis=-2)]) if is_nested else kind(axis=-2)
    recorded = extract(over_time(inner, (3, 4)), SERIES)
    same(recorded["each"].values, each_step(kind(axis=-2), SERIES))


def test_an_axis_counted_from_the_end_within_a_row_needs_no_steps():
    inside = keras.Sequential([keras.Input((4, 5)), layers.Softmax(axis=-2)])
    over_samples = keras.Sequential([keras.Input((4,)), layers.Softmax(axis=-2)])
    assert looks_at_one_row(inside)
    assert not looks_at_one_row(over_samples)


@pytest.mark.mixes_samples
def test_a_gate_of_others_is_not_known_to_look_at_one_row():
    def centred(x):
        return ops.sigmoid(x - ops.mean(x, axis=0, keepdims=True))

    inner = layers.GRU(3, recurrent_activation=centred)
    frames = np.random.default_rng(4).normal(size=(2, 3, 5, 4)).astype(np.float32)
    model = over_time(inner, (3, 5, 4))
    same(extract(model, frames)["each"].values, each_step(inner, frames))
