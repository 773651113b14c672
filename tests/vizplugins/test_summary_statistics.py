import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()


def drawn(activation, **options):
    specification = registry.draw("statistics", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def columns(specification):
    (data,) = specification["datasets"].values()
    found = {}
    for each in data:
        found.setdefault(each["of"], {})[each["measure"]] = each["text"]
    return found


def test_this_sample_and_all(make_activation, make_context):
    values = np.array([[0.0, -1, 2, 3], [0, 0, 0, 1_000_000]])
    found = columns(drawn(make_activation(values, context=make_context(first=5))))

    assert found == {
        "sample 5": {
            "values": "4",
            "minimum": "−1",
            "maximum": "3",
            "mean": "1",
            "standard deviation": "1.581",
            "exactly zero": "25.0 %",
            "negative": "25.0 %",
            "NaN": "0",
            "infinite": "0",
        },
        "all 2 samples": {
            "values": "8",
            "minimum": "−1",
            "maximum": "1,000,000",
            "mean": "125,000",
            "standard deviation": "330,719",
            "exactly zero": "50.0 %",
            "negative": "12.5 %",
            "NaN": "0",
            "infinite": "0",
        },
    }


def test_a_single_sample_has_one_column(make_activation):
    assert list(columns(drawn(make_activation([[1.0, 2]])))) == ["sample 0"]


def test_values_that_are_not_finite_are_counted_and_left_out(make_activation):
    found = columns(drawn(make_activation([[np.nan, np.nan, np.inf, -np.inf, -np.inf, 2.0]])))["sample 0"]

    assert (found["NaN"], found["infinite"]) == ("2", "3")
    assert (found["minimum"], found["maximum"], found["mean"]) == ("2", "2", "2")


def test_nothing_but_nan(make_activation):
    found = columns(drawn(make_activation([[np.nan]])))["sample 0"]

    assert found["minimum"] == found["mean"] == "none"
    assert found["NaN"] == "1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.5678, "1,235"),
        (12345.678, "12,346"),
        (-0.00012345678, "−0.0001235"),
        (1.5e-7, "1.500e−07"),
        (-2.5e12, "−2.500e+12"),
    ],
)
def test_how_numbers_are_written(make_activation, value, text):
    assert columns(drawn(make_activation([[value]])))["sample 0"]["mean"] == text


@pytest.mark.parametrize("values", [np.array([1.0, 2.0]), np.array([[True, False]]), np.ones((1, 2, 2, 1), np.int8)])
def test_any_shape_and_type(make_activation, values):
    assert columns(drawn(make_activation(values)))["sample 0"]["values"] == f"{values[0].size}"


def test_half_precision_does_not_overflow(make_activation):
    found = columns(drawn(make_activation(np.full((1, 1_000), 60_000, np.float16))))["sample 0"]

    assert (found["mean"], found["standard deviation"]) == ("60,000", "0")


def test_text_is_refused(make_activation):
    match = registry.get("statistics").handles.match(make_activation(np.array([["word"]])))

    assert match.reason == "takes numbers, this layer answers text"


def test_a_real_layer():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(50, "relu", name="dense")])
    activation = core.extract(model, np.random.default_rng(0).normal(size=(4, 6)))["dense"]
    found = columns(drawn(activation, sample=2))["sample 2"]

    assert found["exactly zero"] == f"{(activation.values[2] == 0).mean():.1%}".replace("%", " %")
    assert found["negative"] == "0.0 %"
