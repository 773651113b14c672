import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()
VALUES = np.arange(2 * 5 * 4, dtype=np.float32).reshape(2, 5, 4)


def drawn(activation, **options):
    specification = registry.draw("unit-lines", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def lines(specification):
    (data,) = specification["datasets"].values()
    found = {}
    for each in data:
        found.setdefault((each["panel"], each["unit"]), []).append((each["time"], each["value"]))
    return found


def test_the_three_strongest_units_of_the_sample(make_activation, make_context):
    specification = drawn(make_activation(VALUES, context=make_context(first=7)), sample=1)

    assert lines(specification) == {
        ("sample 8", unit): [(time, float(VALUES[1, time, unit])) for time in range(5)] for unit in (1, 2, 3)
    }
    assert specification["title"]["text"] == "Units 1, 2, 3 of 4 of layer; unit 3 is thick"
    colour = specification["layer"][0]["encoding"]["color"]
    assert (colour["scale"], colour["sort"]) == ({"scheme": "tableau10"}, ["1", "2", "unit 3"])
    assert "width" not in specification


def test_chosen_units(make_activation):
    assert {unit for _, unit in lines(drawn(make_activation(VALUES), units=(3, 1)))} == {3, 1}


def test_the_chosen_unit_stands_beside_the_strongest_and_a_click_takes_another(make_activation):
    drawing = registry.draw("unit-lines", make_activation(VALUES), {"unit": 0})

    assert {unit for _, unit in lines(drawing.specification)} == {0, 1, 2, 3}
    width = drawing.specification["layer"][0]["encoding"]["strokeWidth"]
    assert width["condition"] == [{"test": "(datum.unit === 0)", "value": 3.5}]
    assert drawing.selections == ("unit",)


def test_samples_beside_it_share_the_scale(make_activation):
    specification = drawn(make_activation(VALUES), compare=(1, 0))

    assert {panel for panel, _ in lines(specification)} == {"sample 0", "sample 1"}
    assert specification["facet"]["sort"] == ["sample 0", "sample 1"]
    assert specification["columns"] == 3
    assert "y" not in specification.get("resolve", {}).get("scale", {})


def test_masked_steps_are_left_out(make_activation):
    mask = np.array([[True, True, False, False, True], [True] * 5])
    activation = make_activation(VALUES, mask=mask)
    specification = drawn(activation, units=(0, 1))

    line = lines(specification)["sample 0", 0]
    assert [time for time, value in line if value is not None] == [0, 1, 4]
    assert [time for time, value in line if value is None] == [2, 3]
    assert "2 masked timesteps (padding) are left out" in specification["title"]["subtitle"]
    assert len(drawn(activation, sample=1)["title"]["subtitle"]) == 1


def test_a_mask_of_another_shape_is_not_used(make_activation):
    values = lines(drawn(make_activation(VALUES, mask=np.zeros((2, 3), bool)), units=(0,)))["sample 0", 0]

    assert all(value is not None for _, value in values)


def test_long_sequences_keep_their_extremes(make_activation):
    values = np.zeros((1, 100_000, 1), np.float32)
    values[0, 77_777, 0], values[0, 12_345, 0] = 5, -5
    line = lines(drawn(make_activation(values), units=(0,)))["sample 0", 0]

    assert len(line) < 1_100
    assert (77_777, 5) in line
    assert (12_345, -5) in line


@pytest.mark.parametrize(
    "values",
    [np.full((1, 4, 1), np.nan), np.ones((1, 1, 1)), np.zeros((1, 3, 2)), np.ones((1, 3, 2), bool)],
    ids=["nan", "one value", "constant", "boolean"],
)
def test_few_or_equal_values(make_activation, values):
    assert len(lines(drawn(make_activation(values)))) == values.shape[2]


def test_values_that_are_not_finite_are_counted_in_the_units_that_are_drawn(make_activation):
    values = VALUES.copy()
    values[0, 0, 0], values[0, 1, 1], values[0, 2, 3] = np.nan, np.inf, np.nan
    specification = drawn(make_activation(values), unit=0, units=(1, 2))

    assert "2 of 15 values are NaN or infinite" in specification["title"]["subtitle"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((1, 4)), "takes axes (sample, time, unit), these are (sample, unit)"),
        (np.full((1, 2, 2), "word"), "takes numbers, this layer answers text"),
    ],
)
def test_refusals(make_activation, values, reason):
    assert registry.get("unit-lines").handles.match(make_activation(values)).reason == reason


@pytest.mark.parametrize(
    ("layer", "best"),
    [
        (keras.layers.LSTM(4, return_sequences=True), "unit-lines"),
        (keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True)), "unit-lines"),
        (keras.layers.Conv1D(4, 2), "unit-heatmap"),
        (keras.layers.MaxPooling1D(2), "unit-heatmap"),
        (keras.layers.SeparableConv1D(4, 2), "unit-heatmap"),
        (keras.layers.LayerNormalization(), "unit-heatmap"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, keras.Layer) else each,
)
def test_lines_first_for_recurrent_layers_heatmap_first_for_others(layer, best):
    model = keras.Sequential([keras.Input((6, 3)), layer])
    activation = core.extract(model, np.ones((1, 6, 3), np.float32)).at(-1)
    names = [each.name for each in registry.publish(activation)]

    assert names[0] == best
    assert {"unit-lines", "unit-heatmap"} <= set(names)
    drawn(activation)


def test_words_stand_under_their_timesteps_and_padding_is_left_out_without_a_mask(make_activation, make_context):
    tokens = np.array([["a", "good", "film", "", ""], ["bad", "", "", "", ""]])
    activation = make_activation(VALUES, context=make_context(tokens=tokens))
    specification = drawn(activation, units=(1,), unit=1)
    svg = vl_convert.vegalite_to_svg({**specification, "width": 600})

    assert [time for time, value in lines(specification)["sample 0", 1] if value is not None] == [0, 1, 2]
    assert all(f">{word}</text>" in svg for word in ("a", "good", "film"))
