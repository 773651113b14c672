import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

registry = Registry()
# Unit 0 is weak and peaks last, unit 1 is the strongest and peaks in the middle, unit 2 peaks first.
VALUES = np.array([[[0.0, 1, 5], [1, 9, 0], [2, 8, 1]], [[1, 1, 1], [1, 1, 1], [1, 1, 18]]], np.float32)


def drawn(activation, **options):
    specification = registry.draw("unit-heatmap", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def data(specification, layer):
    return specification["datasets"][specification["layer"][layer]["data"]["name"]]


def pixels(specification):
    return pictures_in(specification)[0]


def cells(specification):
    return [(each["unit"], each["timestep"], each["value"]) for each in data(specification, 1)]


def test_a_row_is_a_unit_and_a_column_a_timestep(make_activation, make_context):
    values = np.arange(2 * 5 * 3).reshape(2, 5, 3)
    specification = drawn(make_activation(values, context=make_context(first=4)), sample=1)

    assert cells(specification) == [(unit, time, values[1, time, unit]) for unit in range(3) for time in range(5)]
    assert pixels(specification).size == (5, 3)
    assert specification["title"]["subtitle"] == ["sample 5"]
    assert "width" not in specification


@pytest.mark.parametrize(
    ("order", "units"), [("index", [0, 1, 2]), ("strength", [1, 2, 0]), ("time of peak", [2, 1, 0])]
)
def test_sorted_rows_keep_their_unit_numbers(make_activation, order, units):
    specification = drawn(make_activation(VALUES), order=order)
    found = cells(specification)

    assert [unit for unit, time, _ in found if time == 0] == units
    assert [value for *_, value in found] == [VALUES[0, time, unit] for unit in units for time in range(3)]
    levels = np.asarray(pixels(specification))
    assert levels[units.index(1), 1] == levels.max()


def test_the_axis_of_sorted_rows_says_the_units(make_activation):
    axis = drawn(make_activation(VALUES), order="strength")["layer"][1]["encoding"]["y"]["axis"]

    assert axis["labelExpr"] == "[1, 2, 0][datum.value]"


def test_samples_beside_it_share_the_colour_scale(make_activation):
    specification = drawn(make_activation(VALUES), compare=(1,))
    domains = [panel["layer"][1]["encoding"]["color"]["scale"]["domain"] for panel in specification["concat"]]

    assert domains == [[0, 18], [0, 18]]
    assert [panel["title"] for panel in specification["concat"]] == ["sample 0", "sample 1"]
    assert all(isinstance(panel["width"], int) for panel in specification["concat"])
    assert drawn(make_activation(VALUES))["layer"][1]["encoding"]["color"]["scale"]["domain"] == [0, 9]


def test_masked_steps_are_grey_and_count_for_nothing(make_activation):
    mask = np.array([[True, False, False], [False, True, False]])
    activation = make_activation(VALUES, mask=mask)
    specification = drawn(activation)

    assert [(each["left"], each["right"]) for each in data(specification, 2)] == [(0.5, 2.5)]
    assert specification["layer"][1]["encoding"]["color"]["scale"]["domain"] == [0, 5]
    assert "grey: masked timesteps (padding)" in specification["title"]["subtitle"]
    bands = data(drawn(activation, sample=1), 2)
    assert [(each["left"], each["right"]) for each in bands] == [(-0.5, 0.5), (1.5, 2.5)]


def test_nothing_is_grey_without_a_mask(make_activation):
    for mask in (None, np.ones((2, 3), bool), np.zeros((2, 9), bool)):
        assert len(drawn(make_activation(VALUES, mask=mask))["layer"]) == 4


def test_a_large_layer_is_reduced_and_its_peaks_stay(make_activation):
    values = np.random.default_rng(0).normal(size=(1, 5_000, 1_500)).astype(np.float32)
    values[0, 4_321, 1_234] = 50
    specification = drawn(make_activation(values))

    picture = pixels(specification)
    assert picture.size == (1_000, 750)
    assert np.asarray(picture)[1_234 // 2, 4_321 // 5] == 253


@pytest.mark.parametrize("order", ["index", "strength", "time of peak"])
@pytest.mark.parametrize(
    "values",
    [np.full((1, 4, 2), np.nan), np.ones((1, 1, 1)), np.zeros((1, 3, 2)), np.ones((1, 3, 2), bool)],
    ids=["nan", "one value", "constant", "boolean"],
)
def test_few_or_equal_values(make_activation, values, order):
    assert pixels(drawn(make_activation(values), order=order)).size == values.shape[1:]


def test_values_that_are_not_finite(make_activation):
    values = VALUES.copy()
    values[0, 0] = np.nan, np.inf, -np.inf
    specification = drawn(make_activation(values))

    assert (np.asarray(pixels(specification))[:, 0] == 255).all()
    assert "3 of 9 values are NaN or infinite" in specification["title"]["subtitle"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((1, 4)), "takes axes (sample, time, unit), these are (sample, unit)"),
        (np.full((1, 2, 2), "word"), "takes numbers, this layer answers text"),
    ],
)
def test_refusals(make_activation, values, reason):
    assert registry.get("unit-heatmap").handles.match(make_activation(values)).reason == reason


def test_a_real_convolution():
    model = keras.Sequential([keras.Input((9, 2)), keras.layers.Conv1D(5, 3, name="conv")])
    activation = core.extract(model, np.random.default_rng(1).normal(size=(2, 9, 2)))["conv"]

    assert pixels(drawn(activation, sample=1)).size == (7, 5)
    np.testing.assert_allclose([value for *_, value in cells(drawn(activation))], activation.values[0].T.reshape(-1))


def test_the_chosen_unit_is_framed_where_its_row_is_and_a_click_takes_another(make_activation):
    values = np.array([[[1, 5, 3, 0], [1, 5, 3, 0], [1, 5, 3, 0]]], np.float32)  # (sample, time, unit)
    drawing = registry.draw("unit-heatmap", make_activation(values), {"unit": 2, "order": "strength"})
    frames = [rows for rows in drawing.specification["datasets"].values() if "chosen row" in rows[0]]

    # By strength: units 1, 2, 0, 3.
    assert frames == [[{"top": 0.5, "bottom": 1.5, "chosen row": "unit 2"}]]
    assert drawing.selections == ("unit",)
    assert drawing.specification["title"]["text"] == "4 units of layer over 3 timesteps; unit 2 marked"


def test_beside_other_samples_each_is_marked_and_one_answers_to_clicks(make_activation):
    drawing = registry.draw("unit-heatmap", make_activation(np.ones((3, 4, 5), np.float32)), {"compare": (1, 2)})

    assert len(drawing.specification["concat"]) == 3
    assert drawing.selections == ("unit",)


def test_words_stand_under_their_timesteps_and_padding_is_grey_without_a_mask(make_activation, make_context):
    words = ["what", "a", "wonderful", "evening", "it", "was", *[""] * 26]
    values = np.random.default_rng(0).normal(size=(1, 32, 4)).astype(np.float32)
    values[:, 6:] *= 9
    activation = make_activation(values, context=make_context(tokens=np.array([words])))
    specification = drawn(activation)
    svg = vl_convert.vegalite_to_svg({**specification, "width": 780})

    assert [word for word in words if word and f">{word}</text>" not in svg] == []
    (band,) = data(specification, 2)
    assert (band["left"], band["right"]) == (5.5, 31.5)
    # Padding, however large, is not what the colours are fitted to.
    assert specification["layer"][1]["encoding"]["color"]["scale"]["domain"][1] < 5
