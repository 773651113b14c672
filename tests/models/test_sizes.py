"""The arithmetic on shapes, against what Keras builds."""

import json

import keras
import pytest
from keras import layers

from core.common.limits import Limits
from core.errors import ModelRefused
from core.models.inspection import inspect_model
from core.models.sizes import check_sizes, sizes_of
from tests.models.hostile.parts import dense, node, sequential


def answered_bytes(model):
    """Return what all layers of a functional model answer to one sample, as Keras knows it."""
    total = 0
    for layer in model.layers:
        for number in range(len(layer._inbound_nodes)):
            for tensor in keras.tree.flatten(layer._inbound_nodes[number].output_tensors):
                size = 1
                for extent in tensor.shape[1:]:
                    size *= extent or 1
                total += size * 4
    return total


def attention():
    x = keras.Input((10, 16))
    y = layers.LayerNormalization()(layers.Add()([layers.MultiHeadAttention(2, 8, value_dim=5)(x, x), x]))
    return keras.Model(x, layers.Dense(3)(y))


def convolutions():
    x = keras.Input((17, 15, 3))
    y = layers.Conv2D(8, (3, 5), strides=2, padding="same")(x)
    y = layers.SeparableConv2D(6, 3, dilation_rate=2)(layers.ZeroPadding2D(((1, 2), (3, 4)))(y))
    y = layers.Conv2DTranspose(4, 4, strides=3)(layers.DepthwiseConv2D(2, depth_multiplier=2)(y))
    return keras.Model(x, layers.GlobalMaxPooling2D()(layers.UpSampling2D((2, 3))(layers.Cropping2D(1)(y))))


def recurrent():
    x = keras.Input((9, 4))
    y = layers.Bidirectional(layers.GRU(6, return_sequences=True), merge_mode="concat")(x)
    y = layers.RNN(layers.StackedRNNCells([layers.LSTMCell(3), layers.SimpleRNNCell(4)]), return_sequences=True)(y)
    return keras.Model(x, layers.TimeDistributed(layers.Dense(2))(layers.LSTM(5, return_sequences=True)(y)))


def shared():
    x = keras.Input((8,))
    layer = layers.Dense(8)
    return keras.Model(x, layers.Concatenate()([layer(layer(x)), x]))


MODELS = [attention, convolutions, recurrent, shared]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_parameters_and_activations_are_those_of_keras(make):
    model = make()
    sizes = sizes_of(json.loads(model.to_json()))
    assert sizes.complete
    assert (sizes.parameters, sizes.activation_bytes) == (model.count_params(), answered_bytes(model))


def test_a_whole_application_is_exact():
    model = keras.applications.MobileNetV2(weights=None)
    sizes = sizes_of(json.loads(model.to_json()))
    assert (sizes.parameters, sizes.activation_bytes) == (model.count_params(), answered_bytes(model))


def test_what_is_not_understood_gives_a_lower_bound():
    config = sequential(dense(5), node("Unheard", name="unheard"), dense(7, "last"), shape=(4,))
    sizes = sizes_of(config)
    assert (sizes.complete, sizes.parameters) == (False, 25 + 7)


def test_a_layer_says_its_own_shape_after_one_that_is_not_understood():
    last = {**dense(7, "last"), "build_config": {"input_shape": [None, 5]}}
    assert sizes_of(sequential(dense(5), node("Unheard", name="unheard"), last)).parameters == 25 + 42


@pytest.mark.parametrize(
    ("limits", "stored", "says", "variable"),
    [
        ({"parameters": 50}, None, r"declares 60 parameters.*'dense'; at most 50", "LAYERSCOPE_PARAMETERS"),
        (
            {"activation_bytes": 60},
            None,
            r"answer 64 bytes to a single sample.*at most 60",
            "LAYERSCOPE_ACTIVATION_BYTES",
        ),
    ],
)
def test_more_than_the_limits_is_refused(limits, stored, says, variable):
    with pytest.raises(ModelRefused, match=says) as refused:
        check_sizes(sequential(dense(12)), stored, "model.keras", Limits(**limits))
    assert variable in refused.value.remedy


def test_far_more_than_is_stored_is_refused():
    with pytest.raises(ModelRefused, match=r"declares 5,000,000 parameters.*and stores 60"):
        check_sizes(sequential(dense(1_000_000)), 60, "model.keras", Limits())


def test_a_little_more_than_is_stored_is_not():
    assert check_sizes(sequential(dense(12)), 59, "model.keras", Limits()).parameters == 60


def test_a_network_on_large_pictures_is_not_refused_for_what_is_never_kept(tmp_path):
    convolutions = [layers.Conv2D(64, 3, padding="same") for _ in range(12)]
    keras.Sequential([keras.Input((1024, 1024, 3)), *convolutions]).save(tmp_path / "segmentation.keras")
    assert inspect_model(tmp_path / "segmentation.keras").sizes.activation_bytes > 3_000_000_000
