"""What layers answer inside loops of the graph, against plain Python loops that call the same layers."""

import sys
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import core
from core.analysis.attribution.ablation import ablate
from core.analysis.attribution.class_activation import class_activation_map
from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.attribution.targets import Target
from core.analysis.timesteps import shown_steps, step_words
from core.errors import InputRejected, NoGradient
from core.extraction.extractor import Extractor, extract
from tests.support.fidelity import check_fidelity

RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.normal(size=(3, 4)).astype(np.float32)
SERIES = RANDOM.normal(size=(3, 6, 4)).astype(np.float32)
OVER_TIME = ("sample", "time", "unit")


@pytest.fixture(autouse=True)
def same_weights_each_time():
    # Between two numbers that are nearly alike, a normalization makes much of how they were rounded.
    keras.utils.set_random_seed(7)


def same(values, expected):
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


class Looping(layers.Layer):
    """Calls two layers in a loop."""

    supports_masking = True

    def __init__(self, loop, **settings):
        super().__init__(**settings)
        self.loop = loop
        self.step = layers.Dense(4, activation="tanh", name="step")
        self.norm = layers.LayerNormalization(name="norm")

    def build(self, shape):
        self.step.build((None, 4))
        self.norm.build((None, 4))

    def refined(self, x):
        return self.norm(self.step(x))

    def call(self, x):
        return self.loop(self, x)


def model_of(loop, shape=(4,)):
    model = keras.Sequential([keras.Input(shape, name="x"), Looping(loop, name="loop"), layers.Dense(2, name="after")])
    for weight in model.weights:
        weight.assign(np.random.default_rng(len(weight.path)).normal(size=weight.shape))
    return model


def refined_by_hand(looping, x, count):
    """Return what the two layers answer at each of so many steps, each fed with what the one before answered."""
    steps, norms = [], []
    for _ in range(count):
        steps.append(np.asarray(looping.step(x)))
        x = looping.norm(steps[-1])
        norms.append(np.asarray(x))
    return np.stack(steps, axis=1), np.stack(norms, axis=1)


REFINING = {
    "tf.while_loop": lambda own, x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, own.refined(y)), (0, x))[1],
    "of a list": lambda own, x: tf.while_loop(lambda i, y: i < 3, lambda i, y: [i + 1, own.refined(y)], [0, x])[1],
    "at most": lambda own, x: tf.while_loop(lambda y: True, lambda y: [own.refined(y)], [x], maximum_iterations=3)[0],
    "of any shape": lambda own, x: tf.while_loop(
        lambda i, y: i < 3,
        lambda i, y: (i + 1, own.refined(y)),
        (0, x),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, 4])),
    )[1],
    "ops.while_loop": lambda own, x: ops.while_loop(lambda y: True, own.refined, x, maximum_iterations=3),
    "ops.fori_loop": lambda own, x: ops.fori_loop(0, 3, lambda i, y: own.refined(y), x),
    "ops.scan": lambda own, x: ops.scan(lambda y, _: (own.refined(y), own.refined(y)), x, length=3)[0],
}


@pytest.mark.parametrize("name", sorted(REFINING.keys() - {"ops.scan"}))
class TestRefining:
    def test_each_step_is_a_place_in_time(self, name):
        model = model_of(REFINING[name])
        activations = extract(model, VECTORS)

        steps, norms = refined_by_hand(model.layers[0], VECTORS, 3)
        same(activations["loop/step"].values, steps)
        same(activations["loop/norm"].values, norms)
        assert activations["loop/step"].axes == OVER_TIME
        same(activations["after"].values, model.layers[1](norms[:, -1]))
        np.testing.assert_array_equal(activations.output, model.predict(VECTORS, verbose=0))
        check_fidelity(Extractor(model), VECTORS)

    def test_layers_are_listed_before_anything_runs(self, name):
        layers_of_model = {layer.key: layer for layer in Extractor(model_of(REFINING[name])).layers}

        assert list(layers_of_model) == ["loop", "loop/step", "loop/norm", "after"]
        assert layers_of_model["loop/step"].axes == OVER_TIME
        assert layers_of_model["loop/step"].inputs_from == ("input:x",)
        assert layers_of_model["loop/norm"].inputs_from == ("loop/step",)
        assert layers_of_model["loop/norm"].parent == "loop"


