import keras
import numpy as np
import pytest

import core
from core.analysis.recurrence import OverTime, over_time, refuse_without_gates, refuse_without_states
from core.extraction.activation import Activation

VALUES = np.array([[0.96, 0.5], [0.97, 0.01], [0.99, 0.5], [0.5, 0.5], [0.01, np.nan]])


def parts(layer, name, shape=(2, 5, 2)):
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    activation = core.extract(model, np.ones(shape, np.float32), internals=True)[name]
    return over_time(activation.sample(0))


def test_gates_come_first_and_what_is_answered_comes_last():
    assert [part.part for part in parts(keras.layers.LSTM(3, name="r"), "r")] == [
        "input_gate",
        "forget_gate",
        "candidate",
        "output_gate",
        "cell_state",
        "hidden_state",
    ]
    found = parts(keras.layers.GRU(3, name="r"), "r")
    assert [part.title for part in found] == ["Update gate", "Reset gate", "Candidate", "Hidden state"]
    assert [(part.is_gate, part.is_state) for part in found] == [
        (True, False),
        (True, False),
        (False, False),
        (False, True),
    ]


def test_cells_of_a_stack_keep_their_order():
    cells = [keras.layers.GRUCell(3, name="z"), keras.layers.SimpleRNNCell(2, name="a")]
    found = parts(keras.layers.RNN(cells, name="r"), "r")

    assert [part.title for part in found] == [
        "z · update gate",
        "z · reset gate",
        "z · candidate",
        "z · hidden state",
        "a · hidden state",
    ]
    assert [part.values.shape for part in found] == [(5, 3)] * 4 + [(5, 2)]


def test_saturation_leaves_out_masked_steps_and_what_is_no_number():
    shown = np.array([True, True, True, True, True])

    assert OverTime("forget_gate", "", VALUES, shown).saturation(0) == (0.6, 0.2)
    assert OverTime("forget_gate", "", VALUES, shown).saturation(1) == (0.0, 0.25)
    assert OverTime("forget_gate", "", VALUES, np.array([True, False, False, True, False])).saturation(0) == (0.5, 0.0)
    assert OverTime("forget_gate", "", VALUES, np.zeros(5, bool)).saturation(0) is None


def test_what_has_other_axes_is_left_out(make_activation):
    whole = make_activation(np.zeros((1, 3)), bases=("ConvLSTM2D", "ConvLSTM", "RNN", "Layer"))
    image = make_activation(np.zeros((1, 2, 3, 3, 1)), axes=("sample", "time", "height", "width", "channel"))
    activation = Activation("k", whole.values, whole.axes, whole.layer, internals={"hidden_state": image})

    assert over_time(activation.sample(0)) == ()


@pytest.mark.parametrize(
    ("internals", "bases", "gates", "states"),
    [
        (("r:hidden_state", "r:forget_gate"), ("LSTM", "RNN", "Layer"), True, True),
        (("r/cell:update_gate",), ("RNN", "Layer"), True, True),
        (("r:hidden_state",), ("SimpleRNN", "RNN", "Layer"), False, True),
        (("r:hidden_state",), ("ConvLSTM2D", "ConvLSTM", "RNN", "Layer"), False, False),
        ((), ("RNN", "Layer"), False, False),
    ],
)
def test_reasons(make_activation, internals, bases, gates, states):
    activation = make_activation(np.zeros((1, 3)), bases=bases, internals=internals)

    assert (refuse_without_gates(activation) == "") is gates
    assert (refuse_without_states(activation) == "") is states
