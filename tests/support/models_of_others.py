"""Writes model files whose classes nobody else has, in a process of its own: ``python models_of_others.py FOLDER``."""

import json
import sys
import types
import warnings
from pathlib import Path

import keras
import keras_hub
import numpy as np
import tf_keras
from keras import layers

# A package of its owner's, as an import of it would leave it.
sys.modules["tcn"] = types.ModuleType("tcn")


@keras.saving.register_keras_serializable(package="tcn")
class TCN(layers.Layer):
    """Has weights of its own, layers in a list, and a layer as an attribute."""

    def __init__(self, filters=4, **options):
        super().__init__(**options)
        self.filters = filters
        self.blocks = [layers.Conv1D(filters, 3, padding="same") for _ in range(2)]
        self.norm = layers.LayerNormalization()

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(self.filters,), name="factor")
        for block in self.blocks:
            block.build(input_shape)
            input_shape = (*input_shape[:-1], self.filters)
        self.norm.build(input_shape)

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return self.norm(inputs) * self.factor

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


class Twofold(keras.Model):
    """A subclassed model that was never registered."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.last = layers.Dense(3, name="first"), layers.Dense(1, name="last")

    def call(self, inputs):
        return self.last(self.first(inputs))


TCN.__module__ = "tcn"


def own_model():
    """Return a model with the class twice, once in a nested model, a layer that is called twice, and a Lambda."""
    signal = keras.Input((10, 3), name="signal")
    outputs = TCN(4, name="tcn")(signal)
    shared = layers.Dense(4, name="shared")
    outputs = layers.Add(name="sum")([shared(outputs), shared(outputs * 2)])
    outputs = layers.Bidirectional(layers.LSTM(5, return_sequences=True, dropout=0.1), name="both")(outputs)
    outputs = layers.Lambda(lambda values: values * 2, name="twice")(outputs)
    nested = keras.Sequential(
        [keras.Input((10, 10)), layers.Dense(6, name="narrow"), TCN(4, name="inner")], name="nest"
    )
    outputs = layers.Flatten(name="flat")(nested(outputs))
    outputs = layers.Dense(2, name="head")(layers.Dense(8, name="neck")(outputs))
    model = keras.Model(signal, outputs, name="own")
    model.compile("adam", "mse")
    return model


def told(model, every):
    """Return what is true of a model, as its own objects say it."""
    return {
        "parameters": model.count_params(),
        "layers": {
            layer.name: {
                "type": type(layer).__name__,
                "shape": [extent or "?" for extent in layer.output.shape[1:]]
                if hasattr(layer, "_inbound_nodes")
                else [],
                "parameters": layer.count_params(),
                "weights": [np.asarray(weight).tolist() for weight in layer.weights],
            }
            for layer in every
        },
    }


def main(folder):
    """Write all of them."""
    keras.utils.set_random_seed(4)
    warnings.simplefilter("ignore")
    model = own_model()
    for name in ("own.keras", "own.h5"):
        model.save(folder / name)
    model.save_weights(folder / "own.weights.h5")
    (folder / "own.json").write_text(model.to_json())
    facts = {"own": told(model, [each for each in model.layers if not isinstance(each, layers.InputLayer)])}
    twofold = Twofold(name="twofold")
    twofold(np.zeros((1, 4)))
    twofold.save(folder / "twofold.keras")
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=12
    )
    backbone.save(folder / "bert.keras")
    facts["bert"] = {"parameters": backbone.count_params()}
    old_layers = tf_keras.layers
    inner = tf_keras.Sequential([old_layers.Dense(6, activation="relu", input_shape=(5,), name="deep")], name="inner")
    given = tf_keras.Input((5,), name="numbers")
    answers = [inner(given), inner(old_layers.Rescaling(2.0)(given))]
    old = tf_keras.Model(given, old_layers.Lambda(lambda values: values[0] + values[1], name="more")(answers))
    old.save(folder / "old.h5")
    (folder / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
