import keras
import numpy as np
import pytest
import vl_convert

import core
from core.errors import PluginFailed
from core.plugins.registry import Registry

registry = Registry()
RANDOM = np.random.default_rng(0)


def drawn(activation, **options):
    specification = registry.draw("gates", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def extracted(*layers, values=None, internals=True):
    values = RANDOM.normal(size=(2, 6, 3)).astype(np.float32) if values is None else values
    model = keras.Sequential([keras.Input(values.shape[1:]), *layers])
    return core.extract(model, values, internals=internals).at(-1)


def series(specification):
    """Return the values of each panel by the panel's title, without its shares."""
    return {
        panel["title"]["text"].partition(" · open")[0]: [
            each["value"] for each in specification["datasets"][panel["data"]["name"]]
        ]
        for panel in specification["concat"]
    }


@pytest.mark.parametrize("return_sequences", [True, False])
def test_a_panel_per_gate_and_state_of_the_unit(return_sequences):
    activation = extracted(keras.layers.LSTM(4, return_sequences=return_sequences))
    specification = drawn(activation, sample=1, unit=2)
    panels = series(specification)

    assert list(panels) == ["Input gate", "Forget gate", "Candidate", "Output gate", "Cell state", "Hidden state"]
    for title, values in panels.items():
        part = title.lower().replace(" ", "_")
        np.testing.assert_allclose(values, activation.internals[part].values[1, :, 2], rtol=1e-6)
    np.testing.assert_allclose(panels["Hidden state"][-1], activation.values.reshape(2, -1, 4)[1, -1, 2], rtol=1e-5)
    assert specification["title"]["text"] == f"Unit 2 of 4 of {activation.key}, gate by gate"
    assert specification["title"]["subtitle"] == ["sample 1"]


def test_panels_share_time_and_gates_their_scale():
    specification = drawn(extracted(keras.layers.GRU(4)))
    encodings = [panel["layer"][1]["encoding"] for panel in specification["concat"]]

    assert {tuple(each["x"]["scale"]["domain"]) for each in encodings} == {(-0.5, 5.5)}
    assert {panel["width"] for panel in specification["concat"]} == {360}
    assert [each["y"]["scale"]["domain"] for each in encodings[:2]] == [[0, 1], [0, 1]]
    low, high = encodings[3]["y"]["scale"]["domain"]
    assert low == -high
    assert [each["x"]["axis"]["labels"] for each in encodings] == [False, False, True, True]


def test_says_how_long_a_gate_is_saturated():
    # The forget gate sees x + 0: 5 is open, -5 is shut, 0 is half open.
    layer = keras.layers.LSTM(1, recurrent_initializer="zeros", kernel_initializer="ones", unit_forget_bias=False)
    values = np.array([5, 5, -5, 0, 0], np.float32).reshape(1, 5, 1)
    titles = [panel["title"]["text"] for panel in drawn(extracted(layer, values=values))["concat"]]

    assert "Forget gate · open 40 %, shut 20 % of the time" in titles
    assert "Candidate" in titles


def test_masked_steps_are_left_out_and_said_so():
    layer = keras.layers.LSTM(1, recurrent_initializer="zeros", kernel_initializer="ones", unit_forget_bias=False)
    values = np.array([5, -5, 9, 9], np.float32).reshape(1, 4, 1)
    activation = extracted(keras.layers.Masking(9.0), layer, values=values)
    specification = drawn(activation)

    assert series(specification)["Forget gate"][2:] == [None, None]
    assert "Forget gate · open 50 %, shut 50 % of the time" in [
        panel["title"]["text"] for panel in specification["concat"]
    ]
    assert "2 of 4 timesteps are masked (padding) and left out" in specification["title"]["subtitle"]


def test_a_sample_that_is_all_padding():
    values = np.full((1, 4, 1), 9, np.float32)
    specification = drawn(extracted(keras.layers.Masking(9.0), keras.layers.GRU(2), values=values))

    assert specification["concat"][0]["title"]["text"] == "Update gate"
    assert "4 of 4 timesteps are masked (padding) and left out" in specification["title"]["subtitle"]


def test_cells_of_a_stack_follow_each_other():
    cells = [keras.layers.LSTMCell(2, name="one"), keras.layers.GRUCell(5, name="two")]
    specification = drawn(extracted(keras.layers.RNN(cells)), unit=4)

    assert list(series(specification))[:2] == ["one · input gate", "one · forget gate"]
    assert list(series(specification))[-1] == "two · hidden state"
    assert "one has fewer units: unit 1 is shown" in specification["title"]["subtitle"]


def test_both_halves_of_a_bidirectional():
    values = RANDOM.normal(size=(1, 5, 2)).astype(np.float32)
    layer = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True), name="both")
    activations = core.extract(keras.Sequential([keras.Input((5, 2)), layer]), values, internals=True)
    halves = [activation for key, activation in activations.items() if key.startswith("both/") and ":" not in key]

    assert len(halves) == 2
    for half in halves:
        assert len(series(drawn(half))) == 6


