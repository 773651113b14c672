"""Recurrent layers and wrappers: the steps are made by hand, with NumPy or a cell."""

import keras
import numpy as np
import pytest

from core.extraction.extractor import Extractor, extract

layers, ops = keras.layers, keras.ops
SERIES = np.random.default_rng(4).normal(size=(3, 6, 4)).astype(np.float32)


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_numpy(layer, series, state=None):
    """Return hidden states over time, and the last hidden and cell state."""
    kernel, recurrent, bias = (weight.numpy() for weight in layer.weights[:3])
    hidden, cell = state or (np.zeros((len(series), layer.units)),) * 2
    over_time = []
    for step in np.moveaxis(series, 1, 0):
        i, f, c, o = np.split(step @ kernel + hidden @ recurrent + bias, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        hidden = sigmoid(o) * np.tanh(cell)
        over_time.append(hidden)
    return np.stack(over_time, axis=1), hidden, cell


def simple_by_numpy(layer, series):
    kernel, recurrent, bias = (weight.numpy() for weight in layer.weights[:3])
    hidden, over_time = np.zeros((len(series), layer.units)), []
    for step in np.moveaxis(series, 1, 0):
        hidden = np.tanh(step @ kernel + hidden @ recurrent + bias)
        over_time.append(hidden)
    return np.stack(over_time, axis=1)


def by_cell(cell, series, states):
    """Call a cell once per timestep."""
    answers = []
    for step in range(series.shape[1]):
        answer, states = cell(series[:, step], states)
        answers.append(np.asarray(answer))
    return np.stack(answers, axis=1)


def of(layer):
    inputs = keras.Input((6, 4))
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize("sequences", [True, False])
def test_lstm(sequences):
    layer = layers.LSTM(3, return_sequences=sequences, name="lstm")
    activation = extract(of(layer), SERIES)["lstm"]

    over_time, last, _ = lstm_by_numpy(layer, SERIES)
    same(activation.values, over_time if sequences else last)


@pytest.mark.parametrize("sequences", [True, False])
def test_lstm_that_returns_its_states(sequences):
    layer = layers.LSTM(3, return_state=True, return_sequences=sequences, name="lstm")
    activations = extract(of(layer), SERIES)

    over_time, hidden, cell = lstm_by_numpy(layer, SERIES)
    same(activations["lstm[0]"].values, over_time if sequences else hidden)
    same(activations["lstm[1]"].values, hidden)
    same(activations["lstm[2]"].values, cell)


def test_states_that_one_layer_hands_to_another():
    inputs = keras.Input((6, 4))
    encoder, decoder = layers.LSTM(3, return_state=True, name="encoder"), layers.LSTM(3, name="decoder")
    _, hidden, cell = encoder(inputs)
    model = keras.Model(inputs, decoder(inputs, initial_state=[hidden, cell]))
    activations = extract(model, SERIES)

    _, hidden, cell = lstm_by_numpy(encoder, SERIES)
    same(activations["decoder"].values, lstm_by_numpy(decoder, SERIES, (hidden, cell))[1])
    assert {"encoder[1]", "encoder[2]"} <= set(activations["decoder"].layer.inputs_from)


@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("unroll", [True, False])
def test_simple_rnn_in_either_direction(backwards, unroll):
    layer = layers.SimpleRNN(3, return_sequences=True, go_backwards=backwards, unroll=unroll, name="rnn")
    activation = extract(of(layer), SERIES)["rnn"]

    same(activation.values, simple_by_numpy(layer, SERIES[:, ::-1] if backwards else SERIES))


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru(reset_after):
    layer = layers.GRU(3, return_sequences=True, reset_after=reset_after, name="gru")
    activation = extract(of(layer), SERIES)["gru"]

    same(activation.values, by_cell(layer.cell, SERIES, [np.zeros((3, 3), np.float32)]))


@pytest.mark.parametrize(("mode", "merge"), [("concat", np.concatenate), ("sum", None), (None, None)])
def test_bidirectional(mode, merge):
    layer = layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True), merge_mode=mode, name="both")
    activations = extract(of(layer), SERIES)

    forward = simple_by_numpy(layer.forward_layer, SERIES)
    backward = simple_by_numpy(layer.backward_layer, SERIES[:, ::-1])[:, ::-1]
    if mode is None:
        same(activations["both[0]"].values, forward)
        same(activations["both[1]"].values, backward)
    else:
        expected = merge([forward, backward], axis=-1) if merge else forward + backward
        same(activations["both"].values, expected)
    same(activations[f"both/{layer.forward_layer.name}"].values, forward)


