"""What layers keep to themselves, against the same numbers worked out with NumPy."""

import keras
import numpy as np
import pytest
from keras import layers

import core

RANDOM = np.random.default_rng(0)
SEQUENCES = RANDOM.normal(size=(3, 6, 4)).astype(np.float32)
UNITS = 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_in_numpy(weights, sequence, hidden, cell):
    """Return gates and states after each timestep, by part."""
    kernel, recurrent, bias = (weight.astype(np.float64) for weight in weights)
    history = []
    for step in sequence.astype(np.float64):
        i, f, g, o = np.split(step @ kernel + hidden @ recurrent + bias, 4)
        gates = {
            "input_gate": sigmoid(i),
            "forget_gate": sigmoid(f),
            "candidate": np.tanh(g),
            "output_gate": sigmoid(o),
        }
        cell = gates["forget_gate"] * cell + gates["input_gate"] * gates["candidate"]
        hidden = gates["output_gate"] * np.tanh(cell)
        history.append({**gates, "cell_state": cell, "hidden_state": hidden})
    return {part: np.array([each[part] for each in history]) for part in history[0]}


def gru_in_numpy(weights, sequence, hidden, reset_after):
    kernel, recurrent, bias = (weight.astype(np.float64) for weight in weights)
    given, kept = bias if reset_after else (bias, np.zeros_like(bias))
    history = []
    for step in sequence.astype(np.float64):
        x, h = np.split(step @ kernel + given, 3), np.split(hidden @ recurrent + kept, 3)
        update, reset = sigmoid(x[0] + h[0]), sigmoid(x[1] + h[1])
        recalled = reset * h[2] if reset_after else (reset * hidden) @ recurrent[:, 2 * UNITS :]
        candidate = np.tanh(x[2] + recalled)
        hidden = update * hidden + (1 - update) * candidate
        history.append({"update_gate": update, "reset_gate": reset, "candidate": candidate, "hidden_state": hidden})
    return {part: np.array([each[part] for each in history]) for part in history[0]}


def assert_parts(activations, key, expected, sample=0):
    for part, values in expected.items():
        found = activations[f"{key}:{part}"]
        assert found.part == part
        assert found.axes == ("sample", "time", "unit")
        np.testing.assert_allclose(found.values[sample], values, atol=1e-5, err_msg=part)


