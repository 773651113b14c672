import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()
RANDOM = np.random.default_rng(0)
L = keras.layers


def drawn(activation):
    specification = registry.draw("normalization-drift", activation, {}).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def normalised(values, mean=(0, 0, 0), variance=(1, 1, 1.5), **settings):
    values = np.asarray(values, np.float32)
    model = keras.Sequential([keras.Input(values.shape[1:]), L.BatchNormalization(name="bn", **settings)])
    model.layers[-1].moving_mean.assign(mean)
    model.layers[-1].moving_variance.assign(variance)
    return core.extract(model, values)["bn"]


def points(specification, panel=0):
    return specification["datasets"][specification["vconcat"][panel]["layer"][-1]["data"]["name"]]


def test_a_point_per_channel_and_those_that_drift_are_flagged():
    values = RANDOM.normal((0, 5, 0), (1, 1, 9), size=(400, 3))
    activation = normalised(values)
    specification = drawn(activation)
    given = values.astype(np.float32)

    deviation = np.sqrt(np.array([1, 1, 1.5]) + 1e-3)
    np.testing.assert_allclose([each["shift"] for each in points(specification)], given.mean(axis=0) / deviation, 1e-4)
    np.testing.assert_allclose(
        [each["spread"] for each in points(specification)], np.sqrt(given.var(axis=0) + 1e-3) / deviation, 1e-4
    )
    assert [each["is"] for each in points(specification)] == ["as in training", "drifts", "drifts"]
    assert specification["title"]["text"].startswith("2 of 3 channels drift from training: the commonest sign of wrong")
    assert specification["title"]["subtitle"] == ["400 samples, 400 values of each channel, into bn; channel 1 marked"]


def test_drifting_differs_in_colour_and_shape():
    encoding = drawn(normalised(RANDOM.normal(size=(50, 3))))["vconcat"][0]["layer"][-1]["encoding"]

    assert encoding["color"]["scale"]["domain"] == encoding["shape"]["scale"]["domain"] == ["as in training", "drifts"]
    assert len(set(encoding["color"]["scale"]["range"])) == len(set(encoding["shape"]["scale"]["range"])) == 2


def test_the_chosen_channel_is_marked_and_a_click_takes_another():
    drawing = registry.draw("normalization-drift", normalised(RANDOM.normal(size=(400, 3))), {"channel": 2})
    panels = drawing.specification["vconcat"]
    rings = [drawing.specification["datasets"][panel["layer"][1]["data"]["name"]] for panel in panels]

    assert [[ring["channel"] for ring in panel] for panel in rings] == [[2], [2]]
    assert drawing.selections == ("channel",)


def test_bands_are_the_limits():
    specification = drawn(normalised(RANDOM.normal(size=(400, 3))))
    bands = [specification["datasets"][panel["layer"][0]["data"]["name"]][0] for panel in specification["vconcat"]]

    assert bands == [{"low": -1.1, "high": 1.1}, {"low": 0.5, "high": 2}]
    assert specification["title"]["text"] == "None of 3 channels drifts from training"


def test_few_values_leave_the_spread_without_a_band():
    specification = drawn(normalised(RANDOM.normal(size=(2, 3))))

    assert len(specification["vconcat"][0]["layer"]) == 3
    assert len(specification["vconcat"][1]["layer"]) == 2
    assert specification["title"]["subtitle"][0].startswith("2 samples, 2 values of each channel, into bn; ")


def test_far_off_channels_stay_in_sight():
    specification = drawn(normalised(RANDOM.normal(1e4, 1e4, size=(50, 3))))
    scales = [panel["layer"][-1]["encoding"]["y"]["scale"] for panel in specification["vconcat"]]

    assert [scale["type"] for scale in scales] == ["symlog", "log"]
    for name, panel, scale in zip(("shift", "spread"), (0, 1), scales, strict=True):
        low, high = scale["domain"]
        assert all(low <= each[name] <= high for each in points(specification, panel))


def test_says_that_a_layer_was_never_trained():
    text = drawn(normalised(RANDOM.normal(9, 1, size=(50, 3)), variance=(1, 1, 1)))["title"]["text"]

    assert text == "The layer was never trained: it has the statistics that it began with"


def test_one_channel_of_one_image_and_an_adapted_normalization():
    image = RANDOM.normal(size=(1, 8, 8, 1)).astype(np.float32)
    layer = L.Normalization(name="scale")
    layer.adapt(image)
    specification = drawn(core.extract(keras.Sequential([keras.Input((8, 8, 1)), layer]), image)["scale"])

    assert specification["title"]["text"] == "The one channel is as in training"
    assert specification["title"]["subtitle"] == ["1 sample, 64 values of each channel, into scale; channel 0 marked"]


@pytest.mark.parametrize(
    "values", [np.zeros((1, 3)), np.full((3, 3), np.nan), np.full((40, 3), 1e30), np.zeros((50, 3))]
)
def test_few_equal_and_broken_values(values):
    assert len(points(drawn(normalised(values)))) == 3


def test_values_that_are_not_finite():
    values = np.zeros((40, 3))
    values[0] = np.nan, np.inf, 0

    assert "2 of 120 values are NaN or infinite" in drawn(normalised(values))["title"]["subtitle"]


def test_half_precision_and_many_channels():
    values = RANDOM.normal(size=(40, 600))
    activation = normalised(values, np.zeros(600), np.full(600, 1.1), dtype="mixed_float16")

    assert len(points(drawn(activation))) == 600


def test_without_what_went_in():
    model = keras.Sequential([keras.Input((3,)), L.Dense(3), L.BatchNormalization(name="bn")])
    activation = core.extract(model, np.ones((2, 3), np.float32), layers=["bn"])["bn"]

    assert registry.draw("normalization-drift", activation).refusal.startswith("What goes into bn was not kept")


def test_matching(make_activation):
    assert registry.publish(normalised(np.ones((2, 3))))[0].name == "normalization-drift"
    handles = registry.get("normalization-drift").handles
    given = make_activation(np.zeros((1, 3)), bases=("Normalization", "Layer"), inputs_from=("a",))
    assert handles.match(given).reason == "takes statistics of training, those of this Normalization were given by hand"
    unknown = make_activation(np.zeros((1, 3)), bases=("BatchNormalization", "Layer"), parameter_count=12)
    assert handles.match(unknown).reason == "compares what goes into the layer, and where that comes from is not known"
