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


class Counting(keras.layers.Layer):
    """Counts its calls, in training or not."""

    def build(self, shape):
        self.calls = self.add_weight(name="calls", initializer="zeros", trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1.0)
        return inputs


def remembering_model(jit):
    """A model in which a call that is none of the training's would leave its trace: in states, metrics or seeds."""
    keras.utils.set_random_seed(1)
    vector = keras.Input((6,), name="x")
    units = keras.layers.Dense(8, activation="relu", activity_regularizer="l2", name="first")(vector)
    units = keras.layers.BatchNormalization(name="scaled")(Counting(name="counting")(units))
    units = keras.layers.Dropout(0.2, name="dropped")(units)
    units = keras.layers.Dense(5, activation="relu", name="second")(units)
    answers = [keras.layers.Dense(2, activation="softmax", name=name)(units) for name in ("answer", "other")]
    remembering = keras.Model(vector, answers, name="remembering")
    losses = ["sparse_categorical_crossentropy"] * 2
    remembering.compile("adam", losses, metrics=[["accuracy"], []], jit_compile=jit)
    return remembering


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
    labels = [labels] * len(trained.outputs) if len(getattr(trained, "outputs", None) or ()) > 1 else labels
    return trained.fit(
        inputs, labels, batch_size=BATCH, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=0, **options
    )