class State(NamedTuple):
    number: Any
    value: Any


def with_an_array(own, x):
    def body(i, y, array):
        y = own.refined(y)
        return i + 1, y, array.write(i, y)

    start = (0, x, tf.TensorArray(tf.float32, 3, element_shape=(None, 4)))
    return tf.while_loop(lambda i, *_: i < 3, body, start)[2].stack()[-1]


def of_named_variables(own, x):
    start = State(tf.constant(0), x)
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: State(i + 1, own.refined(y)), start).value


def of_a_dict(own, x):
    def body(state):
        return [{"i": state["i"] + 1, "y": own.refined(state["y"])}]

    return tf.while_loop(lambda state: state["i"] < 3, body, [{"i": tf.constant(0), "y": x}])[0]["y"]


@pytest.mark.parametrize("loop", [with_an_array, of_named_variables, of_a_dict])
def test_variables_of_other_kinds(loop):
    model = model_of(loop)
    activations = extract(model, VECTORS)
    steps, norms = refined_by_hand(model.layers[0], VECTORS, 3)
    same(activations["loop/step"].values, steps)
    same(activations["loop"].values, norms[:, -1])
    np.testing.assert_array_equal(activations.output, model.predict(VECTORS, verbose=0))


@pytest.mark.parametrize("length", [6, None])
def test_a_step_that_is_taken_from_a_series_with_time_first(length):
    def loop(own, x):
        series = tf.transpose(x, (1, 0, 2))

        def body(i, y):
            return i + 1, own.refined(y + tf.gather(series, i))

        return tf.while_loop(lambda i, y: i < tf.shape(series)[0], body, (0, tf.zeros_like(x[:, 0])))[1]

    model = model_of(loop, (length, 4))
    own, state, norms = model.layers[0], np.zeros((3, 4), np.float32), []
    for at in range(6):
        state = np.asarray(own.refined(state + SERIES[:, at]))
        norms.append(state)
    same(extract(model, SERIES)["loop/norm"].values, np.stack(norms, axis=1))


def test_a_cell_of_keras_in_a_scan():
    class Scanning(keras.Model):
        def __init__(self):
            super().__init__()
            self.cell, self.head = layers.LSTMCell(4, name="cell"), layers.Dense(2, name="head")

        def call(self, series):
            def step(states, now):
                _, states = self.cell(now, list(states))
                return tuple(states), tuple(states)

            zeros = ops.zeros((ops.shape(series)[0], 4))
            (hidden, _), _ = ops.scan(step, (zeros, zeros), ops.transpose(series, (1, 0, 2)))
            return self.head(hidden)

    model = Scanning()
    model(SERIES)
    activations = extract(model, SERIES)
    states, hidden = [np.zeros((3, 4), np.float32)] * 2, []
    for at in range(6):
        answer, states = model.cell(SERIES[:, at], states)
        hidden.append(np.asarray(answer))
    same(activations["cell[0]"].values, np.stack(hidden, axis=1))
    same(activations["head"].values, model.head(hidden[-1]))
    assert activations["head"].layer.inputs_from == ("cell[0]",)


def test_a_layer_that_is_called_twice_in_each_step():
    model = model_of(REFINING["ops.scan"])
    activations = extract(model, VECTORS)
    steps, _ = refined_by_hand(model.layers[0], VECTORS, 3)
    same(activations["loop/step"].values, steps)
    same(activations["loop/step#2"].values, steps)


