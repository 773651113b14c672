import math

import keras
import numpy as np
import pytest

import core
from core.analysis.normalization import VALUES_LOOKED_AT, drift, refuse_without_statistics
from core.extraction.activation import Activation
from core.workspace.layer_table import layer_row

RANDOM = np.random.default_rng(0)
L = keras.layers


def pictures(count):
    """Return pictures of 0 to 1 whose brightness differs from place to place, as photographs' does."""
    return RANDOM.beta(2, 3, size=(count, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(6, 3, name="conv"),
            L.BatchNormalization(momentum=0.7, name="maps"),
            L.ReLU(),
            L.GlobalAveragePooling2D(),
            L.BatchNormalization(momentum=0.7, name="vectors"),
            L.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    model.fit(pictures(256), RANDOM.normal(size=256), epochs=4, verbose=0)
    return model


def notes(activation):
    return layer_row(activation.layer, 1, activation, 0).notes


@pytest.mark.parametrize("count", [1, 2, 8, 64])
def test_a_model_is_at_home_on_its_own_data_and_not_on_0_to_255(trained, count):
    own, wrong = core.extract(trained, pictures(count)), core.extract(trained, pictures(count) * 255)

    assert not drift(own["maps"]).drifts.any()
    assert not drift(own["vectors"]).drifts.any()
    assert drift(wrong["maps"]).drifts.all()
    assert not any("drift" in note for name in ("maps", "vectors") for note in notes(own[name]))
    assert "drift in 6 of 6" in notes(wrong["maps"])
    # One vector says nothing of a distribution.
    assert ("drift in 6 of 6" in notes(wrong["vectors"])) is (count > 1)


def test_the_numbers(trained):
    given = pictures(5)
    activations = core.extract(trained, given)
    found = drift(activations["maps"])
    maps = activations["conv"].values.astype(np.float64)
    layer = trained.get_layer("maps")
    mean, variance = np.array(layer.moving_mean, np.float64), np.array(layer.moving_variance, np.float64)

    deviation = np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(found.shift, (maps.mean(axis=(0, 1, 2)) - mean) / deviation, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.spread, np.sqrt(maps.var(axis=(0, 1, 2)) + 1e-3) / deviation, rtol=1e-6)
    assert (found.sample_count, found.values_per_channel) == (5, 5 * 36)
    assert found.most_shift == pytest.approx(1 + 2 / math.sqrt(180))
    assert found.spread_limits == (0.5, 2)
    assert not found.is_initial


def test_few_values_are_judged_with_care(trained):
    found = drift(core.extract(trained, pictures(4))["vectors"])

    assert found.most_shift == 2
    assert found.spread_limits == (0, math.inf)


def test_large_inputs_are_looked_at_in_part(trained):
    activation = core.extract(trained, pictures(64))["maps"]
    part, whole = drift(activation, 600), drift(activation)

    assert activation.inputs[0].values.size < VALUES_LOOKED_AT
    assert (part.values_per_channel, whole.values_per_channel) == (100, 64 * 36)
    np.testing.assert_allclose(part.shift, whole.shift, atol=0.5)


def test_an_adapted_normalization():
    values = RANDOM.normal((3, -50, 1000), (1, 20, 0.1), size=(200, 3)).astype(np.float32)
    layer = L.Normalization(name="scale")
    layer.adapt(values)
    model = keras.Sequential([keras.Input((3,)), layer])

    found = drift(core.extract(model, values)["scale"])
    np.testing.assert_allclose(found.shift, 0, atol=1e-2)
    np.testing.assert_allclose(found.spread, 1, rtol=1e-2)
    assert list(drift(core.extract(model, np.add(values, [0, 100, 0]))["scale"]).drifts) == [False, True, False]
    assert notes(core.extract(model, values * [1, 1, 2])["scale"]) == ("drift in 1 of 3",)


@pytest.mark.parametrize(("axis", "channels"), [(-1, 4), (1, 3), ((1, 2), 12), (None, 1)])
def test_whichever_axis_is_normalised(axis, channels):
    values = RANDOM.normal(5, 2, size=(50, 3, 4)).astype(np.float32)
    layer = L.Normalization(axis=axis, name="scale")
    layer.adapt(values)
    found = drift(core.extract(keras.Sequential([keras.Input((3, 4)), layer]), values)["scale"])

    assert found.shift.shape == (channels,)
    np.testing.assert_allclose(found.shift, 0, atol=1e-3)
    assert found.values_per_channel == 50 * 12 // channels


def test_channels_that_were_put_last(make_activation):
    given = make_activation(
        RANDOM.normal(size=(9, 5, 6, 2)), bases=("Conv2D", "BaseConv", "Layer"), data_format="channels_first"
    )
    given = Activation("conv", np.add(given.values, [0, 7]), given.axes, given.layer)
    about = make_activation(
        np.zeros((9, 2, 5, 6)),
        bases=("BatchNormalization", "Layer"),
        parameter_count=8,
        inputs_from=("conv",),
        settings=(("axis", "1"),),
    )
    weights = {"moving_mean": np.zeros(2), "moving_variance": np.full(2, 1.1)}
    activation = Activation("bn", about.values, about.axes, about.layer, inputs=(given,), weights=lambda: weights)

    assert list(drift(activation).drifts) == [False, True]


def test_padding_does_not_count():
    values = RANDOM.normal(size=(6, 10, 2)).astype(np.float32)
    values[:, 4:] = 99
    model = keras.Sequential([keras.Input((10, 2)), L.Masking(99.0), L.BatchNormalization(name="bn")])
    activation = core.extract(model, values)["bn"]

    assert drift(activation).values_per_channel == 24
    assert not drift(activation).drifts.any()


def test_a_layer_that_was_never_trained_is_no_news():
    model = keras.Sequential([keras.Input((3,)), L.Dense(2), L.BatchNormalization(name="bn")])
    activation = core.extract(model, np.full((40, 3), 1e3, np.float32) * RANDOM.normal(size=(40, 1)))["bn"]

    assert drift(activation).is_initial
    assert notes(activation) == ()


def test_what_is_not_finite_is_left_out():
    model = keras.Sequential([keras.Input((3,)), L.BatchNormalization(name="bn")])
    values = RANDOM.normal(size=(60, 3)).astype(np.float32)
    values[:20, 0], values[:, 1] = np.inf, np.nan
    found = drift(core.extract(model, values)["bn"])

    assert abs(found.shift[0]) < 1
    assert np.isnan(found.shift[1])
    assert not found.drifts.any()


def test_half_precision(trained):
    model = keras.Sequential([keras.Input((8,)), L.Dense(4), L.BatchNormalization(name="bn")])
    model.build((None, 8))
    mixed = keras.Sequential(
        [keras.Input((8,)), L.Dense(4, dtype="float16"), L.BatchNormalization(dtype="mixed_float16", name="bn")]
    )
    mixed.set_weights(model.get_weights())
    values = RANDOM.normal(size=(50, 8)).astype(np.float32)

    np.testing.assert_allclose(
        drift(core.extract(mixed, values)["bn"]).spread, drift(core.extract(model, values)["bn"]).spread, rtol=1e-2
    )


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            L.LayerNormalization(name="it"),
            "takes layers that keep statistics of training, LayerNormalization keeps none",
        ),
        (
            L.Normalization(mean=1.0, variance=2.0, name="it"),
            "takes statistics of training, those of this Normalization were given by hand",
        ),
        (L.BatchNormalization(name="it"), ""),
    ],
)
def test_reasons(layer, reason):
    activation = core.extract(keras.Sequential([keras.Input((3,)), layer]), np.ones((4, 3), np.float32))["it"]

    assert refuse_without_statistics(activation) == reason
    assert (drift(activation) is None) is bool(reason)


def test_without_what_went_in(trained):
    activation = core.extract(trained, pictures(3), layers=["maps"])["maps"]

    assert activation.inputs == ()
    assert drift(activation) is None
    assert notes(activation) == ()
