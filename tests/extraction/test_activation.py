import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from core.extraction.activation import Activation, Activations
from core.extraction.extractor import extract
from core.extraction.layers import LayerInfo
from core.inputs.sample_context import SampleContext


def describe(key="layer", index=None, missing=""):
    return LayerInfo(key, key, index, "Dense", ("Dense", "Layer"), (None, 3), missing=missing)


def numbers(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


class TestActivation:
    def test_axes_must_name_every_axis(self):
        with pytest.raises(ValueError, match=r"2 axes .* the values have 3"):
            Activation("layer", numbers(2, 3, 4), ("sample", "unit"), describe())

    def test_describes_itself(self, make_activation):
        activation = make_activation(numbers(2, 3, 4), key="lstm", bases=("LSTM", "RNN", "Layer"))

        assert activation.shape == (2, 3, 4)
        assert activation.rank == 3
        assert activation.axes == ("sample", "time", "unit")
        assert activation.extent("time") == 3
        assert activation.extent("channel") == 0
        assert activation.byte_count == 2 * 3 * 4 * 4
        assert repr(activation) == "Activation('lstm', LSTM, sample=2, time=3, unit=4)"

    @pytest.mark.parametrize("source", [numbers(2, 3), tf.constant(numbers(2, 3))])
    def test_values_are_a_read_only_view(self, source):
        activation = Activation("layer", source, ("sample", "unit"), describe())

        np.testing.assert_array_equal(activation.values, numbers(2, 3))
        assert not activation.values.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            activation.values[0] = 1
        assert activation.values is activation.values

    def test_the_callers_own_array_stays_writeable(self):
        mine = numbers(2, 3)
        Activation("layer", mine, ("sample", "unit"), describe()).values.sum()

        mine[0, 0] = 7

    @pytest.mark.parametrize("name", ["key", "axes", "layer", "part", "mask", "context", "values", "shape"])
    def test_nothing_about_it_can_be_set(self, make_activation, name):
        with pytest.raises(AttributeError):
            setattr(make_activation(numbers(2, 3)), name, None)

    def test_sample_drops_the_sample_axis_and_keeps_the_context(self, make_activation):
        context = SampleContext({"x": numbers(3, 5)}, np.array([4, 5, 6]), ("a",), first=10)
        mask = np.array([[True, False], [False, False], [True, True]])
        activation = make_activation(numbers(3, 2, 4), mask=mask, context=context)

        third = activation.sample(2)

        assert third.axes == ("time", "unit")
        np.testing.assert_array_equal(third.values, numbers(3, 2, 4)[2])
        np.testing.assert_array_equal(third.mask, [True, True])
        np.testing.assert_array_equal(third.context.inputs["x"], numbers(3, 5)[2:])
        np.testing.assert_array_equal(third.context.labels, [6])
        assert third.context.first == 12
        assert third.context.class_names == ("a",)
        assert not third.values.flags.writeable

    @pytest.mark.parametrize("index", [-1, 3])
    def test_a_sample_that_is_not_there(self, make_activation, index):
        with pytest.raises(IndexError, match="samples 0 to 2"):
            make_activation(numbers(3, 2)).sample(index)

    @pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4, 5), (2, 0)])
    def test_a_frame_has_a_row_per_number(self, make_activation, shape):
        activation = make_activation(numbers(*shape))
        frame = activation.to_frame()

        assert list(frame.columns) == [*activation.axes, "value"]
        assert len(frame) == activation.values.size
        for row in frame.itertuples(index=False):
            *position, value = row
            assert activation.values[tuple(map(int, position))] == value

    def test_a_single_number_has_a_frame_too(self, make_activation):
        frame = make_activation(numbers(4)).sample(2).to_frame()

        pd.testing.assert_frame_equal(frame, pd.DataFrame({"value": np.array([2], np.float32)}))

    def test_is_an_array_to_numpy(self, make_activation):
        activation = make_activation(numbers(2, 3))

        assert np.shares_memory(np.asarray(activation), activation.values)
        copy = np.array(activation, dtype=np.float64)
        copy[0] = 9
        assert activation.values[0, 1] == 1

    def test_half_precision(self):
        half = Activation("layer", tf.constant([[1.5]], tf.float16), ("sample", "unit"), describe())
        brain = Activation("layer", tf.constant([[1.5]], tf.bfloat16), ("sample", "unit"), describe())

        assert half.values.dtype == np.float16
        assert brain.values.dtype == np.float32
        assert half.values == brain.values == 1.5
        assert half.byte_count == 2

    def test_text_is_text(self):
        activation = Activation("layer", tf.constant([["früh", "b"]]), ("sample", "unit"), describe())

        assert activation.values.tolist() == [["früh", "b"]]
        assert not activation.is_numeric
        assert Activation("layer", tf.constant([[True]]), ("sample", "unit"), describe()).is_numeric

    def test_a_notebook_shows_its_best_chart(self, make_activation):
        shown = make_activation(numbers(2, 3))._repr_mimebundle_()

        bundle = shown[0] if isinstance(shown, tuple) else shown
        assert any("vega" in kind or kind == "text/html" for kind in bundle)


