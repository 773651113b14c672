"""Models that more than one test file needs."""

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