@pytest.mark.parametrize("unit", [-1, 7, None])
def test_a_unit_that_is_not_there(unit):
    specification = drawn(extracted(keras.layers.GRU(2)), unit=unit)

    assert specification["title"]["text"].startswith(("Unit 0 of 2", "Unit 1 of 2"))


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.GRU(1),
        keras.layers.LSTM(1, dtype="float16"),
        keras.layers.LSTM(1, dtype="mixed_bfloat16"),
        keras.layers.GRU(2, recurrent_activation="tanh"),
        keras.layers.LSTM(2, go_backwards=True),
        keras.layers.LSTM(2, return_state=True),
    ],
)
def test_one_timestep_and_other_kinds(layer):
    values = RANDOM.normal(size=(1, 1, 2)).astype(np.float32)

    assert len(series(drawn(extracted(layer, values=values)))["Candidate"]) == 1


def test_many_timesteps_are_thinned_and_extremes_stay():
    values = np.zeros((1, 5_000, 1), np.float32)
    values[0, 4_321] = 50
    layer = keras.layers.LSTM(1, recurrent_initializer="zeros", kernel_initializer="ones", unit_forget_bias=False)
    gate = series(drawn(extracted(layer, values=values)))["Output gate"]

    assert len(gate) < 1_100
    assert max(gate) == 1


def test_values_that_are_not_finite():
    values = np.ones((1, 4, 1), np.float32)
    values[0, 2] = np.nan
    specification = drawn(extracted(keras.layers.GRU(2), values=values))

    assert series(specification)["Update gate"][2:] == [None, None]
    assert "8 of 16 values are NaN or infinite" in specification["title"]["subtitle"]


def test_first_where_only_the_last_state_is_answered_and_after_the_lines_elsewhere():
    at_the_end = extracted(keras.layers.LSTM(3))
    at_every_step = extracted(keras.layers.LSTM(3, return_sequences=True))

    assert [each.name for each in registry.publish(at_the_end)][:2] == ["gates", "gate-heatmaps"]
    assert [each.name for each in registry.publish(at_every_step)][:3] == ["unit-lines", "gates", "gate-heatmaps"]


def test_refusals(make_activation):
    handles = registry.get("gates").handles
    simple = extracted(keras.layers.SimpleRNN(3))
    gate = extracted(keras.layers.LSTM(3)).internals["input_gate"]

    assert handles.match(simple).reason.startswith("takes recurrent layers with gates, such as LSTM and GRU")
    assert handles.match(gate).reason == "takes output, this is input_gate"
    assert handles.match(make_activation(np.zeros((1, 3)))).reason == "takes RNN layers, this is Dense"


def test_asks_for_internals_that_were_not_recorded():
    with pytest.raises(PluginFailed, match="was not recorded"):
        drawn(extracted(keras.layers.LSTM(3), internals=False))
