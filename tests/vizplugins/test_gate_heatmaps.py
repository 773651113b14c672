import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

registry = Registry()
RANDOM = np.random.default_rng(0)


def drawn(activation, **options):
    specification = registry.draw("gate-heatmaps", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def extracted(*layers, values=None):
    values = RANDOM.normal(size=(2, 6, 3)).astype(np.float32) if values is None else values
    model = keras.Sequential([keras.Input(values.shape[1:]), *layers])
    return core.extract(model, values, internals=True).at(-1)


def titles(specification):
    return [panel["title"]["text"] for panel in specification["concat"]]


def cells(specification, panel, layer=1):
    rows = specification["datasets"][specification["concat"][panel]["layer"][layer]["data"]["name"]]
    return [(each["unit"], each["timestep"], each["value"]) for each in rows]


def domain(specification, panel):
    return specification["concat"][panel]["layer"][1]["encoding"]["color"]["scale"]["domain"]


def test_a_heatmap_per_gate_and_state():
    activation = extracted(keras.layers.LSTM(4))
    specification = drawn(activation, sample=1)

    assert titles(specification) == [
        "Input gate",
        "Forget gate",
        "Candidate",
        "Output gate",
        "Cell state",
        "Hidden state",
    ]
    assert specification["columns"] == 2
    forget = activation.internals["forget_gate"].values[1]
    np.testing.assert_allclose(
        cells(specification, 1), [(unit, time, forget[time, unit]) for unit in range(4) for time in range(6)], rtol=1e-6
    )
    assert [picture.size for picture in pictures_in(specification)] == [(6, 4)] * 6
    assert specification["title"]["subtitle"] == ["sample 1"]


def test_gates_are_on_one_scale_and_what_is_signed_lies_around_zero():
    activation = extracted(keras.layers.GRU(4))
    specification = drawn(activation)

    assert [domain(specification, panel) for panel in (0, 1)] == [[0, 1], [0, 1]]
    reach = float(np.abs(activation.internals["candidate"].values[0]).max())
    np.testing.assert_allclose(domain(specification, 2), [-reach, reach], rtol=1e-6)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ("gates", ["Update gate", "Reset gate", "Candidate"]),
        ("states", ["Hidden state"]),
        ("all", ["Update gate", "Reset gate", "Candidate", "Hidden state"]),
    ],
)
def test_which_parts(parts, found):
    assert titles(drawn(extracted(keras.layers.GRU(2)), parts=parts)) == found


def test_masked_steps_are_grey_and_count_for_nothing():
    values = RANDOM.normal(size=(1, 5, 2)).astype(np.float32)
    values[0, 3:] = 9
    activation = extracted(keras.layers.Masking(9.0), keras.layers.LSTM(2), values=values)
    specification = drawn(activation)

    bands = specification["datasets"][specification["concat"][0]["layer"][2]["data"]["name"]]
    assert [(each["left"], each["right"]) for each in bands] == [(2.5, 4.5)]
    assert "grey: 2 masked timesteps (padding)" in specification["title"]["subtitle"]
    reach = float(np.abs(activation.internals["candidate"].values[0, :3]).max())
    np.testing.assert_allclose(domain(specification, 2), [-reach, reach], rtol=1e-6)


def test_a_cell_without_gates_shows_its_states_and_says_so():
    specification = drawn(extracted(keras.layers.SimpleRNN(3)), parts="gates")

    assert titles(specification) == ["Hidden state"]
    assert "no gates are known of this layer; what is known is shown" in specification["title"]["subtitle"]
    assert specification["title"]["text"].startswith("States of")


def test_cells_of_a_stack():
    cells_of_stack = [keras.layers.GRUCell(2, name="one"), keras.layers.SimpleRNNCell(5, name="two")]
    specification = drawn(extracted(keras.layers.RNN(cells_of_stack)))

    assert titles(specification)[-2:] == ["one · hidden state", "two · hidden state"]
    assert [picture.size for picture in pictures_in(specification)][-2:] == [(6, 2), (6, 5)]


def test_gates_that_are_no_sigmoid_get_a_wider_scale():
    values = np.full((1, 3, 2), -9, np.float32)
    layer = keras.layers.GRU(2, recurrent_activation="tanh", kernel_initializer="ones")

    assert domain(drawn(extracted(layer, values=values)), 0) == [-1, 1]


@pytest.mark.parametrize(
    "layer", [keras.layers.GRU(1), keras.layers.LSTM(1, dtype="float16"), keras.layers.LSTM(2, go_backwards=True)]
)
def test_one_timestep_and_other_kinds(layer):
    assert pictures_in(drawn(extracted(layer, values=np.ones((1, 1, 2), np.float32))))


def test_values_that_are_not_finite():
    values = np.ones((1, 4, 1), np.float32)
    values[0, 2] = np.nan
    specification = drawn(extracted(keras.layers.GRU(2), values=values))

    assert (np.asarray(pictures_in(specification)[0])[:, 2:] == 255).all()
    assert "16 of 32 values are NaN or infinite" in specification["title"]["subtitle"]


def test_a_large_layer_stays_within_the_budget():
    values = RANDOM.normal(size=(1, 400, 2)).astype(np.float32)
    specification = drawn(extracted(keras.layers.LSTM(256), values=values))

    assert sum(len(rows) for rows in specification["datasets"].values()) <= 6 * 256 + 2
    assert pictures_in(specification)[0].size == (400, 256)


def test_refusals(make_activation):
    handles = registry.get("gate-heatmaps").handles
    images = make_activation(
        np.zeros((1, 4, 4, 2)), bases=("ConvLSTM2D", "ConvLSTM", "RNN", "Layer"), internals=("layer:hidden_state",)
    )

    assert handles.match(images).reason == "takes states of one axis of units, those of ConvLSTM2D are images"
    unknown = make_activation(np.zeros((1, 4)), bases=("RNN", "Layer"))
    assert handles.match(unknown).reason == "no states of this RNN can be recorded"
