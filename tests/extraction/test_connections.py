"""Which layers feed which: as Keras' own graph has it, and as values flow where there is none."""

import keras
import numpy as np
import pytest
from keras.src.ops.function import make_node_key

from core.extraction.extractor import Extractor, extract

layers, ops = keras.layers, keras.ops
VECTORS = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


def nodes_of(model, operation):
    """Return the calls of an operation that a functional model consists of."""
    made = enumerate(operation._inbound_nodes)
    return [node for number, node in made if make_node_key(operation, number) in model._nodes]


def key_of(model, tensor):
    operation, number, output = tensor._keras_history
    if isinstance(operation, layers.InputLayer):
        return f"input:{tensor.name}"
    node = operation._inbound_nodes[number]
    times = nodes_of(model, operation).index(node) + 1
    several = len(keras.tree.flatten(node.output_tensors)) > 1
    return operation.name + (f"#{times}" if times > 1 else "") + (f"[{output}]" if several else "")


def edges_of_keras(model):
    edges = {}
    for operation in model.operations:
        if isinstance(operation, layers.InputLayer):
            continue
        for number, node in enumerate(nodes_of(model, operation), 1):
            sources = dict.fromkeys(key_of(model, tensor) for tensor in node.input_tensors)
            edges[operation.name + (f"#{number}" if number > 1 else "")] = tuple(sources)
    return edges


def edges_recorded(model):
    return {layer.call_key: layer.inputs_from for layer in Extractor(model).layers if not layer.depth}


def u_net():
    x = images = keras.Input((16, 16, 1))
    skips = []
    for filters in (4, 8):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        skips.append(x)
        x = layers.MaxPooling2D()(layers.Dropout(0.1)(x))
    x = layers.Activation("linear")(layers.GaussianNoise(0.1)(x))
    for filters, skip in zip((8, 4), reversed(skips), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D()(x), skip])
        x = layers.Identity()(layers.Conv2D(filters, 3, padding="same")(layers.SpatialDropout2D(0.1)(x)))
    return keras.Model(images, layers.Conv2D(1, 1, activation="sigmoid")(x))


def same_shape_everywhere():
    x = vectors = keras.Input((4,))
    first = layers.Dense(4)(x)
    chain = [first]
    for layer in (layers.Dropout(0.1), layers.Identity(), layers.Reshape((4,)), layers.Activation("linear")):
        chain.append(layer(chain[-1]))
    return keras.Model(vectors, layers.Concatenate()(chain))


def states():
    series = keras.Input((7, 4))
    whole, hidden, cell = layers.LSTM(3, return_sequences=True, return_state=True)(series)
    second = layers.LSTM(3)(whole, initial_state=[hidden, cell])
    shared = layers.Dense(3)
    return keras.Model(series, shared(shared(second)) + hidden * 2.0)


def last_state():
    """Without sequences an LSTM answers one tensor twice."""
    series = keras.Input((7, 4))
    last, hidden, _ = layers.LSTM(3, return_state=True)(series)
    return keras.Model(series, [layers.Dense(2)(last), layers.Dense(2)(hidden)])


def text():
    ids = keras.Input((7,), dtype="int32")
    embedded = layers.Embedding(5, 4, mask_zero=True)(ids)
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True, return_state=True))(embedded)
    attended = layers.MultiHeadAttention(2, 2)(both[0], embedded, embedded)
    pooled = layers.GlobalAveragePooling1D()(layers.Concatenate()([attended, both[0]]))
    return keras.Model(ids, layers.Dense(1)(layers.Concatenate()([pooled, *both[1:]])))


def twins():
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    base = keras.Sequential([layers.Dense(5), layers.Dropout(0.2)], name="base")
    return keras.Model([one, other], layers.Dot(1)([base(one), base(other)]))


def mobile_net():
    return keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=3)


def efficient_net():
    return keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=3)


@pytest.mark.parametrize(
    "make", [u_net, same_shape_everywhere, states, last_state, text, twins, mobile_net, efficient_net]
)
def test_the_graph_of_a_functional_model_is_that_of_keras(make):
    model = make()

    assert edges_recorded(model) == edges_of_keras(model)


def test_in_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = u_net()
    finally:
        keras.config.set_dtype_policy("float32")

    assert edges_recorded(model) == edges_of_keras(model)


class Gated(keras.Model):
    """Computes between its layers, by operations that are no layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(4, name="first"), layers.Dense(4, name="second")
        self.norm, self.last = layers.LayerNormalization(name="norm"), layers.Dense(2, name="last")

    def call(self, x):
        hidden = ops.relu(self.first(ops.log1p(ops.abs(x))))
        gated = self.second(hidden) * ops.sigmoid(hidden)
        # Of another tensor only the shape is needed here.
        return self.last(self.norm(gated) + ops.zeros_like(hidden))


def test_values_flow_through_operations_between_layers():
    layers_ = {layer.key: layer.inputs_from for layer in extract(Gated(), VECTORS).layers}

    assert layers_ == {
        "first": ("input:input_0",),
        "second": ("first",),
        "norm": ("second", "first"),
        "last": ("norm",),
    }


def test_what_goes_into_a_layer_after_an_identity_is_told():
    activations = extract(same_shape_everywhere(), VECTORS)
    joined = activations["concatenate"] if "concatenate" in activations else activations.at(-1)

    assert [each.layer.type_name for each in joined.inputs] == [
        "Dense",
        "Dropout",
        "Identity",
        "Reshape",
        "Activation",
    ]
