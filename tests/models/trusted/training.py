"""A person's training: layers of their own in a file beside it, models trained, compiled and saved with them.

Run in an empty folder. Beside each ``NAME.keras`` and ``NAME.h5`` stands ``NAME.npy``, what the model answers to
``inputs.npy``.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

PARTS = '''
import keras


class Scaling(keras.layers.Layer):
    """What other layers of the project are made of."""

    factor = 3.0

    def call(self, x):
        return x * self.factor
'''
LAYERS = '''
import keras
from keras import ops

from own_parts import Scaling


class Tripled(Scaling):
    """Never registered, as in most projects."""


@keras.saving.register_keras_serializable(package="own")
class Mixed(keras.layers.Layer):
    """Registered, with weights and a layer inside."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = keras.layers.Dense(units, name="inner")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return ops.relu(self.inner(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def doubled(x):
    return x * 2.0


class Net(keras.Model):
    """A model that is a class of its own, and has no graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mixed = Mixed(4, name="mixed")
        self.head = keras.layers.Dense(3, activation="softmax", name="head")

    def call(self, x):
        return self.head(self.mixed(x))


class Sum(keras.Model):
    """Takes two inputs by name."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left = keras.layers.Dense(3, name="left")
        self.right = keras.layers.Dense(3, name="right")

    def call(self, inputs):
        return self.left(inputs["a"]) + self.right(inputs["b"])
'''
LAYER = """
import keras


{decorator}class {name}(keras.layers.Layer):
    def call(self, x):
        return x * {factor}
"""
INPUTS = np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32)


def main() -> None:
    """Write the files, train the models and save them."""
    Path("own_parts.py").write_text(PARTS)
    Path("own_layers.py").write_text(LAYERS)
    sys.path.insert(0, "")
    from own_layers import Mixed, Net, Sum, Tripled, doubled

    keras.utils.set_random_seed(1)
    layers = keras.layers
    models = {
        "unregistered": [Tripled(name="tripled"), layers.Dense(3, name="head")],
        "registered": [Mixed(4, name="mixed"), layers.Dense(3, name="head")],
        "function": [layers.Dense(4, activation=doubled, name="stem"), layers.Dense(3, name="head")],
        "named-lambda": [layers.Lambda(doubled, name="twice"), layers.Dense(3, name="head")],
        "lambda": [layers.Lambda(lambda x: tf.abs(x) + 1.0, name="positive"), layers.Dense(3, name="head")],
        "lambda-activation": [layers.Dense(4, activation=lambda x: x * x, name="squared"), layers.Dense(3)],
        "both": [
            Tripled(name="tripled"),
            layers.Lambda(lambda x: keras.ops.exp(-x), name="decay"),
            layers.Dense(3, name="head"),
        ],
        "nested": [keras.Sequential([Tripled(name="tripled"), layers.Dense(4)], name="block"), layers.Dense(3)],
    }
    np.save("inputs.npy", INPUTS)
    for name, model, inputs in (
        ("subclass", Net(), INPUTS),
        ("two-inputs", Sum(), {"a": INPUTS, "b": INPUTS[:, :2]}),
    ):
        model.compile("adam", "mse")
        model.fit(inputs, np.ones((16, 3)), epochs=1, verbose=0)
        np.save(f"{name}.npy", model.predict(inputs, verbose=0))
        model.save(f"{name}.keras")
    for name, stack in models.items():
        model = keras.Sequential([keras.Input((6,)), *stack])
        model.compile("adam", "mse")
        model.fit(INPUTS, np.ones((16, 3)), epochs=1, verbose=0)
        np.save(f"{name}.npy", model.predict(INPUTS, verbose=0))
        model.save(f"{name}.keras")
        model.save(f"{name}.h5")


def layer(name: str, factor: float, registered: str = "") -> str:
    """Return the code of a layer that multiplies, registered with these arguments."""
    decorator = f"@keras.saving.register_keras_serializable({registered})\n" if registered else ""
    return LAYER.format(name=name, factor=factor, decorator=decorator)


def save_what_is_easily_mixed_up() -> None:
    """Save models with classes of one name, named like one of Keras, registered under any text; and many lambdas."""
    Path("pair").mkdir()
    Path("pair", "a.py").write_text(layer("Block", 10))
    Path("pair", "b.py").write_text(layer("Block", 1000))
    Path("pair", "__init__.py").write_text("from pair.a import Block as A\nfrom pair.b import Block as B\n")
    Path("named.py").write_text(layer("Dense", 1000, "package='own'"))
    Path("fancy.py").write_text(layer("Fancy", 2, "package='acme', name='Fancy-Scale 2'"))
    import fancy
    import named
    import pair

    layers = keras.layers
    plain = layers.Dense(1, kernel_initializer="ones", name="plain")
    for name, stack in {
        "pair": [pair.A(name="a"), pair.B(name="b")],
        "named": [named.Dense(name="own"), plain],
        "fancy": [fancy.Fancy(name="own")],
        "many": [layers.Lambda(lambda x: x + 1) for _ in range(60)],
    }.items():
        model = keras.Sequential([keras.Input((2,)), *stack])
        model.save(f"{name}.keras")
        model.save(f"{name}.h5")


if __name__ == "__main__":
    main()
    save_what_is_easily_mixed_up()
