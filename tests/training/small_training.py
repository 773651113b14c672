"""Trainings that are small, the same each time, and known: what goes wrong in them goes wrong at a known step."""

import keras
import numpy as np

SAMPLES = 160
BATCH = 8
BATCHES = SAMPLES // BATCH


def data():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(SAMPLES, 6)).astype(np.float32)
    return inputs, (inputs.sum(axis=1) > 0).astype(np.int64)


def model(seed=1):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((6,), name="x"),
        keras.layers.Dense(8, activation="relu", name="first"),
        keras.layers.BatchNormalization(name="scaled"),
        keras.layers.Dropout(0.2, name="dropped"),
        keras.layers.Dense(5, activation="relu", name="second"),
        keras.layers.Dense(4, activation="tanh", name="third"),
        keras.layers.Dense(2, activation="softmax", name="answer"),
    ]
    small = keras.Sequential(layers, name="small")
    small.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return small


class AtStep(keras.callbacks.Callback):
    """Does something to the model after a number of batches."""

    def __init__(self, step, change):
        super().__init__()
        self._step, self._change, self._trained = step, change, 0

    def on_train_batch_end(self, batch, logs=None):
        self._trained += 1
        if self._trained == self._step:
            self._change(self.model)


def fit(trained, callbacks, epochs=2, **options):
    inputs, labels = data()
    return trained.fit(
        inputs, labels, batch_size=BATCH, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=0, **options
    )