class TestActivations:
    @pytest.fixture
    def activations(self):
        def answer(key, index):
            return Activation(key, numbers(2, 3), ("sample", "unit"), describe(key, index))

        answers = [answer("a", 1), answer("b[0]", 2), answer("b[1]", 2), answer("inner/c", None)]
        layers = [each.layer for each in answers] + [describe("d", None, missing="it never ends"), describe("last", 4)]
        return Activations(answers, "output", layers)

    def test_is_a_mapping_in_call_order(self, activations):
        assert list(activations) == ["a", "b[0]", "b[1]", "inner/c"]
        assert len(activations) == 4
        assert "a" in activations
        assert activations.get("zzz") is None
        assert activations.output == "output"
        assert [layer.key for layer in activations.layers][-2:] == ["d", "last"]

    def test_an_unknown_key_is_answered_with_the_known_ones(self, activations):
        with pytest.raises(KeyError, match=r"no layer 'zzz'; there are: a, b\[0\]"):
            activations["zzz"]

    def test_a_layer_without_values_says_why(self, activations):
        with pytest.raises(KeyError, match="'d' has no values: it never ends"):
            activations["d"]

    def test_by_position(self, activations):
        assert activations.at(1).key == "a"
        assert activations.at(-4).key == "a"

    def test_of_several_outputs_the_first(self, activations):
        assert activations.at(2).key == activations.at(-3).key == "b[0]"

    @pytest.mark.parametrize("index", [0, 3, 4, -1, 9, -9])
    def test_a_position_without_values(self, activations, index):
        with pytest.raises(IndexError, match=r"recorded positions: \[1, 2\]"):
            activations.at(index)


def test_masks_do_not_stand_in_the_way_of_values():
    layer = keras.layers.Embedding(5, 2, mask_zero=True)
    values = layer(np.array([[1, 0]]))

    assert Activation("layer", values, ("sample", "time", "unit"), describe()).values.shape == (1, 2, 2)