def test_bidirectional_with_states():
    layer = layers.Bidirectional(layers.LSTM(3, return_state=True), name="both")
    activations = extract(of(layer), SERIES)

    _, hidden, cell = lstm_by_numpy(layer.forward_layer, SERIES)
    _, back_hidden, back_cell = lstm_by_numpy(layer.backward_layer, SERIES[:, ::-1])
    same(activations["both[0]"].values, np.concatenate([hidden, back_hidden], axis=-1))
    for number, expected in enumerate((hidden, cell, back_hidden, back_cell), start=1):
        same(activations[f"both[{number}]"].values, expected)


@pytest.mark.parametrize("stacked", [lambda cells: layers.RNN(cells, return_sequences=True, name="stack")])
def test_stacked_cells(stacked):
    cells = [layers.LSTMCell(3), layers.GRUCell(2)]
    activation = extract(of(stacked(cells)), SERIES)["stack"]

    zeros = [np.zeros((3, 3), np.float32)] * 2
    first = by_cell(cells[0], SERIES, zeros)
    same(activation.values, by_cell(cells[1], first, [np.zeros((3, 2), np.float32)]))


class Leaky(layers.Layer):
    """A cell of one's own: it forgets half of what it knew."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.state_size = self.output_size = units
        self.inside = layers.Dense(units, name="inside")

    def build(self, shape):
        self.inside.build(shape)

    def call(self, x, states):
        state = ops.tanh(self.inside(x)) + 0.5 * states[0]
        return -state, [state]


def test_a_cell_of_ones_own():
    cell = Leaky(2)
    activations = extract(of(layers.RNN(cell, return_sequences=True, return_state=True, name="leaky")), SERIES)

    state, expected = np.zeros((3, 2)), []
    for step in np.moveaxis(SERIES, 1, 0):
        state = np.tanh(step @ cell.inside.kernel.numpy() + cell.inside.bias.numpy()) + 0.5 * state
        expected.append(-state)
    same(activations["leaky[0]"].values, np.stack(expected, axis=1))
    same(activations["leaky[1]"].values, state)


def test_a_cell_called_by_hand_in_a_python_loop():
    class Stepping(keras.Model):
        def __init__(self):
            super().__init__()
            self.cell = layers.SimpleRNNCell(2, name="cell")

        def call(self, series):
            state = [ops.zeros((ops.shape(series)[0], 2))]
            for step in range(series.shape[1]):
                _, state = self.cell(series[:, step], state)
            return state[0]

    model = Stepping()
    activations = extract(model, SERIES)

    over_time = by_cell(model.cell, SERIES, [np.zeros((3, 2), np.float32)])
    for step in range(6):
        key = "cell" if step == 0 else f"cell#{step + 1}"
        same(activations[f"{key}[0]"].values, over_time[:, step])


@pytest.mark.parametrize("wrapped", [layers.Dense, lambda units: keras.Sequential([layers.Dense(units, name="d")])])
@pytest.mark.parametrize("length", [6, None])
def test_time_distributed(wrapped, length):
    inside = wrapped(2)
    inputs = keras.Input((length, 4))
    model = keras.Model(inputs, layers.TimeDistributed(inside, name="each")(inputs))
    activations = extract(model, SERIES)

    expected = np.asarray(inside(SERIES.reshape(18, 4))).reshape(3, 6, 2)
    same(activations["each"].values, expected)
    assert activations["each"].axes == ("sample", "time", "unit")


def test_time_distributed_images():
    convolution = layers.Conv2D(2, 3)
    inputs = keras.Input((3, 5, 5, 1))
    films = np.random.default_rng(0).normal(size=(2, 3, 5, 5, 1)).astype(np.float32)
    activation = extract(keras.Model(inputs, layers.TimeDistributed(convolution, name="each")(inputs)), films)["each"]

    same(activation.values, np.stack([convolution(films[:, step]) for step in range(3)], axis=1))
    assert activation.axes == ("sample", "time", "height", "width", "channel")


def test_convolutional_lstm():
    layer = layers.ConvLSTM2D(2, 3, return_sequences=True, name="films")
    inputs = keras.Input((3, 5, 5, 1))
    films = np.random.default_rng(0).normal(size=(2, 3, 5, 5, 1)).astype(np.float32)
    activation = extract(keras.Model(inputs, layer(inputs)), films)["films"]

    states = [np.zeros((2, 3, 3, 2), np.float32)] * 2
    same(activation.values, by_cell(layer.cell, films, states))


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_a_stateful_layer_goes_on_from_the_state_that_it_has(kind):
    layer = kind(2, stateful=True, name="rnn")
    model = keras.Sequential([keras.Input((6, 4), batch_size=3), layer])
    model(SERIES)
    states = [state.numpy() for state in layer.states]
    extractor = Extractor(model)

    expected = by_cell(layer.cell, SERIES, [ops.convert_to_tensor(state) for state in states])[:, -1]
    for _ in range(2):
        same(extractor.extract(SERIES)["rnn"].values, expected)
    layer.reset_states()
    zeros = [np.zeros_like(state) for state in states]
    same(extractor.extract(SERIES)["rnn"].values, by_cell(layer.cell, SERIES, zeros)[:, -1])


def test_recurrent_dropout_only_in_training():
    layer = layers.LSTM(3, dropout=0.5, recurrent_dropout=0.5, name="lstm")
    extractor = Extractor(of(layer))

    still = lstm_by_numpy(layer, SERIES)[1]
    same(extractor.extract(SERIES)["lstm"].values, still)
    assert np.abs(extractor.extract(SERIES, training=True)["lstm"].values - still).max() > 1e-3


def test_recurrent_layers_inside_of_subclassed_models():
    class Reader(keras.Model):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.first = layers.LSTM(3, return_sequences=True, name="first")
            self.second = layers.SimpleRNN(2, return_sequences=True, name="second")

        def call(self, x):
            return self.second(self.first(x))

    reader = Reader(name="reader")
    activations = extract(keras.Sequential([reader, layers.Flatten()]), SERIES)

    first = lstm_by_numpy(reader.first, SERIES)[0]
    same(activations["reader/first"].values, first)
    same(activations["reader/second"].values, simple_by_numpy(reader.second, first))


class TestMasksOfWhatIsTurned:
    """Padding stands where the output has it, not where the input had it."""

    IDS = np.array([[3, 1, 2, 0, 0, 0], [1, 4, 2, 5, 0, 0]])

    @pytest.fixture(scope="class")
    @classmethod
    def recorded(cls):
        return cls.activations()

    @classmethod
    def activations(cls, **settings):
        ids = keras.Input((6,), dtype="int32")
        embedded = layers.Embedding(9, 4, mask_zero=True, name="embedded")(ids)
        backward = layers.LSTM(3, return_sequences=True, go_backwards=True, name="backward", **settings)(embedded)
        after = layers.Dense(2, name="after")(backward)
        both = layers.Bidirectional(layers.GRU(3, return_sequences=True, name="gru", **settings), name="both")(embedded)
        deaf = layers.Bidirectional(layers.GRU(3, return_sequences=True, **settings), name="deaf")(backward)
        return extract(keras.Model(ids, [after, both, deaf]), cls.IDS, internals=True)

    @pytest.mark.parametrize("key", ["backward", "after", "both/backward_gru", "backward:hidden_state"])
    def test_of_what_went_through_backwards(self, recorded, key):
        assert recorded[key].mask.tolist() == (self.IDS != 0)[:, ::-1].tolist()

    @pytest.mark.parametrize("key", ["embedded", "both", "both/forward_gru", "deaf"])
    def test_of_what_did_not(self, recorded, key):
        # Keras tells the last one to skip what was padding before it was turned: that is what it does.
        assert recorded[key].mask.tolist() == (self.IDS != 0).tolist()

    def test_what_is_under_it_is_padding(self):
        """Keras answers zeros there if it is told to."""
        activations = self.activations(zero_output_for_mask=True)
        for key in ("backward", "both/backward_gru", "both"):
            activation = activations[key]
            assert not activation.values[~activation.mask].any()
            assert (activation.values[activation.mask] != 0).all()

    def test_statistics_leave_it_out(self):
        ids = keras.Input((6,), dtype="int32")
        embedded = layers.Embedding(9, 4, mask_zero=True)(ids)
        model = keras.Model(ids, layers.LSTM(3, return_sequences=True, go_backwards=True, name="backward")(embedded))
        activation = extract(model, self.IDS)["backward"]
        reduction = Extractor(model).reduce(self.IDS)[0]["backward"][1]

        expected = [values[mask].mean(axis=0) for values, mask in zip(activation.values, activation.mask, strict=True)]
        np.testing.assert_allclose(reduction.mean, expected, atol=1e-5)