def with_random_bias(layer):
    layer.set_weights([RANDOM.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


class TestRecurrentLayers:
    @pytest.mark.parametrize("return_sequences", [True, False])
    @pytest.mark.parametrize("go_backwards", [True, False])
    @pytest.mark.parametrize("implementation", [1, 2])
    def test_lstm(self, return_sequences, go_backwards, implementation):
        layer = layers.LSTM(
            UNITS, return_sequences=return_sequences, go_backwards=go_backwards, name="r", implementation=implementation
        )
        model = keras.Sequential([keras.Input((6, 4)), layer])
        with_random_bias(layer)
        activations = core.extract(model, SEQUENCES, internals=True)

        for sample, sequence in enumerate(SEQUENCES):
            steps = sequence[::-1] if go_backwards else sequence
            expected = lstm_in_numpy(layer.get_weights(), steps, np.zeros(UNITS), np.zeros(UNITS))
            assert_parts(activations, "r", expected, sample)
        last = activations["r"].values[:, -1] if return_sequences else activations["r"].values
        np.testing.assert_allclose(activations["r:hidden_state"].values[:, -1], last, atol=1e-6)

    @pytest.mark.parametrize("reset_after", [True, False])
    @pytest.mark.parametrize("implementation", [1, 2])
    def test_gru(self, reset_after, implementation):
        layer = layers.GRU(UNITS, reset_after=reset_after, name="r", implementation=implementation)
        model = keras.Sequential([keras.Input((6, 4)), layer])
        with_random_bias(layer)
        activations = core.extract(model, SEQUENCES, internals=True)

        for sample, sequence in enumerate(SEQUENCES):
            expected = gru_in_numpy(layer.get_weights(), sequence, np.zeros(UNITS), reset_after)
            assert_parts(activations, "r", expected, sample)

    def test_simple_rnn(self):
        layer = layers.SimpleRNN(UNITS, name="r")
        model = keras.Sequential([keras.Input((6, 4)), layer])
        kernel, recurrent, bias = layer.get_weights()
        found = core.extract(model, SEQUENCES, internals=True)["r:hidden_state"].values

        hidden = np.zeros((3, UNITS))
        for time in range(6):
            hidden = np.tanh(SEQUENCES[:, time] @ kernel + hidden @ recurrent + bias)
            np.testing.assert_allclose(found[:, time], hidden, atol=1e-5)

    @pytest.mark.parametrize("go_backwards", [True, False])
    def test_masked_timesteps_change_no_state(self, go_backwards):
        sequences = SEQUENCES.copy()
        sequences[0, :2] = sequences[0, 4] = 0
        layer = layers.LSTM(UNITS, go_backwards=go_backwards, name="r")
        model = keras.Sequential([keras.Input((6, 4)), layers.Masking(), layer])
        activations = core.extract(model, sequences, internals=True)
        steps, valid = sequences[0], np.array([False, False, True, True, False, True])
        if go_backwards:
            steps, valid = steps[::-1], valid[::-1]
        expected = lstm_in_numpy(layer.get_weights(), steps[valid], np.zeros(UNITS), np.zeros(UNITS))
        states = activations["r:cell_state"]

        np.testing.assert_array_equal(states.mask[0], valid)
        np.testing.assert_allclose(states.values[0][valid], expected["cell_state"], atol=1e-5)
        np.testing.assert_allclose(activations["r:input_gate"].values[0][valid], expected["input_gate"], atol=1e-5)
        np.testing.assert_array_equal(np.diff(states.values[0], axis=0)[~valid[1:]], 0)

    def test_an_initial_state_is_honoured(self):
        sequence, start = keras.Input((6, 4)), keras.Input((UNITS,))
        layer = layers.LSTM(UNITS, name="r")
        model = keras.Model([sequence, start], layer(sequence, initial_state=[start, start]))
        state = RANDOM.normal(size=(3, UNITS)).astype(np.float32)
        activations = core.extract(model, [SEQUENCES, state], internals=True)

        assert_parts(activations, "r", lstm_in_numpy(layer.get_weights(), SEQUENCES[0], state[0], state[0]))

    def test_both_directions(self):
        layer = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True), name="both")
        model = keras.Sequential([keras.Input((6, 4)), layer])
        activations = core.extract(model, SEQUENCES, internals=True)
        forward, backward = layer.forward_layer, layer.backward_layer
        zeros = np.zeros(UNITS)

        assert_parts(
            activations, f"both/{forward.name}", lstm_in_numpy(forward.get_weights(), SEQUENCES[0], zeros, zeros)
        )
        reversed_steps = SEQUENCES[0][::-1]
        assert_parts(
            activations, f"both/{backward.name}", lstm_in_numpy(backward.get_weights(), reversed_steps, zeros, zeros)
        )

    def test_stacked_cells(self):
        cells = [layers.LSTMCell(UNITS, name="low"), layers.GRUCell(UNITS, name="high")]
        model = keras.Sequential([keras.Input((6, 4)), layers.RNN(cells, name="r")])
        activations = core.extract(model, SEQUENCES, internals=True)
        low = lstm_in_numpy(cells[0].get_weights(), SEQUENCES[0], np.zeros(UNITS), np.zeros(UNITS))
        high = gru_in_numpy(cells[1].get_weights(), low["hidden_state"], np.zeros(UNITS), True)

        assert_parts(activations, "r/low", low)
        assert_parts(activations, "r/high", high)
        assert set(activations["r"].internals) >= {"low:cell_state", "high:update_gate"}

    def test_a_cell_of_a_strangers_own(self):
        class Adding(layers.Layer):
            state_size = output_size = 4

            def call(self, inputs, states):
                total = states[0] + inputs
                return total * 2, [total]

        model = keras.Sequential([keras.Input((6, 4)), layers.RNN(Adding(), name="r", return_sequences=True)])
        activations = core.extract(model, SEQUENCES, internals=True)

        np.testing.assert_allclose(activations["r:hidden_state"].values, SEQUENCES.cumsum(axis=1), atol=1e-5)
        assert [key for key in activations if key.startswith("r:")] == ["r:hidden_state"]

    def test_states_that_are_pictures(self):
        model = keras.Sequential([keras.Input((3, 5, 5, 2)), layers.ConvLSTM2D(4, 3, name="r", return_sequences=True)])
        activations = core.extract(model, RANDOM.normal(size=(2, 3, 5, 5, 2)).astype(np.float32), internals=True)

        np.testing.assert_allclose(activations["r:hidden_state"].values, activations["r"].values, atol=1e-6)
        assert activations["r:cell_state"].axes == ("sample", "time", "height", "width", "channel")

    def test_dropout_masks_are_those_of_the_pass(self):
        layer = layers.LSTM(UNITS, dropout=0.5, recurrent_dropout=0.5, name="r", return_sequences=True)
        model = keras.Sequential([keras.Input((6, 4)), layer])
        activations = core.extract(model, SEQUENCES, internals=True, training=True)
        parts = activations["r"].internals

        np.testing.assert_allclose(parts["hidden_state"].values, activations["r"].values, atol=1e-6)
        cell = parts["forget_gate"].values[:, 1:] * parts["cell_state"].values[:, :-1]
        cell += parts["input_gate"].values[:, 1:] * parts["candidate"].values[:, 1:]
        np.testing.assert_allclose(parts["cell_state"].values[:, 1:], cell, atol=1e-5)


