"""A softmax or sigmoid that is not the last thing that a model does: classes and logits are met all the same."""

import keras
import numpy as np
import pytest

from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.extraction.extractor import Extractor
from core.extraction.layers import explained_as
from core.extraction.model_output import output_of

layers, ops = keras.layers, keras.ops
VECTORS = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


class Tempered(layers.Layer):
    def call(self, x):
        return ops.softmax(x / 2.0)


def nested(logits):
    inputs = keras.Input(logits.shape[1:])
    return keras.Model(inputs, layers.Softmax(name="probabilities")(inputs), name="head")(logits)


HEADS = {
    "a layer of one's own": (lambda logits: Tempered()(logits), 0.5),
    "an operation": (lambda logits: ops.softmax(logits), 1),
    "a model of its own": (nested, 1),
    "a cast to float32": (lambda logits: ops.cast(layers.Softmax(dtype="float16")(logits), "float32"), 1),
    "an Activation in float32": (lambda logits: layers.Activation("linear")(layers.Softmax()(logits)), 1),
    "a Dropout": (lambda logits: layers.Dropout(0.2)(layers.Softmax()(logits)), 1),
}


@pytest.mark.parametrize("head", HEADS)
def test_classes_and_logits(head):
    function, scale = HEADS[head]
    inputs = keras.Input((4,))
    logits = layers.Dense(3, name="logits")(inputs)
    extractor = Extractor(keras.Model(inputs, function(logits)))
    output = output_of(extractor.model, extractor.layers)
    explained = run_pass(extractor, VECTORS, PassSpec(output.layer), units=1)

    assert output.function == "softmax"
    expected = scale * extractor.extract(VECTORS)["logits"].values[:, 1]
    np.testing.assert_allclose(explained.objective, expected, rtol=2e-3, atol=2e-3)


def test_a_dropout_after_a_sigmoid_answers_a_probability():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dropout(0.2)(layers.Dense(1, "sigmoid")(inputs)))

    assert output_of(model, Extractor(model).layers).is_one_probability


def test_what_is_done_to_probabilities_is_no_softmax():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Rescaling(100.0)(layers.Dense(3, "softmax")(inputs)))

    assert output_of(model, Extractor(model).layers).function == ""


class Halved(layers.Dense):
    """Says that it ends in a softmax, and goes on."""

    def call(self, x):
        return super().call(x) * 0.5


def test_a_softmax_that_cannot_be_looked_behind_says_so():
    inputs = keras.Input((4,))
    layer = Extractor(keras.Model(inputs, Halved(3, activation="softmax")(inputs))).layers[-1]

    assert explained_as(layer) == "the probability itself: what goes into its softmax could not be found"


def test_what_is_explained_of_a_class_is_its_logit():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(layers.Dense(3, name="plain")(inputs)))

    assert [explained_as(layer) for layer in Extractor(model).layers] == ["", "the logit, before the softmax"]
