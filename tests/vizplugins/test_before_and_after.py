import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

registry = Registry()
RANDOM = np.random.default_rng(0)
L = keras.layers


def drawn(activation, **options):
    specification = registry.draw("before-and-after", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def answered(layer, values, **settings):
    values = np.asarray(values, np.float32)
    model = keras.Sequential([keras.Input(values.shape[1:]), layer])
    return core.extract(model, values, **settings)[layer.name]


def cells(specification, panel):
    return np.array([each["value"] for each in specification["datasets"][panel["layer"][1]["data"]["name"]]])


IMAGES = RANDOM.normal(size=(2, 6, 6, 3)).astype(np.float32)
SERIES = RANDOM.normal(size=(2, 6, 3)).astype(np.float32)


def test_maps_before_and_after_on_one_scale():
    activation = answered(L.MaxPooling2D(name="pool"), IMAGES)
    specification = drawn(activation, sample=1, channel=2)
    before, after = specification["vconcat"][0]["hconcat"]

    np.testing.assert_allclose(cells(specification, before), IMAGES[1, :, :, 2].reshape(-1), rtol=1e-6)
    np.testing.assert_allclose(cells(specification, after), activation.values[1, :, :, 2].reshape(-1), rtol=1e-6)
    scales = [panel["layer"][1]["encoding"]["color"]["scale"]["domain"] for panel in (before, after)]
    reach = float(np.abs(IMAGES[1, :, :, 2]).max())
    np.testing.assert_allclose(scales, [[-reach, reach]] * 2, rtol=1e-6)
    assert specification["title"]["text"].startswith("pool: 6×6×3 becomes 3×3×3; channel ")
    assert specification["title"]["subtitle"] == ["sample 1", "108 values become 27"]
    assert [picture.size for picture in pictures_in(specification)][:2] == [(6, 6), (3, 3)]
    assert "channel" in [param["name"] for param in specification["params"]]


def test_the_strongest_channel_and_one_that_is_not_there():
    values = IMAGES * [1, 9, 1]
    activation = answered(L.ReLU(name="relu"), values)

    def shown(**options):
        return drawn(activation, **options)["vconcat"][0]["hconcat"][0]["title"]["text"]

    assert shown() == "Channel 1: input"
    assert shown(channel=0) == "Channel 0: input"
    assert shown(channel=50) == "Channel 2: input"


@pytest.mark.parametrize("keepdims", [True, False])
def test_global_pooling_of_images(keepdims):
    activation = answered(L.GlobalAveragePooling2D(keepdims=keepdims, name="mean"), IMAGES)
    specification = drawn(activation, channel=1)
    before, after = specification["vconcat"][0]["hconcat"]

    np.testing.assert_allclose(cells(specification, before), IMAGES[0, :, :, 1].reshape(-1), rtol=1e-6)
    if keepdims:
        np.testing.assert_allclose(cells(specification, after), IMAGES[0, :, :, 1].mean(), rtol=1e-5)
    else:
        rows = specification["datasets"][after["data"]["name"]]
        np.testing.assert_allclose([row["value"] for row in rows], IMAGES[0].mean(axis=(0, 1)), rtol=1e-5)
        assert [row["chosen"] for row in rows] == [False, True, False]


def test_sequences_as_heatmaps():
    activation = answered(L.AveragePooling1D(2, name="pool"), SERIES)
    specification = drawn(activation)
    before, after = specification["hconcat"]

    np.testing.assert_allclose(cells(specification, before), SERIES[0].T.reshape(-1), rtol=1e-6)
    np.testing.assert_allclose(cells(specification, after), activation.values[0].T.reshape(-1), rtol=1e-6)
    assert [picture.size for picture in pictures_in(specification)] == [(6, 3), (3, 3)]


def test_sequences_that_are_pooled_to_one_number_a_unit():
    activation = answered(L.GlobalMaxPooling1D(name="pool"), SERIES)
    specification = drawn(activation)
    left, right = specification["hconcat"]

    bars = specification["datasets"][right["data"]["name"]]
    np.testing.assert_allclose([bar["activation"] for bar in bars], SERIES[0].max(axis=0), rtol=1e-6)
    assert left["height"] == right["height"]


def test_vectors_as_two_lines():
    values = np.array([[-1, 2, -3, 4]])
    specification = drawn(answered(L.ReLU(name="relu"), values))
    lines, points, _ = specification["layer"]
    rows = specification["datasets"][lines["data"]["name"]]
    outputs = specification["datasets"][points["data"]["name"]]

    assert [(row["channel"], row["value"]) for row in outputs if row["chosen"]] == [(3, 4)]
    assert [row["value"] for row in rows if row["is"] == "input"] == [-1, 2, -3, 4]
    assert [row["value"] for row in rows if row["is"] == "output"] == [0, 2, 0, 4]
    assert "50 % of the values changed, 50 % to zero" in specification["title"]["subtitle"]
    assert lines["encoding"]["strokeDash"]["scale"]["domain"] == ["input", "output"]


def test_dropout_acts_in_training_only():
    layer = L.Dropout(0.5, seed=1, name="drop")
    quiet = drawn(answered(layer, np.ones((1, 64))))
    busy = answered(layer, np.ones((1, 64)), training=True)

    assert "Dropout changed nothing: it acts in training only" in quiet["title"]["subtitle"]
    zeros = float((busy.values == 0).mean())
    assert f"100 % of the values changed, {zeros:.0%}".replace("0%", "0 %")[:31] in drawn(busy)["title"]["subtitle"][1]


@pytest.mark.parametrize(
    ("layer", "values"),
    [
        (L.UpSampling2D(name="it"), IMAGES),
        (L.ZeroPadding1D(name="it"), SERIES),
        (L.Cropping2D(name="it"), IMAGES),
        (L.AdaptiveMaxPooling2D(2, name="it"), IMAGES),
        (L.SpatialDropout1D(0.2, name="it"), SERIES),
        (L.LeakyReLU(name="it"), SERIES),
        (L.Activation("tanh", name="it"), IMAGES),
        (L.ReLU(name="it", dtype="float16"), IMAGES[:, :1, :1, :1]),
        (L.GaussianNoise(0.1, name="it"), np.ones((1, 1))),
        (L.GlobalMaxPooling1D(name="it"), -np.abs(SERIES[:, :1, :1])),
        (L.GlobalMaxPooling1D(name="it"), np.zeros((1, 2, 3))),
    ],
)
def test_every_kind(layer, values):
    drawn(answered(layer, values))


def test_values_that_are_not_finite():
    values = IMAGES.copy()
    values[0, 0, 0] = np.nan, np.inf, -np.inf
    specification = drawn(answered(L.ReLU(name="relu"), values))

    assert any("NaN or infinite" in line for line in specification["title"]["subtitle"])


def test_an_operation_of_other_axes_is_laid_flat(make_activation):
    activation = answered(L.GlobalAveragePooling1D(data_format="channels_first", name="pool"), SERIES)
    specification = drawn(activation)

    assert len(specification["datasets"][specification["layer"][0]["data"]["name"]]) == 18 + 6


def test_without_what_went_in():
    model = keras.Sequential([keras.Input((3,)), L.Dense(3), L.ReLU(name="relu")])
    activation = core.extract(model, np.ones((2, 3), np.float32), layers=["relu"])["relu"]

    assert registry.draw("before-and-after", activation).refusal.startswith("What goes into relu was not kept")


def test_matching(make_activation):
    handles = registry.get("before-and-after").handles
    softmax = answered(L.Activation("softmax", name="it"), np.ones((1, 3)))
    volumes = answered(L.MaxPooling3D(name="it"), np.ones((1, 2, 2, 2, 1)))

    assert handles.match(softmax).reason.endswith("a softmax makes probabilities")
    assert handles.match(volumes).reason == "takes rank 2, 3 or 4, this is rank 5"
    assert "not known" in handles.match(make_activation(np.ones((1, 3)), bases=("ReLU", "Layer"))).reason
    assert registry.publish(answered(L.MaxPooling2D(name="it"), IMAGES))[0].name == "before-and-after"
    assert registry.publish(softmax)[0].name == "class-probabilities"
