import numpy as np
import pytest
import vl_convert

from core.plugins.registry import Registry

registry = Registry()
VALUES = np.array([[0.0, -5, 3, 1, -2, 4], [9, 0, 0, 0, 0, 0]])


def drawn(activation, **options):
    specification = registry.draw("strongest-units", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def units(specification):
    (data,) = specification["datasets"].values()
    return [int(each["unit"]) for each in data]


@pytest.mark.parametrize(
    ("by", "order"),
    [("absolute value", [1, 5, 2, 4, 3]), ("largest", [5, 2, 3, 0, 4]), ("smallest", [1, 4, 0, 3, 5])],
)
def test_the_strongest_come_first(make_activation, by, order):
    specification = drawn(make_activation(VALUES), count=5, by=by)

    assert units(specification) == order
    assert specification["encoding"]["y"]["sort"]["field"] == "place"
    assert specification["title"]["text"] == f"5 of 6 units of layer, strongest by {by}; unit 5 is 4"


def test_the_chosen_unit_is_marked_and_a_click_takes_another(make_activation):
    drawing = registry.draw("strongest-units", make_activation(VALUES), {"unit": 0, "count": 5})
    (data,) = drawing.specification["datasets"].values()

    assert [each["name"] for each in data] == ["1", "5", "2", "4", "unit 0"]
    assert [each["unit"] for each in data if each["chosen"]] == [0]
    assert drawing.selections == ("unit",)
    assert drawing.specification["title"]["text"].endswith("; unit 0 is 0")


def test_the_values_and_their_signs(make_activation):
    (data,) = drawn(make_activation(VALUES), count=5)["datasets"].values()

    assert [each["value"] for each in data] == [-5, 4, 3, -2, 1]
    assert [each["sign"] for each in data] == ["negative", "positive", "positive", "negative", "positive"]


def test_a_sample_and_its_number(make_activation, make_context):
    specification = drawn(make_activation(VALUES, context=make_context(first=3)), sample=1)

    assert units(specification)[0] == 0
    assert specification["title"]["subtitle"] == ["sample 4"]


def test_colours_have_a_legend_where_they_mean_something(make_activation):
    both, one = drawn(make_activation(VALUES)), drawn(make_activation(np.abs(VALUES)))

    assert both["encoding"]["color"]["scale"]["domain"] == ["positive", "negative"]
    assert "field" not in one["encoding"]["color"]


def test_values_that_are_not_finite_get_no_bar(make_activation):
    specification = drawn(make_activation([[np.nan, 1.0, np.inf, -3, -np.inf]]))

    assert units(specification) == [3, 1]
    assert "3 of 5 values are NaN or infinite" in specification["title"]["subtitle"]


@pytest.mark.parametrize(
    ("values", "order"),
    [([[np.nan]], []), ([[2.0]], [0]), ([[0.0, 0, 0]], [0, 1, 2]), ([[True, False]], [0, 1]), ([[-128, 1]], [0, 1])],
)
def test_few_or_equal_values(make_activation, values, order):
    values = np.array(values, np.int8) if values == [[-128, 1]] else np.array(values)

    assert units(drawn(make_activation(values))) == order


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((1, 4, 3)), "takes axes (sample, unit), these are (sample, time, unit)"),
        (np.array([["word"]]), "takes numbers, this layer answers text"),
    ],
)
def test_refusals(make_activation, values, reason):
    assert registry.get("strongest-units").handles.match(make_activation(values)).reason == reason