def test_a_layer_that_is_called_outside_of_the_loop_too():
    def loop(own, x):
        return own.step(ops.fori_loop(0, 3, lambda i, y: own.refined(y), own.step(x)))

    model = model_of(loop)
    own = model.layers[0]
    activations = extract(model, VECTORS)

    before = np.asarray(own.step(VECTORS))
    steps, norms = refined_by_hand(own, before, 3)
    same(activations["loop/step"].values, before)
    same(activations["loop/step#2"].values, steps)
    same(activations["loop/step#3"].values, own.step(norms[:, -1]))
    assert activations["loop/step#3"].layer.inputs_from == ("loop/norm",)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_goes_over_time(reverse):
    def loop(own, x):
        def step(state, now):
            state = own.refined(state + now)
            return state, state

        over_time = ops.transpose(x, (1, 0, 2))
        return ops.transpose(ops.scan(step, ops.zeros_like(x[:, 0]), over_time, reverse=reverse)[1], (1, 0, 2))

    model = model_of(loop, (6, 4))
    own = model.layers[0]
    activations = extract(model, SERIES)

    state, norms = np.zeros((3, 4), np.float32), {}
    for at in reversed(range(6)) if reverse else range(6):
        norms[at] = state = np.asarray(own.refined(state + SERIES[:, at]))
    same(activations["loop/norm"].values, np.stack([norms[at] for at in range(6)], axis=1))
    same(activations["loop"].values, activations["loop/norm"].values)


MAPS = {"tf.map_fn": tf.map_fn, "ops.map": ops.map, "tf.vectorized_map": tf.vectorized_map,
        "ops.vectorized_map": ops.vectorized_map}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
class TestMaps:
    def test_over_samples_there_is_a_row_for_each(self, name):
        model = model_of(lambda own, x: MAPS[name](lambda row: own.refined(row[None])[0], x))
        own, activations = model.layers[0], extract(model, VECTORS)

        steps = np.concatenate([own.step(row[None]) for row in VECTORS])
        same(activations["loop/step"].values, steps)
        same(activations["loop/norm"].values, own.norm(steps))
        assert activations["loop/step"].axes == ("sample", "unit")
        np.testing.assert_array_equal(activations.output, model.predict(VECTORS, verbose=0))
        check_fidelity(Extractor(model), VECTORS)

    def test_over_samples_of_several_pieces_each(self, name):
        model = model_of(lambda own, x: MAPS[name](own.refined, x), (6, 4))
        own, activations = model.layers[0], extract(model, SERIES)

        same(activations["loop/step"].values, own.step(SERIES))
        assert activations["loop/step"].axes == ("sample", "axis1", "unit")
        check_fidelity(Extractor(model), SERIES)

    def test_over_as_many_pieces_as_samples(self, name):
        model = model_of(lambda own, x: MAPS[name](own.refined, x), (None, 4))
        own = model.layers[0]
        for series in (SERIES[:, :3], SERIES[:1], SERIES):
            same(extract(model, series)["loop/step"].values, own.step(series))

    def test_over_pieces_of_all_samples(self, name):
        def loop(own, x):
            return ops.transpose(MAPS[name](own.refined, ops.transpose(x, (1, 0, 2))), (1, 0, 2))

        for length in (6, None):
            model = model_of(loop, (length, 4))
            own, activations = model.layers[0], extract(model, SERIES)
            same(activations["loop/step"].values, own.step(SERIES))
            same(extract(model, SERIES[:, :3])["loop/step"].values, own.step(SERIES[:, :3]))
            same(activations["loop"].values, own.refined(SERIES))

    def test_survey(self, name):
        model = model_of(lambda own, x: MAPS[name](lambda row: own.refined(row[None])[0], x))
        reductions, _ = Extractor(model).reduce(VECTORS)
        same(reductions["loop/step"][1].mean, model.layers[0].step(VECTORS))


