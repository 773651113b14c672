import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()
L = keras.layers


def drawn(activation, **options):
    specification = registry.draw("rearranged", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def answered(layer, values):
    values = np.asarray(values, np.float32)
    model = keras.Sequential([keras.Input(values.shape[1:]), layer])
    return core.extract(model, values)[layer.name]


def rows(specification):
    return specification["datasets"][specification["data"]["name"]]


def test_flatten_says_where_each_unit_comes_from():
    values = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    specification = drawn(answered(L.Flatten(name="flat"), values), sample=1)

    assert specification["title"]["text"] == ("Flatten: 4×5×3 becomes 60; nothing is computed, values are re-arranged")
    assert specification["title"]["subtitle"] == [
        "unit 0 is row 0, column 0, channel 0; unit 59 is row 3, column 4, channel 2",
        "sample 1",
    ]
    assert rows(specification)[17] == {
        "position": 17,
        "value": values[1, 1, 0, 2],
        "after": "unit 17",
        "before": "row 1, column 0, channel 2",
    }
    assert [row["value"] for row in rows(specification)] == list(range(60, 120))


def test_reshape():
    specification = drawn(answered(L.Reshape((2, 3), name="shape"), np.arange(6).reshape(1, 6)))

    assert specification["title"]["text"].startswith("Reshape: 6 becomes 2×3; nothing is computed")
    assert specification["title"]["subtitle"][0] == "time 0, unit 0 was unit 0; time 1, unit 2 was unit 5"
    assert (rows(specification)[4]["before"], rows(specification)[4]["after"]) == ("unit 4", "time 1, unit 1")


@pytest.mark.parametrize(
    ("layer", "values", "words"),
    [
        (L.Permute((2, 1), name="it"), np.arange(6).reshape(1, 2, 3), "the same values in another order"),
        (L.RepeatVector(3, name="it"), np.arange(4).reshape(1, 4), "the same values, each several times"),
        (
            L.Flatten(data_format="channels_first", name="it"),
            np.arange(12).reshape(1, 2, 2, 3),
            "the same values in another order",
        ),
    ],
)
def test_where_the_order_changes_no_place_is_claimed(layer, values, words):
    specification = drawn(answered(layer, values))

    assert specification["title"]["subtitle"][0] == words
    assert "before" not in rows(specification)[0]


@pytest.mark.parametrize("values", [np.ones((1, 1, 1)), np.full((1, 2, 3), np.nan), np.zeros((1, 60, 70))])
def test_few_many_and_broken_values(values):
    specification = drawn(answered(L.Flatten(name="flat"), values))

    assert len(rows(specification)) <= 1_402
    assert ("6 of 6 values are NaN or infinite" in specification["title"]["subtitle"]) is bool(np.isnan(values).all())


def test_half_precision():
    drawn(answered(L.Flatten(dtype="float16", name="flat"), np.ones((1, 2, 3))))


def test_without_what_went_in():
    model = keras.Sequential([keras.Input((3, 2)), L.ReLU(), L.Flatten(name="flat")])
    activation = core.extract(model, np.ones((2, 3, 2), np.float32), layers=["flat"])["flat"]

    assert registry.draw("rearranged", activation).refusal.startswith("What goes into flat was not kept")


def test_matching(make_activation):
    assert registry.publish(answered(L.Flatten(name="flat"), np.ones((1, 2, 3))))[0].name == "rearranged"
    handles = registry.get("rearranged").handles
    assert "not known" in handles.match(make_activation(np.ones((1, 3)), bases=("Flatten", "Layer"))).reason
    assert handles.match(make_activation(np.ones((1, 3)))).reason.endswith("this is Dense")
