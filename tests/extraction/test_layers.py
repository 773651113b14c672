import dataclasses

import keras
import numpy as np
import pytest

import core
from core.extraction.layers import LayerInfo, LayerPlace, axes_of, describe_layer, layer_kind


def describe(layer, shape, has_values=True, **place):
    output = layer(np.zeros(shape, np.float32))
    return describe_layer(layer, output if has_values else None, LayerPlace(**{"key": layer.name, "index": 0, **place}))


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (keras.layers.Conv2DTranspose(1, 1), "convolution"),
        (keras.layers.DepthwiseConv2D(1), "convolution"),
        (keras.layers.SeparableConv1D(1, 1), "convolution"),
        (keras.layers.GRU(1), "recurrent"),
        (keras.layers.ConvLSTM2D(1, 1), "recurrent"),
        (keras.layers.Bidirectional(keras.layers.LSTM(1)), "recurrent"),
        (keras.layers.MultiHeadAttention(1, 1), "attention"),
        (keras.layers.AdditiveAttention(), "attention"),
        (keras.layers.Dense(1), "dense"),
        (keras.layers.Embedding(1, 1), "embedding"),
        (keras.layers.StringLookup(), "preprocessing"),
        (keras.layers.Rescaling(1.0), "preprocessing"),
        (keras.layers.LayerNormalization(), "normalization"),
        (keras.layers.GlobalMaxPooling3D(), "pooling"),
        (keras.layers.SpatialDropout1D(0.1), "regularization"),
        (keras.layers.ReLU(), "activation"),
        (keras.layers.Permute((1,)), "reshaping"),
        (keras.layers.Add(), "other"),
        (keras.Sequential([]), "model"),
    ],
)
def test_kinds(layer, kind):
    assert layer_kind(tuple(cls.__name__ for cls in type(layer).__mro__)) == kind


def test_what_is_no_layer_is_an_operation():
    assert layer_kind(("Multiply", "Operation")) == "operation"


class Strange(keras.layers.Dense):
    pass


class TestDescribe:
    def test_dense(self):
        info = describe(keras.layers.Dense(3, activation="relu", name="d"), (2, 4))

        assert (info.key, info.name, info.index) == ("d", "d", 0)
        assert info.type_names == ("Dense", "Layer")
        assert info.output_shape == (2, 3)
        assert (info.parameter_count, info.trainable_count) == (15, 15)
        assert (info.dtype, info.activation_function, info.data_format) == ("float32", "relu", "")

    def test_bases_come_nearest_first_and_end_in_layer(self):
        assert describe(Strange(3), (2, 4)).type_names == ("Strange", "Dense", "Layer")
        assert describe(keras.layers.LSTM(2), (2, 3, 4)).type_names == ("LSTM", "RNN", "Layer")

    def test_linear_is_no_function_and_softmax_is_one_as_a_layer_too(self):
        assert describe(keras.layers.Dense(3), (2, 4)).activation_function == ""
        assert describe(keras.layers.Softmax(), (2, 4)).activation_function == "softmax"

    def test_frozen_weights_are_counted_apart(self):
        info = describe(keras.layers.BatchNormalization(), (2, 4))

        assert (info.parameter_count, info.trainable_count) == (16, 8)

    def test_settings_in_the_words_of_the_config(self):
        settings = dict(describe(keras.layers.Conv2D(2, 3, strides=2, padding="same"), (1, 8, 8, 1)).settings)

        assert settings == {"kernel_size": "3×3", "strides": "2×2", "padding": "same"}
        assert dict(describe(keras.layers.Dropout(0.25), (1, 2)).settings)["rate"] == "0.25"

    def test_channels_first_is_told_in_our_order(self):
        info = describe(keras.layers.ZeroPadding2D(1, data_format="channels_first"), (2, 3, 4, 5))

        assert info.output_shape == (2, 6, 7, 3)
        assert info.axes == ("sample", "height", "width", "channel")

    def test_no_output(self):
        info = describe(keras.layers.Dense(3), (2, 4), has_values=False, missing="because")

        assert (info.output_shape, info.dtype, info.missing) == ((), "", "because")

    def test_depth_counts_what_is_around(self):
        assert [describe(keras.layers.Dense(1), (1, 1), key=key).depth for key in ("a", "a/b", "a/b/c#2")] == [0, 1, 2]

    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            describe(keras.layers.Dense(1), (1, 1)).key = "other"


@pytest.mark.parametrize(
    ("type_name", "rank", "axes"),
    [
        ("Dense", 1, ("sample",)),
        ("Dense", 2, ("sample", "unit")),
        ("Conv1D", 3, ("sample", "time", "unit")),
        ("Conv2D", 4, ("sample", "height", "width", "channel")),
        ("Conv3D", 5, ("sample", "depth", "height", "width", "channel")),
        ("ConvLSTM", 5, ("sample", "time", "height", "width", "channel")),
        ("TimeDistributed", 5, ("sample", "time", "height", "width", "channel")),
        ("EinsumDense", 3, ("sample", "time", "unit")),
        ("EinsumDense", 4, ("sample", "axis1", "axis2", "axis3")),
        ("Reshape", 6, ("sample", "axis1", "axis2", "axis3", "axis4", "axis5")),
    ],
)
def test_axes(type_name, rank, axes):
    assert axes_of((type_name, "Layer"), rank) == axes
    info = LayerInfo("k", "k", None, type_name, (type_name, "Layer"), (None,) * rank)
    assert info.axes == axes


def test_a_layer_without_a_format_keeps_that_of_what_went_in():
    model = keras.Sequential(
        [
            keras.Input((3, 6, 7)),
            keras.layers.MaxPooling2D(2, data_format="channels_first", name="pool"),
            keras.layers.ReLU(name="relu"),
            keras.layers.Flatten(name="flat"),
        ]
    )
    values = np.random.default_rng(0).normal(size=(2, 3, 6, 7)).astype(np.float32)
    activations = core.extract(model, values)

    assert activations["relu"].shape == activations["pool"].shape == (2, 3, 3, 3)
    pooled = values[:, :, :6, :6].reshape(2, 3, 3, 2, 3, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(activations["relu"].values, np.maximum(np.moveaxis(pooled, 1, -1), 0))
    assert activations["flat"].axes == ("sample", "unit")


def test_weights_of_the_same_name_are_told_apart():
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Bidirectional(keras.layers.SimpleRNN(2), name="both")])
    weights = core.extract(model, np.zeros((1, 4, 3), np.float32))["both"].weights

    assert len(weights) == 6
    assert {name.rpartition("/")[2] for name in weights} == {"kernel", "recurrent_kernel", "bias"}


def test_inputs_of_another_type_are_still_where_a_layer_gets_its_own_from():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Normalization(name="n")])
    activations = core.extract(model, np.ones((2, 3), np.uint8))

    assert [each.key for each in activations["n"].inputs] == [f"input:{model.inputs[0].name}"]