def softmax(values):
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


class TestAttention:
    def scores(self, layer, masked=None, **arguments):
        inputs = keras.Input((6, 4))
        model = keras.Model(inputs, layer(inputs, inputs, **arguments))
        return core.extract(model, SEQUENCES, internals=True)["attention:attention_scores"]

    def expected(self, layer, allowed):
        query, key = (
            SEQUENCES @ weights.reshape(4, -1) + bias.reshape(-1)
            for weights, bias in (layer._query_dense.get_weights(), layer._key_dense.get_weights())
        )
        # (sample, time, head × unit) -> (sample, head, time, unit)
        query, key = (each.reshape(3, 6, -1, 3).swapaxes(1, 2) for each in (query, key))
        key = np.repeat(key, query.shape[1] // key.shape[1], axis=1)
        products = query @ key.swapaxes(2, 3) / np.sqrt(3)
        return softmax(np.where(allowed, products, -1e9))

    @pytest.mark.parametrize("dropout", [0.0, 0.3])
    @pytest.mark.parametrize("causal", [True, False])
    def test_multi_head(self, dropout, causal):
        layer = layers.MultiHeadAttention(2, 3, dropout=dropout, name="attention")
        scores = self.scores(layer, use_causal_mask=causal)

        assert scores.axes == ("sample", "head", "query", "key")
        allowed = np.tril(np.ones((6, 6), bool)) if causal else np.ones((6, 6), bool)
        np.testing.assert_allclose(scores.values, self.expected(layer, allowed), atol=1e-5)

    def test_an_attention_mask(self):
        layer = layers.MultiHeadAttention(2, 3, name="attention")
        allowed = RANDOM.uniform(size=(3, 6, 6)) > 0.4
        allowed[:, :, 0] = True
        inputs, mask = keras.Input((6, 4)), keras.Input((6, 6), dtype="bool")
        model = keras.Model([inputs, mask], layer(inputs, inputs, attention_mask=mask))
        scores = core.extract(model, [SEQUENCES, allowed], internals=True)["attention:attention_scores"].values

        np.testing.assert_allclose(scores, self.expected(layer, allowed[:, None]), atol=1e-5)

    def test_padding(self):
        tokens = np.array([[3, 1, 2, 0, 0], [1, 1, 1, 1, 1]])
        inputs = keras.Input((5,), dtype="int32")
        embedded = layers.Embedding(5, 4, mask_zero=True, name="embedding")(inputs)
        model = keras.Model(inputs, layers.MultiHeadAttention(2, 3, name="attention")(embedded, embedded))
        activations = core.extract(model, tokens, internals=True)
        scores = activations["attention:attention_scores"].values

        np.testing.assert_array_equal(activations["embedding"].mask, tokens != 0)
        np.testing.assert_allclose(scores[0, :, :3, 3:], 0, atol=1e-6)
        np.testing.assert_allclose(scores[0, :, :3].sum(axis=-1), 1, atol=1e-5)
        assert scores[1].min() > 0
        assert activations["attention"].context.tokens[0].tolist() == ["3", "1", "2", "0", "0"]

    def test_grouped_queries(self):
        layer = layers.GroupQueryAttention(3, 4, 2, name="attention")
        scores = self.scores(layer).values

        assert scores.shape == (3, 4, 6, 6)
        np.testing.assert_allclose(scores, self.expected(layer, True), atol=1e-5)

    def test_flash_attention_is_what_keras_on_tensorflow_cannot_run(self):
        layer = layers.MultiHeadAttention(2, 3, flash_attention=True, name="attention")
        inputs = keras.Input((6, 4))
        model = keras.Model(inputs, layer(inputs, inputs))

        with pytest.raises(core.ExtractionFailed, match=r"layer .attention. of .* Flash attention is not supported"):
            core.extract(model, SEQUENCES, internals=True)
        layer._flash_attention = False
        scores = core.extract(model, SEQUENCES, internals=True)["attention:attention_scores"]
        np.testing.assert_allclose(scores.values, self.expected(layer, True), atol=1e-5)

    def test_scores_that_cannot_be_worked_out_do_not_stop_the_pass(self, caplog):
        layer = layers.MultiHeadAttention(2, 3, name="attention")
        inputs = keras.Input((6, 4))
        model = keras.Model(inputs, layer(inputs, inputs))
        layer._dot_product_equation = "not,an->equation"
        activations = core.extract(model, SEQUENCES, internals=True)

        np.testing.assert_allclose(activations["attention"].values, model(SEQUENCES), atol=1e-6)
        assert activations["attention"].layer.internals == ()
        assert "What attention keeps to itself could not be worked out" in caplog.text

    def test_a_softmax_of_a_strangers_own_is_asked(self):
        class Sharp(layers.MultiHeadAttention):
            def _masked_softmax(self, scores, mask=None):
                return super()._masked_softmax(100 * scores, mask)

        scores = self.scores(Sharp(2, 3, name="attention")).values

        assert scores.max(axis=-1).mean() > 0.9

    @pytest.mark.parametrize("kind", [layers.Attention, layers.AdditiveAttention])
    def test_single_head(self, kind):
        inputs = keras.Input((6, 4))
        output, scores = kind(name="attention")([inputs, inputs], return_attention_scores=True)
        expected = keras.Model(inputs, scores)(SEQUENCES)
        found = core.extract(keras.Model(inputs, output), SEQUENCES, internals=True)["attention:attention_scores"]

        assert found.axes == ("sample", "head", "query", "key")
        np.testing.assert_allclose(found.values[:, 0], expected, atol=1e-6)

    def test_the_caller_gets_what_it_asked_for(self):
        inputs = keras.Input((6, 4))
        layer = layers.MultiHeadAttention(2, 3, name="attention")
        model = keras.Model(inputs, layer(inputs, inputs))
        before = model(SEQUENCES)
        activations = core.extract(model, SEQUENCES, internals=True)

        assert list(activations)[:2] == ["attention", "attention:attention_scores"]
        np.testing.assert_array_equal(activations.output, before)
        np.testing.assert_array_equal(model(SEQUENCES), before)


class TestAsking:
    @pytest.fixture
    def model(self):
        return keras.Sequential(
            [keras.Input((6, 4)), layers.LSTM(3, name="one", return_sequences=True), layers.LSTM(2, name="two")]
        )

    def test_nothing_is_recorded_unless_it_is_asked_for(self, model):
        activations = core.extract(model, SEQUENCES)

        assert list(activations) == ["one", "two"]
        assert "one:cell_state" in activations["one"].layer.internals
        assert not activations["one"].internals

    def test_one_of_them_alone(self, model):
        activations = core.extract(model, SEQUENCES, layers=["one:cell_state"])

        assert list(activations) == ["one:cell_state"]
        assert activations["one:cell_state"].layer.key == "one"

    def test_those_of_the_layers_that_are_kept(self, model):
        activations = core.extract(model, SEQUENCES, layers=["two"], internals=True)

        assert {key.partition(":")[0] for key in activations} == {"two"}
        assert set(activations["two"].internals) > {"hidden_state", "candidate"}

    def test_an_unknown_one_is_named_with_those_there_are(self, model):
        with pytest.raises(KeyError, match="no layer 'one:memory'; there are: one, one:hidden_state"):
            core.extract(model, SEQUENCES, layers=["one:memory"])

    def test_batches_give_the_same(self, model):
        whole = core.extract(model, SEQUENCES, internals=True)
        told = []
        parts = core.extract(model, SEQUENCES, internals=True, batch_size=2, progress=lambda *now: told.append(now))

        assert told == [(2, 3), (3, 3)]
        assert list(parts) == list(whole)
        for key, activation in whole.items():
            np.testing.assert_allclose(parts[key].values, activation.values, atol=1e-6)
        np.testing.assert_allclose(parts.output, whole.output, atol=1e-6)


class TestAttentionOverMorePlaces:
    """Scores have the axes that attention looks along, and those that it does not."""

    GRID = RANDOM.normal(size=(2, 3, 5, 4)).astype(np.float32)

    @pytest.mark.parametrize(
        ("layer", "axes", "shape"),
        [
            (layers.Attention(name="layer"), ("sample", "axis1", "query", "key"), (2, 3, 5, 5)),
            (layers.AdditiveAttention(name="layer"), ("sample", "axis1", "query", "key"), (2, 3, 5, 5)),
            (
                layers.MultiHeadAttention(2, 3, name="layer"),
                ("sample", "head", "query1", "query2", "key1", "key2"),
                (2, 2, 3, 5, 3, 5),
            ),
            (
                layers.MultiHeadAttention(2, 3, attention_axes=(2,), name="layer"),
                ("sample", "axis1", "head", "query", "key"),
                (2, 3, 2, 5, 5),
            ),
        ],
        ids=["Attention", "AdditiveAttention", "all places", "one axis of places"],
    )
    def test_their_scores(self, layer, axes, shape):
        grid = keras.Input((3, 5, 4))
        answer = layer([grid, grid]) if isinstance(layer, layers.Attention) else layer(grid, grid)
        activations = core.extract(keras.Model(grid, answer), self.GRID, internals=True)

        scores = activations["layer:attention_scores"]
        assert (scores.axes, scores.shape) == (axes, shape)
        keys = tuple(at for at, name in enumerate(axes) if name.startswith("key"))
        np.testing.assert_allclose(scores.values.sum(axis=keys), 1, atol=1e-5)
        assert activations["layer"].shape == (2, 3, 5, 4)