class TestCopies:
    """What is written and read again, in another process perhaps, is what was there."""

    COPY = pytest.mark.parametrize(
        "copied", [lambda each: pickle.loads(pickle.dumps(each)), copy.deepcopy], ids=["pickle", "deepcopy"]
    )

    @pytest.fixture(scope="class")
    @classmethod
    def activations(cls):
        inputs = keras.Input((6, 4), name="series")
        hidden = keras.layers.LSTM(3, return_sequences=True, name="lstm")(keras.layers.Masking(name="mask")(inputs))
        scores = keras.layers.Dense(2, activation="softmax", name="scores")(keras.layers.LSTM(2, name="last")(hidden))
        series = numbers(3, 6, 4)
        series[0, 4:] = 0
        labels = np.array([0, 1, 1])
        return extract(keras.Model(inputs, scores), series, internals=True, labels=labels, class_names=("no", "yes"))

    @COPY
    def test_of_a_whole_pass(self, activations, copied):
        again = copied(activations)

        assert list(again) == list(activations)
        assert again.layers == activations.layers
        np.testing.assert_array_equal(again.output, activations.output)
        for key, activation in activations.items():
            self.same(again[key], activation)
            assert [each.key for each in again[key].inputs] == [each.key for each in activation.inputs]
            assert list(again[key].internals) == list(activation.internals)
            assert again[key].activations is again
        assert again["last"].inputs[0] is again["lstm"]
        assert again["lstm"].internals["cell_state"] is again["lstm:cell_state"]

    @COPY
    def test_of_one_layer_holds_what_went_into_it_and_no_more(self, activations, copied):
        again = copied(activations["lstm"])

        self.same(again, activations["lstm"])
        self.same(again.inputs[0], activations["mask"])
        self.same(again.internals["cell_state"], activations["lstm:cell_state"])
        assert again.inputs[0].inputs == ()
        assert again.activations is None
        assert again.weights == {}

    @COPY
    def test_of_one_sample(self, activations, copied):
        one = activations["lstm"].sample(1)
        again = copied(one)

        self.same(again, one)
        self.same(again.inputs[0], one.inputs[0])
        assert again.context.labels.tolist() == [1]

    @COPY
    @pytest.mark.parametrize(
        ("source", "dtype"),
        [
            (tf.constant([["a", "ö"]]), "string"),
            (tf.constant([[1.5]], tf.bfloat16), "bfloat16"),
            (numbers(2, 3), "float32"),
        ],
    )
    def test_of_other_types(self, source, dtype, copied):
        activation = Activation("layer", source, ("sample", "unit"), describe())
        again = copied(activation)

        assert again.dtype == dtype
        np.testing.assert_array_equal(again.values, activation.values)
        with pytest.raises(ValueError, match="read-only"):
            again.values[0] = 1

    def test_of_a_deep_model(self):
        model = keras.Sequential([keras.Input((2,)), *(keras.layers.Dense(2) for _ in range(400))])
        activations = extract(model, numbers(1, 2))
        again = pickle.loads(pickle.dumps(activations))

        np.testing.assert_array_equal(again.at(-1).values, activations.at(-1).values)

    def test_in_a_process_that_has_no_tensorflow(self, activations, tmp_path):
        path = tmp_path / "activations.pickle"
        path.write_bytes(pickle.dumps(activations))
        code = (
            "import pickle, sys\nwith open(sys.argv[1], 'rb') as file: activations = pickle.load(file)\n"
            "assert not {'tensorflow', 'keras'} & set(sys.modules)\nprint(activations['scores'].values.tolist())"
        )
        root = Path(__file__).parents[2]
        run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True, cwd=root)

        assert json.loads(run.stdout) == activations["scores"].values.tolist()

    @pytest.mark.parametrize("name", ["answers.npz", "answers"])
    def test_saved_values(self, activations, tmp_path, name):
        path = activations.save(tmp_path / name)

        assert path == tmp_path / "answers.npz"
        with np.load(path) as arrays:
            assert set(arrays.files) == set(activations)
            for key, activation in activations.items():
                np.testing.assert_array_equal(arrays[key], activation.values)

    def same(self, again, activation):
        assert (again.key, again.axes, again.layer, again.part) == (
            activation.key,
            activation.axes,
            activation.layer,
            activation.part,
        )
        np.testing.assert_array_equal(again.values, activation.values)
        np.testing.assert_array_equal(again.shown, activation.shown)
        assert again.context.class_names == activation.context.class_names
        assert again.context.specs == activation.context.specs
        np.testing.assert_array_equal(again.context.labels, activation.context.labels)
        for name, array in activation.context.inputs.items():
            np.testing.assert_array_equal(again.context.inputs[name], array)


class TestOverTheStepsOfATraining:
    def test_a_moment_and_a_sample_of_it(self, make_activation):
        over_steps = make_activation("step=4 sample=3 unit=2")
        moment, sample = over_steps.at_step(2), over_steps.sample(1)

        assert (over_steps.steps, moment.steps, sample.steps) == ((0, 100, 200, 300), (), (0, 100, 200, 300))
        assert (moment.axes, sample.axes) == (("sample", "unit"), ("step", "unit"))
        np.testing.assert_array_equal(moment.values, over_steps.values[2])
        np.testing.assert_array_equal(sample.values, over_steps.values[:, 1])

    def test_it_keeps_its_steps_when_it_is_copied_or_changed(self, make_activation):
        over_steps = make_activation("step=4 sample=3 unit=2")

        assert pickle.loads(pickle.dumps(over_steps)).steps == over_steps.steps
        assert over_steps.mapped(np.negative).steps == over_steps.steps

    def test_what_is_not_there_is_refused(self, make_activation):
        over_steps = make_activation("step=4 unit=2")

        with pytest.raises(IndexError, match="has samples 0 to -1, not 0"):
            over_steps.sample(0)
        with pytest.raises(IndexError, match="has 4 steps, at 0 to 3, not 4"):
            over_steps.at_step(4)
        with pytest.raises(ValueError, match="1 steps are named, the values have 4"):
            Activation("layer", np.zeros((4, 2)), ("step", "unit"), over_steps.layer, steps=[5])

    def test_an_axis_of_that_name_elsewhere_is_another(self, make_activation):
        assert not make_activation("sample time step unit").is_over_steps
