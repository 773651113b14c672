import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()


def drawn(activation, **options):
    specification = registry.draw("value-table", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 500
    return specification


def rows(specification):
    (data,) = specification["datasets"].values()
    return data


def table(specification, name="whole"):
    found = {}
    for each in rows(specification):
        found.setdefault(each["place"], []).append(each[name])
    return found


def titles(specification):
    encoding = specification["layer"][0]["encoding"]
    return encoding["y"]["title"], encoding["x"]["title"]


def test_units_stand_beside_each_other_samples_below(make_activation, make_context):
    specification = drawn(make_activation([[1, 2], [3, -4], [5, 6]], context=make_context(first=10)), sample=1)

    assert table(specification) == {"10": ["1", "2"], "▸ 11": ["3", "−4"], "12": ["5", "6"]}
    assert titles(specification) == ("Sample", "Unit")
    assert specification["title"]["text"] == "Values of layer: sample 10 to 12 of 3, unit 0 to 1 of 2"


def test_the_window_holds_the_open_sample(make_activation):
    values = np.arange(100).reshape(100, 1)

    assert "▸ 57" in table(drawn(make_activation(values), sample=57))
    assert "▸ 57" not in table(drawn(make_activation(values), sample=57, first_row=0))
    assert list(table(drawn(make_activation(values), first_row=99)))[-1] == "99"


def test_the_window_holds_the_chosen_unit_in_a_frame(make_activation):
    activation = make_activation(np.arange(2 * 300).reshape(2, 300))
    specification = drawn(activation, unit=287)
    (framed,) = [data for data in specification["datasets"].values() if len(data) == 1]
    elsewhere = drawn(activation, unit=287, first_column=0)

    assert "unit 280 to 289 of 300" in specification["title"]["text"]
    assert "unit 287 is framed" in specification["title"]["subtitle"]
    assert framed == [{"column": 287}]
    assert "unit 0 to 9 of 300" in elsewhere["title"]["text"]
    assert len(elsewhere["layer"]) == 2


def test_a_window_of_a_sequence(make_activation):
    values = np.arange(2 * 40 * 30).reshape(2, 40, 30)
    specification = drawn(make_activation(values), sample=1, first_row=5, first_column=7)

    found = table(specification)
    assert list(found) == [str(row) for row in range(5, 21)]
    assert found["5"] == [str(value) for value in values[1, 5, 7:17]]
    assert titles(specification) == ("Time", "Unit")


@pytest.mark.parametrize(("position", "where"), [(0, "height 0"), (2, "height 2"), (99, "height 4")])
def test_a_slice_of_an_image(make_activation, position, where):
    values = np.arange(2 * 5 * 4 * 3).reshape(2, 5, 4, 3)
    specification = drawn(make_activation(values), slice=position)

    expected = values[0, min(position, 4)]
    assert list(table(specification).values()) == [[str(value) for value in row] for row in expected]
    assert specification["title"]["subtitle"] == [f"sample 0, {where}"]


def test_a_slice_across_two_leading_axes(make_activation):
    values = np.arange(2 * 3 * 2 * 2).reshape(1, 2, 3, 2, 2)
    specification = drawn(make_activation(values), slice=4)

    assert table(specification)["0"] == [str(value) for value in values[0, 1, 1, 0]]
    assert specification["title"]["subtitle"] == ["sample 0, depth 1, height 1"]


def test_numbers_are_readable_on_their_colour(make_activation):
    found = rows(drawn(make_activation([[0.0, 0.5, 1]])))

    assert found[0]["fill"] != found[2]["fill"]
    assert (found[0]["ink"], found[2]["ink"]) == ("#ffffff", "#111111")


@pytest.mark.parametrize(
    ("value", "text"), [(1.23456789, "1.235"), (-0.00001, "−1e−05"), (123456789, "123456789"), (True, "True")]
)
def test_how_numbers_are_written(make_activation, value, text):
    assert rows(drawn(make_activation([[value]])))[0]["text"] == text


def test_text_is_cut_in_the_middle_and_whole_on_hover(make_activation):
    long = "the beginning " + "of something " * 20 + "and the end"
    specification = drawn(make_activation(np.array([[long, "short"]])))
    first, second = rows(specification)

    assert first["whole"] == long
    assert first["text"].startswith("the beginning")
    assert first["text"].endswith("the end")
    assert len(first["text"]) == 60
    assert second["text"] == "short"
    assert {"field": "whole", "type": "nominal", "title": "value"} in specification["layer"][0]["encoding"]["tooltip"]


def test_values_that_are_not_finite_are_shown(make_activation):
    specification = drawn(make_activation([[np.nan, np.inf, -np.inf, 1.0]]))

    assert table(specification) == {"▸ 0": ["nan", "inf", "−inf", "1"]}
    assert "3 of 4 values are NaN or infinite" in specification["title"]["subtitle"]
    assert [each["fill"] for each in rows(specification)[:3]] == ["rgb(255,0,255)"] * 3


@pytest.mark.parametrize("values", [[4.0, 5.0], ["a", "b"]])
def test_one_value_a_sample(make_activation, values):
    assert len(table(drawn(make_activation(values), sample=1))["▸ 1"]) == 1


def test_nothing_is_refused_but_nothing(make_activation):
    handles = registry.get("value-table").handles

    assert handles.match(make_activation(np.array([["word"]]))).handled
    assert handles.match(make_activation(np.zeros((2, 0)))).reason.startswith(
        "needs at least one value, this layer answers none"
    )


def test_a_layer_that_answers_text():
    lookup = keras.layers.StringLookup(vocabulary=["cat", "dog"], invert=True, name="words")
    model = keras.Sequential([keras.Input((2,), dtype="int64"), lookup])
    activation = core.extract(model, np.array([[1, 2], [2, 0]]))["words"]

    assert [each.name for each in registry.publish(activation)] == ["answer", "value-table"]
    assert table(drawn(activation)) == {"▸ 0": ["cat", "dog"], "1": ["dog", "[UNK]"]}
