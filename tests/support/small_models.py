"""Models that more than one test file needs."""

import warnings

import keras


class Chain(keras.Model):
    """A subclassed model; with ``decides`` Python looks at a value, which no graph allows."""

    def __init__(self, *chain, decides=False, **settings):
        super().__init__(**settings)
        self.chain = list(chain)
        self.decides = decides

    def call(self, x):
        for layer in self.chain:
            x = layer(x)
        if self.decides and float(keras.ops.sum(x)) > 1e9:
            x = -x
        return x


def save(model, path):
    """Save a model of either Keras, and return the path."""
    with warnings.catch_warnings():
        # Both Keras call .h5 legacy when they write it, and Keras 3 reads its variables in NumPy 1's way.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(path)
    return path