def test_crops_of_pictures():
    class OverCrops(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = layers.Conv2D(2, 3, name="conv")
            self.head = layers.Dense(3, name="head")
            self.conv.build((None, 5, 5, 1))

        def call(self, pictures):
            crops = tf.stack([pictures[:, :5, :5], pictures[:, 3:, 3:]], axis=1)
            maps = tf.map_fn(self.conv, crops)
            return self.head(ops.mean(maps, axis=(1, 2, 3)))

    pictures = RANDOM.normal(size=(3, 8, 8, 1)).astype(np.float32)
    model = OverCrops()
    activations = extract(model, pictures)

    expected = np.stack([model.conv(pictures[:, :5, :5]), model.conv(pictures[:, 3:, 3:])], axis=1)
    same(activations["conv"].values, expected)
    assert activations["conv"].axes == ("sample", "axis1", "height", "width", "channel")
    assert activations["head"].layer.inputs_from == ("conv",)


@keras.saving.register_keras_serializable("test_loops")
class Cell(layers.Layer):
    """A cell of two Dense and a LayerNormalization."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.state_size = self.output_size = units
        self.given = layers.Dense(units, name="given")
        self.recalled = layers.Dense(units, name="recalled")
        self.norm = layers.LayerNormalization(name="norm")

    def build(self, shape):
        self.given.build(shape)
        self.recalled.build((None, self.state_size))
        self.norm.build((None, self.state_size))
        self.built = True

    def call(self, x, states):
        state = self.norm(ops.tanh(self.given(x) + self.recalled(states[0])))
        return 2 * state, [state]

    def get_config(self):
        return {**super().get_config(), "units": self.state_size}


PARTS = ("given", "recalled", "norm")


def by_cell(cell, series, mask=None):
    """Return what a cell and its layers answer over time: a Python loop, which carries the state over padding."""
    state = np.zeros((len(series), cell.state_size), np.float32)
    values = {"cell": [], **{part: [] for part in PARTS}}
    for at in range(series.shape[1]):
        values["given"].append(np.asarray(cell.given(series[:, at])))
        values["recalled"].append(np.asarray(cell.recalled(state)))
        values["norm"].append(np.asarray(cell.norm(np.tanh(values["given"][-1] + values["recalled"][-1]))))
        values["cell"].append(2 * values["norm"][-1])
        new = values["norm"][-1]
        state = new if mask is None else np.where(mask[:, at, None], new, state)
    return {part: np.stack(steps, axis=1) for part, steps in values.items()}


def recurrent(*before, length=6, **settings):
    cell = Cell(5, name="cell")
    rnn = layers.RNN(cell, name="rnn", **settings)
    return keras.Sequential([keras.Input((length, 4), name="x"), *before, rnn, layers.Dense(2, name="after")]), cell


@pytest.mark.parametrize("length", [6, None])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("unroll", [True, False])
def test_a_cell_made_of_layers(length, sequences, unroll):
    if unroll and not length:
        length = 6
    model, cell = recurrent(length=length, return_sequences=sequences, unroll=unroll)
    activations = extract(model, SERIES, internals=True)

    expected = by_cell(cell, SERIES)
    same(activations["rnn/cell"].values, expected["cell"])
    for part in PARTS:
        same(activations[f"rnn/cell/{part}"].values, expected[part])
        assert activations[f"rnn/cell/{part}"].axes == OVER_TIME
    same(activations["rnn:hidden_state"].values, expected["norm"])
    np.testing.assert_array_equal(activations.output, model.predict(SERIES, verbose=0))
    check_fidelity(Extractor(model), SERIES)
    rows = {layer.key: layer for layer in Extractor(model).layers}
    keys = ["rnn", "rnn/cell", "rnn/cell/given", "rnn/cell/recalled", "rnn/cell/norm", "after"]
    assert list(rows) == keys
    assert rows["rnn/cell/norm"].inputs_from == ("rnn/cell/given", "rnn/cell/recalled")
    assert rows["rnn/cell/given"].inputs_from == ("input:x",)
    assert rows["rnn/cell/norm"].parent == "rnn/cell"
    assert rows["after"].inputs_from == ("rnn",)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("unroll", [True, False])
def test_steps_of_padding_are_marked(backwards, unroll):
    series = SERIES.copy()
    series[0, 4:] = series[2, 1:] = 0
    settings = {"return_sequences": True, "go_backwards": backwards, "unroll": unroll}
    model, cell = recurrent(layers.Masking(name="masking"), **settings)
    activations = extract(model, series)

    in_order = series[:, ::-1] if backwards else series
    mask = (in_order != 0).any(axis=-1)
    expected = by_cell(cell, in_order, mask)
    for key in ("rnn/cell", *(f"rnn/cell/{part}" for part in PARTS)):
        assert activations[key].mask.tolist() == mask.tolist() == activations["rnn"].mask.tolist()
        same(activations[key].values, expected[key.rpartition("/")[2]])
    reduction = Extractor(model).reduce(series)[0]["rnn/cell/norm"][1]
    same(reduction.mean, [values[valid].mean(axis=0) for values, valid in zip(expected["norm"], mask, strict=True)])


def test_a_stack_of_cells():
    cells = [Cell(5, name="first"), layers.LSTMCell(3, name="lstm"), Cell(2, name="last")]
    model = keras.Sequential([keras.Input((6, 4)), layers.RNN(cells, return_sequences=True, name="rnn")])
    activations = extract(model, SERIES, internals=True)

    first = by_cell(cells[0], SERIES)
    hidden = activations["rnn/lstm:hidden_state"].values
    last = by_cell(cells[2], hidden)
    for part in PARTS:
        same(activations[f"rnn/first/{part}"].values, first[part])
        same(activations[f"rnn/last/{part}"].values, last[part])
    same(activations["rnn"].values, last["cell"])


def test_both_directions():
    forward = layers.RNN(Cell(5, name="cell"), return_sequences=True, name="rnn")
    both = layers.Bidirectional(forward, name="both")
    model = keras.Sequential([keras.Input((6, 4)), both])
    activations = extract(model, SERIES)

    same(activations["both/forward_rnn/cell/norm"].values, by_cell(both.forward_layer.cell, SERIES)["norm"])
    # In the order in which that layer goes, as its own answer.
    backward = by_cell(both.backward_layer.cell, SERIES[:, ::-1])
    same(activations["both/backward_rnn/cell/norm"].values, backward["norm"])
    same(activations["both/backward_rnn"].values, backward["cell"])


@pytest.mark.parametrize("length", [2, None])
def test_a_recurrent_layer_at_each_timestep(length):
    rnn = layers.RNN(Cell(5, name="cell"))
    model = keras.Sequential([keras.Input((length, 6, 4)), layers.TimeDistributed(rnn, name="each")])
    films = np.stack([SERIES, -SERIES], axis=1)
    activation = extract(model, films)["each/cell/norm"]

    same(activation.values, np.stack([by_cell(rnn.cell, films[:, at])["norm"] for at in range(2)], axis=1))
    assert activation.axes == ("sample", "time", "step", "unit")


def test_a_model_that_is_trained_saved_and_opened(tmp_path):
    model, _ = recurrent(return_sequences=False)
    model.compile("adam", "mse")
    model.fit(SERIES, VECTORS[:, :2], epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    opened = core.load_model(tmp_path / "model.keras", trust=[sys.modules[__name__]])
    activations = extract(opened, SERIES)

    expected = by_cell(opened.layers[0].cell, SERIES)
    for part in PARTS:
        same(activations[f"rnn/cell/{part}"].values, expected[part])
    same(activations.output, model.predict(SERIES, verbose=0))


def test_a_model_that_looks_at_values_runs_eagerly_with_the_same_rows():
    class Looking(keras.Model):
        def __init__(self, loop):
            super().__init__()
            self.looping = Looping(loop, name="loop")
            self.looping.build((None, 4))

        def call(self, x):
            answer = self.looping(x)
            return answer if float(ops.max(answer)) > -1e9 else x

    for loop in (REFINING["tf.while_loop"], REFINING["ops.fori_loop"]):
        looking = Looking(loop)
        activations = extract(looking, VECTORS)
        steps, norms = refined_by_hand(looking.looping, VECTORS, 3)
        same(activations["loop/step"].values, steps)
        same(activations["loop/norm"].values, norms)


def test_a_loop_in_a_loop():
    def loop(own, x):
        def outer(i, y):
            return ops.fori_loop(0, 2, lambda j, z: own.step(z), own.norm(y))

        return ops.fori_loop(0, 3, outer, x)

    model = model_of(loop)
    own, activations = model.layers[0], extract(model, VECTORS)

    x, norms, steps = VECTORS, [], []
    for _ in range(3):
        norms.append(np.asarray(own.norm(x)))
        inner = [np.asarray(own.step(norms[-1]))]
        inner.append(np.asarray(own.step(inner[0])))
        steps.append(np.stack(inner, axis=1))
        x = inner[1]
    same(activations["loop/norm"].values, np.stack(norms, axis=1))
    same(activations["loop/step"].values, np.stack(steps, axis=1))
    assert activations["loop/step"].axes == ("sample", "time", "step", "unit")


class TestWhatIsDoneToLayersInside:
    """Units are set at every step; a change and a gradient by all steps at once are refused, with the reason."""

    def test_a_clamp_in_a_while_loop(self):
        model = model_of(REFINING["tf.while_loop"])
        own = model.layers[0]
        clamped = Extractor(model).extract(VECTORS, clamp={"loop/step": {1: 0.5, 3: 0.0}})

        x, steps = VECTORS, []
        for _ in range(3):
            steps.append(np.asarray(own.step(x)) * np.float32([1, 0, 1, 0]) + np.float32([0, 0.5, 0, 0]))
            x = np.asarray(own.norm(steps[-1]))
        same(clamped["loop/step"].values, np.stack(steps, axis=1))
        same(clamped["loop"].values, x)

    @pytest.mark.parametrize("unroll", [True, False])
    def test_a_clamp_in_a_cell(self, unroll):
        model, cell = recurrent(unroll=unroll)
        clamped = Extractor(model).extract(SERIES, clamp={"rnn/cell/given": {2: 9.0}})

        kernel, bias = cell.given.get_weights()
        kernel[:, 2], bias[2] = 0, 9
        cell.given.set_weights([kernel, bias])
        expected = by_cell(cell, SERIES)
        same(clamped["rnn/cell/norm"].values, expected["norm"])
        same(clamped["rnn"].values, expected["cell"][:, -1])

    @pytest.mark.parametrize("name", MAPS)
    def test_a_clamp_in_a_map(self, name):
        model = model_of(lambda own, x: MAPS[name](lambda row: own.refined(row[None])[0], x))
        clamped = Extractor(model).extract(VECTORS, clamp={"loop/step": {1: 0.5}})

        steps = np.array(model.layers[0].step(VECTORS))
        steps[:, 1] = 0.5
        same(clamped["loop/step"].values, steps)
        same(clamped["loop"].values, model.layers[0].norm(steps))

    def test_ablation_is_refused(self):
        with pytest.raises(InputRejected, match=r"each step of a loop alone.*Choose 'loop', which it is in"):
            ablate(Extractor(model_of(REFINING["tf.while_loop"])), VECTORS, "loop/step", 2)
        with pytest.raises(InputRejected, match=r"each step of a loop alone.*Choose 'rnn', which it is in"):
            ablate(Extractor(recurrent()[0]), SERIES, "rnn/cell/norm", 2)

    def test_a_gradient_by_a_layer_inside_is_refused(self):
        model, _ = recurrent(return_sequences=True)
        with pytest.raises(NoGradient, match="each step of a loop alone"):
            class_activation_map(Extractor(model), SERIES[:1], Target("after", 1), "rnn/cell/norm")

    def test_a_gradient_of_a_layer_inside(self):
        model, cell = recurrent()
        spec = PassSpec("rnn/cell/norm", points=("input:x",))
        gradient = run_pass(Extractor(model), SERIES, spec, units=1).gradients["input:x"]

        series = tf.constant(SERIES)
        with tf.GradientTape() as tape:
            tape.watch(series)
            state, total = tf.zeros((3, 5)), 0.0
            for at in range(6):
                _, (state,) = cell(series[:, at], [state])
                total += state[:, 1]
        by_hand = tape.gradient(total, series).numpy()
        # The mean over time, or the sum: of what it is a matter of the pass.
        ratio = np.median(gradient / by_hand)
        same(gradient, by_hand * ratio)
        assert ratio == pytest.approx(1, abs=1e-3) or ratio == pytest.approx(1 / 6, abs=1e-3)

    def test_gradients_of_what_comes_after_are_those_of_the_model(self):
        for model in (recurrent()[0], model_of(REFINING["tf.while_loop"], (4,))):
            inputs = SERIES if model.input_shape[1:] == (6, 4) else VECTORS
            gradients = run_pass(Extractor(model), inputs, PassSpec("after", points=("input:x",)), units=1).gradients
            x = tf.constant(inputs)
            with tf.GradientTape() as tape:
                tape.watch(x)
                answer = model(x)[:, 1]
            same(gradients["input:x"], tape.gradient(answer, x).numpy())


class TestReasons:
    """Why a layer inside of a loop has no values, where it has none."""

    def missing(self, model, inputs, key, **settings):
        extractor = Extractor(model)
        activations = extractor.extract(inputs, **settings)
        np.testing.assert_allclose(activations.output, model.predict(inputs, verbose=0), rtol=1e-5, atol=1e-6)
        assert key not in activations
        return next(layer.missing for layer in activations.layers if layer.key == key)

    def test_a_layer_under_a_condition(self):
        def loop(own, x):
            def body(i, y):
                return i + 1, tf.cond(i > 1, lambda: own.step(y), lambda: own.norm(y))

            return tf.while_loop(lambda i, y: i < 3, body, (0, x))[1]

        model = model_of(loop)
        for key in ("loop/step", "loop/norm"):
            assert "branch of the graph that is not always taken" in self.missing(model, VECTORS, key)

    def test_a_condition_outside_of_a_loop(self):
        model = model_of(lambda own, x: tf.cond(tf.reduce_sum(x) > 0, lambda: own.step(x), lambda: own.norm(x)))
        assert "branch of the graph" in self.missing(model, VECTORS, "loop/step")

    def test_steps_that_differ_in_extent(self):
        def loop(own, x):
            def body(i, y):
                return i + 1, tf.concat([y, own.step(y[:, -1:])], axis=1) + 0 * tf.reduce_sum(own.norm(y))

            shapes = (tf.TensorShape([]), tf.TensorShape([None, None, 4]))
            return tf.while_loop(lambda i, y: i < 3, body, (0, x), shape_invariants=shapes)[1]

        model = model_of(loop, (6, 4))
        assert "depends on the values" in self.missing(model, SERIES, "loop/norm")
        # What has the same extents at each step has values all the same.
        assert extract(model, SERIES)["loop/step"].shape == (3, 3, 1, 4)

    def test_a_loop_that_makes_no_step(self):
        model = model_of(
            lambda own, x: tf.while_loop(lambda y: tf.reduce_sum(y) > 1e9, lambda y: [own.step(y)], [x])[0]
        )
        assert "made no step" in self.missing(model, VECTORS, "loop/step")
        assert "made no step" in self.missing(model, VECTORS, "loop/step", batch_size=2)

    def test_a_loop_that_makes_more_steps_than_may_be_kept(self, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_KEPT_BYTES", "100KB")
        model = model_of(
            lambda own, x: tf.while_loop(lambda i, y: i < 2000, lambda i, y: (i + 1, own.refined(y)), (0, x))[1]
        )
        assert "more in all steps than may be kept" in self.missing(model, VECTORS, "loop/step")
        # Of fewer samples there is less.
        monkeypatch.setenv("LAYERSCOPE_KEPT_BYTES", "100MB")
        assert Extractor(model).extract(VECTORS)["loop/step"].shape == (3, 2000, 4)

    def test_as_many_steps_as_values_ask_for(self):
        def loop(own, x):
            return tf.while_loop(lambda y: tf.reduce_max(tf.abs(y)) < 10, lambda y: [2 * y + 0 * own.step(y)], [x])[0]

        model = model_of(loop)
        few, many = Extractor(model).extract(VECTORS), Extractor(model).extract(VECTORS / 100)
        assert few["loop/step"].shape[1] < many["loop/step"].shape[1]
        cost = Extractor(model).cost(VECTORS / 100)
        assert cost["loop/step"] > 0


class TestWhatStepsAre:
    """Words and padding of what went in belong to the timesteps of a sequence, and to no other steps."""

    IDS = np.array([[3, 1, 2], [4, 2, 0]])

    def over_words(self, layer):
        ids = keras.Input((3,), dtype="int32", name="ids")
        embedded = layers.Embedding(6, 4, mask_zero=True, name="embedded")(ids)
        model = keras.Model(ids, layer(embedded))
        return extract(model, self.IDS)

    @pytest.mark.parametrize("backwards", [False, True])
    def test_timesteps_of_a_recurrent_layer(self, backwards):
        activations = self.over_words(layers.RNN(Cell(2, name="cell"), go_backwards=backwards, name="rnn"))
        words = ("3", "1", "2"), ("4", "2", "")
        for sample, expected in enumerate(words):
            told = step_words(activations["rnn/cell/norm"].sample(sample))
            assert told == (expected[::-1] if backwards else expected)

    def test_steps_of_another_loop(self):
        def loop(own, x):
            return ops.fori_loop(0, 3, lambda i, y: own.refined(y), x[:, 0])

        activations = self.over_words(Looping(loop, name="loop"))
        answer = activations["loop/norm"]
        assert answer.axes == OVER_TIME
        assert answer.shape == (2, 3, 4)
        assert step_words(answer.sample(0)) is None
        assert shown_steps(answer).all()
        assert answer.layer.loop == "steps"


@pytest.mark.parametrize("stateful", [False, True])
def test_a_number_of_samples_that_was_declared(stateful):
    cell = Cell(5, name="cell")
    rnn = layers.RNN(cell, stateful=stateful, name="rnn")
    model = keras.Sequential([keras.Input((6, 4), batch_size=3), rnn])
    activations = extract(model, SERIES)

    for part, values in by_cell(cell, SERIES).items():
        key = "rnn/cell" if part == "cell" else f"rnn/cell/{part}"
        same(activations[key].values, values)
        assert activations[key].axes == OVER_TIME


class TestOnlyWhatIsAskedFor:
    """A loop returns what is kept of it, and the other layers are listed all the same."""

    @pytest.mark.parametrize("key", ["rnn/cell", "rnn/cell/norm", "after"])
    def test_one_layer(self, key):
        model, cell = recurrent()
        activations = Extractor(model).extract(SERIES, layers=[key])

        assert list(activations) == [key]
        expected = by_cell(cell, SERIES) | {"after": model.predict(SERIES, verbose=0)}
        same(activations[key].values, expected[key.rpartition("/")[2]])
        rows = {layer.key: layer for layer in activations.layers}
        assert rows == {layer.key: layer for layer in Extractor(model).layers}
        with pytest.raises(KeyError, match="no layer 'rnn/cell/zzz'"):
            extract(model, SERIES, layers=["rnn/cell/zzz"])

    def test_a_clamp_of_what_is_not_kept(self):
        for model, key in ((recurrent()[0], "rnn/cell/norm"), (model_of(REFINING["tf.while_loop"]), "loop/step")):
            inputs = SERIES if "rnn" in key else VECTORS
            extractor = Extractor(model)
            whole = extractor.extract(inputs, clamp={key: {1: 2.0}})
            after = extractor.extract(inputs, clamp={key: {1: 2.0}}, layers=["after"])
            same(after["after"].values, whole["after"].values)
            assert np.abs(after["after"].values - extractor.extract(inputs)["after"].values).max() > 1e-3

    def test_a_branch_is_listed_with_its_reason(self):
        model = model_of(
            lambda own, x: ops.fori_loop(0, 2, lambda i, y: tf.cond(i > 0, lambda: own.step(y), lambda: y), x)
        )
        activations = extract(model, VECTORS, layers=["after"])
        assert "branch" in {layer.key: layer for layer in activations.layers}["loop/step"].missing
