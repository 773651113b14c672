"""Every model of keras.applications: each of its layers against one Keras model of all layers."""

import inspect
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.extraction.extractor import extract

SMALLEST_SIDE = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}

# The same code as a smaller member of the family with larger numbers: more repeats, more channels. To build and trace
# them takes several times as long as all others together, so they are run where LAYERSCOPE_LARGE_MODELS is set.
LARGER_MEMBERS = {
    "ConvNeXtSmall": "ConvNeXtTiny",
    "ConvNeXtBase": "ConvNeXtTiny",
    "ConvNeXtLarge": "ConvNeXtTiny",
    "ConvNeXtXLarge": "ConvNeXtTiny",
    "DenseNet169": "DenseNet121",
    "DenseNet201": "DenseNet121",
    "EfficientNetB1": "EfficientNetB0",
    "EfficientNetB2": "EfficientNetB0",
    "EfficientNetB3": "EfficientNetB0",
    "EfficientNetB4": "EfficientNetB0",
    "EfficientNetB5": "EfficientNetB0",
    "EfficientNetB6": "EfficientNetB0",
    "EfficientNetB7": "EfficientNetB0",
    "EfficientNetV2B1": "EfficientNetV2B0",
    "EfficientNetV2B2": "EfficientNetV2B0",
    "EfficientNetV2B3": "EfficientNetV2B0",
    "EfficientNetV2S": "EfficientNetV2B0",
    "EfficientNetV2M": "EfficientNetV2B0",
    "EfficientNetV2L": "EfficientNetV2B0",
    "NASNetLarge": "NASNetMobile",
    "ResNet101": "ResNet50",
    "ResNet152": "ResNet50",
    "ResNet101V2": "ResNet50V2",
    "ResNet152V2": "ResNet50V2",
    "VGG19": "VGG16",
}


def every_constructor():
    return sorted(name for name, thing in vars(keras.applications).items() if inspect.isfunction(thing))


def chosen():
    everything = every_constructor()
    return everything if os.environ.get("LAYERSCOPE_LARGE_MODELS") else sorted({*everything} - {*LARGER_MEMBERS})


def test_what_is_left_out_is_of_the_family_of_one_that_is_run():
    assert len(every_constructor()) >= 40
    assert set(LARGER_MEMBERS) <= set(every_constructor())
    assert set(LARGER_MEMBERS.values()) <= set(every_constructor()) - set(LARGER_MEMBERS)


@pytest.mark.parametrize("name", chosen())
def test_every_layer_of(name):
    side = SMALLEST_SIDE.get(name, 32)
    model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=10)
    images = np.random.default_rng(0).uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    activations = extract(model, images)

    called = [operation for operation in model.operations if not isinstance(operation, keras.layers.InputLayer)]
    assert {key for key in activations if "/" not in key} == {layer.name for layer in called}
    assert [activations[layer.name].layer.index for layer in model.layers[1:]] == list(range(1, len(model.layers)))
    assert not [layer.key for layer in activations.layers if layer.missing]
    every_answer = keras.Model(model.input, [layer.output for layer in called])
    # The deeper a model of random weights, the more it magnifies rounding; another graph of it rounds alike.
    expected = (tf.function(every_answer) if name in LARGER_MEMBERS else every_answer)(images)
    for layer, values in zip(called, expected, strict=True):
        allowed = 1e-5 * max(10, np.abs(values).max())
        np.testing.assert_allclose(activations[layer.name].values, values, rtol=1e-3, atol=allowed, err_msg=layer.name)
    np.testing.assert_allclose(activations.output, expected[-1], rtol=1e-4, atol=1e-6)
