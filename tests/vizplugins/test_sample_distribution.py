import keras
import numpy as np
import pytest
import vl_convert

import core
from core.charts.raster import class_colours
from core.plugins.registry import Registry

registry = Registry()
RANDOM = np.random.default_rng(0)
VALUES = RANDOM.normal(size=(6, 400)) + np.array([[3], [1], [2], [0], [5], [4]])


def drawn(activation, **options):
    specification = registry.draw("sample-distribution", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def rows(specification, layer=0):
    part = specification["layer"][layer]
    return specification["datasets"][part.get("data", specification.get("data"))["name"]]


def by_position(specification, name):
    return [each[name] for each in sorted(rows(specification), key=lambda each: each["position"])]


def test_the_quantiles_of_each_sample(make_activation):
    specification = drawn(make_activation(VALUES))

    for name, level in (("low", 5), ("lower quartile", 25), ("median", 50), ("upper quartile", 75), ("high", 95)):
        np.testing.assert_allclose(by_position(specification, name), np.percentile(VALUES, level, axis=1))
    np.testing.assert_allclose(by_position(specification, "minimum"), VALUES.min(axis=1))
    np.testing.assert_allclose(by_position(specification, "maximum"), VALUES.max(axis=1))


def test_samples_bear_the_number_that_the_person_knows(make_activation, make_context):
    specification = drawn(make_activation(VALUES, context=make_context(first=30)), sample=2)

    assert by_position(specification, "sample") == [30, 31, 32, 33, 34, 35]
    assert specification["layer"][0]["encoding"]["x"]["axis"]["labelExpr"] == "datum.value + 30"
    assert [each["sample"] for each in rows(specification, -1)] == [32]
    assert specification["title"]["subtitle"] == ["sample 32 is framed"]


def test_sorted_by_median(make_activation):
    assert by_position(drawn(make_activation(VALUES), order="median"), "sample") == [3, 1, 2, 0, 5, 4]


def test_sorted_by_class_and_coloured(make_activation, make_context):
    context = make_context(labels=np.array([10, 2, 10, 2, 0, 1]), class_names=tuple("zyxwvutsrqp"))
    specification = drawn(make_activation(VALUES, context=context), order="class")

    assert by_position(specification, "class") == ["z", "y", "x", "x", "p", "p"]
    colour = specification["layer"][0]["encoding"]["color"]
    # A class has the colour of its number, whichever others are drawn beside it.
    first, second, third, eleventh = (class_colours(11)[number] for number in (0, 1, 2, 10))
    assert colour["scale"] == {"domain": ["z", "y", "x", "p"], "range": [first, second, third, eleventh]}
    assert colour["legend"] is not None


def test_sorted_by_classes_that_are_not_known(make_activation):
    specification = drawn(make_activation(VALUES), order="class")

    assert by_position(specification, "sample") == list(range(6))
    assert "not known" in specification["layer"][0]["encoding"]["x"]["title"]
    assert specification["layer"][0]["encoding"]["color"]["legend"] is None


def test_a_click_selects_a_sample(make_activation):
    names = [each["name"] for each in drawn(make_activation(VALUES))["params"]]

    assert names == ["sample"]


def test_large_layers_are_estimated_from_every_channel_and_keep_their_extremes(make_activation):
    values = np.zeros((2, 300, 100, 3), np.float32)
    values[..., 1], values[..., 2] = 1, 2
    values[1, 123, 45, 2] = 99
    specification = drawn(make_activation(values))

    assert by_position(specification, "median") == [1, 1]
    assert by_position(specification, "lower quartile") == [0, 0]
    assert by_position(specification, "upper quartile") == [2, 2]
    assert by_position(specification, "maximum") == [2, 99]


@pytest.mark.parametrize(
    ("values", "medians"),
    [
        ([[np.nan, np.nan], [1.0, 3.0]], [None, 2]),
        ([[np.inf, 1.0], [-np.inf, np.nan]], [1, None]),
        ([[4.0], [4.0]], [4, 4]),
        ([1.0, 2.0], [1, 2]),
        ([[True, True], [False, False]], [1, 0]),
    ],
)
@pytest.mark.parametrize("order", ["sample", "median", "class"])
def test_few_or_broken_values(make_activation, values, medians, order):
    specification = drawn(make_activation(values), order=order)

    assert {each["sample"]: each["median"] for each in rows(specification)} == dict(enumerate(medians))
    broken = int((~np.isfinite(np.array(values, float))).sum())
    assert any("NaN or infinite" in line for line in specification["title"]["subtitle"]) == bool(broken)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((1, 4)), "needs at least 2 samples"),
        (np.full((2, 2), "word"), "takes numbers, this layer answers text"),
    ],
)
def test_refusals(make_activation, values, reason):
    assert registry.get("sample-distribution").handles.match(make_activation(values)).reason == reason


def test_a_real_layer():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, name="conv")])
    activation = core.extract(model, RANDOM.normal(size=(5, 8, 8, 1)))["conv"]

    medians = np.median(activation.values.reshape(5, -1), axis=1)
    np.testing.assert_allclose(by_position(drawn(activation), "median"), medians, rtol=1e-5)


def test_a_legend_has_room_for_every_class_and_one_class_needs_none(make_activation, make_context):
    values = np.random.default_rng(0).normal(size=(40, 3))
    names = tuple(f"speaker {number}" for number in range(20))
    of_many = make_activation(values, context=make_context(labels=np.arange(40) % 20, class_names=names))
    of_one = make_activation(values, context=make_context(labels=np.zeros(40, int), class_names=names))
    picture, alone = (
        vl_convert.vegalite_to_svg(registry.draw("sample-distribution", each).specification)
        for each in (of_many, of_one)
    )

    assert all(f">{name}<" in picture for name in names)
    assert ">speaker 0<" not in alone
