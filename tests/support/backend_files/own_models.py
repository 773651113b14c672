"""A model of somebody's own, which the files name: its class has to be trusted."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="elsewhere")
class Gated(keras.Model):
    """A subclassed model."""

    def __init__(self, units=4, **settings):
        super().__init__(**settings)
        self.units = units
        self.gate, self.value = layers.Dense(units, "sigmoid", name="gate"), layers.Dense(units, name="value")
        self.answer = layers.Dense(2, "softmax", name="answer")

    def call(self, x):
        return self.answer(self.gate(x) * self.value(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}
