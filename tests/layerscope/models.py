"""Models as their owners have them in memory: subclassed, with layers of their own."""

import keras
import numpy as np


class Doubling(keras.layers.Layer):
    def call(self, x):
        return x * 2.0


class Pictures(keras.Model):
    """Tells three kinds of pictures apart."""

    def __init__(self, name="pictures"):
        super().__init__(name=name)
        self.convolution = keras.layers.Conv2D(4, 3, activation="relu", name="convolution")
        self.doubling = Doubling(name="doubling")
        self.pooling = keras.layers.GlobalAveragePooling2D(name="pooling")
        self.scores = keras.layers.Dense(3, activation="softmax", name="scores")

    def call(self, x):
        return self.scores(self.pooling(self.doubling(self.convolution(x))))


class Sum(keras.Model):
    """Takes several inputs, in a list or by name."""

    def __init__(self):
        super().__init__(name="sum")
        self.dense = keras.layers.Dense(2, name="dense")

    def call(self, given):
        first, second = (given["first"], given["second"]) if isinstance(given, dict) else given
        return self.dense(first) + self.dense(second)


def pictures(count=12):
    return np.random.default_rng(0).random((count, 12, 12, 1), dtype="float32")
